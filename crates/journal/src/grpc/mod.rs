//! `JournalService`, and what the handlers of every service need to submit a command.

mod submit;

pub use submit::refusal;

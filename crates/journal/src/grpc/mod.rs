//! `JournalService`, and what the handlers of every service need to submit a command.

mod page;
mod place;
mod refusal;
mod service;
mod submit;
mod wire;

pub use place::Place;
pub use refusal::{not_reached, patience, refusal};
pub use service::JournalService;
pub use wire::{from_checkpoint, from_verification, to_checkpoint};

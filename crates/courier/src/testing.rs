//! Servers on this machine that behave as GOV.UK Notify's and a mail server are documented to, and fail when told to.

mod mail;
mod notify;

pub use mail::{MailFault, MailServer, MailWorld, Received};
pub use notify::{NotifyFault, NotifyServer, NotifyWorld, SentNotification};

//! Carries notices to practices, by three kinds of [`Courier`]: GOV.UK Notify ([`Notify`]), a mail server ([`Smtp`]), and a
//! folder of files for whoever prints and posts ([`Files`]).
//!
//! A courier sends one [`Message`] when it is asked to, and says what it knows: that it was taken on, handed over, or refused
//! for what is wrong with the message ([`Sent`]); or what is wrong with the courier ([`CourierError`]), which concerns every
//! message and says whether this one may have gone out all the same. Each message has a reference: where it is not known
//! what became of it, a courier that can be asked is asked by it before it is sent again.
//!
//! It retries nothing, keeps nothing and decides nothing; when what is sent to whom, and what counts as delivered, is said
//! elsewhere. Addresses and secrets are in no error and are never shown by `Debug` ([`Address`], [`Secret`]).

mod address;
mod error;
mod files;
mod message;
mod notify;
mod secret;
mod smtp;
#[cfg(feature = "testing")]
pub mod testing;
mod text;

use std::fmt::Debug;
use std::pin::Pin;

pub use address::{Address, BadAddress};
pub use error::{ConfigError, CourierError};
pub use files::Files;
pub use message::{Fate, Fields, Kind, Message, Sent, Text, Trouble};
pub use notify::{Notify, NotifyConfig, NotifyKey, TemplateId, TemplateIds};
pub use secret::Secret;
pub use smtp::{Encryption, Smtp, SmtpConfig};
pub use text::{Texts, Wording};

/// What a courier is doing; a trait object needs it boxed.
pub type Doing<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Carries messages.
pub trait Courier: Debug + Send + Sync {
    /// Whether messages can be carried at all: that the service answers, takes our key, and has the texts. Asked before the
    /// first message, and again after it was out of order, so that no message is spent on finding out.
    fn ready(&self) -> Doing<'_, Result<(), CourierError>>;

    /// Sends a message, once.
    ///
    /// # Errors
    /// What is wrong with the courier. Unless [`CourierError::is_unsent`], the message may have gone out.
    fn send<'a>(&'a self, message: &'a Message) -> Doing<'a, Result<Sent, CourierError>>;

    /// What became of the message with this reference, of which that is not known; None where it was never seen, or nobody
    /// can tell.
    fn ask<'a>(&'a self, reference: &'a str) -> Doing<'a, Result<Option<Sent>, CourierError>>;

    /// What became of a message that was taken on under this id.
    fn check<'a>(&'a self, id: &'a str) -> Doing<'a, Result<Fate, CourierError>>;
}

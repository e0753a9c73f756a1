//! Pseudonyms: what stands for a person in an event. Made where the person is known, by the producer, and by nobody else.
//!
//! A pseudonym is HMAC-SHA-256 (RFC 2104, FIPS 198-1) of the NHS number under a key that only producers have. The statistics
//! never see a number or a key: to them two events are of the same person where their pseudonyms are equal, and that is all. A
//! plain hash would not do, since all ten thousand million numbers are hashed in minutes.
//!
//! - The *key* makes them meaningless to whoever lacks it. All producers that are to count the same people share one; a new key
//!   makes everybody a new person, so it is changed where a period ends.
//! - The *purpose* keeps two uses apart: under another purpose the same person is another pseudonym, so that nobody who has
//!   both can join them.
//!
//! What finds NHS numbers in texts of others ([`in_text`]) is here too, so that whoever reads any can ask it.
//!
//! Nothing here does I/O, and neither a number nor a key is ever printed: their `Debug` says nothing of them, and a key is
//! overwritten when it is dropped.

pub mod in_text;
mod key;
mod nhs_number;
mod purpose;

pub use key::{KEY_BYTES, Key, KeyError, KeyId};
pub use nhs_number::{NhsNumber, NhsNumberError};
pub use purpose::{PURPOSE_BYTES_MAX, Purpose, PurposeError};

use std::fmt;

/// What stands for a person in an event's `pseudonym`: 32 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pseudonym([u8; 32]);

impl Pseudonym {
    /// The bytes, as they stand in an event.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// In hexadecimal.
impl fmt::Display for Pseudonym {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

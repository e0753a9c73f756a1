//! A practice's contacts for notices, by id: the addresses themselves never come here (rule 16).
//!
//! What the journal holds is that there is an address under an id, as what, and until when it may be kept. The address
//! lies in a table beside the journal, from which it can be taken for good.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// The longest time for which an address is kept without being given again: a programme's usual length. People change
/// their posts more often than that.
pub const RETENTION_MAX: SignedDuration = SignedDuration::from_hours(24 * 731);

/// By which means a contact is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Channel {
    /// An e-mail address.
    Email,
    /// A postal address.
    Post,
}

/// Why an address was to be erased.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Erasure {
    /// Somebody asked.
    Requested,
    /// Its retention date came.
    RetentionEnded,
    /// Another was set for the same role and channel.
    Replaced,
}

/// When and why an address was to be erased.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Erased {
    /// From when the contact is gone: the retention date of a lapse, although recorded later.
    pub at: Timestamp,
    /// When that was recorded.
    pub recorded_at: Timestamp,
    /// Why.
    pub erasure: Erasure,
}

/// A contact, without its address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contact {
    /// From 1, in the order of recording at the practice.
    pub number: u32,
    /// As what: `practice-manager`.
    pub role: String,
    /// By which means.
    pub channel: Channel,
    /// Under which its address is stored; says nothing of the address.
    pub address_id: String,
    /// When it is erased at the latest.
    pub retain_until: Timestamp,
    /// Account that set it.
    pub set_by: String,
    /// When it was recorded.
    pub recorded_at: Timestamp,
    /// None while it is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub erased: Option<Erased>,
}

impl Contact {
    /// Its address may be kept and read.
    #[must_use]
    pub fn is_kept(&self) -> bool {
        self.erased.is_none()
    }
}

//! A record of a journal, as far as it is read here.

use jiff::Timestamp;

/// What begins the kinds that the journal keeps for itself (redactions): no service's events.
const OWN_KINDS: &str = "journal.";

/// A record, wherever it was read: from a database, a copy of one, or a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// Its place in the journal; the first is 1.
    pub position: u64,
    /// When.
    pub recorded_at: Timestamp,
    /// The request that caused it; empty where there was none.
    pub request_id: String,
    /// What kind of event.
    pub kind: String,
    /// The event, as JSON.
    pub payload: String,
}

/// A record that cannot be folded.
#[derive(Debug, thiserror::Error)]
#[error("record {position} of journals/{journal} ({kind}) is not an event that this version knows")]
pub struct Unreadable {
    /// Of which journal.
    pub journal: &'static str,
    /// Where.
    pub position: u64,
    /// What it says it is.
    pub kind: String,
    /// Why.
    pub source: serde_json::Error,
}

impl Recorded {
    /// The event; none where the record is the journal's own.
    pub(crate) fn event<E: serde::de::DeserializeOwned>(&self, journal: &'static str) -> Result<Option<E>, Unreadable> {
        if self.kind.starts_with(OWN_KINDS) {
            return Ok(None);
        }
        let unreadable = |source| Unreadable { journal, position: self.position, kind: self.kind.clone(), source };
        serde_json::from_str(&self.payload).map(Some).map_err(unreadable)
    }
}

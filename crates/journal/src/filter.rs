//! RecordFilter: which records somebody wants to see. It chooses among what is stored and decides nothing.

use crate::record::Record;

/// Which records are wanted; an empty text is no condition.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecordFilter {
    /// By this account.
    pub actor: String,
    /// Of this kind of event.
    pub kind: String,
    /// That follow from exactly this.
    pub cause: String,
    /// That this request caused.
    pub request_id: String,
    /// Whose event or cause names this code, such as that of a practice. It must be letters and digits.
    pub named: String,
}

impl RecordFilter {
    /// True where every record is wanted.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    pub(crate) fn matches(&self, record: &Record) -> bool {
        let is = |wanted: &str, found: &str| wanted.is_empty() || wanted == found;
        is(&self.actor, &record.actor)
            && is(&self.kind, &record.kind)
            && is(&self.cause, &record.cause)
            && is(&self.request_id, &record.request_id)
            && (record.payload.contains(&self.named) || record.cause.contains(&self.named))
    }
}

//! The readiness checklist: what a practice has prepared, and until when that counts.
//!
//! The registry records it and lets it expire; what a programme demands of it is the scheduler's business.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// Where an item stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReadinessState {
    /// Not begun.
    NotStarted,
    /// Under way.
    InProgress,
    /// Done.
    Complete,
    /// Does not apply at this practice.
    NotApplicable,
    /// Was done, and its time is over. Only a lapse sets this.
    Expired,
}

/// What is said of one item.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadinessItem {
    /// What it is about, `staff-training`.
    pub item: String,
    /// Where it stands.
    pub state: ReadinessState,
    /// Reference to the evidence.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub evidence: String,
    /// Who sees to it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub owner: String,
    /// The day on which it was done or is to be done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_date: Option<Date>,
    /// From when it counts as expired.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
}

/// What was said of an item, and when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadinessFact {
    /// From when it holds: the moment of recording, or for a lapse the moment that was due.
    pub effective_at: Timestamp,
    /// When the registry was told.
    pub recorded_at: Timestamp,
    /// What.
    pub said: ReadinessItem,
}

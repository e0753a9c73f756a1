//! Due moments: what falls due when, each with exactly one outcome (rule 3, I12).

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use ods::Supplier;
use serde::{Deserialize, Serialize};

use crate::calendar::SkipReason;
use crate::id::{HoldId, WaveId, WaveRef};

/// What is acted on within this time of its due moment was in time. Longer than a restart, shorter than anybody waits.
pub const LATE_AFTER: SignedDuration = SignedDuration::from_mins(5);

/// Something that falls due. Ordered by moment; the name of its outcome.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Due {
    /// When.
    pub at: Timestamp,
    /// The wave it concerns.
    pub wave: WaveRef,
    /// What.
    pub kind: DueKind,
    /// How often the wave had been planned or moved by then: a re-plan that keeps a date makes another due moment of it.
    pub round: u32,
}

/// What falls due.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "due", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum DueKind {
    /// Members and denominators are settled: objections have ended.
    MembersFixed,
    /// A window of the wave opens.
    WindowOpens {
        /// The first moment after it. Nothing is caught up then.
        closes: Timestamp,
    },
    /// A supplier may take the list for a booked date.
    ListOpens {
        /// The supplier.
        supplier: Supplier,
        /// The booked date.
        date: jiff::civil::Date,
        /// The cut-off.
        closes: Timestamp,
    },
    /// Self-service ends.
    InvitationsLapse,
    /// The gate is evaluated.
    GateEvaluated,
}

impl DueKind {
    /// `WINDOW_OPENS` …
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::MembersFixed => "MEMBERS_FIXED",
            Self::WindowOpens { .. } => "WINDOW_OPENS",
            Self::ListOpens { .. } => "LIST_OPENS",
            Self::InvitationsLapse => "INVITATIONS_LAPSE",
            Self::GateEvaluated => "GATE_EVALUATED",
        }
    }

    /// The first moment after which it cannot be acted on any more; none where it can at any later time.
    #[must_use]
    pub fn closes(&self) -> Option<Timestamp> {
        match self {
            Self::WindowOpens { closes } | Self::ListOpens { closes, .. } => Some(*closes),
            Self::MembersFixed | Self::InvitationsLapse | Self::GateEvaluated => None,
        }
    }
}

/// What became of a due moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum DueOutcome {
    /// Acted on in time.
    Started,
    /// Acted on late, still within its time.
    LateStarted,
    /// Not acted on; nothing is caught up.
    Missed {
        /// Why.
        reason: MissReason,
    },
    /// Left out by policy.
    Skipped {
        /// Why.
        reason: SkipPolicy,
    },
    /// A later decision took its place.
    Superseded,
}

/// Why a due moment was missed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "why", rename_all = "kebab-case")]
pub enum MissReason {
    /// A hold was in the way of all who waited.
    Held {
        /// The hold; the first of several.
        hold: HoldId,
    },
    /// An earlier wave had not passed.
    EarlierWave {
        /// The wave.
        wave: WaveId,
    },
    /// Each of those who waited had something in the way; `ExplainPractice` says what.
    NobodyReady,
    /// The supplier did not take the list.
    ListNotTaken,
    /// The scheduler was not running, or could not keep up.
    Outage,
}

/// Why a due moment was left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "policy", rename_all = "kebab-case")]
pub enum SkipPolicy {
    /// The day had been closed meanwhile, or the window does not exist on it.
    Closed {
        /// The calendar's reason.
        reason: SkipReason,
    },
    /// Nobody was left to wait for it.
    NobodyWaiting,
    /// The suppliers of all who waited had frozen the day.
    SuppliersFrozen {
        /// Why, as the first of them wrote.
        why: String,
    },
}

impl fmt::Display for DueOutcome {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Started => out.write_str("STARTED"),
            Self::LateStarted => out.write_str("LATE_STARTED"),
            Self::Missed { reason } => write!(out, "MISSED ({reason})"),
            Self::Skipped { reason } => write!(out, "SKIPPED ({reason})"),
            Self::Superseded => out.write_str("SUPERSEDED"),
        }
    }
}

impl fmt::Display for MissReason {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Held { hold } => write!(out, "held by {hold}"),
            Self::EarlierWave { wave } => write!(out, "{wave} had not passed"),
            Self::NobodyReady => out.write_str("nobody was ready"),
            Self::ListNotTaken => out.write_str("the supplier did not take the list"),
            Self::Outage => out.write_str("the scheduler was not running"),
        }
    }
}

impl fmt::Display for SkipPolicy {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed { reason } => write!(out, "{reason}"),
            Self::NobodyWaiting => out.write_str("nobody was waiting"),
            Self::SuppliersFrozen { why } => write!(out, "frozen by the suppliers of all who waited: {why}"),
        }
    }
}

/// An outcome as recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DueRecord {
    /// What became of it.
    pub outcome: DueOutcome,
    /// When that was recorded.
    pub recorded_at: Timestamp,
}

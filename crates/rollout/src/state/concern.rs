//! Concerns: that something about access is not as it should be, by whoever noticed. Each is kept, and counts at a gate.
//!
//! What it is in words is the note of its record (rule 16); here is only how bad, about what, by whom.

use std::fmt;

use jiff::Timestamp;
use ods::PracticeCode;
use serde::{Deserialize, Serialize};

use crate::id::{Account, ConcernId, WaveRef};

/// How bad it is, or would have been, for a patient: the consequence categories of NHS England's standards of clinical risk
/// management, DCB0129 and DCB0160.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Inconvenience, a passing upset, a slight injury.
    Minor,
    /// Such of several patients, or a lasting slight one.
    Significant,
    /// Severe injury or trauma of a patient who recovers.
    Considerable,
    /// Death of a patient, or harm for life.
    Major,
    /// Such of several.
    Catastrophic,
}

impl Severity {
    /// All there are, the least first.
    pub const ALL: [Self; 5] = [Self::Minor, Self::Significant, Self::Considerable, Self::Major, Self::Catastrophic];

    /// `minor`, `significant` …
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Minor => "minor",
            Self::Significant => "significant",
            Self::Considerable => "considerable",
            Self::Major => "major",
            Self::Catastrophic => "catastrophic",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(self.as_str())
    }
}

/// What a concern is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ConcernAbout {
    /// A wave as a whole.
    Wave(WaveRef),
    /// One practice.
    Practice(PracticeCode),
}

/// A concern.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Concern {
    /// Its name.
    pub id: ConcernId,
    /// How bad.
    pub severity: Severity,
    /// About what.
    pub about: ConcernAbout,
    /// The waves at whose gates it counts: those it was about when it was reported and whose gates were still ahead.
    pub waves: Vec<WaveRef>,
    /// Why, an UPPER_SNAKE code.
    pub reason_code: String,
    /// Who reported it.
    pub reported_by: Account,
    /// When.
    pub reported_at: Timestamp,
}

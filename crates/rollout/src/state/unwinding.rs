//! What takes access away again by people's decision: the unwinding of a wave, the revert of one practice.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Signature;
use crate::id::{Account, WaveRef};

/// On what clinical grounds a wave is unwound: patients lose what they can see, so nothing less will do. What happened, in
/// words, is in the note beside the journal (rule 16).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClinicalReason {
    /// Somebody came to harm by what was shown.
    HarmReported,
    /// Somebody is likely to.
    RiskOfHarm,
    /// Somebody saw what they must not see.
    InformationDisclosed,
    /// More shows than was meant to, or less.
    WrongSettings,
}

impl fmt::Display for ClinicalReason {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::HarmReported => "harm was reported",
            Self::RiskOfHarm => "a risk of harm",
            Self::InformationDisclosed => "information was disclosed",
            Self::WrongSettings => "wrong settings",
        })
    }
}

/// The unwinding of a wave: asked for by one person, begun by another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unwinding {
    /// On what grounds the first person asked for it.
    pub reason: ClinicalReason,
    /// The first person.
    pub asked: Signature,
    /// Until when another may begin it.
    pub until: Timestamp,
    /// The position at which it was asked for: the etag that the second person gives.
    pub asked_at_position: u64,
    /// The second person; none until then.
    pub begun: Option<Signature>,
}

impl Unwinding {
    /// Until when a second person is waited for; none where nobody is.
    #[must_use]
    pub fn awaits_until(&self, now: Timestamp) -> Option<Timestamp> {
        (self.begun.is_none() && now < self.until).then_some(self.until)
    }
}

/// Access that people had taken away again: nothing gives it back but people's decision (rule 8, I22).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reverted {
    /// The wave that had given it.
    pub wave: WaveRef,
    /// Who decided: for a wave, the second of two.
    pub by: Account,
    /// When.
    pub at: Timestamp,
    /// The position of the decision: a plan that was submitted before knows nothing of it.
    pub at_position: u64,
}

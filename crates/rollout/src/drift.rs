//! Drift: what is observed at a practice is not what was decided there (I4, I28).
//!
//! It is shown and never mended by itself. Whoever is observed off is not switched on again without a person's decision,
//! and whoever switched itself on is not switched off behind its back (rule 8).

use ods::Capability;

use crate::state::{Access, Desired, Enrolment, EnrolmentState};
use crate::view::{Observed, PracticeFacts};

/// How what is observed differs from what was decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drift {
    /// Switched on, and observed off since.
    Off,
    /// Switched on, and observed with wrong settings since.
    Partial,
    /// Switched on, and those who look disagree about whether it still is.
    Disputed,
    /// Withdrawn, reverted, lapsed, or in a wave or plan that is no more, and gone live since: by the practice itself, or by its
    /// supplier unasked.
    On,
}

impl Drift {
    /// What it is, compared with what was decided.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Off => "OFF",
            Self::Partial => "PARTIAL",
            Self::Disputed => "DISPUTED",
            Self::On => "ON",
        }
    }
}

/// How an enrolled practice has drifted; none where it is as decided, where something is under way, and where nothing is
/// known (rules 9 and 10). Before it is VERIFIED the registry may not have been told yet that it is on. `decided` is what was
/// decided last at the practice, by whichever wave; none where nothing was.
#[must_use]
pub fn drift(
    enrolment: &Enrolment,
    decided: Option<&Access>,
    facts: &PracticeFacts,
    capability: &Capability,
) -> Option<Drift> {
    let access = facts.access(capability)?;
    match enrolment.stage.state() {
        EnrolmentState::Verified => match access.observed {
            Observed::Off => Some(Drift::Off),
            Observed::Partial => Some(Drift::Partial),
            Observed::Unknown if access.disputed => Some(Drift::Disputed),
            Observed::Unknown | Observed::On => None,
        },
        EnrolmentState::Withdrawn | EnrolmentState::Reverted | EnrolmentState::Lapsed | EnrolmentState::Superseded => {
            // Another wave may have taken it up since.
            let is_wanted = decided.is_some_and(|decided| decided.desired == Desired::On);
            // Whoever was on already when it was withdrawn, a pause that came too late for one, has not drifted.
            let went_live_since = access.live_since.is_some_and(|since| since > enrolment.changed_at);
            (went_live_since && !is_wanted).then_some(Drift::On)
        }
        EnrolmentState::Candidate
        | EnrolmentState::Notified
        | EnrolmentState::Enrolled
        | EnrolmentState::Admitted
        | EnrolmentState::Commanded
        | EnrolmentState::Unknown
        | EnrolmentState::Confirmed
        | EnrolmentState::Deferred
        | EnrolmentState::Refused
        | EnrolmentState::Failed
        | EnrolmentState::NotApplied
        | EnrolmentState::Invited
        | EnrolmentState::Reverting => None,
    }
}

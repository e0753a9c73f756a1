//! Pauses and their receipts: the practice's own decision not to be switched on, and the proof of what it came in time for.
//!
//! A pause never ends by itself: its lapse is an event (rule 15). A receipt's part becomes final exactly once.

use jiff::Timestamp;
use ods::{Capability, PracticeCode};
use serde::{Deserialize, Serialize};

use crate::access::{Access, Outcome};
use crate::key::Action;

/// How a pause is to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PauseEnd {
    /// At this moment.
    Until(Timestamp),
    /// When the practice lifts it.
    FurtherNotice,
    /// As the scheduler judges by the programme's default; until then it does not end.
    ProgrammeDefault,
}

/// The scheduler's judgement of a [`PauseEnd::ProgrammeDefault`] pause.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Judgement {
    /// It came in time and ends when the wave it defers to opens.
    InTime {
        /// The wave, `programmes/autumn/waves/5`.
        deferred_to: String,
        /// When that wave opens, where that is known.
        until: Option<Timestamp>,
    },
    /// It came late and is honoured all the same, until the practice lifts it.
    Late,
}

/// A judgement, and when it was given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Judged {
    /// When the registry was told.
    pub recorded_at: Timestamp,
    /// What.
    pub judgement: Judgement,
}

/// How a pause came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ending {
    /// The practice lifted it.
    Lifted,
    /// Its agreed end came.
    Lapsed,
}

/// The end of a pause.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    /// From when it no longer holds: the agreed end of a lapse, although recorded later.
    pub at: Timestamp,
    /// When that was recorded; permits were refused until then.
    pub recorded_at: Timestamp,
    /// How.
    pub ending: Ending,
}

/// What a pause came in time for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReceiptState {
    // In the order of gravity: a receipt is as its gravest part.
    /// Nothing was switched on.
    Prevented,
    /// The command took effect and has been reversed.
    Reversed,
    /// Access was on already, or not known to be off.
    AlreadyOn,
    /// A permit was open: the command may be on its way.
    Pending,
}

/// A receipt as regards one capability.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceiptPart {
    /// The capability.
    pub capability: Capability,
    /// Where it stands.
    pub state: ReceiptState,
    /// Generation of the ENABLE whose permit was open at the pause; None where none was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending_on: Option<u32>,
    /// When it became final; None while PENDING.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub final_at: Option<Timestamp>,
}

impl ReceiptPart {
    /// As it stood at `moment`: PENDING until it was final.
    pub(crate) fn as_of(&self, moment: Timestamp) -> Self {
        if self.is_pending_at(moment) {
            return Self { state: ReceiptState::Pending, final_at: None, ..self.clone() };
        }
        self.clone()
    }

    fn is_pending_at(&self, moment: Timestamp) -> bool {
        self.final_at.is_none_or(|final_at| final_at > moment)
    }

    /// What a pause placed now comes in time for at this capability.
    pub(crate) fn at_pause(capability: Capability, access: Option<&Access>, now: Timestamp) -> Self {
        let open_enable = access.and_then(Access::open_enable).map(|permit| permit.generation);
        let state = match (open_enable, access) {
            (Some(_), _) => ReceiptState::Pending,
            (None, Some(access)) if !access.is_off_or_never_observed() => ReceiptState::AlreadyOn,
            (None, _) => ReceiptState::Prevented,
        };
        let final_at = (state != ReceiptState::Pending).then_some(now);
        Self { capability, state, pending_on: open_enable, final_at }
    }

    /// What a PENDING part becomes by what is known now; None where it stays as it is.
    ///
    /// REVERSED needs the ENABLE to have taken effect and a later DISABLE too. PREVENTED needs the ENABLE to have had no
    /// effect and the practice not to be seen otherwise than OFF: at one that has switched itself on, or whose supplier
    /// changed meanwhile, the part stays PENDING until OFF is observed.
    pub(crate) fn becomes(&self, access: &Access) -> Option<ReceiptState> {
        if self.state != ReceiptState::Pending {
            return None;
        }
        let generation = self.pending_on?;
        let settled = access.permit(Action::Enable, generation)?.settled?;
        match settled.outcome {
            Outcome::Applied => access.was_disabled_after(generation).then_some(ReceiptState::Reversed),
            Outcome::NotApplied | Outcome::Refused | Outcome::Voided => {
                access.is_off_or_never_observed().then_some(ReceiptState::Prevented)
            }
        }
    }
}

/// The receipt of a pause as it stood at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    parts: Vec<ReceiptPart>,
}

impl Receipt {
    pub(crate) fn new(parts: Vec<ReceiptPart>) -> Self {
        Self { parts }
    }

    /// By capability.
    #[must_use]
    pub fn parts(&self) -> &[ReceiptPart] {
        &self.parts
    }

    /// The receipt as a whole: as its gravest part.
    #[must_use]
    pub fn state(&self) -> ReceiptState {
        self.parts.iter().map(|part| part.state).max().unwrap_or(ReceiptState::Prevented)
    }

    /// When it became final; None while any part is PENDING.
    #[must_use]
    pub fn final_at(&self) -> Option<Timestamp> {
        if self.state() == ReceiptState::Pending {
            return None;
        }
        self.parts.iter().filter_map(|part| part.final_at).max()
    }
}

/// A pause, in force or ended; kept for ever.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    /// From 1, in the order of recording at the practice; also the receipt's.
    pub number: u32,
    /// What it covers; None = all capabilities.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capability: Option<Capability>,
    /// How it is to end.
    pub end: PauseEnd,
    /// The scheduler's judgement, once given; the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub judgement: Option<Judgement>,
    /// All its judgements, in the order of recording.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub judged: Vec<Judged>,
    /// Account that placed it.
    pub placed_by: String,
    /// On whose behalf; empty where the practice placed it itself.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub on_behalf_of: String,
    /// Reference to the evidence of the practice's wish.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub evidence: String,
    /// Why, from the caller's list of codes.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason_code: String,
    /// What the objections rule is judged by.
    pub recorded_at: Timestamp,
    /// None while in force.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Ended>,
    /// The receipt, by capability.
    pub receipt: Vec<ReceiptPart>,
    /// Where it comes from, at a successor practice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inherited: Option<Inherited>,
}

/// The origin of a pause that a successor practice inherited (rule 9): only the successor lifts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inherited {
    /// The predecessor.
    pub practice: PracticeCode,
    /// The pause's number there.
    pub pause: u32,
    /// From when it holds at the successor: from the succession, or from when it was placed under the closed code.
    pub effective_at: Timestamp,
}

impl Pause {
    /// It holds: no ENABLE permit is given for what it covers.
    #[must_use]
    pub fn is_in_force(&self) -> bool {
        self.ended.is_none()
    }

    /// From when it holds.
    #[must_use]
    pub fn holds_from(&self) -> Timestamp {
        self.inherited.map_or(self.recorded_at, |inherited| inherited.effective_at)
    }

    /// Did it hold at `effective_at`, by what was recorded up to `known_at`?
    #[must_use]
    pub fn was_in_force(&self, effective_at: Timestamp, known_at: Timestamp) -> bool {
        let placed = self.holds_from() <= effective_at && self.recorded_at <= known_at;
        let ended = self.ended.is_some_and(|ended| ended.at <= effective_at && ended.recorded_at <= known_at);
        placed && !ended
    }

    /// Was any part of its receipt PENDING at `moment`?
    pub(crate) fn is_pending_at(&self, moment: Timestamp) -> bool {
        self.recorded_at <= moment && self.receipt.iter().any(|part| part.is_pending_at(moment))
    }

    /// Does it cover this capability?
    #[must_use]
    pub fn covers(&self, capability: &Capability) -> bool {
        self.capability.as_ref().is_none_or(|covered| covered == capability)
    }

    /// The agreed end; None where there is none (yet).
    #[must_use]
    pub fn until(&self) -> Option<Timestamp> {
        self.until_by(self.judgement.as_ref())
    }

    /// The agreed end by a judgement; None where there is none (yet).
    pub(crate) fn until_by(&self, judgement: Option<&Judgement>) -> Option<Timestamp> {
        match (&self.end, judgement) {
            (PauseEnd::Until(until), _) => Some(*until),
            (PauseEnd::ProgrammeDefault, Some(Judgement::InTime { until, .. })) => *until,
            (PauseEnd::FurtherNotice | PauseEnd::ProgrammeDefault, _) => None,
        }
    }

    /// The receipt as a whole: as its gravest part.
    #[must_use]
    pub fn receipt_state(&self) -> ReceiptState {
        self.receipt.iter().map(|part| part.state).max().unwrap_or(ReceiptState::Prevented)
    }

    /// The part of the receipt that concerns this capability.
    #[must_use]
    pub fn receipt_part(&self, capability: &Capability) -> Option<&ReceiptPart> {
        self.receipt.iter().find(|part| part.capability == *capability)
    }

    pub(crate) fn judge(&mut self, judgement: &Judgement, recorded_at: Timestamp) {
        self.judgement = Some(judgement.clone());
        self.judged.push(Judged { recorded_at, judgement: judgement.clone() });
    }

    pub(crate) fn finalise(&mut self, capability: &Capability, state: ReceiptState, at: Timestamp) {
        if let Some(part) = self.receipt.iter_mut().find(|part| part.capability == *capability) {
            debug_assert_eq!(part.state, ReceiptState::Pending, "a receipt becomes final once");
            part.state = state;
            part.final_at = Some(at);
        }
    }
}

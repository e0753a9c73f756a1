//! An enrolment: one practice in one wave.

use std::fmt;

use jiff::Timestamp;
use jiff::civil::Date;
use ods::{IcbCode, PracticeCode, RegionCode, Supplier};
use serde::{Deserialize, Serialize};

use super::Load;
use crate::id::{HoldId, WaveId};
use crate::spec::Mode;

/// One practice in one wave.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Enrolment {
    /// The practice.
    pub practice: PracticeCode,
    /// Its place in the wave's fixed order (rule 7).
    pub order: u32,
    /// Where it is.
    pub stage: EnrolmentStage,
    /// When that last changed.
    pub changed_at: Timestamp,
    /// Its supplier, as last seen.
    pub supplier: Supplier,
    /// Its ICB, as last seen.
    pub icb: Option<IcbCode>,
    /// Its region, as last seen.
    pub region: Option<RegionCode>,
    /// Its registered patients as the approved plan has them: what it weighs in the wave's figures and in the denominators of
    /// its gate, whatever its list becomes (I7). Its slot counts what the registry says on the day.
    pub list_size: u32,
    /// How it is switched on.
    pub mode: Mode,
    /// The day the plan has in mind for it, with booked dates the booked date; none where the plan has none.
    pub planned_on: Option<Date>,
    /// The generation of its latest activation; none before the first.
    pub generation: Option<u32>,
    /// How often the supplier refused it, or lost it for good, in this wave.
    pub refusals: u8,
    /// After a refusal: not tried again before this moment.
    pub not_before: Option<Timestamp>,
    /// Whether it was ever commanded in this wave: then it counts at the gate.
    pub commanded: bool,
}

impl Enrolment {
    /// What it counts in the wave's figures.
    #[must_use]
    pub fn load(&self) -> Load {
        Load::of(self.list_size)
    }
}

/// Where an enrolment is in its life.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "stage", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum EnrolmentStage {
    /// In the plan; notice not delivered.
    Candidate,
    /// Notice delivered.
    Notified,
    /// A member of a wave whose members are fixed: waits for its turn.
    Enrolled,
    /// Has a slot under the caps; its permit is being asked for.
    Admitted,
    /// Sealed: counts as sent.
    Commanded,
    /// The supplier's reply was lost; being asked.
    Unknown,
    /// The supplier confirmed.
    Confirmed,
    /// The registry says that it is live.
    Verified,
    /// Self-service: the practice was asked.
    Invited,
    /// Moves to a later wave, or waits for the next version of the plan.
    Deferred {
        /// Why.
        reason: Deferral,
    },
    /// The practice does not want it, or no longer needs it: automation never takes it up again (I22).
    Withdrawn {
        /// Why.
        reason: Withdrawal,
    },
    /// The practice has closed, or a later version of the plan took its place.
    Superseded {
        /// Why.
        reason: Supersession,
    },
    /// Refused by the supplier for good.
    Refused {
        /// The supplier's code.
        code: String,
    },
    /// Refused again and again: attempts ran out.
    Failed {
        /// The supplier's last code.
        code: String,
    },
    /// Certainly not done: the key is closed.
    NotApplied,
    /// Self-service: not done by the date.
    Lapsed,
    /// Being switched off again.
    Reverting,
    /// Switched off again.
    Reverted,
}

/// Why an enrolment is deferred.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "why", rename_all = "kebab-case")]
pub enum Deferral {
    /// It objected in time.
    Objected {
        /// The later wave that it goes to.
        to: WaveId,
    },
    /// No notice was delivered in time (rule 11).
    NoNotice,
    /// The wave's time ran out before its turn came.
    WaveEnded,
    /// The supplier did not take the list for its booked date by the cut-off.
    CutOffMissed,
    /// It has another supplier than the plan says.
    SupplierChanged,
}

/// Why an enrolment is withdrawn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "why", rename_all = "kebab-case")]
pub enum Withdrawal {
    /// The practice paused.
    Paused {
        /// The pause's number.
        number: u32,
        /// A programme-default pause that came after the objections had ended: honoured, and marked LATE.
        late: bool,
    },
    /// It is on already.
    AlreadyOn,
    /// The practice asked for access to be taken away.
    SwitchOffRequested,
}

/// What took an enrolment's place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "why", rename_all = "kebab-case")]
pub enum Supersession {
    /// The practice has closed, or the registry no longer has it (rule 9).
    PracticeClosed,
    /// Others have succeeded the practice (rule 9). They are in no wave by that: whoever joins waits for the next version
    /// of the plan (rule 7).
    Succeeded {
        /// Who.
        by: Vec<PracticeCode>,
    },
    /// A later version of the plan.
    Replanned,
    /// The programme or the wave was cancelled.
    Cancelled,
    /// The wave was unwound before its turn came.
    Unwound,
}

/// Stages without their reasons: what enrolments are counted and found by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[expect(missing_docs, reason = "the same names as in EnrolmentStage, which explains them")]
pub enum EnrolmentState {
    Candidate,
    Notified,
    Enrolled,
    Admitted,
    Commanded,
    Unknown,
    Confirmed,
    Verified,
    Deferred,
    Withdrawn,
    Superseded,
    Refused,
    Failed,
    NotApplied,
    Invited,
    Lapsed,
    Reverting,
    Reverted,
}

impl EnrolmentStage {
    /// The stage without its reason.
    #[must_use]
    pub fn state(&self) -> EnrolmentState {
        match self {
            Self::Candidate => EnrolmentState::Candidate,
            Self::Notified => EnrolmentState::Notified,
            Self::Enrolled => EnrolmentState::Enrolled,
            Self::Admitted => EnrolmentState::Admitted,
            Self::Commanded => EnrolmentState::Commanded,
            Self::Unknown => EnrolmentState::Unknown,
            Self::Confirmed => EnrolmentState::Confirmed,
            Self::Verified => EnrolmentState::Verified,
            Self::Invited => EnrolmentState::Invited,
            Self::Deferred { .. } => EnrolmentState::Deferred,
            Self::Withdrawn { .. } => EnrolmentState::Withdrawn,
            Self::Superseded { .. } => EnrolmentState::Superseded,
            Self::Refused { .. } => EnrolmentState::Refused,
            Self::Failed { .. } => EnrolmentState::Failed,
            Self::NotApplied => EnrolmentState::NotApplied,
            Self::Lapsed => EnrolmentState::Lapsed,
            Self::Reverting => EnrolmentState::Reverting,
            Self::Reverted => EnrolmentState::Reverted,
        }
    }
}

impl EnrolmentState {
    /// Every state, in the order of the life.
    pub const ALL: [Self; 18] = [
        Self::Candidate,
        Self::Notified,
        Self::Enrolled,
        Self::Admitted,
        Self::Commanded,
        Self::Unknown,
        Self::Confirmed,
        Self::Verified,
        Self::Deferred,
        Self::Withdrawn,
        Self::Superseded,
        Self::Refused,
        Self::Failed,
        Self::NotApplied,
        Self::Invited,
        Self::Lapsed,
        Self::Reverting,
        Self::Reverted,
    ];

    /// Whether the practice may still go live by this enrolment: what counts as signed up.
    #[must_use]
    pub fn is_open(self) -> bool {
        matches!(
            self,
            Self::Candidate
                | Self::Notified
                | Self::Enrolled
                | Self::Admitted
                | Self::Commanded
                | Self::Unknown
                | Self::Invited
        )
    }

    /// Whether nothing has been sealed for it yet, so that a later version of the plan takes its place.
    #[must_use]
    pub fn is_unsealed(self) -> bool {
        matches!(self, Self::Candidate | Self::Notified | Self::Enrolled | Self::Admitted | Self::Invited)
    }

    /// Whether it has come to an end without the practice being on.
    #[must_use]
    pub fn is_set_aside(self) -> bool {
        matches!(
            self,
            Self::Deferred
                | Self::Withdrawn
                | Self::Superseded
                | Self::Refused
                | Self::Failed
                | Self::NotApplied
                | Self::Lapsed
                | Self::Reverting
                | Self::Reverted
        )
    }

    /// Whether something was sealed for it and has not settled: it counts in flight, and against the gate.
    #[must_use]
    pub fn is_unsettled(self) -> bool {
        matches!(self, Self::Commanded | Self::Unknown)
    }

    /// `CANDIDATE`, `NOT_APPLIED` …
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Candidate => "CANDIDATE",
            Self::Notified => "NOTIFIED",
            Self::Enrolled => "ENROLLED",
            Self::Admitted => "ADMITTED",
            Self::Commanded => "COMMANDED",
            Self::Unknown => "UNKNOWN",
            Self::Confirmed => "CONFIRMED",
            Self::Verified => "VERIFIED",
            Self::Deferred => "DEFERRED",
            Self::Withdrawn => "WITHDRAWN",
            Self::Superseded => "SUPERSEDED",
            Self::Refused => "REFUSED",
            Self::Failed => "FAILED",
            Self::NotApplied => "NOT_APPLIED",
            Self::Invited => "INVITED",
            Self::Lapsed => "LAPSED",
            Self::Reverting => "REVERTING",
            Self::Reverted => "REVERTED",
        }
    }
}

impl fmt::Display for EnrolmentState {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(self.as_str())
    }
}

impl EnrolmentStage {
    /// Why, as an UPPER_SNAKE code, where the stage has a reason.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        Some(match self {
            Self::Deferred { reason } => match reason {
                Deferral::Objected { .. } => "OBJECTED_IN_TIME",
                Deferral::NoNotice => "NOTICE_NOT_DELIVERED",
                Deferral::WaveEnded => "WAVE_ENDED",
                Deferral::CutOffMissed => "CUT_OFF_MISSED",
                Deferral::SupplierChanged => "SUPPLIER_CHANGED",
            },
            Self::Withdrawn { reason } => match reason {
                Withdrawal::Paused { late: false, .. } => "PAUSED_BY_PRACTICE",
                Withdrawal::Paused { late: true, .. } => "PAUSED_LATE",
                Withdrawal::AlreadyOn => "ALREADY_ON",
                Withdrawal::SwitchOffRequested => "SWITCH_OFF_REQUESTED",
            },
            Self::Superseded { reason } => match reason {
                Supersession::PracticeClosed => "PRACTICE_CLOSED",
                Supersession::Succeeded { .. } => "PRACTICE_SUCCEEDED",
                Supersession::Replanned => "REPLANNED",
                Supersession::Cancelled => "CANCELLED",
                Supersession::Unwound => "WAVE_UNWOUND",
            },
            Self::Refused { code } | Self::Failed { code } => code,
            _ => return None,
        })
    }

    /// Who has succeeded the practice, where that took the enrolment's place.
    #[must_use]
    pub fn successors(&self) -> &[PracticeCode] {
        match self {
            Self::Superseded { reason: Supersession::Succeeded { by } } => by,
            _ => &[],
        }
    }
}

/// What keeps an admitted practice from being sealed: it gives its slot back and waits for its turn again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "why", rename_all = "kebab-case")]
pub enum Voiding {
    /// A hold covers it.
    Held {
        /// The hold.
        hold: HoldId,
    },
    /// The window closed, or the cut-off came.
    OutOfTime,
    /// Caps left no room on the day of the seal.
    NoRoom,
    /// The registry gave no permit for another reason than the practice's own.
    NoPermit {
        /// The registry's reason, an UPPER_SNAKE code.
        refusal: String,
    },
    /// The practice was set aside: paused, closed, changed supplier.
    SetAside,
    /// A later version of the plan came into force, or the wave or programme was cancelled.
    Replanned,
    /// The wave is unwound.
    Unwound,
}

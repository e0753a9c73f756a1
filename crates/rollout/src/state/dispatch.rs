//! Dispatches: notices that the scheduler sends, one to one contact of one practice each, and what became of them.
//!
//! Contacts are named by their number at the practice; an address is never here (rule 16).

use std::fmt;

use jiff::Timestamp;
use jiff::civil::Date;
use ods::PracticeCode;
use serde::{Deserialize, Serialize};

use crate::id::{ProgrammeId, WaveId};

/// Everything that was sent to a practice about a programme.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Correspondence {
    /// Oldest first; the first has number 1.
    pub dispatches: Vec<Dispatch>,
    /// Failures of dispatches up to this number count no longer: a person has asked for another try.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub forgiven: u32,
    /// Since when the practice has no contact that a notice could be sent to; none where it has one, or nobody has looked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unaddressed_since: Option<Timestamp>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes fields by reference")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// A notice that is sent, was sent, or came to nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dispatch {
    /// Counted from 1 at the practice.
    pub number: u32,
    /// The wave it is about.
    pub wave: WaveId,
    /// The date it gives: not before it.
    pub not_before: Date,
    /// Which text.
    pub template: Template,
    /// The contact's number at the practice.
    pub contact: u32,
    /// By which means.
    pub means: Means,
    /// Who carries it.
    pub carrier: Carrier,
    /// When it was first sealed: from then on it counts as sent.
    pub sealed_at: Timestamp,
    /// Where it is.
    pub stage: DispatchStage,
    /// When that last changed, or it was sealed again.
    pub changed_at: Timestamp,
}

/// Where a dispatch is in its life.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "stage", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum DispatchStage {
    /// Counts as sent; what became of the call is not known.
    Sealed,
    /// The carrier has taken it on and is asked what became of it.
    Taken {
        /// The carrier's own name for it.
        id: String,
    },
    /// Handed over to somebody who says nothing back: a person records when it was delivered.
    HandedOver,
    /// It has reached the practice, or counts as having done so from this moment.
    Given {
        /// The moment; of a letter it may lie ahead.
        at: Timestamp,
    },
    /// It did not reach the practice.
    Failed {
        /// Why.
        trouble: Trouble,
    },
}

/// Why a dispatch did not reach its practice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Trouble {
    /// The address is wrong: nothing will ever reach it.
    WrongAddress,
    /// Nobody could be reached there this time: the mailbox is full, or a filter turned it away.
    Undelivered,
    /// The carrier did not do it, for a reason of its own.
    CarrierFailed,
    /// The carrier never said what became of it, and can no longer be asked.
    NoEvidence,
}

impl Trouble {
    /// `WRONG_ADDRESS` …
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::WrongAddress => "WRONG_ADDRESS",
            Self::Undelivered => "UNDELIVERED",
            Self::CarrierFailed => "CARRIER_FAILED",
            Self::NoEvidence => "NO_EVIDENCE",
        }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::WrongAddress => "the address is wrong",
            Self::Undelivered => "nobody could be reached there",
            Self::CarrierFailed => "the carrier did not do it",
            Self::NoEvidence => "the carrier never said what became of it",
        })
    }
}

/// By which means a notice reaches a practice: those of the registry's contacts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Means {
    /// An e-mail.
    Email,
    /// A letter.
    Post,
}

impl Means {
    /// `e-mail` or `letter`: the channel of a delivered notice.
    #[must_use]
    pub fn channel(self) -> &'static str {
        match self {
            Self::Email => "e-mail",
            Self::Post => "letter",
        }
    }
}

/// Who carries a notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Carrier {
    /// GOV.UK Notify: says what became of each.
    Notify,
    /// A mail server: says that it has taken an e-mail on, and nothing after that.
    Smtp,
    /// Whoever reads a folder of files, and says nothing.
    Files,
}

impl Carrier {
    /// `NOTIFY` …
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Notify => "NOTIFY",
            Self::Smtp => "SMTP",
            Self::Files => "FILES",
        }
    }
}

/// Which text a notice has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Template {
    /// The practice has been told of no date yet.
    First,
    /// It was told of another date before.
    Moved,
}

/// A dispatch by its full name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct DispatchRef {
    /// The programme.
    pub programme: ProgrammeId,
    /// The practice.
    pub practice: PracticeCode,
    /// Its number there.
    pub number: u32,
}

impl fmt::Display for DispatchRef {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}/dispatches/{}-{}", self.programme, self.practice, self.number)
    }
}

impl Dispatch {
    /// What the carrier knows it by: the same each time it is sent, and no other dispatch's, not even one of a programme of
    /// the same name in a store that was made anew.
    #[must_use]
    pub fn reference(&self, programme: &ProgrammeId, practice: PracticeCode) -> String {
        let sealed_at_s = self.sealed_at.as_second();
        format!("{}.{practice}.{}.{}.{sealed_at_s}", programme.as_str(), self.wave.0, self.number)
    }

    /// Whether something is still to be done or found out about it.
    #[must_use]
    pub fn is_open(&self) -> bool {
        matches!(self.stage, DispatchStage::Sealed | DispatchStage::Taken { .. })
    }
}

impl DispatchStage {
    /// `SEALED`, `TAKEN` …
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Sealed => "SEALED",
            Self::Taken { .. } => "TAKEN",
            Self::HandedOver => "HANDED_OVER",
            Self::Given { .. } => "GIVEN",
            Self::Failed { .. } => "FAILED",
        }
    }
}

impl Correspondence {
    /// A dispatch by its number.
    #[must_use]
    pub fn get(&self, number: u32) -> Option<&Dispatch> {
        self.dispatches.get(usize::try_from(number.checked_sub(1)?).ok()?)
    }

    pub(crate) fn get_mut(&mut self, number: u32) -> Option<&mut Dispatch> {
        self.dispatches.get_mut(usize::try_from(number.checked_sub(1)?).ok()?)
    }

    /// The number of the next dispatch.
    #[must_use]
    pub fn next_number(&self) -> u32 {
        self.dispatches.last().map_or(0, |last| last.number) + 1
    }

    /// The dispatches that failed and still count, oldest first.
    pub fn failures(&self) -> impl Iterator<Item = (&Dispatch, Trouble)> {
        let counted = self.dispatches.iter().filter(|one| self.forgiven < one.number);
        counted.filter_map(|one| match one.stage {
            DispatchStage::Failed { trouble } => Some((one, trouble)),
            _ => None,
        })
    }
}

//! Why a practice has no notice although one is being sent, or was: for whoever asks why it is not live.

use std::fmt;

use jiff::Timestamp;
use ods::PracticeCode;

use crate::blocker::Owner;
use crate::blocker::words::{At, Day};
use crate::calendar::civil_date;
use crate::state::{Correspondence, DispatchStage, Trouble};

/// What is in the way of a practice's notice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Undelivered {
    /// It has no contact that a notice could be sent to.
    NoContact {
        /// Since when that is known.
        since: Timestamp,
    },
    /// What was sent came back: the address is wrong.
    WrongAddress {
        /// The contact's number at the practice.
        contact: u32,
    },
    /// It was tried often enough.
    GivenUp {
        /// The contact's number at the practice.
        contact: u32,
        /// Why the last one failed.
        trouble: Trouble,
    },
    /// It failed and is tried again.
    TriedAgain {
        /// The contact's number at the practice.
        contact: u32,
        /// Why it failed.
        trouble: Trouble,
        /// When.
        at: Timestamp,
    },
    /// It was handed over to somebody who says nothing back.
    HandedOver {
        /// When.
        at: Timestamp,
    },
    /// It is under way.
    UnderWay {
        /// Since when.
        since: Timestamp,
    },
}

impl Undelivered {
    /// What is in the way by what was sent to a practice; none where nothing was.
    pub(crate) fn of(correspondence: &Correspondence) -> Option<Self> {
        let last = correspondence.dispatches.last();
        if let Some(last) = last {
            match last.stage {
                DispatchStage::Sealed | DispatchStage::Taken { .. } => {
                    return Some(Self::UnderWay { since: last.sealed_at });
                }
                DispatchStage::HandedOver => return Some(Self::HandedOver { at: last.changed_at }),
                // It was of a date that no longer counts: another is to be sent.
                DispatchStage::Given { .. } => {}
                DispatchStage::Failed { .. } => {
                    if let Some(failed) = Self::of_failures(correspondence) {
                        return Some(failed);
                    }
                }
            }
        }
        correspondence.unaddressed_since.map(|since| Self::NoContact { since })
    }

    fn of_failures(correspondence: &Correspondence) -> Option<Self> {
        let (last, trouble) = correspondence.failures().last()?;
        let contact = last.contact;
        Some(match correspondence.tried_again_at() {
            Some(at) => Self::TriedAgain { contact, trouble, at },
            None if trouble == Trouble::WrongAddress => Self::WrongAddress { contact },
            None => Self::GivenUp { contact, trouble },
        })
    }

    /// An UPPER_SNAKE code.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::NoContact { .. } => "NOTICE_HAS_NO_CONTACT",
            Self::WrongAddress { .. } => "NOTICE_CAME_BACK",
            Self::GivenUp { .. } => "NOTICE_GIVEN_UP",
            Self::TriedAgain { .. } => "NOTICE_TRIED_AGAIN_LATER",
            Self::HandedOver { .. } => "NOTICE_HANDED_OVER",
            Self::UnderWay { .. } => "NOTICE_UNDER_WAY",
        }
    }

    /// Who must act.
    pub(crate) fn owner(&self, practice: PracticeCode) -> Owner {
        match self {
            Self::NoContact { .. } | Self::WrongAddress { .. } => Owner::Practice(practice),
            Self::GivenUp { .. } | Self::HandedOver { .. } => Owner::Programme,
            Self::TriedAgain { .. } | Self::UnderWay { .. } => Owner::Time,
        }
    }

    /// What clears it, as a sentence.
    pub(crate) fn clears_by(&self) -> &'static str {
        match self {
            Self::NoContact { .. } => "The practice names a contact.",
            Self::WrongAddress { .. } => "The practice gives the contact's right address; another notice follows.",
            Self::GivenUp { .. } => "Somebody tells the practice by other means, or has it tried again.",
            Self::TriedAgain { .. } => "It is tried again.",
            Self::HandedOver { .. } => "Somebody records when it was delivered.",
            Self::UnderWay { .. } => "Its carrier says that it was delivered.",
        }
    }

    /// As a sentence about a practice's contact.
    pub(crate) fn say(&self, practice: PracticeCode, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoContact { since } => {
                write!(out, "no notice could be sent: practices/{practice} has no contact (seen on {})", day(*since))
            }
            Self::WrongAddress { contact } => {
                write!(out, "its notice came back: the address of practices/{practice}/contacts/{contact} is wrong")
            }
            Self::GivenUp { contact, trouble } => {
                write!(out, "no notice reached practices/{practice}/contacts/{contact}: {trouble}; given up")
            }
            Self::TriedAgain { contact, trouble, at } => {
                let at = At(*at);
                write!(out, "no notice reached practices/{practice}/contacts/{contact}: {trouble}; tried again on {at}")
            }
            Self::HandedOver { at } => {
                write!(out, "its notice was handed over on {}; nobody has recorded that it was delivered", day(*at))
            }
            Self::UnderWay { since } => write!(out, "its notice was sent on {} and is under way", day(*since)),
        }
    }
}

fn day(at: Timestamp) -> Day {
    Day(civil_date(at))
}

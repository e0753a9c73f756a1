//! What is worth knowing about a practice and stops nothing by itself: an ICB's advice to wait, support cases.

use std::fmt;

use ods::{Capability, PracticeCode};

use crate::blocker::words::Day;
use crate::calendar::civil_date;
use crate::view::{AdviceFacts, PracticeFacts};

/// Advice about a practice: for the people who decide. Only pauses and holds stop a go-live.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Information {
    /// The practice.
    pub practice: PracticeCode,
    /// The advice.
    pub advice: AdviceFacts,
}

/// What is known of a practice, about a capability.
pub(crate) fn information(facts: &PracticeFacts, capability: &Capability) -> Vec<Information> {
    let about = facts.advice.iter().filter(|advice| advice.covers(capability));
    about.map(|advice| Information { practice: facts.code, advice: advice.clone() }).collect()
}

impl Information {
    /// An UPPER_SNAKE code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        if self.advice.is_to_wait { "ADVICE_TO_WAIT" } else { "SUPPORT_CASE" }
    }

    /// The resource that says so.
    #[must_use]
    pub fn resource(&self) -> String {
        format!("practices/{}/advice/{}", self.practice, self.advice.number)
    }
}

impl fmt::Display for Information {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let AdviceFacts { source, reference, category, from, until, review_on, .. } = &self.advice;
        let from = Day(civil_date(*from));
        if self.advice.is_to_wait {
            write!(out, "{source} advises to wait, since {from}")?;
        } else {
            write!(out, "support case {reference} ({category}) at {source}, open since {from}")?;
        }
        if let Some(until) = until {
            write!(out, ", until {}", Day(civil_date(*until)))?;
        }
        review_on.map_or(Ok(()), |date| write!(out, ", to be reviewed on {}", Day(date)))
    }
}

//! Advice about a practice: an ICB's advice to wait, and support cases.
//!
//! Both are information for the people who decide. Neither refuses a permit or takes a practice out of a wave: only the
//! practice's own pause and a hold do that.

use jiff::Timestamp;
use jiff::civil::Date;
use ods::Capability;
use serde::{Deserialize, Serialize};

/// What kind of advice it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AdviceKind {
    /// Somebody who answers for the area advises to wait.
    Wait,
    /// A case at a service desk.
    SupportCase,
}

/// What is said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Advised {
    /// Of what kind.
    pub kind: AdviceKind,
    /// What it is about; None = all capabilities.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capability: Option<Capability>,
    /// Who says so: `organisations/QHM`, or the service desk that has the case.
    pub source: String,
    /// The letter's or the case's own reference there.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reference: String,
    /// Of a support case: what it is about, `wrong-settings`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub category: String,
    /// Reference to the evidence.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub evidence: String,
    /// Its agreed end; None where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// When it is to be looked at again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub review_on: Option<Date>,
}

/// How advice came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AdviceEnding {
    /// Its author or an equal ended it: advice is withdrawn, a case is closed.
    Ended,
    /// Its agreed end came.
    Lapsed,
}

/// The end of advice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdviceEnded {
    /// From when it no longer holds.
    pub at: Timestamp,
    /// When that was recorded.
    pub recorded_at: Timestamp,
    /// How.
    pub ending: AdviceEnding,
    /// Account that ended it; empty for a lapse.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub by: String,
}

/// Advice, open or ended; kept for ever.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Advice {
    /// From 1, in the order of recording at the practice.
    pub number: u32,
    /// What is said.
    pub advised: Advised,
    /// From when it holds; of a case, when it was opened.
    pub from: Timestamp,
    /// When it was recorded.
    pub recorded_at: Timestamp,
    /// Account that recorded it.
    pub recorded_by: String,
    /// The roles that account had then, by name: whoever has one of them is its equal.
    pub recorded_as: Vec<String>,
    /// None while it is open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<AdviceEnded>,
}

impl Advice {
    /// It holds.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.ended.is_none()
    }

    /// Did it hold at `effective_at`, by what was recorded up to `known_at`?
    #[must_use]
    pub fn was_open(&self, effective_at: Timestamp, known_at: Timestamp) -> bool {
        let given = self.from <= effective_at && self.recorded_at <= known_at;
        let ended = self.ended.as_ref().is_some_and(|end| end.at <= effective_at && end.recorded_at <= known_at);
        given && !ended
    }

    /// Is it about this capability?
    #[must_use]
    pub fn covers(&self, capability: &Capability) -> bool {
        self.advised.capability.as_ref().is_none_or(|about| about == capability)
    }

    /// May this account with these roles end it? Its author may, and whoever has a role that the author had.
    #[must_use]
    pub fn may_be_ended_by(&self, account: &str, roles: &[String]) -> bool {
        self.recorded_by == account || roles.iter().any(|role| self.recorded_as.contains(role))
    }
}

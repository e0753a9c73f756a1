//! Signals: what is noticed about access at a practice that changes no state, and that somebody should look at.
//!
//! A signal is raised and cleared by whoever notices, with the moment it is of; it is kept in both times, as all facts. It
//! never makes a practice live or not: that is observed.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What is noticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SignalKind {
    /// It is said to be on, and nobody has looked at a record for long: perhaps nobody can.
    NoViewers,
}

/// That a signal was raised or cleared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignalFact {
    /// Raised; else cleared.
    pub is_raised: bool,
    /// The moment that this is of.
    pub as_at: Timestamp,
    /// When the registry was told.
    pub recorded_at: Timestamp,
    /// Where the evidence lies.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub evidence: String,
}

/// All that was ever noticed of one capability at one practice.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Signals(
    // By the moment they are of; equal moments in the order of recording.
    BTreeMap<SignalKind, Vec<SignalFact>>,
);

impl Signals {
    /// Nothing was ever noticed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The signals that were raised at `effective_at`, by what was recorded up to `known_at`; by kind.
    pub fn raised(
        &self,
        effective_at: Timestamp,
        known_at: Timestamp,
    ) -> impl Iterator<Item = (SignalKind, &SignalFact)> {
        let applies = move |fact: &&SignalFact| fact.as_at <= effective_at && fact.recorded_at <= known_at;
        self.0.iter().filter_map(move |(kind, facts)| {
            let fact = facts.iter().rfind(applies)?;
            fact.is_raised.then_some((*kind, fact))
        })
    }

    /// Was the same said before?
    pub(crate) fn has(&self, kind: SignalKind, is_raised: bool, as_at: Timestamp, evidence: &str) -> bool {
        let same = |fact: &SignalFact| fact.is_raised == is_raised && fact.as_at == as_at && fact.evidence == evidence;
        self.0.get(&kind).is_some_and(|facts| facts.iter().any(same))
    }

    pub(crate) fn record(&mut self, kind: SignalKind, fact: SignalFact) {
        let facts = self.0.entry(kind).or_default();
        let place = facts.partition_point(|earlier| earlier.as_at <= fact.as_at);
        facts.insert(place, fact);
    }
}

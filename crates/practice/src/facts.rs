//! Facts in both times: from when something is true, and when the registry was told.
//!
//! A fact is never changed or dropped; a correction is a later record about the same time. So what was true at a moment
//! and what was believed at a moment are both filters over the same list.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use thin_vec::ThinVec;

use crate::stored;

/// One thing a source said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fact<T> {
    /// The first civil day on which it is true.
    #[serde(with = "stored::day")]
    pub effective_from: Date,
    /// When the registry was told.
    #[serde(with = "stored::moment")]
    pub recorded_at: Timestamp,
    /// What is true.
    pub value: T,
}

/// All that was ever said of one attribute; at least one fact, in the order of recording.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts<T> {
    // Apart from the rest, so that there is always one, and the usual single fact needs no allocation.
    first: Fact<T>,
    #[serde(default = "ThinVec::new", skip_serializing_if = "ThinVec::is_empty")]
    later: ThinVec<Fact<T>>,
}

impl<T> Facts<T> {
    /// The first thing said.
    pub fn new(first: Fact<T>) -> Self {
        Self { first, later: ThinVec::new() }
    }

    /// Adds what was said now. Must be called in the order of recording.
    pub fn record(&mut self, fact: Fact<T>) {
        debug_assert!(fact.recorded_at >= self.last_recorded().recorded_at, "facts come in the order of recording");
        self.later.push(fact);
    }

    /// All facts, in the order of recording.
    pub fn iter(&self) -> impl Iterator<Item = &Fact<T>> {
        std::iter::once(&self.first).chain(&self.later)
    }

    /// The fact that holds: the one effective last, and of those the one recorded last.
    pub fn latest(&self) -> &Fact<T> {
        let mut latest = &self.first;
        for fact in &self.later {
            if fact.effective_from >= latest.effective_from {
                latest = fact;
            }
        }
        latest
    }

    /// The fact that held on `day` by what was recorded up to `known_at`, both inclusive; None where there was none.
    pub fn as_of(&self, day: Date, known_at: Timestamp) -> Option<&Fact<T>> {
        let mut latest: Option<&Fact<T>> = None;
        for fact in self.iter() {
            let applies = fact.effective_from <= day && fact.recorded_at <= known_at;
            if applies && latest.is_none_or(|held| fact.effective_from >= held.effective_from) {
                latest = Some(fact);
            }
        }
        latest
    }

    /// What held by what was recorded up to `known_at`, by the day from which it did, each day once.
    pub fn history(&self, known_at: Timestamp) -> Vec<&Fact<T>> {
        let mut known: Vec<&Fact<T>> = self.iter().filter(|fact| fact.recorded_at <= known_at).collect();
        // Stable, so of one day the fact recorded last comes last, and that one is kept.
        known.sort_by_key(|fact| fact.effective_from);
        let mut held: Vec<&Fact<T>> = Vec::with_capacity(known.len());
        for fact in known {
            match held.last_mut() {
                Some(last) if last.effective_from == fact.effective_from => *last = fact,
                _ => held.push(fact),
            }
        }
        held
    }

    fn last_recorded(&self) -> &Fact<T> {
        self.later.last().unwrap_or(&self.first)
    }
}

/// Adds `value` to facts of which there may be none yet.
pub(crate) fn record<T>(facts: &mut Option<Facts<T>>, effective_from: Date, recorded_at: Timestamp, value: T) {
    let fact = Fact { effective_from, recorded_at, value };
    match facts {
        Some(facts) => facts.record(fact),
        None => *facts = Some(Facts::new(fact)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    fn fact(day: i8, recorded: &str, value: &'static str) -> Fact<&'static str> {
        Fact { effective_from: date(2031, 5, day), recorded_at: recorded.parse().unwrap(), value }
    }

    #[test]
    fn a_correction_of_the_past_does_not_hide_the_present() {
        let mut facts = Facts::new(fact(1, "2031-05-01T09:00:00Z", "North"));
        facts.record(fact(10, "2031-05-10T09:00:00Z", "South"));
        facts.record(fact(1, "2031-05-20T09:00:00Z", "North-East"));
        assert_eq!(facts.latest().value, "South");

        let late: Timestamp = "2031-06-01T00:00:00Z".parse().unwrap();
        let early: Timestamp = "2031-05-15T00:00:00Z".parse().unwrap();
        assert_eq!(facts.as_of(date(2031, 5, 5), late).map(|fact| fact.value), Some("North-East"));
        assert_eq!(facts.as_of(date(2031, 5, 5), early).map(|fact| fact.value), Some("North"));
        assert_eq!(facts.as_of(date(2031, 4, 30), late), None);
    }

    #[test]
    fn of_two_facts_from_the_same_day_the_later_record_holds() {
        let mut facts = Facts::new(fact(1, "2031-05-01T09:00:00Z", "North"));
        facts.record(fact(1, "2031-05-01T09:00:00Z", "South"));
        assert_eq!(facts.latest().value, "South");
    }
}

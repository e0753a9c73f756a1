//! What carriers of notices say by their own logs, against the scheduler's journal: each was sealed before it was sent, as often as
//! it was sent, and counts as given no earlier than it was (rule 11).

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::Evidence;
use crate::promise::CLOCK_SKEW_MAX;

/// A notice that a carrier took on: a line of its log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Carried {
    /// What it is known by, here and there.
    pub reference: String,
    /// When it was taken on.
    pub taken_at: Timestamp,
    /// When it was delivered, or posted; none where it was not.
    #[serde(default)]
    pub given_at: Option<Timestamp>,
}

impl Evidence {
    /// What is wrong between the scheduler's journal and everything that its carriers took on, in words.
    pub fn carriage_breaches(&self, carried: &[Carried]) -> Vec<String> {
        let mut taken: BTreeMap<&str, Vec<&Carried>> = BTreeMap::new();
        for one in carried {
            taken.entry(&one.reference).or_default().push(one);
        }
        let notices = &self.scheduler.notices;
        let mut breaches = Vec::new();
        for (reference, taken) in &taken {
            let Some(sealed) = notices.sealed.get(*reference) else {
                breaches.push(format!("notice {reference} was sent and was never sealed"));
                continue;
            };
            if sealed.len() < taken.len() {
                let (sent, seals) = (taken.len(), sealed.len());
                breaches.push(format!("notice {reference} was sent {sent} times and sealed {seals} times"));
            }
            let first = taken.iter().map(|one| one.taken_at).min();
            if let (Some(sealed), Some(first)) = (sealed.first(), first)
                && sealed.duration_since(first) > CLOCK_SKEW_MAX + self.clocks_apart
            {
                breaches.push(format!("notice {reference} was sent at {first}, before its seal at {sealed}"));
            }
        }
        for (reference, counted_at) in &notices.given {
            let taken = taken.get(reference.as_str()).into_iter().flatten();
            let given_at = taken.filter_map(|one| one.given_at).min();
            if given_at.is_none_or(|given_at| given_at.duration_since(*counted_at) > self.clocks_apart) {
                let in_fact = given_at.map_or("never was".to_owned(), |at| format!("was at {at}"));
                breaches.push(format!("notice {reference} counts as given at {counted_at}, and {in_fact}"));
            }
        }
        breaches
    }
}

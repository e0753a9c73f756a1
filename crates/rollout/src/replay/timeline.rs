//! What the registry recorded in the course of a past: each state that practices came into, at its moment.
//!
//! Only what a replay has anything of is kept, since it stops at the moment of each. Where the scheduler had switched, what
//! holds of access is the replay's own to say, and the registry wrote most of its records for that.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use ods::PracticeCode;

use super::record::Record;
use crate::id::Target;
use crate::view::{AccessFacts, PracticeFacts, RegistryView};

/// A practice as it was from a moment on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PracticeChange {
    /// From when on.
    pub at: Timestamp,
    /// How it was.
    pub facts: PracticeFacts,
}

/// The states of a past, folded in the order of recording.
#[derive(Debug, Clone, Default)]
pub struct Timeline {
    /// What a replay has something of.
    pub changes: Vec<PracticeChange>,
    beginning: RegistryView,
    /// The last state of whoever had another than at the beginning, as far as it counts.
    latest: BTreeMap<PracticeCode, PracticeFacts>,
    /// Who has gone to another supplier: what that one confirms is the record's to say (rule 10).
    moved: BTreeSet<PracticeCode>,
}

impl Timeline {
    /// The past that begins with a view.
    #[must_use]
    pub fn from(beginning: &RegistryView) -> Self {
        Self { beginning: beginning.clone(), ..Self::default() }
    }

    /// Takes a state in that a practice came into.
    pub fn learn(&mut self, record: &Record, at: Timestamp, facts: PracticeFacts) {
        let code = facts.code;
        let former = self.beginning.get(code);
        if former.is_some_and(|former| former.supplier != facts.supplier) {
            self.moved.insert(code);
        }
        let has_moved = self.moved.contains(&code);
        let counts = as_far_as_it_counts(record, &facts, has_moved);
        let known = match self.latest.get(&code) {
            Some(latest) => Some(latest.clone()),
            None => former.map(|former| as_far_as_it_counts(record, former, has_moved)),
        };
        if known.as_ref() != Some(&counts) {
            self.latest.insert(code, counts);
            self.changes.push(PracticeChange { at, facts });
        }
    }
}

/// A state without what the replay says itself: of access where the scheduler had switched, all but whether it is to be taken
/// away; of pauses, what a receipt waits for.
fn as_far_as_it_counts(record: &Record, facts: &PracticeFacts, has_moved: bool) -> PracticeFacts {
    let mut facts = facts.clone();
    let practice = facts.code;
    facts.access.retain_mut(|access| {
        let target = Target { practice, capability: access.capability.clone() };
        if has_moved || !record.touched.contains(&target) {
            return true;
        }
        *access = AccessFacts {
            switch_off_requested: access.switch_off_requested,
            ..AccessFacts::unknown(target.capability)
        };
        access.switch_off_requested
    });
    facts.pauses.retain(|pause| pause.in_force);
    facts.pauses.iter_mut().for_each(|pause| pause.pending_on.clear());
    facts
}

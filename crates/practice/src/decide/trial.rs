//! Trial: the practices of a command as those of its parts that were judged already leave them. A copy of each that they
//! change, and of nothing else: a command may be about a thousand practices of a nation's.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use ods::PracticeCode;

use crate::practice::Practice;
use crate::state::State;

/// The practices of a command.
pub(super) struct Trial<'a> {
    state: &'a State,
    changed: BTreeMap<PracticeCode, Practice>,
}

impl<'a> Trial<'a> {
    pub(super) fn new(state: &'a State) -> Self {
        Self { state, changed: BTreeMap::new() }
    }

    pub(super) fn practice(&self, code: PracticeCode) -> Option<&Practice> {
        self.changed.get(&code).or_else(|| self.state.practice(code).map(AsRef::as_ref))
    }

    pub(super) fn change(&mut self, code: PracticeCode, change: impl FnOnce(&mut Practice)) {
        if let Entry::Vacant(place) = self.changed.entry(code)
            && let Some(practice) = self.state.practice(code)
        {
            place.insert(practice.as_ref().clone());
        }
        if let Some(practice) = self.changed.get_mut(&code) {
            change(practice);
        }
    }
}

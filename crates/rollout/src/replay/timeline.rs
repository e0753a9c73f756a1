//! What the registry recorded between two looks at it, placed in time.
//!
//! The registry tells how practices were at a moment, and of pauses and readiness when each was recorded. So a pause stands
//! at its very moment, and all else at the later look: what was lifted counts until then, which is the cautious side. A
//! pause that came and went between two looks is not seen.

use jiff::Timestamp;
use ods::PracticeCode;

use crate::view::{PauseEnd, PauseFacts, PracticeFacts, ReadinessFacts, RegistryView};

/// A practice as it was from a moment on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PracticeChange {
    /// From when on.
    pub at: Timestamp,
    /// Which.
    pub practice: PracticeCode,
    /// How it was; none where the registry had it no more.
    pub facts: Option<PracticeFacts>,
}

/// What changed from one look to a later one, in order of time. `from` and `until` are their moments.
#[must_use]
pub fn changes_between(
    before: &RegistryView,
    after: &RegistryView,
    from: Timestamp,
    until: Timestamp,
) -> Vec<PracticeChange> {
    let mut changes = Vec::new();
    for facts in after.iter() {
        match before.get(facts.code) {
            Some(known) if known == facts => {}
            Some(known) => Span { from, until }.changes_of(known, facts, &mut changes),
            None => changes.push(PracticeChange { at: until, practice: facts.code, facts: Some(facts.clone()) }),
        }
    }
    for gone in before.iter().filter(|facts| after.get(facts.code).is_none()) {
        changes.push(PracticeChange { at: until, practice: gone.code, facts: None });
    }
    changes.sort_by_key(|change| (change.at, change.practice));
    changes
}

/// From the first look to the second. What was recorded at the very moment of a look may have been missed by it.
#[derive(Clone, Copy)]
struct Span {
    from: Timestamp,
    until: Timestamp,
}

impl Span {
    fn has(self, at: Timestamp) -> bool {
        self.from <= at && at <= self.until
    }

    fn changes_of(self, known: &PracticeFacts, facts: &PracticeFacts, changes: &mut Vec<PracticeChange>) {
        let mut edits: Vec<(Timestamp, Edit<'_>)> = Vec::new();
        for pause in &facts.pauses {
            if self.has(pause.recorded_at) && known.pauses.iter().all(|one| one.number != pause.number) {
                edits.push((pause.recorded_at, Edit::Placed(pause)));
            }
        }
        for pause in known.pauses.iter().filter(|pause| pause.in_force) {
            let is_over = facts.pauses.iter().all(|one| one.number != pause.number || !one.in_force);
            if let PauseEnd::Until(end) = pause.end
                && is_over
                && self.has(end)
            {
                edits.push((end, Edit::Lapsed(pause.number)));
            }
        }
        for item in facts.readiness.iter().filter(|item| !known.readiness.contains(item)) {
            if self.has(item.recorded_at) {
                edits.push((item.recorded_at, Edit::Told(item)));
            }
        }
        edits.sort_by_key(|(at, _)| *at);
        let mut current = known.clone();
        for (at, edit) in edits {
            match edit {
                // As it was placed: how it ended, if it did, comes with the later look.
                Edit::Placed(pause) => current.pauses.push(PauseFacts { in_force: true, ..pause.clone() }),
                Edit::Lapsed(number) => current.pauses.retain(|one| one.number != number),
                Edit::Told(item) => {
                    current.readiness.retain(|one| one.item != item.item);
                    current.readiness.push(item.clone());
                    current.readiness.sort_by(|one, other| one.item.cmp(&other.item));
                }
            }
            current.pauses.sort_by_key(|pause| pause.number);
            changes.push(PracticeChange { at, practice: known.code, facts: Some(current.clone()) });
        }
        if current != *facts {
            changes.push(PracticeChange { at: self.until, practice: known.code, facts: Some(facts.clone()) });
        }
    }
}

/// What has a moment of its own.
enum Edit<'a> {
    Placed(&'a PauseFacts),
    Lapsed(u32),
    Told(&'a ReadinessFacts),
}

//! The sums of one area at every moment.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;

/// After so many changes what they come to is noted: a question adds up fewer.
const CHANGES_PER_NOTE: usize = 128;

/// So many changes wait at least before they are put in their places without being asked for: bounds what waits while a nation
/// is read, of which most comes to nothing together.
const WAITING_MAX: usize = 4_096;

/// What a practice is added to: one of its area's sums by who counted, None for nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Addend {
    /// The patients of open practices; each is in one.
    Registered(Option<By>),
    /// The accounts with access of live practices; each is in one.
    WithAccess(Option<By>),
}

/// Who counted, and of which day the count is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct By {
    /// By its number among the names.
    pub(super) source: usize,
    pub(super) as_at: Option<Date>,
}

/// What practices come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Total {
    /// How many they are.
    pub(super) count: i64,
    /// What was counted at them.
    pub(super) value: i64,
}

/// The sums that are not 0.
pub(super) type Totals = BTreeMap<Addend, Total>;

#[derive(Clone, Copy, Debug)]
struct Change {
    at: Timestamp,
    addend: Addend,
    by: Total,
}

/// One area.
#[derive(Debug, Default)]
pub(super) struct AreaSums {
    /// By moment and addend, one of each and none that changes nothing.
    changes: Vec<Change>,
    /// What the first [`CHANGES_PER_NOTE`] changes come to, what twice as many do, and so on.
    notes: Vec<Totals>,
    /// Not yet in their places.
    waiting: Vec<Change>,
}

impl Total {
    fn add(&mut self, other: Self) {
        self.count += other.count;
        self.value += other.value;
    }

    fn is_nothing(self) -> bool {
        self == Self::default()
    }
}

impl Change {
    fn place(&self) -> (Timestamp, Addend) {
        (self.at, self.addend)
    }
}

impl AreaSums {
    /// A practice is added from a moment on (`sign` 1), or no longer (−1), with what was counted there.
    pub(super) fn change(&mut self, at: Timestamp, (addend, value): (Addend, i64), sign: i64) {
        self.waiting.push(Change { at, addend, by: Total { count: sign, value: sign * value } });
        if self.waiting.len() >= WAITING_MAX.max(self.changes.len()) {
            self.settle();
        }
    }

    /// The sums at a moment.
    pub(super) fn at(&mut self, moment: Timestamp) -> Totals {
        self.settle();
        self.of_settled(moment)
    }

    /// The same where every change is in its place already: some hundred additions. Else None.
    pub(super) fn at_if_settled(&self, moment: Timestamp) -> Option<Totals> {
        self.waiting.is_empty().then(|| self.of_settled(moment))
    }

    fn of_settled(&self, moment: Timestamp) -> Totals {
        let end = self.changes.partition_point(|change| change.at <= moment);
        let noted = end / CHANGES_PER_NOTE;
        let mut totals = noted.checked_sub(1).map(|note| self.notes[note].clone()).unwrap_or_default();
        self.changes[noted * CHANGES_PER_NOTE..end].iter().for_each(|change| add(&mut totals, change));
        totals
    }

    #[cfg(test)]
    pub(super) fn notes_len(&self) -> usize {
        self.notes.len()
    }

    /// Puts what waits in its place; what lies before all of it stays as it is.
    fn settle(&mut self) {
        self.waiting.sort_unstable_by_key(Change::place);
        let Some(first) = self.waiting.first().map(Change::place) else { return };
        let mut rest = self.changes.split_off(self.changes.partition_point(|change| change.place() < first));
        self.notes.truncate(self.changes.len() / CHANGES_PER_NOTE);
        let unnoted = self.notes.len() * CHANGES_PER_NOTE;
        let mut totals = self.notes.last().cloned().unwrap_or_default();
        self.changes[unnoted..].iter().for_each(|change| add(&mut totals, change));

        rest.append(&mut self.waiting);
        // Two runs in order, which a stable sort only merges.
        rest.sort_by_key(Change::place);
        for changes in rest.chunk_by(|one, other| one.place() == other.place()) {
            let mut merged = changes[0];
            changes[1..].iter().for_each(|change| merged.by.add(change.by));
            if merged.by.is_nothing() {
                continue;
            }
            self.changes.push(merged);
            add(&mut totals, &merged);
            if self.changes.len().is_multiple_of(CHANGES_PER_NOTE) {
                self.notes.push(totals.clone());
            }
        }
    }
}

fn add(totals: &mut Totals, change: &Change) {
    let total = totals.entry(change.addend).or_default();
    total.add(change.by);
    if total.is_nothing() {
        totals.remove(&change.addend);
    }
}

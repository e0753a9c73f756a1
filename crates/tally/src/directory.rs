//! The practices as the registry tells of them, with what it told before: who was live, open, how large and where, as at
//! any moment and as known at any moment.
//!
//! It is a follower's picture: of changes that came and went between two messages only the last is here.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::Arc;

use imbl::OrdMap;
use jiff::Timestamp;
use jiff::civil::Date;
use ods::{Capability, PracticeCode, Supplier};
use serde::{Deserialize, Serialize};

use crate::area::Area;
use crate::day::Day;
use crate::fact::{Fact, Facts};
use crate::place::Place;

/// How many patients are registered, by whose count of which day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListSize {
    /// So many.
    pub patients: u64,
    /// Who counted.
    pub source: String,
    /// The day the count is of, where known.
    pub as_at: Option<Date>,
}

/// What was last observed of a capability.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observed {
    /// What was seen.
    pub state: ObservedState,
    /// Whether that means live: ON, by the rule of whoever saw it. The registry judges; it is not judged again here.
    pub live: bool,
}

/// What can be seen of a capability.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ObservedState {
    /// New entries are visible by default.
    On,
    /// Some settings are on and some are not.
    Partial,
    /// New entries are not visible by default.
    Off,
    /// Not known.
    Unknown,
}

/// Everything the registry told of one practice.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PracticeRecord {
    place: Facts<Place>,
    list_size: Facts<ListSize>,
    access: BTreeMap<Capability, Facts<Observed>>,
    no_viewers: BTreeMap<Capability, Facts<bool>>,
}

/// One thing that the registry told of a practice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "what")]
pub enum Told {
    /// Where it stands.
    Place(Place),
    /// How large it is.
    ListSize(ListSize),
    /// What was observed of a capability there.
    Access {
        /// Of which.
        capability: Capability,
        /// What.
        observed: Observed,
    },
    /// The signal that nobody looks at a record although the capability is on was raised or cleared.
    NoViewers {
        /// Of which.
        capability: Capability,
        /// Raised; else cleared.
        is_raised: bool,
    },
}

/// A practice as it stood at one moment.
#[derive(Clone, Copy, Debug)]
pub struct PracticeView<'a> {
    /// Which.
    pub code: PracticeCode,
    /// Where.
    pub place: &'a Place,
    /// How large, where anybody counted.
    pub list_size: Option<&'a ListSize>,
    /// Whether it was live.
    pub is_live: bool,
    /// What was last observed, where anything was.
    pub observed: Option<ObservedState>,
}

/// What holds at a practice from when on, in order, by all that was ever told of it.
#[derive(Debug, Default)]
pub(crate) struct ByAllTold<'a> {
    pub(crate) places: Vec<(Timestamp, &'a Place)>,
    pub(crate) list_sizes: Vec<(Timestamp, &'a ListSize)>,
    pub(crate) observed: Vec<(Timestamp, &'a Observed)>,
    /// When the last of it was told.
    pub(crate) recorded_last: Option<Timestamp>,
}

/// All practices. Cheap to clone: readers keep the picture they began with.
#[derive(Clone, Debug, Default)]
pub struct Directory {
    practices: OrdMap<PracticeCode, Arc<PracticeRecord>>,
}

/// At which moment, by what was known when, and of which capability.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Viewpoint {
    /// How things stood at this moment.
    pub as_at: Timestamp,
    /// By what had been recorded at this moment.
    pub known_at: Timestamp,
    /// Live means: this one is on.
    pub capability: Capability,
}

impl PracticeRecord {
    /// True where this would be news: it differs from what was told last about the same thing, or says that it held from
    /// an earlier moment on. Followers store news only, since snapshots and repeated observations say what they know.
    #[must_use]
    pub fn is_news(&self, fact: &Fact<Told>) -> bool {
        match &fact.value {
            Told::Place(place) => self.place.last().is_none_or(|known| known.value != *place),
            Told::ListSize(size) => self.list_size.last().is_none_or(|known| known.value != *size),
            Told::Access { capability, observed } => {
                let known = self.access.get(capability).and_then(Facts::last);
                let says_as_much =
                    |known: &Fact<Observed>| known.value == *observed && known.effective_from <= fact.effective_from;
                !known.is_some_and(says_as_much)
            }
            Told::NoViewers { capability, is_raised } => self.is_signalled(capability) != *is_raised,
        }
    }

    /// True where nothing of the kind was told before.
    #[must_use]
    pub fn is_first(&self, told: &Told) -> bool {
        match told {
            Told::Place(_) => self.place.last().is_none(),
            Told::ListSize(_) => self.list_size.last().is_none(),
            Told::Access { capability, .. } => !self.access.contains_key(capability),
            Told::NoViewers { capability, .. } => !self.no_viewers.contains_key(capability),
        }
    }

    /// The signal that nobody looks is raised, as last told.
    #[must_use]
    pub fn is_signalled(&self, capability: &Capability) -> bool {
        self.no_viewers.get(capability).and_then(Facts::last).is_some_and(|fact| fact.value)
    }

    /// The makers of its system at `moment` or at any moment after it.
    pub fn suppliers_since(&self, moment: Timestamp) -> impl Iterator<Item = &Supplier> {
        self.place.since(moment).filter_map(|place| place.supplier.as_ref())
    }

    fn tell(&mut self, fact: Fact<Told>) {
        let Fact { effective_from, recorded_at, value } = fact;
        match value {
            Told::Place(value) => self.place.push(Fact { effective_from, recorded_at, value }),
            Told::ListSize(value) => self.list_size.push(Fact { effective_from, recorded_at, value }),
            Told::Access { capability, observed: value } => {
                self.access.entry(capability).or_default().push(Fact { effective_from, recorded_at, value });
            }
            Told::NoViewers { capability, is_raised: value } => {
                self.no_viewers.entry(capability).or_default().push(Fact { effective_from, recorded_at, value });
            }
        }
    }

    /// The practice as it stood; None where it was not known, or not open.
    pub(crate) fn view(&self, code: PracticeCode, from: &Viewpoint) -> Option<PracticeView<'_>> {
        self.view_in(&Area::England, code, from, Day::of(from.as_at))
    }

    /// The same for one that was in an area; on the viewpoint's day, which costs as much to tell as all the rest.
    fn view_in(&self, area: &Area, code: PracticeCode, from: &Viewpoint, day: Day) -> Option<PracticeView<'_>> {
        let place = self.place.at(from.as_at, from.known_at)?;
        if !place.lies_in(area, code) || !place.is_open_on(day) {
            return None;
        }
        let access = self.access.get(&from.capability);
        let observed = access.and_then(|facts| facts.at(from.as_at, from.known_at));
        let list_size = self.list_size.at(from.as_at, from.known_at);
        let is_live = observed.is_some_and(|observed| observed.live);
        Some(PracticeView { code, place, list_size, is_live, observed: observed.map(|observed| observed.state) })
    }

    /// Since when the capability is on there, where it was live at the moment.
    pub(crate) fn live_since(&self, from: &Viewpoint) -> Option<Timestamp> {
        let observed = self.access.get(&from.capability)?.fact_at(from.as_at, from.known_at)?;
        observed.value.live.then_some(observed.effective_from)
    }

    /// The practice at every moment, by all that was ever told.
    pub(crate) fn by_all_told(&self, capability: &Capability) -> ByAllTold<'_> {
        let access = self.access.get(capability);
        let recorded = [self.place.recorded_last(), self.list_size.recorded_last()];
        ByAllTold {
            places: self.place.by_all_said(),
            list_sizes: self.list_size.by_all_said(),
            observed: access.map(Facts::by_all_said).unwrap_or_default(),
            recorded_last: recorded.into_iter().chain([access.and_then(Facts::recorded_last)]).flatten().max(),
        }
    }

    pub(crate) fn place_at(&self, effective_at: Timestamp, known_at: Timestamp) -> Option<&Place> {
        self.place.at(effective_at, known_at)
    }

    /// The first moment after `moment` at which the practice may be seen otherwise, whatever is known when.
    pub(crate) fn next_change(&self, capability: &Capability, moment: Timestamp) -> Option<Timestamp> {
        let facts = [self.place.next_change(moment), self.list_size.next_change(moment)];
        let access = self.access.get(capability).and_then(|facts| facts.next_change(moment));
        // Doors open and close by the calendar, without a new fact.
        let doors = self.place.values().flat_map(|place| [place.open_date, place.close_date]).flatten();
        let doors = doors.map(|date| Day::from(date).start()).filter(|start| *start > moment);
        facts.into_iter().flatten().chain(access).chain(doors).min()
    }
}

impl Directory {
    /// Everything told of a practice.
    #[must_use]
    pub fn record(&self, code: PracticeCode) -> Option<&PracticeRecord> {
        self.practices.get(&code).map(Arc::as_ref)
    }

    /// Adds what the registry told last of a practice.
    pub fn tell(&mut self, code: PracticeCode, fact: Fact<Told>) {
        let record = self.practices.entry(code).or_default();
        Arc::make_mut(record).tell(fact);
    }

    /// The practices that were open in an area, by code.
    pub fn open_in<'a>(&'a self, area: &'a Area, from: &'a Viewpoint) -> impl Iterator<Item = PracticeView<'a>> {
        let day = Day::of(from.as_at);
        let codes: (Bound<PracticeCode>, Bound<PracticeCode>) = match area {
            Area::Practice(code) => (Bound::Included(*code), Bound::Included(*code)),
            _ => (Bound::Unbounded, Bound::Unbounded),
        };
        self.practices.range(codes).filter_map(move |(code, record)| record.view_in(area, *code, from, day))
    }

    /// The practice's areas as last told, besides England.
    pub fn latest_areas(&self, code: PracticeCode) -> impl Iterator<Item = Area> + '_ {
        let place = self.record(code).and_then(|record| record.place.last());
        place.into_iter().flat_map(|fact| fact.value.areas())
    }

    /// The capabilities of which anything was ever observed.
    #[must_use]
    pub fn capabilities(&self) -> BTreeSet<Capability> {
        self.practices.values().flat_map(|record| record.access.keys().cloned()).collect()
    }

    /// The records by code: what differs between two pictures is found without looking at what they share.
    pub(crate) fn by_practice(&self) -> &OrdMap<PracticeCode, Arc<PracticeRecord>> {
        &self.practices
    }

    /// Every practice, by code.
    pub fn records(&self) -> impl Iterator<Item = (PracticeCode, &PracticeRecord)> {
        self.practices.iter().map(|(code, record)| (*code, record.as_ref()))
    }

    /// How many practices were ever told of.
    #[must_use]
    pub fn len(&self) -> usize {
        self.practices.len()
    }

    /// None at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.practices.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{access, code, list_size, moment, place};

    fn fact(hours: i64, value: Told) -> Fact<Told> {
        Fact { effective_from: moment(hours), recorded_at: moment(hours), value }
    }

    #[test]
    fn repetitions_are_no_news() {
        let mut directory = Directory::default();
        for (hours, told) in [(0, Told::Place(place("QHM", "TPP"))), (0, list_size(9, None)), (10, access(true))] {
            assert!(directory.record(code(1)).is_none_or(|record| record.is_first(&told)));
            directory.tell(code(1), fact(hours, told));
        }
        let record = directory.record(code(1)).unwrap();
        assert!(!record.is_news(&fact(20, Told::Place(place("QHM", "TPP")))));
        assert!(!record.is_news(&fact(20, list_size(9, None))));
        assert!(!record.is_news(&fact(20, access(true))));
        assert!(record.is_news(&fact(20, Told::Place(place("QE1", "TPP")))));
        assert!(record.is_news(&fact(20, list_size(10, None))));
        assert!(record.is_news(&fact(20, access(false))));
        assert!(record.is_news(&fact(5, access(true))), "live since earlier than was known");
    }

    #[test]
    fn a_picture_once_taken_does_not_change() {
        let mut directory = Directory::default();
        directory.tell(code(1), fact(0, Told::Place(place("QHM", "TPP"))));
        let picture = directory.clone();
        directory.tell(code(1), fact(1, Told::Place(place("QE1", "TPP"))));
        let icb = |directory: &Directory| directory.latest_areas(code(1)).nth(1);
        assert_eq!(icb(&picture), Some("icbs/QHM".parse().unwrap()));
        assert_eq!(icb(&directory), Some("icbs/QE1".parse().unwrap()));
    }
}

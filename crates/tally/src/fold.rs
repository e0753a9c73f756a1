//! Folding batches into counts and sketches.
//!
//! A fold is what happened since the last checkpoint: a store adds it to what it holds and begins an empty one. It is a
//! function of the set of events and of the days they arrived on: order and grouping of the batches change nothing, and
//! folds merge (I29, I31). That each event is folded once is the caller's part, by the sequence of its source.
//!
//! Per event there is no allocation, no search and no text: counters are dense columns by practice, found by strand in
//! the hour at hand; people go into one sketch of the practice and one of each of its areas.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::area_index::{AreaIndex, AreaOrdinal};
use crate::day::{Day, Hour};
use crate::dictionary::{CapabilityOrdinal, Dictionary, PracticeOrdinal, StrandOrdinal};
use crate::event::Person;
use crate::events::{Event, Events};
use crate::sketch::{Hashed, Sketch};

const ALL_PRACTICES: Range<u32> = 0..u32::MAX;

/// What happened since the last checkpoint.
#[derive(Clone, Debug, Default)]
pub struct Fold {
    /// By the day on which the batch arrived: what was known when is told by day.
    arrivals: BTreeMap<Day, Arrival>,
    event_count: u64,
}

/// What arrived on one day.
#[derive(Clone, Debug, Default)]
struct Arrival {
    /// Few, since most events are fresh.
    hours: BTreeMap<Hour, HourCounts>,
    people: BTreeMap<(Day, CapabilityOrdinal), DayPeople>,
}

/// Counters of one hour: by strand, then by practice. A column that ends early goes on with zeroes.
#[derive(Clone, Debug)]
struct HourCounts {
    day: Day,
    by_strand: Vec<Vec<u32>>,
}

/// Who viewed records on one day. A list that ends early goes on with nobody.
#[derive(Clone, Debug, Default)]
struct DayPeople {
    by_practice: Vec<Option<Sketch>>,
    by_area: Vec<Option<Sketch>>,
}

/// How often one thing happened in one hour, by practice.
#[derive(Clone, Copy, Debug)]
pub struct Column<'a> {
    /// When the events arrived.
    pub arrived: Day,
    /// In which hour they happened.
    pub hour: Hour,
    /// The day of that hour.
    pub day: Day,
    /// What happened.
    pub strand: StrandOrdinal,
    /// The practice of the first count.
    first: u32,
    /// How often, by practice ordinal from `first` on; practices beyond its end, not at all.
    by_practice: &'a [u32],
}

impl<'a> Column<'a> {
    /// The practices at which it happened, each with how often.
    pub fn practices(&self) -> impl Iterator<Item = (PracticeOrdinal, u64)> + 'a {
        let counted = (self.first..).map(PracticeOrdinal).zip(self.by_practice);
        counted.filter(|(_, count)| **count > 0).map(|(practice, count)| (practice, u64::from(*count)))
    }

    /// How often at each practice of those that were asked for, from the first of them on; at those beyond its end, not at all.
    pub(crate) fn counts(&self) -> &'a [u32] {
        self.by_practice
    }

    /// How often it happened at one practice.
    #[must_use]
    pub fn at_practice(&self, practice: PracticeOrdinal) -> u64 {
        let index = practice.0.checked_sub(self.first);
        index.and_then(|index| self.by_practice.get(index as usize)).map_or(0, |count| u64::from(*count))
    }

    /// How often it happened in one area.
    #[must_use]
    pub fn in_area(&self, area: AreaOrdinal, areas: &AreaIndex) -> u64 {
        if area == AreaOrdinal::ENGLAND {
            return self.by_practice.iter().map(|count| u64::from(*count)).sum();
        }
        let inside = self.practices().filter(|(practice, _)| areas.counted_for(*practice).any(|other| other == area));
        inside.map(|(_, count)| count).sum()
    }
}

/// People who viewed records on one day, at one place.
#[derive(Clone, Copy, Debug)]
pub struct People<'a, Place> {
    /// When their events arrived.
    pub arrived: Day,
    /// On which day they viewed.
    pub day: Day,
    /// Records of which capability.
    pub capability: CapabilityOrdinal,
    /// At which practice, or in which area.
    pub place: Place,
    /// Who.
    pub sketch: &'a Sketch,
}

impl Fold {
    /// Nothing happened.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.event_count == 0
    }

    /// How many events were folded, those in quarantine included: of a log it is how far it was folded.
    #[must_use]
    pub fn event_count(&self) -> u64 {
        self.event_count
    }

    /// Folds a batch that arrived on this day. Its ordinals must be of this dictionary. What is in quarantine counts nowhere.
    pub fn add(&mut self, events: &Events, arrived: Day, dictionary: &Dictionary, areas: &AreaIndex) {
        self.event_count += events.len() as u64;
        let arrival = self.arrivals.entry(arrived).or_default();
        let events: Vec<Event> = events.iter().filter(|event| !event.is_quarantined()).collect();
        // Runs of one hour: most batches are one, so hour and day are looked up once a batch, not once an event.
        for run in events.chunk_by(|a, b| a.hour == b.hour) {
            arrival.add_run(run, dictionary, areas);
        }
    }

    /// Adds another fold to this one; their areas must be of one [`AreaIndex`].
    pub fn merge(&mut self, other: &Self) {
        self.event_count += other.event_count;
        for (arrived, theirs) in &other.arrivals {
            let ours = self.arrivals.entry(*arrived).or_default();
            for (hour, counts) in &theirs.hours {
                let columns = ours.hours.entry(*hour).or_insert_with(|| HourCounts::of(*hour));
                for (strand, column) in counts.by_strand.iter().enumerate() {
                    let sum = at(&mut columns.by_strand, strand);
                    for (practice, count) in column.iter().enumerate() {
                        *at(sum, practice) += count;
                    }
                }
            }
            for (key, people) in &theirs.people {
                let sum = ours.people.entry(*key).or_default();
                merge_sketches(&mut sum.by_practice, &people.by_practice);
                merge_sketches(&mut sum.by_area, &people.by_area);
            }
        }
    }

    /// Every count, by arrival, hour and strand.
    pub fn columns(&self) -> impl Iterator<Item = Column<'_>> {
        self.columns_of(ALL_PRACTICES)
    }

    /// The counts of these practices, by ordinal.
    pub fn columns_of(&self, practices: Range<u32>) -> impl Iterator<Item = Column<'_>> {
        let first = practices.start;
        self.arrivals.iter().flat_map(move |(arrived, arrival)| {
            let practices = practices.clone();
            arrival.hours.iter().flat_map(move |(hour, counts)| {
                let practices = practices.clone();
                let strands = (0..).map(StrandOrdinal).zip(&counts.by_strand);
                let strands = strands.map(move |(strand, column)| (strand, part(column, &practices)));
                strands.filter(|(_, by_practice)| !by_practice.is_empty()).map(move |(strand, by_practice)| Column {
                    arrived: *arrived,
                    hour: *hour,
                    day: counts.day,
                    strand,
                    first,
                    by_practice,
                })
            })
        })
    }

    /// Everybody who viewed, by practice.
    pub fn people_by_practice(&self) -> impl Iterator<Item = People<'_, PracticeOrdinal>> {
        self.people_by_practice_of(ALL_PRACTICES)
    }

    /// Everybody who viewed at these practices, by ordinal.
    pub fn people_by_practice_of(&self, practices: Range<u32>) -> impl Iterator<Item = People<'_, PracticeOrdinal>> {
        let first = practices.start as usize;
        let place = move |index| PracticeOrdinal((first + index) as u32);
        self.people(move |people| part(&people.by_practice, &practices), place)
    }

    /// Whoever viewed at these practices, by day and capability: the sketches from the first practice on.
    pub(crate) fn sketches_of(&self, practices: Range<u32>) -> impl Iterator<Item = &[Option<Sketch>]> {
        let people = self.arrivals.values().flat_map(|arrival| arrival.people.values());
        people.map(move |people| part(&people.by_practice, &practices))
    }

    /// Everybody who viewed, by area.
    pub fn people_by_area(&self) -> impl Iterator<Item = People<'_, AreaOrdinal>> {
        self.people(|people| &people.by_area[..], AreaOrdinal::from_index)
    }

    fn people<'a, Place>(
        &'a self,
        sketches: impl Fn(&'a DayPeople) -> &'a [Option<Sketch>],
        place: impl Fn(usize) -> Place + Copy,
    ) -> impl Iterator<Item = People<'a, Place>> {
        let each = self.arrivals.iter().flat_map(|(arrived, arrival)| {
            arrival.people.iter().map(|((day, capability), people)| (*arrived, *day, *capability, people))
        });
        each.flat_map(move |(arrived, day, capability, people)| {
            sketches(people).iter().enumerate().filter_map(move |(index, sketch)| {
                let sketch = sketch.as_ref()?;
                Some(People { arrived, day, capability, place: place(index), sketch })
            })
        })
    }
}

impl Arrival {
    /// Folds events that all happened in one hour; at least one.
    fn add_run(&mut self, run: &[Event], dictionary: &Dictionary, areas: &AreaIndex) {
        let hour = run[0].hour;
        let counts = self.hours.entry(hour).or_insert_with(|| HourCounts::of(hour));
        for event in run {
            let column = at(&mut counts.by_strand, usize::from(event.strand.0));
            *at(column, event.practice.0 as usize) += 1;
        }
        // In practice one capability, so one look-up.
        let view = |event: &Event| dictionary.views_of(event.strand).filter(|_| event.person != Person::NONE);
        for same in run.chunk_by(|a, b| view(a) == view(b)) {
            let Some(capability) = view(&same[0]) else { continue };
            let people = self.people.entry((counts.day, capability)).or_default();
            for event in same {
                people.insert(event, areas);
            }
        }
    }
}

impl HourCounts {
    fn of(hour: Hour) -> Self {
        Self { day: hour.day(), by_strand: Vec::new() }
    }
}

impl DayPeople {
    fn insert(&mut self, event: &Event, areas: &AreaIndex) {
        let person = Hashed::of(event.person);
        let practice = at(&mut self.by_practice, event.practice.0 as usize);
        practice.get_or_insert_with(Sketch::for_practice).insert_hashed(person);
        for area in areas.of_practice(event.practice) {
            at(&mut self.by_area, area.index()).get_or_insert_with(Sketch::for_area).insert_hashed(person);
        }
    }
}

/// The part of a list by practice that is these practices'.
fn part<'a, T>(list: &'a [T], practices: &Range<u32>) -> &'a [T] {
    let end = list.len().min(practices.end as usize);
    list.get(practices.start as usize..end).unwrap_or_default()
}

/// The element at `index`; the list is filled up to it.
#[inline]
fn at<T: Default>(list: &mut Vec<T>, index: usize) -> &mut T {
    if list.len() <= index {
        list.resize_with(index + 1, T::default);
    }
    &mut list[index]
}

fn merge_sketches(into: &mut Vec<Option<Sketch>>, from: &[Option<Sketch>]) {
    for (index, sketch) in from.iter().enumerate() {
        let Some(sketch) = sketch else { continue };
        match at(into, index) {
            Some(known) => known.merge(sketch),
            empty => *empty = Some(sketch.clone()),
        }
    }
}

//! I29: acknowledged ⊆ counted ⊆ sent, and equal once every source has resumed, whatever is sent again, in whatever
//! batches, wherever the fold is cut by checkpoints and the program by crashes. The judge is a naive program that counts a set
//! of events.

use std::collections::{BTreeMap, BTreeSet};

use ods::Capability;
use proptest::prelude::*;
use tally::{
    Area, AreaIndex, AreaOrdinal, Column, Day, Dictionary, Event, EventFault, EventKind, Events, Fold, Hour, Person,
    PracticeOrdinal, Section, SequenceError, Slice, Standing, Strand, StrandOrdinal, Union, Written, standing,
};

const PRACTICES: u32 = 5;

fn dictionary() -> Dictionary {
    let mut dictionary = Dictionary::default();
    for number in 0..PRACTICES {
        dictionary.add_practice(format!("A{number:05}").parse().expect("a practice code"));
    }
    for (kind, section, channel, capability) in [
        (EventKind::AccessGranted, Section::Unspecified, "", ""),
        (EventKind::RecordViewed, Section::TestResults, "", ""),
        (EventKind::RecordViewed, Section::Documents, "other-app", ""),
        (EventKind::RecordViewed, Section::Documents, "", "capabilities/historic-records"),
    ] {
        let channel = channel.parse().expect("a channel");
        dictionary.add_strand(Strand { capability: capability.parse().expect("a capability"), kind, channel, section });
    }
    dictionary
}

fn areas() -> AreaIndex {
    let mut areas = AreaIndex::default();
    for practice in 0..PRACTICES - 1 {
        let icb = ["icbs/QHM", "icbs/QE1"][practice as usize % 2];
        areas.place(PracticeOrdinal(practice), ["regions/Y63", icb].map(|area| area.parse().expect("an area")));
    }
    areas
}

/// What one source sends in its life: its events in order.
type Life = Vec<Event>;

fn event() -> impl Strategy<Value = Event> {
    let hours = prop_oneof![4 => 540_000_u32..540_003, 1 => 539_900_u32..540_100];
    let sound = (0..PRACTICES, 0_u16..4, hours, 0_u64..40).prop_map(|(practice, strand, hour, person)| Event {
        practice: PracticeOrdinal(practice),
        strand: StrandOrdinal(strand),
        hour: Hour(hour),
        person: if person == 0 { Person::NONE } else { Person::of_pseudonym(&person.to_be_bytes()) },
    });
    let poisoned = prop::sample::select(&EventFault::ALL[..]).prop_map(Event::quarantined);
    prop_oneof![12 => sound, 1 => poisoned]
}

fn lives() -> impl Strategy<Value = Vec<Life>> {
    prop::collection::vec(prop::collection::vec(event(), 1..80), 1..5)
}

/// What happens: a source sends some of its events, the aggregator checkpoints, or it loses its memory.
#[derive(Clone, Copy, Debug)]
enum Act {
    Send { source: usize, from: usize, count: usize, day: i32 },
    Checkpoint,
    Crash,
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let send = (0_usize..5, 0_usize..80, 1_usize..40, 0_i32..3).prop_map(|(source, from, count, day)| Act::Send {
        source,
        from,
        count,
        day,
    });
    prop::collection::vec(prop_oneof![8 => send, 1 => Just(Act::Checkpoint), 1 => Just(Act::Crash)], 0..120)
}

/// The aggregator in miniature: positions, the log, how far it is folded into what is stored, and the fold of the rest.
#[derive(Default)]
struct Aggregator {
    durable: Vec<u64>,
    log: Vec<(Vec<u8>, Day)>,
    folded: usize,
    stored: Fold,
    fold: Fold,
}

impl Aggregator {
    fn send(&mut self, source: usize, first: u64, mut events: Events, arrived: Day) -> Result<u64, SequenceError> {
        let durable = &mut self.durable[source];
        match standing(*durable, first, events.len())? {
            Standing::Durable => return Ok(*durable),
            Standing::Overlapping { durable_count } => drop(events.split_front(durable_count)),
            Standing::Next => {}
        }
        *durable += events.len() as u64;
        self.log.push((events.to_bytes(), arrived));
        self.fold.add(&events, arrived, &dictionary(), &areas());
        Ok(*durable)
    }

    fn checkpoint(&mut self) {
        self.stored.merge(&std::mem::take(&mut self.fold));
        self.folded = self.log.len();
    }

    /// What was in memory is gone, and folded again from the log.
    fn crash(&mut self) {
        self.fold = Fold::default();
        for (bytes, arrived) in &self.log[self.folded..] {
            let events = Events::from_bytes(bytes).expect("as it was written");
            self.fold.add(&events, *arrived, &dictionary(), &areas());
        }
    }
}

fn batch(events: &[Event]) -> Events {
    events.iter().copied().collect()
}

fn arrival(day: i32) -> Day {
    "2031-08-10".parse::<Day>().expect("a day").plus(day)
}

/// Counts by hour, strand and practice, whatever the day of arrival.
fn counts(fold: &Fold) -> BTreeMap<(Hour, StrandOrdinal, PracticeOrdinal), u64> {
    let mut counts = BTreeMap::new();
    for column in fold.columns() {
        assert_eq!(column.day, column.hour.day());
        for (practice, count) in column.practices() {
            *counts.entry((column.hour, column.strand, practice)).or_default() += count;
        }
    }
    counts
}

type Sums = BTreeMap<(Hour, StrandOrdinal, PracticeOrdinal), u64>;

/// What of a fold was written.
#[derive(Clone, Default)]
struct Shares {
    areas: Sums,
    practices: Sums,
    people: Vec<PracticeOrdinal>,
}

fn sum<'a>(columns: impl Iterator<Item = Column<'a>>) -> Sums {
    let cells = columns.flat_map(|column| {
        column.practices().map(|(practice, count)| ((column.hour, column.strand, practice), count)).collect::<Vec<_>>()
    });
    let mut sums = Sums::new();
    cells.for_each(|(cell, count)| *sums.entry(cell).or_default() += count);
    sums
}

fn merge(sums: &mut Sums, others: Sums) {
    others.into_iter().for_each(|(cell, count)| *sums.entry(cell).or_default() += count);
}

/// The practices that have sketches, in their order; each as often as it has one.
fn people(fold: &Fold, practices: std::ops::Range<u32>) -> Vec<PracticeOrdinal> {
    let mut people: Vec<_> = fold.people_by_practice_of(practices).map(|people| people.place).collect();
    people.sort_unstable();
    people
}

fn naive_counts(events: &[Event]) -> BTreeMap<(Hour, StrandOrdinal, PracticeOrdinal), u64> {
    let mut counts = BTreeMap::new();
    for event in events.iter().filter(|event| !event.is_quarantined()) {
        *counts.entry((event.hour, event.strand, event.practice)).or_default() += 1;
    }
    counts
}

/// How many distinct people viewed records of the default capability in an area.
fn viewers(fold: &Fold, area: AreaOrdinal) -> u64 {
    let prospective = dictionary().capability_ordinal(&Capability::default()).expect("in the dictionary");
    let mut union = Union::for_area();
    for people in fold.people_by_area().filter(|people| people.place == area && people.capability == prospective) {
        union.add(people.sketch);
    }
    union.estimate().value
}

fn naive_viewers(events: &[Event], area: &Area) -> u64 {
    let (dictionary, areas) = (dictionary(), areas());
    let inside = |event: &&Event| {
        if event.is_quarantined() {
            return false;
        }
        let of_practice = areas.of_practice(event.practice);
        let strand = dictionary.strand(event.strand).expect("in the dictionary");
        of_practice.iter().any(|ordinal| areas.areas()[ordinal.index()] == *area)
            && strand.kind == EventKind::RecordViewed
            && strand.capability == Capability::default()
            && event.person != Person::NONE
    };
    events.iter().filter(inside).map(|event| event.person).collect::<BTreeSet<_>>().len() as u64
}

proptest! {
    #[test]
    fn i29_any_order_split_repetition_checkpoint_and_crash_counts_each_event_once(lives in lives(), acts in acts()) {
        let mut aggregator = Aggregator { durable: vec![0; lives.len()], ..Aggregator::default() };
        for act in acts {
            let (source, from, count, day) = match act {
                Act::Send { source, from, count, day } => (source, from, count, day),
                Act::Checkpoint => {
                    aggregator.checkpoint();
                    continue;
                }
                Act::Crash => {
                    aggregator.crash();
                    continue;
                }
            };
            let source = source % lives.len();
            let life = &lives[source];
            let from = from % life.len();
            let events = &life[from..(from + count).min(life.len())];
            let before = aggregator.durable[source];
            match aggregator.send(source, from as u64 + 1, batch(events), arrival(day)) {
                Ok(durable) => prop_assert_eq!(durable, before.max((from + events.len()) as u64)),
                Err(SequenceError::Gap { expected, .. }) => {
                    prop_assert!(from as u64 > before);
                    prop_assert_eq!(expected, before + 1);
                }
                Err(error @ SequenceError::Range { .. }) => prop_assert!(false, "{}", error),
            }
        }
        // What is acknowledged is counted, and nothing else is.
        let acknowledged: Vec<Event> = lives
            .iter()
            .zip(&aggregator.durable)
            .flat_map(|(life, durable)| life[..*durable as usize].iter().copied())
            .collect();
        let mut everything = aggregator.stored.clone();
        everything.merge(&aggregator.fold);
        prop_assert_eq!(counts(&everything), naive_counts(&acknowledged));

        // Every source resumes from its durable sequence: then all that was sent is counted.
        for (source, life) in lives.iter().enumerate() {
            let durable = aggregator.durable[source];
            let rest = batch(&life[durable as usize..]);
            if !rest.is_empty() {
                prop_assert_eq!(aggregator.send(source, durable + 1, rest, arrival(3)), Ok(life.len() as u64));
            }
        }
        aggregator.checkpoint();
        let sent: Vec<Event> = lives.concat();
        prop_assert_eq!(counts(&aggregator.stored), naive_counts(&sent));
        prop_assert_eq!(aggregator.stored.event_count(), sent.len() as u64);
        for area in areas().areas() {
            let ordinal = areas().ordinal(area).unwrap();
            prop_assert_eq!(viewers(&aggregator.stored, ordinal), naive_viewers(&sent, area), "{}", area);
        }
    }

    /// Wherever writing it in slices is interrupted, what is written and what is left are the whole, and nothing is in both.
    #[test]
    fn i29_slices_and_the_rest_are_the_whole_fold_and_nothing_is_in_two(
        events in prop::collection::vec(event(), 1..200),
        cost_max in 0_usize..80,
    ) {
        let mut fold = Fold::default();
        fold.add(&batch(&events), arrival(0), &dictionary(), &areas());
        let everything = (sum(fold.columns()), sum(fold.columns()), people(&fold, 0..u32::MAX));
        let areas_people = fold.people_by_area().count();
        let mut written = Written::Nothing;
        let mut taken = Shares::default();
        loop {
            let rest = fold.rest(written);
            let mut whole = taken.clone();
            merge(&mut whole.areas, sum(rest.area_columns()));
            merge(&mut whole.practices, sum(rest.practice_columns()));
            whole.people.extend(rest.people_by_practice().map(|people| people.place));
            whole.people.sort_unstable();
            prop_assert_eq!((whole.areas, whole.practices, whole.people), everything.clone());
            prop_assert_eq!(rest.people_by_area().count(), if written == Written::Nothing { areas_people } else { 0 });

            let Some(slice) = fold.next_slice(written, cost_max) else { break };
            match &slice {
                Slice::Areas => taken.areas = sum(fold.columns()),
                Slice::Practices(practices) => {
                    merge(&mut taken.practices, sum(fold.columns_of(practices.clone())));
                    taken.people.extend(people(&fold, practices.clone()));
                }
            }
            prop_assert!(slice.written() > written, "it goes on");
            written = slice.written();
        }
        prop_assert_eq!((taken.areas, taken.practices, taken.people), everything);
    }

    #[test]
    fn columns_sum_to_the_same_over_an_area_and_over_its_practices(events in prop::collection::vec(event(), 1..200)) {
        let mut fold = Fold::default();
        fold.add(&batch(&events), arrival(0), &dictionary(), &areas());
        for area in areas().areas() {
            let ordinal = areas().ordinal(area).unwrap();
            for column in fold.columns() {
                let inside = column.practices().filter(|(p, _)| areas().of_practice(*p).contains(&ordinal));
                prop_assert_eq!(column.in_area(ordinal, &areas()), inside.map(|(_, count)| count).sum::<u64>());
            }
        }
    }
}

//! How fast the fold is: `cargo run --release -p tally --example fold_speed`.
//!
//! Batches of a thousand events over 6,000 practices and ten million people, half of them views; the log's bytes are
//! written and read on the way, as the service does. Then each sketch is made ready to be stored, as a checkpoint does.

use std::time::Duration;

use tally::{
    Area, AreaIndex, Day, Dictionary, Event, EventKind, Events, Fold, Hour, Person, PracticeOrdinal, Section, Sketch,
    Strand, StrandOrdinal, Union,
};

const PRACTICES: u32 = 6_000;
const PEOPLE: u64 = 10_000_000;
const BATCHES: u64 = 4_000;
const BATCH_EVENTS: u64 = 1_000;

#[expect(clippy::disallowed_methods, reason = "a measurement is of real time")]
fn timed<T>(name: &str, work: impl FnOnce() -> T) -> T {
    let start = std::time::Instant::now();
    let done = work();
    report(name, start.elapsed());
    done
}

#[expect(clippy::disallowed_methods, clippy::print_stdout, reason = "a measurement of real time, and its outcome")]
fn stored<'a>(name: &str, sketches: impl Iterator<Item = &'a Sketch>, empty: impl Fn() -> Union) {
    let start = std::time::Instant::now();
    let mut count = 0_u32;
    for sketch in sketches {
        let mut union = empty();
        union.add(sketch);
        std::hint::black_box(union.to_bytes());
        count += 1;
    }
    println!("{name:<28} {:>7.1?} each of {count}", start.elapsed() / count);
}

#[expect(clippy::print_stdout, reason = "the outcome of a measurement")]
fn report(name: &str, took: Duration) {
    let events = BATCHES * BATCH_EVENTS;
    let each = took.as_nanos() as f64 / events as f64;
    println!("{name:<28} {each:>7.1} ns an event, {:>6.2} million a second", 1_000.0 / each);
}

fn main() {
    let mut dictionary = Dictionary::default();
    let mut areas = AreaIndex::default();
    for number in 0..PRACTICES {
        let practice = dictionary.add_practice(format!("A{number:05}").parse().expect("a practice code"));
        let lies_in = [format!("icbs/Q{:02}", number % 36), format!("regions/Y{}", 56 + number % 7)];
        areas.place(practice, lies_in.map(|area| area.parse::<Area>().expect("an area")));
    }
    for section in Section::ALL {
        for kind in [EventKind::RecordViewed, EventKind::AccessGranted] {
            let (capability, channel) = (ods::Capability::default(), "".parse().expect("the default channel"));
            dictionary.add_strand(Strand { capability, kind, channel, section });
        }
    }
    let event = |number: u64| {
        let mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20;
        let person = mixed % PEOPLE;
        Event {
            practice: PracticeOrdinal((person % u64::from(PRACTICES)) as u32),
            strand: StrandOrdinal((mixed % 16) as u16),
            hour: Hour(540_000),
            person: Person::of_pseudonym(&[person, person ^ 0xabcd].map(u64::to_le_bytes).concat()),
        }
    };
    let batches: Vec<Events> = timed("making events (not counted)", || {
        (0..BATCHES).map(|batch| (0..BATCH_EVENTS).map(|index| event(batch * BATCH_EVENTS + index)).collect()).collect()
    });
    let logged: Vec<Vec<u8>> = timed("to the log's bytes", || batches.iter().map(Events::to_bytes).collect());
    let read: Vec<Events> =
        timed("from them", || logged.iter().map(|bytes| Events::from_bytes(bytes).expect("just written")).collect());
    let arrived: Day = "2031-08-10".parse().expect("a day");
    let mut fold = Fold::default();
    timed("folding", || {
        for events in &read {
            fold.add(events, arrived, &dictionary, &areas);
        }
    });
    assert_eq!(fold.event_count(), BATCHES * BATCH_EVENTS);
    stored("areas' sketches", fold.people_by_area().map(|people| people.sketch), Union::for_area);
    stored("practices' sketches", fold.people_by_practice().map(|people| people.sketch), Union::for_practice);
}

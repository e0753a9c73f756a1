//! What a summary costs: `cargo run --release -p tally --example summary_speed`.
//!
//! 6,129 practices with two years of monthly lists and returns, every one live since some day; thirty days of an area's sketches as
//! the tables have them.

use std::cell::RefCell;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use ods::Capability;
use tally::{
    Area, Day, Directory, Fact, Figures, KeptStocks, ListSize, Observed, ObservedState, Person, Place,
    PracticeStanding, Returns, ReturnsEvent, Sketch, Stocks, Submission, Told, Union, Viewpoint,
};

const PRACTICES: i64 = 6_129;
const MONTHS: i64 = 24;
const DAYS: u64 = 30;
const PEOPLE_PER_DAY: u64 = 200_000;
const ROUNDS: u32 = 200;

#[expect(clippy::disallowed_methods, clippy::print_stdout, reason = "a measurement of real time, and its outcome")]
fn timed<T>(name: &str, work: impl Fn() -> T) {
    let start = std::time::Instant::now();
    for _ in 0..ROUNDS {
        std::hint::black_box(work());
    }
    let each: Duration = start.elapsed() / ROUNDS;
    println!("{name:<40} {each:>10.1?}");
}

#[expect(clippy::disallowed_methods, clippy::print_stdout, reason = "a measurement of real time, and its outcome")]
fn once<T>(name: &str, work: impl FnOnce() -> T) {
    let start = std::time::Instant::now();
    std::hint::black_box(work());
    println!("{name:<40} {:>10.1?}", start.elapsed());
}

fn at(days: i64) -> Timestamp {
    "2031-01-01T09:00:00Z".parse::<Timestamp>().expect("a moment") + SignedDuration::from_hours(24 * days)
}

fn nation() -> (Directory, Returns) {
    let (mut directory, mut returns) = (Directory::default(), Returns::default());
    let code = |number: i64| format!("A{number:05}").parse().expect("a practice code");
    for number in 0..PRACTICES {
        let place = Place {
            standing: PracticeStanding::Active,
            open_date: None,
            close_date: None,
            supplier: Some(["EMIS", "TPP"][number as usize % 2].parse().expect("a supplier")),
            icb: Some(format!("Q{:02}", number % 36).parse().expect("an ICB")),
            region: Some("Y63".parse().expect("a region")),
            sub_icb: None,
            pcn: None,
        };
        let mut tell = |days, value| {
            directory.tell(code(number), Fact { effective_from: at(days), recorded_at: at(days), value });
        };
        tell(0, Told::Place(place));
        for month in 0..MONTHS {
            let patients = 9_000 + (number + month) as u64;
            tell(month * 30, Told::ListSize(ListSize { patients, source: "list".to_owned(), as_at: None }));
        }
        let observed = Observed { state: ObservedState::On, live: true };
        tell(number % 300, Told::Access { capability: Capability::default(), observed });
    }
    for month in 1..MONTHS {
        let end = Day::of(at(month * 30)).date();
        let submission = Submission {
            supplier: "EMIS".parse().expect("a supplier"),
            capability: Capability::default(),
            period_start: end,
            period_end: end,
            sender: None,
        };
        let figures = Figures { accounts_with_access: 1_000, ..Figures::default() };
        let rows = (0..PRACTICES).map(|number| (code(number), figures)).collect();
        returns.apply(&ReturnsEvent::ReturnsSubmitted { submission, returns: rows }, at(month * 30 + 1));
    }
    (directory, returns)
}

fn main() {
    let (directory, returns) = nation();
    let from = Viewpoint { as_at: at(500), known_at: at(800), capability: Capability::default() };
    timed("stocks of England", || Stocks::of(&Area::England, &from, &directory, &returns));
    let icb = "icbs/Q07".parse().expect("an area");
    timed("stocks of an ICB", || Stocks::of(&icb, &from, &directory, &returns));

    let kept = RefCell::new(KeptStocks::default());
    let ask = |area: &Area, directory: &Directory| kept.borrow_mut().of(area, &from, directory, &returns);
    once("kept stocks, the first question", || ask(&Area::England, &directory));
    timed("kept stocks of England", || ask(&Area::England, &directory));
    timed("kept stocks of an ICB", || ask(&icb, &directory));
    let moved = RefCell::new((directory.clone(), 0));
    timed("kept stocks of England after a change", || {
        let (directory, days) = &mut *moved.borrow_mut();
        *days += 1;
        let observed = Observed { state: ObservedState::Off, live: *days % 2 == 0 };
        let value = Told::Access { capability: Capability::default(), observed };
        let practice = format!("A{days:05}").parse().expect("a practice code");
        directory.tell(practice, Fact { effective_from: at(790), recorded_at: at(790), value });
        ask(&Area::England, directory)
    });

    let days: Vec<Vec<u8>> = (0..DAYS)
        .map(|day| {
            let mut sketch = Sketch::for_area();
            for person in 0..PEOPLE_PER_DAY {
                sketch.insert(Person::of_pseudonym(&(person + day * 7_919).to_be_bytes()));
            }
            let mut union = Union::for_area();
            union.add(&sketch);
            union.to_bytes()
        })
        .collect();
    let everybody = || {
        let mut everybody = Union::for_area();
        days.iter().for_each(|day| everybody.add_bytes(day).expect("it was just written"));
        everybody
    };
    timed("union of thirty days", everybody);
    let union = everybody();
    timed("its estimate", || union.estimate());
}

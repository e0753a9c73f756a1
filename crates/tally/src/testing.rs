//! Small worlds for the tests of this crate.

use jiff::Timestamp;
use jiff::civil::Date;
use ods::{Capability, PracticeCode};
use proptest::prelude::*;

use crate::day::Day;
use crate::directory::{Directory, ListSize, Observed, ObservedState, Told};
use crate::fact::Fact;
use crate::place::{Place, PracticeStanding};
use crate::returns::{Figures, Returns, ReturnsEvent, Submission};

/// So many hours after the worlds begin.
pub(crate) fn moment(hours: i64) -> Timestamp {
    "2031-01-01T00:00:00Z".parse::<Timestamp>().unwrap() + jiff::SignedDuration::from_hours(hours)
}

/// The day so many days after the worlds begin.
pub(crate) fn date(days: i32) -> Date {
    Day::of(moment(0)).plus(days).date()
}

pub(crate) fn code(number: u32) -> PracticeCode {
    format!("A{number:05}").parse().unwrap()
}

pub(crate) fn place(icb: &str, supplier: &str) -> Place {
    Place {
        standing: PracticeStanding::Active,
        open_date: None,
        close_date: None,
        supplier: Some(supplier.parse().unwrap()),
        icb: Some(icb.parse().unwrap()),
        region: Some("Y63".parse().unwrap()),
        sub_icb: Some("16C".parse().unwrap()),
        pcn: None,
    }
}

pub(crate) fn access(live: bool) -> Told {
    let state = if live { ObservedState::On } else { ObservedState::Off };
    Told::Access { capability: Capability::default(), observed: Observed { state, live } }
}

pub(crate) fn list_size(patients: u64, as_at: Option<Date>) -> Told {
    Told::ListSize(ListSize { patients, source: "list".to_owned(), as_at })
}

pub(crate) fn submission(end: Date) -> Submission {
    Submission {
        supplier: "EMIS".parse().unwrap(),
        capability: Capability::default(),
        period_start: end,
        period_end: end,
        sender: None,
    }
}

pub(crate) fn told() -> impl Strategy<Value = Told> {
    let standing = prop_oneof![
        6 => Just(PracticeStanding::Active),
        1 => Just(PracticeStanding::Closed),
        1 => Just(PracticeStanding::Dormant),
        1 => Just(PracticeStanding::Proposed),
    ];
    let dates = (prop::option::of(0_i32..100), prop::option::of(0_i32..100));
    let placed = (standing, dates, 0_usize..3).prop_map(|(standing, (open, close), icb)| {
        Told::Place(Place {
            standing,
            open_date: open.map(date),
            close_date: close.map(date),
            ..place(["QHM", "QE1", "Z9B2Z"][icb], "EMIS")
        })
    });
    prop_oneof![
        2 => placed,
        1 => (1_u64..20_000).prop_map(|patients| list_size(patients, Some(date(0)))),
        3 => any::<bool>().prop_map(access),
    ]
}

/// A practice's return of a day.
pub(crate) fn figures_at(practice: u32, end: i32, accounts_with_access: u64) -> ReturnsEvent {
    let figures = Figures { accounts_with_access, ..Figures::default() };
    ReturnsEvent::ReturnsSubmitted { submission: submission(date(end)), returns: vec![(code(practice), figures)] }
}

/// Up to six practices with whatever may be told of them, in 100 days, and returns for some.
pub(crate) fn world() -> impl Strategy<Value = (Directory, Returns)> {
    let facts = prop::collection::vec((0_u32..6, told(), -24_i64..24 * 100, 0_i64..48), 0..40);
    let returns = prop::collection::vec((0_u32..6, 0_i32..100, 0_u64..9_000, 0_i64..48), 0..20);
    (facts, returns).prop_map(|(facts, submitted)| {
        let mut directory = Directory::default();
        for practice in 0..6 {
            let value = Told::Place(place("QHM", "TPP"));
            directory.tell(code(practice), Fact { effective_from: Timestamp::MIN, recorded_at: moment(0), value });
        }
        for (practice, value, from, delay) in facts {
            let fact = Fact { effective_from: moment(from), recorded_at: moment(from + delay), value };
            directory.tell(code(practice), fact);
        }
        let mut returns = Returns::default();
        for (practice, end, accounts_with_access, delay) in submitted {
            returns.apply(&figures_at(practice, end, accounts_with_access), moment(i64::from(end) * 24 + delay));
        }
        (directory, returns)
    })
}

//! Random organisation graphs keep rule 9 (I27): whatever practices become of one another, told in time, late or ahead.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Span};
use ods::civil::{civil_date, day_start};
use ods::{Capability, PracticeCode};
use practice::access::{Access, ObservationSource, ObservedState, Outcome};
use practice::command::{Observation, PausePractice, RecordSuccession, RequestSwitchOff, ResumePractice, Settlement};
use practice::directory::{DirectoryEntry, ListSize, Status};
use practice::pause::PauseEnd;
use practice::succession::heirs;
use practice::{
    Action, Command, CommandKey, Event, State, SuccessionKind, SuccessionTerms, apply, permit_of, permit_refusal,
};
use proptest::prelude::*;

use crate::bench::{Bench, code, day, entry, import, observation, placed};

const PRACTICES: u8 = 8;

/// Something that somebody does.
#[derive(Clone, Debug)]
enum Act {
    Succeed {
        kind: SuccessionKind,
        from: Vec<u8>,
        to: Vec<u8>,
        days_ahead: i32,
    },
    Pause {
        at: u8,
        days: Option<i64>,
    },
    Resume {
        at: u8,
    },
    SwitchOff {
        at: u8,
    },
    Observe {
        at: u8,
        state: ObservedState,
    },
    Acquire {
        at: u8,
        action: Action,
    },
    Settle {
        at: u8,
        outcome: Outcome,
    },
    /// A file that says that everybody is open.
    Directory,
    Wait {
        hours: i64,
    },
    Lapse,
}

fn practice_code(number: u8) -> PracticeCode {
    code(&format!("A8100{number}"))
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    use SuccessionKind::{Close, Merge, Recode, Split};
    let kinds = prop_oneof![4 => Just(Merge), 3 => Just(Split), 2 => Just(Recode), 1 => Just(Close)];
    let some = || proptest::collection::btree_set(0..PRACTICES, 1..4);
    let succeed = (kinds, some(), some(), -20..20i32).prop_map(|(kind, from, to, days_ahead)| {
        // Mostly of the shape that the kind goes with.
        let cut = |codes: BTreeSet<u8>, count| codes.into_iter().take(count).collect::<Vec<u8>>();
        let (from_count, to_count) = match kind {
            Merge => (3, 1),
            Split => (1, 3),
            Recode => (1, 1),
            Close => (1, 0),
        };
        Act::Succeed { kind, from: cut(from, from_count), to: cut(to, to_count), days_ahead }
    });
    let states = prop_oneof![
        Just(ObservedState::Off),
        Just(ObservedState::On),
        Just(ObservedState::Partial),
        Just(ObservedState::Unknown)
    ];
    let outcomes = prop_oneof![3 => Just(Outcome::Applied), 1 => Just(Outcome::NotApplied), 1 => Just(Outcome::Voided)];
    let actions = prop_oneof![3 => Just(Action::Enable), 1 => Just(Action::Disable)];
    let at = || 0..PRACTICES;
    let act = prop_oneof![
        6 => succeed,
        3 => (at(), proptest::option::of(1..30i64)).prop_map(|(at, days)| Act::Pause { at, days }),
        1 => at().prop_map(|at| Act::Resume { at }),
        1 => at().prop_map(|at| Act::SwitchOff { at }),
        3 => (at(), states).prop_map(|(at, state)| Act::Observe { at, state }),
        6 => (at(), actions).prop_map(|(at, action)| Act::Acquire { at, action }),
        3 => (at(), outcomes).prop_map(|(at, outcome)| Act::Settle { at, outcome }),
        1 => Just(Act::Directory),
        3 => (1..24 * 12i64).prop_map(|hours| Act::Wait { hours }),
        4 => Just(Act::Lapse),
    ];
    proptest::collection::vec(act, 0..50)
}

/// Eight practices, each counted in May.
fn country() -> Bench {
    let mut bench = Bench::new();
    let mut everybody = Vec::new();
    for number in 0..PRACTICES {
        let mut told = entry(practice_code(number).as_str());
        let (patients, source) = (1_000 + u32::from(number), "lists".to_owned());
        told.list_size = Some(ListSize { patients, source, date: day("2031-05-01"), carried_over: false });
        everybody.push(told);
    }
    bench.done(&import("2031-05-01", everybody));
    bench
}

fn perform(bench: &mut Bench, act: &Act) {
    let capability = Capability::default();
    match act {
        Act::Wait { hours } => bench.wait(SignedDuration::from_hours(*hours)),
        Act::Lapse => {
            bench.done(&Command::Lapse);
        }
        Act::Succeed { kind, from, to, days_ahead } => {
            let codes = |numbers: &[u8]| numbers.iter().map(|number| practice_code(*number)).collect();
            let effective_from = civil_date(bench.now).checked_add(Span::new().days(*days_ahead)).unwrap();
            let terms =
                SuccessionTerms { kind: *kind, predecessors: codes(from), successors: codes(to), effective_from };
            // Many are refused; that is part of it.
            let _refused = bench.run(&Command::RecordSuccession(RecordSuccession {
                terms,
                recorded_by: "operator".to_owned(),
                reason_code: String::new(),
                if_positions: Vec::new(),
                confirm_count: None,
                confirm_hash: None,
            }));
        }
        Act::Pause { at, days } => {
            let end = days.map_or(PauseEnd::FurtherNotice, |days| {
                PauseEnd::Until(bench.now + SignedDuration::from_hours(24 * days))
            });
            let pause = PausePractice { practice: practice_code(*at), capability: None, end, placed: placed() };
            bench.done(&Command::PausePractice(pause));
        }
        Act::Resume { at } => {
            let lift = ResumePractice { practice: practice_code(*at), pause: None, if_position: None };
            let _nothing_to_lift = bench.run(&Command::ResumePractice(lift));
        }
        Act::SwitchOff { at } => {
            let request = RequestSwitchOff { practice: practice_code(*at), capability, placed: placed() };
            bench.done(&Command::RequestSwitchOff(request));
        }
        Act::Observe { at, state } => {
            let (practice, source) = (practice_code(*at), ObservationSource::SupplierList);
            let said = observation(*state);
            let observation = Observation { practice, capability, source, as_at: None, ..said };
            bench.done(&Command::RecordObservations(vec![observation]));
        }
        Act::Acquire { at, action } => acquire(bench, *at, *action),
        Act::Settle { at, outcome } => {
            let practice = practice_code(*at);
            let open = bench.state.practice(practice).unwrap().access(&capability).cloned();
            let open = open.iter().flat_map(Access::permits).find(|permit| permit.is_open()).cloned();
            if let Some(permit) = open {
                let key = CommandKey { capability, practice, action: permit.action, generation: permit.generation };
                let settlement = Settlement { key, outcome: *outcome, observed: None, as_at: None };
                bench.done(&Command::SettlePermits(vec![settlement]));
            }
        }
        Act::Directory => {
            let everybody: Vec<DirectoryEntry> = (0..PRACTICES)
                .map(|number| {
                    let mut told = entry(practice_code(number).as_str());
                    told.lifetime = Some(practice::directory::Lifetime::default());
                    told
                })
                .collect();
            let today = civil_date(bench.now).to_string();
            bench.done(&import(&today, everybody));
        }
    }
}

/// Asks for the next generation. Nothing is triggered under a code that is closed on the day, ahead of the event too; a
/// DISABLE always gets its permit.
fn acquire(bench: &mut Bench, at: u8, action: Action) {
    let practice = practice_code(at);
    let known = bench.state.practice(practice).unwrap();
    let capability = Capability::default();
    let generation = known.access(&capability).map_or(0, |access| access.generation_highest) + 1;
    let closed = known.closing().is_some_and(|closing| closing.terms.effective_from <= civil_date(bench.now));
    let key = CommandKey { capability, practice, action, generation };
    bench.done(&Command::AcquirePermits(vec![key.clone()]));
    let granted = permit_of(&bench.state, &key).is_some();
    match action {
        Action::Disable => assert!(granted, "{key}: {:?}", permit_refusal(&bench.state, &key, bench.now)),
        Action::Enable => assert!(!(granted && closed), "{key} was permitted under a closed code"),
    }
}

/// Where a pause was first placed.
fn origin(state: &State, code: PracticeCode, number: u32) -> (PracticeCode, u32) {
    match state.practice(code).and_then(|known| known.pause(number)).and_then(|pause| pause.inherited) {
        Some(inherited) => origin(state, inherited.practice, inherited.pause),
        None => (code, number),
    }
}

/// Each pause in force under a closed code has come to whoever goes on, unless it was lifted or came to its end on the way.
fn no_pause_is_lost(state: &State) {
    let of_origin = |code: PracticeCode, from: (PracticeCode, u32)| {
        let known = state.practice(code).unwrap();
        known.pauses.iter().find(|held| origin(state, code, held.number) == from).cloned()
    };
    for practice in state.practices().filter(|practice| practice.succeeded().is_some()) {
        for pause in practice.pauses_in_force() {
            let from = origin(state, practice.code, pause.number);
            let all_heirs = heirs(state, practice.code);
            for heir in &all_heirs {
                let ended_before = |code: &PracticeCode| {
                    let ended = of_origin(*code, from).is_some_and(|held| !held.is_in_force());
                    ended && heirs(state, *code).contains(heir)
                };
                assert!(
                    of_origin(*heir, from).is_some() || all_heirs.iter().any(ended_before),
                    "pause {} of {} was lost at {heir}",
                    pause.number,
                    practice.code
                );
            }
        }
    }
}

/// Practices that are closed count nobody, and nobody is counted twice or lost but by a closure.
fn patients_are_counted_once(state: &State, all: u64) {
    let listed = |code: &PracticeCode| {
        let size = state.practice(*code).and_then(|practice| practice.list_size.clone());
        size.map_or(0, |size| u64::from(size.latest().value.patients))
    };
    let (mut living, mut gone) = (0, 0);
    for practice in state.practices() {
        let ended = practice.succeeded().filter(|ended| ended.terms.successors.is_empty());
        match practice.status {
            Status::Closed if ended.is_some() => gone += listed(&practice.code),
            Status::Closed => {}
            _ => living += listed(&practice.code),
        }
    }
    assert_eq!(living + gone, all);
}

/// Dates rise along every line of successors, so that none returns.
fn lines_of_successors_end(state: &State) {
    for practice in state.practices() {
        assert!(!heirs(state, practice.code).contains(&practice.code), "{} succeeds itself", practice.code);
        let mut closings: BTreeMap<PracticeCode, usize> = BTreeMap::new();
        for succession in &practice.successions {
            for predecessor in &succession.terms.predecessors {
                *closings.entry(*predecessor).or_default() += 1;
            }
        }
        assert!(closings.values().all(|count| *count == 1), "a code is closed once: {closings:?}");
    }
}

/// On at a successor only if observed of a later moment than the succession.
fn nobody_is_on_unconfirmed(state: &State) {
    for practice in state.practices() {
        let Some(latest) = practice.access(&Capability::default()).and_then(Access::verdict) else {
            continue;
        };
        let effected = practice.successions.iter().filter(|succession| succession.effected_at.is_some());
        for succession in effected {
            let from = day_start(succession.terms.effective_from);
            let confirmed = latest.as_at > from || latest.recorded_at > succession.effected_at.unwrap();
            assert!(latest.state != ObservedState::On || confirmed, "{} is on unconfirmed", practice.code);
        }
    }
}

proptest! {
    #[test]
    fn i27_random_organisation_graphs_keep_rule_9(acts in acts()) {
        let mut bench = country();
        let all = (0..u64::from(PRACTICES)).map(|number| 1_000 + number).sum();
        for act in &acts {
            perform(&mut bench, act);
            no_pause_is_lost(&bench.state);
            patients_are_counted_once(&bench.state, all);
            lines_of_successors_end(&bench.state);
            nobody_is_on_unconfirmed(&bench.state);
        }
        // I20.
        let mut folded = State::default();
        for (event, position, recorded_at) in &bench.events {
            let stored = serde_json::to_vec(event).unwrap();
            let event: Event = serde_json::from_slice(&stored).unwrap();
            apply(&mut folded, &event, *position, *recorded_at);
        }
        prop_assert_eq!(&folded, &bench.state);
        let snapshot = serde_json::to_vec(&folded).unwrap();
        prop_assert_eq!(&serde_json::from_slice::<State>(&snapshot).unwrap(), &bench.state);
    }
}

//! Laws over any sequence of commands, among them: the registry answers as the naive model does.

use jiff::SignedDuration;
use ods::Capability;
use practice::access::{ObservationSource, ObservedState, Outcome};
use practice::command::{PausePractice, ResumePractice, Settlement};
use practice::lapse::{Due, LapseOf};
use practice::pause::{PauseEnd, ReceiptState};
use practice::{Action, Command, CommandKey, Event, State, apply, permit_of};
use proptest::prelude::*;

use crate::bench::{Bench, code, entry, import, observation, placed};
use crate::model::{Happened, Model, Word};

/// Something that somebody does.
#[derive(Clone, Debug)]
enum Act {
    Pause { capability: Option<u8>, until_in_secs: Option<i64> },
    Resume { pause: Option<u32> },
    Acquire(Vec<CommandKey>),
    Settle { key: CommandKey, outcome: Outcome },
    Observe { capability: u8, source: ObservationSource, state: ObservedState, secs_ago: i64 },
    ChangeSupplier { to: u8 },
    Wait { secs: i64 },
    Lapse,
}

fn capability(number: u8) -> Capability {
    match number {
        0 => Capability::default(),
        _ => "capabilities/historic-records".parse().unwrap(),
    }
}

fn keys() -> impl Strategy<Value = CommandKey> {
    // Few generations, so that keys meet again.
    let action = prop_oneof![3 => Just(Action::Enable), 2 => Just(Action::Disable)];
    (0..2u8, action, 1..7u32).prop_map(|(number, action, generation)| CommandKey {
        capability: capability(number),
        practice: code("A81001"),
        action,
        generation,
    })
}

/// Whoever may be named in a call.
pub(crate) fn sources() -> impl Strategy<Value = ObservationSource> {
    prop_oneof![
        1 => Just(ObservationSource::SupplierConfirmation),
        2 => Just(ObservationSource::SupplierList),
        1 => Just(ObservationSource::Inspection),
        1 => Just(ObservationSource::Practice),
    ]
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let outcome = prop_oneof![
        3 => Just(Outcome::Applied),
        1 => Just(Outcome::NotApplied),
        1 => Just(Outcome::Refused),
        1 => Just(Outcome::Voided)
    ];
    let observed = prop_oneof![
        2 => Just(ObservedState::Off),
        2 => Just(ObservedState::On),
        1 => Just(ObservedState::Partial),
        1 => Just(ObservedState::Unknown)
    ];
    let act = prop_oneof![
        2 => (proptest::option::of(0..2u8), proptest::option::of(1..20i64))
            .prop_map(|(capability, until_in_secs)| Act::Pause { capability, until_in_secs }),
        2 => proptest::option::of(1..4u32).prop_map(|pause| Act::Resume { pause }),
        5 => proptest::collection::vec(keys(), 1..4).prop_map(Act::Acquire),
        5 => (keys(), outcome).prop_map(|(key, outcome)| Act::Settle { key, outcome }),
        3 => (0..2u8, sources(), observed, 0..10i64)
            .prop_map(|(capability, source, state, secs_ago)| Act::Observe { capability, source, state, secs_ago }),
        1 => (0..2u8).prop_map(|to| Act::ChangeSupplier { to }),
        2 => (0..10i64).prop_map(|secs| Act::Wait { secs }),
        2 => Just(Act::Lapse),
    ];
    proptest::collection::vec(act, 0..40)
}

/// Does the act, and tells the model what the events say happened, having asked it first what should.
fn perform(bench: &mut Bench, model: &mut Model, act: &Act) {
    match act {
        Act::Wait { secs } => bench.wait(SignedDuration::from_secs(*secs)),
        Act::ChangeSupplier { to } => change_supplier(bench, model, *to),
        Act::Pause { capability: number, until_in_secs } => {
            let covers = number.map(capability);
            let until = until_in_secs.map(|secs| bench.now + SignedDuration::from_secs(secs));
            let end = until.map_or(PauseEnd::FurtherNotice, PauseEnd::Until);
            let pause = PausePractice { practice: code("A81001"), capability: covers.clone(), end, placed: placed() };
            bench.done(&Command::PausePractice(pause));
            model.log.push(Happened::Paused { covers, until });
        }
        Act::Resume { pause } => {
            let expected: Vec<usize> = match pause {
                None => model.in_force(),
                Some(number) => model.in_force().into_iter().filter(|held| *held == *number as usize).collect(),
            };
            let command = ResumePractice { practice: code("A81001"), pause: *pause, if_position: None };
            let lifted = bench.run(&Command::ResumePractice(command));
            assert_eq!(lifted.is_ok(), !expected.is_empty());
            model.log.extend(expected.into_iter().map(|pause| Happened::Lifted { pause }));
        }
        Act::Acquire(keys) => {
            bench.done(&Command::AcquirePermits(keys.clone()));
            for key in keys {
                if model.grants(key) {
                    model.log.push(Happened::Granted { key: key.clone() });
                }
                let granted = permit_of(&bench.state, key).is_some();
                assert_eq!(granted, model.was_granted(key, model.log.len()), "{key}");
            }
        }
        Act::Settle { key, outcome } => settle(bench, model, key, *outcome),
        Act::Observe { capability: number, source, state, secs_ago } => {
            let as_at = bench.now - SignedDuration::from_secs(*secs_ago);
            let mut observed = observation(*state);
            observed.capability = capability(*number);
            observed.as_at = Some(as_at);
            observed.source = *source;
            let recorded = !bench.done(&Command::RecordObservations(vec![observed])).is_empty();
            if recorded {
                let capability = capability(*number);
                let word = Word { source: *source, state: *state, as_at };
                model.log.push(Happened::Observed { capability, word });
            }
        }
        Act::Lapse => {
            bench.done(&Command::Lapse);
            let due = model.due(bench.now);
            model.log.extend(due.into_iter().map(|pause| Happened::Lapsed { pause }));
        }
    }
}

fn settle(bench: &mut Bench, model: &mut Model, key: &CommandKey, outcome: Outcome) {
    let granted = model.was_granted(key, model.log.len());
    if !granted && outcome == Outcome::Voided {
        // Given back before it was asked for: closed all the same.
        model.log.push(Happened::Granted { key: key.clone() });
    }
    let open = model.was_granted(key, model.log.len()) && model.outcome(key, model.log.len()).is_none();
    // With a moment: what follows without one is the subject of a test of its own.
    let settlement = Settlement { key: key.clone(), outcome, observed: None, as_at: Some(bench.now) };
    let settled = !bench.done(&Command::SettlePermits(vec![settlement])).is_empty();
    assert_eq!(settled, open, "{key}");
    if !settled {
        return;
    }
    if outcome == Outcome::Applied {
        let state = if key.action == Action::Enable { ObservedState::On } else { ObservedState::Off };
        let word = Word { source: ObservationSource::SupplierConfirmation, state, as_at: bench.now };
        model.log.push(Happened::Observed { capability: key.capability.clone(), word });
        // Outcome and observation are one decision: the model must not judge between them.
        let observed = model.log.pop().unwrap();
        model.log.push(Happened::Settled { key: key.clone(), outcome });
        model.log.push(observed);
    } else {
        model.log.push(Happened::Settled { key: key.clone(), outcome });
    }
}

fn change_supplier(bench: &mut Bench, model: &mut Model, to: u8) {
    let supplier = if to == 0 { "EMIS" } else { "TPP" };
    let mut moved = entry("A81001");
    moved.supplier = Some(supplier.parse().unwrap());
    for event in bench.done(&import("2031-06-02", vec![moved])) {
        let Event::DirectoryImported { practices, .. } = event else { panic!("an import imports") };
        for unknown in practices.into_iter().flat_map(|change| change.access_unknown) {
            assert!(model.last_observed(&unknown.capability, model.log.len()).is_some());
            let source = ObservationSource::Directory;
            let word = Word { source, state: ObservedState::Unknown, as_at: unknown.as_at };
            model.log.push(Happened::Observed { capability: unknown.capability, word });
        }
    }
}

/// The registry and the model say the same.
fn agree(bench: &Bench, model: &Model) {
    let practice = bench.practice();
    let in_force: Vec<usize> = practice.pauses_in_force().map(|pause| pause.number as usize).collect();
    assert_eq!(in_force, model.in_force());
    for number in [0, 1] {
        let capability = capability(number);
        let observed =
            practice.access(&capability).and_then(practice::access::Access::verdict).map(|verdict| verdict.state);
        assert_eq!(observed, model.last_observed(&capability, model.log.len()));
        for pause in &practice.pauses {
            let told = pause.receipt_part(&capability).map(|part| part.state);
            assert_eq!(
                told,
                model.receipt(pause.number as usize, &capability),
                "pause {} of {capability}",
                pause.number
            );
        }
    }
}

/// I4's registry half: while a pause that was answered PREVENTED holds, no permit to switch on is open or ever was since.
fn no_permit_while_paused(bench: &Bench) {
    let practice = bench.practice();
    for pause in practice.pauses_in_force() {
        for (capability, access) in practice.access.iter().filter(|(capability, _)| pause.covers(capability)) {
            let part = pause.receipt_part(capability);
            let prevented = part.is_none_or(|part| part.pending_on.is_none());
            let enables = access.permits().iter().filter(|permit| permit.action == Action::Enable);
            let open = enables.filter(|permit| permit.is_open()).count();
            assert!(
                !prevented || open == 0,
                "an ENABLE permit is open at {capability} while pause {} holds",
                pause.number
            );
        }
    }
}

/// The events say when each part becomes final; nothing says it twice.
fn receipts_become_final_once(events: &[Event]) {
    let mut finals = Vec::new();
    for event in events {
        let (observed, settled) = match event {
            Event::AccessObserved { observations } => (observations.as_slice(), [].as_slice()),
            Event::PermitsSettled { settlements } => ([].as_slice(), settlements.as_slice()),
            _ => continue,
        };
        for observation in observed {
            let receipts = &observation.consequences.receipts;
            finals.extend(receipts.iter().map(|receipt| (observation.capability.clone(), receipt.pause)));
        }
        for settlement in settled {
            let receipts = &settlement.consequences.receipts;
            finals.extend(receipts.iter().map(|receipt| (settlement.key.capability.clone(), receipt.pause)));
        }
    }
    let count = finals.len();
    finals.sort();
    finals.dedup();
    assert_eq!(finals.len(), count, "a receipt became final twice");
}

/// The indexes are what the practices say.
fn indexes_are_in_step(state: &State) {
    let mut by_position: Vec<_> = state.practices().map(|practice| (practice.position(), practice.code)).collect();
    by_position.sort_unstable();
    for after in [0, 3, 10, u64::MAX] {
        let expected: Vec<_> =
            by_position.iter().filter(|(position, _)| *position > after).map(|(_, code)| *code).collect();
        let told: Vec<_> = state.changed_after(after).map(|practice| practice.code).collect();
        assert_eq!(told, expected);
    }
    for practice in state.practices() {
        let place = (practice.position(), practice.code);
        let expected: Vec<_> = by_position.iter().filter(|other| **other > place).map(|(_, code)| *code).collect();
        let told: Vec<_> = state.changed_beyond(practice).map(|practice| practice.code).collect();
        assert_eq!(told, expected);
    }
    let mut dues = Vec::new();
    for practice in state.practices() {
        for pause in practice.pauses_in_force() {
            let due = |moment| Due { moment, practice: practice.code, what: LapseOf::Pause(pause.number) };
            dues.extend(pause.until().map(due));
        }
    }
    dues.sort();
    assert!(state.due(jiff::Timestamp::MAX).eq(dues.iter()));
}

proptest! {
    #[test]
    fn the_registry_answers_as_the_naive_model_does(acts in acts()) {
        let (mut bench, mut model) = (Bench::new(), Model::default());
        for act in &acts {
            perform(&mut bench, &mut model, act);
            agree(&bench, &model);
            no_permit_while_paused(&bench);
        }
    }

    #[test]
    fn a_receipt_becomes_final_once_and_never_changes_after(acts in acts()) {
        let (mut bench, mut model) = (Bench::new(), Model::default());
        let mut before: Vec<Vec<ReceiptState>> = Vec::new();
        for act in &acts {
            perform(&mut bench, &mut model, act);
            let states = |pause: &practice::pause::Pause| pause.receipt.iter().map(|part| part.state).collect();
            let after: Vec<Vec<ReceiptState>> = bench.practice().pauses.iter().map(states).collect();
            for (was, is) in before.iter().flatten().zip(after.iter().flatten()) {
                prop_assert!(was == is || *was == ReceiptState::Pending, "{was:?} became {is:?}");
                prop_assert!(was == is || matches!(is, ReceiptState::Prevented | ReceiptState::Reversed));
            }
            before = after;
        }
        let events: Vec<Event> = bench.events.into_iter().map(|(event, _, _)| event).collect();
        receipts_become_final_once(&events);
    }

    /// I20.
    #[test]
    fn the_fold_of_the_stored_events_is_the_state_and_a_snapshot_of_it_too(acts in acts()) {
        let (mut bench, mut model) = (Bench::new(), Model::default());
        for act in &acts {
            perform(&mut bench, &mut model, act);
        }
        let mut folded = State::default();
        for (event, position, recorded_at) in &bench.events {
            let stored = serde_json::to_vec(event).unwrap();
            apply(&mut folded, &serde_json::from_slice(&stored).unwrap(), *position, *recorded_at);
        }
        prop_assert_eq!(&folded, &bench.state);
        let snapshot = serde_json::to_vec(&folded).unwrap();
        prop_assert_eq!(&serde_json::from_slice::<State>(&snapshot).unwrap(), &bench.state);
        indexes_are_in_step(&folded);
    }

    #[test]
    fn a_batch_of_permits_is_the_same_as_one_after_the_other(acts in acts(), keys in proptest::collection::vec(keys(), 1..8)) {
        let (mut bench, mut model) = (Bench::new(), Model::default());
        for act in &acts {
            perform(&mut bench, &mut model, act);
        }
        let mut singly = Bench { state: bench.state.clone(), now: bench.now, events: bench.events.clone() };
        for key in &keys {
            singly.done(&Command::AcquirePermits(vec![key.clone()]));
        }
        bench.done(&Command::AcquirePermits(keys.clone()));
        for key in &keys {
            prop_assert_eq!(permit_of(&bench.state, key), permit_of(&singly.state, key));
        }
    }

    /// Deciding again what is decided changes nothing: what `decide` says is already done, is done.
    #[test]
    fn the_same_command_again_grants_settles_and_observes_nothing(acts in acts(), key in keys()) {
        let (mut bench, mut model) = (Bench::new(), Model::default());
        for act in &acts {
            perform(&mut bench, &mut model, act);
        }
        let settlement = Settlement { key: key.clone(), outcome: Outcome::Applied, observed: None, as_at: None };
        for command in [
            Command::AcquirePermits(vec![key]),
            Command::SettlePermits(vec![settlement]),
            Command::RecordObservations(vec![observation(ObservedState::On)]),
            Command::Lapse,
        ] {
            bench.done(&command);
            prop_assert!(bench.done(&command).is_empty());
        }
    }
}

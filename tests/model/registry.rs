//! The registry in the model: `practice::decide` and `practice::apply`, as the service's handlers call them.

use ods::{Capability, PracticeCode};
use practice::access::{Access, ObservationSource, ObservedState, Outcome};
use practice::command::{Observation, PausePractice, Placed, ResumePractice, Settlement};
use practice::directory::{Chunk, DirectoryEntry};
use practice::event::{Consequences, PermitSettled, ReceiptFinal};
use practice::pause::{PauseEnd, ReceiptState};
use practice::{Action, Command, Event, State, permit_refusal, settlement_refusal};
use rollout::{AccessFacts, Observed, PauseFacts, PracticeFacts};

use crate::key::{Ending, Key, generation};
use crate::moment::applied_at;
use crate::mutation::Mutation;

/// What the registry is asked about a practice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Ask {
    Acquire(Key),
    Settle(Key, Ending),
    Release(Key),
    Pause,
    Resume,
}

/// What it is asked, of whom, and when.
pub(crate) struct Asked {
    pub(crate) practice: PracticeCode,
    pub(crate) ask: Ask,
    pub(crate) now: jiff::Timestamp,
    pub(crate) mutation: Mutation,
}

/// What the model sees of a practice in the registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Known {
    /// Every permit, and whether it is open.
    pub(crate) permits: Vec<(Key, bool)>,
    pub(crate) pauses: Vec<KnownPause>,
    pub(crate) is_on: bool,
    pub(crate) generation_highest: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct KnownPause {
    pub(crate) in_force: bool,
    pub(crate) receipt: ReceiptState,
    /// The generation of the ENABLE whose permit was open when it was placed.
    pub(crate) pending_on: Option<u8>,
}

impl Known {
    pub(crate) fn is_paused(&self) -> bool {
        self.pauses.iter().any(|pause| pause.in_force)
    }

    pub(crate) fn open_enables(&self) -> usize {
        self.permits.iter().filter(|(key, open)| *open && key.enables()).count()
    }
}

/// A registry that knows these practices, and nothing was ever observed at them.
pub(crate) fn opened(practices: &[PracticeCode]) -> State {
    let mut state = State::default();
    let entry = |code: &PracticeCode| DirectoryEntry {
        name: Some(format!("SURGERY {code}")),
        supplier: Some("EMIS".parse().expect("a supplier")),
        ..DirectoryEntry::new(*code)
    };
    let chunk = Chunk {
        source: "map".to_owned(),
        effective_from: "2031-03-03".parse().expect("a date"),
        practices: practices.iter().map(entry).collect(),
        organisations: Vec::new(),
        read: None,
    };
    let imported_at = "2031-03-03T09:00:00Z".parse().expect("a moment");
    let events = practice::decide(&state, &Command::ImportDirectory(chunk), imported_at).expect("a directory");
    fold(&mut state, &events, imported_at);
    state
}

/// What the registry makes of a call, and whether the permit that was asked for is open now.
pub(crate) fn answer(state: &State, asked: &Asked) -> (State, bool) {
    let mut next = state.clone();
    decide(&mut next, asked, &command(asked));
    if let Ask::Settle(key, Ending::Applied) = asked.ask
        && settlement_refusal(&next, &key.command(asked.practice), Outcome::Applied).is_some()
    {
        // Only the registry says live: told as an observation, under the command's key.
        decide(&mut next, asked, &Command::RecordObservations(vec![observation(asked.practice, key)]));
    }
    let granted = match asked.ask {
        Ask::Acquire(key) => known(&next, asked.practice).permits.contains(&(key, true)),
        Ask::Settle(..) | Ask::Release(_) | Ask::Pause | Ask::Resume => false,
    };
    (next, granted)
}

fn decide(state: &mut State, asked: &Asked, command: &Command) {
    let mut events = practice::decide(state, command, asked.now).expect("the model asks for nothing that is refused");
    mutate(state, asked, &mut events);
    fold(state, &events, asked.now);
}

fn command(asked: &Asked) -> Command {
    let practice = asked.practice;
    let settled = |key: Key, outcome, as_at| {
        Command::SettlePermits(vec![Settlement { key: key.command(practice), outcome, observed: None, as_at }])
    };
    match asked.ask {
        Ask::Acquire(key) => Command::AcquirePermits(vec![key.command(practice)]),
        Ask::Settle(key, Ending::Applied) => settled(key, Outcome::Applied, Some(applied_at(key.generation))),
        Ask::Settle(key, Ending::NotApplied) => settled(key, Outcome::NotApplied, None),
        Ask::Settle(key, Ending::Refused) => settled(key, Outcome::Refused, None),
        Ask::Release(key) => settled(key, Outcome::Voided, None),
        Ask::Pause => {
            let placed = Placed { by: "manager".to_owned(), ..Placed::default() };
            Command::PausePractice(PausePractice { practice, capability: None, end: PauseEnd::FurtherNotice, placed })
        }
        Ask::Resume => Command::ResumePractice(ResumePractice { practice, pause: None, if_position: None }),
    }
}

fn observation(practice: PracticeCode, key: Key) -> Observation {
    Observation {
        practice,
        capability: Capability::default(),
        state: if key.enables() { ObservedState::On } else { ObservedState::Off },
        source: ObservationSource::SupplierConfirmation,
        as_at: Some(applied_at(key.generation)),
        command: Some(key.command(practice)),
        evidence: String::new(),
        wrong_settings: Vec::new(),
    }
}

fn fold(state: &mut State, events: &[Event], now: jiff::Timestamp) {
    for event in events {
        let position = state.practices().map(|practice| practice.position()).max().unwrap_or(0) + 1;
        practice::apply(state, event, position, now);
    }
}

/// What the registry would have said without a guard.
fn mutate(state: &State, asked: &Asked, events: &mut Vec<Event>) {
    if let Ask::Acquire(key) = asked.ask {
        let key = key.command(asked.practice);
        let unheeded = permit_refusal(state, &key, asked.now).is_some_and(|refusal| asked.mutation.ignores(&refusal));
        if unheeded {
            events.push(Event::PermitsGranted { keys: vec![key] });
        }
    }
    if asked.mutation == Mutation::ReleaseLeavesKeyOpen
        && matches!(asked.ask, Ask::Release(key) if practice::permit_of(state, &key.command(asked.practice)).is_none())
    {
        events.clear();
    }
    for event in events {
        match event {
            Event::PracticePaused(paused) if asked.mutation == Mutation::ReceiptWithoutLookingAtPermits => {
                for part in &mut paused.receipt {
                    (part.state, part.pending_on, part.final_at) = (ReceiptState::Prevented, None, Some(asked.now));
                }
            }
            Event::PermitsSettled { settlements } => {
                settlements.iter_mut().for_each(|settled| mutate_settlement(state, asked, settled));
            }
            _ => {}
        }
    }
}

fn mutate_settlement(state: &State, asked: &Asked, settled: &mut PermitSettled) {
    match asked.mutation {
        Mutation::SettlementWithoutObservation => {
            (settled.observed, settled.consequences) = (None, Consequences::default());
        }
        Mutation::ReceiptStaysPending => settled.consequences = Consequences::default(),
        Mutation::ReceiptSaysAlreadyOn if settled.outcome == Outcome::Applied => {
            let pauses = &state.practice(asked.practice).expect("it was imported").pauses;
            let waits = pauses.iter().filter(|pause| pause.receipt_state() == ReceiptState::Pending);
            settled.consequences.receipts =
                waits.map(|pause| ReceiptFinal { pause: pause.number, state: ReceiptState::AlreadyOn }).collect();
        }
        _ => {}
    }
}

/// What the model sees of a practice.
pub(crate) fn known(state: &State, practice: PracticeCode) -> Known {
    let practice = state.practice(practice).expect("it was imported");
    let access = practice.access(&Capability::default());
    let permits = access.map(Access::permits).unwrap_or_default();
    let pause = |pause: &practice::pause::Pause| KnownPause {
        in_force: pause.is_in_force(),
        receipt: pause.receipt_state(),
        pending_on: pause.receipt.iter().find_map(|part| part.pending_on).map(generation),
    };
    Known {
        permits: permits.iter().map(|one| (Key::of_permit(one.action, one.generation), one.is_open())).collect(),
        pauses: practice.pauses.iter().map(pause).collect(),
        is_on: access.and_then(Access::verdict).is_some_and(|verdict| verdict.is_live()),
        generation_highest: generation(access.map_or(0, |access| access.generation_highest)),
    }
}

/// A practice as the scheduler's copy of the registry has it.
pub(crate) fn facts(state: &State, code: PracticeCode) -> PracticeFacts {
    let practice = state.practice(code).expect("it was imported");
    let capability = Capability::default();
    let pending = |pause: &practice::pause::Pause| {
        let part = pause.receipt_part(&capability).filter(|part| part.state == ReceiptState::Pending);
        let key = |number| Key::of_permit(Action::Enable, number).activation(code);
        part.and_then(|part| part.pending_on).map(key).into_iter().collect()
    };
    let pauses = practice.pauses.iter().map(|pause| PauseFacts {
        number: pause.number,
        capability: pause.capability.clone(),
        end: rollout::PauseEnd::FurtherNotice,
        recorded_at: pause.recorded_at,
        in_force: pause.is_in_force(),
        pending_on: pending(pause),
    });
    let access = practice.access(&capability).map(|access| {
        let verdict = access.verdict();
        // Only the supplier says anything here.
        let observed = match verdict.map(|verdict| verdict.state) {
            Some(ObservedState::On) => Observed::On,
            Some(ObservedState::Off) => Observed::Off,
            Some(ObservedState::Partial) => Observed::Partial,
            Some(ObservedState::Unknown) | None => Observed::Unknown,
        };
        AccessFacts {
            capability: capability.clone(),
            observed,
            disputed: verdict.is_some_and(|verdict| verdict.is_disputed),
            said_by_supplier: observed,
            observed_at: verdict.map(|verdict| verdict.as_at),
            live_since: verdict.filter(practice::evidence::Verdict::is_live).map(|verdict| verdict.as_at),
            generation_highest: access.generation_highest,
            switch_off_requested: false,
        }
    });
    PracticeFacts {
        code,
        supplier: Some("EMIS".parse().expect("a supplier")),
        icb: None,
        sub_icb: None,
        region: None,
        pcn: None,
        list_size: 6_000,
        open: true,
        successors: Vec::new(),
        readiness: Vec::new(),
        advice: Vec::new(),
        pauses: pauses.filter(|pause| pause.in_force || !pause.pending_on.is_empty()).collect(),
        access: access.into_iter().collect(),
    }
}

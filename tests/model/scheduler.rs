//! The scheduler in the model: its machine as the journal runs it, fence and all, with what `step` proposes and what
//! `effects` lists to be called.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use journal::Machine;
use ods::{Capability, PracticeCode};
use rollout::calendar::{BankHolidays, Calendar};
use rollout::effects::{self, Call};
use rollout::plan::{Expansion, expand};
use rollout::state::{ActivationState, Brake, Document, HoldClass, HoldScope, Outcome};
use rollout::{
    Account, Act, ActivationKey, Command, Fact, HoldId, PermitAnswer, PracticeFacts, ProgrammeId, Proposal,
    RegistryView, SupplierAnswer, Target, WaveId, WaveRef,
};
use rollout_scheduler::{Ask as Asked, Command as Submitted, Event, LeaseHeld, SchedulerMachine, State};

use crate::key::{Ending, Key, generation};
use crate::moment::{applied_at, start};
use crate::mutation::Mutation;

/// What is submitted to the scheduler's journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Submission {
    /// By a scheduler that takes over.
    TakeLease(u8),
    /// By a person.
    PlaceHold { stop: bool, scope: Scope },
    /// By a person; holds are counted from 0.
    LiftHold(u8),
    /// By whoever performs effects under an epoch.
    Fenced { epoch: u8, ask: Ask },
}

/// Whom a hold covers, as seen from a practice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Scope {
    Everybody,
    Here,
    Elsewhere,
}

/// What whoever performs effects submits about a practice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Ask {
    Propose(Proposing),
    Permit(Key, bool),
    Released(Key),
    Sent(Key),
    Answer(Key, Said),
    PermitSettled(Key),
}

/// Which of its proposals; each is made by `step` on a copy of the registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Proposing {
    Admit,
    SetAside,
    Disable,
}

/// What a supplier answers about a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Said {
    Ended(Ending),
    NeverSeen,
    NoAnswer,
}

/// What came of a submission.
pub(crate) struct Written {
    pub(crate) state: State,
    pub(crate) note: Note,
}

/// What the model notes of what came of a submission.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Note {
    /// Whether anything was recorded.
    pub(crate) wrote: bool,
    pub(crate) sealed: Option<Key>,
    pub(crate) settled: Option<(Key, Ending)>,
}

/// What the model sees of a practice in the scheduler.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Known {
    pub(crate) epoch: u8,
    /// Of the last decision about the practice.
    pub(crate) generation: u8,
    pub(crate) to_acquire: Vec<Key>,
    pub(crate) to_release: Vec<Key>,
    pub(crate) to_settle: Vec<(Key, Ending)>,
    pub(crate) calls: Vec<(Lane, Key)>,
    /// Sent and not answered: whoever takes over sends it again.
    pub(crate) unanswered: Vec<Key>,
    /// All else that the rules look at, in words.
    pub(crate) account: String,
}

/// A call to a supplier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Lane {
    Request,
    Ask,
    Cancel,
}

/// Where and when something is submitted.
pub(crate) struct Place<'a> {
    pub(crate) practice: PracticeCode,
    /// The registry as the scheduler has it, this practice's part first.
    pub(crate) seen: &'a [PracticeFacts],
    pub(crate) now: Timestamp,
    pub(crate) mutation: Mutation,
}

const PROGRAMME: &str = r#"
name: spring
title: Spring opening
objective: Every practice shows new entries to its patients.
cohort: practice.list_size > 0
seed: 7
windows:
  - days: [monday, tuesday, wednesday, thursday, friday]
    from: "08:00"
    to: "18:00"
notice_working_days: 10
gate: {min_success: 0.9, min_sample: 5, soak: 24h, timeout: 72h}
suppliers:
  EMIS: {mode: push}
waves:
  - wave: 1
    from: 2031-05-06
"#;

/// A practice that is in no world: a hold on it covers nobody.
const NOBODY: &str = "Z99999";

fn wave() -> WaveRef {
    WaveRef { programme: ProgrammeId::new("spring").expect("an id"), wave: WaveId(1) }
}

/// A scheduler with these practices enrolled in a wave that has just opened, held by the first epoch; nobody is admitted.
pub(crate) fn opened(practices: &[PracticeFacts]) -> State {
    let mut state = State::default();
    let view = RegistryView::new(1, practices.iter().cloned());
    let spec = serde_saphyr::from_str(PROGRAMME).expect("a programme");
    let document = Arc::new(Document { text: PROGRAMME.to_owned(), spec });
    let planned_at = "2031-04-01T08:00:00Z".parse().expect("a moment");
    let lease = LeaseHeld { epoch: 1, replica: "scheduler".to_owned() };
    submit(&mut state, &Submitted { expects: None, fence: None, ask: Asked::TakeLease(lease) }, planned_at);
    let holidays = BankHolidays::from_iter([("2031-12-25".parse().expect("a date"), "Christmas Day")]);
    let calendar = Calendar { bank_holidays: holidays, ..Calendar::default() };
    person(&mut state, "alice", Act::UpdateCalendar { calendar }, planned_at);
    person(&mut state, "alice", Act::CreateProgramme { document: document.clone() }, planned_at);
    let spec = Arc::new(document.spec.clone());
    let plan = expand(Expansion { spec: &spec, state: &state.rollout, view: &view, now: planned_at }).expect("a plan");
    let (programme, version, hash) = (plan.programme.clone(), plan.version, plan.hash);
    person(&mut state, "alice", Act::SubmitPlan { plan: Arc::new(plan) }, planned_at);
    person(&mut state, "bob", Act::ApprovePlan { programme, version, hash }, planned_at);
    settle_without_admitting(&mut state, &view, planned_at);
    let (practices, channel) = (Vec::new(), "letter".to_owned());
    let told = Fact::NoticeDelivered { wave: wave(), practices, delivered_at: planned_at, channel };
    submit(&mut state, &Submitted::open(Command::Learn(told)), planned_at);
    settle_without_admitting(&mut state, &view, start());
    state
}

fn settle_without_admitting(state: &mut State, view: &RegistryView, now: Timestamp) {
    loop {
        let (commands, _) = rollout::step(&state.rollout, view, now);
        let mut moved = false;
        for command in commands {
            if !matches!(command, Command::Propose(Proposal::Admit { .. })) {
                moved |= !submit(state, &Submitted::open(command), now).is_empty();
            }
        }
        if !moved {
            return;
        }
    }
}

fn person(state: &mut State, by: &str, act: Act, now: Timestamp) {
    let command = Command::Person { by: Account::new(by), reason_code: "MODEL".to_owned(), act };
    assert!(!submit(state, &Submitted::open(command), now).is_empty());
}

/// Decides and folds; a refusal leaves all as it is.
fn submit(state: &mut State, command: &Submitted, now: Timestamp) -> Vec<Event> {
    let events = SchedulerMachine::decide(state, command, now).unwrap_or_default();
    fold(state, &events, now);
    events
}

fn fold(state: &mut State, events: &[Event], now: Timestamp) {
    for event in events {
        let position = state.rollout.position + 1;
        SchedulerMachine::apply(state, event, position, now);
    }
}

/// What comes of a submission.
pub(crate) fn write(state: &State, place: &Place<'_>, submission: Submission) -> Written {
    let mut state = state.clone();
    let mut note = Note::default();
    for command in commands(&state, place, submission) {
        let judged = without_holds(&state, place, submission);
        let mut events = SchedulerMachine::decide(&judged, &command, place.now).unwrap_or_default();
        if place.mutation.hold_voids_nothing() && matches!(submission, Submission::PlaceHold { .. }) {
            events.retain(|event| !matches!(event, Event::Rollout(rollout::Event::Voided { .. })));
        }
        note.wrote |= !events.is_empty();
        for event in &events {
            take_note(&mut note, event);
        }
        let before = state.rollout.access.clone();
        fold(&mut state, &events, place.now);
        if place.mutation == Mutation::ReversedTwice {
            // The ENABLE is the first decision, its reversal the second.
            for (target, before) in before.iter().filter(|(_, before)| before.generation == 2) {
                if let Some(access) = state.rollout.access.get_mut(target) {
                    let access = Arc::make_mut(access);
                    access.applied = access.applied.take().or_else(|| before.applied.clone());
                }
            }
        }
    }
    Written { state, note }
}

/// What a decision is judged on: the state, or where that guard is taken away, the state without its holds.
fn without_holds(state: &State, place: &Place<'_>, submission: Submission) -> State {
    let mut judged = state.clone();
    let seals = matches!(submission, Submission::Fenced { ask: Ask::Permit(..), .. });
    if seals && place.mutation.seal_ignores_holds() {
        judged.rollout.holds_active.clear();
    }
    judged
}

fn take_note(note: &mut Note, event: &Event) {
    match event {
        Event::Rollout(rollout::Event::Sealed { keys, .. }) => note.sealed = keys.first().map(|(key, _)| Key::of(key)),
        Event::Rollout(rollout::Event::Settled { settlements }) => {
            note.settled = settlements.first().map(|one| (Key::of(&one.key), ending(&one.outcome)));
        }
        _ => {}
    }
}

fn commands(state: &State, place: &Place<'_>, submission: Submission) -> Vec<Submitted> {
    let act = |act| {
        let (by, reason_code) = (Account::new("carol"), "MODEL".to_owned());
        vec![Submitted::open(Command::Person { by, reason_code, act })]
    };
    match submission {
        Submission::TakeLease(epoch) => {
            let held = LeaseHeld { epoch: epoch.into(), replica: "scheduler".to_owned() };
            vec![Submitted { expects: None, fence: None, ask: Asked::TakeLease(held) }]
        }
        Submission::PlaceHold { stop, scope } => {
            let scope = match scope {
                Scope::Everybody => HoldScope::National,
                Scope::Here => HoldScope::Practice(place.practice),
                Scope::Elsewhere => HoldScope::Practice(NOBODY.parse().expect("a code")),
            };
            let (brake, class) = (if stop { Brake::Stop } else { Brake::Hold }, HoldClass::Capacity);
            act(Act::PlaceHold { brake, scope, class, owner: Account::new("carol"), review_on: None })
        }
        Submission::LiftHold(number) => act(Act::LiftHold { hold: HoldId(u32::from(number) + 1), etag: None }),
        Submission::Fenced { epoch, ask } => {
            let fence = (place.mutation != Mutation::NoFence).then_some(u64::from(epoch));
            let fenced = |command| Submitted { fence, ..Submitted::open(command) };
            asked(state, place, ask).into_iter().map(fenced).collect()
        }
    }
}

fn asked(state: &State, place: &Place<'_>, ask: Ask) -> Vec<Command> {
    let registry_position = 1;
    let key = |key: Key| key.activation(place.practice);
    let fact = match ask {
        Ask::Propose(proposing) => return proposals(state, place, proposing),
        Ask::Permit(of, granted) => {
            let refused = || PermitAnswer::Refused { refusal: "PAUSED".to_owned() };
            let answer = if granted { PermitAnswer::Granted } else { refused() };
            Fact::Permits { answers: BTreeMap::from([(key(of), answer)]), registry_position }
        }
        Ask::Released(of) => Fact::PermitsReleased { keys: vec![key(of)] },
        Ask::Sent(of) => Fact::Sent { keys: vec![key(of)] },
        Ask::Answer(of, said) => Fact::Answers { answers: BTreeMap::from([(key(of), answer(place, of, said))]) },
        Ask::PermitSettled(of) => Fact::PermitsSettled { keys: vec![key(of)], registry_position },
    };
    vec![Command::Learn(fact)]
}

fn answer(place: &Place<'_>, key: Key, said: Said) -> SupplierAnswer {
    match said {
        Said::Ended(Ending::Applied) => SupplierAnswer::Applied { at: applied_at(key.generation) },
        Said::Ended(Ending::NotApplied) => SupplierAnswer::Closed,
        Said::Ended(Ending::Refused) => SupplierAnswer::Refused { code: "NOT_CONFIGURED".to_owned(), retryable: false },
        Said::NeverSeen => SupplierAnswer::NeverSeen,
        Said::NoAnswer if place.mutation == Mutation::LostReplyIsNotApplied => SupplierAnswer::Closed,
        Said::NoAnswer => SupplierAnswer::NoAnswer,
    }
}

/// Of what `step` proposes, one kind, and of that only what concerns the practice.
fn proposals(state: &State, place: &Place<'_>, wanted: Proposing) -> Vec<Command> {
    let view = RegistryView::new(1, place.seen.iter().cloned());
    let (commands, _) = rollout::step(&state.rollout, &view, place.now);
    let mut narrowed = Vec::new();
    for command in commands {
        let Command::Propose(mut proposal) = command else { continue };
        let kept = match (&mut proposal, wanted) {
            (Proposal::Admit { practices, .. }, Proposing::Admit) => {
                practices.retain(|candidate| candidate.practice == place.practice);
                !practices.is_empty()
            }
            (Proposal::SetAside { unfit, .. }, Proposing::SetAside) => {
                unfit.retain(|practice, _| *practice == place.practice);
                !unfit.is_empty()
            }
            (Proposal::Disable { practices, .. }, Proposing::Disable) => {
                practices.retain(|candidate| candidate.target.practice == place.practice);
                !practices.is_empty()
            }
            _ => false,
        };
        if kept {
            narrowed.push(Command::Propose(proposal));
        }
    }
    narrowed
}

fn ending(outcome: &Outcome) -> Ending {
    match outcome {
        Outcome::Applied { .. } => Ending::Applied,
        Outcome::NotApplied => Ending::NotApplied,
        Outcome::Refused { .. } => Ending::Refused,
    }
}

/// What the model sees of a practice. `now` is late enough for every call to be due.
pub(crate) fn known(state: &State, practice: PracticeCode, now: Timestamp) -> Known {
    const LISTED_MAX: usize = 100;
    let rollout = &state.rollout;
    let here = |key: &ActivationKey| key.practice == practice;
    let keys = |keys: Vec<ActivationKey>| keys.iter().filter(|key| here(key)).map(Key::of).collect();
    let sent = rollout.activations_in(ActivationState::Sent).filter(|one| !one.cancel && here(&one.key));
    let to_settle = effects::permits_to_settle(rollout, LISTED_MAX);
    let calls = effects::supplier_calls(rollout, now, LISTED_MAX);
    let lane = |call| match call {
        Call::Request => Lane::Request,
        Call::Ask => Lane::Ask,
        Call::Cancel => Lane::Cancel,
    };
    let target = Target { practice, capability: Capability::default() };
    let ended = to_settle.iter().filter(|one| here(&one.key));
    Known {
        epoch: generation(u32::try_from(state.lease.epoch).expect("a few take-overs")),
        generation: generation(rollout.generation(&target)),
        to_acquire: keys(effects::permits_to_acquire(rollout, LISTED_MAX)),
        to_release: keys(effects::permits_to_release(rollout, LISTED_MAX)),
        to_settle: ended.map(|one| (Key::of(&one.key), ending(&one.outcome))).collect(),
        calls: calls.iter().filter(|one| here(&one.key)).map(|one| (lane(one.call), Key::of(&one.key))).collect(),
        unanswered: sent.map(|one| Key::of(&one.key)).collect(),
        account: account(rollout, &target),
    }
}

/// The enrolment, the activations and the access of a practice, and which holds brake.
fn account(state: &rollout::State, target: &Target) -> String {
    let enrolment = state.wave(&wave()).and_then(|wave| wave.enrolment(target.practice));
    let stage = enrolment.map(|enrolment| enrolment.stage.state());
    let here = state.activations().filter(|one| one.key.practice == target.practice);
    let activations: Vec<_> = here.map(|one| (Key::of(&one.key), one.stage.state(), one.cancel)).collect();
    let access = state.access(target).map(|access| {
        let applied = access.applied.as_ref().map(|applied| Key::of(&applied.key));
        (access.desired, applied, access.last.as_ref().map(|(key, outcome)| (Key::of(key), ending(outcome))))
    });
    let holds: Vec<u32> = state.holds_active.iter().map(|hold| hold.0).collect();
    format!("{stage:?} {activations:?} {access:?} holds {holds:?}")
}

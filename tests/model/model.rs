//! The model: what may happen next, and what comes of it.
//!
//! Everything that registry and scheduler decide comes from [`Tables`], which is the real code. What is the model's own is the
//! world around it: who calls whom and when, what is lost, who takes over, when people pause and hold, and a supplier.

use stateright::Property;

use crate::key::Key;
use crate::message::{Message, Messages, What};
use crate::mutation::Mutation;
use crate::properties;
use crate::scheduler::{Ask, Lane, Proposing, Submission};
use crate::supplier::Ledger;
use crate::table::{FIRST, Number, Tables};
use crate::turn::{Turn, call};

/// How much may happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Bounds {
    /// Schedulers that hold the lease, one after the other; each but the last may freeze and wake, or crash.
    pub(crate) schedulers: u8,
    /// Pauses, of all practices together.
    pub(crate) pauses: u8,
    /// How often a pause is lifted.
    pub(crate) resumes: u8,
    /// Holds, of either brake and any scope.
    pub(crate) holds: u8,
    /// How often a hold is lifted.
    pub(crate) lifts: u8,
    /// Calls or replies that are lost, delayed or doubled, and refusals by the supplier.
    pub(crate) faults: u8,
    /// No practice is admitted beyond this decision about it; what switches off is never bounded.
    pub(crate) generation_admitted_max: u8,
}

/// The model of `N` practices.
pub(crate) struct Model<const N: usize> {
    pub(crate) tables: Tables,
    pub(crate) bounds: Bounds,
    pub(crate) mutation: Mutation,
}

/// A state of everything.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct State<const N: usize> {
    pub(crate) places: [Place; N],
    /// What of the bounds is left.
    pub(crate) left: Bounds,
    /// Holds that brake, a bit each.
    pub(crate) holds: u8,
    pub(crate) holds_placed: u8,
    /// What must never happen, and has.
    pub(crate) breach: Option<Breach>,
}

/// A practice, as everybody has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Place {
    pub(crate) registry: Number,
    pub(crate) scheduler: Number,
    pub(crate) supplier: Ledger,
    pub(crate) messages: Messages,
    /// Generations that were sealed, a bit each.
    pub(crate) sealed: u8,
    /// Holds that cover it, a bit each.
    pub(crate) covered: u8,
}

/// What must never happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Breach {
    /// I1.
    SwitchedOnTwice,
    /// I1.
    TwoPermitsOpen,
    /// I1.
    PermitToOldGeneration,
    /// I1.
    PermitGivenTwice,
    /// I2.
    SentUnsealed,
    /// I3.
    StaleWrote,
    /// I4.
    PermitUnderPause,
    /// I4.
    ReceiptChanged,
    /// I10, I11.
    SealedUnderHold,
    /// I17.
    SettledUnasked,
}

/// What may happen next; the number is the practice's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// The holder of the lease proposes, and its journal decides.
    Propose(usize, Proposing),
    /// The holder of the lease calls the registry.
    Tell(usize, What),
    /// The holder of the lease calls the supplier.
    Call(usize, Lane, Key),
    /// A message arrives, and what follows from it follows.
    Arrive(usize, Message),
    /// A call to switch arrives and the supplier refuses it.
    Refuse(usize, Message),
    /// Nobody waits for the reply any more: the call, or the reply, is lost, or it comes later.
    GiveUp(usize, Message),
    /// The practice pauses.
    Pause(usize),
    /// The practice lifts its pause.
    Resume(usize),
    /// A person brakes, everybody or one practice.
    PlaceHold { stop: bool, practice: Option<usize> },
    /// A person lifts a hold.
    LiftHold(u8),
    /// The next scheduler takes over. The one before goes on; that it has crashed cannot be told from its not hearing anything
    /// any more.
    TakeOver,
}

impl<const N: usize> Model<N> {
    pub(crate) fn new(bounds: Bounds, mutation: Mutation) -> Self {
        Self { tables: Tables::new(mutation), bounds, mutation }
    }

    pub(crate) fn first(&self) -> State<N> {
        let place = Place {
            registry: FIRST,
            scheduler: FIRST,
            supplier: Ledger::default(),
            messages: Messages::default(),
            sealed: 0,
            covered: 0,
        };
        State { places: [place; N], left: self.bounds, holds: 0, holds_placed: 0, breach: None }
    }

    pub(crate) fn epoch(&self, state: &State<N>) -> u8 {
        self.tables.scheduler_known(state.places[0].scheduler).epoch
    }

    /// Nothing is on its way for which the holder of the lease waits, and nothing is left for it to do about the practice: it
    /// stays as it is unless something else happens. Whatever else is on its way may never arrive.
    pub(crate) fn is_at_rest(&self, place: &Place) -> bool {
        let known = self.tables.scheduler_known(place.scheduler);
        let owed = !(known.to_acquire.is_empty() && known.to_settle.is_empty() && known.calls.is_empty());
        let releases = !known.to_release.is_empty() && self.mutation != Mutation::NoRelease;
        let proposes = |proposing| {
            let submission = Submission::Fenced { epoch: known.epoch, ask: Ask::Propose(proposing) };
            self.tables.submit(place.scheduler, submission, place.registry).1.wrote
        };
        let reverses = || self.mutation != Mutation::NoReversal && proposes(Proposing::Disable);
        let waits = place.messages.is_anything_waited_for(known.epoch);
        !(owed || releases || waits || proposes(Proposing::SetAside) || reverses())
    }

    fn actions_at(&self, state: &State<N>, at: usize, actions: &mut Vec<Action>) {
        let place = &state.places[at];
        let known = self.tables.scheduler_known(place.scheduler);
        let waited_for = |what: What| place.messages.is_waited_for(known.epoch, what.waits());
        if known.generation < self.bounds.generation_admitted_max {
            actions.push(Action::Propose(at, Proposing::Admit));
        }
        actions.push(Action::Propose(at, Proposing::SetAside));
        if self.mutation != Mutation::NoReversal {
            actions.push(Action::Propose(at, Proposing::Disable));
        }
        let settlements = known.to_settle.iter().map(|(key, ending)| What::Settle(*key, *ending));
        let acquisitions = known.to_acquire.iter().map(|key| What::Acquire(*key));
        let releases = known.to_release.iter().map(|key| What::Release(*key));
        let releases = releases.filter(|_| self.mutation != Mutation::NoRelease);
        let chores = settlements.chain(acquisitions).chain(releases).filter(|what| !waited_for(*what));
        actions.extend(chores.map(|what| Action::Tell(at, what)));
        let again = known.unanswered.iter().map(|key| (Lane::Request, *key));
        let early = known.to_acquire.iter().filter(|_| self.mutation == Mutation::SentBeforeSeal);
        let calls = known.calls.iter().copied().chain(again).chain(early.map(|key| (Lane::Request, *key)));
        let calls = calls.filter(|(lane, key)| !waited_for(call(*lane, *key)));
        actions.extend(calls.map(|(lane, key)| Action::Call(at, lane, key)));
        for message in place.messages.distinct() {
            actions.push(Action::Arrive(at, message));
            let switches = matches!(message.what, What::Request(key) if !place.supplier.has_seen(key));
            if switches && state.left.faults > 0 {
                actions.push(Action::Refuse(at, message));
            }
            // Whatever an earlier scheduler waits for makes no difference to anybody.
            if message.heard && message.epoch == known.epoch && state.left.faults > 0 {
                actions.push(Action::GiveUp(at, message));
            }
        }
        let is_paused = self.tables.registry_known(place.registry).is_paused();
        if !is_paused && state.left.pauses > 0 {
            actions.push(Action::Pause(at));
        }
        if is_paused && state.left.resumes > 0 {
            actions.push(Action::Resume(at));
        }
        if state.left.holds > 0 {
            actions.extend([false, true].map(|stop| Action::PlaceHold { stop, practice: Some(at) }));
        }
    }

    pub(crate) fn actions(&self, state: &State<N>) -> Vec<Action> {
        let mut actions = Vec::new();
        if state.breach.is_some() {
            return actions;
        }
        for at in 0..N {
            self.actions_at(state, at, &mut actions);
        }
        if state.left.holds > 0 {
            actions.extend([false, true].map(|stop| Action::PlaceHold { stop, practice: None }));
        }
        if state.left.lifts > 0 {
            let active = (0..state.holds_placed).filter(|hold| state.holds & (1 << hold) != 0);
            actions.extend(active.map(Action::LiftHold));
        }
        if state.left.schedulers > 1 {
            actions.push(Action::TakeOver);
        }
        actions
    }

    pub(crate) fn next(&self, state: &State<N>, action: Action) -> State<N> {
        let mut turn = Turn { model: self, state: state.clone(), recorded: None };
        turn.take(action);
        turn.state
    }
}

impl<const N: usize> State<N> {
    /// The same with the practices in order: it makes no difference which is which.
    pub(crate) fn representative(&self) -> Self {
        let mut same = self.clone();
        same.places.sort_unstable();
        same
    }
}

impl<const N: usize> stateright::Model for Model<N> {
    type State = State<N>;
    type Action = Action;

    fn init_states(&self) -> Vec<State<N>> {
        vec![self.first()]
    }

    fn actions(&self, state: &State<N>, actions: &mut Vec<Action>) {
        actions.extend(Model::actions(self, state));
    }

    fn next_state(&self, state: &State<N>, action: Action) -> Option<State<N>> {
        let next = self.next(state, action);
        (next != *state).then_some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        properties::all()
    }
}

//! The scheduler's state: what the journal's events fold to.
//!
//! Persistent maps throughout, so that a clone is cheap and a reader keeps a consistent state while the next is made.
//! Everything a step must find quickly is indexed by its state. Nothing here decides: [`crate::decide`] does, and
//! [`crate::apply`] is the only writer.

pub mod activation;
pub mod concern;
pub mod dispatch;
pub mod due;
pub mod enrolment;
pub mod gate;
pub mod hold;
pub mod load;
pub mod programme;
pub mod unwinding;
pub mod wave;

use std::sync::Arc;

use imbl::{OrdMap, OrdSet};
use jiff::Timestamp;
use ods::PracticeCode;
use serde::{Deserialize, Serialize};

pub use activation::{Access, Activation, ActivationStage, ActivationState, AppliedEnable, Cause, Desired, Outcome};
pub use concern::{Concern, ConcernAbout, Severity};
pub use dispatch::{Carrier, Correspondence, Dispatch, DispatchRef, DispatchStage, Means, Template, Trouble};
pub use due::{Due, DueKind, DueOutcome, DueRecord, LATE_AFTER, MissReason, SkipPolicy};
pub use enrolment::{Deferral, Enrolment, EnrolmentStage, EnrolmentState, Supersession, Voiding, Withdrawal};
pub use gate::{
    Decision, Evidence, Finding, GateEvaluation, GateFigures, HookAnswer, Measured, StatisticsPositions, Verdict,
};
pub use hold::{Brake, Hold, HoldClass, HoldScope, LiftAsked, Signature, Subject};
pub use load::{CapScope, Load, Loads, scopes};
pub use programme::{DeadlineSet, Document, Notice, PlanRecord, PlanStage, Programme, ProgrammeStage};
pub use unwinding::{ClinicalReason, Reverted, Unwinding};
pub use wave::{Wave, WaveStage};

use crate::calendar::Calendar;
use crate::id::{ActivationKey, ConcernId, Direction, HoldId, ProgrammeId, Target, WaveId, WaveRef};

/// Everything the scheduler knows.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// The position of the last event applied.
    pub position: u64,
    /// When it was recorded; none before the first.
    pub recorded_at: Option<Timestamp>,
    /// The national calendar.
    pub calendar: Calendar,
    /// The position of the calendar's last change: its etag.
    pub calendar_changed_at_position: u64,
    /// Programmes by name.
    pub programmes: OrdMap<ProgrammeId, Programme>,
    /// Every hold there ever was.
    pub holds: OrdMap<HoldId, Arc<Hold>>,
    /// Those that brake.
    pub holds_active: OrdSet<HoldId>,
    /// What is wanted at each practice, and the last decision about it.
    #[serde(with = "crate::pairs")]
    pub access: OrdMap<Target, Arc<Access>>,
    /// Activations that anything is open about.
    #[serde(with = "crate::pairs")]
    activations: OrdMap<ActivationKey, Arc<Activation>>,
    /// The same by their state.
    by_state: OrdMap<ActivationState, OrdSet<ActivationKey>>,
    /// When something is to be done about each of those under way.
    agenda: OrdSet<(Timestamp, ActivationKey)>,
    /// Keys given up before their seal, whose permits are to be given back, if there are any.
    pub releases: OrdSet<ActivationKey>,
    /// Where people have ordered access to be taken away again, and no supplier has confirmed it yet.
    #[serde(with = "crate::pairs", default)]
    pub ordered_off: OrdMap<Target, Cause>,
    /// Every concern that was reported.
    #[serde(default, skip_serializing_if = "OrdMap::is_empty")]
    pub concerns: OrdMap<ConcernId, Arc<Concern>>,
    /// Programme-default pauses that were judged.
    #[serde(with = "crate::pairs")]
    pub judgements: OrdMap<PauseRef, Judgement>,
}

/// A pause of a practice, `practices/A81001/pauses/1`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PauseRef {
    /// The practice.
    pub practice: PracticeCode,
    /// The pause's number there.
    pub number: u32,
}

/// The scheduler's judgement of a programme-default pause.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Judgement {
    /// The wave whose objections it was judged by.
    pub wave: WaveRef,
    /// What it came out as.
    pub ruling: Ruling,
    /// Whether the registry knows all of that.
    pub told: bool,
}

/// What a programme-default pause comes out as.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "ruling", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Ruling {
    /// It came in time: it ends when the wave it defers to opens.
    InTime {
        /// That wave.
        deferred_to: WaveId,
        /// The moment at which that wave opened; none until then: the pause goes on.
        until: Option<Timestamp>,
    },
    /// It came late: honoured where no permit is open, until the practice lifts it.
    Late,
}

impl Judgement {
    /// Whether the pause was found in time and defers its practice to this wave. By its full name: another programme has
    /// waves of the same numbers.
    pub(crate) fn defers_to(&self, wave: &WaveRef) -> bool {
        let here = matches!(self.ruling, Ruling::InTime { deferred_to, .. } if deferred_to == wave.wave);
        here && self.wave.programme == wave.programme
    }
}

impl State {
    /// A programme.
    #[must_use]
    pub fn programme(&self, id: &ProgrammeId) -> Option<&Programme> {
        self.programmes.get(id)
    }

    /// A wave.
    #[must_use]
    pub fn wave(&self, wave: &WaveRef) -> Option<&Wave> {
        self.programmes.get(&wave.programme)?.waves.get(&wave.wave)
    }

    /// Holds that brake, in the order of placing.
    pub fn active_holds(&self) -> impl Iterator<Item = &Hold> {
        self.holds_active.iter().filter_map(|id| self.holds.get(id)).map(AsRef::as_ref)
    }

    /// The holds that cover a practice.
    pub fn holds_on<'a>(&'a self, subject: Subject<'a>) -> impl Iterator<Item = &'a Hold> {
        self.active_holds().filter(move |hold| hold.scope.covers(&subject))
    }

    /// The first hold that covers a practice.
    #[must_use]
    pub fn hold_on<'a>(&'a self, subject: Subject<'a>) -> Option<&'a Hold> {
        self.holds_on(subject).next()
    }

    /// The first hold that covers a wave with all its practices.
    #[must_use]
    pub fn hold_on_wave(&self, wave: &WaveRef) -> Option<&Hold> {
        self.active_holds().find(|hold| hold.scope.covers_wave(wave))
    }

    /// The next hold's number.
    #[must_use]
    pub fn next_hold(&self) -> HoldId {
        HoldId(self.holds.get_max().map_or(0, |(id, _)| id.0) + 1)
    }

    /// The next concern's number.
    #[must_use]
    pub fn next_concern(&self) -> ConcernId {
        ConcernId(self.concerns.get_max().map_or(0, |(id, _)| id.0) + 1)
    }

    /// What is wanted at a practice, and the last decision about it; nothing was ever decided where there is none.
    #[must_use]
    pub fn access(&self, target: &Target) -> Option<&Access> {
        self.access.get(target).map(AsRef::as_ref)
    }

    /// The generation of the last decision about a practice.
    #[must_use]
    pub fn generation(&self, target: &Target) -> u32 {
        self.access(target).map_or(0, |access| access.generation)
    }

    /// An activation that anything is open about.
    #[must_use]
    pub fn activation(&self, key: &ActivationKey) -> Option<&Activation> {
        self.activations.get(key).map(AsRef::as_ref)
    }

    /// The first open activation of a practice, DISABLE before ENABLE.
    #[must_use]
    pub fn open_activation(&self, target: &Target) -> Option<&Activation> {
        let key = |direction, generation| ActivationKey {
            direction,
            practice: target.practice,
            capability: target.capability.clone(),
            generation,
        };
        let of = |direction| self.activations.range(key(direction, 0)..=key(direction, u32::MAX)).next();
        of(Direction::Disable).or_else(|| of(Direction::Enable)).map(|(_, activation)| activation.as_ref())
    }

    /// Activations that anything is open about: DISABLE before ENABLE, then by practice.
    pub fn activations(&self) -> impl Iterator<Item = &Activation> {
        self.activations.values().map(AsRef::as_ref)
    }

    /// Open activations in one state: DISABLE before ENABLE, then by practice.
    pub fn activations_in(&self, state: ActivationState) -> impl Iterator<Item = &Activation> {
        self.by_state.get(&state).into_iter().flatten().filter_map(|key| self.activation(key))
    }

    /// How many open activations are in one state.
    #[must_use]
    pub fn activations_count(&self, state: ActivationState) -> usize {
        self.by_state.get(&state).map_or(0, OrdSet::len)
    }

    /// Activations under way about which something is to be done at or before `now`, earliest first.
    pub fn due_activations(&self, now: Timestamp) -> impl Iterator<Item = &Activation> {
        self.agenda.iter().take_while(move |(at, _)| *at <= now).filter_map(|(_, key)| self.activation(key))
    }

    /// When something is to be done about an activation under way next.
    #[must_use]
    pub fn next_activation_at(&self) -> Option<Timestamp> {
        self.agenda.get_min().map(|(at, _)| *at)
    }

    /// Puts an activation in, or in place of what it was.
    pub(crate) fn put_activation(&mut self, activation: Activation) {
        self.take_activation(&activation.key);
        let state = activation.stage.state();
        self.by_state.entry(state).or_default().insert(activation.key.clone());
        if state.is_under_way() {
            self.agenda.insert((activation.due_at, activation.key.clone()));
        }
        self.activations.insert(activation.key.clone(), Arc::new(activation));
    }

    /// Takes an activation out: nothing about it is open any more.
    pub(crate) fn take_activation(&mut self, key: &ActivationKey) -> Option<Arc<Activation>> {
        let activation = self.activations.remove(key)?;
        let state = activation.stage.state();
        if let Some(keys) = self.by_state.get_mut(&state) {
            keys.remove(key);
            if keys.is_empty() {
                self.by_state.remove(&state);
            }
        }
        self.agenda.remove(&(activation.due_at, key.clone()));
        Some(activation)
    }

    /// Changes what is wanted at a practice.
    pub(crate) fn change_access(&mut self, target: &Target, change: impl FnOnce(&mut Access)) {
        let mut access = self.access(target).cloned().unwrap_or_default();
        change(&mut access);
        self.access.insert(target.clone(), Arc::new(access));
    }
}

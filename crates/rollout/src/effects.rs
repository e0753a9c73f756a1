//! What is to be called outside, listed from the state: permits, suppliers, settlements, pauses, notices, gates.
//!
//! The service calls each and reports what came of it as a [`Fact`](crate::Fact). Nothing here is a queue: the lists
//! are what is true now, so that a restart goes on where the journal ends, and calling twice is harmless by the key.
//! Everything comes DISABLE before ENABLE.

mod gates;
mod waiting;

pub use gates::{FiguresToRead, GateQuestions, HookToAsk, gate_questions};
use jiff::Timestamp;
use ods::readiness::catalogue_item;
use ods::{PracticeCode, Supplier};
pub use waiting::{WaitingGate, waiting_gate};

use crate::id::{ActivationKey, PlanVersion, ProgrammeId, WaveId, WaveRef};
use crate::spec::{ItemSpec, Mode};
use crate::state::{
    Activation, ActivationStage, ActivationState, EnrolmentState, HoldScope, Load, Outcome, PauseRef, Ruling, State,
    Wave, WaveStage,
};

/// Keys to ask the registry's permits for (AcquirePermits), at most so many. Report [`Fact::Permits`](crate::Fact).
pub fn permits_to_acquire(state: &State, count_max: usize) -> Vec<ActivationKey> {
    state.activations_in(ActivationState::Intended).take(count_max).map(|one| one.key.clone()).collect()
}

/// Keys whose permits to give back (ReleasePermits), at most so many; the registry may say that there is none. Report
/// [`Fact::PermitsReleased`](crate::Fact) for all of them.
pub fn permits_to_release(state: &State, count_max: usize) -> Vec<ActivationKey> {
    state.releases.iter().take(count_max).cloned().collect()
}

/// A call to a supplier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SupplierCall {
    /// The key.
    pub key: ActivationKey,
    /// Whom to call.
    pub supplier: Supplier,
    /// What to call.
    pub call: Call,
    /// The wave it belongs to; none for a switch-off.
    pub wave: Option<WaveRef>,
}

/// What to call at a supplier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    /// RequestActivation or RequestDeactivation, by the key's direction.
    Request,
    /// GetActivation.
    Ask,
    /// CancelActivation.
    Cancel,
}

/// Calls to suppliers that are due, earliest first, at most so many. Report each as an answer in
/// [`Fact::Answers`](crate::Fact): a call that failed or timed out as `NoAnswer`.
pub fn supplier_calls(state: &State, now: Timestamp, count_max: usize) -> Vec<SupplierCall> {
    state.due_activations(now).filter_map(supplier_call).take(count_max).collect()
}

fn supplier_call(activation: &Activation) -> Option<SupplierCall> {
    let call = match activation.stage.state() {
        ActivationState::Sealed if activation.cancel => Call::Cancel,
        // On the supplier's next list, not by a call of ours.
        ActivationState::Sealed if activation.mode == Mode::BookedDates => return None,
        ActivationState::Sealed => Call::Request,
        ActivationState::Sent | ActivationState::Acked | ActivationState::Unknown if activation.cancel => Call::Cancel,
        ActivationState::Sent | ActivationState::Acked | ActivationState::Unknown => Call::Ask,
        ActivationState::Intended | ActivationState::Settled => return None,
    };
    let wave = activation.wave().cloned();
    Some(SupplierCall { key: activation.key.clone(), supplier: activation.supplier.clone(), call, wave })
}

/// How an activation ended, for the registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToSettle {
    /// The key.
    pub key: ActivationKey,
    /// How.
    pub outcome: Outcome,
    /// When that became known.
    pub settled_at: Timestamp,
    /// The wave it belongs to; none for a switch-off.
    pub wave: Option<WaveRef>,
}

/// Endings to tell the registry (SettlePermits), at most so many. Report [`Fact::PermitsSettled`](crate::Fact).
pub fn permits_to_settle(state: &State, count_max: usize) -> Vec<ToSettle> {
    let settled = state.activations_in(ActivationState::Settled);
    let ended = settled.filter_map(|one| match &one.stage {
        ActivationStage::Settled { outcome, settled_at } => Some(ToSettle {
            key: one.key.clone(),
            outcome: outcome.clone(),
            settled_at: *settled_at,
            wave: one.wave().cloned(),
        }),
        _ => None,
    });
    ended.take(count_max).collect()
}

/// A judgement of a pause, for the registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PauseToTell {
    /// The pause.
    pub pause: PauseRef,
    /// The wave whose objections it was judged by, or which opened.
    pub judged_by: WaveRef,
    /// What it came out as. In time with `until`: the wave it defers to opened then, and the pause ends.
    pub ruling: Ruling,
    /// The later wave's full name, where it came in time.
    pub deferred_to: Option<WaveRef>,
}

/// Judgements to tell the registry (SetPauseOutcome), at most so many. Report
/// [`Fact::PauseOutcomesTold`](crate::Fact), also where the registry says that the pause has ended meanwhile.
pub fn pauses_to_tell(state: &State, count_max: usize) -> Vec<PauseToTell> {
    let untold = state.judgements.iter().filter(|(_, judgement)| !judgement.told);
    let to_tell = untold.map(|(pause, judgement)| {
        let wave = |wave: WaveId| WaveRef { programme: judgement.wave.programme.clone(), wave };
        let deferred_to = match judgement.ruling {
            Ruling::InTime { deferred_to, .. } => Some(wave(deferred_to)),
            Ruling::Late => None,
        };
        PauseToTell { pause: *pause, judged_by: judgement.wave.clone(), ruling: judgement.ruling.clone(), deferred_to }
    });
    to_tell.take(count_max).collect()
}

/// Readiness items of a programme's own, for the registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItemsToTell {
    /// The programme.
    pub programme: ProgrammeId,
    /// The version that has them.
    pub version: PlanVersion,
    /// The items, by name.
    pub items: Vec<(String, ItemSpec)>,
}

/// Readiness items that a plan in force has besides the catalogue, to tell the registry (DeclareReadinessItems): else no
/// practice could say that it has done them. Report [`Fact::ReadinessTold`](crate::Fact).
#[must_use]
pub fn items_to_tell(state: &State) -> Vec<ItemsToTell> {
    let untold = state.programmes.values().filter_map(|programme| {
        let version = programme.in_force.filter(|version| programme.readiness_told != Some(*version))?;
        let template = programme.plan()?.spec.readiness.as_ref()?;
        let own = template.iter().filter(|(item, _)| catalogue_item(item).is_none());
        let items: Vec<_> = own.map(|(item, demand)| (item.clone(), demand.clone())).collect();
        let untold = !items.is_empty() && !programme.stage.has_ended();
        untold.then(|| ItemsToTell { programme: programme.id.clone(), version, items })
    });
    untold.collect()
}

/// Practices of a wave that are owed notice and had none; empty unless the wave is giving notice.
pub fn notices_to_give(state: &State, wave: &WaveRef) -> Vec<PracticeCode> {
    let wave = state.wave(wave).filter(|wave| wave.stage == WaveStage::Notice);
    let owed = wave.into_iter().flat_map(|wave| wave.in_state(EnrolmentState::Candidate));
    owed.map(|enrolment| enrolment.practice).collect()
}

/// Practices with an enrolment that may still go live, which a hold of this scope withholds or would withhold, by code,
/// with their patients.
pub fn withheld_by(state: &State, scope: &HoldScope) -> (Vec<PracticeCode>, Load) {
    let waves = || state.programmes.values().flat_map(|one| one.waves.values()).filter(|wave| !wave.stage.has_ended());
    let whole = || waves().filter(|wave| scope.covers_wave(&wave.id));
    // A hold on the nation is placed while everybody waits for it: no enrolment of a hundred thousand is looked at.
    let mut practices: Vec<PracticeCode> = whole().flat_map(|wave| wave.listed_in_any(is_withholdable)).collect();
    PracticeCode::sort(&mut practices);
    // Whoever is in two waves at once would be in the sum twice.
    if practices.is_empty() || !practices.is_sorted_by(|one, next| one < next) {
        return withheld_singly(waves(), scope);
    }
    let mut load = Load::default();
    whole().for_each(|wave| load += wave.load_in_any(is_withholdable));
    (practices, load)
}

fn withheld_singly<'a>(waves: impl Iterator<Item = &'a Wave>, scope: &HoldScope) -> (Vec<PracticeCode>, Load) {
    let mut withheld: Vec<(PracticeCode, Load)> = Vec::new();
    for wave in waves {
        for enrolment in wave.enrolments().filter(|one| is_withholdable(one.stage.state())) {
            if scope.covers(&wave.subject(enrolment)) {
                withheld.push((enrolment.practice, enrolment.load()));
            }
        }
    }
    // Those of a wave come in order, and a nation's may be in one.
    withheld.sort_by_key(|(practice, _)| *practice);
    withheld.dedup_by_key(|(practice, _)| *practice);
    let mut load = Load::default();
    withheld.iter().for_each(|(_, one)| load += *one);
    (withheld.into_iter().map(|(practice, _)| practice).collect(), load)
}

pub use crate::decide::switched_on_by;

fn is_withholdable(state: EnrolmentState) -> bool {
    state.is_open() && !state.is_unsettled()
}

/// The practices of a programme that are signed up: an enrolment that may still go live, in a wave of the plan in
/// force, with the wave's first date and the day the plan has in mind.
pub fn signed_up<'a>(
    state: &'a State,
    programme: &'a ProgrammeId,
) -> impl Iterator<Item = (&'a Wave, &'a crate::state::Enrolment)> {
    let waves = state.programme(programme).into_iter().flat_map(super::state::programme::Programme::waves_in_order);
    waves.flat_map(|wave| {
        wave.enrolments().filter(|one| one.stage.state().is_open()).map(move |enrolment| (wave, enrolment))
    })
}

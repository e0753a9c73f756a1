//! Decisions about what is under way: suppliers' answers, settlements, switch-offs.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::Docket;
use crate::command::{DisableCandidate, SupplierAnswer};
use crate::eligibility::has_tries_left;
use crate::event::{DisableIntent, Event, Settlement, Standing};
use crate::id::{ActivationKey, Direction};
use crate::pace::{ask_again, refusal_again, reply_by, switch_off_again};
use crate::spec::Mode;
use crate::state::{Activation, ActivationState, Cause, EnrolmentStage, Outcome, State, WaveStage};

pub(super) fn permits_released(docket: &mut Docket, keys: &[ActivationKey]) {
    let keys: Vec<_> = keys.iter().filter(|key| docket.state.releases.contains(*key)).cloned().collect();
    if !keys.is_empty() {
        docket.record(Event::PermitsReleased { keys });
    }
}

pub(super) fn sent(docket: &mut Docket, keys: &[ActivationKey]) {
    let sealed = |key: &&ActivationKey| {
        docket.state.activation(key).is_some_and(|one| one.stage.state() == ActivationState::Sealed)
    };
    let keys: Vec<_> = keys.iter().filter(sealed).cloned().collect();
    if !keys.is_empty() {
        docket.record(Event::Sent { keys, due_at: reply_by(docket.now) });
    }
}

/// Answers about what is no longer under way change nothing: the first settlement stands, and what a supplier's own list
/// says otherwise shows as drift.
pub(super) fn answers(docket: &mut Docket, answers: &BTreeMap<ActivationKey, SupplierAnswer>) {
    let mut standing = Vec::new();
    let mut settlements = Vec::new();
    for (key, answer) in answers {
        let activation = docket.state.activation(key).filter(|one| one.stage.state().is_under_way());
        let Some(activation) = activation else { continue };
        let again = ask_again(docket.now, activation.attempts);
        match answer {
            SupplierAnswer::Accepted => standing.push((key.clone(), Standing::Acked { ask_at: again })),
            SupplierAnswer::NoAnswer => standing.push((key.clone(), Standing::Unknown { ask_at: again })),
            // Never seen and to be cancelled: the close of the key is asked for again, not the switch.
            SupplierAnswer::NeverSeen if activation.cancel => {
                standing.push((key.clone(), Standing::Unknown { ask_at: again }));
            }
            // A list that was taken is not sent again; the supplier answers when its date has come.
            SupplierAnswer::NeverSeen if activation.mode == Mode::BookedDates => {
                standing.push((key.clone(), Standing::Acked { ask_at: again }));
            }
            SupplierAnswer::NeverSeen => standing.push((key.clone(), Standing::Resend { send_at: docket.now })),
            SupplierAnswer::Applied { at } => {
                settlements.push(settle(docket, activation, Outcome::Applied { applied_at: *at }));
            }
            SupplierAnswer::Closed => settlements.push(settle(docket, activation, Outcome::NotApplied)),
            SupplierAnswer::Refused { code, retryable } => {
                let outcome = Outcome::Refused { code: code.clone(), retryable: *retryable };
                settlements.push(settle(docket, activation, outcome));
            }
        }
    }
    if !standing.is_empty() {
        docket.record(Event::Answered { answers: standing });
    }
    if !settlements.is_empty() {
        docket.record(Event::Settled { settlements });
    }
}

fn settle(docket: &Docket, activation: &Activation, outcome: Outcome) -> Settlement {
    let (then, not_before) = match activation.key.direction {
        Direction::Enable => after_enable(docket, activation, &outcome),
        Direction::Disable if matches!(outcome, Outcome::Applied { .. }) => (Some(EnrolmentStage::Reverted), None),
        // A practice that paused is on: tried again, soon and for ever.
        Direction::Disable => (None, Some(switch_off_again(docket.now))),
    };
    Settlement { key: activation.key.clone(), outcome, then, not_before }
}

/// One practice's failure is its own (I21): it is tried again while its wave is open, then counted.
fn after_enable(
    docket: &Docket,
    activation: &Activation,
    outcome: &Outcome,
) -> (Option<EnrolmentStage>, Option<Timestamp>) {
    let (code, retryable) = match outcome {
        Outcome::Applied { .. } if is_being_unwound(docket, activation) => {
            return (Some(EnrolmentStage::Reverting), None);
        }
        Outcome::Applied { .. } => return (Some(EnrolmentStage::Confirmed), None),
        Outcome::NotApplied => return (Some(EnrolmentStage::NotApplied), None),
        Outcome::Refused { code, retryable } => (code.clone(), *retryable),
    };
    if !retryable {
        return (Some(EnrolmentStage::Refused { code }), None);
    }
    let wave = activation.wave().and_then(|wave| docket.state.wave(wave));
    let Some(wave) = wave else { return (None, None) };
    let refusals = wave.enrolment(activation.key.practice).map_or(0, |enrolment| enrolment.refusals);
    let listed = docket
        .state
        .programme(&wave.id.programme)
        .and_then(|programme| programme.plan())
        .is_some_and(|plan| plan.wave(wave.id.wave).is_some());
    let again = wave.stage == WaveStage::Open
        && listed
        && has_tries_left(wave, activation.mode, &activation.supplier, refusals);
    if again {
        (Some(EnrolmentStage::Enrolled), Some(refusal_again(docket.now, refusals)))
    } else {
        (Some(EnrolmentStage::Failed { code }), None)
    }
}

fn is_being_unwound(docket: &Docket, activation: &Activation) -> bool {
    let wave = activation.wave().and_then(|wave| docket.state.wave(wave));
    wave.is_some_and(|wave| wave.stage == WaveStage::Unwinding)
}

pub(super) fn permits_settled(docket: &mut Docket, keys: &[ActivationKey], registry_position: u64) {
    let settled = |key: &&ActivationKey| {
        docket.state.activation(key).is_some_and(|one| one.stage.state() == ActivationState::Settled)
    };
    let keys: Vec<_> = keys.iter().filter(settled).cloned().collect();
    if !keys.is_empty() {
        docket.record(Event::PermitsSettled { keys, registry_position });
    }
}

/// Nothing holds a switch-off: no hold, window, cap or notice.
pub(super) fn disable(docket: &mut Docket, practices: &[DisableCandidate], registry_position: u64) {
    let mut disables = Vec::new();
    // Several reasons may ask for the same at one practice: it is switched off once.
    let mut targets = BTreeSet::new();
    for one in practices.iter().filter(|one| may_disable(&docket.state, one, docket.now)) {
        if !targets.insert(&one.target) {
            continue;
        }
        let generation = docket.state.generation(&one.target).max(one.generation_highest) + 1;
        let key = ActivationKey {
            direction: Direction::Disable,
            practice: one.target.practice,
            capability: one.target.capability.clone(),
            generation,
        };
        let cause = one.cause.clone();
        disables.push(DisableIntent { key, cause, supplier: one.supplier.clone(), mode: one.mode });
    }
    if !disables.is_empty() {
        docket.record(Event::DisablesIntended { disables, registry_position });
    }
}

/// Once for each reason: the ENABLE that it reverses took effect and was not reversed, or people's order still stands;
/// nothing is under way there, and the last try is not too fresh.
pub(crate) fn may_disable(state: &State, one: &DisableCandidate, now: Timestamp) -> bool {
    let access = state.access(&one.target);
    let reversible = match &one.cause {
        Cause::Pause { reverses } => {
            access.and_then(|access| access.applied.as_ref()).is_some_and(|applied| applied.key == *reverses)
        }
        Cause::Unwind { .. } | Cause::Revert { .. } => state.ordered_off.get(&one.target) == Some(&one.cause),
        Cause::SwitchOff => true,
        // Which switches on.
        Cause::Wave { .. } => false,
    };
    let rested = access.and_then(|access| access.not_before).is_none_or(|at| at <= now);
    let open = state.open_activation(&one.target).filter(|open| {
        // An ENABLE that settled, and of which the registry is yet to be told, does not delay its reversal.
        open.key.direction == Direction::Disable || open.stage.state() != ActivationState::Settled
    });
    reversible && rested && open.is_none()
}

//! Folds what takes access away again by people's decision.

use jiff::Timestamp;
use ods::PracticeCode;

use super::Place;
use super::programme::{change_stage, supersede, wave_of};
use crate::id::{Account, Target, WaveRef};
use crate::state::{
    Cause, ClinicalReason, Desired, EnrolmentStage, Reverted, Signature, State, Supersession, Unwinding, WaveStage,
};

pub(super) fn asked(
    state: &mut State,
    id: &WaveRef,
    reason: ClinicalReason,
    signature: &Signature,
    until: Timestamp,
    place: Place,
) {
    let Some(wave) = wave_of(state, id) else { return };
    let (asked, asked_at_position) = (signature.clone(), place.position);
    wave.unwinding = Some(Unwinding { reason, asked, until, asked_at_position, begun: None });
    wave.changed_at_position = place.position;
}

/// Who waits in it goes live by another plan, or not at all; who is on by it is switched off.
pub(super) fn begun(state: &mut State, id: &WaveRef, signature: &Signature, practices: &[PracticeCode], place: Place) {
    let Some(programme) = state.programmes.get(&id.programme) else { return };
    let capability = programme.capability.clone();
    supersede(state, id, &Supersession::Unwound, place, |_| true);
    let Some(wave) = wave_of(state, id) else { return };
    if let Some(unwinding) = &mut wave.unwinding {
        unwinding.begun = Some(signature.clone());
    }
    change_stage(wave, WaveStage::Unwinding, place);
    for practice in practices {
        let target = Target { practice: *practice, capability: capability.clone() };
        order_off(state, &target, Cause::Unwind { wave: id.clone() }, id, &signature.by, place);
    }
}

pub(super) fn reverted(state: &mut State, id: &WaveRef, practice: PracticeCode, signature: &Signature, place: Place) {
    let Some(programme) = state.programmes.get(&id.programme) else { return };
    let target = Target { practice, capability: programme.capability.clone() };
    order_off(state, &target, Cause::Revert { wave: id.clone() }, id, &signature.by, place);
}

/// It took effect although its wave is being unwound: it goes the way of the others.
pub(super) fn found_on(state: &mut State, target: &Target, id: &WaveRef, place: Place) {
    let Some(wave) = wave_of(state, id) else { return };
    let begun = wave.unwinding.as_ref().and_then(|unwinding| unwinding.begun.clone());
    let Some(signature) = begun else { return };
    order_off(state, target, Cause::Unwind { wave: id.clone() }, id, &signature.by, place);
}

fn order_off(state: &mut State, target: &Target, cause: Cause, id: &WaveRef, by: &Account, place: Place) {
    if let Some(wave) = wave_of(state, id) {
        wave.step_to(target.practice, EnrolmentStage::Reverting, place.at);
        wave.last_action_at = Some(place.at);
    }
    let reverted = Reverted { wave: id.clone(), by: by.clone(), at: place.at, at_position: place.position };
    state.change_access(target, |access| {
        access.desired = Desired::Off;
        access.reverted = Some(reverted);
    });
    state.ordered_off.insert(target.clone(), cause);
}

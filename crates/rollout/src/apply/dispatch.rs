//! Folds what happens to notices that the scheduler sends.

use std::sync::Arc;

use ods::PracticeCode;

use super::Place;
use crate::event::{DispatchMove, SealedDispatch};
use crate::id::{ProgrammeId, WaveRef};
use crate::state::{Correspondence, Dispatch, DispatchStage, Programme, State};

pub(super) fn sealed(state: &mut State, id: &WaveRef, dispatches: &[SealedDispatch], place: Place) {
    let Some(programme) = state.programmes.get_mut(&id.programme) else { return };
    for sealed in dispatches {
        let dispatch = Dispatch {
            number: sealed.number,
            wave: id.wave,
            not_before: sealed.not_before,
            template: sealed.template,
            contact: sealed.contact,
            means: sealed.means,
            carrier: sealed.carrier,
            sealed_at: place.at,
            stage: DispatchStage::Sealed,
            changed_at: place.at,
        };
        programme.dispatches_open.insert((sealed.practice, sealed.number));
        change(programme, sealed.practice, |known| {
            known.dispatches.push(dispatch);
            known.unaddressed_since = None;
        });
    }
}

pub(super) fn moved(state: &mut State, id: &ProgrammeId, moves: &[DispatchMove], place: Place) {
    let Some(programme) = state.programmes.get_mut(id) else { return };
    for DispatchMove { to, dispatches } in moves {
        for (practice, number) in dispatches {
            to_stage(programme, *practice, *number, to, place);
        }
    }
}

/// Moves a dispatch; a notice that rested on it is none any more where it failed.
pub(super) fn to_stage(
    programme: &mut Programme,
    practice: PracticeCode,
    number: u32,
    stage: &DispatchStage,
    place: Place,
) {
    let mut is_open = false;
    change(programme, practice, |known| {
        if let Some(dispatch) = known.get_mut(number) {
            dispatch.stage = stage.clone();
            dispatch.changed_at = place.at;
            is_open = dispatch.is_open();
        }
    });
    if !is_open {
        programme.dispatches_open.remove(&(practice, number));
    }
    if matches!(stage, DispatchStage::Failed { .. })
        && let Some(notices) = programme.notices.get_mut(&practice)
    {
        Arc::make_mut(notices).retain(|notice| notice.dispatch != Some(number));
    }
}

pub(super) fn unaddressed(state: &mut State, id: &WaveRef, practices: &[PracticeCode], place: Place) {
    let Some(programme) = state.programmes.get_mut(&id.programme) else { return };
    for practice in practices {
        change(programme, *practice, |known| known.unaddressed_since = Some(place.at));
    }
}

pub(super) fn retried(state: &mut State, id: &WaveRef, practices: &[PracticeCode]) {
    let Some(programme) = state.programmes.get_mut(&id.programme) else { return };
    for practice in practices {
        change(programme, *practice, |known| {
            known.forgiven = known.next_number() - 1;
            known.unaddressed_since = None;
        });
    }
}

fn change(programme: &mut Programme, practice: PracticeCode, change: impl FnOnce(&mut Correspondence)) {
    change(Arc::make_mut(programme.correspondence.entry(practice).or_default()));
}

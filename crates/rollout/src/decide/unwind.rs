//! Decisions that take access away again: a wave by two people on clinical grounds, one practice by one.
//!
//! What they decide is carried out as any switch-off is: each by a DISABLE under a generation of its own, which no hold,
//! window, cap or notice keeps back. Nobody but a person gives access back afterwards (rule 8, I22).

use assent::{Step, Wish};
use ods::PracticeCode;

use super::{Docket, Person};
use crate::event::Event;
use crate::id::{ActivationKey, Direction, Target, WaveRef};
use crate::rejection::Rejection;
use crate::state::{
    Activation, ActivationState, Cause, ClinicalReason, DueOutcome, EnrolmentState, State, Voiding, Wave, WaveStage,
};

/// The first call asks for it, the second, by another person with the etag of the first, begins it.
pub(super) fn unwind(
    docket: &mut Docket,
    person: Person<'_>,
    id: &WaveRef,
    reason: ClinicalReason,
    etag: Option<u64>,
) -> Result<(), Rejection> {
    let person = person.named()?.with_reason()?;
    let wave = docket.wave(id)?;
    if !wave.stage.may_be_unwound() {
        return Err(Rejection::WaveInStage { wave: id.clone(), stage: wave.stage });
    }
    let wish = wave.unwinding.as_ref().filter(|one| one.begun.is_none()).map(|one| Wish {
        by: one.asked.by.as_str(),
        until: one.until,
        etag: one.asked_at_position,
    });
    let judged = assent::judge(wish, person.by.as_str(), etag, docket.now);
    let signature = person.signature(docket.now);
    match judged.map_err(|refusal| Rejection::SecondPerson { of: id.to_string(), refusal })? {
        Step::Ask { until } => {
            docket.record(Event::UnwindAsked { wave: id.clone(), reason, signature, until });
            return Ok(());
        }
        Step::Complete => {}
    }
    docket.void(&docket.intended(|one| one.wave() == Some(id)), &Voiding::Unwound);
    docket.cancel(&under_way(&docket.state, id));
    docket.settle_all(id, &DueOutcome::Superseded);
    let practices = docket.state.wave(id).map(|wave| switched_on_by(&docket.state, wave)).unwrap_or_default();
    docket.record(Event::UnwindingBegun { wave: id.clone(), reason, signature, practices });
    Ok(())
}

/// What was sent and has not settled: asked back first, and switched off if it took effect all the same.
fn under_way(state: &State, id: &WaveRef) -> Vec<ActivationKey> {
    let sent = |one: &&Activation| {
        one.key.direction == Direction::Enable
            && one.stage.state().is_under_way()
            && !one.cancel
            && one.wave() == Some(id)
    };
    state.activations().filter(sent).map(|one| one.key.clone()).collect()
}

/// Practices that are on by a wave's own switch, in its order. One that switched itself on is its own to switch off.
#[must_use]
pub fn switched_on_by(state: &State, wave: &Wave) -> Vec<PracticeCode> {
    let Some(programme) = state.programme(&wave.id.programme) else { return Vec::new() };
    let live = [EnrolmentState::Confirmed, EnrolmentState::Verified];
    let live = live.into_iter().flat_map(|state| wave.in_state(state));
    let by_us = |practice: &PracticeCode| {
        let target = Target { practice: *practice, capability: programme.capability.clone() };
        let access = state.access(&target);
        access.is_some_and(|access| access.applied.is_some() && access.by.as_ref() == Some(&wave.id))
    };
    live.map(|enrolment| enrolment.practice).filter(by_us).collect()
}

/// Ends an unwinding once everything in it has settled and the registry knows.
pub(super) fn end(docket: &mut Docket, id: &WaveRef) {
    if docket.state.wave(id).is_some_and(|wave| is_unwound(&docket.state, wave)) {
        docket.record(Event::WaveUnwound { wave: id.clone() });
    }
}

/// Whether nothing is left to be switched off, or to be found out, in a wave that is being unwound.
pub(crate) fn is_unwound(state: &State, wave: &Wave) -> bool {
    let unsettled = |state: EnrolmentState| state.is_unsettled() || state == EnrolmentState::Reverting;
    let of_it = |one: &Activation| match &one.cause {
        Cause::Wave { wave: of } | Cause::Unwind { wave: of } | Cause::Revert { wave: of } => *of == wave.id,
        Cause::Pause { .. } | Cause::SwitchOff => false,
    };
    wave.stage == WaveStage::Unwinding
        && wave.load_in_any(unsettled).is_zero()
        && !state.activations_in(ActivationState::Settled).any(of_it)
}

/// One practice, whatever has become of its wave since.
pub(super) fn revert(
    docket: &mut Docket,
    person: Person<'_>,
    id: &WaveRef,
    practice: PracticeCode,
) -> Result<(), Rejection> {
    let person = person.named()?.with_reason()?;
    let Some(enrolment) = docket.wave(id)?.enrolment(practice) else {
        return Err(Rejection::NotAMember { wave: id.clone(), practice });
    };
    let state = enrolment.stage.state();
    if !matches!(state, EnrolmentState::Confirmed | EnrolmentState::Verified) {
        return Err(Rejection::EnrolmentInState { wave: id.clone(), practice, state });
    }
    let signature = person.signature(docket.now);
    docket.record(Event::RevertOrdered { wave: id.clone(), practice, signature });
    Ok(())
}

//! Decisions about programmes and their documents.

use std::sync::Arc;

use super::{Docket, Person};
use crate::event::Event;
use crate::id::{PlanVersion, ProgrammeId};
use crate::plan::Unplaced;
use crate::rejection::Rejection;
use crate::spec::Existing;
use crate::state::{Document, DueOutcome, EnrolmentState, Programme, ProgrammeStage, Voiding};

pub(super) fn create(docket: &mut Docket, person: Person<'_>, document: &Arc<Document>) -> Result<(), Rejection> {
    let id = &document.spec.name;
    if docket.state.programme(id).is_some() {
        return Err(Rejection::ProgrammeExists(id.clone()));
    }
    check(docket, document, None)?;
    docket.record(Event::ProgrammeCreated { document: document.clone(), by: person.by.clone() });
    Ok(())
}

pub(super) fn update(
    docket: &mut Docket,
    person: Person<'_>,
    id: &ProgrammeId,
    document: &Arc<Document>,
) -> Result<(), Rejection> {
    let programme = not_ended(docket.programme(id)?)?;
    check(docket, document, Some(programme))?;
    let (programme, document) = (id.clone(), document.clone());
    docket.record(Event::ProgrammeUpdated { programme, document, by: person.by.clone() });
    Ok(())
}

/// I8: what is wrong is refused when it is written.
fn check(docket: &Docket, document: &Document, programme: Option<&Programme>) -> Result<(), Rejection> {
    let existing = Existing { calendar: &docket.state.calendar, now: docket.now, programme };
    let violations = document.spec.check(&existing);
    if violations.is_empty() { Ok(()) } else { Err(Rejection::Invalid(violations)) }
}

pub(super) fn not_ended(programme: &Programme) -> Result<&Programme, Rejection> {
    if programme.stage.has_ended() {
        return Err(Rejection::ProgrammeEnded { programme: programme.id.clone(), stage: programme.stage });
    }
    Ok(programme)
}

pub(super) fn cancel(docket: &mut Docket, person: Person<'_>, id: &ProgrammeId) -> Result<(), Rejection> {
    let waves: Vec<_> = not_ended(docket.programme(id)?)?.waves.values().map(|wave| wave.id.clone()).collect();
    let admitted = docket.intended(|one| one.wave().is_some_and(|wave| wave.programme == *id));
    docket.void(&admitted, &Voiding::Replanned);
    for wave in &waves {
        docket.settle_all(wave, &DueOutcome::Superseded);
    }
    docket.record(Event::ProgrammeCancelled { programme: id.clone(), by: person.by.clone() });
    Ok(())
}

/// The registry has been told of the items that this version of the plan has of its own.
pub(super) fn readiness_told(docket: &mut Docket, id: &ProgrammeId, version: PlanVersion) {
    if docket.state.programme(id).is_some_and(|programme| programme.readiness_told != Some(version)) {
        docket.record(Event::ReadinessTold { programme: id.clone(), version });
    }
}

/// A programme is complete when every wave has ended and nobody in its cohort is left without access: otherwise another
/// version of the plan is to come.
pub(super) fn complete(docket: &mut Docket, id: &ProgrammeId) {
    if docket.state.programme(id).is_some_and(is_complete) {
        docket.record(Event::ProgrammeCompleted { programme: id.clone() });
    }
}

pub(crate) fn is_complete(programme: &Programme) -> bool {
    let Some(plan) = programme.plan() else { return false };
    let served = |state| matches!(state, EnrolmentState::Confirmed | EnrolmentState::Verified);
    let ended = programme.waves.values().all(|wave| wave.stage.has_ended());
    programme.stage == ProgrammeStage::Active
        && ended
        && plan.unplaced.iter().all(|(reason, _)| *reason == Unplaced::AlreadyOn)
        && programme.waves_in_order().all(|wave| wave.load_in_any(|state| !served(state)).is_zero())
}

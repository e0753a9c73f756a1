//! Decisions about plans: submission, approval bound to the hash, coming into force (rule 7).

use std::collections::BTreeSet;
use std::sync::Arc;

use ods::PracticeCode;

use super::programme::not_ended;
use super::{Docket, Person};
use crate::event::Event;
use crate::id::{PlanVersion, ProgrammeId, WaveId};
use crate::plan::{Plan, PlanHash};
use crate::rejection::Rejection;
use crate::spec::Existing;
use crate::state::{DueOutcome, PlanRecord, PlanStage, Programme, Voiding};

pub(super) fn submit(docket: &mut Docket, person: Person<'_>, plan: &Arc<Plan>) -> Result<(), Rejection> {
    let programme = not_ended(docket.programme(&plan.programme)?)?;
    let of_the_document = *plan.spec == programme.document.spec;
    let follows = plan.version == programme.next_version() && plan.parent == programme.in_force;
    if !of_the_document || !follows || plan.hash != plan.computed_hash() {
        return Err(Rejection::PlanOutdated { programme: programme.id.clone() });
    }
    check_moment(docket, programme, plan)?;
    docket.record(Event::PlanSubmitted { plan: plan.clone(), by: person.by.clone() });
    Ok(())
}

/// That the plan still fits the moment: its waves lie ahead, and none that it starts has opened meanwhile.
fn check_moment(docket: &Docket, programme: &Programme, plan: &Plan) -> Result<(), Rejection> {
    let existing = Existing { calendar: &docket.state.calendar, now: docket.now, programme: Some(programme) };
    let violations = plan.spec.check(&existing);
    if !violations.is_empty() {
        return Err(Rejection::Invalid(violations));
    }
    let other = plan.waves.iter().any(|wave| wave.goes_on != existing.goes_on(wave.id));
    // Of a listed wave the document's check says so.
    let mut by_strategy = plan.waves.iter().filter(|wave| !wave.goes_on && plan.spec.is_of_strategy(wave.id));
    let over = by_strategy.any(|wave| wave.is_over(existing.calendar, docket.now));
    if other || over {
        return Err(Rejection::PlanOutdated { programme: programme.id.clone() });
    }
    Ok(())
}

fn in_review<'a>(docket: &'a Docket, id: &ProgrammeId, version: PlanVersion) -> Result<&'a PlanRecord, Rejection> {
    let programme = not_ended(docket.programme(id)?)?;
    let Some(record) = programme.plans.get(&version) else {
        return Err(Rejection::UnknownPlan { programme: id.clone(), version });
    };
    if record.stage != PlanStage::InReview {
        return Err(Rejection::PlanNotInReview { programme: id.clone(), version, stage: record.stage });
    }
    Ok(record)
}

pub(super) fn approve(
    docket: &mut Docket,
    person: Person<'_>,
    id: &ProgrammeId,
    version: PlanVersion,
    hash: PlanHash,
) -> Result<(), Rejection> {
    let person = person.named()?;
    let record = in_review(docket, id, version)?;
    let plan = record.plan.clone();
    if hash != plan.hash {
        return Err(Rejection::PlanHashDiffers { given: hash, actual: plan.hash });
    }
    let programme = docket.programme(id)?;
    if record.editors.contains(person.by) || programme.editors.contains_key(person.by) {
        return Err(Rejection::ApproverIsEditor { account: person.by.clone() });
    }
    check_moment(docket, programme, &plan)?;
    let signature = person.signature(docket.now);
    docket.record(Event::PlanApproved { programme: id.clone(), version, signature });
    come_into_force(docket, &plan);
    Ok(())
}

/// At once: what was sealed under the former version settles under it, all else is replaced.
pub(super) fn come_into_force(docket: &mut Docket, plan: &Plan) {
    let kept: BTreeSet<(WaveId, PracticeCode)> = plan
        .waves
        .iter()
        .filter(|wave| wave.goes_on)
        .flat_map(|wave| wave.members.iter().map(|member| (wave.id, member.practice)))
        .collect();
    let replaced = docket.intended(|one| {
        let wave = one.wave().filter(|wave| wave.programme == plan.programme);
        wave.is_some_and(|wave| !kept.contains(&(wave.wave, one.key.practice)))
    });
    docket.void(&replaced, &Voiding::Replanned);
    let Some(programme) = docket.state.programme(&plan.programme) else { return };
    let unopened: Vec<_> = programme.waves.values().filter(|wave| wave.stage.is_before_open()).collect();
    let unopened: Vec<_> = unopened.into_iter().map(|wave| wave.id.clone()).collect();
    for wave in &unopened {
        docket.settle_all(wave, &DueOutcome::Superseded);
    }
    docket.record(Event::PlanInForce { programme: plan.programme.clone(), version: plan.version });
    for wave in plan.waves.iter().filter(|wave| !wave.goes_on) {
        docket.schedule(&crate::id::WaveRef { programme: plan.programme.clone(), wave: wave.id });
    }
}

pub(super) fn reject(
    docket: &mut Docket,
    person: Person<'_>,
    id: &ProgrammeId,
    version: PlanVersion,
) -> Result<(), Rejection> {
    let person = person.named()?;
    in_review(docket, id, version)?;
    let signature = person.signature(docket.now);
    docket.record(Event::PlanRejected { programme: id.clone(), version, signature });
    Ok(())
}

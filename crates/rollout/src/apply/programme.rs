//! Folds what happens to programmes and their plans.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use imbl::{OrdMap, OrdSet, Vector};
use ods::PracticeCode;

use super::Place;
use crate::id::{Account, PlanVersion, ProgrammeId, Target, WaveId, WaveRef};
use crate::plan::{Member, Plan, PlannedWave};
use crate::state::{
    DeadlineSet, Desired, Document, Enrolment, EnrolmentStage, EnrolmentState, Loads, PlanRecord, PlanStage, Programme,
    ProgrammeStage, Signature, State, Supersession, Wave, WaveStage,
};

pub(super) fn created(state: &mut State, document: &Arc<Document>, by: &Account, place: Place) {
    let programme = Programme {
        id: document.spec.name.clone(),
        capability: document.spec.capability.clone(),
        stage: ProgrammeStage::Draft,
        created_by: by.clone(),
        created_at: place.at,
        document: document.clone(),
        editors: OrdMap::unit(by.clone(), place.position),
        changed_at_position: place.position,
        deadlines: Vector::new(),
        plans: OrdMap::new(),
        in_force: None,
        readiness_told: None,
        waves: OrdMap::new(),
        current_wave: OrdMap::new(),
        notices: OrdMap::new(),
        correspondence: OrdMap::new(),
        dispatches_open: OrdSet::new(),
        daily: OrdMap::new(),
        in_flight: Loads::default(),
        reserved: Loads::default(),
        due: OrdMap::new(),
        due_pending: OrdSet::new(),
    };
    state.programmes.insert(programme.id.clone(), programme);
}

pub(super) fn updated(state: &mut State, id: &ProgrammeId, document: &Arc<Document>, by: &Account, place: Place) {
    let Some(programme) = state.programmes.get_mut(id) else { return };
    programme.document = document.clone();
    programme.editors.insert(by.clone(), place.position);
    programme.changed_at_position = place.position;
}

pub(super) fn completed(state: &mut State, id: &ProgrammeId, place: Place) {
    let Some(programme) = state.programmes.get_mut(id) else { return };
    programme.stage = ProgrammeStage::Completed;
    programme.changed_at_position = place.position;
}

/// Nothing new is sealed; what was sealed settles.
pub(super) fn cancelled(state: &mut State, id: &ProgrammeId, place: Place) {
    let Some(programme) = state.programmes.get_mut(id) else { return };
    programme.stage = ProgrammeStage::Cancelled;
    programme.changed_at_position = place.position;
    for wave in waves_of(programme) {
        supersede(state, &wave, &Supersession::Cancelled, place, |_| true);
        let Some(wave) = wave_of(state, &wave) else { continue };
        if wave.stage.is_before_open() {
            change_stage(wave, WaveStage::Cancelled, place);
        } else if wave.stage == WaveStage::Open {
            change_stage(wave, WaveStage::Draining, place);
        }
    }
}

/// An earlier submission that nobody decided on gives way.
pub(super) fn submitted(state: &mut State, plan: &Arc<Plan>, by: &Account, place: Place) {
    let Some(programme) = state.programmes.get_mut(&plan.programme) else { return };
    programme.editors.insert(by.clone(), place.position);
    programme.changed_at_position = place.position;
    let waiting: Vec<PlanVersion> = programme
        .plans
        .iter()
        .filter(|(_, record)| record.stage == PlanStage::InReview)
        .map(|(version, _)| *version)
        .collect();
    for version in waiting {
        change_plan(programme, version, |record| record.stage = PlanStage::Superseded);
    }
    let record = PlanRecord {
        plan: plan.clone(),
        stage: PlanStage::InReview,
        author: by.clone(),
        submitted_at: place.at,
        submitted_at_position: place.position,
        editors: programme.editors.keys().cloned().collect(),
        decided: None,
    };
    programme.plans.insert(plan.version, Arc::new(record));
}

pub(super) fn rejected(state: &mut State, id: &ProgrammeId, version: PlanVersion, signature: &Signature, place: Place) {
    let Some(programme) = state.programmes.get_mut(id) else { return };
    programme.changed_at_position = place.position;
    change_plan(programme, version, |record| {
        record.stage = PlanStage::Rejected;
        record.decided = Some(signature.clone());
    });
}

/// Whoever wrote after the submission wrote of the next version, and remains its editor.
pub(super) fn approved(state: &mut State, id: &ProgrammeId, version: PlanVersion, signature: &Signature, place: Place) {
    let Some(programme) = state.programmes.get_mut(id) else { return };
    programme.changed_at_position = place.position;
    change_plan(programme, version, |record| {
        record.stage = PlanStage::Approved;
        record.decided = Some(signature.clone());
    });
    let submitted_at = programme.plans.get(&version).map_or(0, |record| record.submitted_at_position);
    programme.editors = programme.editors.iter().filter(|(_, at)| **at > submitted_at).map(pair).collect();
}

fn pair((account, position): (&Account, &u64)) -> (Account, u64) {
    (account.clone(), *position)
}

/// Replaces waves that have not opened, and enrolments of which nothing was sealed.
pub(super) fn in_force(state: &mut State, id: &ProgrammeId, version: PlanVersion, place: Place) {
    let Some(programme) = state.programmes.get_mut(id) else { return };
    let Some(plan) = programme.plans.get(&version).map(|record| record.plan.clone()) else { return };
    if let Some(former) = programme.in_force {
        change_plan(programme, former, |record| record.stage = PlanStage::Superseded);
    }
    change_plan(programme, version, |record| record.stage = PlanStage::InForce);
    programme.in_force = Some(version);
    programme.stage = ProgrammeStage::Active;
    programme.changed_at_position = place.position;
    if programme.deadlines.is_empty() || programme.deadline() != plan.spec.deadline.as_ref() {
        let deadline = plan.spec.deadline.clone();
        programme.deadlines.push_back(DeadlineSet { at: place.at, version, deadline });
    }
    let listed: BTreeMap<WaveId, &PlannedWave> = plan.waves.iter().map(|wave| (wave.id, wave)).collect();
    let open = programme.waves.values().filter(|wave| !wave.stage.has_ended()).map(|wave| wave.id.clone());
    for id in open.collect::<Vec<_>>() {
        let planned = listed.get(&id.wave).filter(|planned| planned.goes_on);
        let members = planned.into_iter().flat_map(|planned| planned.members.iter());
        let goes_on: BTreeSet<PracticeCode> = members.map(|member| member.practice).collect();
        supersede(state, &id, &Supersession::Replanned, place, |practice| !goes_on.contains(&practice));
        let Some(wave) = wave_of(state, &id) else { continue };
        if planned.is_some() {
            wave.version = version;
        } else if wave.stage.is_before_open() {
            change_stage(wave, WaveStage::Superseded, place);
        }
    }
    let Some(programme) = state.programmes.get_mut(id) else { return };
    for planned in plan.waves.iter().filter(|planned| !planned.goes_on) {
        let id = programme.wave_ref(planned.id);
        let mut wave = Wave::planned(id, version, planned.rules.clone(), place.at, place.position);
        wave.round = programme.waves.get(&planned.id).map_or(1, |former| former.round + 1);
        for (order, member) in (0..).zip(&planned.members) {
            wave.put(candidate(member, order, place));
            programme.current_wave.insert(member.practice, planned.id);
        }
        programme.waves.insert(planned.id, wave);
    }
}

fn candidate(member: &Member, order: u32, place: Place) -> Enrolment {
    Enrolment {
        practice: member.practice,
        order,
        stage: EnrolmentStage::Candidate,
        changed_at: place.at,
        supplier: member.supplier.clone(),
        icb: member.icb,
        region: member.region,
        list_size: member.list_size,
        mode: member.mode,
        planned_on: member.planned_on,
        generation: None,
        refusals: 0,
        not_before: None,
        commanded: false,
    }
}

/// Moves the unsealed enrolments of those chosen to SUPERSEDED. Who was invited is wanted on no more: nobody may switch a practice off
/// that does it itself all the same, but by whose decision it did must not be said to be the wave's.
pub(super) fn supersede(
    state: &mut State,
    id: &WaveRef,
    reason: &Supersession,
    place: Place,
    chosen: impl Fn(PracticeCode) -> bool,
) {
    let Some(programme) = state.programmes.get_mut(&id.programme) else { return };
    let capability = programme.capability.clone();
    let Some(wave) = programme.waves.get_mut(&id.wave) else { return };
    let chosen_in = |wave: &Wave, state: EnrolmentState| -> Vec<PracticeCode> {
        wave.in_state(state).map(|one| one.practice).filter(|one| chosen(*one)).collect()
    };
    let invited = chosen_in(wave, EnrolmentState::Invited);
    for state in EnrolmentState::ALL.into_iter().filter(|state| state.is_unsealed()) {
        for practice in chosen_in(wave, state) {
            wave.step_to(practice, EnrolmentStage::Superseded { reason: reason.clone() }, place.at);
        }
    }
    for practice in invited {
        let target = Target { practice, capability: capability.clone() };
        state.change_access(&target, |access| access.desired = Desired::Off);
    }
}

pub(super) fn change_stage(wave: &mut Wave, stage: WaveStage, place: Place) {
    wave.stage = stage;
    wave.changed_at = place.at;
    wave.changed_at_position = place.position;
}

fn change_plan(programme: &mut Programme, version: PlanVersion, change: impl FnOnce(&mut PlanRecord)) {
    if let Some(record) = programme.plans.get_mut(&version) {
        change(Arc::make_mut(record));
    }
}

fn waves_of(programme: &Programme) -> Vec<WaveRef> {
    programme.waves.values().map(|wave| wave.id.clone()).collect()
}

pub(super) fn wave_of<'a>(state: &'a mut State, id: &WaveRef) -> Option<&'a mut Wave> {
    state.programmes.get_mut(&id.programme)?.waves.get_mut(&id.wave)
}

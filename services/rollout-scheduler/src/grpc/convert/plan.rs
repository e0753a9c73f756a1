//! Versions of plans, and previews of them.

use ods::PracticeCode;
use proto::scheduler::v1 as wire;
use rollout::calendar::{Calendar, day_bounds};
use rollout::plan::{Diff, Move, Plan, PlannedWave, Unplaced};
use rollout::state::{PlanRecord, PlanStage, Programme};
use rollout::{ProgrammeId, WaveId};

use super::{count, moment};

/// How many practices of each kind that are in no wave are named.
const EXAMPLES_MAX: usize = 20;

pub(crate) fn plan_to_wire(record: &PlanRecord) -> wire::Plan {
    let load = record.plan.load();
    wire::Plan {
        name: format!("{}/{}", record.plan.programme, record.plan.version),
        state: stage_to_wire(record.stage).into(),
        plan_hash: record.plan.hash.to_string(),
        registry_position: record.plan.registry_position,
        practices_count: i64::from(load.practices),
        patients_count: count(load.patients),
        authors: record.editors.iter().map(ToString::to_string).collect(),
        decided_by: record.decided.as_ref().map(|decided| decided.by.to_string()).unwrap_or_default(),
        decided_at: record.decided.as_ref().map(|decided| moment(decided.at)),
    }
}

/// The document that waits to be submitted; none where the last submission was made of it as it is now.
pub(crate) fn draft_to_wire(programme: &Programme) -> Option<wire::Plan> {
    let submitted = programme.plans.get_max().map(|(_, record)| record.plan.spec.as_ref());
    if submitted == Some(&programme.document.spec) {
        return None;
    }
    Some(wire::Plan {
        name: format!("{}/{}", programme.id, programme.next_version()),
        state: wire::PlanState::Draft.into(),
        authors: programme.editors.keys().map(ToString::to_string).collect(),
        ..wire::Plan::default()
    })
}

fn stage_to_wire(stage: PlanStage) -> wire::PlanState {
    match stage {
        PlanStage::InReview => wire::PlanState::InReview,
        PlanStage::Approved => wire::PlanState::Approved,
        PlanStage::Rejected => wire::PlanState::Rejected,
        PlanStage::InForce => wire::PlanState::InForce,
        PlanStage::Superseded => wire::PlanState::Superseded,
    }
}

/// A plan that was only made to be looked at, with what it changes; at most `moves_max` moves are listed.
pub(crate) fn preview_to_wire(
    plan: &Plan,
    diff: &Diff,
    calendar: &Calendar,
    moves_max: usize,
) -> wire::PreviewPlanResponse {
    let load = plan.load();
    let move_to_wire = |change: &Move| move_to_wire(&plan.programme, change);
    wire::PreviewPlanResponse {
        plan_hash: plan.hash.to_string(),
        registry_position: plan.registry_position,
        waves: plan.waves.iter().map(|wave| planned_to_wire(&plan.programme, wave, calendar)).collect(),
        unplaced: unplaced_to_wire(&plan.unplaced),
        moves: diff.moves.iter().take(moves_max).map(move_to_wire).collect(),
        moves_count: count(diff.moves.len() as u64),
        practices_count: i64::from(load.practices),
        patients_count: count(load.patients),
    }
}

fn planned_to_wire(programme: &ProgrammeId, wave: &PlannedWave, calendar: &Calendar) -> wire::PreviewedWave {
    let load = wave.load();
    let opens = wave.rules.timetable(calendar).next_open(day_bounds(wave.rules.from).0);
    wire::PreviewedWave {
        name: format!("{programme}/{}", wave.id),
        display_name: wave.rules.title.clone(),
        opens_on: wave.rules.from.to_string(),
        opens_at: opens.ok().map(moment),
        practices_count: i64::from(load.practices),
        patients_count: count(load.patients),
    }
}

fn unplaced_to_wire(unplaced: &[(Unplaced, Vec<PracticeCode>)]) -> Vec<wire::UnplacedPractices> {
    let named = |practices: &[PracticeCode]| {
        practices.iter().take(EXAMPLES_MAX).map(|code| format!("practices/{code}")).collect()
    };
    let each = unplaced.iter().map(|(reason, practices)| wire::UnplacedPractices {
        reason: reason.code().to_owned(),
        practices_count: count(practices.len() as u64),
        examples: named(practices),
    });
    each.collect()
}

fn move_to_wire(programme: &ProgrammeId, change: &Move) -> wire::PlanMove {
    let named = |place: Option<(WaveId, jiff::civil::Date)>| {
        place.map(|(wave, _)| format!("{programme}/{wave}")).unwrap_or_default()
    };
    wire::PlanMove {
        practice: format!("practices/{}", change.practice),
        from_wave: named(change.from),
        to_wave: named(change.to),
        rule: change.rule.to_string(),
    }
}

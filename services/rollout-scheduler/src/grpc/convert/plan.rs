//! Versions of plans, and previews of them.

use ods::PracticeCode;
use proto::scheduler::v1 as wire;
use rollout::calendar::{Calendar, day_bounds};
use rollout::plan::{ApartPcn, Bearing, Change, Diff, Distance, Move, Plan, PlannedWave, Unplaced};
use rollout::state::{Load, PlanRecord, PlanStage, Programme};
use rollout::{ProgrammeId, WaveId};

use super::{count, moment};

/// How many networks that are taken apart are named: about as many as England has.
const PCNS_APART_MAX: usize = 1_000;

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
        parent: record.plan.parent.map(|parent| format!("{}/{parent}", record.plan.programme)).unwrap_or_default(),
        faults: record.plan.violations().iter().map(ToString::to_string).collect(),
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

/// A plan to be looked at, with what it changes; at most `moves_max` moves are listed.
pub(crate) fn preview_to_wire(
    plan: &Plan,
    diff: &Diff,
    calendar: &Calendar,
    moves_max: usize,
) -> wire::PreviewPlanResponse {
    let load = plan.load();
    let move_to_wire = |change: &Move| move_to_wire(&plan.programme, change);
    let apart = plan.pcns_apart();
    wire::PreviewPlanResponse {
        plan_hash: plan.hash.to_string(),
        registry_position: plan.registry_position,
        waves: plan.waves.iter().map(|wave| planned_to_wire(&plan.programme, wave, calendar)).collect(),
        unplaced: unplaced_to_wire(&plan.unplaced),
        moves: diff.moves.iter().take(moves_max).map(move_to_wire).collect(),
        moves_count: count(diff.moves.len() as u64),
        practices_count: i64::from(load.practices),
        patients_count: count(load.patients),
        difference: Some(difference_to_wire(&plan.programme, diff)),
        pcns_apart: apart.iter().take(PCNS_APART_MAX).map(|one| apart_to_wire(&plan.programme, one)).collect(),
        pcns_apart_count: count(apart.len() as u64),
    }
}

fn difference_to_wire(programme: &ProgrammeId, diff: &Diff) -> wire::PlanDifference {
    let moved = diff.by_rule().into_iter().map(|((rule, bearing), load)| wire::PlanMoveCount {
        rule: rule.to_string(),
        bearing: bearing_to_wire(bearing).into(),
        load: load_to_wire(load),
    });
    wire::PlanDifference {
        base_plan_hash: diff.base.map(|base| base.to_string()).unwrap_or_default(),
        bearing: bearing_to_wire(diff.bearing()).into(),
        move_counts: moved.collect(),
        changes: diff.changes.iter().map(|change| change_to_wire(programme, change)).collect(),
        added: load_to_wire(diff.added),
        dropped: load_to_wire(diff.dropped),
        earlier: load_to_wire(diff.earlier),
        later: load_to_wire(diff.later),
        shifted: load_to_wire(diff.shifted),
        patients_more: count(diff.patients_more),
        patients_fewer: count(diff.patients_fewer),
    }
}

pub(crate) fn change_to_wire(programme: &ProgrammeId, change: &Change) -> wire::PlanChange {
    wire::PlanChange {
        wave: change.wave.map(|wave| format!("{programme}/{wave}")).unwrap_or_default(),
        field: change.field.clone(),
        before: change.before.clone(),
        after: change.after.clone(),
        bearing: bearing_to_wire(change.bearing).into(),
    }
}

fn bearing_to_wire(bearing: Bearing) -> wire::PlanBearing {
    match bearing {
        Bearing::Neither => wire::PlanBearing::Neither,
        Bearing::Narrows => wire::PlanBearing::Narrows,
        Bearing::Widens => wire::PlanBearing::Widens,
    }
}

fn load_to_wire(load: Load) -> Option<wire::PlanLoad> {
    Some(wire::PlanLoad { practices_count: i64::from(load.practices), patients_count: count(load.patients) })
}

fn apart_to_wire(programme: &ProgrammeId, apart: &ApartPcn) -> wire::PcnApart {
    wire::PcnApart {
        pcn_code: apart.pcn.to_string(),
        waves: apart.waves.iter().map(|wave| format!("{programme}/{wave}")).collect(),
        suppliers: apart.suppliers.iter().map(ToString::to_string).collect(),
    }
}

fn distance_to_wire(distance: &Distance) -> wire::DistanceFromEngland {
    let share = |share: rollout::spec::Share| i32::from(share.ten_thousandths());
    wire::DistanceFromEngland {
        suppliers_ten_thousandths: share(distance.suppliers),
        icbs_ten_thousandths: share(distance.icbs),
        list_sizes_ten_thousandths: share(distance.list_sizes),
        together_ten_thousandths: share(distance.together),
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
        distance_from_england: wave.distance.as_ref().map(distance_to_wire),
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
        patients_count: count(change.load.patients),
        bearing: bearing_to_wire(change.bearing).into(),
    }
}

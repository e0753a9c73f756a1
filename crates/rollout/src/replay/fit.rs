//! Fits a plan that people made of what was so in fact to what is so in a replay.
//!
//! A plan says which waves go on because they have opened, and leaves out who is on. In a replay another wave may have
//! opened by then, and somebody may still wait. The plan's waves, terms and members stay; what is fitted is only that: a
//! wave goes on if it has opened here, and who still waits here goes on waiting where they do.

use std::collections::{BTreeMap, BTreeSet};

use ods::PracticeCode;

use crate::id::WaveId;
use crate::plan::{Member, PlacedBy, Plan, PlannedWave, Unplaced};
use crate::state::{Enrolment, Programme, Wave, WaveStage};

/// The plan as it comes into force in the replay, and whether that is another than people approved.
pub(super) fn fitted(plan: &Plan, programme: &Programme) -> (Plan, bool) {
    let mut fitted = plan.clone();
    let mut left = left_out(plan, programme);
    for planned in &mut fitted.waves {
        let wave = programme.waves.get(&planned.id);
        planned.goes_on = wave.is_some_and(|wave| has_opened(wave.stage));
        // It opened in fact and not here: whoever waits here in vain would be told nothing of what is new.
        planned.members.extend(left.remove(&planned.id).unwrap_or_default());
    }
    // They stand before the others: they were to be on by now.
    let behind = std::mem::take(&mut fitted.waves);
    for (id, members) in left {
        let Some(wave) = programme.waves.get(&id) else { continue };
        let goes_on = has_opened(wave.stage);
        fitted.waves.push(PlannedWave { id, goes_on, rules: wave.rules.clone(), members, distance: None });
    }
    fitted.waves.extend(behind);
    let is_other = fitted != *plan;
    (fitted, is_other)
}

/// Whether a wave has opened, so that a plan can only let it go on, or leave it out.
fn has_opened(stage: WaveStage) -> bool {
    !stage.is_before_open() && !matches!(stage, WaveStage::Cancelled | WaveStage::Superseded)
}

/// Who is on by the plan, or was being switched on, and here still waits; by wave, in its order.
fn left_out(plan: &Plan, programme: &Programme) -> BTreeMap<WaveId, Vec<Member>> {
    let on = plan.unplaced.iter().filter(|(reason, _)| *reason == Unplaced::AlreadyOn);
    let on: BTreeSet<PracticeCode> = on.flat_map(|(_, practices)| practices.iter().copied()).collect();
    let mut left: BTreeMap<WaveId, Vec<Member>> = BTreeMap::new();
    for wave in programme.waves.values().filter(|wave| !wave.stage.has_ended()) {
        let waiting = wave.enrolments().filter(|one| one.stage.state().is_unsealed() && on.contains(&one.practice));
        let members: Vec<Member> = waiting.map(|enrolment| member(wave, enrolment)).collect();
        if !members.is_empty() {
            left.insert(wave.id.wave, members);
        }
    }
    left
}

fn member(wave: &Wave, enrolment: &Enrolment) -> Member {
    Member {
        practice: enrolment.practice,
        supplier: enrolment.supplier.clone(),
        icb: enrolment.icb,
        region: enrolment.region,
        pcn: None,
        list_size: enrolment.list_size,
        mode: enrolment.mode,
        planned_on: enrolment.planned_on,
        by: if has_opened(wave.stage) { PlacedBy::GoingOn } else { PlacedBy::Cohort },
    }
}

//! Waves.

use std::collections::BTreeSet;

use jiff::Timestamp;
use proto::scheduler::v1 as wire;
use rollout::calendar::{Calendar, day_bounds};
use rollout::spec::Mode;
use rollout::state::{EnrolmentState, Load, Wave, WaveStage};

use super::unwinding::unwinding_to_wire;
use super::{count, enrolment, etag, gate, moment};

/// A wave at a moment; what is known beside its state is added by whoever knows it: why nothing moves, which trace its work
/// belongs to.
pub(crate) fn wave_to_wire(wave: &Wave, calendar: &Calendar, now: Timestamp) -> wire::Wave {
    let mut by_state = [Load::default(); EnrolmentState::ALL.len()];
    for (place, state) in EnrolmentState::ALL.into_iter().enumerate() {
        by_state[place] = wave.load_in(state);
    }
    let members = wave.fixed.unwrap_or_else(|| wave.load());
    let modes: BTreeSet<Mode> = wave.enrolments().map(|enrolment| enrolment.mode).collect();
    let opens = wave.rules.timetable(calendar).next_open(day_bounds(wave.from).0);
    wire::Wave {
        name: wave.id.to_string(),
        display_name: wave.rules.title.clone(),
        plan: format!("{}/{}", wave.id.programme, wave.version),
        state: stage_to_wire(wave.stage).into(),
        modes: modes.into_iter().map(|mode| enrolment::mode_to_wire(mode).into()).collect(),
        opens_on: wave.from.to_string(),
        closes_on: wave.until.to_string(),
        opens_at: opens.ok().map(moment),
        objections_until: wave.rules.objections_end.map(moment),
        deferred_to: wave.rules.deferred_to.map(|to| format!("{}/{to}", wave.id.programme)).unwrap_or_default(),
        notice_working_days: i32::from(wave.rules.notice_working_days),
        practices_count: i64::from(members.practices),
        patients_count: count(members.patients),
        enrolments: counts_to_wire(&by_state),
        gate: wave.gate.as_ref().map(gate::gate_to_wire),
        stuck_reasons: Vec::new(),
        waiting_gate: None,
        traceparent: String::new(),
        unwinding: unwinding_to_wire(wave, now),
        etag: etag::of(wave.changed_at_position),
    }
}

/// Loads by state, in the order of [`EnrolmentState::ALL`]; states without practices are left out.
pub(crate) fn counts_to_wire(by_state: &[Load; EnrolmentState::ALL.len()]) -> Vec<wire::EnrolmentCount> {
    let each = EnrolmentState::ALL.into_iter().zip(by_state).filter(|(_, load)| !load.is_zero());
    each.map(|(state, load)| wire::EnrolmentCount {
        state: enrolment::state_to_wire(state).into(),
        practices_count: i64::from(load.practices),
        patients_count: count(load.patients),
    })
    .collect()
}

fn stage_to_wire(stage: WaveStage) -> wire::WaveState {
    match stage {
        WaveStage::Planned => wire::WaveState::Planned,
        WaveStage::Notice => wire::WaveState::Notice,
        WaveStage::Fixed => wire::WaveState::Fixed,
        WaveStage::Open => wire::WaveState::Open,
        WaveStage::Draining => wire::WaveState::Draining,
        WaveStage::Soaking => wire::WaveState::Soaking,
        WaveStage::Gate => wire::WaveState::Gate,
        WaveStage::Closed => wire::WaveState::Closed,
        WaveStage::Cancelled => wire::WaveState::Cancelled,
        WaveStage::Superseded => wire::WaveState::Superseded,
        WaveStage::Unwinding => wire::WaveState::Unwinding,
        WaveStage::Unwound => wire::WaveState::Unwound,
    }
}

//! Waves and their gates.

use std::collections::BTreeSet;

use jiff::Timestamp;
use proto::scheduler::v1 as wire;
use rollout::calendar::{Calendar, day_bounds};
use rollout::spec::Mode;
use rollout::state::{EnrolmentState, Evidence, GateEvaluation, Load, Verdict, Wave, WaveStage};

use super::unwinding::unwinding_to_wire;
use super::{count, enrolment, etag, moment};

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
        gate: wave.gate.as_ref().map(gate_to_wire),
        stuck_reasons: Vec::new(),
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

fn gate_to_wire(gate: &GateEvaluation) -> wire::GateEvaluation {
    let decision = gate.decision.as_ref();
    wire::GateEvaluation {
        verdict: verdict_to_wire(gate.verdict).into(),
        evidence: evidence_to_wire(&gate.evidence),
        evaluated_at: Some(moment(gate.at)),
        decided_by: decision.map(|decision| decision.signature.by.to_string()).unwrap_or_default(),
        decision: decision.map_or(wire::GateVerdict::Unspecified, |decision| verdict_to_wire(decision.verdict)).into(),
    }
}

fn evidence_to_wire(evidence: &Evidence) -> Vec<String> {
    let complete = if evidence.complete { "complete" } else { "not complete" };
    vec![
        format!(
            "{} of {} commanded practices are live; required: {} of at least {}",
            evidence.live, evidence.commanded, evidence.min_success, evidence.min_sample
        ),
        format!("{} of them are not settled and count against", evidence.unsettled),
        format!("{} practices were members", evidence.members),
        format!("the evidence is {complete}, read at position {} of the registry", evidence.registry_position),
    ]
}

fn verdict_to_wire(verdict: Verdict) -> wire::GateVerdict {
    match verdict {
        Verdict::Pass => wire::GateVerdict::Pass,
        Verdict::Fail => wire::GateVerdict::Fail,
        Verdict::Inconclusive => wire::GateVerdict::Inconclusive,
    }
}

/// A person's verdict; the domain refuses what is neither PASS nor FAIL.
pub(crate) fn verdict_from_wire(verdict: wire::GateVerdict) -> Result<Verdict, api::Error> {
    match verdict {
        wire::GateVerdict::Pass => Ok(Verdict::Pass),
        wire::GateVerdict::Fail => Ok(Verdict::Fail),
        wire::GateVerdict::Inconclusive => Ok(Verdict::Inconclusive),
        wire::GateVerdict::Unspecified => {
            Err(api::Error::invalid("verdict", "FIELD_REQUIRED", "{field} is required: PASS or FAIL"))
        }
    }
}

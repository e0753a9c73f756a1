//! Folds what happens to waves, their enrolments and the pauses they judge.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::civil::Date;
use ods::PracticeCode;

use super::programme::{change_stage, supersede};
use super::{Place, dispatch};
use crate::event::{EnrolmentMove, Event, Joining};
use crate::id::{Target, WaveId, WaveRef};
use crate::state::{
    Decision, Desired, DispatchStage, EnrolmentStage, EnrolmentState, GateEvaluation, GateFigures, HookAnswer,
    Judgement, Load, Notice, PauseRef, Ruling, Signature, State, Supersession, Verdict, Wave, WaveStage,
};

fn change(state: &mut State, wave: &WaveRef, change: impl FnOnce(&mut Wave)) {
    let programme = state.programmes.get_mut(&wave.programme);
    if let Some(wave) = programme.and_then(|programme| programme.waves.get_mut(&wave.wave)) {
        change(wave);
    }
}

pub(super) fn to_stage(state: &mut State, wave: &WaveRef, stage: WaveStage, place: Place) {
    change(state, wave, |wave| change_stage(wave, stage, place));
}

pub(super) fn notice_delivered(state: &mut State, event: &Event, place: Place) {
    let Event::NoticeDelivered { wave: id, practices, delivered_at, not_before, channel, notified, dispatches } = event
    else {
        return;
    };
    let dispatches: BTreeMap<PracticeCode, u32> = dispatches.iter().copied().collect();
    let Some(programme) = state.programmes.get_mut(&id.programme) else { return };
    for practice in practices {
        let notices = programme.notices.entry(*practice).or_default();
        Arc::make_mut(notices).push(Notice {
            wave: id.wave,
            not_before: *not_before,
            delivered_at: *delivered_at,
            channel: channel.clone(),
            dispatch: dispatches.get(practice).copied(),
        });
    }
    for (practice, number) in dispatches {
        let given = DispatchStage::Given { at: *delivered_at };
        dispatch::to_stage(programme, practice, number, &given, place);
    }
    let Some(wave) = programme.waves.get_mut(&id.wave) else { return };
    for practice in notified {
        wave.step_to(*practice, EnrolmentStage::Notified, place.at);
    }
}

pub(super) fn fixed(state: &mut State, wave: &WaveRef, practices: u32, patients: u64, place: Place) {
    change(state, wave, |wave| {
        wave.fixed = Some(Load { practices, patients });
        change_stage(wave, WaveStage::Fixed, place);
    });
}

pub(super) fn enrolments_moved(state: &mut State, id: &WaveRef, moves: &[EnrolmentMove], place: Place) {
    let Some(programme) = state.programmes.get_mut(&id.programme) else { return };
    let capability = programme.capability.clone();
    let Some(wave) = programme.waves.get_mut(&id.wave) else { return };
    let mut wanted = Vec::new();
    for one in moves {
        for practice in &one.practices {
            let from = wave.enrolment(*practice).map(|enrolment| enrolment.stage.state());
            let desired = match (from, one.to.state()) {
                (_, EnrolmentState::Invited) => Some(Desired::On),
                (Some(EnrolmentState::Invited), EnrolmentState::Confirmed) => None,
                (Some(EnrolmentState::Invited), _) => Some(Desired::Off),
                _ => None,
            };
            if let Some(desired) = desired {
                wanted.push((*practice, desired));
            }
            wave.change(*practice, |enrolment| {
                enrolment.stage = one.to.clone();
                enrolment.changed_at = place.at;
                // A person's wish to try again, or a new start: earlier refusals no longer count.
                if one.to == EnrolmentStage::Enrolled {
                    enrolment.refusals = 0;
                    enrolment.not_before = None;
                }
                // Who was asked counts at the gate as who was commanded does.
                enrolment.commanded |= one.to == EnrolmentStage::Invited;
            });
        }
        let acts =
            matches!(one.to.state(), EnrolmentState::Invited | EnrolmentState::Confirmed | EnrolmentState::Lapsed);
        if acts {
            wave.last_action_at = Some(place.at);
        }
    }
    for (practice, desired) in wanted {
        let target = Target { practice, capability: capability.clone() };
        state.change_access(&target, |access| {
            access.desired = desired;
            access.by = Some(id.clone());
        });
    }
}

pub(super) fn deferrals_joined(state: &mut State, id: &WaveRef, from: WaveId, practices: &[Joining], place: Place) {
    let Some(programme) = state.programmes.get_mut(&id.programme) else { return };
    let mut joining = Vec::new();
    if let Some(earlier) = programme.waves.get(&from) {
        for one in practices {
            joining.extend(earlier.enrolment(one.practice).cloned().map(|enrolment| (enrolment, one)));
        }
    }
    let Some(later) = programme.waves.get_mut(&id.wave) else { return };
    for (order, (mut enrolment, one)) in (later.next_order()..).zip(joining) {
        enrolment.order = order;
        enrolment.stage = EnrolmentStage::Candidate;
        enrolment.changed_at = place.at;
        enrolment.mode = one.mode;
        enrolment.planned_on = one.planned_on;
        later.put(enrolment);
        programme.current_wave.insert(one.practice, id.wave);
    }
}

pub(super) fn pauses_judged(state: &mut State, wave: &WaveRef, rulings: &[(PauseRef, Ruling)]) {
    for (pause, ruling) in rulings {
        let judgement = Judgement { wave: wave.clone(), ruling: ruling.clone(), told: false };
        state.judgements.insert(*pause, judgement);
    }
}

pub(super) fn pause_outcomes_told(state: &mut State, pauses: &[PauseRef]) {
    for pause in pauses {
        if let Some(judgement) = state.judgements.get_mut(pause) {
            judgement.told = true;
        }
    }
}

pub(super) fn gate_figures_read(state: &mut State, wave: &WaveRef, figures: &GateFigures) {
    change(state, wave, |wave| wave.figures = Some(figures.clone()));
}

pub(super) fn gate_hook_answered(state: &mut State, wave: &WaveRef, answer: &HookAnswer) {
    change(state, wave, |wave| wave.hook_answer = Some(answer.clone()));
}

pub(super) fn gate_evaluated(state: &mut State, wave: &WaveRef, evaluation: &GateEvaluation, place: Place) {
    change(state, wave, |wave| {
        let passed = evaluation.verdict == Verdict::Pass;
        wave.gate = Some(evaluation.clone());
        change_stage(wave, if passed { WaveStage::Closed } else { WaveStage::Gate }, place);
    });
}

pub(super) fn gate_decided(state: &mut State, wave: &WaveRef, verdict: Verdict, signature: &Signature, place: Place) {
    change(state, wave, |wave| {
        if let Some(gate) = &mut wave.gate {
            gate.decision = Some(Decision { verdict, signature: signature.clone() });
        }
        change_stage(wave, WaveStage::Closed, place);
    });
}

pub(super) fn cancelled(state: &mut State, wave: &WaveRef, place: Place) {
    supersede(state, wave, &Supersession::Cancelled, place, |_| true);
    to_stage(state, wave, WaveStage::Cancelled, place);
}

/// Back to PLANNED, with those who were not set aside as candidates again.
pub(super) fn rescheduled(state: &mut State, wave: &WaveRef, from: Date, until: Date, place: Place) {
    change(state, wave, |wave| {
        let mut members = Vec::new();
        for state in [EnrolmentState::Notified, EnrolmentState::Enrolled] {
            members.extend(wave.in_state(state).map(|enrolment| enrolment.practice));
        }
        for practice in members {
            wave.step_to(practice, EnrolmentStage::Candidate, place.at);
        }
        wave.from = from;
        wave.until = until;
        wave.fixed = None;
        wave.round += 1;
        change_stage(wave, WaveStage::Planned, place);
    });
}

//! Decisions about gates: what the evidence says, and what a named person makes of it (rules 5 and 6, I6).

use imbl::OrdSet;
use jiff::Timestamp;
use ods::PracticeCode;

use super::{Docket, Person, hold};
use crate::calendar::day_bounds;
use crate::eligibility::stragglers_until;
use crate::event::Event;
use crate::id::WaveRef;
use crate::rejection::Rejection;
use crate::state::{
    ActivationState, Due, DueKind, EnrolmentState, Evidence, GateEvaluation, ProgrammeStage, State, Verdict, Wave,
    WaveStage,
};

/// Lets the evidence ripen: everything settled, or what has not was waited for long enough.
pub(super) fn soak(docket: &mut Docket, id: &WaveRef) {
    let Some(wave) = docket.state.wave(id) else { return };
    if wave.stage != WaveStage::Draining || docket.now < drained_at(wave) {
        return;
    }
    let last = wave.last_action_at.unwrap_or(wave.changed_at);
    let at = last.saturating_add(wave.rules.gate.soak).unwrap_or(docket.now).max(docket.now);
    let round = wave.round;
    docket.record(Event::WaveSoaking { wave: id.clone() });
    docket.record(Event::DueScheduled { due: vec![Due { at, wave: id.clone(), kind: DueKind::GateEvaluated, round }] });
}

/// The moment from which a draining wave counts as drained: now, or once the time for stragglers is over. Those with
/// booked dates are no stragglers before their date.
pub(crate) fn drained_at(wave: &Wave) -> Timestamp {
    let unsettled = wave.load_in_any(EnrolmentState::is_unsettled);
    if unsettled.is_zero() {
        return wave.changed_at;
    }
    let dates = wave.rules.booked.values().filter_map(|booking| booking.dates.last());
    let booked_until = dates.map(|date| day_bounds(*date).1).max();
    let booked = booked_until.and_then(|until| until.saturating_add(wave.rules.gate.timeout).ok());
    booked.map_or(stragglers_until(wave), |booked| booked.max(stragglers_until(wave))).max(wave.changed_at)
}

/// Whether the registry has everything that happened in the wave (rule 5: complete and fresh).
pub(crate) fn is_complete(state: &State, wave: &Wave, registry_position: u64) -> bool {
    let mut untold = state.activations_in(ActivationState::Settled);
    wave.settled_registry_position <= registry_position && !untold.any(|one| one.wave() == Some(&wave.id))
}

/// The pending evaluation of a soaking wave, and the moment at which incomplete evidence is waited for no longer.
pub(crate) fn evaluation_due(state: &State, wave: &Wave) -> Option<(Due, Timestamp)> {
    let programme = state.programme(&wave.id.programme)?;
    let due = programme.pending_of(wave.id.wave).find(|due| due.kind == DueKind::GateEvaluated)?;
    let given_up = due.at.saturating_add(wave.rules.gate.timeout).unwrap_or(Timestamp::MAX);
    Some((due.clone(), given_up))
}

/// Until when a wave is not judged since a person wants it unwound and another is waited for: closed, it could not be unwound
/// any more.
pub(crate) fn unwinding_awaited(wave: &Wave, now: Timestamp) -> Option<Timestamp> {
    wave.unwinding.as_ref()?.awaits_until(now)
}

pub(super) fn evaluate(docket: &mut Docket, id: &WaveRef, not_live: &OrdSet<PracticeCode>, registry_position: u64) {
    let Some(wave) = docket.state.wave(id).filter(|wave| wave.stage == WaveStage::Soaking) else { return };
    let Some((due, given_up)) = evaluation_due(&docket.state, wave) else { return };
    let complete = is_complete(&docket.state, wave, registry_position);
    if unwinding_awaited(wave, docket.now).is_some() {
        return;
    }
    if docket.now < due.at || (!complete && docket.now < given_up) {
        return;
    }
    let evidence = evidence(wave, not_live, complete, registry_position);
    let verdict = evidence.verdict();
    // A programme that was cancelled has nothing left to halt.
    let active = docket.state.programme(&id.programme).is_some_and(|one| one.stage == ProgrammeStage::Active);
    let halt = (verdict != Verdict::Pass && active).then(|| docket.state.next_hold());
    let evaluation = GateEvaluation { verdict, evidence, at: docket.now, halt, decision: None };
    docket.start(due);
    docket.record(Event::GateEvaluated { wave: id.clone(), evaluation });
    if halt.is_some() {
        let reason = if verdict == Verdict::Fail { "GATE_FAILED" } else { "GATE_INCONCLUSIVE" };
        hold::halt(docket, id, reason);
    }
}

fn evidence(wave: &Wave, not_live: &OrdSet<PracticeCode>, complete: bool, registry_position: u64) -> Evidence {
    let mut evidence = Evidence {
        members: wave.fixed.unwrap_or_default().practices,
        commanded: 0,
        live: 0,
        unsettled: 0,
        complete,
        min_success: wave.rules.gate.min_success,
        min_sample: wave.rules.gate.min_sample,
        registry_position,
    };
    for enrolment in wave.enrolments().filter(|enrolment| enrolment.commanded) {
        let state = enrolment.stage.state();
        let confirmed = matches!(state, EnrolmentState::Confirmed | EnrolmentState::Verified);
        evidence.commanded += 1;
        evidence.live += u32::from(confirmed && !not_live.contains(&enrolment.practice));
        evidence.unsettled += u32::from(state.is_unsettled());
    }
    evidence
}

impl Evidence {
    /// What it says: PASS only on complete evidence, of a sufficient sample, of a sufficient share, with everything
    /// unsettled counted against (rule 5). Nobody commanded is INCONCLUSIVE.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        if !self.complete || self.commanded == 0 || self.commanded < self.min_sample {
            return Verdict::Inconclusive;
        }
        if self.min_success.reached_by(self.live.into(), self.commanded.into()) { Verdict::Pass } else { Verdict::Fail }
    }
}

pub(super) fn decide(docket: &mut Docket, person: Person<'_>, id: &WaveRef, verdict: Verdict) -> Result<(), Rejection> {
    let person = person.named()?.with_reason()?;
    let wave = docket.wave(id)?;
    if wave.stage != WaveStage::Gate {
        return Err(Rejection::WaveInStage { wave: id.clone(), stage: wave.stage });
    }
    if verdict == Verdict::Inconclusive {
        return Err(Rejection::VerdictNotAllowed);
    }
    let signature = person.signature(docket.now);
    docket.record(Event::GateDecided { wave: id.clone(), verdict, signature });
    Ok(())
}

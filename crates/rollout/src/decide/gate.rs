//! Decisions about gates: what the evidence says, and what a named person makes of it (rules 5 and 6, I6).

use std::collections::BTreeMap;

use imbl::OrdSet;
use jiff::Timestamp;
use jiff::civil::Date;
use ods::PracticeCode;

use super::{Docket, Person, hold};
use crate::calendar::{civil_date, day_bounds};
use crate::command::PracticeFigures;
use crate::eligibility::{impossible, stragglers_until};
use crate::event::Event;
use crate::gate::{self, Found};
use crate::id::WaveRef;
use crate::rejection::Rejection;
use crate::state::{
    Due, DueKind, EnrolmentState, GateEvaluation, GateFigures, HookAnswer, ProgrammeStage, StatisticsPositions,
    Verdict, Wave, WaveStage,
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

/// Takes down what statistics say of a wave whose gate waits for it. Where they have not followed the registry to the wave's last
/// settlement, it says nothing (rule 5).
pub(super) fn figures_read(
    docket: &mut Docket,
    id: &WaveRef,
    said: &BTreeMap<PracticeCode, PracticeFigures>,
    as_at: Timestamp,
    positions: StatisticsPositions,
) {
    let Some(wave) = waiting(docket, id).filter(|wave| wave.rules.gate.asks_statistics()) else { return };
    if positions.registry < wave.settled_registry_position {
        return;
    }
    let since = civil_date(gate::last_action_at(wave));
    let mut figures = GateFigures {
        last_action_at: wave.last_action_at,
        read_at: docket.now,
        as_at,
        practices: 0,
        patients: 0,
        excluded: 0,
        patients_without_return: 0,
        practices_viewed: 0,
        practices_unheard: 0,
        positions,
    };
    for enrolment in gate::switched_on(wave) {
        let said = said.get(&enrolment.practice).copied().unwrap_or_default();
        figures.count(u64::from(enrolment.list_size), said, since);
    }
    docket.record(Event::GateFiguresRead { wave: id.clone(), figures });
}

impl GateFigures {
    /// Counts one practice. What is of a day before `since` is as good as nothing.
    fn count(&mut self, patients: u64, said: PracticeFigures, since: Date) {
        let is_fresh = |day: &Date| since <= *day;
        self.practices += 1;
        self.patients += patients;
        match said.returned.filter(|returned| is_fresh(&returned.period_end)) {
            // Never more than it would count as without a return, else that would be the better one.
            Some(returned) => self.excluded += returned.excluded.min(patients),
            None => self.patients_without_return += patients,
        }
        if said.viewed_on.as_ref().is_some_and(is_fresh) {
            self.practices_viewed += 1;
        } else if !said.supplier_viewed_on.as_ref().is_some_and(is_fresh) {
            self.practices_unheard += 1;
        }
    }
}

/// Takes down what a hook says of a wave whose gate waits for it.
pub(super) fn hook_answered(docket: &mut Docket, id: &WaveRef, answer: HookAnswer) {
    let asked = waiting(docket, id).filter(|wave| wave.rules.gate.hook.as_ref() == Some(&answer.hook));
    if asked.is_some_and(|wave| wave.last_action_at == answer.last_action_at) {
        docket.record(Event::GateHookAnswered { wave: id.clone(), answer });
    }
}

/// The wave, if its evidence has ripened and its gate is not evaluated yet.
fn waiting<'a>(docket: &'a Docket, id: &WaveRef) -> Option<&'a Wave> {
    let wave = docket.state.wave(id).filter(|wave| wave.stage == WaveStage::Soaking)?;
    let (due, _) = gate::evaluation_due(&docket.state, wave)?;
    (due.at <= docket.now).then_some(wave)
}

/// Until when a wave is not judged since a person wants it unwound and another is waited for: closed, it could not be unwound
/// any more.
pub(crate) fn unwinding_awaited(wave: &Wave, now: Timestamp) -> Option<Timestamp> {
    wave.unwinding.as_ref()?.awaits_until(now)
}

pub(super) fn evaluate(docket: &mut Docket, id: &WaveRef, not_live: &OrdSet<PracticeCode>, registry_position: u64) {
    let Some(wave) = docket.state.wave(id) else { return };
    // A gate that cannot be right judges nothing (I8).
    let cannot_be = docket.state.programme(&id.programme).is_some_and(|one| impossible(one, wave).is_some());
    if cannot_be || unwinding_awaited(wave, docket.now).is_some() {
        return;
    }
    let look = gate::look(&docket.state, wave, not_live, registry_position, docket.now);
    let Some(look) = look.filter(|look| look.is_ripe) else { return };
    let Some((due, _)) = gate::evaluation_due(&docket.state, wave) else { return };
    let verdict = look.found.verdict();
    // A programme that was cancelled has nothing left to halt.
    let active = docket.state.programme(&id.programme).is_some_and(|one| one.stage == ProgrammeStage::Active);
    let halt = (verdict != Verdict::Pass && active).then(|| docket.state.next_hold());
    let Found { evidence, findings, figures } = look.found;
    let evaluation = GateEvaluation { verdict, evidence, findings, figures, at: docket.now, halt, decision: None };
    docket.start(due);
    docket.record(Event::GateEvaluated { wave: id.clone(), evaluation });
    if halt.is_some() {
        let reason = if verdict == Verdict::Fail { "GATE_FAILED" } else { "GATE_INCONCLUSIVE" };
        hold::halt(docket, id, reason);
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

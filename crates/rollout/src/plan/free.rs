//! Which practices a plan may take at all: those that nothing keeps out of every wave.

use ods::{PracticeCode, draw};

use super::Unplaced;
use super::expand::Expansion;
use super::pack::{Packer, Parcel};
use crate::calendar::{day_bounds, instant};
use crate::id::{Target, WaveId};
use crate::spec::WaveSpec;
use crate::state::{EnrolmentState, Load, PauseRef, Programme, Ruling, scopes};
use crate::view::{Observed, PauseEnd, PauseFacts, PracticeFacts};

/// A practice that a wave may take.
#[derive(Clone)]
pub(super) struct Free<'a> {
    pub(super) facts: &'a PracticeFacts,
    pub(super) parcel: Parcel,
    /// Its place in a drawn order.
    pub(super) drawn: u64,
    /// The pause that it has, if that does not keep it out of every wave.
    pub(super) pause: Option<&'a PauseFacts>,
    /// People had it switched off again: only a wave that names it takes it (rule 8, I22).
    pub(super) reverted: bool,
    /// It objected in time to a wave that defers to this one: it goes there and nowhere else.
    pub(super) deferred_to: Option<WaveId>,
}

impl Free<'_> {
    /// Whether people's decisions and its own let it be in the wave: no pause, or one that ends before, or that the wave is to
    /// judge; and no revert, or the wave names it.
    pub(super) fn suits(&self, wave: &WaveSpec) -> bool {
        if self.reverted && !wave.practices.contains(&self.facts.code) {
            return false;
        }
        let Some(pause) = self.pause else { return true };
        match pause.end {
            PauseEnd::Until(end) => end <= day_bounds(wave.from).0,
            PauseEnd::ProgrammeDefault => {
                wave.objections_until.is_some_and(|until| pause.recorded_at <= instant(until))
            }
            PauseEnd::FurtherNotice => false,
        }
    }
}

/// Whether any wave may take a practice at all.
pub(super) fn judge<'a>(
    at: Expansion<'a>,
    programme: Option<&Programme>,
    packer: &mut Packer<'_>,
    facts: &'a PracticeFacts,
) -> Result<Free<'a>, Unplaced> {
    let (state, spec) = (at.state, at.spec);
    let supplier = facts.supplier.as_ref().filter(|supplier| spec.suppliers.contains_key(supplier));
    let supplier = supplier.ok_or(Unplaced::NoSupplier)?;
    let target = Target { practice: facts.code, capability: spec.capability.clone() };
    let on = matches!(facts.observed(&spec.capability), Observed::On | Observed::Partial);
    let access = state.access(&target);
    let applied = access.is_some_and(|access| access.applied.is_some());
    let reverted = access.is_some_and(|access| access.reverted.is_some());
    if on || applied || is_under_way(programme, facts.code) {
        return Err(Unplaced::AlreadyOn);
    }
    if facts.access(&spec.capability).is_some_and(|access| access.switch_off_requested) {
        return Err(Unplaced::Paused);
    }
    if let Some(hold) = state.active_holds().find(|hold| hold.scope.names(facts.code)) {
        return Err(Unplaced::Held(hold.id));
    }
    let (pause, deferred_to) = judge_pause(at, facts)?;
    // A wave that defers to another does so by itself, and people's decision is not for it to take back.
    if reverted && deferred_to.is_some() {
        return Err(Unplaced::Reverted);
    }
    let parcel = packer.parcel(supplier, facts.icb, facts.list_size);
    let in_flight =
        scopes(supplier, facts.icb).all(|scope| Load::of(facts.list_size).within(spec.caps.in_flight.of(&scope)));
    if !packer.ever_fits(&parcel) || !in_flight {
        return Err(Unplaced::TooLarge);
    }
    let drawn = draw(spec.seed, "plan-order", facts.code, 0, 0).bits();
    Ok(Free { facts, parcel, drawn, pause, reverted, deferred_to })
}

/// Whether something of ours is under way at a practice that a new plan cannot take back.
fn is_under_way(programme: Option<&Programme>, practice: PracticeCode) -> bool {
    let Some(programme) = programme else { return false };
    let wave = programme.current_wave.get(&practice).and_then(|wave| programme.waves.get(wave));
    let state = wave.and_then(|wave| wave.enrolment(practice)).map(|enrolment| enrolment.stage.state());
    state.is_some_and(|state| {
        let live = [EnrolmentState::Confirmed, EnrolmentState::Verified, EnrolmentState::Reverting];
        state.is_unsettled() || live.contains(&state)
    })
}

/// A pause keeps a practice out of every wave, but for one that may end before a wave begins, one that a wave is to
/// judge, and one that a wave of this document ends.
fn judge_pause<'a>(
    at: Expansion<'_>,
    facts: &'a PracticeFacts,
) -> Result<(Option<&'a PauseFacts>, Option<WaveId>), Unplaced> {
    let pauses = facts.pauses.iter().filter(|pause| pause.in_force && pause.covers(&at.spec.capability));
    let mut lenient = None;
    let mut deferred_to = None;
    for pause in pauses {
        let judged = at.state.judgements.get(&PauseRef { practice: facts.code, number: pause.number });
        // What another programme's wave has found in time, one of this document may find in time as well.
        let ours = judged.filter(|judgement| judgement.wave.programme == at.spec.name);
        match (pause.end, judged.map(|judgement| &judgement.ruling)) {
            (PauseEnd::FurtherNotice, _) | (_, Some(Ruling::Late)) => return Err(Unplaced::Paused),
            (_, Some(Ruling::InTime { deferred_to: wave, .. })) if ours.is_some() => {
                if at.spec.wave(*wave).is_none() {
                    return Err(Unplaced::Paused);
                }
                deferred_to = Some(*wave);
            }
            (PauseEnd::Until(_) | PauseEnd::ProgrammeDefault, _) => lenient = Some(pause),
        }
    }
    Ok((lenient, deferred_to))
}

//! Decisions that let practices go live: slots, claims, invitations, and the seal under a permit.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use ods::{PracticeCode, Supplier};

use super::Docket;
use crate::blocker::Blocker;
use crate::calendar::civil_date;
use crate::command::{Candidate, PermitAnswer};
use crate::eligibility::{enrolment_blockers, wave_blockers};
use crate::event::{Admission, Event, Voided, gather};
use crate::id::{ActivationKey, Direction, Target, WaveRef};
use crate::pace::{permit_again, switch_off_again};
use crate::room::{Room, may_seal, sealed_for};
use crate::spec::Mode;
use crate::state::{
    Activation, ActivationState, Due, DueKind, Enrolment, EnrolmentStage, Load, Loads, Subject, Voiding, Wave,
};

/// Gives practices their slot and key, as many as still may have one.
pub(super) fn admit(docket: &mut Docket, id: &WaveRef, practices: &[Candidate], registry_position: u64) {
    grant(docket, id, practices, Mode::Push, registry_position);
}

/// A supplier takes the list for a booked date: the slot is taken here, the permit and the seal follow.
pub(super) fn claim(
    docket: &mut Docket,
    supplier: &Supplier,
    practices: &[(WaveRef, Candidate)],
    registry_position: u64,
) {
    let mut by_wave: BTreeMap<WaveRef, Vec<Candidate>> = BTreeMap::new();
    for (wave, candidate) in practices.iter().filter(|(_, candidate)| candidate.supplier == *supplier) {
        by_wave.entry(wave.clone()).or_default().push(candidate.clone());
    }
    for (wave, candidates) in by_wave {
        grant(docket, &wave, &candidates, Mode::BookedDates, registry_position);
    }
}

fn grant(docket: &mut Docket, id: &WaveRef, practices: &[Candidate], mode: Mode, registry_position: u64) {
    let Some(programme) = docket.state.programme(&id.programme) else { return };
    let Some(wave) = programme.waves.get(&id.wave) else { return };
    if !wave_blockers(&docket.state, programme, wave, docket.now).is_empty() {
        return;
    }
    let mut room = Room::of(&docket.state, programme, civil_date(docket.now));
    let mut admissions = Vec::new();
    for candidate in practices {
        let Some(enrolment) = wave.enrolment(candidate.practice).filter(|one| one.mode == mode) else { continue };
        if !may_have_slot(docket, wave, enrolment, candidate) {
            continue;
        }
        let booked_on = enrolment.planned_on.filter(|_| mode == Mode::BookedDates);
        let day = booked_on.unwrap_or(civil_date(docket.now));
        if room.take(&candidate.supplier, candidate.icb, Load::of(candidate.list_size), day).is_err() {
            continue;
        }
        let target = Target { practice: candidate.practice, capability: programme.capability.clone() };
        admissions.push(Admission {
            practice: candidate.practice,
            generation: docket.state.generation(&target).max(candidate.generation_highest) + 1,
            supplier: candidate.supplier.clone(),
            icb: candidate.icb,
            region: candidate.region,
            list_size: candidate.list_size,
            settled_list_size: Some(enrolment.list_size).filter(|settled| *settled != candidate.list_size),
            mode,
            booked_on,
        });
    }
    if admissions.is_empty() {
        return;
    }
    let booked: Vec<_> = admissions.iter().filter_map(|one| Some((one.supplier.clone(), one.booked_on?))).collect();
    docket.record(Event::Admitted { wave: id.clone(), admissions, registry_position });
    let now = docket.now;
    let acted_on = |due: &Due| {
        let is_open = |closes: &Timestamp| due.at <= now && now < *closes;
        match &due.kind {
            DueKind::WindowOpens { closes } => mode == Mode::Push && is_open(closes),
            DueKind::ListOpens { supplier, date, closes } => {
                let is_taken = booked.iter().any(|(by, on)| by == supplier && on == date);
                is_taken && is_open(closes)
            }
            _ => false,
        }
    };
    start(docket, id, acted_on);
}

/// Settles what is due and was acted on now, and says what falls due next.
fn start(docket: &mut Docket, id: &WaveRef, acted_on: impl Fn(&Due) -> bool) {
    for due in docket.pending(id, acted_on) {
        docket.start(due.clone());
        docket.next_window(&due);
    }
}

/// Whether the enrolment still waits, and nothing but caps is in its way by the scheduler's own state.
fn may_have_slot(docket: &Docket, wave: &Wave, enrolment: &Enrolment, candidate: &Candidate) -> bool {
    let Some(programme) = docket.state.programme(&wave.id.programme) else { return false };
    let subject = Subject {
        wave: &wave.id,
        practice: candidate.practice,
        supplier: &candidate.supplier,
        icb: candidate.icb,
        region: candidate.region,
    };
    enrolment.stage == EnrolmentStage::Enrolled
        && enrolment.supplier == candidate.supplier
        && enrolment_blockers(&docket.state, programme, wave, enrolment, subject, docket.now).is_empty()
}

/// Asks practices of a self-service supplier to switch it on: no permit, no slot.
pub(super) fn invite(docket: &mut Docket, id: &WaveRef, practices: &[PracticeCode], registry_position: u64) {
    let Some(programme) = docket.state.programme(&id.programme) else { return };
    let Some(wave) = programme.waves.get(&id.wave) else { return };
    if !wave_blockers(&docket.state, programme, wave, docket.now).is_empty() {
        return;
    }
    let mut moves = BTreeMap::new();
    for practice in practices {
        let Some(enrolment) = wave.enrolment(*practice) else { continue };
        let waits = enrolment.mode == Mode::SelfService && enrolment.stage == EnrolmentStage::Enrolled;
        let subject = wave.subject(enrolment);
        if waits && enrolment_blockers(&docket.state, programme, wave, enrolment, subject, docket.now).is_empty() {
            moves.insert(*practice, EnrolmentStage::Invited);
        }
    }
    if moves.is_empty() {
        return;
    }
    let (wave, moves) = (id.clone(), gather(moves));
    docket.record(Event::EnrolmentsMoved { wave, moves, registry_position: Some(registry_position) });
    let now = docket.now;
    start(docket, id, |due| matches!(due.kind, DueKind::WindowOpens { closes } if due.at <= now && now < closes));
}

/// The registry's answers: what was granted is sealed in the same decision, if it still may be; all else gives its slot
/// back. The permit was the last thing that a pause could stop; the seal is the last thing that a hold can.
pub(super) fn permits(docket: &mut Docket, answers: &BTreeMap<ActivationKey, PermitAnswer>, registry_position: u64) {
    let mut sealing = Sealing::default();
    let mut unwanted = Vec::new();
    let mut voided = Vec::new();
    for (key, answer) in answers {
        let activation = docket.state.activation(key);
        let Some(activation) = activation else {
            // Given up while the permit was being asked for.
            if *answer == PermitAnswer::Granted && !is_settled(docket, key) {
                unwanted.push(key.clone());
            }
            continue;
        };
        // One that is under way was answered before.
        if activation.stage.state() != ActivationState::Intended {
            continue;
        }
        let (reason, not_before) = match (answer, key.direction) {
            (PermitAnswer::Granted, Direction::Disable) => {
                sealing.sealed.push((key.clone(), None));
                continue;
            }
            (PermitAnswer::Granted, Direction::Enable) => match sealing.enable(docket, activation) {
                Ok(()) => continue,
                Err(reason) => (reason, None),
            },
            (PermitAnswer::Refused { refusal }, direction) => {
                let again = match direction {
                    Direction::Enable => permit_again(docket.now),
                    Direction::Disable => switch_off_again(docket.now),
                };
                (Voiding::NoPermit { refusal: refusal.clone() }, Some(again))
            }
        };
        voided.push(Voided { key: key.clone(), reason, not_before });
    }
    for (keys, listed) in [(sealing.sealed, false), (sealing.listed, true)] {
        if !keys.is_empty() {
            docket.record(Event::Sealed { keys, listed, registry_position });
        }
    }
    if !voided.is_empty() {
        docket.record(Event::Voided { keys: voided });
    }
    if !unwanted.is_empty() {
        docket.record(Event::PermitsUnwanted { keys: unwanted });
    }
}

fn is_settled(docket: &Docket, key: &ActivationKey) -> bool {
    let access = docket.state.access(&key.target());
    access.and_then(|access| access.last.as_ref()).is_some_and(|(last, _)| last == key)
}

/// What is to be sealed in one decision.
#[derive(Default)]
struct Sealing {
    sealed: Vec<(ActivationKey, Option<Date>)>,
    listed: Vec<(ActivationKey, Option<Date>)>,
    /// What counts against today's caps, with what this decision seals; none before it has sealed anything (rule 4).
    today: Option<Loads>,
}

impl Sealing {
    /// Seals an ENABLE, if nothing has come in the way since its slot was given.
    fn enable(&mut self, docket: &Docket, activation: &Activation) -> Result<(), Voiding> {
        let found = activation.wave().and_then(|id| docket.state.programme(&id.programme).zip(docket.state.wave(id)));
        let Some((programme, wave)) = found else { return Err(Voiding::OutOfTime) };
        let Some(enrolment) = wave.enrolment(activation.key.practice) else { return Err(Voiding::SetAside) };
        let mut blockers = wave_blockers(&docket.state, programme, wave, docket.now);
        let subject = wave.subject(enrolment);
        blockers.extend(enrolment_blockers(&docket.state, programme, wave, enrolment, subject, docket.now));
        match blockers.first() {
            Some(Blocker::Held { hold, .. }) => return Err(Voiding::Held { hold: *hold }),
            Some(_) => return Err(Voiding::OutOfTime),
            None => {}
        }
        if let Some(date) = activation.booked_on {
            self.listed.push((activation.key.clone(), Some(date)));
            return Ok(());
        }
        let today = civil_date(docket.now);
        let sealed = self.today.get_or_insert_with(|| sealed_for(&docket.state, today));
        if !may_seal(programme, sealed, activation) {
            return Err(Voiding::NoRoom);
        }
        sealed.add(&activation.supplier, activation.icb, activation.load());
        self.sealed.push((activation.key.clone(), Some(today)));
        Ok(())
    }
}

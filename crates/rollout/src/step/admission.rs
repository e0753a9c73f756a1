//! Whose turn it is: the wave's fixed order, under the caps, past whoever has something in the way.

use std::collections::BTreeMap;

use ods::Supplier;

use super::{CHANGES_MAX, Walk};
use crate::blocker::Blocker;
use crate::calendar::{civil_date, day_bounds};
use crate::command::{Candidate, Proposal};
use crate::eligibility::{enrolment_blockers, next_window_for, practice_blockers, shut, unfit};
use crate::room::{Full, Room};
use crate::spec::Mode;
use crate::state::{Enrolment, EnrolmentState, Programme, State, Subject, Wave};
use crate::view::{PracticeFacts, RegistryView};

impl Walk<'_> {
    pub(super) fn admissions(&mut self, programme: &Programme, wave: &Wave, room: &mut Room<'_>) {
        let today = civil_date(self.now);
        let mut admitted = Vec::new();
        let mut invited = Vec::new();
        let mut set_aside = BTreeMap::new();
        let mut used_up: Option<Full> = None;
        for enrolment in wave.in_state(EnrolmentState::Enrolled) {
            let practice = enrolment.practice;
            // Once the nation's cap is used up, nobody who is pushed need be looked at: whoever would be set aside is
            // found at their turn.
            if let (Some(cap), Mode::Push) = (&used_up, enrolment.mode) {
                let blocker = Blocker::Full { cap: cap.clone(), opens_at: None };
                self.gathering.practice(&wave.id, practice, enrolment.load(), blocker);
                continue;
            }
            let facts = self.view.get(practice);
            if let Some(reason) = unfit(self.state, programme, wave, enrolment, facts) {
                set_aside.insert(practice, reason);
                continue;
            }
            match candidate(self.state, self.view, programme, wave, enrolment, self.now) {
                Err(blocker) => {
                    if let Some(at) = blocker.earliest_at() {
                        self.wake(at);
                    }
                    self.gathering.practice(&wave.id, practice, enrolment.load(), blocker);
                }
                // A list is taken by its supplier, not by us.
                Ok(_) if enrolment.mode == Mode::BookedDates => {}
                Ok(_) if enrolment.mode == Mode::SelfService => invited.push(practice),
                Ok(candidate) => {
                    let load = crate::state::Load::of(candidate.list_size);
                    match room.take(&candidate.supplier, candidate.icb, load, today) {
                        Ok(()) => admitted.push(candidate),
                        Err(cap) => {
                            used_up = room.is_used_up(today);
                            let opens_at = opens_at(self.state, wave, &enrolment.supplier, &cap);
                            let blocker = Blocker::Full { cap, opens_at };
                            self.gathering.practice(&wave.id, practice, enrolment.load(), blocker);
                        }
                    }
                }
            }
        }
        let registry_position = self.view.position;
        if !set_aside.is_empty() {
            let wave = wave.id.clone();
            self.proposals.push(Proposal::SetAside { wave, unfit: set_aside, registry_position });
        }
        for practices in invited.chunks(CHANGES_MAX).map(<[_]>::to_vec) {
            self.proposals.push(Proposal::Invite { wave: wave.id.clone(), practices, registry_position });
        }
        for practices in admitted.chunks(CHANGES_MAX).map(<[_]>::to_vec) {
            self.proposals.push(Proposal::Admit { wave: wave.id.clone(), practices, registry_position });
        }
    }
}

/// When a cap that leaves no room is looked at again by time alone: a daily one on the next day with a window.
fn opens_at(state: &State, wave: &Wave, supplier: &Supplier, cap: &Full) -> Option<jiff::Timestamp> {
    match cap {
        Full::Daily { date, .. } => next_window_for(state, wave, supplier, day_bounds(*date).1),
        Full::InFlight { .. } => None,
    }
}

/// The practice of an enrolment as one to be admitted.
///
/// # Errors
/// The first thing in its way, caps aside.
pub(crate) fn candidate(
    state: &State,
    view: &RegistryView,
    programme: &Programme,
    wave: &Wave,
    enrolment: &Enrolment,
    now: jiff::Timestamp,
) -> Result<Candidate, Blocker> {
    let practice = enrolment.practice;
    let facts = view.get(practice).ok_or(Blocker::PracticeNotOpen { practice })?;
    let mut blockers = practice_blockers(state, programme, wave, enrolment, facts, now);
    blockers.extend(enrolment_blockers(state, programme, wave, enrolment, subject(wave, enrolment, facts), now));
    // Self-service has no list and no slot, but its day and hour are those of the windows.
    if enrolment.mode == Mode::SelfService {
        blockers.extend(shut(state, wave, &enrolment.supplier, now));
    }
    if let Some(blocker) = blockers.into_iter().next() {
        return Err(blocker);
    }
    let supplier = facts.supplier.clone().ok_or(Blocker::PracticeNotOpen { practice })?;
    Ok(Candidate {
        practice,
        supplier,
        icb: facts.icb,
        region: facts.region,
        list_size: facts.list_size,
        generation_highest: facts.access(&programme.capability).map_or(0, |access| access.generation_highest),
    })
}

/// The practice as holds see it, by the registry's facts.
pub(crate) fn subject<'a>(wave: &'a Wave, enrolment: &'a Enrolment, facts: &'a PracticeFacts) -> Subject<'a> {
    Subject {
        wave: &wave.id,
        practice: facts.code,
        supplier: facts.supplier.as_ref().unwrap_or(&enrolment.supplier),
        icb: facts.icb,
        region: facts.region,
    }
}

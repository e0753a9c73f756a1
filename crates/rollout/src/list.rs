//! The list that a supplier with booked dates takes: what to switch, on which date, and what not to any more.
//!
//! Claiming it is where pauses stop counting as in time: the service gives the slots ([`Fact::ClaimBegun`]), asks for
//! the permits, and reports them ([`Fact::Permits`]), which seals. A pause that comes later shows among `withdrawn`
//! until the supplier says what became of the key.
//!
//! [`Fact::ClaimBegun`]: crate::Fact::ClaimBegun
//! [`Fact::Permits`]: crate::Fact::Permits

use jiff::Timestamp;
use jiff::civil::Date;
use ods::Supplier;

use crate::calendar::civil_date;
use crate::command::Candidate;
use crate::eligibility::{claim_times, unfit, wave_blockers};
use crate::id::{ActivationKey, Direction, Target, WaveRef};
use crate::room::Room;
use crate::spec::Mode;
use crate::state::{Activation, ActivationState, EnrolmentState, Load, State, WaveStage};
use crate::step::candidate;
use crate::view::RegistryView;

/// A supplier's list at a moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SupplierList {
    /// What to switch, by date, direction and practice.
    pub entries: Vec<ListEntry>,
    /// Keys that the supplier has taken and must not switch on any more, if that is still possible.
    pub withdrawn: Vec<ActivationKey>,
    /// The first cut-off among what is not claimed; none where nothing waits.
    pub claim_before: Option<Timestamp>,
}

/// One thing to switch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListEntry {
    /// On which civil date.
    pub date: Date,
    /// Its key: what it is, or what it will be once it is claimed.
    pub key: ActivationKey,
    /// The wave; none for a switch-off.
    pub wave: Option<WaveRef>,
    /// The moment before which it is to be claimed; none for a switch-off, which can be at any time.
    pub cut_off_at: Option<Timestamp>,
    /// Where it is.
    pub standing: Standing,
}

/// Whether an entry is the supplier's already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// To be claimed: first [`Fact::ClaimBegun`](crate::Fact::ClaimBegun) with this candidate.
    Waiting(Candidate),
    /// A switch-off that has its seal: the supplier takes it over by [`Fact::Sent`](crate::Fact::Sent).
    Sealed,
    /// Claimed, and no result reported.
    Claimed,
}

/// What a supplier is to switch, by what is true now.
#[must_use]
pub fn supplier_list(state: &State, view: &RegistryView, supplier: &Supplier, now: Timestamp) -> SupplierList {
    let mut list = SupplierList::default();
    for activation in state.activations().filter(|one| one.mode == Mode::BookedDates && one.supplier == *supplier) {
        let Some(standing) = standing(activation) else { continue };
        if activation.key.direction == Direction::Enable && is_unwanted(view, activation) {
            list.withdrawn.push(activation.key.clone());
            continue;
        }
        list.entries.push(ListEntry {
            date: activation.booked_on.unwrap_or_else(|| civil_date(now)),
            key: activation.key.clone(),
            wave: activation.wave().cloned(),
            cut_off_at: None,
            standing,
        });
    }
    waiting(state, view, supplier, now, &mut list);
    list.claim_before = list.entries.iter().filter_map(|entry| entry.cut_off_at).min();
    list.entries.sort_by(|one, other| (one.date, &one.key).cmp(&(other.date, &other.key)));
    list
}

fn standing(activation: &Activation) -> Option<Standing> {
    match activation.stage.state() {
        ActivationState::Sealed => Some(Standing::Sealed),
        ActivationState::Sent | ActivationState::Acked | ActivationState::Unknown => Some(Standing::Claimed),
        ActivationState::Intended | ActivationState::Settled => None,
    }
}

/// A claimed key that a pause came after, or a STOP.
pub(crate) fn is_unwanted(view: &RegistryView, activation: &Activation) -> bool {
    let Some(facts) = view.get(activation.key.practice) else { return activation.cancel };
    // A pause that was lifted again while its receipt is PENDING is reversed all the same.
    let pending = facts.pauses.iter().any(|pause| pause.pending_on.contains(&activation.key));
    activation.cancel || pending || facts.pause(&activation.key.capability).is_some()
}

/// What may be claimed now, as far as the caps of each date leave room.
fn waiting(state: &State, view: &RegistryView, supplier: &Supplier, now: Timestamp, list: &mut SupplierList) {
    let mut room = Room::on(state, civil_date(now));
    for programme in state.programmes.values() {
        room.turn_to(programme);
        for wave in programme.waves_in_order().filter(|wave| wave.stage == WaveStage::Open) {
            if !wave_blockers(state, programme, wave, now).is_empty() {
                continue;
            }
            let booked = |one: &&crate::state::Enrolment| one.mode == Mode::BookedDates && one.supplier == *supplier;
            for enrolment in wave.in_state(EnrolmentState::Enrolled).filter(booked) {
                let facts = view.get(enrolment.practice);
                if unfit(state, programme, wave, enrolment, facts).is_some() {
                    continue;
                }
                let Ok(candidate) = candidate(state, view, programme, wave, enrolment, now) else { continue };
                let Some((_, closes, date)) = claim_times(wave, enrolment) else { continue };
                let load = Load::of(candidate.list_size);
                if room.take(&candidate.supplier, candidate.icb, load, date).is_err() {
                    continue;
                }
                let target = Target { practice: candidate.practice, capability: programme.capability.clone() };
                let key = ActivationKey {
                    direction: Direction::Enable,
                    practice: candidate.practice,
                    generation: state.generation(&target).max(candidate.generation_highest) + 1,
                    capability: target.capability,
                };
                list.entries.push(ListEntry {
                    date,
                    key,
                    wave: Some(wave.id.clone()),
                    cut_off_at: Some(closes),
                    standing: Standing::Waiting(candidate),
                });
            }
        }
    }
}

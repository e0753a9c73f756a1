//! Folds what happens to activations, with the caps they count against and the enrolments they belong to.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::{Place, unwind};
use crate::calendar::day_bounds;
use crate::event::{Admission, DisableIntent, Settlement, Standing, Voided};
use crate::id::{ActivationKey, Direction, Target, WaveRef};
use crate::spec::Mode;
use crate::state::{
    Activation, ActivationStage, ActivationState, AppliedEnable, Cause, Desired, EnrolmentStage, Outcome, Programme,
    State,
};

/// Daily loads are kept for this many days after they mattered last: for whoever looks at yesterday.
const DAILY_KEPT: SignedDuration = SignedDuration::from_hours(7 * 24);

pub(super) fn admitted(state: &mut State, wave: &WaveRef, admissions: &[Admission], place: Place) {
    let Some(programme) = state.programmes.get_mut(&wave.programme) else { return };
    let capability = programme.capability.clone();
    forget_daily(programme, place);
    for one in admissions {
        let key = ActivationKey {
            direction: Direction::Enable,
            practice: one.practice,
            capability: capability.clone(),
            generation: one.generation,
        };
        let activation = Activation {
            key,
            cause: Cause::Wave { wave: wave.clone() },
            supplier: one.supplier.clone(),
            icb: one.icb,
            list_size: one.list_size,
            mode: one.mode,
            booked_on: one.booked_on,
            stage: ActivationStage::Intended,
            intended_at: place.at,
            sealed_at: None,
            counted_on: None,
            attempts: 0,
            due_at: place.at,
            cancel: false,
        };
        let Some(programme) = state.programmes.get_mut(&wave.programme) else { return };
        let Some(members) = programme.waves.get_mut(&wave.wave) else { return };
        members.change(one.practice, |enrolment| {
            enrolment.stage = EnrolmentStage::Admitted;
            enrolment.changed_at = place.at;
            enrolment.supplier = one.supplier.clone();
            enrolment.icb = one.icb;
            enrolment.region = one.region;
            // Journals from before I7 was kept here name one number, and fold to it as they did.
            enrolment.list_size = one.settled_list_size.unwrap_or(one.list_size);
            enrolment.generation = Some(one.generation);
            enrolment.not_before = None;
        });
        take_slot(programme, &activation);
        state.change_access(&activation.key.target(), |access| {
            access.generation = one.generation;
            access.desired = Desired::On;
            access.by = Some(wave.clone());
        });
        state.put_activation(activation);
    }
}

pub(super) fn disables_intended(state: &mut State, disables: &[DisableIntent], place: Place) {
    for one in disables {
        let target = one.key.target();
        let by = state.access(&target).and_then(|access| access.by.clone());
        state.change_access(&target, |access| {
            access.generation = one.key.generation;
            access.desired = Desired::Off;
        });
        if let Some(wave) = by {
            move_enrolment(state, &wave, &target, place, |stage| {
                let live = matches!(stage, EnrolmentStage::Confirmed | EnrolmentStage::Verified);
                live.then_some(EnrolmentStage::Reverting)
            });
        }
        state.put_activation(Activation {
            key: one.key.clone(),
            cause: one.cause.clone(),
            supplier: one.supplier.clone(),
            icb: None,
            // Switch-offs count against no cap.
            list_size: 0,
            mode: one.mode,
            booked_on: None,
            stage: ActivationStage::Intended,
            intended_at: place.at,
            sealed_at: None,
            counted_on: None,
            attempts: 0,
            due_at: place.at,
            cancel: false,
        });
    }
}

/// The slot is given back; the permit, if there is one, is to be.
pub(super) fn voided(state: &mut State, keys: &[Voided], place: Place) {
    for one in keys {
        let Some(activation) = state.take_activation(&one.key) else { continue };
        state.releases.insert(one.key.clone());
        state.change_access(&one.key.target(), |access| access.desired = Desired::Off);
        let Some(id) = activation.wave() else {
            state.change_access(&one.key.target(), |access| access.not_before = one.not_before);
            continue;
        };
        let Some(programme) = state.programmes.get_mut(&id.programme) else { continue };
        give_back_slot(programme, &activation);
        let Some(wave) = programme.waves.get_mut(&id.wave) else { continue };
        wave.change(one.key.practice, |enrolment| {
            if enrolment.stage == EnrolmentStage::Admitted {
                enrolment.stage = EnrolmentStage::Enrolled;
                enrolment.changed_at = place.at;
                enrolment.not_before = one.not_before;
            }
        });
    }
}

pub(super) fn sealed(state: &mut State, keys: &[(ActivationKey, Option<Date>)], listed: bool, place: Place) {
    for (key, counted_on) in keys {
        let Some(mut activation) = state.activation(key).cloned() else { continue };
        activation.sealed_at = Some(place.at);
        activation.counted_on = *counted_on;
        activation.stage = if listed { ActivationStage::Sent } else { ActivationStage::Sealed };
        // A supplier with booked dates reports by itself; it is asked once its date is over.
        let ask_at = activation.booked_on.filter(|_| listed).map(|date| day_bounds(date).1);
        activation.due_at = ask_at.unwrap_or(place.at);
        if let Some(id) = activation.wave().cloned()
            && let Some(programme) = state.programmes.get_mut(&id.programme)
        {
            if let (Mode::Push, Some(date)) = (activation.mode, *counted_on) {
                programme.reserved.remove(&activation.supplier, activation.icb, activation.load());
                add_daily(programme, date, &activation);
            }
            if let Some(wave) = programme.waves.get_mut(&id.wave) {
                wave.last_action_at = Some(place.at);
                wave.change(key.practice, |enrolment| {
                    enrolment.stage = EnrolmentStage::Commanded;
                    enrolment.changed_at = place.at;
                    enrolment.commanded = true;
                });
            }
        }
        state.put_activation(activation);
    }
}

pub(super) fn sent(state: &mut State, keys: &[ActivationKey], due_at: Timestamp) {
    for key in keys {
        change(state, key, |activation| {
            activation.stage = ActivationStage::Sent;
            activation.attempts += 1;
            activation.due_at = due_at;
        });
    }
}

pub(super) fn answered(state: &mut State, answers: &[(ActivationKey, Standing)], place: Place) {
    for (key, standing) in answers {
        let (stage, due_at) = match standing {
            Standing::Acked { ask_at } => (ActivationStage::Acked, *ask_at),
            Standing::Unknown { ask_at } => (ActivationStage::Unknown, *ask_at),
            Standing::Resend { send_at } => (ActivationStage::Sealed, *send_at),
        };
        let enrolment = match stage.state() {
            ActivationState::Unknown => EnrolmentStage::Unknown,
            _ => EnrolmentStage::Commanded,
        };
        change(state, key, |activation| {
            activation.stage = stage;
            activation.attempts += 1;
            activation.due_at = due_at;
        });
        let wave = state.activation(key).and_then(|activation| activation.wave().cloned());
        if let Some(wave) = wave {
            let moved = |now: &EnrolmentStage| now.state().is_unsettled().then_some(enrolment);
            move_enrolment(state, &wave, &key.target(), place, moved);
        }
    }
}

pub(super) fn settled(state: &mut State, settlements: &[Settlement], place: Place) {
    for one in settlements {
        let Some(mut activation) = state.activation(&one.key).cloned() else { continue };
        let target = one.key.target();
        activation.stage = ActivationStage::Settled { outcome: one.outcome.clone(), settled_at: place.at };
        let applied = matches!(one.outcome, Outcome::Applied { .. });
        let enables = one.key.direction == Direction::Enable;
        let enable =
            AppliedEnable { key: one.key.clone(), supplier: activation.supplier.clone(), mode: activation.mode };
        state.change_access(&target, |access| {
            access.last = Some((one.key.clone(), one.outcome.clone()));
            match (enables, applied) {
                (true, true) => {
                    access.applied = Some(enable);
                    // Given back by people's decision.
                    access.reverted = None;
                }
                (true, false) => access.desired = Desired::Off,
                (false, true) => access.applied = None,
                (false, false) => access.not_before = one.not_before,
            }
        });
        let by = state.access(&target).and_then(|access| access.by.clone());
        if let Some(id) = activation.wave().cloned().or(by)
            && let Some(programme) = state.programmes.get_mut(&id.programme)
        {
            if enables {
                programme.in_flight.remove(&activation.supplier, activation.icb, activation.load());
            }
            if let Some(wave) = programme.waves.get_mut(&id.wave) {
                wave.last_action_at = Some(place.at);
                wave.change(one.key.practice, |enrolment| {
                    let Some(then) = &one.then else { return };
                    enrolment.stage = then.clone();
                    enrolment.changed_at = place.at;
                    enrolment.not_before = one.not_before;
                    enrolment.refusals += u8::from(enables && !applied);
                });
            }
        }
        if applied && !enables {
            state.ordered_off.remove(&target);
        }
        if applied
            && enables
            && one.then == Some(EnrolmentStage::Reverting)
            && let Some(wave) = activation.wave()
        {
            unwind::found_on(state, &target, wave, place);
        }
        state.put_activation(activation);
    }
}

pub(super) fn cancel_asked(state: &mut State, keys: &[ActivationKey], place: Place) {
    for key in keys {
        change(state, key, |activation| {
            activation.cancel = true;
            activation.due_at = place.at;
        });
    }
}

pub(super) fn permits_settled(state: &mut State, keys: &[ActivationKey], registry_position: u64) {
    for key in keys {
        let Some(activation) = state.take_activation(key) else { continue };
        let Some(id) = activation.wave() else { continue };
        let programme = state.programmes.get_mut(&id.programme);
        if let Some(wave) = programme.and_then(|programme| programme.waves.get_mut(&id.wave)) {
            wave.settled_registry_position = wave.settled_registry_position.max(registry_position);
        }
    }
}

/// Rule 4: in flight from the slot on; against the daily caps on the booked date, or as reserved until the seal.
fn take_slot(programme: &mut Programme, activation: &Activation) {
    programme.in_flight.add(&activation.supplier, activation.icb, activation.load());
    match activation.booked_on {
        Some(date) => add_daily(programme, date, activation),
        None => programme.reserved.add(&activation.supplier, activation.icb, activation.load()),
    }
}

fn give_back_slot(programme: &mut Programme, activation: &Activation) {
    programme.in_flight.remove(&activation.supplier, activation.icb, activation.load());
    match activation.booked_on {
        Some(date) => {
            if let Some(loads) = programme.daily.get_mut(&date) {
                loads.remove(&activation.supplier, activation.icb, activation.load());
            }
        }
        None => programme.reserved.remove(&activation.supplier, activation.icb, activation.load()),
    }
}

fn add_daily(programme: &mut Programme, date: Date, activation: &Activation) {
    programme.daily.entry(date).or_default().add(&activation.supplier, activation.icb, activation.load());
}

/// Drops the loads of days long past. By the day in UTC: a few hours make no difference to what is long past.
fn forget_daily(programme: &mut Programme, place: Place) {
    let today = TimeZone::UTC.to_datetime(place.at).date();
    let Ok(kept_from) = today.checked_sub(DAILY_KEPT) else { return };
    while let Some(oldest) = programme.daily.get_min().map(|(date, _)| *date)
        && oldest < kept_from
    {
        programme.daily.remove(&oldest);
    }
}

fn change(state: &mut State, key: &ActivationKey, change: impl FnOnce(&mut Activation)) {
    if let Some(mut activation) = state.activation(key).cloned() {
        change(&mut activation);
        state.put_activation(activation);
    }
}

fn move_enrolment(
    state: &mut State,
    id: &WaveRef,
    target: &Target,
    place: Place,
    to: impl FnOnce(&EnrolmentStage) -> Option<EnrolmentStage>,
) {
    let programme = state.programmes.get_mut(&id.programme);
    let Some(wave) = programme.and_then(|programme| programme.waves.get_mut(&id.wave)) else { return };
    if let Some(stage) = wave.enrolment(target.practice).and_then(|enrolment| to(&enrolment.stage)) {
        wave.step_to(target.practice, stage, place.at);
    }
}

//! Folds events into the state: the only writer.
//!
//! It decides nothing and looks nothing up in a calendar: an event says what came of a decision. An event about
//! something that the state does not have leaves it as it is, since a fold must never fail.

mod activation;
mod dispatch;
mod programme;
mod unwind;
mod wave;

use std::sync::Arc;

use jiff::Timestamp;

use crate::event::Event;
use crate::id::HoldId;
use crate::state::{DueRecord, Hold, LiftAsked, State};

/// Where in the journal an event stands.
#[derive(Debug, Clone, Copy)]
struct Place {
    position: u64,
    at: Timestamp,
}

/// Takes an event into the state.
pub fn apply(state: &mut State, event: &Event, position: u64, recorded_at: Timestamp) {
    let place = Place { position, at: recorded_at };
    state.position = position;
    state.recorded_at = Some(recorded_at);
    match event {
        Event::ProgrammeCreated { document, by } => programme::created(state, document, by, place),
        Event::ProgrammeUpdated { programme, document, by } => {
            programme::updated(state, programme, document, by, place);
        }
        Event::ProgrammeCancelled { programme, .. } => programme::cancelled(state, programme, place),
        Event::ProgrammeCompleted { programme } => programme::completed(state, programme, place),
        Event::PlanSubmitted { plan, by } => programme::submitted(state, plan, by, place),
        Event::PlanRejected { programme, version, signature } => {
            programme::rejected(state, programme, *version, signature, place);
        }
        Event::PlanApproved { programme, version, signature } => {
            programme::approved(state, programme, *version, signature, place);
        }
        Event::PlanInForce { programme, version } => programme::in_force(state, programme, *version, place),

        Event::NoticeBegun { wave } => wave::to_stage(state, wave, crate::state::WaveStage::Notice, place),
        Event::NoticeDelivered { .. } => wave::notice_delivered(state, event, place),
        Event::DispatchesSealed { wave, dispatches } => dispatch::sealed(state, wave, dispatches, place),
        Event::DispatchesMoved { programme, moves } => dispatch::moved(state, programme, moves, place),
        Event::NoticesUnaddressed { wave, practices } => dispatch::unaddressed(state, wave, practices, place),
        Event::NoticesRetried { wave, practices, .. } => dispatch::retried(state, wave, practices),
        Event::WaveFixed { wave, practices_count, patients_count, .. } => {
            wave::fixed(state, wave, *practices_count, *patients_count, place);
        }
        Event::EnrolmentsMoved { wave, moves, .. } => wave::enrolments_moved(state, wave, moves, place),
        Event::DeferralsJoined { wave, from, practices } => {
            wave::deferrals_joined(state, wave, *from, practices, place);
        }
        Event::PausesJudged { wave, rulings } => wave::pauses_judged(state, wave, rulings),
        Event::PauseOutcomesTold { pauses } => wave::pause_outcomes_told(state, pauses),
        Event::ReadinessTold { programme, version } => {
            if let Some(programme) = state.programmes.get_mut(programme) {
                programme.readiness_told = Some(*version);
            }
        }
        Event::WaveOpened { wave } => wave::to_stage(state, wave, crate::state::WaveStage::Open, place),
        Event::WaveDraining { wave } => wave::to_stage(state, wave, crate::state::WaveStage::Draining, place),
        Event::WaveSoaking { wave } => wave::to_stage(state, wave, crate::state::WaveStage::Soaking, place),
        Event::GateFiguresRead { wave, figures } => wave::gate_figures_read(state, wave, figures),
        Event::GateHookAnswered { wave, answer } => wave::gate_hook_answered(state, wave, answer),
        Event::ConcernReported { concern } => {
            state.concerns.insert(concern.id, Arc::new((**concern).clone()));
        }
        Event::GateEvaluated { wave, evaluation } => wave::gate_evaluated(state, wave, evaluation, place),
        Event::GateDecided { wave, verdict, signature } => {
            wave::gate_decided(state, wave, *verdict, signature, place);
        }
        Event::WaveCancelled { wave, .. } => wave::cancelled(state, wave, place),
        Event::UnwindAsked { wave, reason, signature, until } => {
            unwind::asked(state, wave, *reason, signature, *until, place);
        }
        Event::UnwindingBegun { wave, signature, practices, .. } => {
            unwind::begun(state, wave, signature, practices, place);
        }
        Event::WaveUnwound { wave } => wave::to_stage(state, wave, crate::state::WaveStage::Unwound, place),
        Event::RevertOrdered { wave, practice, signature } => {
            unwind::reverted(state, wave, *practice, signature, place);
        }
        Event::WaveRescheduled { wave, from, until, .. } => wave::rescheduled(state, wave, *from, *until, place),

        Event::Admitted { wave, admissions, .. } => activation::admitted(state, wave, admissions, place),
        Event::DisablesIntended { disables, .. } => activation::disables_intended(state, disables, place),
        Event::Voided { keys } => activation::voided(state, keys, place),
        Event::Sealed { keys, listed, .. } => activation::sealed(state, keys, *listed, place),
        Event::Sent { keys, due_at } => activation::sent(state, keys, *due_at),
        Event::Answered { answers } => activation::answered(state, answers, place),
        Event::Settled { settlements } => activation::settled(state, settlements, place),
        Event::CancelAsked { keys } => activation::cancel_asked(state, keys, place),
        Event::PermitsSettled { keys, registry_position } => {
            activation::permits_settled(state, keys, *registry_position);
        }
        Event::PermitsReleased { keys } => {
            for key in keys {
                state.releases.remove(key);
            }
        }
        Event::PermitsUnwanted { keys } => state.releases.extend(keys.iter().cloned()),

        Event::DueScheduled { due } => {
            for due in due {
                if let Some(programme) = state.programmes.get_mut(&due.wave.programme) {
                    programme.schedule(due.clone());
                }
            }
        }
        Event::DueSettled { due, outcome } => {
            if let Some(programme) = state.programmes.get_mut(&due.wave.programme) {
                programme.settle_due(due, DueRecord { outcome: outcome.clone(), recorded_at });
            }
        }

        Event::HoldPlaced { hold } => {
            let mut placed = (**hold).clone();
            placed.changed_at_position = position;
            state.holds_active.insert(placed.id);
            state.holds.insert(placed.id, Arc::new(placed));
        }
        Event::HoldLiftAsked { hold, by, until } => change_hold(state, *hold, position, |hold| {
            hold.lift_asked = Some(LiftAsked { by: by.clone(), until: *until });
        }),
        Event::HoldLifted { hold, signature } => {
            change_hold(state, *hold, position, |hold| hold.lifted = Some(signature.clone()));
            state.holds_active.remove(hold);
        }
        Event::HaltAcknowledged { hold, signature } => {
            change_hold(state, *hold, position, |hold| hold.acknowledged = Some(signature.clone()));
        }
        Event::CalendarUpdated { calendar, .. } => {
            state.calendar = calendar.clone();
            state.calendar_changed_at_position = position;
        }
    }
}

fn change_hold(state: &mut State, id: HoldId, position: u64, change: impl FnOnce(&mut Hold)) {
    if let Some(hold) = state.holds.get_mut(&id) {
        let hold = Arc::make_mut(hold);
        change(hold);
        hold.changed_at_position = position;
    }
}

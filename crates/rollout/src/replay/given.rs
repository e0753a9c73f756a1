//! What people and the world did, done again in a replay at the same moment.
//!
//! What they did is asked for again, by the same person for the same reason, and `decide` judges it on the state of the
//! replay: what the rules refuse by then is left out, and counted. Plans come into force as people approved them, fitted to
//! who still waits. What has a meaning of its own, whatever the state, is taken over word for word.

use std::sync::Arc;

use super::fit::fitted;
use super::play::Play;
use crate::command::{Act, Command};
use crate::decide::{bring_into_force, decide};
use crate::event::Event;
use crate::id::{Account, PlanVersion, ProgrammeId, WaveRef};
use crate::state::{EnrolmentStage, Signature};

/// The reason that is given where the record has none.
const AS_RECORDED: &str = "AS_RECORDED";

impl Play<'_> {
    /// Does what somebody did.
    pub(super) fn give(&mut self, event: &Event) {
        let done = match event {
            Event::PlanSubmitted { plan, by } => {
                let is_ours = plan.programme == self.question.programme && !self.policy.is_empty();
                let plan = if is_ours { Arc::new(self.policy.applied(plan)) } else { plan.clone() };
                self.record(&Event::PlanSubmitted { plan, by: by.clone() });
                true
            }
            Event::PlanApproved { programme, version, signature } => self.approve(programme, *version, signature),
            Event::NoticeDelivered { .. } => self.deliver(event.clone()),
            Event::ProgrammeCreated { .. }
            | Event::ProgrammeUpdated { .. }
            | Event::PlanRejected { .. }
            | Event::DispatchesSealed { .. }
            | Event::DispatchesMoved { .. }
            | Event::NoticesUnaddressed { .. }
            | Event::NoticesRetried { .. }
            | Event::CalendarUpdated { .. } => {
                self.record(event);
                true
            }
            Event::HoldLifted { hold, signature } => {
                let hold = self.holds.get(hold).copied().unwrap_or(*hold);
                let stands = self.state.holds_active.contains(&hold);
                if stands {
                    self.record(&Event::HoldLifted { hold, signature: signature.clone() });
                }
                stands
            }
            Event::HoldPlaced { hold } => {
                let placed = self.state.next_hold();
                self.holds.insert(hold.id, placed);
                let act = Act::PlaceHold {
                    brake: hold.brake,
                    scope: hold.scope.clone(),
                    class: hold.class,
                    owner: hold.owner.clone(),
                    review_on: hold.review_on,
                };
                self.act(&hold.placed_by, &hold.reason_code, act)
            }
            Event::EnrolmentsMoved { wave, moves, .. } => {
                let practices =
                    moves.iter().filter(|one| one.to == EnrolmentStage::Enrolled).flat_map(|one| &one.practices);
                let retry = |practice| Act::RetryActivation { wave: wave.clone(), practice };
                let acts: Vec<Act> = practices.copied().map(retry).collect();
                let mut done = true;
                for act in acts {
                    done &= self.act(&Account::new(AS_RECORDED), AS_RECORDED, act);
                }
                done
            }
            _ => self.ask_again(event),
        };
        if !done {
            *self.assumed.left_out.entry(event.kind()).or_default() += 1;
        }
    }

    /// What a person decided is asked of the rules again.
    fn ask_again(&mut self, event: &Event) -> bool {
        match event {
            Event::ProgrammeCancelled { programme, by } => {
                self.act(by, AS_RECORDED, Act::CancelProgramme { programme: programme.clone() })
            }
            Event::WaveRescheduled { wave, from, by, .. } => {
                self.act(by, AS_RECORDED, Act::RescheduleWave { wave: wave.clone(), from: *from })
            }
            Event::WaveCancelled { wave, by } => self.act(by, AS_RECORDED, Act::CancelWave { wave: wave.clone() }),
            Event::ConcernReported { concern } => {
                let act = Act::ReportConcern { severity: concern.severity, about: concern.about.clone() };
                self.act(&concern.reported_by, &concern.reason_code, act)
            }
            Event::RevertOrdered { wave, practice, signature } => {
                let act = Act::RevertPractice { wave: wave.clone(), practice: *practice };
                self.act(&signature.by, &signature.reason_code, act)
            }
            Event::UnwindAsked { wave, reason, signature, .. } => {
                let act = Act::UnwindWave { wave: wave.clone(), reason: *reason, etag: None };
                self.act(&signature.by, &signature.reason_code, act)
            }
            Event::UnwindingBegun { wave, reason, signature, .. } => {
                let asked = self.state.wave(wave).and_then(|wave| wave.unwinding.as_ref());
                let etag = asked.map(|asked| asked.asked_at_position);
                let act = Act::UnwindWave { wave: wave.clone(), reason: *reason, etag };
                etag.is_some() && self.act(&signature.by, &signature.reason_code, act)
            }
            _ => false,
        }
    }

    /// Has a person's act decided; whether it was allowed.
    pub(super) fn act(&mut self, by: &Account, reason_code: &str, act: Act) -> bool {
        let command = Command::Person { by: by.clone(), reason_code: reason_code.to_owned(), act };
        let Ok(events) = decide(&self.state, &command, self.now) else { return false };
        events.into_iter().for_each(|event| self.record(&event));
        true
    }

    fn approve(&mut self, programme: &ProgrammeId, version: PlanVersion, signature: &Signature) -> bool {
        let Some(known) = self.state.programmes.get_mut(programme).filter(|known| !known.stage.has_ended()) else {
            return false;
        };
        let Some(submitted) = known.plans.get(&version).map(|record| record.plan.clone()) else { return false };
        let (plan, is_other) = fitted(&submitted, known);
        let plan = Arc::new(plan);
        if let Some(record) = known.plans.get_mut(&version) {
            Arc::make_mut(record).plan = plan.clone();
        }
        self.assumed.plans_fitted += u32::from(is_other);
        self.record(&Event::PlanApproved { programme: programme.clone(), version, signature: signature.clone() });
        let events = bring_into_force(&self.state, &plan, self.now);
        events.into_iter().for_each(|event| self.record(&event));
        true
    }

    /// A notice is one whatever came of it; whom it moves on is as they stand here.
    fn deliver(&mut self, delivered: Event) -> bool {
        let Event::NoticeDelivered { wave: id, practices, delivered_at, not_before, channel, dispatches, .. } =
            delivered
        else {
            return false;
        };
        let wave = self.state.wave(&id);
        let is_candidate = |practice| {
            let enrolment = wave.and_then(|wave| wave.enrolment(practice));
            enrolment.is_some_and(|one| one.stage == EnrolmentStage::Candidate)
        };
        let notified = practices.iter().copied().filter(|one| is_candidate(*one)).collect();
        self.record(&Event::NoticeDelivered {
            wave: id,
            practices,
            delivered_at,
            not_before,
            channel,
            notified,
            dispatches,
        });
        true
    }

    /// Tells practices at once that wait for notice in a wave in which they never were in fact, so that nobody told them.
    pub(super) fn tell_strangers(&mut self) -> bool {
        let mut strangers: Vec<(WaveRef, Vec<_>)> = Vec::new();
        for programme in self.state.programmes.values() {
            for wave in programme.waves.values() {
                let owed = crate::effects::notices_to_give(&self.state, &wave.id);
                let strange = owed.into_iter().filter(|one| !self.question.record.was_in(&wave.id, *one));
                let strange: Vec<_> = strange.collect();
                if !strange.is_empty() {
                    strangers.push((wave.id.clone(), strange));
                }
            }
        }
        let moved = !strangers.is_empty();
        for (wave, practices) in strangers {
            self.assumed.notices_count += u32::try_from(practices.len()).unwrap_or(u32::MAX);
            let not_before = self.state.wave(&wave).map_or(jiff::civil::Date::MAX, |wave| wave.from);
            self.record(&Event::NoticeDelivered {
                wave,
                notified: practices.clone(),
                practices,
                delivered_at: self.now,
                not_before,
                channel: AS_RECORDED.to_owned(),
                dispatches: Vec::new(),
            });
        }
        moved
    }
}

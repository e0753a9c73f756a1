//! What the journal says from a moment on: what people and the world did, and what answered to something.
//!
//! A fold over events, in their order. What the scheduler itself made of it is left out but for the [`Course`] that it
//! took in fact: a replay makes it anew.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use ods::{Capability, PracticeCode, Supplier};

use super::course::Course;
use crate::calendar::day_bounds;
use crate::event::{Admission, Event};
use crate::id::{Account, ActivationKey, Direction, HoldId, PlanVersion, ProgrammeId, Target, WaveRef};
use crate::plan::Plan;
use crate::state::{
    EnrolmentStage, EnrolmentState, GateFigures, HookAnswer, Outcome, PauseRef, Ruling, Signature, State, Verdict,
};

/// What the journal says from a moment on.
#[derive(Debug, Clone)]
pub struct Record {
    /// What people and the world did, in order.
    pub(super) given: Vec<Given>,
    /// What became of each request that was sealed, or under way at the beginning; in the order of the seals.
    pub(super) attempts: BTreeMap<(Target, Direction), Vec<Attempt>>,
    /// Who was asked to switch themselves on in which wave, and how long it took them; none where they never did.
    pub(super) invited: BTreeMap<(WaveRef, PracticeCode), Option<SignedDuration>>,
    /// Where the scheduler switched, or had it switched.
    pub(super) touched: BTreeSet<Target>,
    /// What people made of gates that halted.
    pub(super) halts: BTreeMap<WaveRef, Halt>,
    /// What statistics said at gates.
    pub(super) figures: BTreeMap<WaveRef, Vec<(SignedDuration, GateFigures)>>,
    /// What hooks said.
    pub(super) hooks: BTreeMap<WaveRef, Vec<(SignedDuration, HookAnswer)>>,
    /// When suppliers took their lists, with how many acts were given before.
    pub(super) claims: BTreeMap<(Supplier, Timestamp), usize>,
    /// For which dates they did.
    pub(super) claimed: BTreeSet<(Supplier, Date)>,
    /// Pauses that ended by the scheduler's word.
    pub(super) ended_by_ruling: BTreeSet<PauseRef>,
    /// Who was in which wave.
    pub(super) members: BTreeSet<(WaveRef, PracticeCode)>,
    /// How the programme went in fact.
    pub(super) in_fact: Course,
    plans: BTreeMap<(ProgrammeId, PlanVersion), Arc<Plan>>,
    capabilities: BTreeMap<ProgrammeId, Capability>,
    slots: BTreeMap<ActivationKey, Option<Date>>,
    under_way: BTreeMap<ActivationKey, usize>,
    /// Those who were asked and have not switched themselves on, with when they were asked.
    pub(super) invitations: BTreeMap<(WaveRef, PracticeCode), Timestamp>,
    halted: BTreeMap<HoldId, WaveRef>,
    created: BTreeSet<ProgrammeId>,
    /// Something was made of what was given last.
    made: bool,
}

/// What somebody did.
#[derive(Debug, Clone)]
pub(super) struct Given {
    pub(super) at: Timestamp,
    pub(super) event: Event,
    /// Whether the scheduler had made something of what was given before it.
    pub(super) after_rest: bool,
}

/// What became of a request. Times are from its seal, or from the beginning of its booked date.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Attempt {
    /// From when on times are counted.
    pub(super) base: Timestamp,
    /// How it settled; none where it has not by the end of the record.
    pub(super) outcome: Option<Outcome>,
    /// When that was heard.
    pub(super) heard_after: SignedDuration,
    /// When it took effect.
    pub(super) effect_after: SignedDuration,
    /// How many acts were given before it was heard. At the moment of a STOP it matters whether that came of the STOP.
    pub(super) acts_before: usize,
}

/// What people made of a halt. Times are from the evaluation.
#[derive(Debug, Clone, Default)]
pub(super) struct Halt {
    pub(super) evaluated_at: Option<Timestamp>,
    pub(super) decided: Option<(SignedDuration, Verdict, Signature)>,
    pub(super) acknowledged: Option<(SignedDuration, Signature)>,
    pub(super) lifted: Option<(SignedDuration, Signature)>,
}

impl Record {
    /// The record that begins with a state; `programme` is the one whose course is followed.
    #[must_use]
    pub fn from(state: &State, programme: &ProgrammeId) -> Self {
        let mut record = Self {
            given: Vec::new(),
            attempts: BTreeMap::new(),
            invited: BTreeMap::new(),
            touched: BTreeSet::new(),
            halts: BTreeMap::new(),
            figures: BTreeMap::new(),
            hooks: BTreeMap::new(),
            claims: BTreeMap::new(),
            claimed: BTreeSet::new(),
            ended_by_ruling: BTreeSet::new(),
            members: BTreeSet::new(),
            in_fact: Course::from(state, programme),
            plans: BTreeMap::new(),
            capabilities: BTreeMap::new(),
            slots: BTreeMap::new(),
            under_way: BTreeMap::new(),
            invitations: BTreeMap::new(),
            halted: BTreeMap::new(),
            created: BTreeSet::new(),
            made: false,
        };
        for activation in state.activations() {
            let key = activation.key.clone();
            record.touched.insert(key.target());
            record.slots.insert(key.clone(), activation.booked_on);
            if activation.stage.state().is_under_way() {
                record.seal(&key, activation.sealed_at.unwrap_or(activation.intended_at));
            }
        }
        for hold in state.holds.values().filter(|hold| hold.is_halt()) {
            record.halted.extend(hold.halted_wave.clone().map(|wave| (hold.id, wave)));
        }
        for programme in state.programmes.values() {
            record.capabilities.insert(programme.id.clone(), programme.capability.clone());
            for (version, known) in &programme.plans {
                record.plans.insert((programme.id.clone(), *version), known.plan.clone());
            }
            for wave in programme.waves.values() {
                record.members.extend(wave.enrolments().map(|one| (wave.id.clone(), one.practice)));
                for enrolment in wave.in_state(EnrolmentState::Invited) {
                    record.invite(&wave.id, enrolment.practice, enrolment.changed_at);
                }
                if let Some(gate) = wave.gate.as_ref().filter(|gate| gate.halt.is_some()) {
                    record.halts.entry(wave.id.clone()).or_default().evaluated_at = Some(gate.at);
                }
            }
        }
        record
    }

    /// Takes an event in, in the order of the journal.
    pub fn learn(&mut self, event: &Event, at: Timestamp) {
        self.in_fact.learn(event, at);
        if self.is_given(event) {
            let after_rest = std::mem::take(&mut self.made);
            self.given.push(Given { at, event: event.clone(), after_rest });
        } else {
            self.made = true;
        }
        match event {
            Event::ProgrammeCreated { document, .. } => {
                self.created.insert(document.spec.name.clone());
                self.capabilities.insert(document.spec.name.clone(), document.spec.capability.clone());
            }
            Event::PlanSubmitted { plan, .. } => {
                self.plans.insert((plan.programme.clone(), plan.version), plan.clone());
            }
            Event::PlanInForce { programme, version } => self.enrol(programme, *version),
            Event::DeferralsJoined { wave, practices, .. } => {
                self.members.extend(practices.iter().map(|one| (wave.clone(), one.practice)));
            }
            Event::PausesJudged { rulings, .. } => {
                let ended =
                    rulings.iter().filter(|(_, ruling)| matches!(ruling, Ruling::InTime { until: Some(_), .. }));
                self.ended_by_ruling.extend(ended.map(|(pause, _)| *pause));
            }
            Event::Admitted { wave, admissions, .. } => {
                for one in admissions {
                    self.admit(&wave.programme, one, at);
                }
            }
            Event::DisablesIntended { disables, .. } => {
                self.slots.extend(disables.iter().map(|one| (one.key.clone(), None)));
            }
            Event::Sealed { keys, .. } => keys.iter().for_each(|(key, _)| self.seal(key, at)),
            Event::Settled { settlements } => {
                for one in settlements {
                    self.settle(&one.key, &one.outcome, at);
                }
            }
            Event::EnrolmentsMoved { wave, moves, .. } => {
                for one in moves {
                    one.practices.iter().for_each(|practice| self.moved(wave, *practice, &one.to, at));
                }
            }
            _ => self.learn_of_gates(event, at),
        }
    }

    fn learn_of_gates(&mut self, event: &Event, at: Timestamp) {
        match event {
            Event::GateFiguresRead { wave, figures } => {
                let after = since(figures.last_action_at, at);
                self.figures.entry(wave.clone()).or_default().push((after, figures.clone()));
            }
            Event::GateHookAnswered { wave, answer } => {
                let after = since(answer.last_action_at, at);
                self.hooks.entry(wave.clone()).or_default().push((after, answer.clone()));
            }
            Event::GateEvaluated { wave, evaluation } => {
                if let Some(hold) = evaluation.halt {
                    self.halted.insert(hold, wave.clone());
                    let halt = Halt { evaluated_at: Some(evaluation.at), ..Halt::default() };
                    self.halts.insert(wave.clone(), halt);
                }
            }
            Event::GateDecided { wave, verdict, signature } => {
                let halt = self.halts.entry(wave.clone()).or_default();
                halt.decided = Some((since(halt.evaluated_at, at), *verdict, signature.clone()));
            }
            Event::HaltAcknowledged { hold, signature } => {
                if let Some(halt) = self.halted.get(hold).and_then(|wave| self.halts.get_mut(wave)) {
                    halt.acknowledged = Some((since(halt.evaluated_at, at), signature.clone()));
                }
            }
            Event::HoldLifted { hold, signature } => {
                if let Some(halt) = self.halted.get(hold).and_then(|wave| self.halts.get_mut(wave)) {
                    halt.lifted = Some((since(halt.evaluated_at, at), signature.clone()));
                }
            }
            _ => {}
        }
    }

    /// Whether the programme was created in its course.
    pub(super) fn creates(&self, programme: &ProgrammeId) -> bool {
        self.created.contains(programme)
    }

    /// Plans that were submitted in its course.
    pub(super) fn submitted(&self, programme: &ProgrammeId) -> impl Iterator<Item = &Plan> {
        self.given.iter().filter_map(move |given| match &given.event {
            Event::PlanSubmitted { plan, .. } if plan.programme == *programme => Some(plan.as_ref()),
            _ => None,
        })
    }

    /// Whether an event is what people or the world did, not what the scheduler made of it.
    fn is_given(&self, event: &Event) -> bool {
        match event {
            Event::ProgrammeCreated { .. }
            | Event::ProgrammeUpdated { .. }
            | Event::ProgrammeCancelled { .. }
            | Event::PlanSubmitted { .. }
            | Event::PlanApproved { .. }
            | Event::PlanRejected { .. }
            | Event::NoticeDelivered { .. }
            | Event::DispatchesSealed { .. }
            | Event::DispatchesMoved { .. }
            | Event::NoticesUnaddressed { .. }
            | Event::NoticesRetried { .. }
            | Event::ConcernReported { .. }
            | Event::WaveRescheduled { .. }
            | Event::UnwindAsked { .. }
            | Event::UnwindingBegun { .. }
            | Event::RevertOrdered { .. }
            | Event::CalendarUpdated { .. } => true,
            Event::WaveCancelled { by, .. } => *by != Account::scheduler(),
            Event::HoldPlaced { hold } => !hold.is_halt(),
            Event::HoldLifted { hold, .. } => !self.halted.contains_key(hold),
            // Who is enrolled without any word of the registry's is tried again by a person.
            Event::EnrolmentsMoved { moves, registry_position: None, .. } => {
                moves.iter().all(|one| one.to == EnrolmentStage::Enrolled)
            }
            _ => false,
        }
    }

    fn enrol(&mut self, programme: &ProgrammeId, version: PlanVersion) {
        let Some(plan) = self.plans.get(&(programme.clone(), version)) else { return };
        for wave in &plan.waves {
            let id = WaveRef { programme: programme.clone(), wave: wave.id };
            self.members.extend(wave.members.iter().map(|member| (id.clone(), member.practice)));
        }
    }

    fn admit(&mut self, programme: &ProgrammeId, one: &Admission, at: Timestamp) {
        let key = ActivationKey {
            direction: Direction::Enable,
            practice: one.practice,
            capability: self.capabilities.get(programme).cloned().unwrap_or_default(),
            generation: one.generation,
        };
        if let Some(date) = one.booked_on {
            self.claims.entry((one.supplier.clone(), at)).or_insert(self.given.len());
            self.claimed.insert((one.supplier.clone(), date));
        }
        self.slots.insert(key, one.booked_on);
    }

    fn seal(&mut self, key: &ActivationKey, at: Timestamp) {
        let booked_on = self.slots.remove(key).flatten();
        self.touched.insert(key.target());
        let attempts = self.attempts.entry((key.target(), key.direction)).or_default();
        let base = base(booked_on, at);
        self.under_way.insert(key.clone(), attempts.len());
        let (heard_after, effect_after) = (SignedDuration::ZERO, SignedDuration::ZERO);
        attempts.push(Attempt { base, outcome: None, heard_after, effect_after, acts_before: 0 });
    }

    fn settle(&mut self, key: &ActivationKey, outcome: &Outcome, at: Timestamp) {
        let Some(place) = self.under_way.remove(key) else { return };
        let attempts = self.attempts.entry((key.target(), key.direction)).or_default();
        let Some(attempt) = attempts.get_mut(place) else { return };
        let base = attempt.base;
        attempt.outcome = Some(outcome.clone());
        attempt.acts_before = self.given.len();
        attempt.heard_after = base.duration_until(at);
        attempt.effect_after = match outcome {
            Outcome::Applied { applied_at } => base.duration_until(*applied_at),
            _ => attempt.heard_after,
        };
    }

    fn moved(&mut self, wave: &WaveRef, practice: PracticeCode, to: &EnrolmentStage, at: Timestamp) {
        match to {
            EnrolmentStage::Invited => self.invite(wave, practice, at),
            EnrolmentStage::Confirmed => {
                let place = (wave.clone(), practice);
                if let Some(invited_at) = self.invitations.remove(&place) {
                    self.invited.insert(place, Some(invited_at.duration_until(at)));
                }
            }
            _ => {}
        }
    }

    fn invite(&mut self, wave: &WaveRef, practice: PracticeCode, at: Timestamp) {
        let capability = self.capabilities.get(&wave.programme).cloned().unwrap_or_default();
        self.touched.insert(Target { practice, capability });
        self.invited.insert((wave.clone(), practice), None);
        self.invitations.insert((wave.clone(), practice), at);
    }

    /// The waves in which people of the record were, whatever became of them: to tell who was never told.
    pub(super) fn was_in(&self, wave: &WaveRef, practice: PracticeCode) -> bool {
        self.members.contains(&(wave.clone(), practice))
    }

    /// Whether a gate halted in fact.
    pub(super) fn halt(&self, wave: &WaveRef) -> Option<&Halt> {
        self.halts.get(wave)
    }
}

/// What the times of a request are counted from: its seal, or the beginning of its booked date.
pub(super) fn base(booked_on: Option<Date>, sealed_at: Timestamp) -> Timestamp {
    booked_on.map_or(sealed_at, |date| day_bounds(date).0)
}

fn since(moment: Option<Timestamp>, at: Timestamp) -> SignedDuration {
    moment.map_or(SignedDuration::ZERO, |moment| moment.duration_until(at))
}

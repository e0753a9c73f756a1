//! Plays a record: from one moment to the next at which anything can happen, and at each until nothing moves.
//!
//! At a moment what was given comes first: changes of the registry, then people's acts, each after what the scheduler had
//! made of the act before it. Then rounds follow of looking and doing, as the scheduler's loop has them.

mod asking;
mod deed;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use deed::Deed;

use super::course::Course;
use super::policy::Policy;
use super::record::Given;
use super::registry::Registry;
use super::suppliers::Suppliers;
use super::{NoReplay, Question};
use crate::command::{Command, Fact};
use crate::decide::decide;
use crate::event::Event;
use crate::forecast::Scenario;
use crate::id::{HoldId, WaveRef};
use crate::report::Report;
use crate::state::{EnrolmentStage, EnrolmentState, State, WaveStage};
use crate::step::step;
use crate::view::RegistryView;

/// More rounds at a moment than this without rest is a proposal that comes again and again: a nation's wave takes a few
/// dozen.
const ROUNDS_MAX: usize = 20_000;

/// What the future is drawn from where nobody was asked in fact. Any number does; a fixed one makes a replay repeatable.
pub(super) const SEED: u64 = 1;

/// How a record was played.
#[derive(Debug, Clone)]
pub struct Played {
    /// How the programme went.
    pub course: Course,
    /// What had to be taken for granted.
    pub assumed: Assumed,
    /// The state in the end.
    pub state: State,
    /// The registry in the end.
    pub view: RegistryView,
}

/// What a replay took for granted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Assumed {
    /// Requests to suppliers that ended as they did in fact.
    pub recorded_count: u32,
    /// Requests of which there was no record, that ended as a forecast's model has it.
    pub modelled_count: u32,
    /// Gates that halted here only, and were taken to be passed by people after a while.
    pub verdicts_count: u32,
    /// Notices to practices in waves in which they were not in fact.
    pub notices_count: u32,
    /// Practices that were asked here only to switch themselves on.
    pub invitations_count: u32,
    /// Plans that were fitted to who still waited.
    pub plans_fitted: u32,
    /// What people did and the rules refuse here, by kind of event.
    pub left_out: BTreeMap<&'static str, u32>,
}

/// A record on its way.
pub(super) struct Play<'a> {
    pub(super) question: &'a Question,
    pub(super) policy: &'a Policy,
    pub(super) state: State,
    pub(super) now: Timestamp,
    /// Holds of the record, with their numbers here.
    pub(super) holds: BTreeMap<HoldId, HoldId>,
    pub(super) assumed: Assumed,
    is_wanted: &'a dyn Fn() -> bool,
    scenario: &'a Scenario,
    registry: Registry<'a>,
    suppliers: Suppliers<'a>,
    agenda: BTreeSet<(Timestamp, Deed)>,
    course: Course,
    changes_done: usize,
    given_done: usize,
    /// How many readings and answers of the record were used, by wave.
    figures_used: BTreeMap<WaveRef, usize>,
    hooks_used: BTreeMap<WaveRef, usize>,
}

impl<'a> Play<'a> {
    pub(super) fn new(
        question: &'a Question,
        policy: &'a Policy,
        scenario: &'a Scenario,
        is_wanted: &'a dyn Fn() -> bool,
    ) -> Self {
        let mut state = question.state.clone();
        policy.take_effect(&mut state, &question.programme);
        Self {
            question,
            policy,
            now: question.since,
            holds: BTreeMap::new(),
            assumed: Assumed::default(),
            is_wanted,
            scenario,
            registry: Registry::new(&question.view, &state, &question.record),
            suppliers: Suppliers::new(&question.record, question.until, scenario),
            agenda: BTreeSet::new(),
            course: Course::from(&state, &question.programme),
            changes_done: 0,
            given_done: 0,
            figures_used: BTreeMap::new(),
            hooks_used: BTreeMap::new(),
            state,
        }
    }

    /// Plays to the end of the record.
    pub(super) fn played(mut self) -> Result<Played, NoReplay> {
        self.begin();
        loop {
            self.receive()?;
            let report = self.settle()?;
            match self.next_moment(&report).filter(|at| *at <= self.question.until) {
                Some(next) => self.now = next,
                None => break,
            }
        }
        self.assumed.recorded_count = self.suppliers.recorded_count;
        self.assumed.modelled_count = self.suppliers.modelled_count;
        Ok(Played { course: self.course, assumed: self.assumed, state: self.state, view: self.registry.view })
    }

    /// What is under way already, and whatever the record has a moment for.
    fn begin(&mut self) {
        let under_way = self.state.activations().filter(|one| one.stage.state().is_under_way());
        let under_way: Vec<_> = under_way.cloned().collect();
        for activation in under_way {
            self.suppliers.take_on(&self.state, &activation, self.now);
            if activation.cancel {
                self.suppliers.call_back(&activation.key, self.now);
            }
        }
        let looks = self.question.record.claims.keys().map(|(_, at)| (*at, Deed::Look));
        self.agenda.extend(looks.filter(|(at, _)| self.now < *at));
        let waves = self.state.programmes.values().flat_map(|programme| programme.waves.values());
        let waves: Vec<_> = waves.filter(|wave| !wave.stage.has_ended()).cloned().collect();
        for wave in waves {
            for enrolment in wave.in_state(EnrolmentState::Invited) {
                self.await_self_service(&wave.id, enrolment.practice, enrolment.changed_at);
            }
            if wave.stage == WaveStage::Soaking {
                self.await_evidence(&wave.id);
            }
        }
        let halts = self.state.active_holds().filter_map(|hold| Some((hold.id, hold.halted_wave.clone()?)));
        let halts: Vec<_> = halts.collect();
        for (hold, wave) in halts {
            let gate = self.state.wave(&wave).and_then(|wave| wave.gate.as_ref());
            let evaluated_at = gate.map_or(self.now, |gate| gate.at);
            self.await_people(&wave, hold, evaluated_at);
        }
    }

    /// Takes in what was given by now.
    fn receive(&mut self) -> Result<(), NoReplay> {
        let question = self.question;
        while let Some(change) = question.changes.get(self.changes_done).filter(|change| change.at <= self.now) {
            self.changes_done += 1;
            self.registry.take_over(change);
        }
        while let Some(given) = self.to_be_given() {
            if given.after_rest {
                self.settle()?;
            }
            self.given_done += 1;
            self.give(&given.event);
        }
        Ok(())
    }

    /// The act that comes next, where it comes now.
    fn to_be_given(&self) -> Option<&'a Given> {
        self.question.record.given.get(self.given_done).filter(|given| given.at <= self.now)
    }

    /// How many acts are done, for what followed one at its very moment: where none is to come now, all that count.
    pub(super) fn acts_done(&self) -> usize {
        if self.to_be_given().is_some() { self.given_done } else { usize::MAX }
    }

    /// Everything that can move now, moves.
    fn settle(&mut self) -> Result<Report, NoReplay> {
        for _ in 0..ROUNDS_MAX {
            if !(self.is_wanted)() {
                return Err(NoReplay::Unwanted);
            }
            let (commands, report) = step(&self.state, &self.registry.view, self.now);
            let mut moved = false;
            for command in &commands {
                moved |= self.submit(command)?;
            }
            moved |= self.perform()?;
            if !moved {
                return Ok(report);
            }
        }
        Err(NoReplay::Restless { at: self.now })
    }

    fn next_moment(&self, report: &Report) -> Option<Timestamp> {
        let next = [
            report.next_due,
            self.agenda.first().map(|(at, _)| *at),
            self.suppliers.next(),
            self.question.changes.get(self.changes_done).map(|change| change.at),
            self.question.record.given.get(self.given_done).map(|given| given.at),
        ];
        next.into_iter().flatten().filter(|at| self.now < *at).min()
    }

    fn submit(&mut self, command: &Command) -> Result<bool, NoReplay> {
        let events = decide(&self.state, command, self.now)
            .map_err(|rejection| NoReplay::Refused { at: self.now, rejection: Box::new(rejection) })?;
        let moved = !events.is_empty();
        events.into_iter().for_each(|event| self.record(&event));
        Ok(moved)
    }

    fn learn(&mut self, fact: Fact) -> Result<bool, NoReplay> {
        self.submit(&Command::Learn(fact))
    }

    /// Records an event, and whatever is to follow from it.
    pub(super) fn record(&mut self, event: &Event) {
        let position = self.state.position + 1;
        crate::apply::apply(&mut self.state, event, position, self.now);
        self.course.learn(event, self.now);
        match event {
            Event::Sealed { keys, .. } => {
                for activation in keys.iter().filter_map(|(key, _)| self.state.activation(key)) {
                    self.suppliers.take_on(&self.state, activation, self.now);
                }
            }
            Event::CancelAsked { keys } => keys.iter().for_each(|key| self.suppliers.call_back(key, self.now)),
            Event::GateEvaluated { wave, evaluation } => {
                if let Some(hold) = evaluation.halt {
                    self.await_people(wave, hold, evaluation.at);
                }
            }
            Event::WaveSoaking { wave } => self.await_evidence(wave),
            Event::EnrolmentsMoved { wave, moves, .. } => {
                for one in moves.iter().filter(|one| one.to == EnrolmentStage::Invited) {
                    one.practices.iter().for_each(|practice| self.await_self_service(wave, *practice, self.now));
                }
            }
            _ => {}
        }
    }

    /// Calls what is to be called, once; says whether anything came of it.
    fn perform(&mut self) -> Result<bool, NoReplay> {
        let mut moved = self.happen();
        moved |= self.tell_strangers();
        moved |= self.ask_permits()?;
        moved |= self.take_lists()?;
        let answers = self.suppliers.answers(self.now, self.acts_done());
        moved |= !answers.is_empty() && self.learn(Fact::Answers { answers })?;
        moved |= self.tell_registry()?;
        moved |= self.answer_gates()?;
        Ok(moved)
    }
}

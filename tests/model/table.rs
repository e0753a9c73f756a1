//! The real code as a table: each state that it makes of a practice gets a number, and each of its answers is worked out once.
//!
//! Registry and scheduler decide about a practice by that practice's part of their state, the holds and the lease alone, as
//! long as no cap is reached. So the model runs them with one practice each, and a state of the whole model is a handful of
//! numbers. That the parts are as independent as that is not taken for granted: see `correspondence`.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, PoisonError, RwLock};

use ods::PracticeCode;
use rollout::PracticeFacts;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::moment::{now, retimed};
use crate::mutation::Mutation;
use crate::{registry, scheduler};

/// States of one practice in a machine; many times what the bounds of the tests lead to. More is time, or a count, that is
/// not left out.
const STATES_MAX: usize = 20_000;

/// The number of a practice's state in the registry or the scheduler.
pub(crate) type Number = u16;

/// The one practice that registry and scheduler of a table know.
pub(crate) fn practice() -> PracticeCode {
    "A81001".parse().expect("a code")
}

/// The registry's answers and the scheduler's.
pub(crate) struct Tables {
    mutation: Mutation,
    /// For each of the registry's states the first that looks the same to the scheduler.
    alike: RwLock<Vec<Number>>,
    registry: RwLock<Table<practice::State, registry::Ask, bool, registry::Known>>,
    scheduler:
        RwLock<Table<rollout_scheduler::State, (scheduler::Submission, Number), scheduler::Note, scheduler::Known>>,
}

/// Before anything happens, in either machine.
pub(crate) const FIRST: Number = 0;

impl Tables {
    pub(crate) fn new(mutation: Mutation) -> Self {
        let mut registry = Table::default();
        let first = registry::opened(&[practice()]);
        let facts = registry::facts(&first, practice());
        registry.number(&first, |state| registry::known(state, practice()));
        let mut scheduler = Table::default();
        scheduler.number(&scheduler::opened(&[facts]), |state| scheduler::known(state, practice(), now()));
        let alike = RwLock::default();
        Self { mutation, alike, registry: RwLock::new(registry), scheduler: RwLock::new(scheduler) }
    }

    pub(crate) fn registry_known(&self, number: Number) -> Arc<registry::Known> {
        read(&self.registry, |table| Arc::clone(&table.known[usize::from(number)]))
    }

    pub(crate) fn scheduler_known(&self, number: Number) -> Arc<scheduler::Known> {
        read(&self.scheduler, |table| Arc::clone(&table.known[usize::from(number)]))
    }

    /// What the registry makes of a call: the state after it, and whether the permit asked for is open.
    pub(crate) fn ask(&self, from: Number, ask: registry::Ask) -> (Number, bool) {
        if let Some(answer) = read(&self.registry, |table| table.answers.get(&(from, ask)).copied()) {
            return answer;
        }
        let mut table = self.registry.write().unwrap_or_else(PoisonError::into_inner);
        let asked = registry::Asked { practice: practice(), ask, now: now(), mutation: self.mutation };
        let (state, granted) = registry::answer(&table.states[usize::from(from)], &asked);
        let next = if state == table.states[usize::from(from)] {
            from
        } else {
            table.number(&state, |state| registry::known(state, practice()))
        };
        table.answers.insert((from, ask), (next, granted));
        (next, granted)
    }

    /// What the scheduler's journal makes of a submission, where its copy of the registry is as `seen`.
    pub(crate) fn submit(
        &self,
        from: Number,
        submission: scheduler::Submission,
        seen: Number,
    ) -> (Number, scheduler::Note) {
        let seen = self.alike(seen);
        let question = (from, (submission, seen));
        if let Some(answer) = read(&self.scheduler, |table| table.answers.get(&question).copied()) {
            return answer;
        }
        let facts: PracticeFacts =
            read(&self.registry, |table| registry::facts(&table.states[usize::from(seen)], practice()));
        let mut table = self.scheduler.write().unwrap_or_else(PoisonError::into_inner);
        let place = scheduler::Place { practice: practice(), seen: &[facts], now: now(), mutation: self.mutation };
        let written = scheduler::write(&table.states[usize::from(from)], &place, submission);
        let next = if written.note.wrote {
            table.number(&written.state, |state| scheduler::known(state, practice(), now()))
        } else {
            from
        };
        table.answers.insert(question, (next, written.note));
        (next, written.note)
    }

    fn alike(&self, seen: Number) -> Number {
        if let Some(first) = read(&self.alike, |alike| alike.get(usize::from(seen)).copied()) {
            return first;
        }
        let mut alike = self.alike.write().unwrap_or_else(PoisonError::into_inner);
        let table = self.registry.read().unwrap_or_else(PoisonError::into_inner);
        let facts: Vec<PracticeFacts> = table.states.iter().map(|state| registry::facts(state, practice())).collect();
        for here in alike.len()..facts.len() {
            let first = facts.iter().position(|facts_before| *facts_before == facts[here]).unwrap_or(here);
            alike.push(Number::try_from(first).expect("a number of the table"));
        }
        alike[usize::from(seen)]
    }

    /// How many states of a practice the real code made: in the registry, and in the scheduler.
    pub(crate) fn sizes(&self) -> (usize, usize) {
        (read(&self.registry, |table| table.states.len()), read(&self.scheduler, |table| table.states.len()))
    }
}

struct Table<S, Question, Answer, Known> {
    numbers: HashMap<String, Number>,
    states: Vec<S>,
    known: Vec<Arc<Known>>,
    answers: HashMap<(Number, Question), (Number, Answer)>,
}

impl<S, Question, Answer, Known> Default for Table<S, Question, Answer, Known> {
    fn default() -> Self {
        Self { numbers: HashMap::new(), states: Vec::new(), known: Vec::new(), answers: HashMap::new() }
    }
}

impl<S: Serialize + DeserializeOwned, Question: Eq + Hash, Answer, Known> Table<S, Question, Answer, Known> {
    /// The number of a state, a new one where its like was never made before.
    fn number(&mut self, state: &S, known: impl FnOnce(&S) -> Known) -> Number {
        let (text, state) = retimed(state);
        if let Some(number) = self.numbers.get(&text) {
            return *number;
        }
        assert!(self.states.len() < STATES_MAX, "the states of a practice are without end: {text}");
        let number = Number::try_from(self.states.len()).expect("the bound is below it");
        self.known.push(Arc::new(known(&state)));
        self.states.push(state);
        self.numbers.insert(text, number);
        number
    }
}

fn read<T, R>(table: &RwLock<T>, ask: impl FnOnce(&T) -> R) -> R {
    ask(&table.read().unwrap_or_else(PoisonError::into_inner))
}

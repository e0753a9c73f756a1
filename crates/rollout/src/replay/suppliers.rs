//! The suppliers of a replay: each request ends as it did in fact, or as a forecast would have it where there was none.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use ods::Supplier;

use super::record::{Attempt, Record, base};
use crate::command::SupplierAnswer;
use crate::forecast::{FateAnswer, Scenario};
use crate::id::{ActivationKey, Direction, Target, WaveId};
use crate::state::{Activation, Outcome, State};

/// The code of refusals that a model makes up.
const REFUSED_BY_MODEL: &str = "REFUSED_BY_MODEL";

/// What suppliers make of what they were asked.
pub(super) struct Suppliers<'a> {
    record: &'a Record,
    /// The end of the record.
    until: Timestamp,
    scenario: &'a Scenario,
    answers: BTreeMap<ActivationKey, Answer>,
    due: BTreeSet<(Timestamp, ActivationKey)>,
    attempts_count: BTreeMap<(Target, Direction), usize>,
    /// When a supplier with a pace comes to another request that the model answers.
    free_at: BTreeMap<Supplier, Timestamp>,
    /// Requests that ended as they did in fact.
    pub(super) recorded_count: u32,
    /// Requests that ended as the model has it.
    pub(super) modelled_count: u32,
}

/// How a request ends.
#[derive(Debug, Clone)]
struct Answer {
    /// When the scheduler hears of it; none where it never does.
    heard_at: Option<Timestamp>,
    /// From when on it cannot be called back.
    effect_at: Option<Timestamp>,
    says: SupplierAnswer,
    /// How many acts of the record come before it, where one is given at the very moment at which it is heard.
    acts_before: usize,
}

impl<'a> Suppliers<'a> {
    pub(super) fn new(record: &'a Record, until: Timestamp, scenario: &'a Scenario) -> Self {
        Self {
            record,
            until,
            scenario,
            answers: BTreeMap::new(),
            due: BTreeSet::new(),
            attempts_count: BTreeMap::new(),
            free_at: BTreeMap::new(),
            recorded_count: 0,
            modelled_count: 0,
        }
    }

    /// Takes a request on that was sealed. The n-th one of a practice ends as its n-th did in fact.
    pub(super) fn take_on(&mut self, state: &State, activation: &Activation, now: Timestamp) {
        let key = &activation.key;
        let place = (key.target(), key.direction);
        let count = self.attempts_count.entry(place.clone()).or_default();
        let record = self.record;
        let attempt = record.attempts.get(&place).and_then(|attempts| attempts.get(*count));
        *count += 1;
        let base = base(activation.booked_on, activation.sealed_at.unwrap_or(now));
        let answer = match attempt {
            Some(Attempt { outcome: Some(outcome), heard_after, effect_after, acts_before, .. }) => {
                self.recorded_count += 1;
                let later = |after| base.saturating_add(after).unwrap_or(Timestamp::MAX);
                let has_effect = matches!(outcome, Outcome::Applied { .. } | Outcome::Refused { .. });
                let effect_at = has_effect.then(|| later(*effect_after));
                let says = said(outcome, effect_at.unwrap_or(now));
                let heard_at = Some(later(*heard_after).max(now));
                Answer { heard_at, effect_at, says, acts_before: *acts_before }
            }
            Some(Attempt { outcome: None, base: asked_at, .. }) => {
                self.outlasting(state, activation, base.max(now), asked_at.duration_until(self.until))
            }
            None => {
                self.modelled_count += 1;
                self.modelled(state, activation, base.max(now))
            }
        };
        self.due.extend(answer.heard_at.map(|at| (at, key.clone())));
        self.answers.insert(key.clone(), answer);
    }

    /// A request that had no end by the end of the record has none here for as long. Where it is made earlier here, a forecast
    /// has to say what comes then.
    fn outlasting(
        &mut self,
        state: &State,
        activation: &Activation,
        from: Timestamp,
        unsettled_for: SignedDuration,
    ) -> Answer {
        let silent_until = from.saturating_add(unsettled_for).unwrap_or(Timestamp::MAX);
        if self.until <= silent_until {
            self.recorded_count += 1;
            return Answer { heard_at: None, effect_at: None, says: SupplierAnswer::NoAnswer, acts_before: 0 };
        }
        self.modelled_count += 1;
        self.modelled(state, activation, silent_until)
    }

    fn modelled(&mut self, state: &State, activation: &Activation, from: Timestamp) -> Answer {
        let (practice, supplier) = (activation.key.practice, &activation.supplier);
        let wave = activation.wave();
        let enrolment = wave.and_then(|wave| state.wave(wave)).and_then(|wave| wave.enrolment(practice));
        let refusals = enrolment.map_or(0, |enrolment| enrolment.refusals);
        // A switch-off belongs to no wave; how long it takes is drawn as for the first of all.
        let number = wave.map_or(WaveId(0), |wave| wave.wave);
        let fate = self.scenario.fate(supplier, practice, number, refusals);
        let begins = self.free_at.get(supplier).map_or(from, |free_at| from.max(*free_at));
        if let Some(pause) = self.scenario.between(supplier).filter(|_| activation.booked_on.is_none()) {
            self.free_at.insert(supplier.clone(), begins.saturating_add(pause).unwrap_or(Timestamp::MAX));
        }
        let at = begins.saturating_add(fate.after).unwrap_or(Timestamp::MAX);
        let refused = |retryable| SupplierAnswer::Refused { code: REFUSED_BY_MODEL.to_owned(), retryable };
        let says = match fate.answer {
            _ if activation.key.direction == Direction::Disable => SupplierAnswer::Applied { at },
            FateAnswer::Applied => SupplierAnswer::Applied { at },
            FateAnswer::RefusedForNow => refused(true),
            FateAnswer::RefusedForGood => refused(false),
        };
        Answer { heard_at: Some(at), effect_at: Some(at), says, acts_before: 0 }
    }

    /// A request is called back: closed, unless it has taken effect, or in fact was closed at its own time.
    pub(super) fn call_back(&mut self, key: &ActivationKey, now: Timestamp) {
        let Some(answer) = self.answers.get_mut(key) else { return };
        let closes_by_record = answer.says == SupplierAnswer::Closed && answer.heard_at.is_some();
        if closes_by_record || answer.effect_at.is_some_and(|at| at <= now) {
            return;
        }
        if let Some(heard_at) = answer.heard_at {
            self.due.remove(&(heard_at, key.clone()));
        }
        *answer = Answer { heard_at: Some(now), effect_at: None, says: SupplierAnswer::Closed, acts_before: 0 };
        self.due.insert((now, key.clone()));
    }

    /// The answers that are heard by now, when so many acts of the record are done.
    pub(super) fn answers(&mut self, now: Timestamp, acts_done: usize) -> BTreeMap<ActivationKey, SupplierAnswer> {
        let follows = |key: &ActivationKey| self.answers.get(key).is_some_and(|one| acts_done < one.acts_before);
        let by_now = self.due.iter().take_while(|(at, _)| *at <= now);
        let due: Vec<_> = by_now.filter(|(at, key)| *at < now || !follows(key)).cloned().collect();
        let mut heard = BTreeMap::new();
        for place in due {
            self.due.remove(&place);
            let (_, key) = place;
            if let Some(answer) = self.answers.remove(&key) {
                heard.insert(key, answer.says);
            }
        }
        heard
    }

    pub(super) fn next(&self) -> Option<Timestamp> {
        self.due.first().map(|(at, _)| *at)
    }
}

/// What a supplier said that ended so.
fn said(outcome: &Outcome, at: Timestamp) -> SupplierAnswer {
    match outcome {
        Outcome::Applied { .. } => SupplierAnswer::Applied { at },
        Outcome::Refused { code, retryable } => SupplierAnswer::Refused { code: code.clone(), retryable: *retryable },
        Outcome::NotApplied => SupplierAnswer::Closed,
    }
}

//! The registry of a replay: what was recorded of practices, and permits, receipts and access as the replay makes them.

use std::collections::BTreeSet;

use jiff::Timestamp;
use ods::{Capability, PracticeCode};

use super::record::Record;
use super::timeline::PracticeChange;
use crate::command::PermitAnswer;
use crate::id::{ActivationKey, Direction, Target};
use crate::state::{ActivationState, Outcome, PauseRef, State};
use crate::view::{AccessFacts, Observed, PauseFacts, PracticeFacts, RegistryView};

/// The registry.
pub(super) struct Registry<'a> {
    pub(super) view: RegistryView,
    record: &'a Record,
    permits: BTreeSet<ActivationKey>,
    closed_keys: BTreeSet<ActivationKey>,
    /// Where what holds of access is the replay's to say, not the record's.
    own: BTreeSet<Target>,
    /// Pauses that the replay's scheduler had ended.
    ended: BTreeSet<PauseRef>,
    /// Where the record says that access is to be taken away.
    asked_off: BTreeSet<Target>,
}

impl<'a> Registry<'a> {
    /// As it was at the beginning: whatever is under way has its permit.
    pub(super) fn new(view: &RegistryView, state: &State, record: &'a Record) -> Self {
        let with_permit = state.activations().filter(|one| one.stage.state() != ActivationState::Intended);
        let mut registry = Self {
            view: view.clone(),
            record,
            permits: with_permit.map(|one| one.key.clone()).collect(),
            closed_keys: BTreeSet::new(),
            own: record.touched.clone(),
            ended: BTreeSet::new(),
            asked_off: BTreeSet::new(),
        };
        let wary: Vec<PracticeFacts> = view.wary().cloned().collect();
        for facts in wary {
            registry.begin(facts, state);
        }
        registry
    }

    /// Which commands a PENDING receipt waits for is not told of the past: those that were sealed before the pause.
    fn begin(&mut self, mut facts: PracticeFacts, state: &State) {
        let asked_off = facts.access.iter().filter(|access| access.switch_off_requested);
        self.asked_off.extend(asked_off.map(|access| target(facts.code, &access.capability)));
        for pause in facts.pauses.iter_mut().filter(|pause| pause.pending_on.is_empty()) {
            let open = self.permits.iter().filter(|key| {
                let sealed_at = state.activation(key).and_then(|one| one.sealed_at);
                let before = sealed_at.is_some_and(|at| at <= pause.recorded_at);
                before && key.practice == facts.code && key.direction == Direction::Enable
            });
            pause.pending_on = open.filter(|key| pause.covers(&key.capability)).cloned().collect();
        }
        self.view.put(facts);
    }

    /// Takes over what was recorded, but for access that the replay has a hand in.
    pub(super) fn take_over(&mut self, change: &PracticeChange) {
        self.view.position += 1;
        let mut facts = change.facts.clone();
        let practice = facts.code;
        self.ask_off(&facts);
        let known = self.view.get(practice).cloned();
        let goes_elsewhere = known.as_ref().is_some_and(|known| known.supplier != facts.supplier);
        let (pauses, mut access) = known.map(|known| (known.pauses, known.access)).unwrap_or_default();
        if goes_elsewhere {
            self.forget_observed(practice, &mut access);
        }
        self.merge_pauses(&mut facts, pauses);
        let is_own = |access: &AccessFacts| self.own.contains(&target(practice, &access.capability));
        facts.access.retain(|recorded| !is_own(recorded));
        facts.access.extend(access.into_iter().filter(is_own));
        facts.access.sort_by(|one, other| one.capability.cmp(&other.capability));
        self.view.put(facts);
    }

    /// With another supplier nothing is known until that one confirms (rule 10). It does so of its own accord, as it did in
    /// fact: but only where the replay had switched on as well is there something that it can confirm.
    fn forget_observed(&mut self, practice: PracticeCode, access: &mut [AccessFacts]) {
        for access in access {
            if access.observed == Observed::On {
                self.own.remove(&target(practice, &access.capability));
            }
            (access.observed, access.said_by_supplier) = (Observed::Unknown, Observed::Unknown);
            (access.disputed, access.live_since) = (false, None);
        }
    }

    /// A practice's wish to have access taken away is its own, and stands until the replay has done it.
    fn ask_off(&mut self, facts: &PracticeFacts) {
        for access in &facts.access {
            let target = target(facts.code, &access.capability);
            if !access.switch_off_requested {
                self.asked_off.remove(&target);
            } else if self.asked_off.insert(target) {
                self.change(facts.code, |known| access_of(known, &access.capability).switch_off_requested = true);
            }
        }
    }

    fn merge_pauses(&self, facts: &mut PracticeFacts, known: Vec<PauseFacts>) {
        for pause in &mut facts.pauses {
            pause.in_force &= !self.ended.contains(&PauseRef { practice: facts.code, number: pause.number });
            pause.pending_on = match known.iter().find(|one| one.number == pause.number) {
                Some(known) => known.pending_on.clone(),
                None => self.open_for(facts.code, pause),
            };
        }
        for mut former in known {
            let reference = PauseRef { practice: facts.code, number: former.number };
            let told = facts.pauses.iter_mut().find(|one| one.number == former.number);
            // It ended in fact when the wave opened that it deferred to: here when that wave opens here.
            let goes_on = former.in_force && self.record.ended_by_ruling.contains(&reference);
            match told {
                Some(told) => told.in_force |= goes_on,
                None if goes_on => facts.pauses.push(former),
                None => {
                    former.in_force = false;
                    facts.pauses.push(former);
                }
            }
        }
        facts.pauses.retain(|pause| pause.in_force || !pause.pending_on.is_empty());
        facts.pauses.sort_by_key(|pause| pause.number);
    }

    /// The commands that a new pause finds under way.
    fn open_for(&self, practice: PracticeCode, pause: &PauseFacts) -> Vec<ActivationKey> {
        let open = self.permits.iter().filter(|key| key.practice == practice && key.direction == Direction::Enable);
        open.filter(|key| pause.covers(&key.capability)).cloned().collect()
    }

    /// Gives a permit, or refuses it as the registry would (I4: no policy gets past a pause).
    pub(super) fn acquire(&mut self, key: ActivationKey) -> PermitAnswer {
        let refused = |refusal: &str| PermitAnswer::Refused { refusal: refusal.to_owned() };
        let Some(facts) = self.view.get(key.practice) else { return refused("PRACTICE_UNKNOWN") };
        if self.closed_keys.contains(&key) {
            return refused("KEY_CLOSED");
        }
        if key.direction == Direction::Enable {
            let pending = |pause: &PauseFacts| pause.pending_on.iter().any(|other| other.target() == key.target());
            if facts.pause(&key.capability).is_some() {
                return refused("PAUSED");
            }
            if facts.pauses.iter().any(pending) {
                return refused("RECEIPT_PENDING");
            }
            if !facts.open {
                return refused("PRACTICE_NOT_OPEN");
            }
            if facts.observed(&key.capability) == Observed::On {
                return refused("ALREADY_ON");
            }
            if self.permits.iter().any(|open| *open != key && open.target() == key.target()) {
                return refused("PERMIT_OPEN");
            }
        }
        self.own.insert(key.target());
        self.permits.insert(key);
        PermitAnswer::Granted
    }

    pub(super) fn release(&mut self, key: &ActivationKey) {
        self.permits.remove(key);
        self.closed_keys.insert(key.clone());
        self.prevented(key);
    }

    /// Outcome and observation in one, as the registry does.
    pub(super) fn settle(&mut self, key: &ActivationKey, outcome: &Outcome, now: Timestamp) {
        self.permits.remove(key);
        self.closed_keys.insert(key.clone());
        let applied = matches!(outcome, Outcome::Applied { .. });
        match (key.direction, applied) {
            (Direction::Enable, true) => self.observe(&key.target(), Observed::On, now),
            (Direction::Enable, false) => self.prevented(key),
            (Direction::Disable, true) => {
                self.observe(&key.target(), Observed::Off, now);
                self.change(key.practice, |facts| {
                    for pause in &mut facts.pauses {
                        pause.pending_on.retain(|other| other.target() != key.target());
                    }
                    access_of(facts, &key.capability).switch_off_requested = false;
                });
            }
            (Direction::Disable, false) => {}
        }
    }

    /// Receipts that were pending on a key that had no effect.
    fn prevented(&mut self, key: &ActivationKey) {
        let waits = |facts: &PracticeFacts| facts.pauses.iter().any(|pause| pause.pending_on.contains(key));
        if self.view.get(key.practice).is_some_and(waits) {
            self.change(key.practice, |facts| {
                facts.pauses.iter_mut().for_each(|pause| pause.pending_on.retain(|other| other != key));
            });
        }
    }

    pub(super) fn observe(&mut self, target: &Target, observed: Observed, now: Timestamp) {
        self.own.insert(target.clone());
        self.change(target.practice, |facts| {
            let access = access_of(facts, &target.capability);
            access.observed = observed;
            access.disputed = false;
            access.said_by_supplier = observed;
            access.observed_at = Some(now);
            let live_since = access.live_since.unwrap_or(now);
            access.live_since = (observed == Observed::On).then_some(live_since);
        });
    }

    /// The wave that a pause deferred to has opened.
    pub(super) fn end_pause(&mut self, pause: PauseRef) {
        self.ended.insert(pause);
        self.change(pause.practice, |facts| {
            for one in facts.pauses.iter_mut().filter(|one| one.number == pause.number) {
                one.in_force = false;
            }
        });
    }

    fn change(&mut self, practice: PracticeCode, change: impl FnOnce(&mut PracticeFacts)) {
        let Some(mut facts) = self.view.get(practice).cloned() else { return };
        change(&mut facts);
        facts.pauses.retain(|pause| pause.in_force || !pause.pending_on.is_empty());
        self.view.put(facts);
        self.view.position += 1;
    }
}

fn target(practice: PracticeCode, capability: &Capability) -> Target {
    Target { practice, capability: capability.clone() }
}

fn access_of<'f>(facts: &'f mut PracticeFacts, capability: &Capability) -> &'f mut AccessFacts {
    let known = facts.access.iter().position(|access| access.capability == *capability);
    let place = known.unwrap_or_else(|| {
        facts.access.push(AccessFacts::unknown(capability.clone()));
        facts.access.len() - 1
    });
    &mut facts.access[place]
}

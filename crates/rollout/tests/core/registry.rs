//! The registry of the small world: permits, pauses with receipts, observations.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use ods::{Capability, PracticeCode};
use rollout::state::{Outcome, PauseRef};
use rollout::{
    AccessFacts, ActivationKey, Direction, Observed, PauseEnd, PauseFacts, PermitAnswer, PracticeFacts, RegistryView,
    Target,
};

#[derive(Clone)]
pub(crate) struct Registry {
    pub(crate) view: RegistryView,
    /// What the time is.
    pub(crate) now: Timestamp,
    /// Each state that a practice came into, at its moment.
    pub(crate) states: Vec<(Timestamp, PracticeFacts)>,
    permits: BTreeSet<ActivationKey>,
    closed_keys: BTreeSet<ActivationKey>,
    pauses_count: BTreeMap<PracticeCode, u32>,
}

impl Registry {
    pub(crate) fn new(practices: impl IntoIterator<Item = PracticeFacts>, now: Timestamp) -> Self {
        Self {
            view: RegistryView::new(1, practices),
            now,
            states: Vec::new(),
            permits: BTreeSet::new(),
            closed_keys: BTreeSet::new(),
            pauses_count: BTreeMap::new(),
        }
    }

    pub(crate) fn change(&mut self, code: PracticeCode, change: impl FnOnce(&mut PracticeFacts)) {
        let Some(mut facts) = self.view.get(code).cloned() else { return };
        change(&mut facts);
        facts.pauses.retain(|pause| pause.in_force || !pause.pending_on.is_empty());
        self.states.push((self.now, facts.clone()));
        self.view.put(facts);
        self.view.position += 1;
    }

    pub(crate) fn acquire(&mut self, key: ActivationKey) -> PermitAnswer {
        let refused = |refusal: &str| PermitAnswer::Refused { refusal: refusal.into() };
        let Some(facts) = self.view.get(key.practice) else { return refused("PRACTICE_UNKNOWN") };
        if self.closed_keys.contains(&key) {
            return refused("KEY_CLOSED");
        }
        if key.direction == Direction::Enable {
            if facts.pause(&key.capability).is_some() {
                return refused("PAUSED");
            }
            let pending = |pause: &PauseFacts| pause.pending_on.iter().any(|other| other.target() == key.target());
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
        self.permits.insert(key);
        PermitAnswer::Granted
    }

    pub(crate) fn release(&mut self, key: &ActivationKey) {
        self.permits.remove(key);
        self.closed_keys.insert(key.clone());
        self.prevented(key);
    }

    /// Outcome and observation in one, as the registry does.
    pub(crate) fn settle(&mut self, key: &ActivationKey, outcome: &Outcome, now: Timestamp) {
        assert!(self.permits.remove(key), "{key} was settled without a permit");
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
        self.change(key.practice, |facts| {
            facts.pauses.iter_mut().for_each(|pause| pause.pending_on.retain(|other| other != key));
        });
    }

    pub(crate) fn observe(&mut self, target: &Target, observed: Observed, now: Timestamp) {
        self.change(target.practice, |facts| {
            let access = access_of(facts, &target.capability);
            access.observed = observed;
            access.observed_at = Some(now);
            let live_since = access.live_since.unwrap_or(now);
            access.live_since = (observed == Observed::On).then_some(live_since);
        });
    }

    pub(crate) fn dispute(&mut self, code: PracticeCode) {
        self.change(code, |facts| {
            let access = access_of(facts, &Capability::default());
            access.observed = Observed::Unknown;
            access.disputed = true;
            access.live_since = None;
        });
    }

    pub(crate) fn ask_off(&mut self, code: PracticeCode) {
        self.change(code, |facts| access_of(facts, &Capability::default()).switch_off_requested = true);
    }

    /// A pause of all capabilities.
    pub(crate) fn pause(&mut self, code: PracticeCode, end: PauseEnd, recorded_at: Timestamp) -> PauseRef {
        self.pause_of(code, None, end, recorded_at)
    }

    /// A pause of one capability, or of all; its receipt is PENDING on each permit that is open for what it covers.
    pub(crate) fn pause_of(
        &mut self,
        code: PracticeCode,
        capability: Option<Capability>,
        end: PauseEnd,
        recorded_at: Timestamp,
    ) -> PauseRef {
        let number = self.pauses_count.entry(code).or_default();
        *number += 1;
        let number = *number;
        let mut pause = PauseFacts { number, capability, end, recorded_at, in_force: true, pending_on: Vec::new() };
        let open = self.permits.iter().filter(|key| key.practice == code && key.direction == Direction::Enable);
        pause.pending_on = open.filter(|key| pause.covers(&key.capability)).cloned().collect();
        self.change(code, |facts| facts.pauses.push(pause));
        PauseRef { practice: code, number }
    }

    pub(crate) fn end_pause(&mut self, pause: PauseRef) {
        self.change(pause.practice, |facts| {
            for one in facts.pauses.iter_mut().filter(|one| one.number == pause.number) {
                one.in_force = false;
            }
        });
    }

    pub(crate) fn resume(&mut self, code: PracticeCode) {
        self.change(code, |facts| facts.pauses.iter_mut().for_each(|pause| pause.in_force = false));
    }

    pub(crate) fn lapses(&self) -> impl Iterator<Item = Timestamp> {
        let pauses = self.view.wary().flat_map(|facts| &facts.pauses).filter(|pause| pause.in_force);
        pauses.filter_map(|pause| match pause.end {
            PauseEnd::Until(end) => Some(end),
            PauseEnd::FurtherNotice | PauseEnd::ProgrammeDefault => None,
        })
    }

    /// Time passes, and the pauses whose end has come are recorded.
    pub(crate) fn lapse(&mut self, now: Timestamp) {
        self.now = now;
        let over = |end: &PauseEnd| matches!(end, PauseEnd::Until(end) if *end <= now);
        let codes: Vec<PracticeCode> = self
            .view
            .wary()
            .filter(|facts| facts.pauses.iter().any(|pause| pause.in_force && over(&pause.end)))
            .map(|facts| facts.code)
            .collect();
        for code in codes {
            self.change(code, |facts| {
                facts.pauses.iter_mut().for_each(|pause| pause.in_force &= !over(&pause.end));
            });
        }
    }
}

fn access_of<'a>(facts: &'a mut PracticeFacts, capability: &Capability) -> &'a mut AccessFacts {
    let known = facts.access.iter().position(|access| access.capability == *capability);
    let place = known.unwrap_or_else(|| {
        facts.access.push(AccessFacts::unknown(capability.clone()));
        facts.access.len() - 1
    });
    &mut facts.access[place]
}

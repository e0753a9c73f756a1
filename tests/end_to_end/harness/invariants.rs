//! The promises to practices, held against what was left behind: the registry's journal and the suppliers' own log.
//!
//! Written apart from the services: pauses and permits are folded here anew, so that a service's mistake is not repeated.
//! A practice that switches itself on (self-service) is nobody's breach; it shows as drift.

use std::collections::{BTreeMap, BTreeSet};

use ods::{Capability, PracticeCode};
use practice::event::{Event, PracticePaused};
use practice::lapse::LapseOf;
use practice::pause::ReceiptState;
use practice::{Action, CommandKey};
use supplier_simulator::{Direction, Effect, Entry};

use super::journals::Recorded;

type Place = (Capability, PracticeCode);

/// What the checkers read.
pub(crate) struct Evidence {
    effects: Vec<Effect>,
    registry: Registry,
}

/// What became of everything, counted: a test whose world holds no such case proves nothing, and asks for these.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Cases {
    /// Effective switch-ons by a key.
    pub(crate) enables: usize,
    /// Pauses accepted while a permit to switch on was open.
    pub(crate) pauses_with_open_permit: usize,
    /// Of those permits, the ones whose switch-on took effect all the same.
    pub(crate) reversals: usize,
}

/// The registry's journal, folded.
#[derive(Default)]
struct Registry {
    /// Keys to switch on by the position of their permit, with the pauses that were in force then.
    granted: BTreeMap<CommandKey, (u64, Vec<u32>)>,
    /// Permits to switch on that were open when a pause was accepted.
    open_at_pause: BTreeSet<CommandKey>,
    /// Pauses accepted while such a permit was open.
    pauses_with_open_permit: usize,
    /// Pauses in force at the end, with what their receipts had promised.
    in_force: BTreeMap<(PracticeCode, u32), PracticePaused>,
    open: BTreeSet<CommandKey>,
}

impl Evidence {
    /// # Panics
    /// Where a record is not an event of the registry.
    pub(crate) fn new(registry: &[Recorded], suppliers: &[Entry]) -> Self {
        let mut folded = Registry::default();
        for record in registry {
            let event: Event = serde_json::from_str(&record.payload)
                .unwrap_or_else(|error| panic!("registry {} ({}): {error}", record.position, record.kind));
            folded.fold(record.position, event);
        }
        Self { effects: suppliers.iter().filter_map(Entry::effect).collect(), registry: folded }
    }

    pub(crate) fn cases(&self) -> Cases {
        let enabled: BTreeSet<CommandKey> = self.effective_enables().filter_map(key_of).collect();
        Cases {
            enables: enabled.len(),
            pauses_with_open_permit: self.registry.pauses_with_open_permit,
            reversals: self.registry.open_at_pause.intersection(&enabled).count(),
        }
    }

    /// Every breach, in words; none is what a test wants.
    pub(crate) fn breaches(&self) -> Vec<String> {
        let mut breaches = self.i1_enabled_once();
        breaches.extend(self.enabled_only_by_permit_and_without_a_pause());
        breaches.extend(self.disabled_once_where_a_permit_was_open());
        breaches.extend(self.i4_at_rest());
        breaches
    }

    fn effective_enables(&self) -> impl Iterator<Item = &Effect> {
        self.effects.iter().filter(|effect| effect.changed && effect.direction == Direction::Enable)
    }

    /// I1: at most one effective ENABLE per key, and per capability and practice at most one more than DISABLEs.
    fn i1_enabled_once(&self) -> Vec<String> {
        let mut breaches = Vec::new();
        let mut keys = BTreeSet::new();
        let mut balance: BTreeMap<Place, i32> = BTreeMap::new();
        for effect in self.effects.iter().filter(|effect| effect.changed) {
            if let Some(key) = key_of(effect)
                && !keys.insert(key.clone())
            {
                breaches.push(format!("I1: {key} took effect twice"));
            }
            let on = balance.entry((effect.capability.clone(), effect.practice)).or_default();
            *on += if effect.direction == Direction::Enable { 1 } else { -1 };
            if !(0..=1).contains(on) {
                breaches.push(format!("I1: {} is switched {:?} twice in a row", effect.practice, effect.direction));
            }
        }
        breaches
    }

    /// No practice is enabled without a permit, nor by one granted while a pause was in force.
    fn enabled_only_by_permit_and_without_a_pause(&self) -> Vec<String> {
        let mut breaches = Vec::new();
        for key in self.effective_enables().filter_map(key_of) {
            match self.registry.granted.get(&key) {
                None => breaches.push(format!("{key} took effect and was never permitted")),
                Some((position, pauses)) if !pauses.is_empty() => {
                    breaches.push(format!("{key} was permitted at {position} while pauses {pauses:?} were in force"));
                }
                Some(_) => {}
            }
        }
        breaches
    }

    /// Every effective ENABLE whose permit was open at a pause is followed by exactly one DISABLE.
    fn disabled_once_where_a_permit_was_open(&self) -> Vec<String> {
        let mut breaches = Vec::new();
        for (at, effect) in self.effects.iter().enumerate() {
            let Some(key) = key_of(effect).filter(|_| effect.changed) else { continue };
            if !self.registry.open_at_pause.contains(&key) {
                continue;
            }
            let here = self.effects[at + 1..].iter().filter(|later| {
                later.practice == effect.practice && later.capability == effect.capability && later.changed
            });
            let disables = here.take_while(|later| later.direction == Direction::Disable).count();
            if disables != 1 {
                breaches.push(format!("{key} took effect over a pause and was followed by {disables} DISABLEs"));
            }
        }
        breaches
    }

    /// I4 at rest: no practice is on whose pause, still in force, was answered PREVENTED or PENDING.
    fn i4_at_rest(&self) -> Vec<String> {
        let mut last: BTreeMap<Place, &Effect> = BTreeMap::new();
        for effect in self.effects.iter().filter(|effect| effect.changed) {
            last.insert((effect.capability.clone(), effect.practice), effect);
        }
        let mut breaches = Vec::new();
        for paused in self.registry.in_force.values() {
            for part in &paused.receipt {
                let promised = matches!(part.state, ReceiptState::Prevented | ReceiptState::Pending);
                let Some(effect) = last.get(&(part.capability.clone(), paused.practice)) else { continue };
                let on_by_us = effect.direction == Direction::Enable && effect.generation.is_some();
                if promised && on_by_us {
                    let (practice, pause) = (paused.practice, paused.pause);
                    breaches.push(format!("I4: {practice} is on, and its pause {pause} was answered {:?}", part.state));
                }
            }
        }
        breaches
    }
}

impl Registry {
    fn fold(&mut self, position: u64, event: Event) {
        match event {
            Event::PracticePaused(paused) => self.paused(paused),
            Event::SuccessionEffected(effected) => {
                for paused in effected.pauses {
                    self.paused(paused);
                }
            }
            Event::PausesLifted { practice, pauses } => {
                for pause in pauses {
                    self.in_force.remove(&(practice, pause));
                }
            }
            Event::Lapsed { lapses } => {
                for lapse in lapses {
                    if let LapseOf::Pause(pause) = lapse.what {
                        self.in_force.remove(&(lapse.practice, pause));
                    }
                }
            }
            Event::PermitsGranted { keys } => {
                for key in keys.into_iter().filter(|key| key.action == Action::Enable) {
                    let at_practice = self.in_force.range((key.practice, 0)..=(key.practice, u32::MAX));
                    let covers = |paused: &PracticePaused| {
                        paused.capability.as_ref().is_none_or(|capability| *capability == key.capability)
                    };
                    let pauses =
                        at_practice.filter(|(_, paused)| covers(paused)).map(|((_, pause), _)| *pause).collect();
                    self.open.insert(key.clone());
                    self.granted.insert(key, (position, pauses));
                }
            }
            Event::PermitsSettled { settlements } => {
                for settled in settlements {
                    self.open.remove(&settled.key);
                }
            }
            // They concern no permit and end no pause.
            Event::DirectoryImported { .. }
            | Event::SourceRead(_)
            | Event::OrganisationLifetimeSet { .. }
            | Event::PauseJudged { .. }
            | Event::SuccessionRecorded { .. }
            | Event::SwitchOffRequested { .. }
            | Event::ReadinessUpdated { .. }
            | Event::ReadinessItemsDeclared { .. }
            | Event::AdviceRecorded(_)
            | Event::AdviceEnded { .. }
            | Event::ContactSet(_)
            | Event::ContactErased { .. }
            | Event::AccessObserved { .. }
            | Event::SignalsRecorded { .. }
            | Event::SyncStarted(_)
            | Event::SyncAdvanced(_)
            | Event::SyncFailed(_)
            | Event::SyncResumed { .. }
            | Event::SyncEnded { .. } => {}
        }
    }

    /// A pause holds, the practice's own or one that it inherited.
    fn paused(&mut self, paused: PracticePaused) {
        let covers = |key: &&CommandKey| {
            key.practice == paused.practice && paused.capability.as_ref().is_none_or(|one| *one == key.capability)
        };
        let open: Vec<CommandKey> = self.open.iter().filter(covers).cloned().collect();
        self.pauses_with_open_permit += usize::from(!open.is_empty());
        self.open_at_pause.extend(open);
        self.in_force.insert((paused.practice, paused.pause), paused);
    }
}

/// The key of an effect; none where the practice did it itself.
fn key_of(effect: &Effect) -> Option<CommandKey> {
    let action = match effect.direction {
        Direction::Enable => Action::Enable,
        Direction::Disable => Action::Disable,
    };
    let generation = effect.generation?;
    Some(CommandKey { capability: effect.capability.clone(), practice: effect.practice, action, generation })
}

#[cfg(test)]
#[path = "invariants_tests.rs"]
mod tests;

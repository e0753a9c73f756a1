//! The suppliers' logs: what took effect, where, and what became of each key.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use ods::{Capability, PracticeCode, Supplier};

use crate::entry::{Effect, Entry, Origin, What};
use crate::key::{Direction, Key};

/// A capability at a practice.
pub(crate) type Place = (Capability, PracticeCode);

/// The logs, folded.
#[derive(Debug, Default)]
pub(crate) struct Suppliers {
    pub(crate) effects: Vec<Effect>,
    /// When each key first came.
    pub(crate) arrived_at: BTreeMap<Key, Timestamp>,
    pub(crate) applied: BTreeSet<Key>,
    pub(crate) refused: BTreeSet<Key>,
    /// Of those that were applied, the ones that took effect at another practice.
    pub(crate) misdirected: BTreeSet<Key>,
    /// Keys that were taken from a list.
    pub(crate) taken_from_lists: BTreeSet<Key>,
    /// How often the scheduler took what became of a key that came on a list.
    pub(crate) reports: BTreeMap<Key, usize>,
    /// Who each line is of.
    known: BTreeSet<Supplier>,
}

impl Suppliers {
    pub(crate) fn new(entries: &[Entry]) -> Self {
        let mut folded = Self::default();
        for entry in entries {
            folded.fold(entry);
        }
        folded
    }

    fn fold(&mut self, entry: &Entry) {
        self.known.insert(entry.supplier.clone());
        self.effects.extend(entry.effect());
        match &entry.what {
            What::Received { key, origin, .. } => {
                self.arrives(key, entry.at);
                if *origin == Origin::List {
                    self.taken_from_lists.insert(key.clone());
                }
            }
            What::Reported { key } => *self.reports.entry(key.clone()).or_default() += 1,
            What::Applied { key, .. } => self.applies(key, entry.at),
            What::Misdirected { key, .. } => {
                self.applies(key, entry.at);
                self.misdirected.insert(key.clone());
            }
            What::Refused { key, .. } => {
                self.arrives(key, entry.at);
                self.refused.insert(key.clone());
            }
            // A key may be closed that was never to be sent.
            What::Closed { .. } | What::Invited { .. } | What::SelfServiceEnded { .. } | What::TakesRequests { .. } => {
            }
        }
    }

    fn applies(&mut self, key: &Key, at: Timestamp) {
        self.arrives(key, at);
        self.applied.insert(key.clone());
    }

    fn arrives(&mut self, key: &Key, at: Timestamp) {
        self.arrived_at.entry(key.clone()).or_insert(at);
    }

    pub(crate) fn effective_enables(&self) -> impl Iterator<Item = &Effect> {
        self.effects.iter().filter(|effect| effect.changed && effect.direction == Direction::Enable)
    }

    pub(crate) fn mistakes_count(&self) -> usize {
        self.effects.iter().filter(|effect| effect.by_mistake).count()
    }

    /// Practices that switched themselves on.
    pub(crate) fn self_enabled_count(&self) -> usize {
        self.effects.iter().filter(|effect| effect.generation.is_none() && !effect.by_mistake).count()
    }

    pub(crate) fn has_log_of(&self, supplier: &Supplier) -> bool {
        self.known.contains(supplier)
    }

    /// Whether the supplier took a later DISABLE of the practice for done that it carried out at another one.
    pub(crate) fn is_disabled_elsewhere_after(&self, key: &Key) -> bool {
        self.misdirected.iter().any(|later| {
            let here = later.practice == key.practice && later.capability == key.capability;
            here && later.direction == Direction::Disable && later.generation > key.generation
        })
    }

    /// The last effect of one supplier at a place that changed anything.
    pub(crate) fn last_effect_by(&self, supplier: &Supplier, place: &Place) -> Option<&Effect> {
        let (capability, practice) = place;
        let here = |effect: &&Effect| effect.capability == *capability && effect.practice == *practice;
        self.effects.iter().rfind(|effect| effect.changed && effect.supplier == *supplier && here(effect))
    }

    /// The last effect at each place that changed anything.
    pub(crate) fn last_effects(&self) -> BTreeMap<Place, &Effect> {
        let effective = self.effects.iter().filter(|effect| effect.changed);
        effective.map(|effect| ((effect.capability.clone(), effect.practice), effect)).collect()
    }
}

//! A supplier in the model, by the words of the contract alone: a key has one outcome for ever, a generation lower than the
//! highest seen is refused, and to cancel a key that was never seen closes it.
//!
//! It carries a key out as the call arrives: a supplier that takes its time is a call that arrives late.

use crate::key::{Ending, Key, Way};
use crate::mutation::Mutation;
use crate::scheduler::Said;

/// Decisions about a practice that a supplier's ledger has room for.
pub(crate) const GENERATIONS_MAX: usize = 7;

/// What a supplier has made of each generation of one practice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Ledger {
    keys: [Option<Made>; GENERATIONS_MAX],
    is_on: bool,
}

/// What was made of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Made {
    way: Way,
    ending: Ending,
    /// Whether the practice's state was another before.
    changed: bool,
}

impl Ledger {
    pub(crate) fn is_on(&self) -> bool {
        self.is_on
    }

    pub(crate) fn has_seen(&self, key: Key) -> bool {
        self.made(key).is_some()
    }

    /// Whether any key ended so.
    pub(crate) fn has_ended(&self, ending: Ending) -> bool {
        self.keys.iter().flatten().any(|made| made.ending == ending)
    }

    pub(crate) fn ending(&self, key: Key) -> Option<Ending> {
        self.made(key).map(|made| made.ending)
    }

    pub(crate) fn said(&self, key: Key) -> Said {
        self.ending(key).map_or(Said::NeverSeen, Said::Ended)
    }

    /// A call to switch arrives. Whether it takes effect although the key had before, or although the practice was on already.
    pub(crate) fn receive(&mut self, key: Key, mutation: Mutation) -> bool {
        let before = self.ending(key);
        let carried_out = match mutation {
            Mutation::SupplierReopensKeys => before.is_none_or(|ending| ending == Ending::NotApplied),
            Mutation::SupplierRepeatsKeys => true,
            _ => before.is_none(),
        };
        if !carried_out {
            return false;
        }
        if key.generation < self.generation_highest() && mutation != Mutation::SupplierRepeatsKeys {
            self.refuse(key);
            return false;
        }
        let changed = self.is_on != key.enables();
        self.is_on = key.enables();
        self.put(key, Ending::Applied, changed);
        key.enables() && (!changed || before == Some(Ending::Applied))
    }

    /// A call to switch arrives, and is refused for a reason of the supplier's own.
    pub(crate) fn refuse(&mut self, key: Key) {
        if !self.has_seen(key) {
            self.put(key, Ending::Refused, false);
        }
    }

    /// A call to cancel arrives.
    pub(crate) fn close(&mut self, key: Key) {
        if !self.has_seen(key) {
            self.put(key, Ending::NotApplied, false);
        }
    }

    /// How often the practice was switched off after it had been switched on by this generation, and before it was on again:
    /// keys that took effect, also where it was off already. None where that generation did not switch it on.
    pub(crate) fn switched_off_after(&self, generation: u8) -> Option<usize> {
        let enabled = self.made(Key { generation, way: Way::Enable })?;
        if enabled.ending != Ending::Applied || !enabled.changed {
            return None;
        }
        let later = self.keys[usize::from(generation)..].iter().flatten();
        let applied = later.filter(|made| made.ending == Ending::Applied);
        Some(applied.take_while(|made| made.way == Way::Disable).count())
    }

    fn generation_highest(&self) -> u8 {
        // A key that was closed was not carried out: its generation does not count as seen.
        let seen = |made: &Option<Made>| made.is_some_and(|made| made.ending != Ending::NotApplied);
        let highest = self.keys.iter().rposition(seen).map_or(0, |place| place + 1);
        u8::try_from(highest).expect("a handful of generations")
    }

    fn made(&self, key: Key) -> Option<Made> {
        self.keys[usize::from(key.generation) - 1]
    }

    fn put(&mut self, key: Key, ending: Ending, changed: bool) {
        self.keys[usize::from(key.generation) - 1] = Some(Made { way: key.way, ending, changed });
    }
}

//! What is promised, and what was found of it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jiff::SignedDuration;
use practice::pause::ReceiptState;
use rollout::state::Outcome;

use crate::Evidence;
use crate::entry::Effect;
use crate::key::{Direction, Key};
use crate::scheduler::Invitation;
use crate::suppliers::Place;

/// By how much a supplier's clock may be behind the scheduler's before a key counts as sent ahead of its seal: both are the
/// machines' own, and a call takes less.
pub(crate) const CLOCK_SKEW_MAX: SignedDuration = SignedDuration::from_mins(1);

/// A promise that holds at every moment, by its number in `docs/domain.md`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Promise {
    /// I1.
    SwitchedOnOnce,
    /// I2.
    SealedBeforeSent,
    /// I3.
    EpochsRise,
    /// I4, before.
    PermittedWithoutPause,
    /// I4, after.
    OffUnderPause,
    /// I5.
    WithinCaps,
    /// I10, I11.
    NothingSealedUnderHold,
    /// Rules 2 and 3.
    WithinWindows,
    /// I17.
    SettledAsSuppliersSay,
    /// Rule 11.
    ToldBefore,
}

/// What was found of a promise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Of which.
    pub promise: Promise,
    /// How many cases of it there were to look at.
    pub cases_count: usize,
    /// Every breach, in words.
    pub breaches: Vec<String>,
}

impl Promise {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::SwitchedOnOnce,
        Self::SealedBeforeSent,
        Self::EpochsRise,
        Self::PermittedWithoutPause,
        Self::OffUnderPause,
        Self::WithinCaps,
        Self::NothingSealedUnderHold,
        Self::WithinWindows,
        Self::SettledAsSuppliersSay,
        Self::ToldBefore,
    ];

    /// What is promised.
    pub fn words(self) -> &'static str {
        match self {
            Self::SwitchedOnOnce => "no key takes effect twice, and no practice is switched on twice in a row",
            Self::SealedBeforeSent => "no supplier gets a key that was not sealed before",
            Self::EpochsRise => "each scheduler that takes over does so under a higher epoch",
            Self::PermittedWithoutPause => {
                "nothing takes effect or goes on a list without a permit, nor by one granted under a pause, nor is anybody invited under one"
            }
            Self::OffUnderPause => "no practice is on whose pause was answered PREVENTED",
            Self::WithinCaps => "caps are kept with every slot and every seal",
            Self::NothingSealedUnderHold => "nothing is sealed to be switched on under a hold that covers it",
            Self::WithinWindows => {
                "nobody is sealed or invited outside a window, on a weekend, bank holiday or freeze day"
            }
            Self::SettledAsSuppliersSay => "every activation settles as its supplier's log says",
            Self::ToldBefore => "nobody is switched on or invited before the working days of its notice are over",
        }
    }

    /// What whoever finds a breach should do. Copies and logs are kept as they are first: they are the evidence.
    pub fn remedy(self) -> &'static str {
        match self {
            Self::SwitchedOnOnce => {
                "Place a STOP over that supplier, and ask it whether its system did so twice or its log has a line too many."
            }
            Self::SealedBeforeSent => {
                "Place a STOP over that supplier, and ask it who sent the key and when. Where it was the scheduler, its journal \
                 has lost a record: verify it against a checkpoint kept elsewhere (`accessctl journal verify --checkpoint`)."
            }
            Self::EpochsRise => {
                "Stop all schedulers but one, and see by `accessctl journal list scheduler --kind lease-taken` which of them \
                 shared a name or a copy of the database."
            }
            Self::PermittedWithoutPause | Self::OffUnderPause => {
                "Ask the practice, and switch it off where it says so (`accessctl practice switch-off`); place a STOP over its \
                 supplier until it is known how the switch-on came about (`accessctl practice history`)."
            }
            Self::WithinCaps | Self::NothingSealedUnderHold | Self::WithinWindows | Self::ToldBefore => {
                "Place a national HOLD; what is live stays, and who is concerned is told. See by the records at that position \
                 how it came about (`accessctl journal list scheduler`)."
            }
            Self::SettledAsSuppliersSay => {
                "Ask the supplier for the practice's state, and record it (`accessctl practice observe`); then ask it why its \
                 answer and its log differ."
            }
        }
    }
}

impl fmt::Display for Promise {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::SwitchedOnOnce => "I1",
            Self::SealedBeforeSent => "I2",
            Self::EpochsRise => "I3",
            Self::PermittedWithoutPause | Self::OffUnderPause => "I4",
            Self::WithinCaps => "I5",
            Self::NothingSealedUnderHold => "I10",
            Self::WithinWindows => "rule 3",
            Self::SettledAsSuppliersSay => "I17",
            Self::ToldBefore => "rule 11",
        })
    }
}

impl Evidence {
    pub(crate) fn find(&self, promise: Promise) -> Finding {
        let (cases_count, breaches) = match promise {
            Promise::SwitchedOnOnce => self.switched_on_once(),
            Promise::SealedBeforeSent => self.sealed_before_sent(),
            Promise::EpochsRise => (self.scheduler.epochs_count, self.scheduler.epochs_breached.clone()),
            Promise::PermittedWithoutPause => self.permitted_without_pause(),
            Promise::OffUnderPause => self.off_under_pause(),
            Promise::WithinCaps => (self.scheduler.caps.cases_count, self.scheduler.caps.breaches.clone()),
            Promise::NothingSealedUnderHold => (self.scheduler.sealed.len(), self.scheduler.holds_breached.clone()),
            Promise::WithinWindows => (self.scheduler.windows.cases_count, self.scheduler.windows.breaches.clone()),
            Promise::SettledAsSuppliersSay => self.settled_as_suppliers_say(),
            Promise::ToldBefore => (self.scheduler.notices.cases_count, self.scheduler.notices.breaches.clone()),
        };
        Finding { promise, cases_count, breaches }
    }

    /// At most one effective ENABLE per key, and per capability and practice at most one more than DISABLEs.
    fn switched_on_once(&self) -> (usize, Vec<String>) {
        let mut breaches = Vec::new();
        let mut keys = BTreeSet::new();
        let mut balance: BTreeMap<Place, i32> = BTreeMap::new();
        for effect in self.suppliers.effects.iter().filter(|effect| effect.changed) {
            if let Some(key) = effect.key()
                && !keys.insert(key.clone())
            {
                breaches
                    .push(format!("{key} took effect twice, the second time at {}, at {}", effect.at, effect.supplier));
            }
            let on = balance.entry((effect.capability.clone(), effect.practice)).or_default();
            *on += if effect.direction == Direction::Enable { 1 } else { -1 };
            if !(0..=1).contains(on) {
                let Effect { practice, direction, at, supplier, .. } = effect;
                breaches.push(format!("{practice} is switched {direction:?} twice in a row, at {at}, at {supplier}"));
            }
        }
        (keys.len(), breaches)
    }

    fn sealed_before_sent(&self) -> (usize, Vec<String>) {
        let mut breaches = Vec::new();
        for (key, arrived_at) in &self.suppliers.arrived_at {
            match self.scheduler.sealed.get(key) {
                None => breaches.push(format!("{key} came to its supplier at {arrived_at} and was never sealed")),
                Some(sealed_at) if sealed_at.duration_since(*arrived_at) > CLOCK_SKEW_MAX + self.clocks_apart => {
                    breaches
                        .push(format!("{key} came to its supplier at {arrived_at}, before its seal at {sealed_at}"));
                }
                Some(_) => {}
            }
        }
        (self.suppliers.arrived_at.len(), breaches)
    }

    fn permitted_without_pause(&self) -> (usize, Vec<String>) {
        let mut breaches = Vec::new();
        let mut enables: BTreeSet<Key> = self.suppliers.effective_enables().filter_map(Effect::key).collect();
        let listed = self.suppliers.taken_from_lists.iter().filter(|key| key.direction == Direction::Enable);
        enables.extend(listed.cloned());
        for key in &enables {
            match self.registry.granted.get(key) {
                None => breaches.push(format!("{key} took effect, or was on a list, and was never permitted")),
                Some((position, pauses)) if !pauses.is_empty() => {
                    breaches.push(format!("{key} was permitted at {position} while pauses {pauses:?} were in force"));
                }
                Some(_) => {}
            }
        }
        let invitations = &self.scheduler.invitations;
        for Invitation { practice, capability, registry_position } in invitations {
            let pauses = self.registry.pauses_at(*practice, capability, *registry_position);
            if !pauses.is_empty() {
                breaches.push(format!(
                    "{practice} was invited on the registry at {registry_position}, with pauses {pauses:?} in force"
                ));
            }
        }
        (enables.len() + invitations.len(), breaches)
    }

    /// Also the end of a receipt that was PENDING: once it is PREVENTED, the practice is off. Where a supplier carried the last
    /// DISABLE out at another practice, it had told the registry that this one was off.
    fn off_under_pause(&self) -> (usize, Vec<String>) {
        let last = self.suppliers.last_effects();
        let mut breaches = Vec::new();
        let prevented = self.registry.receipts().filter(|receipt| receipt.state == ReceiptState::Prevented);
        let mut cases_count = 0;
        for receipt in prevented {
            cases_count += 1;
            let Some(effect) = self.registry.last_effect(&receipt, &self.suppliers, &last) else { continue };
            let on_by = effect.key().filter(|key| key.direction == Direction::Enable);
            if on_by.is_some_and(|key| !self.suppliers.is_disabled_elsewhere_after(&key)) {
                breaches.push(format!(
                    "{} is on, and its pause {} was answered PREVENTED",
                    receipt.practice, receipt.pause
                ));
            }
        }
        (cases_count, breaches)
    }

    fn settled_as_suppliers_say(&self) -> (usize, Vec<String>) {
        let mut breaches = Vec::new();
        let settled = self.scheduler.settled.iter();
        let settled: Vec<_> = settled.filter(|one| self.suppliers.has_log_of(&one.supplier)).collect();
        for one in &settled {
            let key = &one.key;
            let applied = self.suppliers.applied.contains(key);
            match one.outcome {
                Outcome::Applied { .. } if !applied => {
                    breaches.push(format!("{key} settled APPLIED and its supplier's log has no such effect"));
                }
                Outcome::NotApplied if applied => {
                    breaches.push(format!("{key} settled NOT_APPLIED and took effect"));
                }
                Outcome::Refused { .. } if applied || !self.suppliers.refused.contains(key) => {
                    breaches.push(format!("{key} settled REFUSED and its supplier's log does not say so"));
                }
                _ => {}
            }
        }
        (settled.len(), breaches)
    }

    /// An effective ENABLE whose permit was open at a pause is followed by a DISABLE, unless the practice is off for another
    /// reason. That there are not two is I1's. A DISABLE that the supplier carried out at another practice was sent, and its
    /// supplier says that it is done: that this one is on is the supplier's mistake, and the registry is to know of it, see
    /// [`Evidence::unseen`].
    pub(crate) fn disabled_where_a_pause_was_overtaken(&self) -> Vec<String> {
        let mut owed = Vec::new();
        for (at, effect) in self.suppliers.effects.iter().enumerate() {
            let Some(key) = effect.key().filter(|_| effect.changed) else { continue };
            if effect.direction != Direction::Enable || !self.registry.open_at_pause.contains(&key) {
                continue;
            }
            let is_off_after = self.suppliers.effects[at + 1..].iter().any(|later| {
                let here = later.practice == effect.practice && later.capability == effect.capability;
                here && later.changed && later.direction == Direction::Disable
            });
            if !is_off_after && !self.suppliers.is_disabled_elsewhere_after(&key) {
                owed.push(format!("{key} took effect over a pause and was followed by 0 DISABLEs"));
            }
        }
        owed
    }
}

//! What is held against the services: the suppliers' own logs, the records of the journals, and the promises that are
//! checked on nothing but those.
//!
//! Written apart from the services: pauses, permits, seals, caps and holds are folded here anew, so that a service's mistake
//! is not repeated. The same checks end the tests that kill processes, end every run of the simulation, and are what
//! `accessctl verify` does with a real installation's copies.
//!
//! - `entry`, `key`: the lines of a supplier's log. A supplier writes them; nobody else does.
//! - `record`: a record of a journal, as far as it is read here.
//! - `registry`, `scheduler`: the journals, folded.
//! - `counting`: what producers of events sent, against what is counted.
//! - `figures`: the same, against what is told: views and people by area and day, and what was not counted.
//! - `carriage`: what carriers of notices took on, against the scheduler's journal.
//! - `returns`: what suppliers returned, against the journal of statistics.
//! - `promise`: what is checked, by the numbers of `docs/domain.md`.
//!
//! It reads nothing by itself, and does not verify that a journal is whole: `journal` does. A practice that switches itself on
//! (self-service), or that its supplier switches by mistake, is nobody's breach here; it shows as drift.

mod carriage;
mod counting;
mod entry;
mod figures;
mod issue;
mod key;
mod promise;
mod record;
mod registry;
mod returns;
mod scheduler;
mod suppliers;

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use ods::Supplier;

pub use carriage::Carried;
pub use counting::{Cell, SentEvent, SourceLife, counting_breaches};
pub use entry::{Effect, Entry, Origin, Refusal, What};
pub use figures::{
    Days, Figure, FigureOf, Quarantined, SentView, Whereabouts, figures_breaches, last_viewed_breaches,
    quarantine_breaches,
};
pub use issue::Issue;
pub use key::{Direction, Key};
pub use promise::{Finding, Promise};
pub use record::{Recorded, Unreadable};
pub use returns::{SentReturns, latest_returns_breaches, returns_breaches, revisions_breaches};

use crate::registry::Registry;
use crate::scheduler::Scheduler;
use crate::suppliers::Suppliers;

/// What the checks read.
#[derive(Debug)]
pub struct Evidence {
    suppliers: Suppliers,
    registry: Registry,
    scheduler: Scheduler,
    /// See [`Evidence::of_clocks_apart`].
    clocks_apart: SignedDuration,
}

/// What became of everything, counted: a test whose world holds no such case proves nothing, and asks for these.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cases {
    /// Effective switch-ons by a key.
    pub enables: usize,
    /// Pauses accepted while a permit to switch on was open.
    pub pauses_with_open_permit: usize,
    /// Of those permits, the ones whose switch-on took effect all the same.
    pub reversals: usize,
    /// Switches at a practice that no key was about, by a supplier's mistake.
    pub mistakes: usize,
    /// Activations that were sealed.
    pub seals: usize,
    /// Holds that were placed.
    pub holds: usize,
    /// Keys that went to a supplier on its list.
    pub listed: usize,
    /// Keys that came on a list and whose end was reported more than once.
    pub reported_twice: usize,
    /// Practices that were asked to switch themselves on.
    pub invitations: usize,
    /// Invitations that lapsed.
    pub lapses: usize,
    /// Practices that switched themselves on.
    pub self_enabled: usize,
    /// Keys on a list that were certainly not carried out.
    pub listed_in_vain: usize,
    /// Schedulers that took over from another.
    pub take_overs: usize,
    /// Seals and invitations within ten minutes after a window opened or before it shut.
    pub seals_at_edges: usize,
}

impl Evidence {
    /// Folds both journals, each from its first record on, and the logs of suppliers; the order of entries of different
    /// suppliers makes no difference.
    ///
    /// # Errors
    /// Where a record is not an event of its journal.
    pub fn new(registry: &[Recorded], scheduler: &[Recorded], suppliers: &[Entry]) -> Result<Self, Unreadable> {
        Ok(Self {
            suppliers: Suppliers::new(suppliers),
            registry: Registry::fold_all(registry)?,
            scheduler: Scheduler::fold_all(scheduler)?,
            clocks_apart: SignedDuration::ZERO,
        })
    }

    /// The same where the machines' clocks are known to be so far apart: by so much may one of them log what came of something
    /// before another records it.
    #[must_use]
    pub fn of_clocks_apart(self, clocks_apart: SignedDuration) -> Self {
        Self { clocks_apart, ..self }
    }

    /// What was found of each promise, breach or none, in the order of their numbers. Everything here holds at every moment,
    /// whatever is under way.
    pub fn findings(&self) -> Vec<Finding> {
        Promise::ALL.into_iter().map(|promise| self.find(promise)).collect()
    }

    /// Every breach, in words; none is what a test wants.
    pub fn breaches(&self) -> Vec<String> {
        let findings = self.findings();
        findings
            .iter()
            .flat_map(|found| found.breaches.iter().map(|breach| format!("{}: {breach}", found.promise)))
            .collect()
    }

    /// What must not be left once nothing is under way any more, in words: open permits, activations and invitations without an end,
    /// receipts that are not final, and practices that are on over a pause.
    pub fn owed(&self) -> Vec<String> {
        let mut owed = self.disabled_where_a_pause_was_overtaken();
        owed.extend(self.registry.owed(&self.suppliers));
        owed.extend(self.scheduler.owed());
        owed
    }

    /// Waves that have not ended, in words.
    pub fn unended_waves(&self) -> Vec<String> {
        self.scheduler.unended_waves()
    }

    /// Practices of which the registry says something else than their supplier's log, in words: what a supplier's own list
    /// puts right within a day (I28).
    pub fn unseen(&self) -> Vec<String> {
        self.registry.unseen(&self.suppliers).into_iter().map(|(_, words)| words).collect()
    }

    /// Those of [`Evidence::unseen`] that were switched at `moment` or before.
    pub fn unseen_since(&self, moment: Timestamp) -> Vec<String> {
        let unseen = self.registry.unseen(&self.suppliers).into_iter();
        unseen.filter(|(at, _)| *at <= moment).map(|(_, words)| words).collect()
    }

    /// How many practices suppliers have switched, by their logs; one that has two capabilities counts twice.
    pub fn switched_count(&self) -> usize {
        self.suppliers.last_effects().len()
    }

    /// How many notices were sealed to be sent by a carrier.
    pub fn notices_sealed_count(&self) -> usize {
        self.scheduler.notices.sealed.len()
    }

    /// Suppliers that were to switch something and of which no log is there: nothing is shown of what they did.
    pub fn suppliers_without_log(&self) -> BTreeSet<Supplier> {
        self.scheduler.suppliers().filter(|supplier| !self.suppliers.has_log_of(supplier)).cloned().collect()
    }

    /// How much there was to check.
    pub fn cases(&self) -> Cases {
        let enabled: BTreeSet<Key> = self.suppliers.effective_enables().filter_map(Effect::key).collect();
        Cases {
            enables: enabled.len(),
            pauses_with_open_permit: self.registry.pauses_with_open_permit,
            reversals: self.registry.open_at_pause.intersection(&enabled).count(),
            mistakes: self.suppliers.mistakes_count(),
            seals: self.scheduler.sealed.len(),
            holds: self.scheduler.holds_count,
            listed: self.scheduler.listed.len(),
            reported_twice: self.suppliers.reports.values().filter(|count| **count > 1).count(),
            invitations: self.scheduler.invitations.len(),
            lapses: self.scheduler.lapses_count,
            self_enabled: self.suppliers.self_enabled_count(),
            listed_in_vain: self.scheduler.listed_in_vain_count(),
            take_overs: self.scheduler.take_overs_count,
            seals_at_edges: self.scheduler.windows.at_edges_count,
        }
    }
}

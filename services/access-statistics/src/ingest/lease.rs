//! FoldLease: which of several replicas moves the fold into the tables.
//!
//! Every replica folds the whole log in memory, since its queries need that; one of them writes the checkpoints, so that the
//! others neither repeat its work nor wait for it. What it holds against each other is the state of the store, never two
//! clocks: a holder that has not moved the fold for two looks of another, while there was something to move, has lost it; so
//! does one whose clock is off, which folds nothing (rule 18).
//! That no fold is written twice does not rest on the lease alone: a checkpoint says from where to where it goes, and is
//! written under the lock of the lease's row.

use super::Writer;
use crate::store::lease::FoldLease;
use crate::store::log::Tables;

/// How often a replica looks, a checkpoint's interval apart, before it takes the lease of a holder that has done nothing.
const LOOKS_BEFORE_TAKING: u32 = 2;

/// What this replica knows of the lease.
#[derive(Debug, Default)]
pub(super) struct Leasing {
    /// Whether this process has looked before.
    has_looked: bool,
    /// The epoch since which it is ours.
    held: Option<u64>,
    /// The lease and the fold as they were seen last, where another holds it, and how often since.
    seen: Option<(FoldLease, Tables, u32)>,
}

/// Whether this replica may fold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// The lease is ours already.
    Ours,
    /// It is ours once this has been written.
    Take(FoldLease),
    /// Another one folds.
    Others,
}

impl Leasing {
    /// Whose turn it is, by the locked lease and what the tables hold. `replica` is this one's name.
    pub(super) fn turn(&mut self, replica: &str, lease: &FoldLease, tables: Tables) -> Turn {
        if lease.replica == replica && self.held == Some(lease.epoch) {
            return Turn::Ours;
        }
        self.held = None;
        let has_looked = std::mem::replace(&mut self.has_looked, true);
        let take = Turn::Take(FoldLease { epoch: lease.epoch + 1, replica: replica.to_owned() });
        // Free; or our own from before a restart, since no two that run share a name.
        if lease.replica.is_empty() || (lease.replica == replica && !has_looked) {
            return take;
        }
        let looks = match &self.seen {
            Some((seen, held, looks)) if seen == lease && *held == tables => looks + 1,
            _ => 0,
        };
        self.seen = Some((lease.clone(), tables, looks));
        if looks >= LOOKS_BEFORE_TAKING { take } else { Turn::Others }
    }

    /// The lease was written.
    pub(super) fn taken(&mut self, lease: &FoldLease) {
        self.held = Some(lease.epoch);
        self.seen = None;
    }

    /// Whether it was ours when we last looked.
    pub(super) fn is_held(&self) -> bool {
        self.held.is_some()
    }
}

impl Writer {
    /// The lease given back, so that another replica need not wait for it; None where it is not ours.
    pub(super) fn given_back(&self, lease: &FoldLease) -> Option<FoldLease> {
        let is_ours = self.leasing.held == Some(lease.epoch) && lease.replica == self.config.replica;
        is_ours.then(|| FoldLease { epoch: lease.epoch, replica: String::new() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lease(epoch: u64, replica: &str) -> FoldLease {
        FoldLease { epoch, replica: replica.to_owned() }
    }

    fn folded(folded: u64) -> Tables {
        Tables::at(folded)
    }

    #[test]
    fn a_free_lease_is_taken_and_held() {
        let mut leasing = Leasing::default();
        assert_eq!(leasing.turn("one", &lease(4, ""), folded(0)), Turn::Take(lease(5, "one")));
        assert!(!leasing.is_held(), "not before it is written");
        leasing.taken(&lease(5, "one"));
        assert_eq!(leasing.turn("one", &lease(5, "one"), folded(9)), Turn::Ours);
    }

    #[test]
    fn a_holder_that_folds_keeps_it_and_one_that_does_not_loses_it() {
        let mut leasing = Leasing::default();
        for at in 1..6 {
            assert_eq!(leasing.turn("two", &lease(1, "one"), folded(at)), Turn::Others);
        }
        assert_eq!(leasing.turn("two", &lease(1, "one"), folded(5)), Turn::Others);
        assert_eq!(leasing.turn("two", &lease(1, "one"), folded(5)), Turn::Take(lease(2, "two")));
        // The one that stood still finds out when it comes back.
        let mut stale = Leasing::default();
        stale.taken(&lease(1, "one"));
        assert_eq!(stale.turn("one", &lease(2, "two"), folded(5)), Turn::Others);
        assert!(!stale.is_held());
    }

    #[test]
    fn a_replica_that_is_started_again_goes_on_at_once_and_one_of_the_same_name_that_still_runs_does_not() {
        let mut again = Leasing::default();
        assert_eq!(again.turn("one", &lease(3, "one"), folded(0)), Turn::Take(lease(4, "one")));
        let mut before = Leasing::default();
        assert_eq!(before.turn("one", &lease(2, ""), folded(0)), Turn::Take(lease(3, "one")));
        before.taken(&lease(3, "one"));
        assert_eq!(before.turn("one", &lease(4, "one"), folded(0)), Turn::Others);
    }
}

//! Checkpoints: the pending fold goes into the tables, together with how far the log is folded.
//!
//! Only a matter of time and memory: no answer depends on when it happens, and one that fails is made up for by the next.

use std::sync::Arc;

use clock::{Activity, Sleep};
use database::Dialect;
use jiff::{SignedDuration, Timestamp};
use tally::Day;

use super::Writer;
use super::lease::Turn;
use crate::store::log::{self, Head};
use crate::store::{StoreError, hours, lease, months, partitions, quarantine, rollups};

impl Writer {
    pub(super) fn expect_checkpoint(&mut self) {
        if self.checkpoint.is_none() {
            let due = self.clock.now().checked_add(self.config.checkpoint_interval).unwrap_or(Timestamp::MAX);
            self.checkpoint = Some(self.clock.sleep_until(due, "statistics/checkpoint"));
        }
    }

    pub(super) fn is_checkpoint_overdue(&self) -> bool {
        let is_much = |head: Head| head.position - head.folded >= self.config.checkpoint_batches_max;
        self.leasing.is_held() && self.head.is_some_and(is_much)
    }

    /// `now` says which rows have come of age; the clock may go on meanwhile.
    pub(super) async fn checkpoint_or_log(&mut self, now: Timestamp) {
        self.checkpoint = None;
        let written = self.write_checkpoint(now).await;
        match written {
            Ok(()) => {}
            // Nothing is lost: the log has it, and the next checkpoint takes it along.
            Err(error) => {
                tracing::error!(error = telemetry::chain(&error), "a checkpoint failed");
                self.head = None;
            }
        }
        if !self.shared.pending().fold.is_empty() {
            self.expect_checkpoint();
        }
    }

    /// Moves the pending fold into the tables, together with how far the log is folded, where that is this replica's turn.
    ///
    /// The log's head is not locked meanwhile, so that other replicas go on taking events: how far the log is folded changes
    /// under the lock of the lease alone.
    async fn write_checkpoint(&mut self, now: Timestamp) -> Result<(), StoreError> {
        if self.shared.pending().fold.is_empty() {
            return Ok(());
        }
        // What other replicas took is folded along with it; and somebody else may have folded all of it by now.
        self.only_catch_up().await?;
        self.make_partitions(Day::of(now)).await?;
        let (fold, pending) = {
            let pending = self.shared.pending();
            (Arc::clone(&pending.fold), pending.head)
        };
        if fold.is_empty() {
            return Ok(());
        }
        let mut tx = self.db.begin().await?;
        let leased = lease::lock(&mut tx).await?;
        let stored = log::head(&mut tx).await?;
        let turn = self.leasing.turn(&self.config.replica, &leased, stored);
        if turn == Turn::Others || stored.folded != pending.folded {
            return Ok(tx.rollback().await?);
        }
        let taken = if let Turn::Take(taken) = turn { Some(taken) } else { None };
        if let Some(taken) = &taken {
            lease::set(&mut tx, taken).await?;
        }
        let today = Day::of(now);
        let days_from = self.config.practice_days_from(today);
        rollups::add_fold(&mut tx, &fold, &self.dictionary, &self.areas, days_from).await?;
        let folded = Head { position: pending.position, folded: pending.position };
        log::set_folded(&mut tx, folded.folded).await?;
        let mut cleaned = true;
        if self.cleaned_on != Some(today) {
            log::delete_batches(&mut tx, folded.folded, ago(now, self.config.batches_kept)).await?;
            quarantine::delete(&mut tx, ago(now, self.config.quarantine_kept)).await?;
            // One day with each checkpoint, until none is left.
            let hours_went = hours::forget_oldest_day(&mut tx, self.config.hours_from(today)).await?;
            let days_went = months::unite_oldest_day(&mut tx, days_from).await?;
            cleaned = !hours_went && !days_went;
        }
        tx.commit().await?;
        tracing::debug!(events = fold.event_count(), position = folded.folded, "checkpoint");
        if let Some(taken) = taken {
            tracing::info!(epoch = taken.epoch, replica = taken.replica, "this replica folds from now on");
            self.leasing.taken(&taken);
        }
        {
            let mut pending = self.shared.pending();
            pending.fold = Arc::default();
            pending.head = folded;
        }
        self.head = Some(folded);
        if cleaned {
            self.cleaned_on = Some(today);
        }
        self.shared.announce(folded);
        Ok(())
    }

    /// Lets another replica fold at once, where this one did.
    pub(super) async fn give_lease_back(&mut self) -> Result<(), StoreError> {
        let mut tx = self.db.begin().await?;
        let leased = lease::lock(&mut tx).await?;
        match self.given_back(&leased) {
            Some(free) => {
                lease::set(&mut tx, &free).await?;
                tx.commit().await?;
            }
            None => tx.rollback().await?,
        }
        Ok(())
    }
}

impl Writer {
    /// Makes the partitions that the months of the pending fold lack: by a transaction of its own, and short, since whoever
    /// reads waits for it.
    async fn make_partitions(&mut self, today: Day) -> Result<(), StoreError> {
        if self.db.dialect() == Dialect::Sqlite {
            return Ok(());
        }
        let fold = Arc::clone(&self.shared.pending().fold);
        let mut lacking = partitions::months_of(&fold, today);
        lacking.retain(|month| !self.partitioned.contains(month));
        if lacking.is_empty() {
            return Ok(());
        }
        let mut tx = self.db.begin().await?;
        log::lock_head(&mut tx).await?;
        for month in &lacking {
            partitions::make(&mut tx, *month).await?;
        }
        tx.commit().await?;
        self.partitioned.extend(lacking);
        Ok(())
    }
}

fn ago(now: Timestamp, span: SignedDuration) -> Timestamp {
    now.checked_sub(span).unwrap_or(Timestamp::MIN)
}

/// Waits for the checkpoint, for ever if none is due.
pub(super) async fn due(checkpoint: &mut Option<Sleep>) -> Activity {
    match checkpoint {
        Some(sleep) => sleep.await,
        None => std::future::pending().await,
    }
}

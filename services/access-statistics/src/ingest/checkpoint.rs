//! Checkpoints: the pending fold goes into the tables, together with how far the log is folded.
//!
//! Only a matter of time and memory: no answer depends on when it happens, and one that fails is made up for by the next.

use std::sync::Arc;

use clock::{Activity, Sleep};
use database::Dialect;
use jiff::Timestamp;
use tally::Day;

use super::Writer;
use crate::store::log::{self, Head};
use crate::store::{StoreError, hours, months, partitions, rollups};

impl Writer {
    pub(super) fn expect_checkpoint(&mut self) {
        if self.checkpoint.is_none() {
            let due = self.clock.now().checked_add(self.config.checkpoint_interval).unwrap_or(Timestamp::MAX);
            self.checkpoint = Some(self.clock.sleep_until(due, "statistics/checkpoint"));
        }
    }

    pub(super) fn is_checkpoint_overdue(&self) -> bool {
        self.head.is_some_and(|head| head.position - head.folded >= self.config.checkpoint_batches_max)
    }

    pub(super) async fn checkpoint_or_log(&mut self) {
        self.checkpoint = None;
        if let Err(error) = self.write_checkpoint().await {
            // Nothing is lost: the log has it, and the next checkpoint takes it along.
            tracing::error!(error = telemetry::chain(&error), "a checkpoint failed");
            self.head = None;
            self.expect_checkpoint();
        }
    }

    /// Moves the pending fold into the tables, together with how far the log is folded.
    pub(super) async fn write_checkpoint(&mut self) -> Result<(), StoreError> {
        if self.shared.pending().fold.is_empty() {
            return Ok(());
        }
        self.make_partitions().await?;
        let mut tx = self.db.begin().await?;
        let head = self.catch_up(&mut tx).await?;
        let fold = Arc::clone(&self.shared.pending().fold);
        let today = Day::of(self.clock.now());
        let days_from = self.config.practice_days_from(today);
        rollups::add_fold(&mut tx, &fold, &self.dictionary, &self.areas, days_from).await?;
        let folded = Head { folded: head.position, ..head };
        log::set_head(&mut tx, folded).await?;
        let mut cleaned = true;
        if self.cleaned_on != Some(today) {
            let before = self.clock.now().checked_sub(self.config.batches_kept).unwrap_or(Timestamp::MIN);
            log::delete_batches(&mut tx, folded.folded, before).await?;
            // One day with each checkpoint, until none is left.
            let hours_went = hours::forget_oldest_day(&mut tx, self.config.hours_from(today)).await?;
            let days_went = months::unite_oldest_day(&mut tx, days_from).await?;
            cleaned = !hours_went && !days_went;
        }
        tx.commit().await?;
        tracing::debug!(events = fold.event_count(), position = folded.folded, "checkpoint");
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
}

impl Writer {
    /// Makes the partitions that the months of the pending fold lack: by a transaction of its own, and short, since whoever
    /// reads waits for it.
    async fn make_partitions(&mut self) -> Result<(), StoreError> {
        if self.db.dialect() == Dialect::Sqlite {
            return Ok(());
        }
        let fold = Arc::clone(&self.shared.pending().fold);
        let mut lacking = partitions::months_of(&fold, Day::of(self.clock.now()));
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

/// Waits for the checkpoint, for ever if none is due.
pub(super) async fn due(checkpoint: &mut Option<Sleep>) -> Activity {
    match checkpoint {
        Some(sleep) => sleep.await,
        None => std::future::pending().await,
    }
}

//! Checkpoints: the pending fold goes into the tables, slice by slice, together with how far it is written.
//!
//! Only a matter of time and memory: no answer depends on when it happens, and what fails is made up for by the next. A
//! checkpoint begins by saying to which batch it goes. Then each slice is a short transaction of its own, between which producers are
//! served, and says what is written by then; whoever goes on, another replica or this one after a crash, folds the same batches
//! anew and writes what is lacking. Old rows are deleted in steps of the same kind.

use std::sync::Arc;

use clock::{Activity, Sleep};
use database::{Dialect, Tx};
use jiff::Timestamp;
use tally::{Day, Slice, Written};

use super::Writer;
use super::lease::Turn;
use crate::store::lease::FoldLease;
use crate::store::log::{self, Head, Tables};
use crate::store::rollups::KeptFrom;
use crate::store::{StoreError, lease, partitions, rollups};

impl Writer {
    pub(super) fn expect_checkpoint(&mut self) {
        if self.checkpoint.is_none() {
            let due = self.clock.now().checked_add(self.config.checkpoint_interval).unwrap_or(Timestamp::MAX);
            self.checkpoint = Some(self.clock.sleep_until(due, "statistics/checkpoint"));
        }
    }

    pub(super) fn is_checkpoint_overdue(&self) -> bool {
        let is_much = |head: Head| head.position - head.tables.folded >= self.config.checkpoint_batches_max;
        self.under_way.is_none() && self.leasing.is_held() && self.head.is_some_and(is_much)
    }

    /// The moment of the next checkpoint has come. Where another is under way it is put off, rather than time held until that one ends.
    pub(super) async fn checkpoint_due_or_log(&mut self) {
        self.checkpoint = None;
        let now = self.clock.now();
        if self.under_way.is_some() {
            self.put_off.get_or_insert(now);
        } else {
            self.begin_checkpoint_or_log(now).await;
        }
    }

    /// Begins the checkpoint of `now`, or goes on with one that somebody has begun, where that is this replica's turn.
    pub(super) async fn begin_checkpoint_or_log(&mut self, now: Timestamp) {
        self.checkpoint = None;
        let begun = self.begin_checkpoint().await;
        if self.goes_on_or_log(begun) {
            self.under_way = Some(now);
            // The areas, before any practice moves on: its views count for those in which it was.
            self.step_or_log().await;
        }
    }

    pub(super) fn has_more_to_write(&self) -> bool {
        self.under_way.is_some() || self.put_off.is_some()
    }

    /// One step of the checkpoint that is under way; where none is, the one that was put off begins.
    pub(super) async fn go_on_or_log(&mut self) {
        if self.under_way.is_some() {
            self.step_or_log().await;
        } else if let Some(due) = self.put_off.take() {
            self.begin_checkpoint_or_log(due).await;
        }
    }

    /// Goes on until the checkpoint that was put off has written its areas.
    pub(super) async fn begin_put_off_or_log(&mut self) {
        while self.put_off.is_some() {
            self.go_on_or_log().await;
        }
    }

    async fn step_or_log(&mut self) {
        let Some(now) = self.under_way.take() else { return };
        let stepped = self.step(now).await;
        if self.goes_on_or_log(stepped) {
            self.under_way = Some(now);
        }
    }

    /// Writes what is pending, however long that takes: the one that was begun, and what came since.
    pub(super) async fn write_everything_or_log(&mut self) {
        // What is old can wait for the next start.
        self.cleaned_on = Some(Day::of(self.clock.now()));
        for _ in 0..2 {
            if self.under_way.is_none() {
                self.begin_checkpoint_or_log(self.clock.now()).await;
            }
            while self.under_way.is_some() {
                self.step_or_log().await;
            }
        }
    }

    /// Whether there are more steps to take now. What is left is for the next checkpoint; so is what failed: the log has it.
    fn goes_on_or_log(&mut self, result: Result<bool, StoreError>) -> bool {
        let goes_on = result.unwrap_or_else(|error| {
            tracing::error!(error = telemetry::chain(&error), "a checkpoint failed");
            self.head = None;
            false
        });
        if !goes_on && !self.shared.pending().is_empty() {
            self.expect_checkpoint();
        }
        goes_on
    }

    /// Whether this replica may write at all. One that records nothing, such as one whose clock is off (rule 18), has no turn, and
    /// lets its own pass: by its clock it would delete what is to be kept, and leave out hours that are not old.
    fn may_fold(&self) -> bool {
        self.journal.is_ready()
    }

    /// Says to which batch the checkpoint goes; false where there is nothing to write, or it is another replica's turn.
    ///
    /// The log's head is locked for that moment, so that every replica sees it before it sees a batch that comes after.
    async fn begin_checkpoint(&mut self) -> Result<bool, StoreError> {
        // What other replicas took is folded along with it; and somebody else may have folded all of it by now.
        self.only_catch_up().await?;
        if self.shared.pending().is_empty() || !self.may_fold() {
            return Ok(false);
        }
        let (mut tx, leased, mut head) = loop {
            self.make_partitions().await?;
            let mut tx = self.db.begin().await?;
            let leased = lease::lock(&mut tx).await?;
            let head = self.catch_up(&mut tx).await?;
            // Another replica may have logged something of another month meanwhile.
            if self.lacking_partitions().is_empty() {
                break (tx, leased, head);
            }
            tx.rollback().await?;
        };
        let taken = match self.leasing.turn(&self.config.replica, &leased, head.tables) {
            Turn::Ours => None,
            Turn::Take(taken) => Some(taken),
            Turn::Others => {
                tx.rollback().await?;
                return Ok(false);
            }
        };
        if let Some(taken) = &taken {
            lease::set(&mut tx, taken).await?;
        }
        if !head.tables.is_being_written() {
            head.tables.target = head.position;
        }
        log::set_tables(&mut tx, &head.tables).await?;
        tx.commit().await?;
        if let Some(taken) = taken {
            self.lease_taken(&taken);
        }
        self.tables_are(head.tables);
        Ok(true)
    }

    fn lease_taken(&mut self, taken: &FoldLease) {
        tracing::info!(epoch = taken.epoch, replica = taken.replica, "this replica folds from now on");
        self.leasing.taken(taken);
    }

    /// Writes the areas; then deletes some of what is old, where anything is; then writes one slice of practices. Whether there is more
    /// to do.
    ///
    /// The log's head is not locked meanwhile, so that other replicas go on taking events: what the tables hold changes under the
    /// lock of the lease alone.
    async fn step(&mut self, now: Timestamp) -> Result<bool, StoreError> {
        let (fold, tables) = {
            let pending = self.shared.pending();
            (Arc::clone(&pending.writing), pending.head.tables)
        };
        if !tables.is_being_written() || !self.may_fold() {
            // Another replica finished it, or is to.
            return Ok(false);
        }
        let mut tx = self.db.begin().await?;
        let leased = lease::lock(&mut tx).await?;
        let stored = log::head(&mut tx).await?;
        let turn = self.leasing.turn(&self.config.replica, &leased, stored.tables);
        if turn != Turn::Ours || stored.tables != tables {
            // Another replica took over.
            self.head = None;
            tx.rollback().await?;
            return Ok(false);
        }
        let today = Day::of(now);
        let is_cleaned = self.cleaned_on == Some(today);
        if !is_cleaned && tables.written != Written::Nothing {
            let is_more = self.clean_some(&mut tx, tables.folded, now).await?;
            tx.commit().await?;
            if !is_more {
                self.cleaned_on = Some(today);
            }
            return Ok(true);
        }
        let slice = fold.next_slice(tables.written, self.config.checkpoint_slice_rows);
        if let Some(slice) = &slice {
            self.write(&mut tx, &fold, slice, today).await?;
        }
        let written = slice.map_or(tables.written, |slice| slice.written());
        let is_last = is_cleaned && fold.next_slice(written, self.config.checkpoint_slice_rows).is_none();
        let written = if is_last { Tables::at(tables.target) } else { Tables { written, ..tables } };
        log::set_tables(&mut tx, &written).await?;
        tx.commit().await?;
        self.tables_are(written);
        if is_last {
            tracing::debug!(events = fold.event_count(), position = written.folded, "checkpoint");
        }
        Ok(!is_last)
    }

    async fn write(&mut self, tx: &mut Tx, fold: &tally::Fold, slice: &Slice, today: Day) -> Result<(), StoreError> {
        match slice {
            Slice::Areas => rollups::add_areas(tx, fold, &self.dictionary, &self.areas).await,
            Slice::Practices(practices) => {
                let (hours, practice_days) = (self.config.hours_from(today), self.config.practice_days_from(today));
                let kept = KeptFrom { hours, practice_days };
                rollups::add_practices(tx, fold, practices, &self.dictionary, kept).await
            }
        }
    }

    /// This replica has said what the tables hold.
    fn tables_are(&mut self, tables: Tables) {
        let head = {
            let mut pending = self.shared.pending();
            pending.follow(tables);
            pending.head
        };
        self.arrive_at(head);
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
    /// The months of the pending fold that may have no partitions; none on SQLite.
    fn lacking_partitions(&self) -> Vec<Day> {
        if self.db.dialect() == Dialect::Sqlite {
            return Vec::new();
        }
        let pending = self.shared.pending();
        let months = partitions::months_of(pending.practice_columns(), Day::of(self.clock.now()));
        months.into_iter().filter(|month| !self.partitioned.contains(month)).collect()
    }

    /// Makes the partitions that are lacking: by a transaction of its own, and short, since whoever reads waits for it.
    async fn make_partitions(&mut self) -> Result<(), StoreError> {
        let lacking = self.lacking_partitions();
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

//! What is counted and not yet in the tables, where queries find it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;
use jiff::Timestamp;
use tally::{AreaIndex, AreaOrdinal, Column, Day, Dictionary, Events, Fold, People, PracticeOrdinal};
use tokio::sync::watch;

use crate::store::log::{Head, Tables};

/// What was folded since the last checkpoint, and where it lies in the log: after `head.tables.folded`, up to `head.position`.
#[derive(Debug, Default)]
pub(crate) struct Pending {
    /// Up to `head.tables.target`: what a checkpoint is moving into the tables, slice by slice, whoever writes it. Shared with that
    /// while it writes.
    pub(crate) writing: Arc<Fold>,
    /// After it. Shared with nobody.
    since: Fold,
    pub(crate) head: Head,
    /// When the first of what is being written arrived; None where nothing is.
    writing_from: Option<Timestamp>,
    /// When the first of what came after it arrived; None where nothing has.
    since_from: Option<Timestamp>,
}

impl Pending {
    /// Nothing was folded that is not in the tables.
    pub(crate) fn is_empty(&self) -> bool {
        self.writing.is_empty() && self.since.is_empty()
    }

    /// Events of batches that the tables do not hold all of.
    pub(crate) fn event_count(&self) -> u64 {
        self.writing.event_count() + self.since.event_count()
    }

    /// When the oldest of them arrived; None where there is none.
    pub(crate) fn oldest_arrived_at(&self) -> Option<Timestamp> {
        self.writing_from.or(self.since_from)
    }

    /// Folds the batch at the position that follows.
    pub(super) fn add(
        &mut self,
        position: u64,
        events: &Events,
        arrived_at: Timestamp,
        dictionary: &Dictionary,
        areas: &AreaIndex,
    ) {
        let (fold, from) = if position <= self.head.tables.target {
            (Arc::make_mut(&mut self.writing), &mut self.writing_from)
        } else {
            (&mut self.since, &mut self.since_from)
        };
        fold.add(events, Day::of(arrived_at), dictionary, areas);
        from.get_or_insert(arrived_at);
        self.head.position = position;
    }

    /// Nothing was folded, and the tables hold this.
    pub(super) fn at(tables: Tables) -> Self {
        Self { head: Head { position: tables.folded, tables }, ..Self::default() }
    }

    /// Whether [`Self::follow`] may follow to these tables from here, once all batches up to their target are folded: true while
    /// each step of a checkpoint is seen before any batch that came after it. Else everything is to be folded anew.
    pub(super) fn can_follow(&self, tables: Tables) -> bool {
        let known = self.known_by(tables);
        let begins = !known.is_being_written() && self.head.position <= tables.target;
        let goes_on = known.target == tables.target && known.written <= tables.written;
        known.folded == tables.folded && (goes_on || begins)
    }

    /// Takes in what the tables hold by now, all batches up to their target being folded. What they hold goes; where a checkpoint has
    /// begun, what it is to move is kept apart from what comes after.
    pub(super) fn follow(&mut self, tables: Tables) {
        let known = self.known_by(tables);
        if known != self.head.tables {
            self.writing = Arc::default();
            self.writing_from = None;
        }
        if tables.is_being_written() && !known.is_being_written() {
            self.writing = Arc::new(std::mem::take(&mut self.since));
            self.writing_from = self.since_from.take();
        }
        self.head.tables = tables;
        self.head.position = self.head.position.max(tables.folded);
    }

    /// What was known of the tables, once the checkpoint that was being written is finished, if by now it is.
    fn known_by(&self, tables: Tables) -> Tables {
        let known = self.head.tables;
        let is_finished = known.is_being_written() && known.target == tables.folded;
        if is_finished { Tables::at(tables.folded) } else { known }
    }

    /// Counts that are still to be added to those of areas.
    pub(crate) fn area_columns(&self) -> impl Iterator<Item = Column<'_>> {
        self.writing.rest(self.head.tables.written).area_columns().chain(self.since.columns())
    }

    /// Counts that are still to be added to those of practices.
    pub(crate) fn practice_columns(&self) -> impl Iterator<Item = Column<'_>> {
        self.writing.rest(self.head.tables.written).practice_columns().chain(self.since.columns())
    }

    /// People who are still to be added to those of areas.
    pub(crate) fn people_by_area(&self) -> impl Iterator<Item = People<'_, AreaOrdinal>> {
        self.writing.rest(self.head.tables.written).people_by_area().chain(self.since.people_by_area())
    }

    /// People who are still to be added to those of practices.
    pub(crate) fn people_by_practice(&self) -> impl Iterator<Item = People<'_, PracticeOrdinal>> {
        self.writing.rest(self.head.tables.written).people_by_practice().chain(self.since.people_by_practice())
    }
}

/// What the writer shows to queries. Only the writer changes it.
#[derive(Debug)]
pub(crate) struct Shared {
    pending: Mutex<Pending>,
    dictionary: ArcSwap<Dictionary>,
    areas: ArcSwap<AreaIndex>,
    /// The head of `pending`, for those who wait until a checkpoint has moved it.
    head: watch::Sender<Head>,
}

impl Shared {
    pub(crate) fn new() -> Self {
        Self {
            pending: Mutex::default(),
            dictionary: ArcSwap::default(),
            areas: ArcSwap::default(),
            head: watch::Sender::new(Head::default()),
        }
    }

    /// What is pending, for a short look; never held across an await.
    pub(crate) fn pending(&self) -> MutexGuard<'_, Pending> {
        // A panic while it was held cannot have left it half changed: folding has no step that may panic in between.
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn dictionary(&self) -> Arc<Dictionary> {
        self.dictionary.load_full()
    }

    pub(crate) fn areas(&self) -> Arc<AreaIndex> {
        self.areas.load_full()
    }

    /// To wait for the head to move.
    pub(crate) fn heads(&self) -> watch::Receiver<Head> {
        self.head.subscribe()
    }

    pub(super) fn set_dictionary(&self, dictionary: Arc<Dictionary>) {
        self.dictionary.store(dictionary);
    }

    pub(super) fn set_areas(&self, areas: Arc<AreaIndex>) {
        self.areas.store(areas);
    }

    /// Says that the head is where `pending` has it.
    pub(super) fn announce(&self, head: Head) {
        self.head.send_replace(head);
    }
}

//! What is counted and not yet in the tables, where queries find it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;
use tally::{AreaIndex, Dictionary, Fold};
use tokio::sync::watch;

use crate::store::log::Head;

/// The fold since the last checkpoint, and where it lies in the log: after `head.folded`, up to `head.position`.
#[derive(Debug, Default)]
pub(crate) struct Pending {
    /// Shared with a checkpoint while that writes it; never changed then.
    pub(crate) fold: Arc<Fold>,
    pub(crate) head: Head,
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

//! JournalHandle: a journal without its machine, for those who only read, watch and verify it.

use std::sync::Arc;
use std::time::Instant;

use clock::Clock;
use tokio::sync::{Notify, watch};

use crate::JournalError;
use crate::checkpoint::{Checkpoint, Checkpoints};
use crate::engine::{EngineConfig, Progress, wait_for};
use crate::error::NotReached;
use crate::log::Log;
use crate::record::{Note, Record};
use crate::verify::{self, Verification};

/// A journal that an engine of this process serves. Clones are the same journal.
#[derive(Clone, Debug)]
pub struct JournalHandle {
    log: Log,
    progress: watch::Receiver<Progress>,
    hint: Arc<Notify>,
    clock: Clock,
    checkpoints: Option<Arc<Checkpoints>>,
}

impl JournalHandle {
    pub(crate) fn new(
        log: Log,
        progress: watch::Receiver<Progress>,
        hint: Arc<Notify>,
        clock: Clock,
        config: &EngineConfig,
    ) -> Self {
        Self { log, progress, hint, clock, checkpoints: config.checkpoints.clone() }
    }

    /// The journal's name, such as `registry`.
    pub fn name(&self) -> &'static str {
        self.log.name
    }

    /// The last position that the engine has published.
    pub fn position(&self) -> u64 {
        self.progress.borrow().head.position
    }

    /// At most `limit` records after a position, as they are stored.
    pub async fn records(&self, after: u64, limit: usize) -> Result<Vec<Record>, JournalError> {
        self.log.records(after, limit).await
    }

    /// The notes of the records from `first` to `last`, those that were not taken away.
    pub async fn notes(&self, first: u64, last: u64) -> Result<Vec<Note>, JournalError> {
        self.log.notes(first, last).await
    }

    /// Waits until the engine has published `position`.
    pub async fn wait_for(&self, position: u64, deadline: Instant) -> Result<(), NotReached> {
        if self.position() >= position {
            return Ok(());
        }
        self.hint.notify_one();
        wait_for(self.progress.clone(), self.log.name, position, deadline).await
    }

    /// Waits until the engine has published a record after `position`; false once there will be none, since the engine
    /// has ended or stopped.
    pub async fn wait_after(&self, position: u64) -> bool {
        let mut progress = self.progress.clone();
        let moved = progress.wait_for(|progress| progress.head.position > position || progress.is_final()).await;
        moved.is_ok_and(|progress| progress.head.position > position)
    }

    /// Computes the whole chain anew. `checkpoint` is one that was kept elsewhere; it must be signed with our key.
    pub async fn verify(&self, checkpoint: Option<&Checkpoint>) -> Result<Verification, JournalError> {
        let ours = self.checkpoints.as_ref().map(|checkpoints| checkpoints.signer().public_key());
        // Without a key of our own no signature can be ours.
        let checkpoint = checkpoint.map(|checkpoint| (checkpoint, ours.unwrap_or_default()));
        verify::verify(&self.log, checkpoint).await
    }

    /// What the engine has published last, signed; `None` where it was opened without checkpoints. Not what the store
    /// holds now: whoever knows that a store was rewound must not vouch for it (rule 17).
    ///
    /// # Errors
    /// Why the engine has stopped, if it has.
    pub fn checkpoint(&self) -> Result<Option<Checkpoint>, Arc<JournalError>> {
        let Some(checkpoints) = &self.checkpoints else { return Ok(None) };
        let Progress { head, stopped, .. } = self.progress.borrow().clone();
        match stopped {
            Some(reason) => Err(reason),
            None => Ok(Some(checkpoints.signer().sign(self.log.name, head, self.clock.now()))),
        }
    }

    pub(crate) fn log(&self) -> &Log {
        &self.log
    }
}

//! JournalHandle: a journal without its machine, for those who only read, watch and verify it.

use std::convert::Infallible;
use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use clock::Clock;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::{Notify, oneshot, watch};

use crate::JournalError;
use crate::checkpoint::Checkpoint;
use crate::checkpoints::Checkpoints;
use crate::engine::{
    Accepted, EncodeRedaction, EngineConfig, LoadedPolicies, Meta, OwnQueue, Progress, RedactionWork, ReplyTo,
    redact_dry, wait_for,
};
use crate::error::{NotReached, SubmitError};
use crate::filter::RecordFilter;
use crate::log::Log;
use crate::record::{Note, Record};
use crate::redaction::{RedactNote, Redaction, RedactionRejection};
use crate::verify::{self, Against, Verification};

/// A journal that an engine of this process serves. Clones are the same journal.
#[derive(Clone)]
pub struct JournalHandle {
    log: Log,
    progress: watch::Receiver<Progress>,
    hint: Arc<Notify>,
    clock: Clock,
    checkpoints: Option<Arc<Checkpoints>>,
    own: Arc<dyn OwnQueue>,
}

impl fmt::Debug for JournalHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JournalHandle").field("journal", &self.name()).finish_non_exhaustive()
    }
}

impl JournalHandle {
    pub(crate) fn new(
        log: Log,
        progress: watch::Receiver<Progress>,
        hint: Arc<Notify>,
        clock: Clock,
        config: &EngineConfig,
        own: Arc<dyn OwnQueue>,
    ) -> Self {
        Self { log, progress, hint, clock, checkpoints: config.checkpoints.clone(), own }
    }

    /// The journal's name, such as `registry`.
    pub fn name(&self) -> &'static str {
        self.log.name
    }

    /// The last position that the engine has published.
    pub fn position(&self) -> u64 {
        self.progress.borrow().head.position
    }

    /// False while this replica records nothing: its clock is off its database's (rule 18), or its engine has ended or
    /// stopped. Such a replica asks for no lease and lets its own run out, so that another one may have it.
    pub fn is_ready(&self) -> bool {
        self.progress.borrow().is_ready()
    }

    /// By how much this replica's clock is ahead of its database's, where it is too far off to record anything (rule 18).
    pub fn clock_off(&self) -> Option<SignedDuration> {
        self.progress.borrow().clock_off
    }

    /// Waits until [`is_ready`](Self::is_ready) is something else than `was`; false where it never will be again.
    pub async fn readiness_changed(&self, was: bool) -> bool {
        self.progress.clone().wait_for(|progress| progress.is_ready() != was).await.is_ok()
    }

    /// At most `limit` records after a position, as they are stored.
    pub async fn records(&self, after: u64, limit: usize) -> Result<Vec<Record>, JournalError> {
        self.log.records(after, limit).await
    }

    /// At most `limit` of those records after a position and up to `until` that match, as they are stored.
    pub async fn records_matching(
        &self,
        after: u64,
        until: u64,
        limit: usize,
        filter: &RecordFilter,
    ) -> Result<Vec<Record>, JournalError> {
        if filter.is_empty() && until == u64::MAX {
            return self.log.records(after, limit).await;
        }
        self.log.records_matching(after, until, limit, filter).await
    }

    /// The position of the last record that was recorded before a moment; 0 where there is none.
    pub async fn last_before(&self, moment: Timestamp) -> Result<u64, JournalError> {
        self.log.last_before(moment).await
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

    /// Closes the journal's store, for everybody in this process, once its engine has been shut down: on SQLite one file
    /// then holds everything, which may be copied.
    pub async fn close(&self) {
        self.log.close().await;
    }

    /// Computes the whole chain anew, or from the checkpoint on. `checkpoint` is one that was kept elsewhere; it must be
    /// signed with our key.
    pub async fn verify(
        &self,
        checkpoint: Option<&Checkpoint>,
        from_checkpoint: bool,
    ) -> Result<Verification, JournalError> {
        let ours = self.checkpoints.as_ref().map(|checkpoints| checkpoints.signer().public_key());
        // Without a key of our own no signature can be ours.
        let key = Some(ours.unwrap_or_default());
        let against = Against { checkpoints: checkpoint.cloned().into_iter().collect(), key, from_checkpoint };
        verify::verify(&self.log, &against).await
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

    /// The redactions of the notes of the records from `first` to `last`, as far as they are published here; a wish whose
    /// second person did not come in time is none.
    pub fn redactions(&self, first: u64, last: u64) -> Vec<Redaction> {
        let now = self.clock.now();
        let progress = self.progress.borrow();
        let stands = |redaction: &&Redaction| redaction.redacted.is_some() || now < redaction.until;
        progress.redactions.between(first, last).filter(stands).cloned().collect()
    }

    /// Has a note taken away, which takes two people: the first call, without an etag, records that it was asked for; the
    /// second, by another account with the etag that the first returned, deletes note and salt with its record. `encode`
    /// words the reply, which is stored with the request id. A dry run records and deletes nothing.
    pub async fn redact_note(
        &self,
        asked: RedactNote,
        meta: Meta,
        dry_run: bool,
        encode: impl FnOnce(&Redaction, u64) -> Vec<u8> + Send + 'static,
    ) -> Result<Accepted, SubmitError<RedactionRejection>> {
        let encode: EncodeRedaction = Box::new(encode);
        let Progress { head, redactions, stopped, .. } = self.progress.borrow().clone();
        if let Some(reason) = stopped {
            return Err(SubmitError::Stopped(reason));
        }
        let is_there = self.is_note_there(asked.note_position).await?;
        if dry_run {
            return redact_dry(&redactions, &head, asked, is_there, &meta, encode, self.clock.now());
        }
        let (sender, answer) = oneshot::channel();
        let reply_to = ReplyTo { sender, activity: self.clock.activity() };
        if !self.own.send_redaction(RedactionWork { asked, encode, reply_to }, meta).await {
            return Err(self.closed());
        }
        let (answer, _activity) = answer.await.map_err(|_| self.closed::<RedactionRejection>())?;
        answer
    }

    /// Records that this process goes by another set of policies from now on; nothing where the journal says so already, or
    /// where they are the program's own and no others were ever recorded.
    ///
    /// # Errors
    /// It could not be recorded now.
    pub async fn record_policies(
        &self,
        loaded: LoadedPolicies,
        meta: Meta,
    ) -> Result<Accepted, SubmitError<Infallible>> {
        let (sender, answer) = oneshot::channel();
        let reply_to = ReplyTo { sender, activity: self.clock.activity() };
        if !self.own.send_policies(loaded, reply_to, meta).await {
            return Err(self.closed());
        }
        let (answer, _activity) = answer.await.map_err(|_| self.closed::<Infallible>())?;
        answer
    }

    /// Whether a record's note lies beside the journal; refused where it never had one.
    async fn is_note_there(&self, position: u64) -> Result<bool, SubmitError<RedactionRejection>> {
        let unavailable = |error| SubmitError::of(Arc::new(error));
        let rejected = || SubmitError::Rejected(RedactionRejection::NoNote { note_position: position });
        let before = position.checked_sub(1).ok_or_else(rejected)?;
        let record = self.log.records(before, 1).await.map_err(unavailable)?.into_iter().next();
        record.filter(|record| record.position == position && record.note_hash.is_some()).ok_or_else(rejected)?;
        Ok(!self.log.notes(position, position).await.map_err(unavailable)?.is_empty())
    }

    fn closed<R: Error + Send + Sync + 'static>(&self) -> SubmitError<R> {
        match self.progress.borrow().stopped.clone() {
            Some(reason) => SubmitError::Stopped(reason),
            None => SubmitError::Unavailable(Arc::new(JournalError::Closed { journal: self.name().to_owned() })),
        }
    }

    pub(crate) fn log(&self) -> &Log {
        &self.log
    }
}

//! Engine: runs a [`Machine`] over a stored journal.
//!
//! Reads take the published state, without a lock. Writes are submitted, decided in batches by one task, and answered
//! once they are durable. Any number of engines, in any number of processes, may run on one journal in PostgreSQL.

mod admission;
mod chores;
mod clock_check;
mod config;
mod draft;
mod measures;
mod published;
mod queues;
mod recent;
mod submission;
mod tail;
mod writer;

use std::panic::AssertUnwindSafe;
use std::sync::{Arc, PoisonError};
use std::time::Instant;

use clock::Clock;
use futures_util::FutureExt;
use jiff::Timestamp;
use tokio::sync::{Notify, oneshot, watch};
use tokio::task::JoinHandle;

pub use config::{CommitHook, CommitStage, EngineConfig, Salt};
pub(crate) use published::{Progress, wait_for};
pub use published::{Published, Subscription};
pub use submission::{Accepted, LoadedPolicies, Meta, Priority, Submission};

use crate::error::{JournalError, NotReached, Rewound, SubmitError};
use crate::fold::{Folded, PAGE_RECORDS, decode};
use crate::handle::JournalHandle;
use crate::log::{Journal, Log};
use crate::machine::{Machine, Outcome, Recorded};
use crate::record::{Head, Record};
use crate::redaction::OWN_KINDS;
use crate::snapshot::Taken;
use crate::{ChainFault, snapshot};
pub(crate) use admission::redact_dry;
use chores::Chores;
use clock_check::ClockCheck;
use measures::Measures;
use published::Shared;
pub(crate) use queues::OwnQueue;
use queues::QueueSenders;
use recent::RecentHashes;
pub(crate) use submission::{EncodeRedaction, RedactionWork, ReplyTo};
use submission::{Job, Work};
use writer::Writer;

/// Runs a [`Machine`] over a journal. Clones are the same engine; once the last is dropped, what waits is still served
/// and its tasks end. [`Engine::shutdown`] also waits for that.
pub struct Engine<M: Machine>(Arc<Inner<M>>);

struct Inner<M: Machine> {
    shared: Arc<Shared<M>>,
    queues: QueueSenders<M>,
    hint: Arc<Notify>,
    clock: Clock,
    measures: Measures,
    handle: JournalHandle,
    stopping: watch::Sender<bool>,
    tasks: std::sync::Mutex<Vec<JoinHandle<()>>>,
}

impl<M: Machine> Clone for Engine<M> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<M: Machine> std::fmt::Debug for Engine<M> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").field("journal", &M::JOURNAL).field("position", &self.published().position).finish()
    }
}

impl<M: Machine> Engine<M> {
    /// Folds the journal and starts the engine's tasks on the current runtime.
    ///
    /// # Errors
    /// Where the store fails, the chain is broken, a kind is unknown to this build, or the journal is not (any more) the
    /// one of which the last checkpoint was taken (rule 17).
    pub async fn open(journal: Journal, clock: Clock, config: EngineConfig) -> Result<Self, JournalError> {
        let log = Log { name: M::JOURNAL, journal };
        let head = log.open().await?;
        compare_with_checkpoint(&log, &head, &config).await?;
        let (folded, taken) = fold_all::<M>(&log, head.position).await?;
        let (position, snapshot_position) = (folded.head.position, taken.position);
        tracing::info!(journal = log.name, position, snapshot_position, "the journal is open");
        Ok(Self::start(log, clock, config, folded, taken).await)
    }

    async fn start(log: Log, clock: Clock, config: EngineConfig, folded: Folded<M>, taken: Taken) -> Self {
        let measures = Measures::of(M::JOURNAL);
        let shared = Arc::new(Shared::new(&folded, clock.clone(), measures.clone()));
        let clock_check = ClockCheck::new(&log, &clock, &config, &shared);
        if let Some(clock_check) = &clock_check {
            // Before anything can be submitted.
            clock_check.look().await;
        }
        let (senders, queues) = queues::queues(config.queue_commands_max, measures.clone());
        let (stopping, stop) = watch::channel(false);
        let (writer_lives, writer_alive) = watch::channel(());
        let hint = Arc::new(Notify::new());
        let own = senders.own();
        let handle = JournalHandle::new(log.clone(), shared.progress(), Arc::clone(&hint), clock.clone(), &config, own);

        let tail = tail::run(
            log.journal.clone(),
            Arc::clone(&hint),
            shared.progress(),
            config.poll_interval,
            writer_alive.clone(),
        );
        let chores = Chores {
            log: log.clone(),
            clock: clock.clone(),
            config: config.clone(),
            shared: Arc::clone(&shared),
            taken,
            checkpoint_position: folded.head.position,
        };
        let writer = Writer {
            recent: RecentHashes::new(&folded.head),
            log,
            clock: clock.clone(),
            config,
            shared: Arc::clone(&shared),
            queues,
            folded,
            hint: Arc::clone(&hint),
            stopping: stop,
            unavailable: false,
            measures: measures.clone(),
        };
        let ending = Arc::clone(&shared);
        let mut tasks = Vec::new();
        if let Some(clock_check) = clock_check {
            tasks.push(tokio::spawn(clock_check.run(writer_alive.clone())));
        }
        tasks.extend([
            tokio::spawn(async move {
                if AssertUnwindSafe(writer.run()).catch_unwind().await.is_err() {
                    ending.stop(Arc::new(JournalError::Fault { journal: M::JOURNAL.to_owned() }));
                }
                ending.end();
                // How the other tasks hear of it.
                drop(writer_lives);
            }),
            tokio::spawn(tail),
            tokio::spawn(chores.run(writer_alive)),
        ]);
        Self(Arc::new(Inner { shared, queues: senders, hint, clock, measures, handle, stopping, tasks: tasks.into() }))
    }

    /// The latest committed state; takes no lock. It contains every command whose acceptance this engine has answered.
    pub fn published(&self) -> Arc<Published<M>> {
        self.0.shared.published()
    }

    /// Looks at the latest committed state for a moment; takes no lock and counts no reference, so that the cores that
    /// read do not wait for each other. For more than a look-up there is [`published`](Self::published).
    pub fn read<T>(&self, read: impl FnOnce(&Published<M>) -> T) -> T {
        self.0.shared.read(read)
    }

    /// Has a command decided on the state of the moment, recorded, and answered once it is durable. `encode` words the
    /// reply, which is stored with the request id, so that a replay gets the very same.
    ///
    /// Dropping the future takes the command back only while it waits in the queue, and nobody is told which: whoever wants
    /// to know sends it again with the same request id.
    pub async fn submit(
        &self,
        submission: Submission<M::Command>,
        encode: impl FnOnce(&Outcome<'_, M>) -> Vec<u8> + Send + 'static,
    ) -> Result<Accepted, SubmitError<M::Rejection>> {
        if let Some(reason) = self.stopped() {
            return Err(SubmitError::Stopped(reason));
        }
        let Submission { command, meta, priority, dry_run } = submission;
        if dry_run {
            let folded = self.published().folded();
            return admission::dry_run(&folded, &command, Box::new(encode), self.0.clock.now());
        }
        let (sender, answer) = oneshot::channel();
        let reply_to = ReplyTo { sender, activity: self.0.clock.activity() };
        let span = tracing::Span::current();
        let work = Work::Command { command, encode: Box::new(encode), reply_to };
        let waiting = self.0.measures.waiting(priority);
        let job = Job { work, meta, priority, span, waiting };
        self.0.queues.send(job).await.map_err(|_| self.closed())?;
        // The activity is dropped here, in the caller's own poll: between the two, virtual time cannot have moved.
        let (answer, _activity) = answer.await.map_err(|_| self.closed())?;
        answer
    }

    fn closed(&self) -> SubmitError<M::Rejection> {
        match self.stopped() {
            Some(reason) => SubmitError::Stopped(reason),
            None => SubmitError::Unavailable(Arc::new(JournalError::Closed { journal: M::JOURNAL.to_owned() })),
        }
    }

    /// Hears of each new state from now on.
    pub fn subscribe(&self) -> Subscription<M> {
        self.0.shared.subscribe()
    }

    /// Waits until the state holds the record at `position`, so that a caller reads its own writes on any replica.
    pub async fn wait_for(&self, position: u64, deadline: Instant) -> Result<Arc<Published<M>>, NotReached> {
        if self.published().position < position {
            self.0.hint.notify_one();
            wait_for(self.0.shared.progress(), M::JOURNAL, position, deadline).await?;
        }
        Ok(self.published())
    }

    /// At most `limit` records after a position, as they are stored.
    pub async fn records(&self, after: u64, limit: usize) -> Result<Vec<Record>, JournalError> {
        self.0.handle.records(after, limit).await
    }

    /// The machine's events in the `limit` records after a position; the journal's own are passed over.
    pub async fn events(&self, after: u64, limit: usize) -> Result<Vec<Recorded<M::Event>>, JournalError> {
        let mut events = Vec::new();
        for record in self.records(after, limit).await? {
            if record.kind.starts_with(OWN_KINDS) {
                continue;
            }
            let event = match decode::<M>(&record) {
                Ok(event) => event,
                Err(fault) => return Err(self.0.handle.log().explain(fault).await),
            };
            let Record { position, recorded_at, actor, request_id, cause, traceparent, reason_code, .. } = record;
            events.push(Recorded { position, recorded_at, actor, request_id, cause, traceparent, reason_code, event });
        }
        Ok(events)
    }

    /// The position of the last record that was recorded at a moment or before, 0 where none was. `head` is a position after
    /// which nothing is looked at. Moments of records never go backwards (rule 18), so halving finds it.
    pub async fn recorded_by(&self, head: u64, moment: Timestamp) -> Result<u64, JournalError> {
        let (mut known, mut beyond) = (0, head + 1);
        while beyond - known > 1 {
            let middle = known + (beyond - known) / 2;
            let record = self.records(middle - 1, 1).await?;
            if record.first().is_some_and(|record| record.recorded_at <= moment) {
                known = middle;
            } else {
                beyond = middle;
            }
        }
        Ok(known)
    }

    /// The state as it was at `position` (or at the journal's end, if that is before): folded from the nearest snapshot.
    pub async fn state_at(&self, position: u64) -> Result<M::State, JournalError> {
        let log = self.0.handle.log();
        let last = position.min(log.head().await?.position);
        Ok(fold_all::<M>(log, last).await?.0.state)
    }

    /// Why the engine has stopped for good; `None` while it serves.
    pub fn stopped(&self) -> Option<Arc<JournalError>> {
        self.0.shared.stopped()
    }

    /// Waits until the engine has stopped for good, and says why; for ever while it serves.
    pub async fn wait_stopped(&self) -> Arc<JournalError> {
        let mut progress = self.0.shared.progress();
        let stopped = progress.wait_for(|progress| progress.stopped.is_some()).await;
        match stopped.ok().and_then(|progress| progress.stopped.clone()) {
            Some(reason) => reason,
            // The sender lives in the engine that we borrow.
            None => std::future::pending().await,
        }
    }

    /// The journal without its machine: what JournalService serves.
    pub fn handle(&self) -> JournalHandle {
        self.0.handle.clone()
    }

    /// Takes no more commands, serves those that wait, takes a last checkpoint, and ends.
    pub async fn shutdown(&self) {
        // No receiver: the writer has ended already.
        let _ = self.0.stopping.send(true);
        let tasks = std::mem::take(&mut *self.0.tasks.lock().unwrap_or_else(PoisonError::into_inner));
        for task in tasks {
            // A task that panicked has ended as well, and said so.
            let _ = task.await;
        }
    }
}

/// Folds the journal up to `last`: from the latest snapshot, or from its beginning. Also what snapshot that is.
async fn fold_all<M: Machine>(log: &Log, last: u64) -> Result<(Folded<M>, Taken), JournalError> {
    let loaded = snapshot::load::<M>(log, last).await?;
    let (mut folded, taken) = loaded.unwrap_or_else(|| (Folded::genesis(), Taken::default()));
    while folded.head.position < last {
        let after = folded.head.position;
        let wanted_count = usize::try_from(last - after).unwrap_or(PAGE_RECORDS).min(PAGE_RECORDS);
        let page = log.records(after, wanted_count).await?;
        if page.is_empty() {
            let source = ChainFault::Missing { position: after + 1 };
            return Err(JournalError::Broken { journal: log.name.to_owned(), source });
        }
        for record in &page {
            if let Err(fault) = folded.fold(record) {
                return Err(log.explain(fault).await);
            }
        }
    }
    Ok((folded, taken))
}

/// Rule 17, for the time when nobody was looking: the store must still hold what the last checkpoint vouched for.
async fn compare_with_checkpoint(log: &Log, head: &Head, config: &EngineConfig) -> Result<(), JournalError> {
    let Some(checkpoints) = &config.checkpoints else { return Ok(()) };
    let Some(checkpoint) = checkpoints.highest(log.name)? else { return Ok(()) };
    let known = checkpoint.head;
    let holds = match known.position.checked_sub(1) {
        None => true,
        Some(before) => log.records(before, 1).await?.first().is_some_and(|found| found.hash == known.hash),
    };
    if holds {
        return Ok(());
    }
    Err(JournalError::Rewound(Box::new(Rewound {
        journal: log.name.to_owned(),
        known,
        found: *head,
        common_position: None,
        witness: format!("the highest checkpoint in {}", checkpoints.path().display()),
    })))
}

//! Writer: the one task that changes the state. It serves the queues in batches, each one transaction:
//!
//! 1. lock the journal's head, so that nobody else can write (`begin`);
//! 2. fold in what other replicas have recorded (`catch_up`), so that the state is that of the moment;
//! 3. take what waits and decide each command on the state that those before it left (`Draft`);
//! 4. append records, notes and replies, move the head, commit;
//! 5. only then publish the new state, tell the subscribers, and answer.
//!
//! **Why this survives a crash at any point.** Before 4 has committed, the store holds nothing of the batch and nobody
//! was answered. After it, the store holds all of it: records, head and replies stand in one transaction, so whoever
//! repeats a request is answered from the stored reply.
//!
//! **Why this survives a store that fails.** The committed state (`folded`) is replaced only after a commit that was
//! acknowledged. If one fails, all of its callers are told that it is unavailable, and `folded` stays. Should the commit
//! have taken effect after all, step 2 of the next batch finds those records like any other replica's. So there is no
//! second way to recover that would have to agree with the first.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use clock::Clock;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, timeout};
use tracing::Instrument;

use crate::engine::config::{CommitStage, EngineConfig};
use crate::engine::draft::{Decided, Draft, Known};
use crate::engine::measures::Measures;
use crate::engine::published::Shared;
use crate::engine::queues::Queues;
use crate::engine::recent::RecentHashes;
use crate::engine::submission::{Job, Priority};
use crate::error::{JournalError, Rewound};
use crate::fold::{Folded, PAGE_RECORDS, Source};
use crate::log::{Log, Writing};
use crate::machine::Machine;
use crate::record::Head;

/// So long are normal commands decided while an urgent one waits: some of them always are.
const URGENT_WAITS_MAX: Duration = Duration::from_millis(1);

pub(crate) struct Writer<M: Machine> {
    pub(crate) log: Log,
    pub(crate) clock: Clock,
    pub(crate) config: EngineConfig,
    pub(crate) shared: Arc<Shared<M>>,
    pub(crate) queues: Queues<M>,
    /// The committed state: what is published.
    pub(crate) folded: Folded<M>,
    pub(crate) recent: RecentHashes,
    /// Somebody has heard that there may be something new.
    pub(crate) hint: Arc<Notify>,
    pub(crate) stopping: watch::Receiver<bool>,
    /// The store failed last time; said in the log when it began.
    pub(crate) unavailable: bool,
    pub(crate) measures: Measures,
}

impl<M: Machine> Writer<M> {
    /// Runs until it is told to stop, or until nobody can submit any more; what waits by then is still answered.
    pub(crate) async fn run(mut self) {
        let mut closing = false;
        loop {
            let stopped = self.shared.stopped();
            tokio::select! {
                biased;
                // An error means that the engine was dropped, and the sending ends of the queues with it.
                _ = self.stopping.changed(), if !closing => {
                    closing = true;
                    self.queues.close();
                }
                more = self.queues.wait() => match stopped {
                    _ if !more => return,
                    None => self.serve_batch().await,
                    // After a stop every command is refused with the reason.
                    Some(reason) => self.refuse_batch(&reason),
                },
                () = self.hint.notified(), if stopped.is_none() => {
                    if let Err(error) = self.follow().await {
                        self.report(error);
                    }
                }
            }
        }
    }

    async fn serve_batch(&mut self) {
        let begun = match self.shared.clock_off() {
            None => self.begin().await,
            Some(skew) => {
                let skew_ms = i64::try_from(skew.as_millis()).unwrap_or(i64::MAX);
                Err(JournalError::ClockOff { journal: self.log.name.to_owned(), skew_ms })
            }
        };
        match begun {
            Ok(writing) => self.write_batch(writing).await,
            Err(error) => {
                let error = self.report(error);
                self.refuse_batch(&error);
            }
        }
    }

    /// Locks the head and folds in what is new, so that what is decided next is decided on the state of the moment.
    async fn begin(&mut self) -> Result<Writing, JournalError> {
        let mut writing = within(&self.config, &self.log, self.log.begin()).await?;
        let head = writing.head();
        self.catch_up(head, Source::Writing(&mut writing)).await?;
        Ok(writing)
    }

    async fn write_batch(&mut self, mut writing: Writing) {
        // Taken only now: whatever was queued while the lock was awaited joins this commit.
        let jobs = self.queues.take(self.config.batch_commands_max);
        let (span, begun) = (commit_span::<M>(&jobs), Instant::now());
        let request_ids = jobs.iter().filter(|job| !job.meta.request_id.is_empty());
        let request_ids = request_ids.map(|job| job.meta.request_id.clone()).collect();
        let note_positions = jobs.iter().filter_map(Job::note_position).collect();
        let known = async { Ok((writing.requests(request_ids).await?, writing.noted(note_positions).await?)) };
        let known = match within(&self.config, &self.log, known).instrument(span.clone()).await {
            Ok((requests, noted)) => Known { requests, noted },
            Err(error) => {
                let error = self.report(error);
                return self.refuse(jobs, &error);
            }
        };
        let decided = span.in_scope(|| self.decide(jobs, known));
        let count = decided.answers.len();
        if self.commit(writing, decided).instrument(span.clone()).await {
            self.measures.committed(count, begun.elapsed(), &span);
        }
    }

    /// Decides what there is time for, less where an urgent command has come meanwhile. Urgent commands stand first and are
    /// never put off; of the others, those for which there was no time come first in the next batch.
    fn decide(&mut self, mut jobs: VecDeque<Job<M>>, known: Known) -> Decided<M> {
        let begun = Instant::now();
        let mut draft = Draft::new(self.folded.clone(), known);
        while let Some(job) = jobs.pop_front() {
            draft.admit(job, self.clock.now(), self.config.salt);
            let is_next_urgent = jobs.front().is_some_and(|next| next.priority == Priority::Urgent);
            let time_max = if self.queues.has_urgent() { URGENT_WAITS_MAX } else { self.config.batch_time_max };
            if begun.elapsed() > time_max && !is_next_urgent {
                self.queues.put_back(jobs);
                break;
            }
        }
        draft.finish()
    }

    /// Commits and answers; true where records were appended.
    async fn commit(&mut self, writing: Writing, decided: Decided<M>) -> bool {
        let nothing_to_write = decided.is_empty();
        let Decided { append, folded, answers } = decided;
        let span = tracing::Span::current();
        span.record("journal.records", append.records.len());
        span.record("journal.position", append.to.position);
        let heads: Vec<Head> = append.records.iter().map(crate::Record::head).collect();
        let written = if nothing_to_write {
            within(&self.config, &self.log, writing.release()).await
        } else {
            let position = append.to.position;
            self.hook(CommitStage::Before, position);
            let storing = self.log.transaction_span("COMMIT");
            let written = within(&self.config, &self.log, writing.commit(append)).instrument(storing.clone()).await;
            if let Err(error) = &written {
                telemetry::record_failure(&storing, error.kind());
            }
            if written.is_ok() {
                self.hook(CommitStage::After, position);
            }
            written
        };
        if let Err(error) = written {
            let error = self.report(error);
            for answer in answers {
                answer(Err(Arc::clone(&error)));
            }
            // The commit may have taken effect: look at once, rather than with the next command.
            self.hint.notify_one();
            return false;
        }
        self.unavailable = false;
        if !heads.is_empty() {
            self.advance(folded, &heads);
        }
        for answer in answers {
            answer(Ok(()));
        }
        !nothing_to_write
    }

    fn hook(&self, stage: CommitStage, position: u64) {
        if let Some(hook) = &self.config.on_commit {
            hook.call(stage, position);
        }
    }

    /// Folds in what other replicas have recorded, and publishes it.
    async fn follow(&mut self) -> Result<(), JournalError> {
        let head = within(&self.config, &self.log, self.log.head()).await?;
        let log = self.log.clone();
        self.catch_up(head, Source::Log(&log)).await
    }

    /// Folds the records up to `head` in. Where the store's journal does not continue ours, it was rewound (rule 17).
    async fn catch_up(&mut self, head: Head, mut source: Source<'_>) -> Result<(), JournalError> {
        self.measures.looked(head.position.saturating_sub(self.folded.head.position));
        if head == self.folded.head {
            return Ok(());
        }
        let known = self.folded.head;
        // Another hash where we stand, or nothing there: what we folded is not (any more) what the store holds.
        if head.position <= known.position {
            return Err(self.rewound(source, head).await);
        }
        let mut folded = self.folded.clone();
        let mut heads = Vec::new();
        while folded.head.position < head.position {
            let after = folded.head.position;
            let page = within(&self.config, &self.log, source.records(after, PAGE_RECORDS)).await?;
            if page.first().is_some_and(|first| after == known.position && first.previous_hash != known.hash) {
                return Err(self.rewound(source, head).await);
            }
            if page.is_empty() {
                let source = crate::ChainFault::Missing { position: after + 1 };
                return Err(JournalError::Broken { journal: self.log.name.to_owned(), source });
            }
            for record in &page {
                if let Err(fault) = folded.fold(record) {
                    return Err(self.log.explain(fault).await);
                }
                heads.push(folded.head);
            }
        }
        self.advance(folded, &heads);
        Ok(())
    }

    /// Says which records are gone. It reads where the caller does: whoever writes holds the lock.
    async fn rewound(&mut self, source: Source<'_>, found: Head) -> JournalError {
        let common_position = within(&self.config, &self.log, self.recent.last_common(self.log.name, source)).await;
        JournalError::Rewound(Box::new(Rewound {
            journal: self.log.name.to_owned(),
            known: self.folded.head,
            found,
            // Should the store fail right now, what is said is less exact; the stop is the same.
            common_position: common_position.unwrap_or_default(),
            witness: "this server".to_owned(),
        }))
    }

    /// Takes over a state that is committed, and shows it to everybody.
    fn advance(&mut self, folded: Folded<M>, heads: &[Head]) {
        self.recent.extend(heads);
        self.folded = folded;
        self.shared.publish(&self.folded);
        self.unavailable = false;
    }

    /// Logs an error, and stops for good where going on would build on what is not there or not understood.
    fn report(&mut self, error: JournalError) -> Arc<JournalError> {
        self.measures.failed();
        let error = Arc::new(error);
        let cause = telemetry::chain(error.as_ref());
        if error.is_fatal() {
            tracing::error!(journal = M::JOURNAL, error = cause, "the journal has stopped");
            self.shared.stop(Arc::clone(&error));
        } else if !self.unavailable {
            // Once, not at each look while it lasts.
            tracing::warn!(journal = M::JOURNAL, error = cause, "the journal is unavailable");
            self.unavailable = true;
        }
        error
    }

    fn refuse_batch(&mut self, error: &Arc<JournalError>) {
        let jobs = self.queues.take(self.config.batch_commands_max);
        self.refuse(jobs, error);
    }

    fn refuse(&self, jobs: VecDeque<Job<M>>, error: &Arc<JournalError>) {
        for job in jobs {
            job.refuse(Arc::clone(error));
        }
    }
}

/// A step of the store, with a limit: a store that hangs must not hang the engine for ever.
async fn within<T>(
    config: &EngineConfig,
    log: &Log,
    step: impl Future<Output = Result<T, JournalError>>,
) -> Result<T, JournalError> {
    let limit: Duration = config.store_time_max;
    match timeout(limit, step).await {
        Ok(done) => done,
        Err(_) => Err(JournalError::Slow { journal: log.name.to_owned(), seconds: limit.as_secs() }),
    }
}

/// The span of a commit: a child of the first command's caller, linked from those of the others.
fn commit_span<M: Machine>(jobs: &VecDeque<Job<M>>) -> tracing::Span {
    let parent = jobs.front().map(|job| &job.span);
    let span = tracing::info_span!(
        parent: parent.and_then(tracing::Span::id),
        "journal.commit",
        journal.name = M::JOURNAL,
        journal.batch.size = jobs.len(),
        journal.records = tracing::field::Empty,
        journal.position = tracing::field::Empty,
    );
    for job in jobs.iter().skip(1) {
        span.follows_from(&job.span);
    }
    span
}

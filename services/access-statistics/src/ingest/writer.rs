//! The writer: the one task of this process that changes log, fold and tables.
//!
//! Each transaction locks the head of the log and first folds what other replicas have appended, so any number of them
//! may write one log. What is kept in memory (sources' sequences, ordinals, the fold) is only ever ahead of nothing: a
//! transaction whose outcome is unknown makes the next one read the log again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use clock::{Clock, Sleep};
use database::{Db, Tx};
use jiff::Timestamp;
use journal::JournalHandle;
use ods::PracticeCode;
use tally::{AreaIndex, Day, Dictionary, Events, Source, Standing, standing};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use super::checkpoint::due;
use super::lease::Leasing;
use super::{Batch, Ingest, IngestError, Job, Outcome, Pending, Places, Shared};
use crate::config::StatisticsConfig;
use crate::measures::IngestMeasures;
use crate::store::log::{Head, LoggedBatch};
use crate::store::{StoreError, log, quarantine};

/// Events in one commit: bounds the transaction to some ten megabytes.
const GROUP_EVENTS_MAX: usize = 500_000;

/// Jobs taken out of the queue at a time.
const JOBS_TAKEN_MAX: usize = 1_024;

/// Sources whose sequence is kept in memory; beyond it the memory is emptied and filled again.
const SOURCES_CACHED_MAX: usize = 100_000;

/// The writer; [`Writer::run`] is its life.
#[derive(Debug)]
pub(crate) struct Writer {
    pub(super) db: Db,
    pub(super) clock: Clock,
    pub(super) config: StatisticsConfig,
    queue: mpsc::Receiver<Job>,
    /// Knows whether this replica's clock agrees with its database's.
    pub(super) journal: JournalHandle,
    pub(super) shared: Arc<Shared>,
    pub(super) dictionary: Arc<Dictionary>,
    pub(super) areas: Arc<AreaIndex>,
    /// Where the log was when this process last saw it. None where that is uncertain.
    pub(super) head: Option<Head>,
    /// Durable sequences as of `head`.
    sources: BTreeMap<Source, u64>,
    /// Moments of arrival never go backwards, whatever the clock does.
    last_arrived_at: Timestamp,
    /// The day on which old rows were last deleted.
    pub(super) cleaned_on: Option<Day>,
    /// The months, by their first days, that have partitions for certain.
    pub(super) partitioned: BTreeSet<Day>,
    /// When the pending fold goes into the tables; None while there is none.
    pub(super) checkpoint: Option<Sleep>,
    /// The checkpoint that this replica writes, slice by slice, between jobs: when it began, as of which rows come of age.
    pub(super) under_way: Option<Timestamp>,
    /// The checkpoint that came due, at this moment, while another was under way. It begins once that one has ended.
    pub(super) put_off: Option<Timestamp>,
    pub(super) leasing: Leasing,
    measures: IngestMeasures,
}

type BatchReply = oneshot::Sender<Outcome<u64>>;

impl Writer {
    /// Reads the log's head and the ordinals, and folds what the last checkpoint does not hold.
    pub(crate) async fn open(
        db: Db,
        clock: Clock,
        config: StatisticsConfig,
        journal: JournalHandle,
        places: Places,
    ) -> Result<(Self, Ingest), StoreError> {
        let (sender, queue) = mpsc::channel(config.queue_batches_max);
        let shared = Arc::new(Shared::new());
        let mut writer = Self {
            db,
            clock,
            config,
            queue,
            journal,
            shared: Arc::clone(&shared),
            dictionary: Arc::default(),
            areas: Arc::default(),
            head: None,
            sources: BTreeMap::new(),
            last_arrived_at: Timestamp::MIN,
            cleaned_on: None,
            partitioned: BTreeSet::new(),
            checkpoint: None,
            under_way: None,
            put_off: None,
            leasing: Leasing::default(),
            measures: IngestMeasures::new(),
        };
        // Before anything is folded: an event counts for the areas that its practice is known to be in.
        let mut tx = writer.db.begin_read().await?;
        writer.read_dictionary(&mut tx).await?;
        tx.rollback().await?;
        writer.set_places(&places);
        writer.only_catch_up().await?;
        Ok((writer, Ingest { queue: sender, shared }))
    }

    /// Works until told to stop; then writes what is pending, so that the next start has nothing to fold.
    pub(crate) async fn run(mut self, shutdown: CancellationToken) {
        let mut jobs = Vec::new();
        loop {
            tokio::select! {
                biased;
                () = shutdown.cancelled() => break,
                activity = due(&mut self.checkpoint) => {
                    self.checkpoint_due_or_log().await;
                    // No answer depends on when a checkpoint ends, so time goes on meanwhile.
                    drop(activity);
                }
                taken = self.queue.recv_many(&mut jobs, JOBS_TAKEN_MAX) => {
                    if taken == 0 {
                        break;
                    }
                    self.work(jobs.drain(..)).await;
                    // By turns: producers wait for one step at most, and the checkpoint does not wait for them to be silent.
                    self.go_on_or_log().await;
                }
                () = std::future::ready(()), if self.has_more_to_write() => self.go_on_or_log().await,
            }
        }
        self.write_everything_or_log().await;
        if let Err(error) = self.give_lease_back().await {
            tracing::warn!(
                error = telemetry::chain(&error),
                "the fold's lease was not given back; others will wait for it"
            );
        }
    }

    async fn work(&mut self, jobs: impl Iterator<Item = Job>) {
        let mut group = Group::default();
        for job in jobs {
            match job {
                Job::Take { batch, reply } => {
                    group.event_count += batch.events.len();
                    group.batches.push((batch, reply));
                    if group.event_count >= GROUP_EVENTS_MAX {
                        self.take(std::mem::take(&mut group)).await;
                    }
                }
                // Order among jobs is kept: a producer that reconnects must see what it sent before.
                other => {
                    self.take(std::mem::take(&mut group)).await;
                    self.answer(other).await;
                }
            }
        }
        self.take(group).await;
        if self.is_checkpoint_overdue() {
            self.begin_checkpoint_or_log(self.clock.now()).await;
        }
    }

    async fn answer(&mut self, job: Job) {
        // A receiver that is gone asked in vain.
        match job {
            Job::Take { .. } => {}
            Job::DurableSequence { source, activity, reply } => {
                let result = self.durable_sequence(&source).await;
                let _ = reply.send((self.outcome(result), activity));
            }
            Job::Name { practices, strands, reply } => {
                let result = self.name(&practices, strands).await;
                let _ = reply.send(self.outcome(result));
            }
            Job::Place { places, reply } => {
                let practices: Vec<PracticeCode> = places.iter().map(|(code, _)| *code).collect();
                let result = self.name(&practices, Vec::new()).await;
                // What was due before counts for where the practices were.
                self.begin_put_off_or_log().await;
                self.set_places(&places);
                let _ = reply.send(self.outcome(result));
            }
            Job::CatchUp { reply } => {
                let result = self.only_catch_up().await;
                let _ = reply.send(self.outcome(result));
            }
        }
    }

    /// Makes a group of batches durable, folds them and acknowledges them.
    async fn take(&mut self, group: Group) {
        if group.batches.is_empty() {
            return;
        }
        let (mut batches, replies): (Vec<Batch>, Vec<BatchReply>) = group.batches.into_iter().unzip();
        // Rule 18: what is recorded says when, and all replicas share the days.
        let logged = match self.journal.clock_off() {
            Some(skew) => Err(IngestError::ClockOff { skew_ms: i64::try_from(skew.as_millis()).unwrap_or(i64::MAX) }),
            None => {
                let result = self.log(&mut batches).await;
                self.outcome(result)
            }
        };
        let mut outcomes = match logged {
            Ok(outcomes) => outcomes,
            Err(error) => batches.iter().map(|_| Err(error.clone())).collect(),
        }
        .into_iter();
        for (batch, reply) in batches.into_iter().zip(replies) {
            let outcome = outcomes.next().unwrap_or(Err(IngestError::Stopped));
            let _ = reply.send((outcome, batch.activity));
        }
    }

    /// One transaction: place each batch, append what is new, move the sources and the head. Then fold. Takes the events
    /// out of the batches; an outcome for each.
    async fn log(&mut self, batches: &mut [Batch]) -> Result<Vec<Result<u64, IngestError>>, StoreError> {
        let mut tx = self.db.begin().await?;
        let mut head = self.catch_up(&mut tx).await?;
        let arrived_at = self.clock.now().max(self.last_arrived_at);
        let mut rows = log::append_batches();
        let mut moved: BTreeMap<Source, u64> = BTreeMap::new();
        let mut appended: Vec<LoggedBatch> = Vec::new();
        let mut quarantined_count = 0;
        let mut outcomes = Vec::with_capacity(batches.len());
        for batch in batches {
            let durable = match moved.get(&batch.source) {
                Some(durable) => *durable,
                None => self.known_sequence(&mut tx, &batch.source).await?,
            };
            let durable_count = match standing(durable, batch.first_sequence, batch.events.len()) {
                Ok(Standing::Next) => 0,
                Ok(Standing::Overlapping { durable_count }) => durable_count,
                Ok(Standing::Durable) => batch.events.len(),
                Err(error) => {
                    outcomes.push(Err(error.into()));
                    continue;
                }
            };
            if durable_count > 0 {
                // What this group appended must be there to be compared with.
                tx.execute_rows(std::mem::replace(&mut rows, log::append_batches())).await?;
                if let Some(sequence) = first_difference(&mut tx, batch, durable_count).await? {
                    outcomes.push(Err(IngestError::Reused { sequence }));
                    continue;
                }
            }
            let first_sequence = batch.first_sequence + durable_count as u64;
            let last_sequence = batch.first_sequence + batch.events.len() as u64 - 1;
            let mut events = std::mem::take(&mut batch.events);
            drop(events.split_front(durable_count));
            if !events.is_empty() {
                head.position += 1;
                let logged = LoggedBatch { position: head.position, first_sequence, arrived_at, events };
                log::append_batch(&mut rows, &batch.source, &logged);
                if logged.events.has_quarantined() {
                    quarantined_count += quarantine::add(&mut tx, &batch.source, &logged).await?;
                }
                moved.insert(batch.source.clone(), last_sequence);
                appended.push(logged);
            }
            outcomes.push(Ok(durable.max(last_sequence)));
        }
        if appended.is_empty() {
            tx.rollback().await?;
            return Ok(outcomes);
        }
        tx.execute_rows(rows).await?;
        log::set_durable_sequences(&mut tx, moved.iter().map(|(source, durable)| (source, *durable))).await?;
        log::set_position(&mut tx, head.position).await?;
        let storing = telemetry::transaction_span(self.db.dialect().system_name(), self.db.name(), "COMMIT");
        tx.commit().instrument(storing).await?;
        let events = appended.iter().map(|batch| batch.events.len()).sum();
        self.measures.logged(appended.len(), events, quarantined_count);
        if quarantined_count > 0 {
            tracing::warn!(
                quarantined_count,
                "events were put into quarantine; ListQuarantinedEvents says whose and why"
            );
        }
        self.fold(&appended);
        self.arrive_at(head);
        self.last_arrived_at = arrived_at;
        self.sources.extend(moved);
        Ok(outcomes)
    }

    /// Adds logged batches to the pending fold.
    fn fold(&mut self, batches: &[LoggedBatch]) {
        for batch in batches {
            // Locked batch by batch, so that a query never waits for a whole group.
            self.add(&mut self.shared.pending(), batch);
        }
        self.expect_checkpoint();
    }

    fn add(&self, pending: &mut Pending, batch: &LoggedBatch) {
        pending.add(batch.position, &batch.events, batch.arrived_at, &self.dictionary, &self.areas);
    }

    /// Locks the head, and folds whatever was appended since this process last looked.
    pub(super) async fn catch_up(&mut self, tx: &mut Tx) -> Result<Head, StoreError> {
        let head = log::lock_head(tx).await?;
        if self.head == Some(head) {
            return Ok(head);
        }
        let known = self.shared.pending().head;
        if head.position < known.position {
            return Err(StoreError::Rewound { found: head.position, known: known.position });
        }
        self.sources.clear();
        self.head = None;
        self.read_dictionary(tx).await?;
        // Another replica went on with a checkpoint, or this one did and was not told so. Queries see that only together with all
        // batches of which the tables may hold a part.
        let mut anew = None;
        if !self.shared.pending().can_follow(head.tables) {
            anew = Some(Pending::at(head.tables));
        }
        let mut position = anew.as_ref().map_or(known.position, |anew| anew.head.position);
        while position < head.position {
            let batches = log::batches_after(tx, position).await?;
            let Some(last) = batches.last() else {
                return Err(StoreError::Rewound { found: position, known: head.position });
            };
            position = last.position;
            self.last_arrived_at = self.last_arrived_at.max(last.arrived_at);
            match &mut anew {
                Some(anew) => batches.iter().for_each(|batch| self.add(anew, batch)),
                None => {
                    let (before, after) =
                        batches.split_at(batches.partition_point(|b| b.position <= head.tables.target));
                    self.fold(before);
                    if !after.is_empty() {
                        self.shared.pending().follow(head.tables);
                        self.fold(after);
                    }
                }
            }
        }
        match anew {
            Some(anew) => *self.shared.pending() = anew,
            None => self.shared.pending().follow(head.tables),
        }
        if !self.shared.pending().is_empty() {
            self.expect_checkpoint();
        }
        self.arrive_at(head);
        Ok(head)
    }

    /// All that the store holds at this head is known.
    pub(super) fn arrive_at(&mut self, head: Head) {
        self.head = Some(head);
        self.shared.announce(head);
    }

    pub(super) async fn only_catch_up(&mut self) -> Result<(), StoreError> {
        let mut tx = self.db.begin().await?;
        self.catch_up(&mut tx).await?;
        Ok(tx.rollback().await?)
    }

    async fn durable_sequence(&mut self, source: &Source) -> Result<u64, StoreError> {
        let mut tx = self.db.begin().await?;
        self.catch_up(&mut tx).await?;
        let durable = self.known_sequence(&mut tx, source).await?;
        tx.rollback().await?;
        Ok(durable)
    }

    /// How far a source is durable, as of the locked head.
    async fn known_sequence(&mut self, tx: &mut Tx, source: &Source) -> Result<u64, StoreError> {
        if let Some(durable) = self.sources.get(source) {
            return Ok(*durable);
        }
        let durable = log::durable_sequence(tx, source).await?;
        if self.sources.len() >= SOURCES_CACHED_MAX {
            self.sources.clear();
        }
        self.sources.insert(source.clone(), durable);
        Ok(durable)
    }

    /// A failure of the store for those who asked; afterwards nothing in memory is trusted without a look at the log.
    fn outcome<T>(&mut self, result: Result<T, StoreError>) -> Result<T, IngestError> {
        result.map_err(|error| {
            tracing::error!(error = telemetry::chain(&error), "the statistics' store failed");
            self.head = None;
            IngestError::Store(Arc::new(error))
        })
    }
}

/// Batches for one commit.
#[derive(Debug, Default)]
struct Group {
    batches: Vec<(Batch, BatchReply)>,
    event_count: usize,
}

/// The first of the batch's `durable_count` durable sequences that the log holds with other content. What the log no
/// longer holds is taken for the same; so is what is in quarantine, then or now, since that may depend on the moment at which
/// it is judged.
async fn first_difference(tx: &mut Tx, batch: &Batch, durable_count: usize) -> Result<Option<u64>, StoreError> {
    let mut sent = batch.events.clone();
    let sent: Events = sent.split_front(durable_count);
    let last = batch.first_sequence + durable_count as u64 - 1;
    let sent: BTreeMap<u64, tally::Event> = (batch.first_sequence..).zip(sent.iter()).collect();
    for logged in log::batches_of(tx, &batch.source, batch.first_sequence, last).await? {
        for (sequence, event) in (logged.first_sequence..).zip(logged.events.iter()) {
            let is_other = |sent: &tally::Event| *sent != event && !sent.is_quarantined() && !event.is_quarantined();
            if sent.get(&sequence).is_some_and(is_other) {
                return Ok(Some(sequence));
            }
        }
    }
    Ok(None)
}

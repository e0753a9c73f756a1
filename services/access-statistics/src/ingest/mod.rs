//! Taking events: one writer task that makes batches durable, folds them and acknowledges them, and the handle by which
//! everybody else asks it to.
//!
//! A batch is acknowledged after its commit and its fold, so a query that follows an acknowledgement counts it. Many
//! batches share a commit: whatever waits when one ends goes into the next, so groups grow with the load.

mod checkpoint;
mod cleaning;
mod lease;
mod names;
mod pending;
mod writer;

use std::sync::Arc;

use clock::Activity;
use ods::PracticeCode;
use tally::{Area, Dictionary, Events, SequenceError, Source, Strand};
use thiserror::Error;
use tokio::sync::{mpsc, oneshot};

pub(crate) use pending::{Pending, Shared};
pub(crate) use writer::Writer;

use crate::store::StoreError;

/// Why events are not taken.
#[derive(Clone, Debug, Error)]
pub(crate) enum IngestError {
    /// The batch cannot be placed.
    #[error(transparent)]
    Sequence(#[from] SequenceError),
    /// A durable number was sent again with other content.
    #[error("sequence {sequence} is durable with other content")]
    Reused {
        /// The first such number.
        sequence: u64,
    },
    /// This replica's clock is off its database's, so that it records nothing (rule 18).
    #[error("this replica's clock is off its database's by {skew_ms} ms")]
    ClockOff {
        /// By how much it is ahead.
        skew_ms: i64,
    },
    /// The store failed; nothing was taken, as far as is known. The same batch may be sent again.
    #[error("the store failed")]
    Store(#[source] Arc<StoreError>),
    /// The writer has stopped.
    #[error("the service is stopping")]
    Stopped,
}

/// What was asked for, with the activity that keeps virtual time still until it is dealt with.
pub(crate) type Outcome<T> = (Result<T, IngestError>, Activity);

/// The way to the writer.
#[derive(Clone, Debug)]
pub(crate) struct Ingest {
    queue: mpsc::Sender<Job>,
    shared: Arc<Shared>,
}

/// A batch on its way to the log.
#[derive(Debug)]
pub(crate) struct Batch {
    pub(crate) source: Source,
    pub(crate) first_sequence: u64,
    /// At least one.
    pub(crate) events: Events,
    pub(crate) activity: Activity,
}

/// Practices with the areas they lie in besides England.
pub(crate) type Places = Vec<(PracticeCode, Vec<Area>)>;

#[derive(Debug)]
enum Job {
    Take { batch: Batch, reply: oneshot::Sender<Outcome<u64>> },
    DurableSequence { source: Source, activity: Activity, reply: oneshot::Sender<Outcome<u64>> },
    Name { practices: Vec<PracticeCode>, strands: Vec<Strand>, reply: oneshot::Sender<Result<(), IngestError>> },
    Place { places: Places, reply: oneshot::Sender<Result<(), IngestError>> },
    CatchUp { reply: oneshot::Sender<Result<(), IngestError>> },
}

/// The acknowledgement of a batch, some time later.
#[derive(Debug)]
pub(crate) struct Acknowledgement(oneshot::Receiver<Outcome<u64>>);

impl Acknowledgement {
    /// The source's durable sequence once the batch is durable and counted.
    pub(crate) async fn wait(self) -> Outcome<u64> {
        self.0.await.unwrap_or((Err(IngestError::Stopped), Activity::none()))
    }
}

impl Ingest {
    /// Puts a batch into the queue; waits while it is full.
    pub(crate) async fn take(&self, batch: Batch) -> Result<Acknowledgement, IngestError> {
        let (reply, receiver) = oneshot::channel();
        self.send(Job::Take { batch, reply }).await?;
        Ok(Acknowledgement(receiver))
    }

    /// How far a source is durable.
    pub(crate) async fn durable_sequence(&self, source: Source, activity: Activity) -> Outcome<u64> {
        let (reply, receiver) = oneshot::channel();
        if let Err(error) = self.send(Job::DurableSequence { source, activity, reply }).await {
            return (Err(error), Activity::none());
        }
        Acknowledgement(receiver).wait().await
    }

    /// Gives ordinals to practices and strands that have none; not to more strands than there can be.
    pub(crate) async fn name(&self, practices: Vec<PracticeCode>, strands: Vec<Strand>) -> Result<(), IngestError> {
        let (reply, receiver) = oneshot::channel();
        self.send(Job::Name { practices, strands, reply }).await?;
        receiver.await.map_err(|_| IngestError::Stopped)?
    }

    /// Says where practices lie from now on.
    pub(crate) async fn place(&self, places: Places) -> Result<(), IngestError> {
        let (reply, receiver) = oneshot::channel();
        self.send(Job::Place { places, reply }).await?;
        receiver.await.map_err(|_| IngestError::Stopped)?
    }

    /// Folds what other replicas have logged.
    pub(crate) async fn catch_up(&self) -> Result<(), IngestError> {
        let (reply, receiver) = oneshot::channel();
        self.send(Job::CatchUp { reply }).await?;
        receiver.await.map_err(|_| IngestError::Stopped)?
    }

    /// The ordinals known at this moment.
    pub(crate) fn dictionary(&self) -> Arc<Dictionary> {
        self.shared.dictionary()
    }

    /// What queries add to the tables.
    pub(crate) fn shared(&self) -> &Shared {
        &self.shared
    }

    async fn send(&self, job: Job) -> Result<(), IngestError> {
        self.queue.send(job).await.map_err(|_| IngestError::Stopped)
    }
}

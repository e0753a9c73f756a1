//! Log: one journal where it is stored, in memory or in a database, behind the same few operations.
//!
//! Reading needs no lock. Writing begins by locking the journal's head, so that whoever writes sees every record
//! there is, and nobody else writes before it has committed: one attempt always suffices.

use std::collections::BTreeSet;

use database::Db;
use jiff::Timestamp;

use crate::filter::RecordFilter;
use crate::memory::{MemoryJournal, MemoryWriting};
use crate::record::{Head, Note, Record};
use crate::sql::{self, SqlWriting};
use crate::{Hash, JournalError};

/// Where a journal is stored.
#[derive(Clone, Debug)]
pub enum Journal {
    /// In this process: for tests, and for simulation, where "reopening" takes a clone.
    Memory(MemoryJournal),
    /// In a database to which [`crate::MIGRATIONS`] were applied. A database holds one journal.
    Sql(Db),
}

impl Journal {
    /// An empty journal in memory.
    pub fn memory() -> Self {
        Self::Memory(MemoryJournal::default())
    }
}

/// A stored journal and its name.
#[derive(Clone, Debug)]
pub(crate) struct Log {
    pub(crate) name: &'static str,
    pub(crate) journal: Journal,
}

/// What one transaction adds.
#[derive(Debug)]
pub(crate) struct Append {
    /// The head it continues: checked once more when it is written.
    pub(crate) from: Head,
    /// The head it makes.
    pub(crate) to: Head,
    pub(crate) records: Vec<Record>,
    pub(crate) notes: Vec<Note>,
    /// The records whose notes are taken away.
    pub(crate) redacted: Vec<u64>,
    pub(crate) requests: Vec<StoredRequest>,
}

/// The first reply to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StoredRequest {
    pub(crate) actor: String,
    pub(crate) request_id: String,
    pub(crate) body_digest: Hash,
    pub(crate) reply: Vec<u8>,
    pub(crate) position: u64,
}

impl Log {
    /// Makes the journal if it is not there, checks that it is the one wanted, and says where it ends.
    pub(crate) async fn open(&self) -> Result<Head, JournalError> {
        match &self.journal {
            Journal::Memory(memory) => memory.open(self.name).await,
            Journal::Sql(db) => sql::open(db, self.name).await,
        }
    }

    /// Closes its store.
    pub(crate) async fn close(&self) {
        match &self.journal {
            // What is in this process ends with it.
            Journal::Memory(_) => {}
            Journal::Sql(db) => db.close().await,
        }
    }

    /// The span of a transaction on its store; none where that is this process's memory.
    pub(crate) fn transaction_span(&self, operation: &'static str) -> tracing::Span {
        match &self.journal {
            Journal::Memory(_) => tracing::Span::none(),
            Journal::Sql(db) => telemetry::transaction_span(db.dialect().system_name(), db.name(), operation),
        }
    }

    /// Where it ends.
    pub(crate) async fn head(&self) -> Result<Head, JournalError> {
        match &self.journal {
            Journal::Memory(memory) => Ok(memory.head(self.name).await),
            Journal::Sql(db) => sql::head(db, self.name).await,
        }
    }

    /// At most `limit` records after a position, in order.
    pub(crate) async fn records(&self, after: u64, limit: usize) -> Result<Vec<Record>, JournalError> {
        match &self.journal {
            Journal::Memory(memory) => Ok(memory.records(after, limit).await),
            Journal::Sql(db) => sql::records(db, self.name, after, limit).await,
        }
    }

    /// At most `limit` of those records after a position and up to `until` that match, in order.
    pub(crate) async fn records_matching(
        &self,
        after: u64,
        until: u64,
        limit: usize,
        filter: &RecordFilter,
    ) -> Result<Vec<Record>, JournalError> {
        match &self.journal {
            Journal::Memory(memory) => Ok(memory.records_matching(after, until, limit, filter).await),
            Journal::Sql(db) => sql::records_matching(db, self.name, after, until, limit, filter).await,
        }
    }

    /// The position of the last record that was recorded before a moment; 0 where there is none.
    pub(crate) async fn last_before(&self, moment: Timestamp) -> Result<u64, JournalError> {
        match &self.journal {
            Journal::Memory(memory) => Ok(memory.last_before(moment).await),
            Journal::Sql(db) => sql::last_before(db, self.name, moment).await,
        }
    }

    /// The notes of the records from `first` to `last`.
    pub(crate) async fn notes(&self, first: u64, last: u64) -> Result<Vec<Note>, JournalError> {
        match &self.journal {
            Journal::Memory(memory) => Ok(memory.notes(first, last).await),
            Journal::Sql(db) => sql::notes(db, self.name, first, last).await,
        }
    }

    /// Locks the head for writing. Dropped without a commit, nothing is written.
    pub(crate) async fn begin(&self) -> Result<Writing, JournalError> {
        match &self.journal {
            Journal::Memory(memory) => Ok(Writing::Memory(memory.begin(self.name).await)),
            Journal::Sql(db) => Ok(Writing::Sql(SqlWriting::begin(db, self.name).await?)),
        }
    }
}

/// The one who may write at present.
#[derive(Debug)]
pub(crate) enum Writing {
    Memory(MemoryWriting),
    Sql(SqlWriting),
}

impl Writing {
    /// Where the journal ends; nobody else can move it now.
    pub(crate) fn head(&self) -> Head {
        match self {
            Self::Memory(writing) => writing.head(),
            Self::Sql(writing) => writing.head(),
        }
    }

    pub(crate) async fn records(&mut self, after: u64, limit: usize) -> Result<Vec<Record>, JournalError> {
        match self {
            Self::Memory(writing) => Ok(writing.records(after, limit)),
            Self::Sql(writing) => writing.records(after, limit).await,
        }
    }

    /// The replies stored under these request ids, whoever sent them.
    pub(crate) async fn requests(&mut self, request_ids: Vec<String>) -> Result<Vec<StoredRequest>, JournalError> {
        if request_ids.is_empty() {
            return Ok(Vec::new());
        }
        match self {
            Self::Memory(writing) => Ok(writing.requests(&request_ids)),
            Self::Sql(writing) => writing.requests(request_ids).await,
        }
    }

    /// Of these records, those whose notes lie beside the journal.
    pub(crate) async fn noted(&mut self, positions: Vec<u64>) -> Result<BTreeSet<u64>, JournalError> {
        if positions.is_empty() {
            return Ok(BTreeSet::new());
        }
        match self {
            Self::Memory(writing) => Ok(writing.noted(positions)),
            Self::Sql(writing) => writing.noted(positions).await,
        }
    }

    /// Gives the lock back and writes nothing.
    pub(crate) async fn release(self) -> Result<(), JournalError> {
        match self {
            Self::Memory(_) => Ok(()),
            Self::Sql(writing) => writing.release().await,
        }
    }

    /// Writes it all and commits. After an error it is unknown whether it took effect.
    pub(crate) async fn commit(self, append: Append) -> Result<(), JournalError> {
        match self {
            Self::Memory(writing) => writing.commit(append),
            Self::Sql(writing) => writing.commit(append).await,
        }
    }
}

//! MemoryJournal: a journal in this process. It survives the engine that wrote it, not the process.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use database::Gate;
use jiff::Timestamp;
use tokio::sync::{Mutex, MutexGuard, OwnedMutexGuard, watch};

use crate::JournalError;
use crate::filter::RecordFilter;
use crate::log::{Append, StoredRequest};
use crate::record::{Head, Note, Record};

/// A journal in memory. Clones are the same journal, so that several engines can run on one, as replicas do, and an
/// engine that was dropped can be opened again.
#[derive(Clone, Debug)]
pub struct MemoryJournal {
    shared: Arc<Shared>,
    /// What those who reach it by this clone pass; None where nothing stands before it.
    gate: Option<Gate>,
}

#[derive(Debug)]
struct Shared {
    content: Arc<Mutex<Content>>,
    /// The last position, for those that follow.
    position: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Content {
    records: Vec<Record>,
    notes: BTreeMap<u64, Note>,
    requests: BTreeMap<(String, String), StoredRequest>,
    fault: Option<MemoryFault>,
    commits_failed_count: u64,
}

/// A failure to come, for tests and simulation: what a store can do to a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemoryFault {
    /// The commit fails and takes no effect.
    BeforeCommit,
    /// The commit takes effect, but its acknowledgement is lost.
    AfterCommit,
}

impl Default for MemoryJournal {
    fn default() -> Self {
        let shared = Shared { content: Arc::default(), position: watch::Sender::new(0) };
        Self { shared: Arc::new(shared), gate: None }
    }
}

impl MemoryJournal {
    /// The same journal, behind a gate.
    #[must_use]
    pub fn behind(&self, gate: Gate) -> Self {
        Self { shared: Arc::clone(&self.shared), gate: Some(gate) }
    }

    /// Every record, for checkers of a simulation.
    pub async fn all_records(&self) -> Vec<Record> {
        self.shared.content.lock().await.records.clone()
    }

    /// Lets the next commit fail.
    pub async fn fail_next_commit(&self, fault: MemoryFault) {
        self.shared.content.lock().await.fault = Some(fault);
    }

    /// How many commits failed that were to.
    pub async fn commits_failed_count(&self) -> u64 {
        self.shared.content.lock().await.commits_failed_count
    }

    /// Forgets every record after `position`, as a backup that was restored does.
    pub async fn rewind(&self, position: u64) {
        let mut content = self.shared.content.lock().await;
        content.records.retain(|record| record.position <= position);
        content.notes.retain(|at, _| *at <= position);
        content.requests.retain(|_, request| request.position <= position);
        self.shared.position.send_replace(position);
    }

    async fn pass(&self) {
        if let Some(gate) = &self.gate {
            gate.pass().await;
        }
    }

    async fn content(&self) -> MutexGuard<'_, Content> {
        self.pass().await;
        self.shared.content.lock().await
    }

    /// The last position, and its changes.
    pub(crate) fn positions(&self) -> watch::Receiver<u64> {
        self.shared.position.subscribe()
    }

    pub(crate) async fn open(&self, name: &str) -> Result<Head, JournalError> {
        let content = self.content().await;
        match content.records.first() {
            Some(first) if first.previous_hash != Head::genesis(name).hash => {
                Err(JournalError::OtherJournal { wanted: name.to_owned(), found: "another".to_owned() })
            }
            _ => Ok(content.head(name)),
        }
    }

    pub(crate) async fn head(&self, name: &str) -> Head {
        self.content().await.head(name)
    }

    pub(crate) async fn records(&self, after: u64, limit: usize) -> Vec<Record> {
        self.content().await.records(after, limit)
    }

    pub(crate) async fn records_matching(
        &self,
        after: u64,
        until: u64,
        limit: usize,
        filter: &RecordFilter,
    ) -> Vec<Record> {
        let content = self.content().await;
        let wanted = |record: &&Record| record.position > after && record.position <= until && filter.matches(record);
        content.records.iter().filter(wanted).take(limit).cloned().collect()
    }

    pub(crate) async fn last_before(&self, moment: Timestamp) -> u64 {
        let content = self.content().await;
        content.records.partition_point(|record| record.recorded_at < moment) as u64
    }

    pub(crate) async fn notes(&self, first: u64, last: u64) -> Vec<Note> {
        let content = self.content().await;
        if first > last {
            Vec::new()
        } else {
            content.notes.range(first..=last).map(|(_, note)| note.clone()).collect()
        }
    }

    pub(crate) async fn begin(&self, name: &'static str) -> MemoryWriting {
        self.pass().await;
        let content = Arc::clone(&self.shared.content).lock_owned().await;
        MemoryWriting { shared: Arc::clone(&self.shared), content, name }
    }
}

impl Content {
    fn head(&self, name: &str) -> Head {
        self.records.last().map_or_else(|| Head::genesis(name), Record::head)
    }

    fn records(&self, after: u64, limit: usize) -> Vec<Record> {
        let after = usize::try_from(after).unwrap_or(usize::MAX);
        self.records.iter().skip(after).take(limit).cloned().collect()
    }
}

/// The one writer of a journal in memory.
#[derive(Debug)]
pub(crate) struct MemoryWriting {
    shared: Arc<Shared>,
    content: OwnedMutexGuard<Content>,
    name: &'static str,
}

impl MemoryWriting {
    pub(crate) fn head(&self) -> Head {
        self.content.head(self.name)
    }

    pub(crate) fn records(&self, after: u64, limit: usize) -> Vec<Record> {
        self.content.records(after, limit)
    }

    pub(crate) fn requests(&self, request_ids: &[String]) -> Vec<StoredRequest> {
        let mut found = Vec::new();
        for request_id in request_ids {
            let first = (request_id.clone(), String::new());
            let of_this_id = self.content.requests.range(first..).take_while(|((id, _), _)| id == request_id);
            found.extend(of_this_id.map(|(_, request)| request.clone()));
        }
        found
    }

    pub(crate) fn noted(&self, positions: Vec<u64>) -> BTreeSet<u64> {
        positions.into_iter().filter(|position| self.content.notes.contains_key(position)).collect()
    }

    pub(crate) fn commit(mut self, append: Append) -> Result<(), JournalError> {
        let fault = self.content.fault.take();
        self.content.commits_failed_count += u64::from(fault.is_some());
        if fault == Some(MemoryFault::BeforeCommit) {
            return Err(self.failed());
        }
        assert_eq!(self.head(), append.from, "the head is locked, so nobody else can have moved it");
        self.content.records.extend(append.records);
        for note in append.notes {
            self.content.notes.insert(note.position, note);
        }
        for position in append.redacted {
            self.content.notes.remove(&position);
        }
        for request in append.requests {
            let key = (request.request_id.clone(), request.actor.clone());
            self.content.requests.insert(key, request);
        }
        self.shared.position.send_replace(append.to.position);
        if fault == Some(MemoryFault::AfterCommit) { Err(self.failed()) } else { Ok(()) }
    }

    fn failed(&self) -> JournalError {
        JournalError::ToldToFail { journal: self.name.to_owned() }
    }
}

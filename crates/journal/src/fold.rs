//! Folded: a state and the head up to which the journal is folded into it.

use std::sync::Arc;

use crate::causes::Causes;
use crate::log::{Journal, Log, Writing};
use crate::machine::Machine;
use crate::record::{ChainFault, Head, Record};
use crate::redaction::{OwnEvent, Redactions};
use crate::{JournalError, sql};

/// How many records are read at a time. Records may be large, so pages are small; a page costs one statement.
pub(crate) const PAGE_RECORDS: usize = 512;

/// A state and the head that it stands for.
pub(crate) struct Folded<M: Machine> {
    pub(crate) state: M::State,
    pub(crate) redactions: Redactions,
    /// SHA-256 of the policies by which it is decided who may do what; None where that was never recorded, since they are the
    /// program's own.
    pub(crate) policies: Option<Arc<str>>,
    pub(crate) head: Head,
    /// Bytes of all payloads that were folded in since the snapshot that this began with.
    pub(crate) payload_bytes: u64,
    pub(crate) causes: Causes,
}

impl<M: Machine> Clone for Folded<M> {
    fn clone(&self) -> Self {
        self.after(None)
    }
}

/// Why a record cannot be folded.
#[derive(Debug)]
pub(crate) enum FoldFault {
    Chain(ChainFault),
    Kind { position: u64, kind: String, source: serde_json::Error },
}

impl<M: Machine> Folded<M> {
    /// The empty journal's.
    pub(crate) fn genesis() -> Self {
        let (state, redactions, head) = (M::initial(), Redactions::default(), Head::genesis(M::JOURNAL));
        Self::beginning(state, redactions, head)
    }

    /// Where folding begins: an empty journal, or a snapshot.
    pub(crate) fn beginning(state: M::State, redactions: Redactions, head: Head) -> Self {
        Self { state, redactions, policies: None, head, payload_bytes: 0, causes: Causes::default() }
    }

    /// A copy, with another state where there is one.
    pub(crate) fn after(&self, state: Option<M::State>) -> Self {
        let state = state.unwrap_or_else(|| self.state.clone());
        let (redactions, causes) = (self.redactions.clone(), self.causes.clone());
        let policies = self.policies.clone();
        Self { state, redactions, policies, head: self.head, payload_bytes: self.payload_bytes, causes }
    }

    /// Folds the next record in, after checking that it is the next and unaltered.
    pub(crate) fn fold(&mut self, record: &Record) -> Result<(), FoldFault> {
        if let Some(fault) = record.fault_after(&self.head) {
            return Err(FoldFault::Chain(fault));
        }
        match OwnEvent::of(record) {
            Some(event) => self.apply_own(&event.map_err(|source| unknown(record, source))?, record),
            None => M::apply(&mut self.state, &decode::<M>(record)?, record.position, record.recorded_at),
        }
        self.advance(record);
        Ok(())
    }

    /// Applies an event of the journal's own.
    pub(crate) fn apply_own(&mut self, event: &OwnEvent, record: &Record) {
        if let OwnEvent::PoliciesLoaded { sha256 } = event {
            self.policies = Some(sha256.as_str().into());
        }
        self.redactions.apply(event, record);
    }

    /// Takes over the place of a record whose event is applied.
    pub(crate) fn advance(&mut self, record: &Record) {
        self.head = record.head();
        self.payload_bytes += record.payload.len() as u64;
        self.causes.push(record);
    }
}

/// The machine's event of a record that is not of the journal's own.
pub(crate) fn decode<M: Machine>(record: &Record) -> Result<M::Event, FoldFault> {
    M::event(&record.kind, &record.payload).map_err(|source| unknown(record, source))
}

fn unknown(record: &Record, source: serde_json::Error) -> FoldFault {
    FoldFault::Kind { position: record.position, kind: record.kind.clone(), source }
}

impl Log {
    /// Says what a fault means, and what an operator can do about it.
    pub(crate) async fn explain(&self, fault: FoldFault) -> JournalError {
        let journal = self.name.to_owned();
        match fault {
            FoldFault::Chain(source) => JournalError::Broken { journal, source },
            FoldFault::Kind { position, kind, source } => {
                let written_by = match &self.journal {
                    Journal::Memory(_) => Ok(sql::VERSION.to_owned()),
                    Journal::Sql(db) => sql::written_by(db, self.name).await,
                };
                let needed = written_by.unwrap_or_else(|_| "of whoever wrote it".to_owned());
                JournalError::UnknownKind { journal, position, kind, ours: sql::VERSION, needed, source }
            }
        }
    }
}

/// Where records are read from: outside a transaction, or by the one who may write.
pub(crate) enum Source<'a> {
    Log(&'a Log),
    Writing(&'a mut Writing),
}

impl Source<'_> {
    pub(crate) async fn records(&mut self, after: u64, limit: usize) -> Result<Vec<Record>, JournalError> {
        match self {
            Self::Log(log) => log.records(after, limit).await,
            Self::Writing(writing) => writing.records(after, limit).await,
        }
    }
}

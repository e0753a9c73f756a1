//! MemoryDatabase: SQLite in the memory of this process, answered on the calling thread.
//!
//! For simulation: the same statements on the same engine, without a file, and without a thread whose speed would decide what
//! happens first. Whoever asks waits for the answer where it stands, so that on one thread a transaction runs from its beginning
//! to its end unless its holder waits for something else meanwhile. It is no store to serve from.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::{Arc, Mutex as BlockingMutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions, Sqlite};
use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::gate::Gate;

/// Databases in memory, by name. Clones are the same ones: they outlive whoever opened them, as files do.
#[derive(Clone, Debug, Default)]
pub(crate) struct MemoryStore(Arc<BlockingMutex<BTreeMap<&'static str, MemoryDatabase>>>);

/// One of them.
#[derive(Clone, Debug)]
pub(crate) struct MemoryDatabase {
    content: Arc<Mutex<Content>>,
    /// What those who reach it by this clone pass; None where nothing stands before it.
    gate: Option<Gate>,
}

#[derive(Debug)]
struct Content {
    connection: SqliteConnection,
    /// Whoever began a transaction has neither committed it nor rolled it back.
    is_begun: bool,
    fault: Option<MemoryFault>,
    commits_failed_count: u64,
}

/// A failure to come, for simulation: what a store can do to a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemoryFault {
    /// The commit fails and takes no effect.
    BeforeCommit,
    /// The commit takes effect, but its acknowledgement is lost.
    AfterCommit,
}

impl MemoryStore {
    /// The database of this name; empty the first time.
    pub(crate) fn open(&self, name: &'static str) -> Result<MemoryDatabase, sqlx::Error> {
        let mut databases = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = databases.get(name) {
            return Ok(known.clone());
        }
        let options = SqliteConnectOptions::new().in_memory(true).foreign_keys(true).disable_statement_logging();
        let connection = at_once(options.connect())?;
        let content = Content { connection, is_begun: false, fault: None, commits_failed_count: 0 };
        let opened = MemoryDatabase { content: Arc::new(Mutex::new(content)), gate: None };
        databases.insert(name, opened.clone());
        Ok(opened)
    }
}

impl MemoryDatabase {
    /// The same database, behind a gate.
    pub(crate) fn behind(&self, gate: Gate) -> Self {
        Self { content: Arc::clone(&self.content), gate: Some(gate) }
    }

    /// Begins a transaction: who stands still does so before it. In its midst he would keep the database from everybody, which on
    /// PostgreSQL its time limit ends.
    pub(crate) async fn begin(&self, statement: &'static str) -> Result<MemoryTransaction, sqlx::Error> {
        if let Some(gate) = &self.gate {
            gate.pass().await;
        }
        let mut begun = MemoryTransaction(Arc::clone(&self.content).lock_owned().await);
        if begun.0.is_begun {
            // Its holder is gone.
            begun.end("rollback")?;
        }
        at_once(sqlx::query(statement).execute(&mut begun.0.connection))?;
        begun.0.is_begun = true;
        Ok(begun)
    }

    pub(crate) async fn fail_next_commit(&self, fault: MemoryFault) {
        self.content.lock().await.fault = Some(fault);
    }

    pub(crate) async fn commits_failed_count(&self) -> u64 {
        self.content.lock().await.commits_failed_count
    }
}

/// A transaction on a database in memory. Nobody else has the database meanwhile, not even to read.
#[derive(Debug)]
pub(crate) struct MemoryTransaction(OwnedMutexGuard<Content>);

impl MemoryTransaction {
    /// Runs what a statement makes of the connection.
    pub(crate) fn run<'c, T, F>(
        &'c mut self,
        statement: impl FnOnce(&'c mut SqliteConnection) -> F,
    ) -> Result<T, sqlx::Error>
    where
        F: Future<Output = Result<T, sqlx::Error>>,
    {
        at_once(statement(&mut self.0.connection))
    }

    /// Commits, or fails as it was told to: as a store does whose connection breaks.
    pub(crate) fn commit(mut self) -> Result<(), sqlx::Error> {
        let fault = self.0.fault.take();
        self.0.commits_failed_count += u64::from(fault.is_some());
        self.end(if fault == Some(MemoryFault::BeforeCommit) { "rollback" } else { "commit" })?;
        match fault {
            Some(_) => Err(sqlx::Error::Io(std::io::Error::other("told to fail"))),
            None => Ok(()),
        }
    }

    pub(crate) fn rollback(mut self) -> Result<(), sqlx::Error> {
        self.end("rollback")
    }

    fn end(&mut self, statement: &'static str) -> Result<(), sqlx::Error> {
        at_once(sqlx::query::<Sqlite>(statement).execute(&mut self.0.connection))?;
        self.0.is_begun = false;
        Ok(())
    }
}

/// Waits for a future on this thread, which does nothing else meanwhile.
fn at_once<F: Future>(future: F) -> F::Output {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    // Tokio would have a task that has done much give way, which this one does not do.
    let mut future = pin!(tokio::task::unconstrained(future));
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}

//! EngineConfig: every limit of an engine, by name.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;

use crate::checkpoints::Checkpoints;

/// The limits of an engine. The defaults suit a national programme.
#[derive(Clone, Debug)]
pub struct EngineConfig {
    /// Commands in one transaction. More gain little: at 256 the commit is a small part of the work.
    pub batch_commands_max: usize,
    /// Time spent on deciding a batch before it is committed: an urgent command waits for at most this and one commit.
    pub batch_time_max: Duration,
    /// Commands waiting in each of the two queues; whoever comes then waits for a place.
    pub queue_commands_max: usize,
    /// Time that one step of the store may take.
    pub store_time_max: Duration,
    /// How often a replica looks for records of others when nothing notified it. On SQLite that is the only way.
    pub poll_interval: Duration,
    /// Records between snapshots; 0 takes none. A start folds at least some 70,000 records a second.
    pub snapshot_records: u64,
    /// Bytes of payloads after which a snapshot is taken although there were fewer records: once nothing is being recorded
    /// or the engine ends, and before that when there are as many as the last snapshot has. A start folds some 15 MB a
    /// second.
    pub snapshot_bytes: u64,
    /// Signed checkpoints in a file outside the database; `None` writes none.
    pub checkpoints: Option<Arc<Checkpoints>>,
    /// For how long, by the clock, a request may be repeated and gets its first reply; after that the same request id is a
    /// new request. `None` keeps the replies for ever.
    pub request_retention: Option<SignedDuration>,
    /// How far the machine's clock may be off its database's before this replica is not ready (rule 18).
    pub clock_skew_max: SignedDuration,
    /// What is added to the database's clock before it is compared: not nought only where a test's processes live in
    /// another time.
    pub store_clock_offset: SignedDuration,
    /// Where the salts of notes come from.
    pub salt: Salt,
    /// Called around each commit that appends; for tests of crash recovery, which end the process there.
    pub on_commit: Option<CommitHook>,
}

/// On which side of a commit a [`CommitHook`] is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommitStage {
    /// Everything is decided and nothing of it is stored.
    Before,
    /// It is stored, and nobody has been told yet.
    After,
}

/// Called around each commit, with the position that the journal comes to by it.
#[derive(Clone)]
pub struct CommitHook(Arc<dyn Fn(CommitStage, u64) + Send + Sync>);

impl CommitHook {
    /// Calls `hook`.
    pub fn new(hook: impl Fn(CommitStage, u64) + Send + Sync + 'static) -> Self {
        Self(Arc::new(hook))
    }

    pub(crate) fn call(&self, stage: CommitStage, position: u64) {
        (self.0)(stage, position);
    }
}

impl fmt::Debug for CommitHook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CommitHook")
    }
}

impl Default for EngineConfig {
    fn default() -> Self {
        Self {
            batch_commands_max: 256,
            batch_time_max: Duration::from_millis(5),
            queue_commands_max: 4_096,
            store_time_max: Duration::from_secs(15),
            poll_interval: Duration::from_millis(500),
            snapshot_records: 10_000,
            snapshot_bytes: 16 * 1024 * 1024,
            checkpoints: None,
            request_retention: None,
            clock_skew_max: SignedDuration::from_secs(1),
            store_clock_offset: SignedDuration::ZERO,
            salt: Salt::Random,
            on_commit: None,
        }
    }
}

/// Where the salts of notes come from.
#[derive(Clone, Copy)]
pub enum Salt {
    /// The machine's random source: a short note cannot be guessed from its hash.
    Random,
    /// Always this one: for simulation, so that two runs write the same journal to the byte.
    Fixed([u8; 32]),
}

impl Salt {
    pub(crate) fn next(self) -> [u8; 32] {
        match self {
            Self::Fixed(salt) => salt,
            Self::Random => {
                let mut salt = [0; 32];
                getrandom::fill(&mut salt).expect("the machine has a random source");
                salt
            }
        }
    }
}

impl fmt::Debug for Salt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Random => "Random",
            Self::Fixed(_) => "Fixed",
        })
    }
}

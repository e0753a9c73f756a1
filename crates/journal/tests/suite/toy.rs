//! A small machine, and the journals of all three forms to run it on.

use std::time::{Duration, Instant};

use clock::{Clock, ManualClock};
use database::Db;
use database::testing::TestStore;
use imbl::OrdMap;
use jiff::Timestamp;
use journal::{
    Accepted, Engine, EngineConfig, InOnePiece, Journal, Machine, Meta, Outcome, Salt, Submission, SubmitError,
};
use serde::{Deserialize, Serialize};

/// Counters with names.
#[derive(Debug)]
pub(crate) enum Toy {}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Counters {
    pub(crate) by_name: OrdMap<String, i64>,
    /// A key that is no text, as the real machines have them.
    pub(crate) by_pair: OrdMap<(String, u32), i64>,
    pub(crate) events_count: u64,
    pub(crate) last_position: u64,
    pub(crate) last_recorded_at: Option<Timestamp>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Command {
    /// Adds to a counter; refused where it would become negative.
    Add { name: String, by: i64 },
    /// One event a name.
    AddEach { names: Vec<String> },
    /// One event for all names.
    AddAll { names: Vec<String> },
    /// Accepted, and changes nothing.
    Nothing,
    /// A fault of the machine, in `decide`.
    PanicDeciding,
    /// A fault of the machine, in `apply` of its second event.
    PanicApplying,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum Event {
    Added { name: String, by: i64 },
    AddedToAll { names: Vec<String> },
    Poisoned,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name} has only {value}")]
pub(crate) struct TooLittle {
    pub(crate) name: String,
    pub(crate) value: i64,
}

impl Machine for Toy {
    const JOURNAL: &'static str = "toy";
    type State = Counters;
    type Cut = InOnePiece;
    type Command = Command;
    type Event = Event;
    type Rejection = TooLittle;

    fn initial() -> Counters {
        Counters::default()
    }

    fn kind(event: &Event) -> &'static str {
        match event {
            Event::Added { .. } => "added",
            Event::AddedToAll { .. } => "added_to_all",
            Event::Poisoned => "poisoned",
        }
    }

    fn decide(state: &Counters, command: &Command, _now: Timestamp) -> Result<Vec<Event>, TooLittle> {
        match command {
            Command::Add { name, by } => {
                let value = state.by_name.get(name).copied().unwrap_or(0);
                if value + by < 0 {
                    return Err(TooLittle { name: name.clone(), value });
                }
                Ok(vec![Event::Added { name: name.clone(), by: *by }])
            }
            Command::AddEach { names } => {
                Ok(names.iter().map(|name| Event::Added { name: name.clone(), by: 1 }).collect())
            }
            Command::AddAll { names } => Ok(vec![Event::AddedToAll { names: names.clone() }]),
            Command::Nothing => Ok(Vec::new()),
            Command::PanicDeciding => panic!("the machine is broken"),
            Command::PanicApplying => Ok(vec![Event::Added { name: "before".to_owned(), by: 1 }, Event::Poisoned]),
        }
    }

    fn apply(state: &mut Counters, event: &Event, position: u64, recorded_at: Timestamp) {
        state.events_count += 1;
        assert!(state.last_position < position, "each record is folded once, in order");
        state.last_position = position;
        state.last_recorded_at = Some(recorded_at);
        match event {
            Event::Added { name, by } => add(state, name, *by),
            Event::AddedToAll { names } => names.iter().for_each(|name| add(state, name, 1)),
            Event::Poisoned => panic!("the machine is broken"),
        }
    }
}

fn add(state: &mut Counters, name: &str, by: i64) {
    *state.by_name.entry(name.to_owned()).or_default() += by;
    *state.by_pair.entry((name.to_owned(), 1)).or_default() += by;
}

/// A moment to start at.
pub(crate) fn start() -> Timestamp {
    "2031-03-29T12:00:00Z".parse().expect("a valid moment")
}

/// A clock that stands at [`start`].
pub(crate) fn clock() -> (Clock, ManualClock) {
    Clock::manual(start())
}

/// Fast to notice what others do, and the same salts in each run.
pub(crate) fn config() -> EngineConfig {
    EngineConfig { poll_interval: Duration::from_millis(20), salt: Salt::Fixed([7; 32]), ..EngineConfig::default() }
}

pub(crate) fn add_one(name: &str) -> Command {
    Command::Add { name: name.to_owned(), by: 1 }
}

/// Asked for by alice, with a request id.
pub(crate) fn request(command: Command, request_id: &str) -> Submission<Command> {
    let body_digest = digest(&command);
    let meta = Meta { actor: "alice".to_owned(), request_id: request_id.to_owned(), body_digest, ..Meta::default() };
    Submission::new(command, meta)
}

/// Asked for by a loop, without a request id.
pub(crate) fn order(command: Command) -> Submission<Command> {
    Submission::new(command, Meta { actor: "loop".to_owned(), ..Meta::default() })
}

fn digest(command: &Command) -> [u8; 32] {
    let mut digest = [0u8; 32];
    for (index, byte) in format!("{command:?}").bytes().enumerate() {
        digest[index % 32] = digest[index % 32].wrapping_mul(31).wrapping_add(byte);
    }
    digest
}

/// The reply says the position and how many events there were.
pub(crate) fn reply(outcome: &Outcome<'_, Toy>) -> Vec<u8> {
    format!("{} after {} events at {}", outcome.position, outcome.events.len(), outcome.now).into_bytes()
}

pub(crate) async fn submit(
    engine: &Engine<Toy>,
    submission: Submission<Command>,
) -> Result<Accepted, SubmitError<TooLittle>> {
    engine.submit(submission, reply).await
}

/// Soon, in real time.
pub(crate) fn soon() -> Instant {
    Instant::now() + Duration::from_secs(20)
}

/// A journal of one of the forms, and what keeps its store alive.
pub(crate) struct TestJournal {
    pub(crate) name: &'static str,
    pub(crate) journal: Journal,
    pub(crate) store: Option<TestStore>,
}

impl TestJournal {
    pub(crate) fn memory() -> Self {
        Self { name: "memory", journal: Journal::memory(), store: None }
    }

    pub(crate) async fn sqlite() -> Self {
        Self::sql("sqlite", TestStore::sqlite()).await
    }

    pub(crate) async fn postgres() -> Option<Self> {
        Some(Self::sql("postgres", TestStore::postgres().await?).await)
    }

    /// One of each form at hand.
    pub(crate) async fn each() -> Vec<Self> {
        let mut all = vec![Self::memory(), Self::sqlite().await];
        all.extend(Self::postgres().await);
        all
    }

    async fn sql(name: &'static str, store: TestStore) -> Self {
        let db = open_db(&store).await;
        Self { name, journal: Journal::Sql(db), store: Some(store) }
    }

    /// The same journal with connections of its own, as another process would have.
    pub(crate) async fn again(&self) -> Journal {
        match &self.store {
            Some(store) => Journal::Sql(open_db(store).await),
            None => self.journal.clone(),
        }
    }

    pub(crate) fn db(&self) -> Option<&Db> {
        match &self.journal {
            Journal::Sql(db) => Some(db),
            Journal::Memory(_) => None,
        }
    }

    pub(crate) async fn engine(&self, clock: &Clock) -> Engine<Toy> {
        self.engine_with(clock, config()).await
    }

    pub(crate) async fn engine_with(&self, clock: &Clock, config: EngineConfig) -> Engine<Toy> {
        let opened = Engine::open(self.journal.clone(), clock.clone(), config).await;
        opened.unwrap_or_else(|error| panic!("the engine on {} does not open: {error:?}", self.name))
    }
}

async fn open_db(store: &TestStore) -> Db {
    let db = Db::open(store.store(), "toy").await.expect("the database opens");
    db.migrate(&journal::MIGRATIONS).await.expect("the migrations apply");
    db
}

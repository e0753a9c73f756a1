//! How many commands a second an engine makes durable, by form of the journal and by commands in flight.
//!
//! `cargo run --profile ci -p journal --example group_commit` prints a table; PostgreSQL is measured where
//! `CITIZENS_ACCESS_TEST_POSTGRES` names a server. It compares runs on one machine, and is no promise about another.
#![expect(clippy::print_stdout, reason = "a table on the terminal is what this is for")]

use std::time::{Duration, Instant};

use clock::Clock;
use database::Db;
use database::testing::TestStore;
use imbl::OrdMap;
use jiff::Timestamp;
use journal::{Engine, EngineConfig, InOnePiece, Journal, Machine, Meta, Submission};
use serde::{Deserialize, Serialize};

/// Counts by name.
enum Tally {}

#[derive(Clone, Serialize, Deserialize)]
struct Counted {
    name: String,
}

impl Machine for Tally {
    const JOURNAL: &'static str = "tally";
    type State = OrdMap<String, u64>;
    type Cut = InOnePiece;
    type Command = String;
    type Event = Counted;
    type Rejection = std::convert::Infallible;

    fn initial() -> Self::State {
        OrdMap::new()
    }

    fn kind(_event: &Counted) -> &'static str {
        "counted"
    }

    fn decide(_state: &Self::State, name: &String, _now: Timestamp) -> Result<Vec<Counted>, Self::Rejection> {
        Ok(vec![Counted { name: name.clone() }])
    }

    fn apply(state: &mut Self::State, event: &Counted, _position: u64, _recorded_at: Timestamp) {
        *state.entry(event.name.clone()).or_default() += 1;
    }
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    println!("{:<10} {:>10} {:>14} {:>12} {:>12}", "journal", "in flight", "commands/s", "median ms", "p99 ms");
    let sqlite = TestStore::sqlite();
    let postgres = TestStore::postgres().await;
    let mut journals = vec![("memory", Journal::memory()), ("sqlite", open(&sqlite).await)];
    if let Some(postgres) = &postgres {
        journals.push(("postgres", open(postgres).await));
    }
    for (name, journal) in journals {
        for in_flight in [1, 16, 64, 256, 1_024] {
            measure(name, journal.clone(), in_flight).await;
        }
        measure_start(journal).await;
    }
}

/// A start without snapshots: reads, checks and folds every record.
async fn measure_start(journal: Journal) {
    let begun = Instant::now();
    let opened = Engine::<Tally>::open(journal, Clock::system(), without_snapshots()).await;
    let engine = opened.expect("the engine opens");
    let (position, seconds) = (engine.published().position, begun.elapsed().as_secs_f64());
    println!(
        "           a start folds {:.0} records/s ({position} records in {seconds:.2} s)",
        position as f64 / seconds
    );
    engine.shutdown().await;
}

fn without_snapshots() -> EngineConfig {
    EngineConfig { snapshot_records: 0, ..EngineConfig::default() }
}

async fn open(store: &TestStore) -> Journal {
    let db = Db::open(store.store(), "tally").await.expect("the database opens");
    db.migrate(&journal::MIGRATIONS).await.expect("the migrations apply");
    Journal::Sql(db)
}

async fn measure(name: &str, journal: Journal, in_flight: usize) {
    let opened = Engine::<Tally>::open(journal, Clock::system(), without_snapshots()).await;
    let engine = opened.expect("the engine opens");
    let begun = Instant::now();
    let end = begun + Duration::from_secs(3);
    let mut tasks = Vec::new();
    for worker in 0..in_flight {
        let engine = engine.clone();
        tasks.push(tokio::spawn(async move { work(&engine, worker, end).await }));
    }
    let mut times: Vec<Duration> = Vec::new();
    for task in tasks {
        times.extend(task.await.expect("the worker ends"));
    }
    let seconds = begun.elapsed().as_secs_f64();
    times.sort_unstable();
    let ms = |part: usize| times[times.len() * part / 100].as_secs_f64() * 1_000.0;
    let rate = times.len() as f64 / seconds;
    println!("{name:<10} {in_flight:>10} {rate:>14.0} {:>12.2} {:>12.2}", ms(50), ms(99));
    engine.shutdown().await;
}

/// Submits one command after the other, each with a request id, as a service's handlers do.
async fn work(engine: &Engine<Tally>, worker: usize, end: Instant) -> Vec<Duration> {
    let mut times = Vec::new();
    while Instant::now() < end {
        let position = engine.published().position;
        let request_id = format!("{position}-{worker}-{}", times.len());
        let meta = Meta { actor: "bench".to_owned(), request_id, ..Meta::default() };
        let begun = Instant::now();
        let submission = Submission::new(format!("A{:05}", (worker * 7 + times.len()) % 6_000), meta);
        engine.submit(submission, |outcome| outcome.position.to_be_bytes().to_vec()).await.expect("it is accepted");
        times.push(begun.elapsed());
    }
    times
}

//! Statistics killed with -9 as they enter any of their writes, syncs or sends, started again and told the rest: everything that
//! was acknowledged is counted, everything once (I29).
//!
//! On SQLite the places are the writes and syncs of its files, on PostgreSQL what is sent through sockets, to the database and to
//! producers alike. A first run, which nobody kills, says how many there are.

use std::path::{Path, PathBuf};
use std::time::Duration;

use client::{Peer, PeerConfig};
use clock::{Clock, SystemClock};
use proto::statistics::v1 as wire;
use proto::statistics::v1::ingest_service_client::IngestServiceClient;
use proto::statistics::v1::statistics_service_client::StatisticsServiceClient;
use rustix::process::Signal;
use tempfile::TempDir;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;

use crate::harness::offer;
use crate::harness::postgres::PostgresStore;
use crate::harness::running::Running;
use crate::harness::server::Server;
use crate::harness::strace::{self, KillAt};

/// What the producer has to tell: batches that wait for each other, so that each is a commit.
const BATCHES: u64 = 8;
const BATCH_EVENTS: u64 = 25;
const EVENTS: u64 = BATCHES * BATCH_EVENTS;

/// Places that are tried in every run of the tests, on each store; in the long tier, all.
const SAMPLE: usize = 6;

/// Of the places that were tried, at least this share must have been met: threads share the work differently each time.
const MET_SHARE_MIN: f64 = 0.5;

const WRITES: [&str; 3] = ["pwrite64", "fdatasync", "fsync"];
const SENDS: [&str; 4] = ["sendto", "sendmsg", "writev", "write"];

const START_PATIENCE: Duration = Duration::from_secs(60);
const ANSWER_PATIENCE: Duration = Duration::from_secs(20);
const STOP_PATIENCE: Duration = Duration::from_secs(60);

/// Where the statistics lie, and what their producer remembers.
struct Installation {
    folder: TempDir,
    store: Option<PostgresStore>,
    acknowledged: u64,
}

impl Installation {
    fn new(store: Option<PostgresStore>) -> Self {
        Self { folder: TempDir::new().expect("a temporary folder"), store, acknowledged: 0 }
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("strace.log")
    }

    fn arguments(&self) -> Vec<String> {
        let data = self.folder.path().join("data");
        let mut arguments = vec!["--data".to_owned(), data.to_str().expect("a plain path").to_owned()];
        if let Some(store) = &self.store {
            arguments.extend(["--store".to_owned(), store.url().to_owned()]);
        }
        // Nobody is there: they count all the same.
        arguments.extend(["--registry".to_owned(), "http://127.0.0.1:9".to_owned()]);
        arguments
    }

    /// Starts, takes what is to be told and ends, all of it under strace. Whether it was killed.
    async fn live(&mut self, calls: &[&'static str], kill: Option<KillAt>) -> bool {
        let arguments = self.arguments();
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let program = Server::command("statistics", "127.0.0.1:0", &arguments);
        let mut running = Running::start(&mut strace::under(&program, calls, kill, &self.log()));
        if let Some(address) = running.line_or_end("listening on ", START_PATIENCE) {
            // Whoever is killed answers no more; who is not is told everything.
            let told = self.tell(&format!("http://{}", address.trim())).await;
            assert!(told.is_ok() || kill.is_some(), "{told:?}");
            running.signal_child(Signal::TERM);
        }
        let ended = running.wait(STOP_PATIENCE);
        assert!(ended.status.success() || kill.is_some(), "{ended:?}");
        !ended.status.success()
    }

    /// Goes on from what is durable, which is everything that was acknowledged at least.
    async fn tell(&mut self, endpoint: &str) -> Result<(), Status> {
        let (sender, receiver) = mpsc::channel(4);
        let naming = wire::RecordEventsRequest { source: "app".to_owned(), incarnation: 1, ..Default::default() };
        sender.send(naming).await.expect("there is room for four");
        let mut client = IngestServiceClient::new(peer(endpoint));
        let mut answers = client.record_events(ReceiverStream::new(receiver)).await?.into_inner();
        loop {
            let answer = tokio::time::timeout(ANSWER_PATIENCE, answers.message()).await;
            let answer = answer.map_err(|_| Status::deadline_exceeded("no answer"))??;
            let durable = answer.ok_or_else(|| Status::unavailable("the stream ended"))?.durable_sequence;
            assert!(durable >= self.acknowledged, "{} were acknowledged, {durable} are durable", self.acknowledged);
            self.acknowledged = durable;
            if durable >= EVENTS {
                return Ok(());
            }
            // It sends the last three again, too.
            let first = durable.saturating_sub(3) + 1;
            let events = (first..=(durable + BATCH_EVENTS).min(EVENTS)).map(event).collect();
            let events = Some(wire::AccessEvents { events });
            let batch = wire::RecordEventsRequest { first_sequence: first, events, ..Default::default() };
            sender.send(batch).await.map_err(|_| Status::unavailable("the stream broke"))?;
        }
    }

    /// Starts again, tells the rest, and holds what is counted against what was told; and once more from the tables alone.
    async fn resume(mut self, met: &str) {
        let arguments = self.arguments();
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        for again in ["with what the log holds", "from the tables"] {
            let server = Server::start("statistics", &arguments);
            self.tell(server.endpoint()).await.unwrap_or_else(|status| panic!("after {met}: {status}"));
            let counted = counted(server.endpoint()).await;
            assert_eq!(counted, (EVENTS as i64, EVENTS as i64), "views and viewers {again}, after {met}");
            let ended = server.stop();
            assert!(ended.status.success(), "{}", ended.said());
        }
    }
}

fn peer(endpoint: &str) -> Peer {
    Peer::remote(endpoint, "tester", PeerConfig::default()).expect("it told us its address")
}

/// A view by a person of its own, now.
fn event(number: u64) -> wire::AccessEvent {
    let now = Clock::System(SystemClock::default()).now();
    wire::AccessEvent {
        occurred_at: Some(prost_types::Timestamp { seconds: now.as_second() - 60, nanos: 0 }),
        practice: format!("practices/A{:05}", 81_001 + number % 7),
        kind: wire::EventKind::RecordViewed.into(),
        pseudonym: ((u128::from(number) << 64) | 0x9e37_79b9_7f4a_7c15).to_be_bytes().to_vec().into(),
        ..wire::AccessEvent::default()
    }
}

/// Views and viewers in England.
async fn counted(endpoint: &str) -> (i64, i64) {
    let summary = StatisticsServiceClient::new(peer(endpoint)).get_summary(wire::GetSummaryRequest::default()).await;
    let summary = summary.expect("a summary").into_inner();
    let views = summary.record_views.map(|figure| figure.value);
    (views.unwrap_or_default(), summary.viewers.map(|viewers| viewers.value).unwrap_or_default())
}

/// Every place, or a sample that lies evenly over all of them.
fn places(log: &Path, calls: &[&'static str]) -> Vec<KillAt> {
    let most = strace::most_of_a_thread(log, calls);
    let all: Vec<KillAt> =
        most.iter().flat_map(|(call, most)| (1..=*most).map(|number| KillAt { call, number })).collect();
    assert!(all.len() > SAMPLE, "{most:?}");
    let count = if offer::is_long() { all.len() } else { SAMPLE };
    (0..count).map(|index| all[(2 * index + 1) * all.len() / (2 * count)]).collect()
}

/// Kills at each place, on a fresh store each time.
async fn hold_at_each_place(engine: &str, calls: &[&'static str], fresh: impl AsyncFn() -> Option<Installation>) {
    if !strace::is_there() {
        return;
    }
    let Some(mut unbroken) = fresh().await else { return };
    assert!(!unbroken.live(calls, None).await);
    let places = places(&unbroken.log(), calls);
    unbroken.resume("nothing").await;
    let mut met_count = 0;
    for place in &places {
        let mut installation = fresh().await.expect("it was there before");
        let was_killed = installation.live(calls, Some(*place)).await;
        met_count += usize::from(was_killed);
        installation.resume(&format!("{place:?}, met: {was_killed}")).await;
    }
    let tried = places.len();
    assert!(met_count as f64 >= MET_SHARE_MIN * tried as f64, "only {met_count} of {tried} places were met");
    offer::tell(&format!(
        "{tried} places at which statistics on {engine} were to be killed by their calls of the kernel ({}), {met_count} met: \
         nothing acknowledged was lost, nothing counted twice",
        calls.join(", ")
    ));
}

#[tokio::test]
async fn i29_killed_at_any_write_or_sync_of_sqlite_nothing_is_lost_or_doubled() {
    hold_at_each_place("SQLite", &WRITES, async || Some(Installation::new(None))).await;
}

#[tokio::test]
async fn i29_killed_at_any_send_on_postgresql_nothing_is_lost_or_doubled() {
    hold_at_each_place("PostgreSQL", &SENDS, async || Some(Installation::new(Some(PostgresStore::fresh().await?))))
        .await;
}

//! Statistics killed with -9 as they enter any of their writes, syncs or sends, started again and told the rest: everything that
//! was acknowledged is counted, everything once, in every area that practices lie in (I29).
//!
//! They live twice: at first views come in; a hundred days later more do, days that are old by then are united into their months,
//! hours are forgotten, and once more views come in. On SQLite the places are the writes and syncs of its files, on PostgreSQL what
//! is sent through sockets, to the database, the registry and producers alike. Lives that nobody cuts short say how many there are.

mod told;

use std::path::PathBuf;
use std::time::Duration;

use client::{Peer, PeerConfig};
use database::{Db, Store, sql};
use jiff::SignedDuration;
use proto::registry::v1::ListPracticesRequest;
use proto::registry::v1::practice_registry_service_client::PracticeRegistryServiceClient;
use proto::statistics::v1 as wire;
use proto::statistics::v1::ingest_service_client::IngestServiceClient;
use proto::statistics::v1::statistics_service_client::StatisticsServiceClient;
use rustix::process::Signal;
use tempfile::TempDir;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;

use crate::harness::installation::{Installation, Wanted, until};
use crate::harness::offer;
use crate::harness::postgres::PostgresStore;
use crate::harness::running::Running;
use crate::harness::server::Server;
use crate::harness::strace::{self, KillAt};

use told::{DAYS_BETWEEN, TOLD, TOLD_BEFORE_CLEANING, TOLD_FIRST, Told};

/// In two regions at least, with two suppliers.
const PRACTICES_COUNT: u32 = 12;
const SUPPLIERS: &str = "EMIS=2,TPP=1";

/// Places in each life that are tried in every run of the tests, on each store; in the long tier, all.
const SAMPLE: usize = 3;

/// Of the places that were tried, at least this share must have been met: threads share the work differently each time.
const MET_SHARE_MIN: f64 = 0.5;

const WRITES: [&str; 3] = ["pwrite64", "fdatasync", "fsync"];
const SENDS: [&str; 4] = ["sendto", "sendmsg", "writev", "write"];

const START_PATIENCE: Duration = Duration::from_secs(60);
const ANSWER_PATIENCE: Duration = Duration::from_secs(20);
const STOP_PATIENCE: Duration = Duration::from_secs(60);
/// After so many milliseconds what came in is written to the tables: long enough for some of it to come in after a checkpoint has begun.
const CHECKPOINT_MS: &str = "500";
/// Between two looks at whether old rows are united, which is begun once something that came in is written.
const LOOK_EVERY: Duration = Duration::from_millis(50);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Life {
    First,
    Second,
}

/// Where statistics are to be killed.
#[derive(Clone, Copy, Debug)]
struct Place {
    life: Life,
    at: KillAt,
}

/// The registry that statistics follow, and what there is to be told of its practices.
struct Ground {
    registry: Installation,
    told: Told,
}

impl Ground {
    async fn new() -> Self {
        let wanted = Wanted { practices_count: PRACTICES_COUNT, supplier_mix: Some(SUPPLIERS), ..Wanted::default() };
        let registry = Installation::all_in_one(&wanted);
        registry.import();
        let position = until(registry.registry(), |known| {
            known.len() == PRACTICES_COUNT as usize && known.values().all(|practice| practice.list_size > 0)
        });
        let position = position.await;
        let list = ListPracticesRequest { page_size: 100, ..ListPracticesRequest::default() };
        let listed = PracticeRegistryServiceClient::new(registry.registry().peer("reader")).list_practices(list).await;
        let practices = listed.expect("practices").into_inner().practices.into_iter();
        let practices = practices.map(|practice| (practice.ods_code.clone(), practice)).collect();
        Self { registry, told: Told { practices, position } }
    }
}

/// Statistics of their own: where they lie, and what their producer remembers.
struct Statistics<'a> {
    ground: &'a Ground,
    folder: TempDir,
    store: Option<PostgresStore>,
    acknowledged: u64,
}

impl<'a> Statistics<'a> {
    fn new(ground: &'a Ground, store: Option<PostgresStore>) -> Self {
        Self { ground, folder: TempDir::new().expect("a temporary folder"), store, acknowledged: 0 }
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("strace.log")
    }

    fn arguments(&self, life: Life) -> Vec<String> {
        let data = self.folder.path().join("data");
        let mut arguments = vec!["--data".to_owned(), data.to_str().expect("a plain path").to_owned()];
        if let Some(store) = &self.store {
            arguments.extend(["--store".to_owned(), store.url().to_owned()]);
        }
        let days = if life == Life::First { 0 } else { DAYS_BETWEEN };
        let first: i64 = self.ground.registry.clock_offset_s.parse().expect("seconds");
        let offset = first + SignedDuration::from_hours(24 * days).as_secs();
        arguments.extend(["--clock-offset-s".to_owned(), offset.to_string()]);
        arguments.extend(["--statistics-checkpoint-ms".to_owned(), CHECKPOINT_MS.to_owned()]);
        arguments.extend(["--registry".to_owned(), self.ground.registry.registry().endpoint().to_owned()]);
        arguments
    }

    /// Starts, takes what is to be told in that life and ends, all of it under strace. Whether it was killed.
    async fn live(&mut self, life: Life, calls: &[&'static str], kill: Option<KillAt>) -> bool {
        let arguments = self.arguments(life);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let program = Server::command("statistics", "127.0.0.1:0", &arguments);
        let mut running = Running::start(&mut strace::under(&program, calls, kill, &self.log()));
        if let Some(address) = running.line_or_end("listening on ", START_PATIENCE) {
            // Whoever is killed answers no more; who is not is told everything.
            let told = self.tell_all_of(life, &format!("http://{}", address.trim())).await;
            assert!(told.is_ok() || kill.is_some(), "{told:?}");
            running.signal_child(Signal::TERM);
        }
        let ended = running.wait(STOP_PATIENCE);
        assert!(ended.status.success() || kill.is_some(), "{ended:?}");
        !ended.status.success()
    }

    /// The same without strace, to the end.
    async fn live_unwatched(&mut self, life: Life) {
        let arguments = self.arguments(life);
        let server = Server::start("statistics", &arguments.iter().map(String::as_str).collect::<Vec<_>>());
        self.tell_all_of(life, server.endpoint()).await.expect("nobody kills it");
        let ended = server.stop();
        assert!(ended.status.success(), "{}", ended.said());
    }

    async fn tell_all_of(&mut self, life: Life, endpoint: &str) -> Result<(), Status> {
        self.follow(endpoint).await?;
        if life == Life::First {
            return self.tell(endpoint, TOLD_FIRST).await;
        }
        self.tell(endpoint, TOLD_BEFORE_CLEANING).await?;
        self.clean(endpoint).await?;
        self.tell(endpoint, TOLD).await
    }

    /// Waits until they know where the practices lie: a view counts for the areas that its practice is known to be in.
    async fn follow(&self, endpoint: &str) -> Result<(), Status> {
        let position = self.ground.told.position;
        let request = wire::GetSummaryRequest { min_position: position, ..Default::default() };
        StatisticsServiceClient::new(peer(endpoint)).get_summary(request).await.map(drop)
    }

    /// Goes on from what is durable, which is everything that was acknowledged at least.
    async fn tell(&mut self, endpoint: &str, until: u64) -> Result<(), Status> {
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
            if durable >= until {
                return Ok(());
            }
            let batch = self.ground.told.batch_after(durable, until);
            sender.send(batch).await.map_err(|_| Status::unavailable("the stream broke"))?;
        }
    }

    /// Waits until what was told is in the tables and the first life's days are united into months; an error where the process
    /// has ended before.
    async fn clean(&self, endpoint: &str) -> Result<(), Status> {
        let store = match &self.store {
            Some(store) => store.url().parse().expect("a store"),
            None => Store::sqlite(self.folder.path().join("data")),
        };
        let db = Db::open(&store, "statistics").await.expect("their database is there");
        let unwritten = sql("select id from head where folded < position");
        let hours =
            sql("select practice from hourly_counts where utc_day < (select max(utc_day) - 60 from hourly_counts)");
        let is_done = async || {
            let rows = |statement| async { db.fetch_all(statement).await.expect("the table is there") };
            rows(unwritten.clone()).await.is_empty() && rows(hours.clone()).await.is_empty()
        };
        let is_there = async || self.follow(endpoint).await;
        let done = loop {
            if is_done().await {
                break Ok(());
            }
            if let Err(gone) = is_there().await {
                break Err(gone);
            }
            tokio::time::sleep(LOOK_EVERY).await;
        };
        db.close().await;
        done
    }

    /// Starts again, tells the rest, and holds what is counted against what was told; and once more from the tables alone.
    async fn resume(mut self, met: &str) {
        let arguments = self.arguments(Life::Second);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        for again in ["with what the log holds", "from the tables"] {
            let server = Server::start("statistics", &arguments);
            let when = format!("{again}, after {met}");
            let followed = self.follow(server.endpoint()).await;
            followed.unwrap_or_else(|status| panic!("{when}: {status}"));
            self.tell(server.endpoint(), TOLD).await.unwrap_or_else(|status| panic!("{when}: {status}"));
            self.ground.told.hold(server.endpoint(), &when).await;
            let ended = server.stop();
            assert!(ended.status.success(), "{}", ended.said());
        }
    }
}

fn peer(endpoint: &str) -> Peer {
    Peer::remote(endpoint, "tester", PeerConfig::default()).expect("it told us its address")
}

/// Every place of a life, or a sample that lies evenly over all of them.
fn places(statistics: &Statistics<'_>, life: Life, calls: &[&'static str]) -> Vec<Place> {
    let most = strace::most_of_a_thread(&statistics.log(), calls);
    let all: Vec<KillAt> =
        most.iter().flat_map(|(call, most)| (1..=*most).map(|number| KillAt { call, number })).collect();
    assert!(all.len() > SAMPLE, "{most:?}");
    let count = if offer::is_long() { all.len() } else { SAMPLE };
    (0..count).map(|index| Place { life, at: all[(2 * index + 1) * all.len() / (2 * count)] }).collect()
}

/// Kills at each place, on a fresh store each time.
async fn hold_at_each_place(engine: &str, calls: &[&'static str], fresh: impl AsyncFn() -> Option<PostgresStore>) {
    let ground = Ground::new().await;
    let mut unbroken = Statistics::new(&ground, fresh().await);
    let mut all = Vec::new();
    for life in [Life::First, Life::Second] {
        assert!(!unbroken.live(life, calls, None).await);
        all.extend(places(&unbroken, life, calls));
    }
    unbroken.resume("nothing").await;
    let mut met_count = 0;
    for place in &all {
        let mut statistics = Statistics::new(&ground, fresh().await);
        if place.life == Life::Second {
            statistics.live_unwatched(Life::First).await;
        }
        let was_killed = statistics.live(place.life, calls, Some(place.at)).await;
        met_count += usize::from(was_killed);
        statistics.resume(&format!("{place:?}, met: {was_killed}")).await;
    }
    let tried = all.len();
    assert!(met_count as f64 >= MET_SHARE_MIN * tried as f64, "only {met_count} of {tried} places were met");
    offer::tell(&format!(
        "{tried} places at which statistics on {engine} were to be killed by their calls of the kernel ({}), {met_count} met: \
         nothing acknowledged was lost, nothing counted twice, in any area",
        calls.join(", ")
    ));
    ground.registry.stop();
}

// The test waits for processes that wait for its connections to end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i29_killed_at_any_write_or_sync_of_sqlite_nothing_is_lost_or_doubled_in_any_area() {
    if strace::is_there() {
        hold_at_each_place("SQLite", &WRITES, async || None).await;
    }
}

// The test waits for processes that wait for its connections to end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i29_killed_at_any_send_on_postgresql_nothing_is_lost_or_doubled_in_any_area() {
    if strace::is_there() && PostgresStore::fresh().await.is_some() {
        let fresh = async || Some(PostgresStore::fresh().await.expect("it was there before"));
        hold_at_each_place("PostgreSQL", &SENDS, fresh).await;
    }
}

//! An aggregator with its store, a clock moved by hand and a registry that says what a test makes it say.

use std::time::Duration;

use access_statistics::{AccessStatistics, StatisticsConfig};
use api::Explained;
use authority::Authority;
use client::{Peer, PeerConfig};
use clock::{Clock, ManualClock};
use database::testing::TestStore;
use database::{Db, Gate, Sql, sql};
use identity::DevelopmentCaller;
use jiff::Timestamp;
use journal::EngineConfig;
use proto::statistics::v1 as wire;
use proto::statistics::v1::denominator_service_client::DenominatorServiceClient;
use proto::statistics::v1::ingest_service_client::IngestServiceClient;
use proto::statistics::v1::publication_service_client::PublicationServiceClient;
use proto::statistics::v1::returns_service_client::ReturnsServiceClient;
use proto::statistics::v1::statistics_service_client::StatisticsServiceClient;
use server::{Server, ServerConfig};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::{Status, Streaming};

use crate::registry::FakeRegistry;

/// What outlives the process: store, registry, time.
pub(crate) struct World {
    pub(crate) store: TestStore,
    pub(crate) registry: FakeRegistry,
    pub(crate) clock: ManualClock,
    pub(crate) config: StatisticsConfig,
}

/// One process.
pub(crate) struct Process {
    /// Its connections, for tests that take them away or look at what lies in the tables.
    pub(crate) db: Db,
    pub(crate) peer: Peer,
    shutdown: CancellationToken,
    life: JoinHandle<()>,
}

pub(crate) fn moment(text: &str) -> Timestamp {
    text.parse().expect("a moment")
}

/// How long a checkpoint may take before a test lets more time pass, since whoever was to write it is dead.
const CHECKPOINT_TAKES_MAX: Duration = Duration::from_secs(1);

/// When every world begins.
pub(crate) const START: &str = "2031-03-10T09:00:00Z";

impl World {
    /// A world on each store at hand, and one whose store lies in memory, as in the simulation.
    pub(crate) async fn each() -> Vec<Self> {
        let mut stores = TestStore::each().await;
        stores.push(TestStore::memory());
        stores.into_iter().map(Self::on).collect()
    }

    pub(crate) fn on(store: TestStore) -> Self {
        let (registry, clock) = (FakeRegistry::new(), ManualClock::new(moment(START)));
        Self { store, registry, clock, config: StatisticsConfig::default() }
    }

    pub(crate) async fn start(&self) -> Process {
        self.start_on(Clock::Manual(self.clock.clone())).await
    }

    /// One of several replicas.
    pub(crate) async fn start_replica(&self, name: &str) -> Process {
        let config = StatisticsConfig { replica: name.to_owned(), ..self.config.clone() };
        self.start_with(Clock::Manual(self.clock.clone()), config).await
    }

    pub(crate) async fn start_on(&self, clock: Clock) -> Process {
        self.start_with(clock, self.config.clone()).await
    }

    pub(crate) async fn start_with(&self, clock: Clock, config: StatisticsConfig) -> Process {
        let db = AccessStatistics::migrate(self.store.store()).await.expect("the migrations apply");
        self.start_at(db, clock, config).await
    }

    /// One of several replicas, on a store in memory, that stands still before its tables while the gate is shut.
    pub(crate) async fn start_behind(&self, gate: Gate, name: &str) -> Process {
        let config = StatisticsConfig { replica: name.to_owned(), ..self.config.clone() };
        let db = AccessStatistics::migrate(self.store.store()).await.expect("the migrations apply");
        self.start_at(db.behind(gate), Clock::Manual(self.clock.clone()), config).await
    }

    async fn start_at(&self, db: Db, clock: Clock, config: StatisticsConfig) -> Process {
        let store = db.clone();
        let registry = self.registry.peer();
        let opened = AccessStatistics::open(db, clock, registry, config, EngineConfig::default()).await;
        let statistics = opened.expect("the aggregator opens");
        let server = Server::new(ServerConfig::default(), DevelopmentCaller, Authority::standard());
        let routes = statistics.add_to(server).build().expect("the routes are complete");
        let peer = Peer::local("statistics", routes, "tester", PeerConfig::default()).expect("an account");
        let shutdown = CancellationToken::new();
        let stop = shutdown.clone();
        let life = tokio::spawn(async move { statistics.run(stop).await });
        Process { db: store, peer, shutdown, life }
    }

    /// Lets time pass to the next checkpoint, and on until a replica has taken over from one that died, and waits until all that
    /// was taken is in the tables.
    pub(crate) async fn pass_checkpoint(&self) {
        self.pass_until_none(sql("select id from head where folded < position")).await;
    }

    /// Lets time pass as `pass_checkpoint` does, and waits until the statement, which says what is not yet written, has no rows.
    pub(crate) async fn pass_until_none(&self, unwritten: Sql) {
        let db = Db::open(self.store.store(), access_statistics::DATABASE).await.expect("the store is there");
        let written = || async {
            while !db.fetch_all(unwritten.clone()).await.expect("the table is there").is_empty() {
                tokio::task::yield_now().await;
            }
        };
        let comes = async {
            loop {
                self.clock.advance(self.config.checkpoint_interval);
                if tokio::time::timeout(CHECKPOINT_TAKES_MAX, written()).await.is_ok() {
                    return;
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(60), comes).await.expect("the checkpoint is written");
    }
}

impl Process {
    /// Ends in an orderly way: with a checkpoint.
    pub(crate) async fn stop(self) {
        self.shutdown.cancel();
        self.life.await.expect("the loops end");
    }

    /// Ends as by a power cut: nothing more is written.
    pub(crate) async fn kill(self) {
        self.life.abort();
        let _ = self.life.await;
    }

    pub(crate) fn statistics(&self) -> StatisticsServiceClient<Peer> {
        StatisticsServiceClient::new(self.peer.clone())
    }

    pub(crate) fn ingest(&self) -> IngestServiceClient<Peer> {
        IngestServiceClient::new(self.peer.clone())
    }

    pub(crate) fn returns(&self) -> ReturnsServiceClient<Peer> {
        ReturnsServiceClient::new(self.peer.clone())
    }

    pub(crate) fn denominators(&self) -> DenominatorServiceClient<Peer> {
        DenominatorServiceClient::new(self.peer.clone())
    }

    pub(crate) fn publications(&self) -> PublicationServiceClient<Peer> {
        PublicationServiceClient::new(self.peer.clone())
    }

    /// The same for somebody who may see what everybody may.
    pub(crate) fn publications_for_everybody(&self) -> PublicationServiceClient<Peer> {
        let journalist = self.peer.with_account("joe;roles=icb").expect("an account");
        PublicationServiceClient::new(journalist)
    }

    /// Connects a producer and reads the durable sequence that it is told first.
    pub(crate) async fn produce(&self, source: &str, incarnation: u64) -> (Producer, u64) {
        Self::produce_by(self.ingest(), source, incarnation).await
    }

    /// The same as `account`.
    pub(crate) async fn produce_as(&self, account: &str, source: &str, incarnation: u64) -> (Producer, u64) {
        let peer = self.peer.with_account(account).expect("an account");
        Self::produce_by(IngestServiceClient::new(peer), source, incarnation).await
    }

    async fn produce_by(mut ingest: IngestServiceClient<Peer>, source: &str, incarnation: u64) -> (Producer, u64) {
        let (sender, receiver) = mpsc::channel(64);
        let opening = wire::RecordEventsRequest { source: source.to_owned(), incarnation, ..Default::default() };
        sender.send(opening).await.expect("the stream is open");
        let opened = ingest.record_events(ReceiverStream::new(receiver)).await;
        let answers = opened.expect("the stream opens").into_inner();
        let mut producer = Producer { sender, answers };
        let durable = producer.answer().await.expect("the durable sequence comes first");
        (producer, durable)
    }

    pub(crate) async fn summary(&self, request: wire::GetSummaryRequest) -> wire::GetSummaryResponse {
        self.statistics().get_summary(request).await.expect("a summary").into_inner()
    }

    /// Records viewed and people who viewed, in England in the 30 days to now.
    pub(crate) async fn england(&self) -> (i64, i64) {
        self.views_and_viewers("england").await
    }

    /// The same in another area.
    pub(crate) async fn views_and_viewers(&self, area: &str) -> (i64, i64) {
        let summary = self.summary(wire::GetSummaryRequest { area: area.to_owned(), ..Default::default() }).await;
        (value(&summary.record_views), summary.viewers.map(|viewers| viewers.value).unwrap_or_default())
    }
}

pub(crate) fn value(figure: &Option<wire::Figure>) -> i64 {
    figure.as_ref().expect("every figure is there").value
}

/// A producer's open stream.
pub(crate) struct Producer {
    sender: mpsc::Sender<wire::RecordEventsRequest>,
    answers: Streaming<wire::RecordEventsResponse>,
}

impl Producer {
    pub(crate) async fn send(&self, first_sequence: u64, events: Vec<wire::AccessEvent>) {
        let events = Some(wire::AccessEvents { events });
        let request = wire::RecordEventsRequest { first_sequence, events, ..Default::default() };
        self.send_request(request).await;
    }

    pub(crate) async fn send_request(&self, request: wire::RecordEventsRequest) {
        self.sender.send(request).await.expect("the stream is open");
    }

    /// The next answer's durable sequence.
    pub(crate) async fn answer(&mut self) -> Result<u64, Status> {
        Ok(self.whole_answer().await?.durable_sequence)
    }

    /// The next answer.
    pub(crate) async fn whole_answer(&mut self) -> Result<wire::RecordEventsResponse, Status> {
        Ok(self.answers.message().await?.expect("the stream goes on"))
    }

    /// Sends a batch and waits for its acknowledgement.
    pub(crate) async fn record(&mut self, first_sequence: u64, events: Vec<wire::AccessEvent>) -> Result<u64, Status> {
        self.send(first_sequence, events).await;
        self.answer().await
    }
}

/// The reason and the metadata of a refusal.
pub(crate) fn reason(result: Result<u64, Status>) -> Explained {
    Explained::from(&result.expect_err("it is refused"))
}

/// A view of a record by a person, by number.
pub(crate) fn view(practice: &str, at: &str, person: u64) -> wire::AccessEvent {
    wire::AccessEvent {
        occurred_at: Some(api::time::to_wire(moment(at))),
        practice: format!("practices/{practice}"),
        kind: wire::EventKind::RecordViewed.into(),
        section: wire::RecordSection::TestResults.into(),
        pseudonym: pseudonym(person).to_vec().into(),
        ..wire::AccessEvent::default()
    }
}

/// Sixteen bytes that differ from person to person, as a keyed hash would.
pub(crate) fn pseudonym(person: u64) -> [u8; 16] {
    let mixed = u128::from(person + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
    mixed.to_be_bytes()
}

//! A registry that follows a publisher on this machine, on a clock that the test moves.

use std::time::Duration;

use authority::Authority;
use client::{Peer, PeerConfig};
use clock::{Clock, ManualClock};
use identity::DevelopmentCaller;
use jiff::civil::{Date, date};
use journal::{EngineConfig, Journal};
use ods::OrganisationRecord;
use ods_api::ApiConfig;
use ods_api::testing::{Publisher, practice};
use practice::directory::Chunk;
use practice::sync::{Sync, SyncEnd, SyncSource};
use practice::{Command, OrganisationEntry, OrganisationKind, Practice};
use practice_registry::{Config, Limits, PracticeRegistry, SyncConfig};
use proto::registry::v1 as wire;
use server::{Server, ServerConfig};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::bench::{Client, START};

/// The day of [`START`].
pub(crate) const TODAY: Date = date(2031, 6, 2);

/// A registry that follows a publisher.
pub(crate) struct Following {
    pub(crate) registry: PracticeRegistry,
    pub(crate) client: Client,
    pub(crate) time: ManualClock,
    pub(crate) clock: Clock,
    pub(crate) journal: Journal,
    pub(crate) shutdown: CancellationToken,
    pub(crate) loops: JoinHandle<()>,
}

/// Impatient, so that tests are quick; two organisations a page.
pub(crate) fn config(publisher: &Publisher, source: SyncSource) -> SyncConfig {
    let base = match source {
        SyncSource::Fhir => publisher.fhir(),
        SyncSource::Ord => publisher.ord(),
    };
    let api = ApiConfig {
        requests_per_second: 1_000,
        page_organisations: 2,
        attempt_timeout: Duration::from_secs(2),
        deadline: Duration::from_secs(3),
        backoff_first: Duration::from_millis(5),
        backoff_max: Duration::from_millis(20),
        ..ApiConfig::new(base)
    };
    SyncConfig::new(source, api, "registry-1".to_owned())
}

/// The organisations above the practices, as a map names them.
async fn know_organisations(registry: &PracticeRegistry) {
    let entry = |code: &str, kind, parent: &str| OrganisationEntry {
        code: code.to_owned(),
        kind,
        name: format!("NHS {code}"),
        parent: parent.to_owned(),
    };
    let organisations = vec![
        entry("Y63", OrganisationKind::Region, ""),
        entry("QHM", OrganisationKind::Icb, "Y63"),
        entry("QE1", OrganisationKind::Icb, "Y63"),
        entry("16C", OrganisationKind::SubIcb, "QHM"),
        entry("01A", OrganisationKind::SubIcb, "QE1"),
    ];
    let (source, effective_from) = ("map".to_owned(), date(2031, 6, 1));
    let chunk = Chunk { source, effective_from, practices: Vec::new(), organisations, read: None };
    let submission = journal::Submission::new(Command::ImportDirectory(chunk), journal::Meta::default());
    registry.engine().submit(submission, |_| Vec::new()).await.unwrap();
}

impl Following {
    pub(crate) async fn open(config: SyncConfig) -> Self {
        let (clock, time) = Clock::manual(START.parse().unwrap());
        let following = Self::open_on(Journal::memory(), clock, time, config).await;
        know_organisations(&following.registry).await;
        following
    }

    pub(crate) async fn open_on(journal: Journal, clock: Clock, time: ManualClock, sync: SyncConfig) -> Self {
        let limits = Limits { lapse_retry_after: Duration::from_millis(1), ..Limits::default() };
        let config = Config { journal: journal.clone(), clock: clock.clone(), engine: EngineConfig::default(), limits };
        let registry = PracticeRegistry::open(config).await.unwrap().with_sync(sync);
        let server = Server::new(ServerConfig::default(), DevelopmentCaller, Authority::standard());
        let routes = registry.add_to(server).build().unwrap();
        let client = Client::new(Peer::local("registry", routes, "olga", PeerConfig::default()).unwrap());
        // Nothing runs before the organisations are known.
        let (shutdown, loops) = (CancellationToken::new(), tokio::spawn(async {}));
        Self { registry, client, time, clock, journal, shutdown, loops }
    }

    pub(crate) fn run(&mut self) {
        let (registry, shutdown) = (self.registry.clone(), self.shutdown.clone());
        self.loops = tokio::spawn(async move { registry.run(shutdown).await });
    }

    /// As if the process had been killed and started again.
    pub(crate) async fn killed_and_started(self, config: SyncConfig) -> Self {
        self.loops.abort();
        let mut again = Self::open_on(self.journal, self.clock, self.time, config).await;
        again.run();
        again
    }

    /// Waits until the latest run is as `wanted` says.
    pub(crate) async fn until(&self, what: &str, wanted: impl Fn(&Sync) -> bool) -> Sync {
        let mut subscription = self.registry.engine().subscribe();
        let wait = async {
            loop {
                let published = self.registry.engine().published();
                if let Some(sync) = published.state.syncs().latest_first().next().filter(|sync| wanted(sync)) {
                    return sync.clone();
                }
                let (_, _activity) = subscription.changed().await;
            }
        };
        let waited = tokio::time::timeout(Duration::from_secs(20), wait).await;
        waited.unwrap_or_else(|_| panic!("{what} did not come about: {:?}", self.latest()))
    }

    pub(crate) fn latest(&self) -> Option<Sync> {
        self.registry.engine().published().state.syncs().latest_first().next().cloned()
    }

    pub(crate) async fn until_completed(&self, number: u32) -> Sync {
        self.until("the end", |sync| sync.number == number && sync.end == Some(SyncEnd::Completed)).await
    }

    pub(crate) fn practice(&self, code: &str) -> Option<Practice> {
        let published = self.registry.engine().published();
        published.state.practice(code.parse().unwrap()).map(|known| Practice::clone(known))
    }

    pub(crate) async fn ask(&mut self, full: bool) -> wire::Sync {
        let request_id = format!("ask-{}", self.registry.engine().published().position);
        let request = wire::SyncDirectoryRequest { full, request_id, ..Default::default() };
        self.client.sync_directory(request).await.unwrap().into_inner().sync.unwrap()
    }

    pub(crate) async fn kinds(&self) -> Vec<String> {
        let events = self.registry.engine().events(0, 1_000).await.unwrap();
        events.iter().map(|recorded| recorded.event.kind().to_owned()).collect()
    }
}

/// Six practices that changed on six days.
pub(crate) fn six() -> Vec<OrganisationRecord> {
    (1..=6).map(|n| practice(&format!("A8100{n}"), "SURGERY", "16C", "U12345", date(2031, 5, n))).collect()
}

pub(crate) async fn publisher(records: impl IntoIterator<Item = OrganisationRecord>) -> Publisher {
    let publisher = Publisher::open(TODAY).await;
    publisher.knows(records);
    publisher
}

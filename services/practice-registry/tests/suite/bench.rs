//! A registry with its routes and a client, on a clock that the test moves.

use api::Explained;
use authority::Authority;
use client::{Peer, PeerConfig};
use clock::{Clock, ManualClock};
use database::Db;
use database::testing::TestStore;
use identity::DevelopmentCaller;
use jiff::{SignedDuration, Timestamp};
use journal::{EngineConfig, Journal, MIGRATIONS, MemoryFault};
use practice_registry::{Config, Limits, PracticeRegistry};
use proto::registry::v1 as wire;
use proto::registry::v1::practice_registry_service_client::PracticeRegistryServiceClient;
use server::{Server, ServerConfig};
use tonic::Status;

use crate::files;

pub(crate) type Client = PracticeRegistryServiceClient<Peer>;

/// 09:00 in London on a day in summer.
pub(crate) const START: &str = "2031-06-02T08:00:00Z";

pub(crate) struct Bench {
    pub(crate) registry: PracticeRegistry,
    pub(crate) client: Client,
    pub(crate) time: ManualClock,
    pub(crate) peer: Peer,
    journal: Journal,
    clock: Clock,
    limits: Limits,
    acquired_count: u32,
    _store: Option<TestStore>,
}

/// Everybody in one, who speaks for A81001.
const ALICE: &str = "alice;organisation=practices/A81001";

/// The body of a test, in memory and on each database at hand.
pub(crate) async fn everywhere(test: impl AsyncFn(&mut Bench)) {
    test(&mut Bench::in_memory().await).await;
    for store in TestStore::each().await {
        let db = Db::open(store.store(), "registry").await.unwrap();
        db.migrate(&MIGRATIONS).await.unwrap();
        db.migrate(&practice_registry::MIGRATIONS).await.unwrap();
        let mut bench = Bench::open(Journal::Sql(db), Some(store), START.parse().unwrap()).await;
        test(&mut bench).await;
        bench.registry.engine().shutdown().await;
    }
}

impl Bench {
    pub(crate) async fn in_memory() -> Self {
        Self::open(Journal::memory(), None, START.parse().unwrap()).await
    }

    /// In memory, for the publishers' files.
    pub(crate) async fn for_large_files() -> Self {
        let limits = Limits::default();
        Self::open_within(Journal::memory(), None, START.parse().unwrap(), limits).await
    }

    /// In memory, with the practices of [`files::map`].
    pub(crate) async fn with_practices() -> Self {
        let mut bench = Self::in_memory().await;
        bench.import_map().await;
        bench
    }

    async fn open(journal: Journal, store: Option<TestStore>, now: Timestamp) -> Self {
        Self::open_within(journal, store, now, Limits { import_bytes_max: 120_000, ..Limits::default() }).await
    }

    async fn open_within(journal: Journal, store: Option<TestStore>, now: Timestamp, limits: Limits) -> Self {
        let (clock, time) = Clock::manual(now);
        let config = Config { journal: journal.clone(), clock: clock.clone(), engine: EngineConfig::default(), limits };
        let registry = PracticeRegistry::open(config).await.unwrap();
        let server = Server::new(ServerConfig::default(), DevelopmentCaller, Authority::standard());
        let routes = registry.add_to(server).build().unwrap();
        let peer = Peer::local("registry", routes, ALICE, PeerConfig::default()).unwrap();
        Self {
            registry,
            client: Client::new(peer.clone()),
            time,
            peer,
            journal,
            clock,
            limits,
            acquired_count: 0,
            _store: store,
        }
    }

    /// In memory, with the practices of [`files::map`] and watches of two practices a message.
    pub(crate) async fn with_short_messages() -> Self {
        Self::with_practices_within(Limits { watch_changes_max: 2, ..Limits::default() }).await
    }

    /// In memory, with the practices of [`files::map`].
    pub(crate) async fn with_practices_within(limits: Limits) -> Self {
        let mut bench = Self::open_within(Journal::memory(), None, START.parse().unwrap(), limits).await;
        bench.import_map().await;
        bench
    }

    /// Another replica on the same journal, with a clock of its own.
    pub(crate) async fn replica(&self) -> Self {
        Self::open_within(self.journal.clone(), None, self.clock.now(), self.limits).await
    }

    /// The same journal, opened anew.
    pub(crate) async fn reopened(self) -> Self {
        self.registry.engine().shutdown().await;
        Self::open_within(self.journal, self._store, self.clock.now(), self.limits).await
    }

    /// Lets the next commit fail; in memory only.
    pub(crate) async fn fail_next_commit(&self, fault: MemoryFault) {
        let Journal::Memory(journal) = &self.journal else { panic!("only a journal in memory fails on demand") };
        journal.fail_next_commit(fault).await;
    }

    pub(crate) fn client_as(&self, account: &str) -> Client {
        Client::new(self.peer.with_account(account).unwrap())
    }

    pub(crate) fn wait(&self, time: SignedDuration) {
        self.time.advance(time);
    }

    pub(crate) async fn import_map(&mut self) -> wire::ImportDirectoryResponse {
        self.import(header(wire::DirectoryFormat::Map, "map"), files::map().as_bytes()).await.unwrap()
    }

    pub(crate) async fn import(
        &mut self,
        header: wire::ImportHeader,
        file: &[u8],
    ) -> Result<wire::ImportDirectoryResponse, Status> {
        use wire::import_directory_request::Part;
        let mut parts = vec![Part::Header(header)];
        // In small pieces, which cut lines and characters in two.
        parts.extend(file.chunks(7).map(|piece| Part::Data(piece.to_vec().into())));
        self.import_parts(parts).await
    }

    pub(crate) async fn import_parts(
        &mut self,
        parts: Vec<wire::import_directory_request::Part>,
    ) -> Result<wire::ImportDirectoryResponse, Status> {
        let messages = parts.into_iter().map(|part| wire::ImportDirectoryRequest { part: Some(part) });
        let messages: Vec<_> = messages.collect();
        Ok(self.client.import_directory(futures_util::stream::iter(messages)).await?.into_inner())
    }

    pub(crate) async fn practice(&mut self) -> wire::Practice {
        let request = wire::GetPracticeRequest { name: PRACTICE.to_owned(), ..Default::default() };
        self.client.get_practice(request).await.unwrap().into_inner().practice.unwrap()
    }

    pub(crate) async fn pause(&mut self, request_id: &str) -> wire::PausePracticeResponse {
        self.client.pause_practice(pause(request_id)).await.unwrap().into_inner()
    }

    pub(crate) async fn acquire(&mut self, keys: Vec<wire::CommandKey>) -> Vec<wire::PermitGrant> {
        self.acquired_count += 1;
        let request_id = format!("acquire-{}", self.acquired_count);
        let request = wire::AcquirePermitsRequest { keys, request_id, ..Default::default() };
        self.client.acquire_permits(request).await.unwrap().into_inner().grants
    }

    pub(crate) async fn settle(
        &mut self,
        key: wire::CommandKey,
        outcome: wire::CommandOutcome,
    ) -> wire::SettlementResult {
        let request_id = format!("settle-{}-{}", key.generation, key.action);
        let settlement = wire::Settlement { key: Some(key), outcome: outcome.into(), ..Default::default() };
        let request = wire::SettlePermitsRequest { settlements: vec![settlement], request_id, ..Default::default() };
        self.client.settle_permits(request).await.unwrap().into_inner().results.remove(0)
    }

    /// Switches A81001 on as the scheduler does.
    pub(crate) async fn switch_on(&mut self) {
        let granted = self.acquire(vec![enable(1)]).await;
        assert_eq!(granted[0].refusal(), wire::PermitRefusal::Unspecified);
        self.settle(enable(1), wire::CommandOutcome::Applied).await;
    }
}

pub(crate) const PRACTICE: &str = "practices/A81001";

pub(crate) fn header(format: wire::DirectoryFormat, request_id: &str) -> wire::ImportHeader {
    wire::ImportHeader {
        format: format.into(),
        request_id: request_id.to_owned(),
        effective_date: "2031-06-01".to_owned(),
        ..Default::default()
    }
}

pub(crate) fn pause(request_id: &str) -> wire::PausePracticeRequest {
    wire::PausePracticeRequest {
        name: PRACTICE.to_owned(),
        end: wire::PauseEnd::FurtherNotice.into(),
        request_id: request_id.to_owned(),
        reason_code: "staff-not-trained".to_owned(),
        ..Default::default()
    }
}

pub(crate) fn enable(generation: u32) -> wire::CommandKey {
    key(wire::CommandAction::Enable, generation)
}

pub(crate) fn disable(generation: u32) -> wire::CommandKey {
    key(wire::CommandAction::Disable, generation)
}

fn key(action: wire::CommandAction, generation: u32) -> wire::CommandKey {
    wire::CommandKey { practice: PRACTICE.to_owned(), action: action.into(), generation, ..Default::default() }
}

/// The moment as the wire has it.
pub(crate) fn moment(text: &str) -> Option<prost_types::Timestamp> {
    Some(api::time::to_wire(text.parse().unwrap()))
}

/// Code, reason and metadata of a refusal.
pub(crate) fn refusal<T: std::fmt::Debug>(answer: Result<T, Status>) -> (tonic::Code, Explained) {
    let status = answer.unwrap_err();
    (status.code(), Explained::from(&status))
}

/// Code and reason of a refusal.
pub(crate) fn reason<T: std::fmt::Debug>(answer: Result<T, Status>) -> (tonic::Code, String) {
    let (code, explained) = refusal(answer);
    (code, explained.reason)
}

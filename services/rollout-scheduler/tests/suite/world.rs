//! A small world: registry, scheduler and suppliers in one process on virtual time, which a test walks through.
//!
//! A test acts at moments: between [`World::until`] and the next, time stands still for it. Whoever sleeps until the
//! same moment has been awake before the test, whose name sorts last.

use std::time::Duration;

use api::Explained;
use client::{Peer, PeerConfig};
use clock::{Activity, Clock, VirtualClock, VirtualConfig};
use identity::{DevelopmentCaller, RoleMatrix};
use jiff::Timestamp;
use journal::{Engine, EngineConfig, Journal, MemoryJournal};
use practice_registry::{Limits, PracticeRegistry};
use proto::registry::v1 as registry_wire;
use proto::registry::v1::practice_registry_service_client::PracticeRegistryServiceClient;
use proto::scheduler::v1 as wire;
use proto::scheduler::v1::calendar_service_client::CalendarServiceClient;
use proto::scheduler::v1::enrolment_service_client::EnrolmentServiceClient;
use proto::scheduler::v1::hold_service_client::HoldServiceClient;
use proto::scheduler::v1::programme_service_client::ProgrammeServiceClient;
use rollout_scheduler::{
    Config, LeaseConfig, LeaseHeld, LeaseStore, SUPPLIER_LIST_EVERY, Scheduler, Suppliers, supplier_peer_config,
};
use server::{Routes, Server, ServerConfig};
use supplier_simulator::{LogTarget, Simulator, SimulatorConfig, SupplierProfile};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tonic::Status;

use crate::files::{self, Surgery};

/// 09:00 in London on a Tuesday.
pub(crate) const START: &str = "2031-05-06T08:00:00Z";

/// A walk through virtual time takes no longer than this of real time, or it hangs.
const PATIENCE: Duration = Duration::from_secs(60);

/// Long enough that a busy machine loses no lease, short enough to wait for a take-over.
const LEASE_EXPIRY: Duration = Duration::from_secs(3);

/// What a world is made of.
pub(crate) struct Setup {
    pub(crate) surgeries: Vec<Surgery>,
    pub(crate) suppliers: Vec<SupplierProfile>,
    pub(crate) start: Timestamp,
    pub(crate) real_delay_per_call: Duration,
    /// Where the scheduler keeps its journal and its lease.
    pub(crate) journal: Journal,
    pub(crate) lease: LeaseStore,
}

impl Setup {
    pub(crate) fn new(surgeries: Vec<Surgery>, suppliers: Vec<SupplierProfile>) -> Self {
        let start = START.parse().unwrap();
        let (journal, lease) = (Journal::memory(), LeaseStore::memory());
        Self { surgeries, suppliers, start, real_delay_per_call: Duration::ZERO, journal, lease }
    }
}

pub(crate) struct World {
    pub(crate) clock: VirtualClock,
    pub(crate) registry: Peer,
    pub(crate) registry_engine: Engine<practice_registry::Registry>,
    registry_journal: MemoryJournal,
    pub(crate) simulator: Simulator,
    pub(crate) replicas: Vec<Replica>,
    journal: Journal,
    lease: LeaseStore,
    suppliers: Peer,
    shutdown: CancellationToken,
    activity: Option<Activity>,
    request_count: u32,
}

/// A scheduler of the world.
pub(crate) struct Replica {
    pub(crate) scheduler: Scheduler,
    peer: Peer,
    running: JoinHandle<()>,
}

impl World {
    /// A world with its practices imported and its calendar known; time stands at its start.
    pub(crate) async fn new(setup: Setup) -> Self {
        let Setup { surgeries, suppliers, start, real_delay_per_call, journal, lease } = setup;
        let (clock, advance) = VirtualClock::new(VirtualConfig::new(start));
        let activity = clock.activity();
        tokio::spawn(advance.run());
        let shutdown = CancellationToken::new();
        let domain = Clock::Virtual(clock.clone());

        let (registry_journal, registry_engine, registry) =
            registry(MemoryJournal::default(), &domain, &shutdown).await;
        let log = LogTarget::Memory;
        let config = SimulatorConfig { log, clock: domain, seed: 7, suppliers, real_delay_per_call };
        let simulator = Simulator::open(config).unwrap();
        let routes = served(|server| simulator.add_to(server));
        let suppliers = Peer::local("suppliers", routes, "scheduler;roles=service", supplier_peer_config()).unwrap();
        let mut world = Self {
            clock,
            registry,
            registry_engine,
            registry_journal,
            simulator,
            replicas: Vec::new(),
            journal,
            lease,
            suppliers,
            shutdown,
            activity: Some(activity),
            request_count: 0,
        };
        world.import(&surgeries).await;
        world.start_scheduler("one").await;
        world.run_suppliers();
        world.update_calendar().await;
        world
    }

    /// Starts another scheduler on the same journal.
    pub(crate) async fn start_scheduler(&mut self, replica: &str) {
        let config = Config {
            journal: self.journal.clone(),
            clock: Clock::Virtual(self.clock.clone()),
            engine: EngineConfig::default(),
            lease: LeaseConfig { replica: replica.to_owned(), expiry: LEASE_EXPIRY, store: self.lease.clone() },
            registry: self.registry.with_account("scheduler;roles=service").unwrap(),
            suppliers: Suppliers::behind(self.suppliers.clone()),
            supplier_list_every: SUPPLIER_LIST_EVERY,
        };
        let scheduler = Scheduler::open(config).await.unwrap();
        let routes = served(|server| scheduler.add_to(server));
        let peer = Peer::local("scheduler", routes, "alice", PeerConfig::default()).unwrap();
        let running = tokio::spawn({
            let (scheduler, shutdown) = (scheduler.clone(), self.shutdown.clone());
            async move { scheduler.run(shutdown).await }
        });
        drop(scheduler.registry_seen().await);
        self.replicas.push(Replica { scheduler, peer, running });
    }

    /// Ends a scheduler as a crash does: what it was about is not brought to an end.
    pub(crate) async fn crash_scheduler(&mut self) {
        let replica = self.replicas.remove(0);
        replica.running.abort();
        replica.running.await.unwrap_err();
    }

    /// Puts a registry in place of the one there is, which has lost its latest records, as a restored backup has.
    pub(crate) async fn restore_registry(&mut self, records_lost: u64) {
        let position = self.registry_engine.published().position - records_lost;
        self.registry_journal.rewind(position).await;
        let clock = Clock::Virtual(self.clock.clone());
        let journal = self.registry_journal.clone();
        (_, self.registry_engine, self.registry) = registry(journal, &clock, &self.shutdown).await;
    }

    /// Lets time pass until the scheduler's journal has come to a position, and ends the scheduler there, as a crash does;
    /// then starts it again.
    pub(crate) async fn crash_at(&mut self, position: u64) {
        let engine = self.replicas[0].scheduler.engine().clone();
        let mut changed = engine.subscribe();
        drop(self.activity.take());
        let mut reached = Clock::Virtual(self.clock.clone()).activity();
        while engine.published().position < position {
            let next = tokio::time::timeout(PATIENCE, {
                drop(reached);
                changed.changed()
            });
            (_, reached) = next.await.unwrap();
        }
        self.crash_scheduler().await;
        self.start_scheduler("one").await;
        self.activity = Some(reached);
    }

    /// Waits, in real time, until another scheduler performs effects; virtual time stands still.
    pub(crate) async fn taken_over_by(&self, replica: &str) {
        let engine = self.replicas[0].scheduler.engine().clone();
        let mut changed = engine.subscribe();
        while self.lease().replica != replica {
            drop(tokio::time::timeout(PATIENCE, changed.changed()).await.unwrap());
        }
    }

    pub(crate) fn lease(&self) -> LeaseHeld {
        self.replicas[0].scheduler.engine().published().state.lease.clone()
    }

    pub(crate) fn position(&self) -> u64 {
        self.replicas[0].scheduler.engine().published().position
    }

    /// What a run came to, whenever each thing happened: effects, and what the registry says.
    pub(crate) async fn outcome(&self) -> Vec<String> {
        let mut outcome = self.effects();
        outcome.sort();
        let request = registry_wire::ListPracticesRequest { page_size: 1_000, ..Default::default() };
        for practice in self.practices().list_practices(request).await.unwrap().into_inner().practices {
            let live = practice.access.iter().any(|access| access.live);
            outcome.push(format!("{} live: {live}", practice.ods_code));
        }
        for wave in self.waves().await {
            outcome.push(format!("{} is {:?}", wave.name, wave.state()));
        }
        outcome
    }

    /// Ends everything and waits for it, so that a database can be dropped.
    pub(crate) async fn end(mut self) {
        self.shutdown.cancel();
        for replica in self.replicas.drain(..) {
            replica.running.await.unwrap();
        }
    }

    fn run_suppliers(&self) {
        let (simulator, shutdown) = (self.simulator.clone(), self.shutdown.clone());
        let scheduler = self.replicas[0].peer.with_account("supplier").unwrap();
        tokio::spawn(async move { simulator.run(Some(scheduler), shutdown).await.unwrap() });
    }

    /// Lets time pass until a moment; all that happens before it, and at it, has happened.
    pub(crate) async fn until(&mut self, moment: &str) {
        let moment = moment.parse().unwrap();
        let sleep = Clock::Virtual(self.clock.clone()).sleep_until(moment, "~test");
        drop(self.activity.take());
        match tokio::time::timeout(PATIENCE, sleep).await {
            Ok(activity) => self.activity = Some(activity),
            Err(_) => panic!("time does not pass: {:?}", self.clock),
        }
    }

    fn peer(&self, account: &str) -> Peer {
        self.replicas[0].peer.with_account(account).unwrap()
    }

    pub(crate) fn programmes(&self, account: &str) -> ProgrammeServiceClient<Peer> {
        ProgrammeServiceClient::new(self.peer(account))
    }

    pub(crate) fn enrolments(&self) -> EnrolmentServiceClient<Peer> {
        EnrolmentServiceClient::new(self.peer("alice"))
    }

    pub(crate) fn holds(&self, account: &str) -> HoldServiceClient<Peer> {
        HoldServiceClient::new(self.peer(account))
    }

    pub(crate) fn calendar(&self) -> CalendarServiceClient<Peer> {
        CalendarServiceClient::new(self.peer("alice"))
    }

    pub(crate) fn practices(&self) -> PracticeRegistryServiceClient<Peer> {
        PracticeRegistryServiceClient::new(self.registry.clone())
    }

    /// A request id that was not used before.
    pub(crate) fn request_id(&mut self) -> String {
        self.request_count += 1;
        format!("test-{}", self.request_count)
    }

    async fn import(&mut self, surgeries: &[Surgery]) {
        let files = [
            (registry_wire::DirectoryFormat::Map, files::map(surgeries)),
            (registry_wire::DirectoryFormat::ListSizes, files::lists(surgeries)),
        ];
        for (format, file) in files {
            use registry_wire::import_directory_request::Part;
            let header = registry_wire::ImportHeader {
                format: format.into(),
                request_id: self.request_id(),
                effective_date: "2031-05-01".to_owned(),
                ..Default::default()
            };
            let parts = [Part::Header(header), Part::Data(file.into_bytes().into())];
            let parts = parts.map(|part| registry_wire::ImportDirectoryRequest { part: Some(part) });
            let report = self.practices().import_directory(futures_util::stream::iter(parts)).await.unwrap();
            assert_eq!(report.into_inner().rejected_rows, []);
        }
    }

    async fn update_calendar(&mut self) {
        let request = wire::UpdateCalendarRequest {
            bank_holidays_json: files::BANK_HOLIDAYS.as_bytes().to_vec().into(),
            request_id: self.request_id(),
            ..Default::default()
        };
        self.calendar().update_calendar(request).await.unwrap();
    }

    /// Writes a programme.
    pub(crate) async fn create(&mut self, document: &str) {
        let request = wire::CreateProgrammeRequest {
            programme_id: "spring".to_owned(),
            specification: document.to_owned(),
            request_id: self.request_id(),
            ..Default::default()
        };
        self.programmes("alice").create_programme(request).await.unwrap();
    }

    /// Writes a programme, has it approved by another person, and gives its practices notice now.
    pub(crate) async fn approve(&mut self, document: &str) {
        self.create(document).await;
        self.approve_latest().await;
        let waves = self.waves().await;
        for wave in waves {
            self.give_notice(&wave.name).await;
        }
    }

    /// Submits the programme's document and has it approved by another person.
    pub(crate) async fn approve_latest(&mut self) {
        let request =
            wire::SubmitPlanRequest { name: PROGRAMME.to_owned(), request_id: self.request_id(), ..Default::default() };
        let plan = self.programmes("alice").submit_plan(request).await.unwrap().into_inner().plan.unwrap();
        let request = wire::ApprovePlanRequest {
            name: plan.name,
            plan_hash: plan.plan_hash,
            request_id: self.request_id(),
            ..Default::default()
        };
        let plan = self.programmes("bob").approve_plan(request).await.unwrap().into_inner().plan.unwrap();
        assert_eq!(plan.state(), wire::PlanState::InForce);
    }

    pub(crate) async fn give_notice(&mut self, wave: &str) {
        let request = wire::RecordNoticeDeliveryRequest {
            wave: wave.to_owned(),
            delivered_at: Some(api::time::to_wire(self.clock.now())),
            channel: "letter".to_owned(),
            request_id: self.request_id(),
            ..Default::default()
        };
        self.programmes("alice").record_notice_delivery(request).await.unwrap();
    }

    pub(crate) async fn waves(&self) -> Vec<wire::Wave> {
        let request = wire::ListWavesRequest { parent: PROGRAMME.to_owned(), ..Default::default() };
        self.programmes("alice").list_waves(request).await.unwrap().into_inner().waves
    }

    pub(crate) async fn wave(&self, number: u32) -> wire::Wave {
        let request = wire::GetWaveRequest { name: format!("{PROGRAMME}/waves/{number}"), ..Default::default() };
        self.programmes("alice").get_wave(request).await.unwrap().into_inner().wave.unwrap()
    }

    pub(crate) async fn enrolment(&self, wave: u32, practice: &str) -> wire::Enrolment {
        let name = format!("{PROGRAMME}/waves/{wave}/enrolments/{practice}");
        let request = wire::GetEnrolmentRequest { name, min_position: 0 };
        self.enrolments().get_enrolment(request).await.unwrap().into_inner().enrolment.unwrap()
    }

    pub(crate) async fn explain(&self, practice: &str) -> wire::ExplainPracticeResponse {
        let request = wire::ExplainPracticeRequest { practice: format!("practices/{practice}"), ..Default::default() };
        self.enrolments().explain_practice(request).await.unwrap().into_inner()
    }

    pub(crate) async fn is_live(&self, practice: &str) -> bool {
        self.access(practice).await.live
    }

    pub(crate) async fn access(&self, practice: &str) -> registry_wire::CheckAccessResponse {
        let request = registry_wire::CheckAccessRequest { ods_code: practice.to_owned(), ..Default::default() };
        self.practices().check_access(request).await.unwrap().into_inner()
    }

    pub(crate) async fn live_count(&self) -> usize {
        let request = registry_wire::ListPracticesRequest { page_size: 1_000, ..Default::default() };
        let listed = self.practices().list_practices(request).await.unwrap().into_inner().practices;
        listed.iter().filter(|practice| practice.access.iter().any(|access| access.live)).count()
    }

    pub(crate) async fn pause(&mut self, practice: &str, end: registry_wire::PauseEnd) -> registry_wire::Receipt {
        let request = registry_wire::PausePracticeRequest {
            name: format!("practices/{practice}"),
            end: end.into(),
            request_id: self.request_id(),
            reason_code: "staff-not-trained".to_owned(),
            ..Default::default()
        };
        self.practices().pause_practice(request).await.unwrap().into_inner().receipt.unwrap()
    }

    pub(crate) async fn receipt(&self, receipt: &registry_wire::Receipt) -> registry_wire::ReceiptState {
        let request = registry_wire::GetReceiptRequest { name: receipt.name.clone(), min_position: 0 };
        self.practices().get_receipt(request).await.unwrap().into_inner().receipt.unwrap().state()
    }

    pub(crate) async fn hold(&mut self, hold: wire::PlaceHoldRequest) -> wire::PlaceHoldResponse {
        let request = wire::PlaceHoldRequest { request_id: self.request_id(), reason_code: "TEST".to_owned(), ..hold };
        self.holds("carol").place_hold(request).await.unwrap().into_inner()
    }

    /// Every effect at the suppliers, as `A81001 ENABLE 1`.
    pub(crate) fn effects(&self) -> Vec<String> {
        let effects = self.simulator.effects();
        let text = |effect: &supplier_simulator::Effect| {
            let direction = match effect.direction {
                supplier_simulator::Direction::Enable => "ENABLE",
                supplier_simulator::Direction::Disable => "DISABLE",
            };
            let generation = effect.generation.map_or("itself".to_owned(), |generation| generation.to_string());
            format!("{} {direction} {generation}", effect.practice)
        };
        effects.iter().map(text).collect()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

async fn registry(
    journal: MemoryJournal,
    clock: &Clock,
    shutdown: &CancellationToken,
) -> (MemoryJournal, Engine<practice_registry::Registry>, Peer) {
    let config = practice_registry::Config {
        journal: Journal::Memory(journal.clone()),
        clock: clock.clone(),
        engine: EngineConfig::default(),
        limits: Limits::default(),
    };
    let registry = PracticeRegistry::open(config).await.unwrap();
    let routes = served(|server| registry.add_to(server));
    let (running, shutdown) = (registry.clone(), shutdown.clone());
    tokio::spawn(async move { running.run(shutdown).await });
    let peer = Peer::local("registry", routes, "practice", PeerConfig::default()).unwrap();
    (journal, registry.engine().clone(), peer)
}

fn served(add: impl FnOnce(Server) -> Server) -> Routes {
    add(Server::new(ServerConfig::default(), DevelopmentCaller, RoleMatrix::standard())).build().unwrap()
}

pub(crate) const PROGRAMME: &str = "programmes/spring";

/// A programme for all practices: one wave on Monday 2 June, nine to five, ten working days' notice.
pub(crate) const ONE_WAVE: &str = "\
name: spring
title: Spring opening
deadline: { date: 2031-10-31, basis: contract }
cohort: 'practice.list_size > 0'
windows:
  - { days: [monday, tuesday, wednesday, thursday, friday], from: '09:00', to: '17:00' }
notice_working_days: 10
gate: { min_success: 0.8, min_sample: 2, soak: 24h, timeout: 48h }
suppliers:
  EMIS: { mode: push }
  TPP: { mode: push }
waves:
  - { wave: 1, title: Everybody, from: 2031-06-02, until: 2031-06-03 }
";

pub(crate) fn prompt(supplier: &str) -> SupplierProfile {
    SupplierProfile::prompt(supplier.parse().unwrap())
}

/// Code and reason of a refusal.
pub(crate) fn reason<T: std::fmt::Debug>(answer: Result<T, Status>) -> (tonic::Code, String) {
    let status = answer.unwrap_err();
    (status.code(), Explained::from(&status).reason)
}

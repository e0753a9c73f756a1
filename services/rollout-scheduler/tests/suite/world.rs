//! A small world: registry, scheduler and suppliers in one process on virtual time, which a test walks through.
//!
//! A test acts at moments: between [`World::until`] and the next, time stands still for it. Whoever sleeps until the
//! same moment has been awake before the test, whose name sorts last.

use std::sync::Arc;
use std::time::Duration;

use access_statistics::{AccessStatistics, StatisticsConfig};
use authority::Authority;
use client::{Peer, PeerConfig};
use clock::{Activity, Clock, VirtualClock, VirtualConfig};
use database::testing::TestStore;
use identity::DevelopmentCaller;
use jiff::Timestamp;
use journal::grpc::JournalService;
use journal::{Checkpoints, Engine, EngineConfig, Journal, MemoryJournal};
use practice_registry::{Limits, PracticeRegistry};
use proto::registry::v1 as registry_wire;
use rollout::LineLimits;
use rollout_scheduler::{
    Config, GateHooks, LeaseConfig, LeaseHeld, LeaseStore, NoticesConfig, Planning, SUPPLIER_LIST_EVERY, Scheduler,
    Suppliers, supplier_peer_config,
};
use server::{Routes, Server, ServerConfig};
use supplier_simulator::{LogTarget, Simulator, SimulatorConfig, SupplierProfile};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::faults::{Faults, Faulty};
use crate::files::Surgery;

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
    /// To whom each scheduler sends notices, and by whom; None where it sends none.
    pub(crate) notices: Option<NoticesOf>,
    /// How many calls suppliers take, where that is not the default.
    pub(crate) limits: Vec<(&'static str, LineLimits)>,
    /// Whether there are statistics, for gates that ask them.
    pub(crate) has_statistics: bool,
    /// Whom gates ask besides.
    pub(crate) gate_hooks: GateHooks,
    pub(crate) planning: Planning,
    /// What lists are signed with; None where they are not.
    pub(crate) checkpoints: Option<Arc<Checkpoints>>,
}

/// What every scheduler is given: couriers of its own.
pub(crate) type NoticesOf = Arc<dyn Fn() -> NoticesConfig + Send + Sync>;

impl Setup {
    pub(crate) fn new(surgeries: Vec<Surgery>, suppliers: Vec<SupplierProfile>) -> Self {
        let start = START.parse().unwrap();
        let (journal, lease) = (Journal::memory(), LeaseStore::memory());
        Self {
            surgeries,
            suppliers,
            start,
            real_delay_per_call: Duration::ZERO,
            journal,
            lease,
            notices: None,
            limits: Vec::new(),
            has_statistics: false,
            gate_hooks: GateHooks::default(),
            planning: Planning::default(),
            checkpoints: None,
        }
    }
}

pub(crate) struct World {
    pub(crate) clock: VirtualClock,
    pub(crate) registry: Peer,
    /// The same, as the scheduler calls it: with the faults that a test sets.
    registry_of_scheduler: Peer,
    pub(crate) faults: Faults,
    pub(crate) registry_engine: Engine<practice_registry::Registry>,
    registry_journal: MemoryJournal,
    pub(crate) simulator: Simulator,
    pub(crate) replicas: Vec<Replica>,
    journal: Journal,
    lease: LeaseStore,
    suppliers: Peer,
    pub(crate) supplier_faults: Faults,
    notices: Option<NoticesOf>,
    limits: Vec<(&'static str, LineLimits)>,
    /// Statistics as the scheduler calls them, with the faults that a test sets; and where they keep what they know.
    pub(crate) statistics: Option<Peer>,
    pub(crate) statistics_faults: Faults,
    statistics_store: Option<TestStore>,
    gate_hooks: GateHooks,
    planning: Planning,
    checkpoints: Option<Arc<Checkpoints>>,
    shutdown: CancellationToken,
    activity: Option<Activity>,
    pub(crate) request_count: u32,
}

/// A scheduler of the world.
pub(crate) struct Replica {
    pub(crate) scheduler: Scheduler,
    pub(crate) peer: Peer,
    running: JoinHandle<()>,
}

impl World {
    /// A world with its practices imported and its calendar known; time stands at its start.
    pub(crate) async fn new(setup: Setup) -> Self {
        let Setup {
            surgeries,
            suppliers,
            start,
            real_delay_per_call,
            journal,
            lease,
            notices,
            limits,
            has_statistics,
            gate_hooks,
            planning,
            checkpoints,
        } = setup;
        let (clock, advance) = VirtualClock::new(VirtualConfig::new(start));
        let activity = clock.activity();
        tokio::spawn(advance.run());
        let shutdown = CancellationToken::new();
        let domain = Clock::Virtual(clock.clone());

        let registry_journal = MemoryJournal::default();
        let (registry_engine, routes) = registry(registry_journal.clone(), &domain, &shutdown).await;
        let faults = Faults::default();
        let (registry, registry_of_scheduler) = registry_peers(routes, &faults);
        let log = LogTarget::Memory;
        let config = SimulatorConfig { log, clock: domain, seed: 7, suppliers, real_delay_per_call };
        let simulator = Simulator::open(config).unwrap();
        let routes = served(|server| simulator.add_to(server));
        let supplier_faults = Faults::default();
        let faulty = Faulty { routes, faults: supplier_faults.clone() };
        let suppliers = Peer::local("suppliers", faulty, "scheduler;roles=service", supplier_peer_config()).unwrap();
        let mut world = Self {
            clock,
            registry,
            registry_of_scheduler,
            faults,
            registry_engine,
            registry_journal,
            simulator,
            replicas: Vec::new(),
            journal,
            lease,
            suppliers,
            supplier_faults,
            notices,
            limits,
            statistics: None,
            statistics_faults: Faults::default(),
            statistics_store: None,
            gate_hooks,
            planning,
            checkpoints,
            shutdown,
            activity: Some(activity),
            request_count: 0,
        };
        world.import(&surgeries).await;
        if has_statistics {
            world.open_statistics().await;
        }
        world.start_scheduler("one").await;
        world.run_suppliers();
        world.update_calendar().await;
        world
    }

    async fn open_statistics(&mut self) {
        let store = TestStore::sqlite();
        let db = AccessStatistics::migrate(store.store()).await.unwrap();
        let registry = self.registry.with_account("statistics;roles=service").unwrap();
        let (clock, config) = (Clock::Virtual(self.clock.clone()), StatisticsConfig::default());
        let opened = AccessStatistics::open(db, clock, registry, config, EngineConfig::default()).await;
        let statistics = opened.unwrap();
        let faulty =
            Faulty { routes: served(|server| statistics.add_to(server)), faults: self.statistics_faults.clone() };
        let peer = Peer::local("statistics", faulty, "scheduler;roles=service", PeerConfig::default());
        let shutdown = self.shutdown.clone();
        tokio::spawn(async move { statistics.run(shutdown).await });
        (self.statistics, self.statistics_store) = (Some(peer.unwrap()), Some(store));
    }

    /// Starts another scheduler on the same journal.
    pub(crate) async fn start_scheduler(&mut self, replica: &str) {
        let suppliers = Suppliers::behind(self.suppliers.clone());
        let limited = |suppliers: Suppliers, (supplier, limits): &(&str, LineLimits)| {
            suppliers.limited(supplier.parse().unwrap(), *limits)
        };
        let suppliers = self.limits.iter().fold(suppliers, limited);
        let config = Config {
            journal: self.journal.clone(),
            clock: Clock::Virtual(self.clock.clone()),
            engine: EngineConfig { checkpoints: self.checkpoints.clone(), ..EngineConfig::default() },
            lease: LeaseConfig { replica: replica.to_owned(), expiry: LEASE_EXPIRY, store: self.lease.clone() },
            registry: self.registry_of_scheduler.clone(),
            statistics: self.statistics.clone(),
            gate_hooks: self.gate_hooks.clone(),
            suppliers,
            supplier_list_every: SUPPLIER_LIST_EVERY,
        };
        let mut scheduler = Scheduler::open(config).await.unwrap().with_planning(self.planning);
        if let Some(notices) = &self.notices {
            scheduler = scheduler.with_notices(notices());
        }
        let journal = JournalService::new([scheduler.journal()]);
        let routes = served(|server| scheduler.add_to(server).service(journal.into_server()));
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

    /// Ends a scheduler as a crash does, and starts it again on another journal.
    pub(crate) async fn crash_scheduler_onto(&mut self, journal: Journal) {
        self.crash_scheduler().await;
        self.journal = journal;
        self.start_scheduler("one").await;
    }

    /// Puts a registry in place of the one there is, which has lost its latest records, as a restored backup has.
    pub(crate) async fn restore_registry(&mut self, records_lost: u64) {
        let position = self.registry_engine.published().position - records_lost;
        self.registry_journal.rewind(position).await;
        let clock = Clock::Virtual(self.clock.clone());
        let journal = self.registry_journal.clone();
        let (engine, routes) = registry(journal, &clock, &self.shutdown).await;
        self.registry_engine = engine;
        (self.registry, self.registry_of_scheduler) = registry_peers(routes, &self.faults);
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
) -> (Engine<practice_registry::Registry>, Routes) {
    let config = practice_registry::Config {
        journal: Journal::Memory(journal),
        clock: clock.clone(),
        engine: EngineConfig::default(),
        limits: Limits::default(),
    };
    let registry = PracticeRegistry::open(config).await.unwrap();
    let routes = served(|server| registry.add_to(server));
    let (running, shutdown) = (registry.clone(), shutdown.clone());
    tokio::spawn(async move { running.run(shutdown).await });
    (registry.engine().clone(), routes)
}

/// The registry as a practice and as the scheduler call it.
fn registry_peers(routes: Routes, faults: &Faults) -> (Peer, Peer) {
    let faulty = Faulty { routes: routes.clone(), faults: faults.clone() };
    let config = PeerConfig { backoff_first: Duration::from_millis(1), ..PeerConfig::default() };
    let of_practice = Peer::local("registry", routes, "practice", PeerConfig::default()).unwrap();
    (of_practice, Peer::local("registry", faulty, "scheduler;roles=service", config).unwrap())
}

fn served(add: impl FnOnce(Server) -> Server) -> Routes {
    add(Server::new(ServerConfig::default(), DevelopmentCaller, Authority::standard())).build().unwrap()
}

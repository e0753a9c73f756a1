//! The machines, and what of them outlives a crash: journals, heart-beats of the lease, the statistics' tables, logs of suppliers
//! and producers, the post's book.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use access_statistics::{AccessStatistics, StatisticsConfig};
use authority::Authority;
use client::Peer;
use clock::Clock;
use courier::Courier;
use database::{Db, Gate, Store};
use futures_util::FutureExt;
use identity::DevelopmentCaller;
use jiff::SignedDuration;
use journal::{EngineConfig, Journal, MemoryJournal, Record, Salt};
use practice_registry::{Limits, PracticeRegistry};
use rollout::dispatch::Preferences;
use rollout::state::{Carrier, Means};
use rollout_scheduler::{Config, GateHooks, LeaseConfig, LeaseStore, MemoryLease, NoticesConfig, Scheduler, Suppliers};
use server::{Routes, Server, ServerConfig};
use supplier_simulator::{Entry, LogTarget, Refusal, SharedLog, Simulator, SimulatorConfig, What};
use tokio_util::sync::CancellationToken;

use crate::door::{Door, Rung};
use crate::network::{KEEPALIVE, Traffic, peer, peer_config, serve};
use crate::plan::{Forgotten, Plan};
use crate::post::{Post, PostCourier};
use crate::producers::Told;
use crate::returns::Returned;

pub(crate) const REGISTRY: &str = "registry";
pub(crate) const SCHEDULERS: [&str; 2] = ["scheduler-1", "scheduler-2"];
pub(crate) const SUPPLIERS: &str = "suppliers";
pub(crate) const PEOPLE: &str = "people";
pub(crate) const STATISTICS: [&str; 2] = ["statistics-1", "statistics-2"];
pub(crate) const PRODUCERS: &str = "producers";
pub(crate) const POST: &str = "post";

/// All machines, in the order of their clocks.
pub(crate) const MACHINES: [&str; 9] =
    [REGISTRY, SCHEDULERS[0], SCHEDULERS[1], SUPPLIERS, PEOPLE, STATISTICS[0], STATISTICS[1], PRODUCERS, POST];

/// For how long a heart-beat counts: a few round trips.
const LEASE_EXPIRY: Duration = Duration::from_millis(60);

/// How long a step of the store may take: a process that stands still for longer finds that it failed.
const STORE_TIME_MAX: Duration = Duration::from_millis(200);

/// Records that a journal without a disk loses.
const RECORDS_FORGOTTEN: u64 = 6;

/// When counts go into the tables: many times in a story, and far from after each event.
const CHECKPOINT_INTERVAL: SignedDuration = SignedDuration::from_hours(2);

/// How long a question of statistics waits for the registry to be followed, and a replica before it follows again.
const STATISTICS_WAIT: Duration = Duration::from_millis(50);

/// More often than in earnest: a practice that switches itself on is found out before its wave is over.
const SUPPLIER_LIST_EVERY: SignedDuration = SignedDuration::from_hours(6);

/// What all runs of all machines share.
#[derive(Clone)]
pub(crate) struct Installation(Arc<Shared>);

struct Shared {
    plan: Arc<Plan>,
    clocks: Vec<Clock>,
    traffic: Traffic,
    registry: MemoryJournal,
    scheduler: MemoryJournal,
    lease: MemoryLease,
    statistics: Db,
    told: Told,
    returned: Returned,
    post: Post,
    /// Of the machines that can stand still.
    gates: BTreeMap<&'static str, Gate>,
    /// The suppliers' log; more than one only where a supplier forgets what it knew with each crash.
    logs: Mutex<Vec<SharedLog>>,
    rung: Rung,
    /// The suppliers of the process that runs at present.
    simulator: Mutex<Option<Simulator>>,
    starts: Mutex<BTreeMap<&'static str, u64>>,
}

impl Installation {
    /// Nothing runs yet.
    pub(crate) fn new(plan: Arc<Plan>, clocks: Vec<Clock>) -> Self {
        let statistics = AccessStatistics::migrate(&Store::memory()).now_or_never();
        let statistics = statistics.expect("memory does not keep anybody waiting").expect("an empty store is migrated");
        let post = Post::new(plan.seed, plan.post);
        Self(Arc::new(Shared {
            plan,
            clocks,
            traffic: Traffic::default(),
            registry: MemoryJournal::default(),
            scheduler: MemoryJournal::default(),
            lease: MemoryLease::default(),
            statistics,
            told: Told::default(),
            returned: Returned::default(),
            post,
            gates: SCHEDULERS.into_iter().chain(STATISTICS).map(|machine| (machine, Gate::default())).collect(),
            logs: Mutex::default(),
            rung: Rung::default(),
            simulator: Mutex::default(),
            starts: Mutex::default(),
        }))
    }

    pub(crate) fn plan(&self) -> &Plan {
        &self.0.plan
    }

    pub(crate) fn traffic(&self) -> &Traffic {
        &self.0.traffic
    }

    pub(crate) fn registry_journal(&self) -> &MemoryJournal {
        &self.0.registry
    }

    pub(crate) fn scheduler_journal(&self) -> &MemoryJournal {
        &self.0.scheduler
    }

    /// The tables of the statistics.
    pub(crate) fn statistics_db(&self) -> &Db {
        &self.0.statistics
    }

    /// What the post knows.
    pub(crate) fn post(&self) -> &Post {
        &self.0.post
    }

    /// How often a supplier has taken a list.
    pub(crate) fn lists_taken_count(&self) -> u64 {
        let records = self.0.scheduler.all_records().now_or_never().unwrap_or_default();
        let is_taken = |record: &&Record| record.kind == "sealed" && record.payload.contains("\"listed\":true");
        records.iter().filter(is_taken).count() as u64
    }

    /// What producers told the statistics.
    pub(crate) fn told(&self) -> &Told {
        &self.0.told
    }

    /// What suppliers returned to the statistics.
    pub(crate) fn returned(&self) -> &Returned {
        &self.0.returned
    }

    /// Notes that a machine gave no answer, where it stands still.
    pub(crate) fn note_no_answer(&self, machine: &'static str) {
        if self.gate(machine).is_shut() {
            self.0.rung.note(&unanswered(machine));
        }
    }

    /// How often whoever wanted something of a machine that stood still had no answer.
    pub(crate) fn unanswered_count(&self, machine: &str) -> u64 {
        self.0.rung.count(&unanswered(machine))
    }

    /// Everything that suppliers logged.
    pub(crate) fn log(&self) -> Vec<Entry> {
        let logs = self.0.logs.lock().unwrap_or_else(PoisonError::into_inner);
        logs.iter().flat_map(SharedLog::entries).collect()
    }

    fn log_to_go_on_with(&self) -> SharedLog {
        let mut logs = self.0.logs.lock().unwrap_or_else(PoisonError::into_inner);
        if logs.is_empty() || self.0.plan.mutation == Some(Forgotten::Keys) {
            logs.push(SharedLog::default());
        }
        logs[logs.len() - 1].clone()
    }

    /// How many requests a supplier has refused since it took none.
    pub(crate) fn refusals_of(&self, supplier: &str) -> u64 {
        let refused = |entry: &&Entry| {
            let refusal = Refusal::NotTakingRequests;
            entry.supplier.as_str() == supplier
                && matches!(&entry.what, What::Refused { refusal: given, .. } if *given == refusal)
        };
        self.log().iter().filter(refused).count() as u64
    }

    /// Has a supplier take requests to switch on, or refuse them all.
    pub(crate) fn take_requests(&self, supplier: &str, takes: bool) {
        let simulator = self.0.simulator.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let name = supplier.parse().expect("a supplier's name");
        let set = simulator.map(|simulator| simulator.set_takes_requests(&name, takes));
        set.expect("the suppliers' process runs").expect("a log in memory");
    }

    /// What is lost with a process beside the process itself: nothing, but where that is the mutation.
    pub(crate) fn crashed(&self, machine: &str) {
        let forgets = matches!(self.0.plan.mutation, Some(Forgotten::Seals | Forgotten::Notices));
        if forgets && SCHEDULERS.contains(&machine) {
            let journal = &self.0.scheduler;
            let at_rest = "nobody is at the journal between two ticks";
            let last = journal.all_records().now_or_never().expect(at_rest).len() as u64;
            journal.rewind(last.saturating_sub(RECORDS_FORGOTTEN)).now_or_never().expect(at_rest);
        }
        if self.0.plan.mutation == Some(Forgotten::Sequences) && STATISTICS.contains(&machine) {
            let forget = self.0.statistics.execute(database::sql("delete from sources"));
            forget.now_or_never().expect("memory does not keep anybody waiting").expect("the table is there");
        }
    }

    pub(crate) fn rung(&self) -> &Rung {
        &self.0.rung
    }

    /// What keeps a scheduler from journal and lease, and an aggregator from its tables, while it stands still.
    pub(crate) fn gate(&self, machine: &str) -> &Gate {
        self.0.gates.get(machine).expect("a machine that can stand still")
    }

    pub(crate) fn clock_of(&self, machine: &str) -> Clock {
        let at = MACHINES.iter().position(|name| *name == machine);
        self.0.clocks[at.expect("a machine of the installation")].clone()
    }

    /// How often the process of a machine has come up.
    pub(crate) fn starts_of(&self, machine: &str) -> u64 {
        let starts = self.0.starts.lock().unwrap_or_else(PoisonError::into_inner);
        starts.get(machine).copied().unwrap_or(0)
    }

    fn started(&self, machine: &'static str) {
        *self.0.starts.lock().unwrap_or_else(PoisonError::into_inner).entry(machine).or_default() += 1;
    }

    /// A peer on machine `from`; to be made there.
    pub(crate) fn peer(&self, from: &str, to: &'static str, account: &str, attempts_max: u32) -> anyhow::Result<Peer> {
        peer(&self.0.traffic, from, &[to], account, peer_config(attempts_max))
    }

    /// The registry's process.
    pub(crate) async fn registry(self) -> turmoil::Result {
        let config = practice_registry::Config {
            journal: Journal::Memory(self.0.registry.clone()),
            clock: self.clock_of(REGISTRY),
            engine: engine_config(),
            limits: Limits { lapse_retry_after: Duration::from_millis(5), ..Limits::default() },
        };
        let registry = PracticeRegistry::open(config).await?;
        let routes = served(|server| registry.add_to(server));
        let running = registry.clone();
        tokio::spawn(async move { running.run(CancellationToken::new()).await });
        self.started(REGISTRY);
        Ok(serve(&routes, &self.0.traffic, REGISTRY).await?)
    }

    /// A scheduler's process.
    pub(crate) async fn scheduler(self, which: usize) -> turmoil::Result {
        let name = SCHEDULERS[which];
        let gate = self.gate(name).clone();
        let store = LeaseStore::Memory(self.0.lease.behind(gate.clone()));
        let account = "scheduler;roles=service";
        let config = Config {
            journal: Journal::Memory(self.0.scheduler.behind(gate)),
            clock: self.clock_of(name),
            engine: engine_config(),
            lease: LeaseConfig { replica: name.to_owned(), expiry: LEASE_EXPIRY, store },
            registry: self.peer(name, REGISTRY, account, 3)?,
            // Each asks an aggregator of its own. Hooks are not simulated.
            statistics: Some(self.peer(name, STATISTICS[which], account, 1)?),
            gate_hooks: GateHooks::default(),
            suppliers: Suppliers::behind(self.peer(name, SUPPLIERS, account, 1)?),
            supplier_list_every: SUPPLIER_LIST_EVERY,
        };
        let scheduler = Scheduler::open(config).await?.with_notices(self.notices(name));
        let routes = served(|server| scheduler.add_to(server));
        let running = scheduler.clone();
        tokio::spawn(async move { running.run(CancellationToken::new()).await });
        self.started(name);
        Ok(serve(&routes, &self.0.traffic, name).await?)
    }

    /// All notices go by the post, which says what became of each.
    fn notices(&self, from: &'static str) -> NoticesConfig {
        let means = [Means::Email, Means::Post].map(|means| (means, Carrier::Notify)).to_vec();
        let courier: Arc<dyn Courier> = Arc::new(PostCourier { traffic: self.0.traffic.clone(), from });
        NoticesConfig {
            preferences: Preferences { means, roles: Vec::new() },
            couriers: BTreeMap::from([(Carrier::Notify, courier)]),
        }
    }

    /// The post's process.
    pub(crate) async fn carry(self) -> turmoil::Result {
        self.started(POST);
        Ok(self.0.post.serve(&self.0.traffic, self.clock_of(POST), &self.0.rung).await?)
    }

    /// An aggregator's process.
    pub(crate) async fn statistics(self, which: usize) -> turmoil::Result {
        let name = STATISTICS[which];
        let config = StatisticsConfig {
            replica: name.to_owned(),
            checkpoint_interval: CHECKPOINT_INTERVAL,
            position_wait_max: STATISTICS_WAIT,
            follow_retry_delay: STATISTICS_WAIT,
            ..StatisticsConfig::default()
        };
        let registry = self.peer(name, REGISTRY, "statistics;roles=service", 3)?;
        let (db, clock) = (self.0.statistics.behind(self.gate(name).clone()), self.clock_of(name));
        let statistics = AccessStatistics::open(db, clock, registry, config, engine_config()).await?;
        let routes = served(|server| statistics.add_to(server));
        let running = statistics.clone();
        tokio::spawn(async move { running.run(CancellationToken::new()).await });
        self.started(name);
        Ok(serve(&routes, &self.0.traffic, name).await?)
    }

    /// The suppliers' process: what they are sent comes by their door.
    pub(crate) async fn suppliers(self) -> turmoil::Result {
        let config = SimulatorConfig {
            log: LogTarget::Shared(self.log_to_go_on_with()),
            clock: self.clock_of(SUPPLIERS),
            seed: self.0.plan.seed,
            suppliers: self.0.plan.suppliers.clone(),
            real_delay_per_call: Duration::ZERO,
        };
        let simulator = Simulator::open(config)?;
        *self.0.simulator.lock().unwrap_or_else(PoisonError::into_inner) = Some(simulator.clone());
        let within = served(|server| simulator.add_to(server));
        let within = Peer::local("suppliers", within, "scheduler;roles=service", peer_config(1))?;
        let door = Door { within, habits: self.0.plan.door, seed: self.0.plan.seed, rung: self.0.rung.clone() };
        let routes = served(|server| door.add_to(server));
        // Lists are claimed from, and reported to, whoever answers.
        let scheduler = peer(&self.0.traffic, SUPPLIERS, &SCHEDULERS, "supplier", peer_config(3))?;
        tokio::spawn(async move { simulator.run(Some(scheduler), CancellationToken::new()).await });
        self.started(SUPPLIERS);
        Ok(serve(&routes, &self.0.traffic, SUPPLIERS).await?)
    }
}

fn unanswered(machine: &str) -> String {
    format!("{machine} stood still and gave no answer")
}

fn engine_config() -> EngineConfig {
    EngineConfig {
        store_time_max: STORE_TIME_MAX,
        snapshot_records: 0,
        snapshot_bytes: u64::MAX,
        salt: Salt::Fixed([7; 32]),
        ..EngineConfig::default()
    }
}

fn served(add: impl FnOnce(Server) -> Server) -> Routes {
    let config =
        ServerConfig { keepalive_interval: KEEPALIVE, keepalive_timeout: KEEPALIVE, ..ServerConfig::default() };
    let server = add(Server::new(config, DevelopmentCaller, Authority::standard()).without_reflection());
    server.build().expect("the services are described and named once each")
}

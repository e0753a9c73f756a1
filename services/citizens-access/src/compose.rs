//! Puts services together: which of them this process runs, on what store, and how each reaches the others.
//!
//! All in one is mere composition: the same handlers and layers as over the network, reached by `Peer::local` instead of
//! sockets. Nothing else differs.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use access_statistics::{AccessStatistics, StatisticsConfig};
use anyhow::Context;
use authority::Authority;
use client::{Peer, PeerConfig};
use clock::Clock;
use database::{Db, Migrations, Store};
use identity::Caller;
use jiff::SignedDuration;
use journal::grpc::JournalService;
use journal::{Checkpoints, EngineConfig, Journal, JournalHandle, Signer};
use practice_registry::PracticeRegistry;
use rollout_scheduler::{GateHooks, LeaseConfig, LeaseStore, SUPPLIER_LIST_EVERY, Scheduler, Suppliers};
use server::{Health, Routes, Server, ServerConfig};
use tokio::runtime::Handle;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::callers::Callers;
use crate::kill::KillAt;

/// The registry's database in its store.
const REGISTRY: &str = "registry";
/// The scheduler's.
const SCHEDULER: &str = "scheduler";
/// By which account the services call each other.
pub(crate) const SCHEDULER_ACCOUNT: &str = "scheduler;roles=service";
pub(crate) const STATISTICS_ACCOUNT: &str = "statistics;roles=service";
/// For how long a scheduler that falls silent keeps others from performing effects: longer than a machine's hiccup,
/// shorter than an operator takes to look.
const LEASE_EXPIRY: Duration = Duration::from_secs(10);
/// How long a store's connections may take to end: a call that was cut may still hold one.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// Where services keep what they know, and by which clock they live.
#[derive(Clone, Debug)]
pub(crate) struct Ground {
    pub(crate) store: Store,
    /// For signed checkpoints and keys, which lie outside the databases.
    pub(crate) folder: PathBuf,
    pub(crate) clock: Clock,
    pub(crate) server: ServerConfig,
    pub(crate) callers: Callers,
    /// Tells this process from others that run the same services on the same store.
    pub(crate) replica: String,
    pub(crate) kill_at: Option<KillAt>,
    pub(crate) journals: JournalLimits,
    /// All but the replica's name.
    pub(crate) statistics: StatisticsConfig,
    /// Who may do what; the same for all servers of this process.
    pub(crate) authority: Authority,
}

/// What all journals have in common.
#[derive(Clone, Copy, Debug)]
pub(crate) struct JournalLimits {
    /// For how long requests may be repeated; None for ever.
    pub(crate) request_retention: Option<SignedDuration>,
    /// Checkpoints kept in each file, besides the last of each day.
    pub(crate) checkpoints_recent_max: usize,
    /// How far the database's clock is taken to be from what it says; not nought only in tests.
    pub(crate) store_clock_offset: SignedDuration,
}

impl Ground {
    /// The engine's limits for `journal`, with its checkpoints beside the database.
    fn engine(&self, journal: &str) -> anyhow::Result<EngineConfig> {
        let folder = self.folder.join("checkpoints");
        std::fs::create_dir_all(&folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
        let signer = Signer::open(&folder.join("signing-key"))?;
        let JournalLimits { request_retention, checkpoints_recent_max, store_clock_offset } = self.journals;
        let checkpoints = Checkpoints::new(folder.join(journal), signer).keeping(checkpoints_recent_max);
        let on_commit = self.kill_at.as_ref().and_then(|kill_at| kill_at.hook(journal));
        let checkpoints = Some(Arc::new(checkpoints));
        let default = EngineConfig::default();
        Ok(EngineConfig { checkpoints, on_commit, request_retention, store_clock_offset, ..default })
    }

    fn server(&self) -> Server {
        self.callers.guard(Server::new(self.server.clone(), self.callers.door.clone(), self.authority.clone()))
    }

    /// Opens the registry.
    pub(crate) async fn registry(&self) -> anyhow::Result<PracticeRegistry> {
        let db = registry_database(&self.store).await?;
        let config = practice_registry::Config {
            journal: Journal::Sql(db),
            clock: self.clock.clone(),
            engine: self.engine(REGISTRY)?,
            limits: practice_registry::Limits::default(),
        };
        PracticeRegistry::open(config).await.context("the practice registry does not open")
    }

    /// Opens the statistics.
    pub(crate) async fn statistics(&self, registry: &Peer) -> anyhow::Result<AccessStatistics> {
        let db = AccessStatistics::migrate(&self.store).await?;
        let (clock, registry) = (self.clock.clone(), registry.with_account(STATISTICS_ACCOUNT)?);
        let engine = self.engine(access_statistics::DATABASE)?;
        let config = StatisticsConfig { replica: self.replica.clone(), ..self.statistics.clone() };
        let statistics = AccessStatistics::open(db, clock, registry, config, engine).await;
        statistics.context("the access statistics do not open")
    }

    /// Opens the scheduler. `statistics` is whom gates ask for figures; without it they are inconclusive.
    pub(crate) async fn scheduler(
        &self,
        registry: &Peer,
        statistics: Option<&Peer>,
        gate_hooks: GateHooks,
        suppliers: Suppliers,
    ) -> anyhow::Result<Scheduler> {
        let db = scheduler_database(&self.store).await?;
        let config = rollout_scheduler::Config {
            journal: Journal::Sql(db.clone()),
            clock: self.clock.clone(),
            engine: self.engine(SCHEDULER)?,
            lease: LeaseConfig { replica: self.replica.clone(), expiry: LEASE_EXPIRY, store: LeaseStore::Sql(db) },
            registry: registry.with_account(SCHEDULER_ACCOUNT)?,
            statistics: statistics.map(|peer| peer.with_account(SCHEDULER_ACCOUNT)).transpose()?,
            gate_hooks,
            suppliers,
            supplier_list_every: SUPPLIER_LIST_EVERY,
        };
        Scheduler::open(config).await.context("the rollout scheduler does not open")
    }
}

/// The services of this process.
#[derive(Clone, Debug, Default)]
pub(crate) struct Services {
    pub(crate) registry: Option<PracticeRegistry>,
    pub(crate) statistics: Option<AccessStatistics>,
    pub(crate) scheduler: Option<Scheduler>,
}

impl Services {
    /// What a server of these services answers; `ground` says within which limits.
    pub(crate) fn routes(&self, ground: &Ground) -> anyhow::Result<Routes> {
        let mut server = ground.server();
        if let Some(registry) = &self.registry {
            server = registry.add_to(server);
        }
        if let Some(statistics) = &self.statistics {
            server = statistics.add_to(server);
        }
        if let Some(scheduler) = &self.scheduler {
            server = scheduler.add_to(server);
        }
        // One service for all journals: it routes by `parent`.
        Ok(server.service(JournalService::new(self.journals()).into_server()).build()?)
    }

    pub(crate) fn journals(&self) -> Vec<JournalHandle> {
        let registry = self.registry.as_ref().map(PracticeRegistry::journal);
        let statistics = self.statistics.as_ref().map(AccessStatistics::journal);
        let scheduler = self.scheduler.as_ref().map(Scheduler::journal);
        [registry, statistics, scheduler].into_iter().flatten().collect()
    }

    /// Lets health say whether this process can record: it cannot while its clock is off its database's (rule 18). Its
    /// journals share store and clock, so the first speaks for all.
    pub(crate) fn tell_readiness(&self, health: Health) -> impl Future<Output = ()> + Send + 'static {
        let journal = self.journals().into_iter().next();
        if let Some(journal) = &journal {
            health.set_all_serving(journal.is_ready());
        }
        async move {
            if let Some(journal) = journal {
                Self::go_on_telling(&journal, &health).await;
            }
        }
    }

    async fn go_on_telling(journal: &JournalHandle, health: &Health) {
        loop {
            let is_ready = journal.is_ready();
            health.set_all_serving(is_ready);
            if !journal.readiness_changed(is_ready).await {
                return;
            }
        }
    }

    /// Closes the stores once the loops have ended, so that what lies on the disk may be copied.
    pub(crate) async fn close(&self) {
        for journal in self.journals() {
            if tokio::time::timeout(CLOSE_TIMEOUT, journal.close()).await.is_err() {
                tracing::warn!(
                    journal = journal.name(),
                    "its store does not close: back it up by the database's own means"
                );
            }
        }
    }

    /// A peer within this process, for the part of it that calls as `account`: that it is this process vouches for it.
    pub(crate) fn peer(&self, ground: &Ground, name: &str, account: &str) -> anyhow::Result<Peer> {
        let routes = self.routes(ground)?.vouching(Caller::of_process(account)?);
        Ok(Peer::local(name, routes, account, PeerConfig::default())?)
    }

    /// Waits until a service's journal has stopped for good, and says why; for ever while all of them serve.
    pub(crate) async fn stopped(&self) -> anyhow::Error {
        let registry = async {
            match &self.registry {
                Some(registry) => registry.engine().wait_stopped().await,
                None => std::future::pending().await,
            }
        };
        let scheduler = async {
            match &self.scheduler {
                Some(scheduler) => scheduler.engine().wait_stopped().await,
                None => std::future::pending().await,
            }
        };
        let statistics = async {
            match &self.statistics {
                Some(statistics) => statistics.stopped().await,
                None => std::future::pending().await,
            }
        };
        let (name, reason) = tokio::select! {
            reason = registry => (REGISTRY, reason),
            reason = scheduler => (SCHEDULER, reason),
            reason = statistics => (access_statistics::DATABASE, reason),
        };
        anyhow::Error::new(reason).context(format!("journals/{name} has stopped"))
    }

    /// Runs the loops of all services on `runtime` until `shutdown`; each ends its engine then.
    pub(crate) fn run(&self, loops: &mut JoinSet<anyhow::Result<()>>, runtime: &Handle, shutdown: &CancellationToken) {
        if let Some(registry) = self.registry.clone() {
            let shutdown = shutdown.clone();
            let run = async move {
                registry.run(shutdown).await;
                Ok(())
            };
            loops.spawn_on(run, runtime);
        }
        if let Some(statistics) = self.statistics.clone() {
            let shutdown = shutdown.clone();
            let run = async move {
                statistics.run(shutdown).await;
                Ok(())
            };
            loops.spawn_on(run, runtime);
        }
        if let Some(scheduler) = self.scheduler.clone() {
            let shutdown = shutdown.clone();
            let run = async move {
                scheduler.run(shutdown).await;
                Ok(())
            };
            loops.spawn_on(run, runtime);
        }
    }
}

/// Brings the tables of every service up to this version.
pub(crate) async fn migrate(store: &Store) -> anyhow::Result<()> {
    registry_database(store).await?;
    scheduler_database(store).await?;
    AccessStatistics::migrate(store).await?;
    Ok(())
}

async fn registry_database(store: &Store) -> anyhow::Result<Db> {
    let db = journal_database(store, REGISTRY).await?;
    db.migrate(&practice_registry::MIGRATIONS).await.with_context(|| format!("the tables of contacts in {store}"))?;
    Ok(db)
}

/// Opens the database of a service with the journal's tables.
async fn journal_database(store: &Store, name: &'static str) -> anyhow::Result<Db> {
    let db = Db::open(store, name).await.with_context(|| format!("the database {name} in {store} does not open"))?;
    db.migrate(&journal::MIGRATIONS).await.with_context(|| format!("the tables of {name} in {store}"))?;
    Ok(db)
}

async fn scheduler_database(store: &Store) -> anyhow::Result<Db> {
    let db = journal_database(store, SCHEDULER).await?;
    db.migrate(&rollout_scheduler::MIGRATIONS).await.with_context(|| format!("the tables of the lease in {store}"))?;
    Ok(db)
}

/// The folder for what lies beside the databases, made if need be.
pub(crate) fn make_folder(folder: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(folder).with_context(|| format!("cannot make the folder {}", folder.display()))
}

/// What `serve` needs of a store: that it can be reached and has this version's tables. Says what is missing.
pub(crate) async fn check(store: &Store) -> anyhow::Result<()> {
    let tables: [(&'static str, &[&'static Migrations]); 3] = [
        (REGISTRY, &[&journal::MIGRATIONS, &practice_registry::MIGRATIONS]),
        (SCHEDULER, &[&journal::MIGRATIONS, &rollout_scheduler::MIGRATIONS]),
        (access_statistics::DATABASE, &[&journal::MIGRATIONS, &access_statistics::MIGRATIONS]),
    ];
    for (name, sets) in tables {
        let db =
            Db::open(store, name).await.with_context(|| format!("the database {name} in {store} does not open"))?;
        for migrations in sets {
            db.check_migrated(migrations).await.with_context(|| format!("{name} in {store}: run migrate"))?;
        }
        if !db.is_replicated_synchronously().await? {
            println!("note: {name} in {store} has no synchronous replica: what was acknowledged is lost with its disk");
        }
    }
    Ok(())
}

//! The access-statistics aggregator: it counts what happened, exactly once, and says how many are live, have access and
//! view their records, as at any moment and as known at any moment.
//!
//! ```text
//! producers ─ RecordEvents ─▶ queue ─▶ writer: log batch and sequences, commit, fold, acknowledge ─ checkpoint ─▶ tables
//! suppliers ─ SubmitReturns ─▶ engine of `journals/statistics`                                                      │
//! registry ─ WatchPractices ─▶ follower: facts and position, commit, publish ─▶ directory ─▶ GetSummary, QuerySeries ◀┘
//! registry ◀─ RecordSignals ── listener: once a week, who is live and not heard of
//! statisticians ─ CreatePublication ─▶ judged off the engine ─▶ the same journal ─ at its moment ─▶ released: everybody
//! ```
//!
//! The arithmetic is `tally`'s; here are its durable edge, its loops and its gRPC handlers. It decides nothing about
//! practices, publishes nothing that disclosure control has not judged, and keeps no identity: of a pseudonym only 64 bits of
//! hash reach the log, and only bits of a sketch stay.
//!
//! [`AccessStatistics::open`] reads the stores, [`AccessStatistics::add_to`] mounts the services, and
//! [`AccessStatistics::run`] is the life of the loops: without it nothing is acknowledged and nothing followed.

mod config;
mod follow;
mod grpc;
mod ingest;
mod measures;
mod publication;
mod query;
mod releases;
mod returns;
mod silence;
mod store;

use std::sync::{Arc, Mutex, PoisonError};

use client::Peer;
use clock::Clock;
use database::{Db, Store};
use journal::{Engine, EngineConfig, Journal, JournalError, JournalHandle};
use tally::{Directory, KeptStocks};
use thiserror::Error;
use tokio::sync::{Semaphore, watch};
use tokio_util::sync::CancellationToken;

pub use config::StatisticsConfig;
pub use returns::{Refused, ReturnsCommand, ReturnsMachine};
pub use store::{MIGRATIONS, StoreError};

use follow::{Follower, Picture};
use grpc::registry::RegistryPeer;
use ingest::{Ingest, Places, Writer};
use query::QueryError;
use query::flows::FlowReader;
use silence::Listener;

/// The name of the database in its store.
pub const DATABASE: &str = "statistics";

/// The aggregator. Clones are the same one.
#[derive(Clone, Debug)]
pub struct AccessStatistics {
    clock: Clock,
    config: Arc<StatisticsConfig>,
    ingest: Ingest,
    flows: FlowReader,
    returns: Engine<ReturnsMachine>,
    pictures: watch::Receiver<Arc<Picture>>,
    /// Of pictures, for GetSummary.
    kept_stocks: Arc<Mutex<KeptStocks>>,
    /// Held while a publication is being judged: one at a time, since it takes a whole core.
    judging: Arc<Semaphore>,
    loops: Arc<Mutex<Option<Loops>>>,
}

/// What [`AccessStatistics::run`] runs, once.
#[derive(Debug)]
struct Loops {
    writer: Writer,
    follower: Follower,
    registry: RegistryPeer,
}

/// Why the aggregator cannot be opened.
#[derive(Debug, Error)]
pub enum OpenError {
    /// Its tables.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Its journal of returns.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

impl AccessStatistics {
    /// Applies what is lacking of the migrations to the database [`DATABASE`] of a store: this service's tables and the
    /// journal's.
    pub async fn migrate(store: &Store) -> Result<Db, StoreError> {
        let db = Db::open(store, DATABASE).await?;
        db.migrate(&journal::MIGRATIONS).await?;
        db.migrate(&MIGRATIONS).await?;
        Ok(db)
    }

    /// Opens the aggregator on a migrated database: folds what the last checkpoint does not hold, reads what the registry
    /// told, and starts the journal's engine on the current runtime. `registry` is called as a service that may watch and
    /// signal.
    pub async fn open(
        db: Db,
        clock: Clock,
        registry: Peer,
        config: StatisticsConfig,
        engine: EngineConfig,
    ) -> Result<Self, OpenError> {
        let returns = Engine::open(Journal::Sql(db.clone()), clock.clone(), engine).await?;
        let mut tx = db.begin_read().await.map_err(StoreError::from)?;
        let mut directory = Directory::default();
        let next_fact = store::told::read_rest(&mut tx, &mut directory, 0).await?.len() as u64;
        let followed = store::told::followed(&mut tx).await?;
        tx.rollback().await.map_err(StoreError::from)?;
        let places: Places =
            directory.records().map(|(code, _)| (code, directory.latest_areas(code).collect())).collect();
        let (writer, ingest) =
            Writer::open(db.clone(), clock.clone(), config.clone(), returns.handle(), places).await?;
        let (sender, pictures) = watch::channel(Arc::new(Picture { directory, followed, rewound: None }));
        let registry = RegistryPeer(registry);
        let follower = Follower {
            db: db.clone(),
            clock: clock.clone(),
            config: config.clone(),
            registry: registry.clone(),
            ingest: ingest.clone(),
            pictures: sender,
            next_fact,
        };
        let flows = FlowReader { db, ingest: ingest.clone() };
        let loops = Arc::new(Mutex::new(Some(Loops { writer, follower, registry })));
        let kept_stocks = Arc::default();
        let judging = Arc::new(Semaphore::new(1));
        Ok(Self { clock, config: Arc::new(config), ingest, flows, returns, pictures, kept_stocks, judging, loops })
    }

    /// Takes events, follows the registry, listens for silence and releases publications until told to stop; then writes what
    /// is pending and shuts the engine down.
    /// The first call runs, any other returns at once.
    pub async fn run(&self, shutdown: CancellationToken) {
        let loops = self.loops.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(Loops { writer, follower, registry }) = loops else { return };
        let _seen = measures::observe(self.ingest.clone(), self.pictures.clone(), self.clock.clone());
        let retry = self.config.release_retry_delay;
        let releasing = releases::run(self.returns.clone(), self.clock.clone(), retry, shutdown.clone());
        let listener = Listener { statistics: self.clone(), clock: self.clock.clone(), registry };
        // The writer outlives the follower, which waits for it.
        let stop_writer = CancellationToken::new();
        let follow = async {
            // The listener asks the writer, too.
            tokio::join!(follower.run(shutdown.clone()), listener.run(shutdown), releasing);
            stop_writer.cancel();
        };
        tokio::join!(follow, writer.run(stop_writer.clone()));
        self.returns.shutdown().await;
    }

    /// Waits until the journal of returns has stopped for good, and says why; for ever while it serves.
    pub async fn stopped(&self) -> Arc<JournalError> {
        self.returns.wait_stopped().await
    }

    /// The journal of returns, for JournalService.
    pub fn journal(&self) -> JournalHandle {
        self.returns.handle()
    }

    /// How far the registry has been followed.
    pub fn registry_position(&self) -> u64 {
        self.pictures.borrow().followed.position
    }

    /// Where events and counts are stored.
    fn db(&self) -> &Db {
        &self.flows.db
    }

    /// The practices, once they are followed up to a position.
    async fn picture_at(&self, position: u64) -> Result<Arc<Picture>, QueryError> {
        let mut pictures = self.pictures.clone();
        let reached = pictures.wait_for(|picture| picture.followed.position >= position || picture.rewound.is_some());
        let wait = match api::deadline::current() {
            Some(deadline) => {
                deadline.saturating_duration_since(std::time::Instant::now()).min(self.config.position_wait_max)
            }
            None => self.config.position_wait_max,
        };
        let picture = match tokio::time::timeout(wait, reached).await {
            Ok(Ok(picture)) => Arc::clone(&picture),
            _ => return Err(QueryError::PositionNotReached { reached: self.registry_position(), wanted: position }),
        };
        match picture.rewound {
            Some(rewound) => Err(QueryError::RegistryRewound { found: rewound.found, known: rewound.known }),
            None => Ok(picture),
        }
    }
}

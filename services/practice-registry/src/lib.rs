//! The practice registry: who the practices are, what they have decided, what is permitted and observed at them.
//!
//! A pure state machine (crate `practice`) behind a durable edge: an engine of crate `journal` records what it decides,
//! `grpc` answers for it, and loops bring about what is due, erase what may not be kept and follow the directory's publisher.
//! Reads take the published state and touch no store, but for contacts' addresses, which lie beside the journal (rule 16).
//! The registry calls nobody else, and knows no programme, wave or hold.

mod addresses;
mod contacts;
mod export;
mod fields;
mod grpc;
mod import;
mod lapses;
mod machine;
mod measures;
mod organisation_fields;
mod sync;

use std::sync::Arc;
use std::time::Duration;

use clock::Clock;
use journal::{Engine, EngineConfig, Journal, JournalError, JournalHandle, Machine as _};
use server::Server;
use tokio_util::sync::CancellationToken;

pub use addresses::MIGRATIONS;
pub use machine::Registry;
pub use practice::sync::SyncSource;
pub use sync::SyncConfig;

use addresses::AddressStore;

/// What a registry is opened with.
#[derive(Debug)]
pub struct Config {
    /// Where its journal is stored.
    pub journal: Journal,
    /// The source of every moment.
    pub clock: Clock,
    /// The engine's limits.
    pub engine: EngineConfig,
    /// The registry's own.
    pub limits: Limits,
}

/// The registry's own limits.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Longest file that is imported. It is held in memory until it is read.
    pub import_bytes_max: usize,
    /// How long a loop waits after the store has failed; real time.
    pub lapse_retry_after: Duration,
    /// How long a watch that has more to say waits to be read; real time. Until then it keeps the state that it tells of.
    pub watch_unread_max: Duration,
    /// Most practices in one message of a watch.
    pub watch_changes_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        // A map of a million practices has about 250 MB. A fail-over of the store takes seconds.
        // A reader takes 200 KB at a time, within a second over any line; one that takes a minute is stuck.
        Self {
            import_bytes_max: 512 * 1024 * 1024,
            lapse_retry_after: Duration::from_secs(1),
            watch_unread_max: Duration::from_secs(60),
            // About 200 KB of them, well below the limit of a message.
            watch_changes_max: 128,
        }
    }
}

/// An open registry.
#[derive(Clone, Debug)]
pub struct PracticeRegistry {
    handlers: grpc::Handlers,
}

impl PracticeRegistry {
    /// Folds the journal and starts the engine on the current runtime.
    ///
    /// # Errors
    /// Where the journal cannot be opened, see [`Engine::open`], or its database has not the tables of [`MIGRATIONS`].
    pub async fn open(config: Config) -> Result<Self, JournalError> {
        let Config { journal, clock, engine, limits } = config;
        let addresses = AddressStore::beside(&journal);
        let checked = addresses.check().await;
        checked.map_err(|source| JournalError::Store { journal: Registry::JOURNAL.to_owned(), source })?;
        let engine = Engine::open(journal, clock.clone(), engine).await?;
        Ok(Self { handlers: grpc::Handlers { engine, clock, limits, addresses, sync: None } })
    }

    /// The same, which also keeps its directory in step with an interface of its publisher while it [runs](Self::run).
    #[must_use]
    pub fn with_sync(mut self, config: SyncConfig) -> Self {
        self.handlers.sync = Some(Arc::new(config));
        self
    }

    /// Adds PracticeRegistryService and what reflection tells of it.
    pub fn add_to(&self, server: Server) -> Server {
        grpc::mount(server, &self.handlers)
    }

    /// The journal, for JournalService.
    pub fn journal(&self) -> JournalHandle {
        self.handlers.engine.handle()
    }

    /// The engine, for whoever watches over it.
    pub fn engine(&self) -> &Engine<Registry> {
        &self.handlers.engine
    }

    /// Brings about what is due and erases what may not be kept, until `shutdown`; then serves what waits and ends the
    /// engine.
    pub async fn run(&self, shutdown: CancellationToken) {
        let grpc::Handlers { engine, clock, limits, addresses, sync } = self.handlers.clone();
        let retry_after = limits.lapse_retry_after;
        let _seen = measures::observe(engine.clone(), clock.clone());
        let following = sync
            .map(|config| sync::run((*config).clone(), engine.clone(), clock.clone(), retry_after, shutdown.clone()));
        let syncs = async move {
            if let Some(following) = following {
                following.await;
            }
        };
        tokio::join!(
            lapses::run(engine.clone(), clock.clone(), retry_after, shutdown.clone()),
            contacts::run(engine.clone(), addresses, clock, retry_after, shutdown),
            syncs,
        );
        engine.shutdown().await;
    }
}

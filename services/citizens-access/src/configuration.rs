//! Where a server keeps what it knows, and how its process runs: the options that `serve`, `demo` and `migrate` share.

use std::path::PathBuf;

use anyhow::{Context, ensure};
use clap::Args;
use database::Store;
use tokio::runtime::{Builder, Runtime};

/// The folder of the embedded store where nothing is said.
const DATA_DEFAULT: &str = "./data";

/// Where the databases lie.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct StoreArguments {
    /// A folder for the embedded store (SQLite), for signed checkpoints and keys
    #[arg(long, env = "CITIZENS_ACCESS_DATA", value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// sqlite:DIR or postgres://USER:PASSWORD@HOST:PORT/DATABASE; SQLite in the data folder where it is left out
    #[arg(long, env = "CITIZENS_ACCESS_STORE", hide_env_values = true, value_name = "URL")]
    store: Option<String>,
}

impl StoreArguments {
    /// The folder for what lies beside the databases.
    pub(crate) fn folder(&self) -> PathBuf {
        self.data.clone().unwrap_or_else(|| PathBuf::from(DATA_DEFAULT))
    }

    /// The store: the one that is named, or SQLite in `folder`.
    pub(crate) fn store_in(&self, folder: &std::path::Path) -> anyhow::Result<Store> {
        match &self.store {
            Some(text) => Ok(text.parse()?),
            None => Ok(Store::sqlite(folder)),
        }
    }

    /// The store: the one that is named, or SQLite in `folder`, which goes when the process ends.
    pub(crate) fn store_in_temporary(&self, folder: &std::path::Path) -> anyhow::Result<Store> {
        match &self.store {
            Some(text) => Ok(text.parse()?),
            None => Ok(Store::temporary_sqlite(folder)),
        }
    }

    /// The store: the one that is named, or SQLite in the data folder.
    pub(crate) fn store(&self) -> anyhow::Result<Store> {
        self.store_in(&self.folder())
    }
}

/// A runtime with that many threads; with one, everything runs on the thread that blocks on it.
///
/// # Errors
/// Where the number is nought or the machine gives no threads.
pub(crate) fn runtime(worker_threads: usize) -> anyhow::Result<Runtime> {
    ensure!(worker_threads > 0, "a runtime needs at least one thread: --worker-threads 1");
    let mut builder = if worker_threads == 1 { Builder::new_current_thread() } else { Builder::new_multi_thread() };
    if worker_threads > 1 {
        builder.worker_threads(worker_threads);
    }
    builder.enable_all().build().context("the machine gives no threads")
}

/// `migrate`: brings every service's tables up to this version.
pub(crate) fn migrate(arguments: &StoreArguments) -> anyhow::Result<()> {
    let store = arguments.store()?;
    runtime(1)?.block_on(crate::compose::migrate(&store))?;
    println!("{store} is up to date");
    Ok(())
}

//! Fresh databases on each engine at hand, for the tests of the crates above (feature `testing`).
//!
//! SQLite is always at hand, in a temporary folder. PostgreSQL is where the environment variable
//! `CITIZENS_ACCESS_TEST_POSTGRES` names a server (`postgres://USER@HOST:PORT/DATABASE`) on which databases may
//! be created; where it is unset, tests say loudly that they skip it.

use std::collections::BTreeSet;
use std::path::Path;
use std::str::FromStr;
use std::sync::atomic::{AtomicU32, Ordering};

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection};

use crate::store::Place;
use crate::{Migrations, Store};

/// The environment variable that names a PostgreSQL server for tests.
pub const POSTGRES_VARIABLE: &str = "CITIZENS_ACCESS_TEST_POSTGRES";

/// A store of its own, removed when this is dropped.
#[derive(Debug)]
pub struct TestStore {
    store: Store,
    // Kept for their drop, which removes them.
    _folder: Option<tempfile::TempDir>,
    _database: Option<PostgresDatabase>,
}

impl TestStore {
    /// An embedded store in a temporary folder.
    pub fn sqlite() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        Self { store: Store::sqlite(folder.path()), _folder: Some(folder), _database: None }
    }

    /// A store in this process's memory.
    pub fn memory() -> Self {
        Self { store: Store::memory(), _folder: None, _database: None }
    }

    /// A database of its own on the PostgreSQL server for tests; `None`, said loudly, where there is none.
    pub async fn postgres() -> Option<Self> {
        let Ok(url) = std::env::var(POSTGRES_VARIABLE) else {
            shout(&format!("SKIPPED on PostgreSQL: {POSTGRES_VARIABLE} is not set"));
            return None;
        };
        let server =
            PgConnectOptions::from_str(&url).expect("the test server's URL is valid").disable_statement_logging();
        let database = PostgresDatabase::create(server).await;
        let store = Store(Place::Postgres(Box::new(database.server.clone().database(&database.name))));
        Some(Self { store, _folder: None, _database: Some(database) })
    }

    /// One of each engine at hand.
    pub async fn each() -> Vec<Self> {
        let mut all = vec![Self::sqlite()];
        all.extend(Self::postgres().await);
        all
    }

    /// The store.
    pub fn store(&self) -> &Store {
        &self.store
    }
}

#[derive(Debug)]
struct PostgresDatabase {
    server: PgConnectOptions,
    name: String,
}

static CREATED_COUNT: AtomicU32 = AtomicU32::new(0);

impl PostgresDatabase {
    async fn create(server: PgConnectOptions) -> Self {
        let number = CREATED_COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("citizens_access_test_{}_{number}", std::process::id());
        let database = Self { server, name };
        // One of the same name can only be left over from a test that was killed.
        database.run(format!("drop database if exists {} with (force)", database.name)).await;
        database.run(format!("create database {}", database.name)).await;
        database
    }

    async fn run(&self, statement: String) {
        let mut connection: PgConnection =
            self.server.connect().await.expect("the PostgreSQL server for tests can be reached");
        sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut connection).await.expect("a test database can be made");
        connection.close().await.expect("the connection closes");
    }
}

impl Drop for PostgresDatabase {
    fn drop(&mut self) {
        let statement = format!("drop database if exists {} with (force)", self.name);
        // A thread with a runtime of its own: the test's runtime may be this very thread, or gone.
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                runtime.expect("a runtime can be made").block_on(self.run(statement));
            });
        });
    }
}

/// Checks that both folders of a crate hold exactly the steps that its set lists, in ascending order.
///
/// # Panics
/// Where they do not.
pub fn check_migration_folders(crate_folder: &str, migrations: &Migrations) {
    let listed: Vec<&str> = migrations.steps.iter().map(|step| step.name).collect();
    assert!(listed.is_sorted() && listed.iter().collect::<BTreeSet<_>>().len() == listed.len(), "{listed:?}");
    for dialect in ["sqlite", "postgres"] {
        let folder = Path::new(crate_folder).join("migrations").join(dialect);
        let mut found: Vec<String> = std::fs::read_dir(&folder)
            .unwrap_or_else(|error| panic!("{} cannot be read: {error}", folder.display()))
            .map(|entry| entry.expect("an entry").file_name().to_string_lossy().trim_end_matches(".sql").to_owned())
            .collect();
        found.sort();
        assert_eq!(found, listed, "{}", folder.display());
    }
}

#[expect(clippy::print_stderr, reason = "a skipped test must be seen where test output is read")]
fn shout(message: &str) {
    eprintln!("{message}");
}

//! Fresh databases on the PostgreSQL for tests, as `--store` names them; dropped at the end.

use database::testing::{POSTGRES_VARIABLE, TestStore};

/// A database of its own.
pub(crate) struct PostgresStore {
    // Kept for its drop, which removes the database.
    _database: TestStore,
    url: String,
}

impl PostgresStore {
    /// None, said loudly, where there is no PostgreSQL for tests.
    pub(crate) async fn fresh() -> Option<Self> {
        let database = TestStore::postgres().await?;
        let server = std::env::var(POSTGRES_VARIABLE).expect("the store was made there");
        // The store's own text has no password; the server's has, where one is needed.
        let store = database.store().to_string();
        let name = store.rsplit('/').next().expect("a URL has a path");
        let (server, options) = server.split_once('?').map_or((server.as_str(), ""), |(url, options)| (url, options));
        let (address, _) = server.rsplit_once('/').expect("the server's URL names a database");
        let question = if options.is_empty() { "" } else { "?" };
        let url = format!("{address}/{name}{question}{options}");
        Some(Self { _database: database, url })
    }

    /// What `--store` takes.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }
}

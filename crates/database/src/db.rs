//! Db: one open database, that is a file of an embedded store or a schema of PostgreSQL.

use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection};

use crate::gate::Gate;
use crate::memory::{MemoryDatabase, MemoryFault};
use crate::row::{Inner as RowInner, Row};
use crate::store::Place;
use crate::tx::PlainTransaction;
use crate::{DatabaseError, Listener, Migrations, Sql, Store, Tx, migrate, sql};

/// SQLite readers: reads are short, and each connection is a thread.
const SQLITE_READERS_COUNT_MAX: u32 = 4;

/// Pages that SQLite's writer keeps, in KiB where it is negative: what one transaction changes, of which a day's counts of a
/// nation are the most. Beyond it pages are written before the transaction ends, and read again.
const SQLITE_WRITER_CACHE: &str = "-16384";

/// PostgreSQL connections of one database: the engine's writer, its listener, and room for readers.
const POSTGRES_CONNECTIONS_COUNT_MAX: u32 = 16;

/// A PostgreSQL connection that has answered within this time is taken to be alive.
const POSTGRES_TRUSTED_FOR: Duration = Duration::from_secs(1);

/// How long a caller waits for a free connection, and to connect.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);

/// Prepared statements that a SQLite connection keeps: each statement over many rows has eighteen shapes.
const STATEMENTS_COUNT_MAX: usize = 256;

/// How long SQLite waits for another process's write lock.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// How long PostgreSQL lets a transaction stand still before it ends it: else a process that was stopped, or whose network
/// died, would hold the lock of a journal's head for hours. Well above what is ever computed within a transaction, and
/// below what others wait for the lock.
const IDLE_IN_TRANSACTION_MAX: &str = "10s";

/// Which engine a [`Db`] is on, for `match db.dialect()` with both literals side by side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// SQLite, embedded.
    Sqlite,
    /// PostgreSQL 15 or later.
    Postgres,
}

impl Dialect {
    /// Its name by OpenTelemetry's conventions (`db.system.name`).
    pub fn system_name(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgresql",
        }
    }
}

/// An open database. Clones share its connections.
#[derive(Clone, Debug)]
pub struct Db {
    pools: Pools,
    /// For messages: the store without its password, and the name.
    place: Arc<str>,
    name: &'static str,
}

#[derive(Clone, Debug)]
enum Pools {
    /// One writer, since SQLite has one anyway: its queue is ours, in order, rather than a busy loop.
    Sqlite {
        writer: SqlitePool,
        readers: SqlitePool,
    },
    Memory(MemoryDatabase),
    Postgres(PgPool),
}

impl Db {
    /// Opens the database `name` of `store`. A SQLite file is created where there is none; a PostgreSQL schema
    /// is created by [`Db::migrate`].
    ///
    /// # Panics
    /// Where `name` is not made of lower-case letters and `_`: it becomes part of a file name and of SQL.
    pub async fn open(store: &Store, name: &'static str) -> Result<Self, DatabaseError> {
        assert!(
            !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'),
            "{name:?} is no name for a database"
        );
        let place: Arc<str> = format!("{store}, database {name}").into();
        let unavailable = |source| DatabaseError::of_store(&place, "open", source);
        let pools = match &store.0 {
            Place::Sqlite(folder) | Place::TemporarySqlite(folder) => {
                std::fs::create_dir_all(folder)
                    .map_err(|source| DatabaseError::Folder { folder: folder.display().to_string(), source })?;
                let synchronous = match &store.0 {
                    Place::TemporarySqlite(_) => SqliteSynchronous::Off,
                    // An acknowledged write survives the loss of power. NORMAL with WAL may lose the last commits.
                    _ => SqliteSynchronous::Full,
                };
                open_sqlite(&folder.join(format!("{name}.db")), synchronous).await.map_err(unavailable)?
            }
            Place::Memory(store) => Pools::Memory(store.open(name).map_err(unavailable)?),
            Place::Postgres(options) => open_postgres(options, name).await.map_err(unavailable)?,
        };
        Ok(Self { pools, place, name })
    }

    /// Opens a database only to read it, such as a copy that is to be checked: nothing about it is changed, no table made,
    /// no file written. Of an embedded store, `store` may also name the file itself. Every write through it fails.
    pub async fn open_read_only(store: &Store, name: &'static str) -> Result<Self, DatabaseError> {
        let place: Arc<str> = format!("{store}, database {name}").into();
        let unavailable = |source| DatabaseError::of_store(&place, "open", source);
        let pools = match &store.0 {
            Place::Sqlite(path) | Place::TemporarySqlite(path) => {
                let file = if path.is_dir() { path.join(format!("{name}.db")) } else { path.clone() };
                if !file.is_file() {
                    return Err(DatabaseError::NoFile { file: file.display().to_string() });
                }
                open_sqlite_copy(&file).await.map_err(unavailable)?
            }
            Place::Memory(store) => Pools::Memory(store.open(name).map_err(unavailable)?),
            Place::Postgres(options) => {
                let options = (**options).clone().options([("default_transaction_read_only", "on")]);
                open_postgres(&options, name).await.map_err(unavailable)?
            }
        };
        Ok(Self { pools, place, name })
    }

    /// Which engine this is.
    pub fn dialect(&self) -> Dialect {
        match self.pools {
            Pools::Sqlite { .. } | Pools::Memory(_) => Dialect::Sqlite,
            Pools::Postgres(_) => Dialect::Postgres,
        }
    }

    /// The store without its password, and the database's name: for messages.
    pub fn place(&self) -> &str {
        &self.place
    }

    /// The database's name in its store.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Applies what is lacking of a set of migrations, in one transaction. Sets are numbered apart, so a
    /// service calls this once for its own and once for each crate whose tables it holds. Safe to call from
    /// several replicas at once.
    pub async fn migrate(&self, migrations: &'static Migrations) -> Result<(), DatabaseError> {
        migrate::apply(self, migrations).await
    }

    /// Checks that the database is at exactly this set of migrations, and changes nothing.
    pub async fn check_migrated(&self, migrations: &'static Migrations) -> Result<(), DatabaseError> {
        migrate::check(self, migrations).await
    }

    /// Begins a transaction that may write. On SQLite it takes the write lock at once (`begin immediate`): a
    /// deferred one that reads and then writes fails despite the busy timeout. Do not begin a second one before
    /// the first has ended: SQLite has one writer, so it would wait for itself.
    pub async fn begin(&self) -> Result<Tx, DatabaseError> {
        let failed = |source| DatabaseError::of_store(&self.place, "begin a transaction", source);
        match &self.pools {
            Pools::Sqlite { writer, .. } => {
                let tx = PlainTransaction::begin(writer, "begin immediate").await;
                Ok(Tx::sqlite(tx.map_err(failed)?, &self.place))
            }
            Pools::Memory(database) => {
                Ok(Tx::memory(database.begin("begin immediate").await.map_err(failed)?, &self.place))
            }
            Pools::Postgres(pool) => Ok(Tx::postgres(pool.begin().await.map_err(failed)?, &self.place)),
        }
    }

    /// Begins a transaction that may write, and locks the row that `select`, a statement without parameters, gives: whoever else
    /// locks it waits for the end of this. On PostgreSQL both are one turn to the server; on SQLite, where everything is locked
    /// (see [`Db::begin`]), the row is only read.
    pub async fn begin_with_lock(&self, select: &'static str) -> Result<(Tx, Row), DatabaseError> {
        let Pools::Postgres(pool) = &self.pools else {
            let mut tx = self.begin().await?;
            let row = tx.fetch_one(sql(select)).await?;
            return Ok((tx, row));
        };
        let begun = PlainTransaction::begin_with(pool, &format!("{select} for update")).await;
        let (transaction, rows) = begun.map_err(|source| DatabaseError::of_statement(&self.place, select, source))?;
        let tx = Tx::plain_postgres(transaction, &self.place);
        let row = wrap(rows, RowInner::Postgres).into_iter().next();
        Ok((tx, row.ok_or(DatabaseError::NoRow { statement: select })?))
    }

    /// Begins a transaction that only reads, and sees one state of the database throughout.
    pub async fn begin_read(&self) -> Result<Tx, DatabaseError> {
        let failed = |source| DatabaseError::of_store(&self.place, "begin a reading transaction", source);
        match &self.pools {
            Pools::Sqlite { readers, .. } => {
                Ok(Tx::sqlite(PlainTransaction::begin(readers, "begin").await.map_err(failed)?, &self.place))
            }
            Pools::Memory(database) => Ok(Tx::memory(database.begin("begin").await.map_err(failed)?, &self.place)),
            Pools::Postgres(pool) => {
                let begin = "begin isolation level repeatable read read only";
                Ok(Tx::postgres(pool.begin_with(begin).await.map_err(failed)?, &self.place))
            }
        }
    }

    /// Runs one writing statement in a transaction of its own; how many rows it touched.
    pub async fn execute(&self, statement: Sql) -> Result<u64, DatabaseError> {
        let mut tx = self.begin().await?;
        let affected_count = tx.execute(statement).await?;
        tx.commit().await?;
        Ok(affected_count)
    }

    /// All rows of a reading statement.
    pub async fn fetch_all(&self, statement: Sql) -> Result<Vec<Row>, DatabaseError> {
        let text = statement.text;
        let rows = match &self.pools {
            Pools::Sqlite { readers, .. } => match statement.for_sqlite() {
                Ok(query) => query.fetch_all(readers).await.map(|rows| wrap(rows, RowInner::Sqlite)),
                Err(error) => Err(error),
            },
            Pools::Memory(_) => {
                let mut tx = self.begin_read().await?;
                let rows = tx.fetch_all(statement).await?;
                tx.rollback().await?;
                return Ok(rows);
            }
            Pools::Postgres(pool) => match statement.for_postgres() {
                Ok(query) => query.fetch_all(pool).await.map(|rows| wrap(rows, RowInner::Postgres)),
                Err(error) => Err(error),
            },
        };
        rows.map_err(|source| DatabaseError::of_statement(&self.place, text, source))
    }

    /// The first row of a reading statement, if there is one.
    pub async fn fetch_optional(&self, statement: Sql) -> Result<Option<Row>, DatabaseError> {
        Ok(self.fetch_all(statement).await?.into_iter().next())
    }

    /// The first row of a reading statement that must have one.
    pub async fn fetch_one(&self, statement: Sql) -> Result<Row, DatabaseError> {
        let text = statement.text;
        self.fetch_optional(statement).await?.ok_or(DatabaseError::NoRow { statement: text })
    }

    /// Listens to a channel of PostgreSQL's notifications, named apart for each database of the store; `None` on
    /// SQLite, which has none.
    pub async fn listen(&self, channel: &str) -> Result<Option<Listener>, DatabaseError> {
        match &self.pools {
            Pools::Sqlite { .. } | Pools::Memory(_) => Ok(None),
            Pools::Postgres(pool) => Listener::open(pool, &self.channel(channel), &self.place).await.map(Some),
        }
    }

    /// The name under which [`Db::listen`] knows `channel`, for `select pg_notify($1, …)`.
    pub fn channel(&self, channel: &str) -> String {
        format!("{}.{channel}", self.name)
    }

    /// What the database's own clock says, in microseconds since 1970 UTC; `None` on SQLite, which has none of
    /// its own. A replica far from its database's clock is not ready (rule 18).
    pub async fn server_time_us(&self) -> Result<Option<i64>, DatabaseError> {
        match self.dialect() {
            Dialect::Sqlite => Ok(None),
            Dialect::Postgres => {
                let text = "select cast(extract(epoch from clock_timestamp()) * 1000000 as bigint) as now_us";
                self.fetch_one(sql(text)).await?.get("now_us").map(Some)
            }
        }
    }

    /// True where an acknowledged write survives the loss of this database's machine: PostgreSQL with a
    /// synchronous standby and `synchronous_commit` on.
    pub async fn is_replicated_synchronously(&self) -> Result<bool, DatabaseError> {
        match self.dialect() {
            Dialect::Sqlite => Ok(false),
            Dialect::Postgres => {
                let text = "select current_setting('synchronous_commit') as commit_mode, \
                            current_setting('synchronous_standby_names') as standbys";
                let row = self.fetch_one(sql(text)).await?;
                let mode: String = row.get("commit_mode")?;
                let standbys: String = row.get("standbys")?;
                Ok(matches!(mode.as_str(), "on" | "remote_apply") && !standbys.is_empty())
            }
        }
    }

    /// The same database behind a gate, in memory only: for a process of a simulation that can be made to stand still.
    ///
    /// # Panics
    /// Where it is not in memory.
    #[must_use]
    pub fn behind(&self, gate: Gate) -> Self {
        match &self.pools {
            Pools::Memory(database) => Self { pools: Pools::Memory(database.behind(gate)), ..self.clone() },
            _ => panic!("only a database in memory has a gate before it"),
        }
    }

    /// Lets the next commit fail, in memory only: for simulation.
    pub async fn fail_next_commit(&self, fault: MemoryFault) {
        if let Pools::Memory(database) = &self.pools {
            database.fail_next_commit(fault).await;
        }
    }

    /// How many commits failed that were to.
    pub async fn commits_failed_count(&self) -> u64 {
        match &self.pools {
            Pools::Memory(database) => database.commits_failed_count().await,
            _ => 0,
        }
    }

    /// Closes all connections, waiting for those in use. On SQLite this also folds the write-ahead log back.
    pub async fn close(&self) {
        match &self.pools {
            Pools::Sqlite { writer, readers } => {
                readers.close().await;
                writer.close().await;
            }
            // What is in this process ends with it.
            Pools::Memory(_) => {}
            Pools::Postgres(pool) => pool.close().await,
        }
    }
}

pub(crate) fn wrap<R>(rows: Vec<R>, inner: fn(R) -> RowInner) -> Vec<Row> {
    rows.into_iter().map(|row| Row(inner(row))).collect()
}

async fn open_sqlite(file: &std::path::Path, synchronous: SqliteSynchronous) -> Result<Pools, sqlx::Error> {
    let options = SqliteConnectOptions::new()
        .filename(file)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(synchronous)
        .foreign_keys(true)
        // What was deleted is overwritten: a redacted note must not lie on in a free page (rule 16).
        .pragma("secure_delete", "on")
        .busy_timeout(BUSY_TIMEOUT)
        .statement_cache_capacity(STATEMENTS_COUNT_MAX)
        .disable_statement_logging();
    let pool = SqlitePoolOptions::new()
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .test_before_acquire(false)
        .idle_timeout(None)
        .max_lifetime(None);
    let writing = options
        .clone()
        // A statement of many rows keeps the pages that it changes until it is over; in a file, where it would keep them by
        // default, that takes as long as the changes.
        .pragma("temp_store", "memory")
        .pragma("cache_size", SQLITE_WRITER_CACHE);
    let writer = pool.clone().max_connections(1).connect_with(writing).await?;
    let readers = pool.max_connections(SQLITE_READERS_COUNT_MAX).connect_lazy_with(options.pragma("query_only", "on"));
    Ok(Pools::Sqlite { writer, readers })
}

/// A file that nobody writes while it is read is opened as immutable, so that it may lie in a folder that cannot be written.
/// Where its write-ahead log lies beside it, that belongs to what is read, and somebody may still be writing.
async fn open_sqlite_copy(file: &std::path::Path) -> Result<Pools, sqlx::Error> {
    let has_log = file.with_extension("db-wal").exists();
    let options = SqliteConnectOptions::new()
        .filename(file)
        .read_only(true)
        .immutable(!has_log)
        .busy_timeout(BUSY_TIMEOUT)
        .statement_cache_capacity(STATEMENTS_COUNT_MAX)
        .pragma("query_only", "on")
        .disable_statement_logging();
    let pool =
        SqlitePoolOptions::new().acquire_timeout(ACQUIRE_TIMEOUT).max_connections(1).connect_with(options).await?;
    Ok(Pools::Sqlite { writer: pool.clone(), readers: pool })
}

async fn open_postgres(options: &PgConnectOptions, name: &str) -> Result<Pools, sqlx::Error> {
    let options = options
        .clone()
        .application_name("citizens-access")
        .options([
            ("search_path", name),
            // Whatever the server's default is: who waits for a lock must then see what was committed meanwhile.
            ("default_transaction_isolation", "read committed"),
            ("idle_in_transaction_session_timeout", IDLE_IN_TRANSACTION_MAX),
        ])
        .disable_statement_logging();
    let pool = PgPoolOptions::new()
        .max_connections(POSTGRES_CONNECTIONS_COUNT_MAX)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        // A connection that died in the pool is replaced instead of failing the caller's first statement. One that was in use
        // just now is not asked first: that costs every commit a round trip.
        .test_before_acquire(false)
        .before_acquire(|connection, meta| {
            Box::pin(async move {
                if meta.idle_for > POSTGRES_TRUSTED_FOR {
                    connection.ping().await?;
                }
                Ok(true)
            })
        })
        .after_connect(|connection, _| {
            Box::pin(async move {
                // What is acknowledged is on disk, whatever the server's default; a stricter setting stays. And what is too large
                // for a row is compressed in a fraction of the time, where the server can (decision 99).
                let statement = "select set_config(name, 'on', false) from pg_settings
                                 where name = 'synchronous_commit' and setting = 'off'
                                 union all select set_config(name, 'lz4', false) from pg_settings
                                 where name = 'default_toast_compression' and 'lz4' = any(enumvals)";
                sqlx::query(statement).execute(connection).await.map(|_| ())
            })
        })
        .connect_with(options)
        .await?;
    pool.acquire().await?.ping().await?;
    Ok(Pools::Postgres(pool))
}

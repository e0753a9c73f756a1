//! Tx: a transaction. Dropped without a commit, it is rolled back.

use std::sync::Arc;

use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnection, PgPool, PgRow};
use sqlx::sqlite::{SqliteConnection, SqlitePool};
use sqlx::{AssertSqlSafe, Database, Postgres, Sqlite, Transaction};

use crate::db::{Dialect, wrap};
use crate::memory::MemoryTransaction;
use crate::row::{Inner as RowInner, Row};
use crate::sql::SqliteQuery;
use crate::{DatabaseError, Rows, Sql};

/// A transaction: nothing of it is seen by others before [`Tx::commit`] has returned, and nothing stays where it
/// is dropped before.
#[derive(Debug)]
pub struct Tx {
    inner: Inner,
    place: Arc<str>,
}

#[derive(Debug)]
enum Inner {
    Sqlite(PlainTransaction<Sqlite>),
    Memory(MemoryTransaction),
    Postgres(PostgresTransaction),
}

#[derive(Debug)]
enum PostgresTransaction {
    Counted(Transaction<'static, Postgres>),
    Plain(PlainTransaction<Postgres>),
}

/// A transaction by plain statements. One that was not ended takes its connection with it, and the pool opens another.
///
/// On SQLite since sqlx's own counts how deep it is, and counts wrong for ever once SQLite has rolled back by itself, as it
/// does on a full disk: that connection could never begin again. On PostgreSQL where the first statement goes with the
/// beginning.
#[derive(Debug)]
pub(crate) struct PlainTransaction<D: Database> {
    connection: PoolConnection<D>,
    is_ended: bool,
}

impl PlainTransaction<Sqlite> {
    pub(crate) async fn begin(pool: &SqlitePool, statement: &'static str) -> Result<Self, sqlx::Error> {
        let mut begun = Self { connection: pool.acquire().await?, is_ended: false };
        sqlx::query(statement).execute(&mut *begun.connection).await?;
        Ok(begun)
    }

    async fn end(mut self, statement: &'static str) -> Result<(), sqlx::Error> {
        sqlx::query(statement).execute(&mut *self.connection).await?;
        self.is_ended = true;
        Ok(())
    }
}

impl PlainTransaction<Postgres> {
    /// Begins with a statement without parameters, in one turn; also its rows.
    pub(crate) async fn begin_with(pool: &PgPool, statement: &str) -> Result<(Self, Vec<PgRow>), sqlx::Error> {
        let mut begun = Self { connection: pool.acquire().await?, is_ended: false };
        // Safe SQL: a text of this program, as of every statement.
        let both = AssertSqlSafe(format!("begin; {statement}"));
        let rows = sqlx::raw_sql(both).fetch_all(&mut *begun.connection).await?;
        Ok((begun, rows))
    }

    async fn end(mut self, statement: &'static str) -> Result<(), sqlx::Error> {
        sqlx::raw_sql(statement).execute(&mut *self.connection).await?;
        self.is_ended = true;
        Ok(())
    }
}

impl<D: Database> Drop for PlainTransaction<D> {
    fn drop(&mut self) {
        if !self.is_ended {
            self.connection.close_on_drop();
        }
    }
}

impl PostgresTransaction {
    fn connection(&mut self) -> &mut PgConnection {
        match self {
            Self::Counted(transaction) => transaction,
            Self::Plain(transaction) => &mut transaction.connection,
        }
    }
}

impl Tx {
    pub(crate) fn sqlite(transaction: PlainTransaction<Sqlite>, place: &Arc<str>) -> Self {
        Self { inner: Inner::Sqlite(transaction), place: Arc::clone(place) }
    }

    pub(crate) fn memory(transaction: MemoryTransaction, place: &Arc<str>) -> Self {
        Self { inner: Inner::Memory(transaction), place: Arc::clone(place) }
    }

    pub(crate) fn postgres(transaction: Transaction<'static, Postgres>, place: &Arc<str>) -> Self {
        Self { inner: Inner::Postgres(PostgresTransaction::Counted(transaction)), place: Arc::clone(place) }
    }

    pub(crate) fn plain_postgres(transaction: PlainTransaction<Postgres>, place: &Arc<str>) -> Self {
        Self { inner: Inner::Postgres(PostgresTransaction::Plain(transaction)), place: Arc::clone(place) }
    }

    /// Which engine this is.
    pub fn dialect(&self) -> Dialect {
        match self.inner {
            Inner::Sqlite(_) | Inner::Memory(_) => Dialect::Sqlite,
            Inner::Postgres(_) => Dialect::Postgres,
        }
    }

    /// Runs a statement; how many rows it touched. After an error the transaction is of no further use:
    /// PostgreSQL refuses every later statement in it.
    pub async fn execute(&mut self, statement: Sql) -> Result<u64, DatabaseError> {
        let text = statement.text;
        let affected_count = match &mut self.inner {
            Inner::Sqlite(tx) => match statement.for_sqlite() {
                Ok(query) => query.execute(&mut *tx.connection).await.map(|done| done.rows_affected()),
                Err(error) => Err(error),
            },
            Inner::Memory(tx) => statement
                .for_sqlite()
                .and_then(|query| tx.run(|connection| query.execute(connection)))
                .map(|done| done.rows_affected()),
            Inner::Postgres(tx) => match statement.for_postgres() {
                Ok(query) => query.execute(tx.connection()).await.map(|done| done.rows_affected()),
                Err(error) => Err(error),
            },
        };
        affected_count.map_err(|source| DatabaseError::of_statement(&self.place, text, source))
    }

    /// Runs a statement over many rows; how many it touched in all. See [`crate::rows`].
    pub async fn execute_rows(&mut self, rows: Rows) -> Result<u64, DatabaseError> {
        let text = rows.text;
        let affected_count = match &mut self.inner {
            Inner::Sqlite(tx) => execute_each(&mut tx.connection, rows.for_sqlite()).await,
            Inner::Memory(tx) => tx.run(|connection| execute_each(connection, rows.for_sqlite())),
            Inner::Postgres(tx) => match rows.for_postgres() {
                Some(Ok(query)) => query.execute(tx.connection()).await.map(|done| done.rows_affected()),
                Some(Err(error)) => Err(error),
                None => Ok(0),
            },
        };
        affected_count.map_err(|source| DatabaseError::of_statement(&self.place, text, source))
    }

    /// Runs statements over many rows, and then `last`; its first row. On PostgreSQL all of that is one statement and one turn, so
    /// that none of them sees what another wrote, and an error names the last; there `last` begins with `with`. See [`crate::rows`].
    ///
    /// # Panics
    /// On PostgreSQL, where `last` does not begin so.
    pub async fn execute_rows_then(&mut self, all: Vec<Rows>, last: Sql) -> Result<Row, DatabaseError> {
        let Inner::Postgres(tx) = &mut self.inner else {
            for rows in all {
                self.execute_rows(rows).await?;
            }
            return self.fetch_one(last).await;
        };
        let statement = last.text;
        let fetched = match Rows::together_for_postgres(all, last) {
            Ok(query) => query.fetch_all(tx.connection()).await,
            Err(error) => Err(error),
        };
        let rows = fetched.map_err(|source| DatabaseError::of_statement(&self.place, statement, source))?;
        wrap(rows, RowInner::Postgres).into_iter().next().ok_or(DatabaseError::NoRow { statement })
    }

    /// Runs a whole script without parameters: a migration.
    pub(crate) async fn execute_script(&mut self, text: &'static str) -> Result<(), DatabaseError> {
        let done = match &mut self.inner {
            Inner::Sqlite(tx) => sqlx::raw_sql(text).execute(&mut *tx.connection).await.map(|_| ()),
            Inner::Memory(tx) => tx.run(|connection| sqlx::raw_sql(text).execute(connection)).map(|_| ()),
            Inner::Postgres(tx) => sqlx::raw_sql(text).execute(tx.connection()).await.map(|_| ()),
        };
        done.map_err(|source| DatabaseError::of_statement(&self.place, text, source))
    }

    /// Makes the schema of this name, on PostgreSQL, if it is not there.
    pub(crate) async fn create_schema(&mut self, name: &'static str) -> Result<(), DatabaseError> {
        let Inner::Postgres(tx) = &mut self.inner else { return Ok(()) };
        // Safe SQL: `Db::open` has checked the name, which is a literal of this program, letter by letter.
        let statement = AssertSqlSafe(format!("create schema {name}"));
        let done = sqlx::raw_sql(statement).execute(tx.connection()).await;
        done.map(|_| ()).map_err(|source| DatabaseError::of_statement(&self.place, "create schema", source))
    }

    /// All rows that a statement gives.
    pub async fn fetch_all(&mut self, statement: Sql) -> Result<Vec<Row>, DatabaseError> {
        let text = statement.text;
        let rows = match &mut self.inner {
            Inner::Sqlite(tx) => match statement.for_sqlite() {
                Ok(query) => query.fetch_all(&mut *tx.connection).await.map(|rows| wrap(rows, RowInner::Sqlite)),
                Err(error) => Err(error),
            },
            Inner::Memory(tx) => statement
                .for_sqlite()
                .and_then(|query| tx.run(|connection| query.fetch_all(connection)))
                .map(|rows| wrap(rows, RowInner::Sqlite)),
            Inner::Postgres(tx) => match statement.for_postgres() {
                Ok(query) => query.fetch_all(tx.connection()).await.map(|rows| wrap(rows, RowInner::Postgres)),
                Err(error) => Err(error),
            },
        };
        rows.map_err(|source| DatabaseError::of_statement(&self.place, text, source))
    }

    /// The first row that a statement gives, if there is one.
    pub async fn fetch_optional(&mut self, statement: Sql) -> Result<Option<Row>, DatabaseError> {
        Ok(self.fetch_all(statement).await?.into_iter().next())
    }

    /// The first row of a statement that must give one.
    pub async fn fetch_one(&mut self, statement: Sql) -> Result<Row, DatabaseError> {
        let text = statement.text;
        self.fetch_optional(statement).await?.ok_or(DatabaseError::NoRow { statement: text })
    }

    /// Makes it all durable and visible. After an error it is unknown whether it took effect: the connection may
    /// have broken between the commit and its acknowledgement.
    pub async fn commit(self) -> Result<(), DatabaseError> {
        let Self { inner, place } = self;
        let done = match inner {
            Inner::Sqlite(tx) => tx.end("commit").await,
            Inner::Memory(tx) => tx.commit(),
            Inner::Postgres(PostgresTransaction::Counted(tx)) => tx.commit().await,
            // On a transaction that has failed PostgreSQL answers a commit by rolling back; every failure came to the caller before.
            Inner::Postgres(PostgresTransaction::Plain(tx)) => tx.end("commit").await,
        };
        done.map_err(|source| DatabaseError::of_store(&place, "commit", source))
    }

    /// Undoes it all now, rather than when the connection is next used.
    pub async fn rollback(self) -> Result<(), DatabaseError> {
        let Self { inner, place } = self;
        let done = match inner {
            Inner::Sqlite(tx) => tx.end("rollback").await,
            Inner::Memory(tx) => tx.rollback(),
            Inner::Postgres(PostgresTransaction::Counted(tx)) => tx.rollback().await,
            Inner::Postgres(PostgresTransaction::Plain(tx)) => tx.end("rollback").await,
        };
        done.map_err(|source| DatabaseError::of_store(&place, "roll back", source))
    }
}

async fn execute_each(
    connection: &mut SqliteConnection,
    statements: Vec<Result<SqliteQuery, sqlx::Error>>,
) -> Result<u64, sqlx::Error> {
    let mut affected_count = 0;
    for statement in statements {
        affected_count += statement?.execute(&mut *connection).await?.rows_affected();
    }
    Ok(affected_count)
}

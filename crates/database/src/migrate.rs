//! Migrations: each crate's tables, in steps that are applied once and never edited.
//!
//! A crate that has tables keeps `migrations/sqlite/NNNN_name.sql` and `migrations/postgres/NNNN_name.sql`, always
//! the same names in both, and exports a set by [`crate::migrations!`]. Sets are numbered apart: a service whose
//! database holds tables of two crates applies two sets. What was applied is remembered by its whole text, so a
//! file that was edited afterwards is found rather than silently different in each installation.
//!
//! There is no way back down: a mistake is mended by a further step.

use std::collections::BTreeMap;

use crate::{DatabaseError, Db, Dialect, Tx, sql};

/// A set of migrations, in order. Made by [`crate::migrations!`].
#[derive(Debug)]
pub struct Migrations {
    /// The name of the set: the crate whose tables these are.
    pub set: &'static str,
    /// The steps, in order.
    pub steps: &'static [Migration],
}

/// One step, in both dialects.
#[derive(Debug)]
pub struct Migration {
    /// `NNNN_name`, without `.sql`.
    pub name: &'static str,
    /// The script for SQLite.
    pub sqlite: &'static str,
    /// The script for PostgreSQL.
    pub postgres: &'static str,
}

impl Migration {
    fn text(&self, dialect: Dialect) -> &'static str {
        match dialect {
            Dialect::Sqlite => self.sqlite,
            Dialect::Postgres => self.postgres,
        }
    }
}

/// The set of migrations of the calling crate: `database::migrations!("journal": "0001_records", "0002_notes")`.
/// A step that is missing in one of the folders does not compile; `testing::check_migration_folders` finds the
/// file that is not listed.
#[macro_export]
macro_rules! migrations {
    ($set:literal: $($name:literal),+ $(,)?) => {
        $crate::Migrations {
            set: $set,
            steps: &[$($crate::Migration {
                name: $name,
                sqlite: include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/migrations/sqlite/", $name, ".sql")),
                postgres: include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/migrations/postgres/", $name, ".sql")),
            }),+],
        }
    };
}

/// One replica migrates at a time; the number is any constant that nothing else locks.
const POSTGRES_LOCK: i64 = 4_013_021_103;

pub(crate) async fn apply(db: &Db, migrations: &'static Migrations) -> Result<(), DatabaseError> {
    let mut tx = db.begin().await?;
    if db.dialect() == Dialect::Postgres {
        tx.execute(sql("select pg_advisory_xact_lock($1)").bind(POSTGRES_LOCK)).await?;
        // `create schema if not exists` needs the right to create one even where it exists.
        let found =
            tx.fetch_optional(sql("select nspname from pg_namespace where nspname = $1").bind(db.name())).await?;
        if found.is_none() {
            tx.create_schema(db.name()).await?;
        }
    }
    tx.execute(sql(match db.dialect() {
        Dialect::Sqlite => {
            "create table if not exists migrations
               (migration_set text not null, name text not null, script text not null, primary key (migration_set, name))
             strict"
        }
        Dialect::Postgres => {
            "create table if not exists migrations
               (migration_set text not null, name text not null, script text not null, primary key (migration_set, name))"
        }
    }))
    .await?;
    let applied = applied(&mut tx, migrations.set).await?;
    for lacking in lacking(db, migrations, &applied)? {
        tracing::info!(database = db.name(), set = migrations.set, migration = lacking.name, "applying a migration");
        let script = lacking.text(db.dialect());
        tx.execute_script(script).await?;
        let remember = sql("insert into migrations (migration_set, name, script) values ($1, $2, $3)");
        tx.execute(remember.bind(migrations.set).bind(lacking.name).bind(script)).await?;
    }
    tx.commit().await
}

pub(crate) async fn check(db: &Db, migrations: &'static Migrations) -> Result<(), DatabaseError> {
    let exists = match db.dialect() {
        Dialect::Sqlite => "select name from sqlite_schema where type = 'table' and name = 'migrations'",
        Dialect::Postgres => {
            "select tablename from pg_tables where schemaname = current_schema() and tablename = 'migrations'"
        }
    };
    let mut tx = db.begin_read().await?;
    let applied = match tx.fetch_optional(sql(exists)).await? {
        Some(_) => applied(&mut tx, migrations.set).await?,
        None => BTreeMap::new(),
    };
    match lacking(db, migrations, &applied)?.first() {
        None => Ok(()),
        Some(first) => {
            Err(DatabaseError::MigrationMissing { store: db.place().to_owned(), set: migrations.set, name: first.name })
        }
    }
}

async fn applied(tx: &mut Tx, set: &'static str) -> Result<BTreeMap<String, String>, DatabaseError> {
    let statement = sql("select name, script from migrations where migration_set = $1").bind(set);
    let mut applied = BTreeMap::new();
    for row in tx.fetch_all(statement).await? {
        applied.insert(row.get("name")?, row.get("script")?);
    }
    Ok(applied)
}

/// The steps still to apply, after checking that the applied ones are ours and unchanged.
fn lacking(
    db: &Db,
    migrations: &'static Migrations,
    applied: &BTreeMap<String, String>,
) -> Result<Vec<&'static Migration>, DatabaseError> {
    let (store, set) = (db.place().to_owned(), migrations.set);
    if let Some(name) = applied.keys().find(|name| migrations.steps.iter().all(|step| step.name != name.as_str())) {
        return Err(DatabaseError::MigrationUnknown { store, set, name: name.clone() });
    }
    let mut lacking = Vec::new();
    for step in migrations.steps {
        match applied.get(step.name) {
            None => lacking.push(step),
            Some(script) if script == step.text(db.dialect()) => {}
            Some(_) => return Err(DatabaseError::MigrationChanged { store, set, name: step.name.to_owned() }),
        }
    }
    Ok(lacking)
}

//! One SQL text for SQLite and PostgreSQL: [`Db`], [`Tx`], [`Row`] and [`sql`], an enum layer over sqlx.
//!
//! This is the only crate that names sqlx. Its users write portable statements and, where the engines truly
//! differ, `match db.dialect()` with both literals side by side.
//!
//! # The portable subset
//!
//! - Types: `text`, `bigint` (in SQLite's strict tables: `integer`), `bytea` (SQLite: `blob`). No booleans, no
//!   floats, no engine's own dates: moments are `bigint` microseconds since 1970 UTC.
//! - Parameters are `$1`, `$2`, …; many rows are `values {rows}` (see [`rows`]); `returning` and
//!   `on conflict … do update` work on both.
//! - Text that is ordered or compared is `collate "C"` in PostgreSQL's migrations: its default collation orders
//!   differently from SQLite's bytes, and pages would differ.
//! - Aggregates of integers are `cast(sum(x) as bigint)`: PostgreSQL's `sum` is `numeric`.
//! - SQLite tables are `strict`.
//!
//! Statements are `&'static str`, so no input can become SQL; the one exception, `values {rows}`, is expanded
//! here, from nothing but counts and the names of three types.
//!
//! # What it does not do
//!
//! It has no query builder and no mapping of rows to types, it retries nothing (the caller knows whether that
//! is safe), and it hides no transaction: writes go through [`Db::begin`].

mod db;
mod error;
mod gate;
mod listen;
mod memory;
mod migrate;
mod row;
mod rows;
mod sql;
mod store;
#[cfg(feature = "testing")]
pub mod testing;
mod tx;

pub use db::{Db, Dialect};
pub use error::DatabaseError;
pub use gate::Gate;
pub use listen::Listener;
pub use memory::MemoryFault;
pub use migrate::{Migration, Migrations};
pub use row::{Column, Row};
pub use rows::{Rows, rows};
pub use sql::{Sql, Value, sql};
pub use store::Store;
pub use tx::Tx;

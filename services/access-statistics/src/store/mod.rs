//! The tables, one module per noun: functions over a transaction, so that whoever calls them decides what is atomic. What is
//! read by one statement, and is of one state by that, takes the database instead.

pub(crate) mod dictionary;
pub(crate) mod flows;
pub(crate) mod groups;
pub(crate) mod hours;
pub(crate) mod lease;
pub(crate) mod log;
pub(crate) mod months;
pub(crate) mod partitions;
pub(crate) mod quarantine;
pub(crate) mod rollups;
pub(crate) mod told;

use database::{DatabaseError, Migrations};
use jiff::Timestamp;
use tally::{Day, EventsError, PracticeOrdinal, SketchError};
use thiserror::Error;

/// The tables of this crate; `journal` brings its own.
pub static MIGRATIONS: Migrations = database::migrations!("access-statistics": "0001_events", "0002_growth", "0003_quarantine", "0004_slices", "0005_hours");

/// The store could not be read or written.
#[derive(Debug, Error)]
pub enum StoreError {
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// A stored batch cannot be read.
    #[error("batch {position} cannot be read")]
    Batch {
        /// Which.
        position: u64,
        /// Why.
        #[source]
        source: EventsError,
    },
    /// A stored sketch cannot be read.
    #[error(transparent)]
    Sketch(#[from] SketchError),
    /// A stored value is not what this program writes.
    #[error("column {column} holds {value}, which this program never writes there")]
    Value {
        /// Where.
        column: &'static str,
        /// What.
        value: String,
    },
    /// The tables name fewer batches than were seen: another database took this one's place.
    #[error("the log of batches ends at {found}, but {known} was reached before: it is not the same log")]
    Rewound {
        /// Where it ends.
        found: u64,
        /// Where it was.
        known: u64,
    },
}

/// A count, position or sequence as the stores keep it; all are far below 2^63.
pub(crate) fn number(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

fn unsigned(column: &'static str, value: i64) -> Result<u64, StoreError> {
    u64::try_from(value).map_err(|_| StoreError::Value { column, value: value.to_string() })
}

fn day(column: &'static str, value: i64) -> Result<Day, StoreError> {
    Day::from_number(value).ok_or_else(|| StoreError::Value { column, value: value.to_string() })
}

fn practice(column: &'static str, value: i64) -> Result<PracticeOrdinal, StoreError> {
    let ordinal = u32::try_from(value).map_err(|_| StoreError::Value { column, value: value.to_string() })?;
    Ok(PracticeOrdinal(ordinal))
}

fn moment(column: &'static str, microseconds: i64) -> Result<Timestamp, StoreError> {
    Timestamp::from_microsecond(microseconds).map_err(|_| StoreError::Value { column, value: microseconds.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_folders_hold_the_listed_migrations() {
        database::testing::check_migration_folders(env!("CARGO_MANIFEST_DIR"), &MIGRATIONS);
    }
}

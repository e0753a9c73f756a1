//! Working out answers: flows from the tables and what is not in them yet, stocks from the directory and the returns.

mod changes;
pub(crate) mod comparison;
pub(crate) mod compliance;
pub(crate) mod flows;
pub(crate) mod groups;
mod hours;
pub(crate) mod points;
pub(crate) mod practices;
pub(crate) mod publications;
pub(crate) mod reconcile;
pub(crate) mod series;
pub(crate) mod summary;

use jiff::Timestamp;
use ods::Capability;
use tally::{Day, Measure, Period};
use thiserror::Error;
use tokio::task::JoinError;

use crate::AccessStatistics;
use crate::store::StoreError;

/// Why a question has no answer.
#[derive(Debug, Error)]
pub(crate) enum QueryError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The tables were ahead of this replica for longer than it waits.
    #[error("this replica has not caught up with its tables")]
    Behind,
    /// The registry's journal is not the one that was followed before (rule 17).
    #[error("the registry's journal is not the one followed before: it ends at {found}, {known} was reached")]
    RegistryRewound {
        /// Where it is now.
        found: u64,
        /// Where it was.
        known: u64,
    },
    /// Viewers of single practices are kept by the month only.
    #[error("viewers of practices are kept by the day from {days_from} on, before it by the month")]
    ViewersByMonthOnly {
        /// The first day of which they are kept by the day.
        days_from: Day,
    },
    /// Of a day of the period the hours have gone: there the day is all that is kept.
    #[error("views are kept by the hour from {hours_from} on, before it by the day")]
    HoursByDayOnly {
        /// The first day of which hours are kept.
        hours_from: Day,
    },
    /// People are counted by the day at the finest.
    #[error("{measure} has no hours")]
    NotByTheHour {
        /// Which figure.
        measure: Measure,
    },
    /// Of the practices that were chosen none can be compared.
    #[error("of the {count} practices none is live in the area")]
    NothingToCompare {
        /// So many were chosen.
        count: usize,
    },
    /// Practices went live so far apart that the days between cannot be looked at together.
    #[error(transparent)]
    Period(#[from] tally::PeriodError),
    /// A publication is being judged.
    #[error("a publication is being judged; one is at a time")]
    PublicationInProgress,
    /// The process ends before what was asked for is worked out.
    #[error("the service is stopping")]
    Stopping,
    /// The registry's position was not reached in time.
    #[error("the registry is followed up to {reached}, not yet to {wanted}")]
    PositionNotReached {
        /// How far.
        reached: u64,
        /// What was asked for.
        wanted: u64,
    },
}

/// The positions that an answer rests on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Positions {
    /// Of the registry's journal.
    pub(crate) registry: u64,
    /// Of the journal of returns.
    pub(crate) returns: u64,
    /// Of the log of batches.
    pub(crate) events: u64,
}

/// What every question has in common.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    pub(crate) capability: Capability,
    pub(crate) known_at: Timestamp,
    pub(crate) min_position: u64,
}

impl AccessStatistics {
    /// Whether the viewers of single practices can be told of a period as known on a day: where they are kept by the month, of
    /// whole months, and as known at their ends or later.
    ///
    /// # Errors
    /// From when on they are kept by the day.
    fn practice_viewers_kept(&self, period: Period, known: Day) -> Result<(), QueryError> {
        let days_from = self.config.practice_days_from(Day::of(self.clock.now()));
        let by_month_until = period.end().min(days_from.plus(-1));
        let known_since = days_from <= period.start() || by_month_until <= known;
        let kept = period.is_of_months_before(days_from) && known_since;
        if kept { Ok(()) } else { Err(QueryError::ViewersByMonthOnly { days_from }) }
    }

    /// Whether views of a period are of an age at which they are kept by the hour.
    ///
    /// # Errors
    /// From when on they are.
    fn hours_kept(&self, period: Period) -> Result<(), QueryError> {
        let hours_from = self.config.hours_from(Day::of(self.clock.now()));
        if hours_from <= period.start() { Ok(()) } else { Err(QueryError::HoursByDayOnly { hours_from }) }
    }
}

/// What another thread has worked out. A mistake of ours is told as if it had been made here.
fn worked_out<T>(joined: Result<T, JoinError>) -> Result<T, QueryError> {
    joined.map_err(|error| match error.try_into_panic() {
        Ok(panic) => std::panic::resume_unwind(panic),
        Err(_) => QueryError::Stopping,
    })
}

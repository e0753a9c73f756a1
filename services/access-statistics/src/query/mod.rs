//! Working out answers: flows from the tables and what is not in them yet, stocks from the directory and the returns.

pub(crate) mod flows;
pub(crate) mod practices;
pub(crate) mod series;
pub(crate) mod summary;

use jiff::Timestamp;
use ods::Capability;
use tally::{Day, Period};
use thiserror::Error;

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
    /// Viewers of single practices are not kept for so long.
    #[error("viewers of practices are kept from {kept_from} on; {asked} was asked for")]
    ViewersNotKept {
        /// The first day of which they are.
        kept_from: Day,
        /// The first day that was asked for.
        asked: Day,
    },
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
    /// The first day of which the viewers of single practices are kept, where a period begins before it.
    fn viewers_gone_before(&self, period: Period) -> Option<Day> {
        let kept_from = self.config.practice_sketches_from(Day::of(self.clock.now()));
        (period.start() < kept_from).then_some(kept_from)
    }
}

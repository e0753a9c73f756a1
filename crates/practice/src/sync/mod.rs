//! Syncs of the directory with the interfaces of the Organisation Data Service: where a run is, and what it has
//! changed.
//!
//! A run is read page by page. A page is one command, which records what the page changes and where the run is after
//! it, in one transaction: so a run that was broken off goes on where it was, and no page takes effect twice, whoever
//! reads it. How an interface is asked is not known here.
//!
//! - What was read is remembered until the run ends. Where an interface says how many there are and fewer were read,
//!   somebody changed the directory between two pages and pushed practices from one to the other: the pages are read
//!   once more.
//! - A run covers the changes since the day on which the run before it began, and some days more, since the publisher
//!   records changes of a day later than that day ([`OVERLAP_DAYS`]). Beyond what an interface keeps
//!   ([`DAYS_BACK_MAX`]) all is read.
//! - A relationship that begins on a later day is no change on that day to the publisher. The run remembers to come
//!   back.

mod decide;
mod fold;

use imbl::{OrdMap, OrdSet};
use jiff::civil::Date;
use jiff::{Timestamp, ToSpan as _};
use ods::PracticeCode;
use ods::record::{Succession, SuccessionKind};
use serde::{Deserialize, Serialize};

pub use decide::{AdvanceSync, FailSync, StartSync, Then};
pub(crate) use decide::{advanced, failed, started};
pub use fold::{SyncAdvanced, SyncFailed, SyncStarted};

/// How far back ORD tells changes: "in the last 6 months", which it counts as so many days, and refuses more with 406.
pub const DAYS_BACK_MAX: i32 = 185;

/// How many days before the last run's first day the next one begins: the publisher's nightly run may date a change by
/// the day before, and a weekend's on Monday.
pub const OVERLAP_DAYS: i32 = 3;

/// How often the pages of a run are read before it is said that the directory never stands still: at some seconds a
/// pass, a third coincidence is a fault of the interface.
pub const PASSES_MAX: u32 = 3;

/// Rejected records that a run keeps; the rest are counted.
pub const REJECTIONS_KEPT_MAX: usize = 100;

/// Successions that a run keeps; the rest are counted. A full read finds some thousands, of decades.
pub const SUCCESSIONS_KEPT_MAX: usize = 1_000;

/// Which interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SyncSource {
    /// Organisation Data Terminology, FHIR R4.
    Fhir,
    /// ORD 2-0-0.
    Ord,
}

impl SyncSource {
    /// The publication, as facts name their source.
    #[must_use]
    pub fn publication(self) -> &'static str {
        match self {
            Self::Fhir => "organisation-data-terminology",
            Self::Ord => "ord-2-0-0",
        }
    }
}

/// A run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sync {
    /// Its number, from 1.
    pub number: u32,
    /// The interface.
    pub source: SyncSource,
    /// Changes since this day; None = everything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Date>,
    /// The day on which it began: changes up to the day before it are in it.
    pub through: Date,
    /// When it began.
    pub started_at: Timestamp,
    /// When it was last heard of: begun, advanced, failed or ended.
    pub updated_at: Timestamp,
    /// Who reads it; empty before the first page.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub worker: String,
    /// How many pages were taken in.
    pub page: u32,
    /// Which pass over the pages it is, from 1.
    pub pass: u32,
    /// Where the next page is; None = at the beginning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// The organisations that were read; forgotten when it ends.
    #[serde(default, skip_serializing_if = "OrdSet::is_empty")]
    pub read: OrdSet<String>,
    /// How many were read.
    pub read_count: u32,
    /// How many there are, by the interface; None where it does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<u32>,
    /// What it changed.
    #[serde(default)]
    pub tally: SyncTally,
    /// What could not be used, the first [`REJECTIONS_KEPT_MAX`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rejections: Vec<SyncRejection>,
    /// Successions that practices which changed have by the interface, the first [`SUCCESSIONS_KEPT_MAX`].
    #[serde(default, skip_serializing_if = "OrdSet::is_empty")]
    pub successions: OrdSet<FoundSuccession>,
    /// Why it stands still; None once it has gone on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<SyncFailure>,
    /// How it ended; None while it has not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<SyncEnd>,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SyncEnd {
    /// All of it was read.
    Completed,
    /// A run that reads more took its place.
    Superseded,
}

/// What a run changed, by practice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyncTally {
    /// Not known before.
    pub created: u32,
    /// Something else than the following changed.
    pub updated: u32,
    /// Open before and closed now.
    pub closed: u32,
    /// Another PCN or sub-ICB.
    pub moved: u32,
    /// Nothing new.
    pub unchanged: u32,
    /// No GP practice of England, or closed before it was known.
    pub ignored: u32,
    /// Could not be used.
    pub rejected: u32,
}

/// A record of the interface that could not be used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyncRejection {
    /// Of which organisation; empty where even that is not to be made out.
    pub code: String,
    /// What is wrong, where, and what to do.
    pub reason: String,
}

/// A succession that an interface tells of: for whoever records successions. A sync records none, since which state a
/// successor inherits is not for a directory to decide (rule 9).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FoundSuccession {
    /// The code that ends or ended.
    pub predecessor: String,
    /// The code that goes on.
    pub successor: String,
    /// From when, in law; None where it is not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub date: Option<Date>,
}

impl FoundSuccession {
    /// The succession that is on record at `practice`.
    #[must_use]
    pub fn at(practice: PracticeCode, succession: &Succession) -> Self {
        let (own, other, date) = (practice.to_string(), succession.other.clone(), succession.date);
        match succession.kind {
            SuccessionKind::Predecessor => Self { predecessor: other, successor: own, date },
            SuccessionKind::Successor => Self { predecessor: own, successor: other, date },
        }
    }
}

/// Why a run stands still.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyncFailure {
    /// A stable word, `RATE_LIMITED`.
    pub reason: String,
    /// In words, and what to do.
    pub message: String,
    /// When.
    pub failed_at: Timestamp,
    /// How many times in a row it has failed.
    pub attempts: u32,
}

impl Sync {
    /// Does it go on?
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.end.is_none()
    }
}

/// All runs, and what they are to come back to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Syncs {
    runs: OrdMap<u32, Sync>,
    returns: OrdMap<PracticeCode, Date>,
}

impl Syncs {
    /// Has there never been one?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// The run of this number.
    #[must_use]
    pub fn get(&self, number: u32) -> Option<&Sync> {
        self.runs.get(&number)
    }

    /// The runs, the latest first.
    pub fn latest_first(&self) -> impl Iterator<Item = &Sync> {
        self.runs.values().rev()
    }

    /// The run with this interface that goes on.
    #[must_use]
    pub fn open(&self, source: SyncSource) -> Option<&Sync> {
        // There is one at most, and it is among the last: each start ends the one before.
        self.latest_first().find(|sync| sync.source == source).filter(|sync| sync.is_open())
    }

    /// The last run with this interface that was completed.
    #[must_use]
    pub fn last_completed(&self, source: SyncSource) -> Option<&Sync> {
        self.latest_first().find(|sync| sync.source == source && sync.end == Some(SyncEnd::Completed))
    }

    /// The practices to come back to by `day`, since a relationship of theirs begins or ends that the publisher has
    /// told of before.
    pub fn returns_due(&self, day: Date) -> impl Iterator<Item = PracticeCode> {
        self.returns.iter().filter(move |(_, due)| **due <= day).map(|(practice, _)| *practice)
    }

    /// From which day the next run with this interface is to read; None = everything.
    #[must_use]
    pub fn since(&self, source: SyncSource, today: Date) -> Option<Date> {
        let last = self.last_completed(source)?.through;
        let since = last.saturating_sub(OVERLAP_DAYS.days());
        let oldest = today.saturating_sub(DAYS_BACK_MAX.days());
        (since >= oldest && since <= today).then_some(since)
    }
}

fn counted(number: usize) -> u32 {
    u32::try_from(number).expect("a directory is bounded far below four thousand million organisations")
}

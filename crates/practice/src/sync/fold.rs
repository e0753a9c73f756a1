//! What the journal keeps of a run, and what that makes of it.

use std::collections::{BTreeMap, BTreeSet};

use imbl::OrdSet;
use jiff::Timestamp;
use jiff::civil::Date;
use ods::PracticeCode;
use serde::{Deserialize, Serialize};

use super::{
    FoundSuccession, REJECTIONS_KEPT_MAX, SUCCESSIONS_KEPT_MAX, Sync, SyncEnd, SyncFailure, SyncRejection, SyncSource,
    SyncTally, Syncs, counted,
};

/// See [`crate::Event::SyncStarted`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyncStarted {
    /// Its number.
    pub sync: u32,
    /// The interface.
    pub source: SyncSource,
    /// Changes since this day; None = everything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Date>,
    /// The day on which it begins.
    pub through: Date,
}

/// See [`crate::Event::SyncAdvanced`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyncAdvanced {
    /// Which run.
    pub sync: u32,
    /// Who read the page.
    pub worker: String,
    /// The organisations in it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub read: Vec<String>,
    /// The practices that were come back to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub came_back: Vec<PracticeCode>,
    /// What it changed.
    pub tally: SyncTally,
    /// What could not be used.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rejections: Vec<SyncRejection>,
    /// Successions.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub successions: BTreeSet<FoundSuccession>,
    /// When to come back to which of its practices; to the others of them, not.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub returns: BTreeMap<PracticeCode, Date>,
    /// How many there are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<u32>,
    /// The pass in which the run goes on.
    pub pass: u32,
    /// Where it goes on; None = at the beginning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// See [`crate::Event::SyncFailed`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyncFailed {
    /// Which run.
    pub sync: u32,
    /// Who reads it.
    pub worker: String,
    /// A stable word.
    pub reason: String,
    /// In words.
    pub message: String,
    /// It begins anew when it goes on.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub from_beginning: bool,
}

impl Syncs {
    pub(crate) fn start(&mut self, started: &SyncStarted, recorded_at: Timestamp) {
        let sync = Sync {
            number: started.sync,
            source: started.source,
            since: started.since,
            through: started.through,
            started_at: recorded_at,
            updated_at: recorded_at,
            worker: String::new(),
            page: 0,
            pass: 1,
            next: None,
            read: OrdSet::new(),
            read_count: 0,
            total: None,
            tally: SyncTally::default(),
            rejections: Vec::new(),
            successions: OrdSet::new(),
            failure: None,
            end: None,
        };
        self.runs.insert(started.sync, sync);
    }

    pub(crate) fn advance(&mut self, advanced: &SyncAdvanced, recorded_at: Timestamp) {
        for code in &advanced.read {
            if let Ok(practice) = code.parse::<PracticeCode>() {
                self.returns.remove(&practice);
            }
        }
        for practice in &advanced.came_back {
            self.returns.remove(practice);
        }
        for (practice, day) in &advanced.returns {
            self.returns.insert(*practice, *day);
        }
        let Some(sync) = self.runs.get_mut(&advanced.sync) else { return };
        sync.updated_at = recorded_at;
        sync.worker.clone_from(&advanced.worker);
        sync.page += 1;
        sync.pass = advanced.pass;
        sync.next.clone_from(&advanced.next);
        sync.read.extend(advanced.read.iter().cloned());
        sync.read_count = counted(sync.read.len());
        sync.total = advanced.total.or(sync.total);
        sync.tally.add(&advanced.tally);
        let room = REJECTIONS_KEPT_MAX.saturating_sub(sync.rejections.len());
        sync.rejections.extend(advanced.rejections.iter().take(room).cloned());
        let room = SUCCESSIONS_KEPT_MAX.saturating_sub(sync.successions.len());
        sync.successions.extend(advanced.successions.iter().take(room).cloned());
        sync.failure = None;
    }

    pub(crate) fn fail(&mut self, failed: &SyncFailed, recorded_at: Timestamp) {
        let Some(sync) = self.runs.get_mut(&failed.sync) else { return };
        let attempts = sync.failure.as_ref().map_or(0, |failure| failure.attempts) + 1;
        let (reason, message) = (failed.reason.clone(), failed.message.clone());
        sync.failure = Some(SyncFailure { reason, message, failed_at: recorded_at, attempts });
        sync.updated_at = recorded_at;
        sync.worker.clone_from(&failed.worker);
        if failed.from_beginning {
            sync.pass = 1;
            sync.next = None;
            sync.read = OrdSet::new();
            sync.read_count = 0;
            sync.total = None;
        }
    }

    pub(crate) fn resume(&mut self, number: u32, recorded_at: Timestamp) {
        let Some(sync) = self.runs.get_mut(&number) else { return };
        sync.failure = None;
        sync.updated_at = recorded_at;
        // Whoever is there may go on.
        sync.worker = String::new();
    }

    pub(crate) fn end(&mut self, number: u32, end: SyncEnd, recorded_at: Timestamp) {
        let Some(sync) = self.runs.get_mut(&number) else { return };
        sync.end = Some(end);
        sync.updated_at = recorded_at;
        sync.read = OrdSet::new();
        sync.next = None;
    }
}

impl SyncTally {
    fn add(&mut self, other: &Self) {
        self.created += other.created;
        self.updated += other.updated;
        self.closed += other.closed;
        self.moved += other.moved;
        self.unchanged += other.unchanged;
        self.ignored += other.ignored;
        self.rejected += other.rejected;
    }
}

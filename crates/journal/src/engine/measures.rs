//! What an engine measures of itself. Everything is found once, when the engine opens.

use std::sync::Arc;
use std::time::Duration;

use telemetry::{Counter, Gauge, Histogram, Metric, Moment};
use tracing::Span;

use crate::engine::submission::Priority;

static QUEUE: Metric = Metric {
    name: "citizens_access.journal.queue.commands",
    unit: "{command}",
    description: "Commands that wait to be decided, or for a place in the queue",
};
static BATCH: Metric = Metric {
    name: "citizens_access.journal.batch.commands",
    unit: "{command}",
    description: "Commands answered by one transaction",
};
static COMMIT: Metric = Metric {
    name: "citizens_access.journal.commit.duration",
    unit: "s",
    description: "Time from the first decision of a batch until its records are durable",
};
static FAILURES: Metric = Metric {
    name: "citizens_access.journal.failures",
    unit: "{failure}",
    description: "Times that the store or the journal failed the engine",
};
static POSITION: Metric = Metric {
    name: "citizens_access.journal.position",
    unit: "{record}",
    description: "Position of the last record that this replica has folded",
};
static LAG: Metric = Metric {
    name: "citizens_access.journal.replica.lag",
    unit: "{record}",
    description: "Records in the store that this replica has not folded, when it looked last",
};
static LOOKED: Metric = Metric {
    name: "citizens_access.journal.replica.look_age",
    unit: "s",
    description: "Time since this replica last learnt how far the store is",
};
static STOPPED: Metric = Metric {
    name: "citizens_access.journal.stopped",
    unit: "{replica}",
    description: "1 where this replica's journal has stopped for good, else 0",
};
static CLOCK_OFF: Metric = Metric {
    name: "citizens_access.journal.clock_off",
    unit: "{replica}",
    description: "1 while this replica records nothing, since its clock is off its database's (rule 18), else 0",
};

const JOURNAL: &str = "citizens_access.journal";

/// Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Measures {
    urgent: Arc<Gauge>,
    normal: Arc<Gauge>,
    batch: Arc<Histogram>,
    commit: Arc<Histogram>,
    failures: Arc<Counter>,
    position: Arc<Gauge>,
    lag: Arc<Gauge>,
    looked: Arc<Moment>,
    stopped: Arc<Gauge>,
    clock_off: Arc<Gauge>,
}

/// A command that waits; no longer once it is dropped.
#[derive(Debug)]
pub(crate) struct Waiting(Arc<Gauge>);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.add(-1);
    }
}

impl Measures {
    pub(crate) fn of(journal: &str) -> Self {
        let named = [(JOURNAL, journal)];
        let lane = |lane| Gauge::of(&QUEUE, &[(JOURNAL, journal), ("citizens_access.queue.lane", lane)]);
        Self {
            urgent: lane("urgent"),
            normal: lane("normal"),
            batch: Histogram::of_counts(&BATCH, &named),
            commit: Histogram::of_durations(&COMMIT, &named),
            failures: Counter::of(&FAILURES, &named),
            position: Gauge::of(&POSITION, &named),
            lag: Gauge::of(&LAG, &named),
            looked: Moment::of(&LOOKED, &named),
            stopped: Gauge::of(&STOPPED, &named),
            clock_off: Gauge::of(&CLOCK_OFF, &named),
        }
    }

    /// A command has come.
    pub(crate) fn waiting(&self, priority: Priority) -> Waiting {
        let lane = match priority {
            Priority::Urgent => &self.urgent,
            Priority::Normal => &self.normal,
        };
        lane.add(1);
        Waiting(Arc::clone(lane))
    }

    /// So many were decided in one transaction that appends.
    pub(crate) fn committed(&self, commands: usize, took: Duration, span: &Span) {
        self.batch.record_count(commands);
        self.commit.record(took, span);
    }

    pub(crate) fn failed(&self) {
        self.failures.add(1);
    }

    /// The store's head was read, and is so many records ahead.
    pub(crate) fn looked(&self, behind: u64) {
        self.looked.touch();
        self.lag.set(i64::try_from(behind).unwrap_or(i64::MAX));
    }

    /// Everything up to there is folded.
    pub(crate) fn reached(&self, position: u64) {
        self.position.set(i64::try_from(position).unwrap_or(i64::MAX));
        self.lag.set(0);
    }

    pub(crate) fn stopped(&self) {
        self.stopped.set(1);
    }

    pub(crate) fn clock_off(&self, is_off: bool) {
        self.clock_off.set(i64::from(is_off));
    }
}

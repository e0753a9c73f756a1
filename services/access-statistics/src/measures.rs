//! What whoever is on call sees of the statistics.

use std::sync::Arc;

use clock::Clock;
use jiff::{SignedDuration, Timestamp};
use telemetry::{Counter, Follower, Histogram, Metric, Observation};
use tokio::sync::watch;

use crate::follow::Picture;
use crate::ingest::Ingest;

static ACCEPTED: Metric = Metric {
    name: "citizens_access.statistics.events.accepted",
    unit: "{event}",
    description: "Events that were made durable and acknowledged by this replica",
};
static QUARANTINED: Metric = Metric {
    name: "citizens_access.statistics.events.quarantined",
    unit: "{event}",
    description: "Of those accepted, the ones that no figure counts: unknown practice, impossible moment",
};
static GROUP: Metric = Metric {
    name: "citizens_access.statistics.group.batches",
    unit: "{batch}",
    description: "Batches of events made durable in one transaction",
};
static UNFOLDED: Metric = Metric {
    name: "citizens_access.statistics.unfolded.events",
    unit: "{event}",
    description: "Events that are durable and counted by queries, but not in the tables yet",
};
static INGEST_LAG: Metric = Metric {
    name: "citizens_access.statistics.ingest.lag",
    unit: "s",
    description: "Age of the oldest event that is durable and not in the tables; 0 where there is none",
};
static REFUSALS: Metric = Metric {
    name: "citizens_access.statistics.publication.refusals",
    unit: "{refusal}",
    description: "Publications that were not made, by the reason of the error",
};

/// This service as a follower of the registry.
pub(crate) const FOLLOWER: Follower = Follower("statistics");

/// What the writer counts.
#[derive(Clone, Debug)]
pub(crate) struct IngestMeasures {
    accepted: Arc<Counter>,
    quarantined: Arc<Counter>,
    group: Arc<Histogram>,
}

impl IngestMeasures {
    pub(crate) fn new() -> Self {
        Self {
            accepted: Counter::of(&ACCEPTED, &[]),
            quarantined: Counter::of(&QUARANTINED, &[]),
            group: Histogram::of_counts(&GROUP, &[]),
        }
    }

    /// One transaction was committed.
    pub(crate) fn logged(&self, batches: usize, events: usize, quarantined: u64) {
        self.group.record_count(batches);
        self.accepted.add(events as u64);
        self.quarantined.add(quarantined);
    }
}

/// A publication was refused.
pub(crate) fn publication_refused(reason: &str) {
    Counter::of(&REFUSALS, &[("citizens_access.reason", reason)]).add(1);
}

/// Has the rest observed for as long as the observation is kept.
pub(crate) fn observe(ingest: Ingest, pictures: watch::Receiver<Arc<Picture>>, clock: Clock) -> Observation {
    telemetry::observe(move |seen| {
        let (unfolded, oldest) = {
            let pending = ingest.shared().pending();
            (pending.event_count(), pending.oldest_arrived_at())
        };
        seen.gauge(&UNFOLDED, &[], unfolded as f64);
        seen.gauge(&INGEST_LAG, &[], oldest.map_or(0.0, |oldest| since_s(oldest, clock.now())));
        FOLLOWER.position(seen, pictures.borrow().followed.position);
    })
}

fn since_s(since: Timestamp, now: Timestamp) -> f64 {
    now.duration_since(since).max(SignedDuration::ZERO).as_secs_f64()
}

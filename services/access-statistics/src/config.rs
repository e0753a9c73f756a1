//! What an operator may set. Every bound has its name and its reason here.

use std::ops::RangeInclusive;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tally::Day;

/// So many practices change together in a wave or an import, and never by people's hands.
const MANY_PRACTICES: usize = 100;

/// How the statistics are run.
#[derive(Clone, Debug)]
pub struct StatisticsConfig {
    /// This replica's name, for the lease of the fold. One that is started again under the same name goes on at once, so no
    /// two that run on one store may share a name.
    pub replica: String,
    /// Counts are written to their tables this long after the first event that is not in them yet, by the domain's
    /// clock. Longer means fewer writes, more to fold again after a crash, and never another answer: queries add what is
    /// not written yet.
    pub checkpoint_interval: SignedDuration,
    /// … or after so many batches, whichever comes first: bounds the memory and the time of a restart.
    pub checkpoint_batches_max: u64,
    /// Rows that a checkpoint writes in one transaction, a sketch counting as many as it takes as long as. Producers wait for one
    /// transaction: fewer rows make that shorter, and checkpoints longer, since each transaction is a sync.
    pub checkpoint_slice_rows: usize,
    /// Folded batches are kept so long, to tell a repetition from a sequence used again with other content.
    pub batches_kept: SignedDuration,
    /// Counts are kept by the hour for so many days, then by the day alone: hours tell of a wave's course, and a nation's are ten
    /// times as many rows as its days. On PostgreSQL they go by whole months.
    pub hourly_count_days: i32,
    /// Sketches of single practices are kept by the day for so many days, and on to the end of the month in which that is
    /// over; then they are united into one of the month. Those of areas are kept by the day for ever.
    pub practice_sketch_days: i32,
    /// Batches that wait for a commit. A full queue makes producers wait (HTTP/2's flow control), it refuses nothing.
    pub queue_batches_max: usize,
    /// Batches of one stream that wait for their acknowledgement.
    pub in_flight_batches_max: usize,
    /// Events in one batch.
    pub batch_events_max: usize,
    /// How far ahead of our clock an event may claim to have happened: producers' clocks differ a little.
    pub event_ahead_max: SignedDuration,
    /// How late an event may come. A supplier may send the past year once more; what is older is a clock that is wrong.
    pub event_late_max: SignedDuration,
    /// What was put into quarantine is listed for so long.
    pub quarantine_kept: SignedDuration,
    /// How long a query with `min_position` waits at most, in real time; less where the caller's deadline is nearer.
    pub position_wait_max: Duration,
    /// After a change of the registry was heard, what changes within this time is heard together, in real time; not while the
    /// clock is virtual.
    pub follow_gathering: Duration,
    /// The same after a change of a hundred practices or more, as in a wave or an import. While a wave runs, practices change some
    /// thousand times a second, each twice within a second: when it is permitted, and when it is live.
    pub follow_gathering_many: Duration,
    /// How long the release of publications waits before it tries again after a failure of the store, in real time.
    pub release_retry_delay: Duration,
    /// How long the follower waits before it calls the registry again after a failure, in real time.
    pub follow_retry_delay: Duration,
}

impl Default for StatisticsConfig {
    fn default() -> Self {
        Self {
            replica: "statistics".to_owned(),
            checkpoint_interval: SignedDuration::from_secs(5),
            checkpoint_batches_max: 20_000,
            // With 6,000 an acknowledgement waited 57 to 126 ms at half load, the 99th of a hundred, and 37 to 66 so.
            checkpoint_slice_rows: 2_000,
            batches_kept: SignedDuration::from_hours(7 * 24),
            hourly_count_days: 45,
            practice_sketch_days: 45,
            queue_batches_max: 1_024,
            in_flight_batches_max: 64,
            batch_events_max: 10_000,
            event_ahead_max: SignedDuration::from_hours(1),
            event_late_max: SignedDuration::from_hours(400 * 24),
            quarantine_kept: SignedDuration::from_hours(400 * 24),
            position_wait_max: Duration::from_secs(10),
            release_retry_delay: Duration::from_secs(1),
            follow_gathering: Duration::from_millis(250),
            follow_gathering_many: Duration::from_secs(2),
            follow_retry_delay: Duration::from_millis(200),
        }
    }
}

impl StatisticsConfig {
    /// For how long changes of the registry are gathered after one of so many practices.
    pub(crate) fn gathering(&self, practices_count: usize) -> Duration {
        if practices_count < MANY_PRACTICES { self.follow_gathering } else { self.follow_gathering_many }
    }

    /// The first day of which counts are kept by the hour.
    pub(crate) fn hours_from(&self, today: Day) -> Day {
        today.plus(1 - self.hourly_count_days)
    }

    /// When events that arrive now may have happened.
    pub(crate) fn event_times(&self, now: Timestamp) -> RangeInclusive<Timestamp> {
        let earliest = now.checked_sub(self.event_late_max).unwrap_or(Timestamp::MIN);
        earliest..=now.checked_add(self.event_ahead_max).unwrap_or(Timestamp::MAX)
    }

    /// The first day of which each practice's people are known by the day; before it, by the month.
    pub(crate) fn practice_days_from(&self, today: Day) -> Day {
        today.plus(1 - self.practice_sketch_days).month_start()
    }
}

//! ClockCheck: holds this replica's clock against its database's (rule 18).
//!
//! Replicas share one journal, and what is recorded never goes backwards: one replica whose clock runs ahead would drag the
//! time of all of them along. So a replica that is off records nothing, and says that it is not ready, until its clock is
//! right again. SQLite has no clock of its own, and virtual time is nobody else's.

use std::sync::Arc;
use std::time::Duration;

use clock::{Clock, SystemClock};
use database::{DatabaseError, Db, Dialect};
use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;

use crate::engine::config::EngineConfig;
use crate::engine::published::Shared;
use crate::log::{Journal, Log};
use crate::machine::Machine;

/// How often it looks: a clock that is being set is noticed about as soon as a person would.
const INTERVAL: Duration = Duration::from_secs(5);

pub(crate) struct ClockCheck<M: Machine> {
    db: Db,
    clock: SystemClock,
    offset: SignedDuration,
    skew_max: SignedDuration,
    shared: Arc<Shared<M>>,
}

impl<M: Machine> ClockCheck<M> {
    /// None where there are no two clocks.
    pub(crate) fn new(log: &Log, clock: &Clock, config: &EngineConfig, shared: &Arc<Shared<M>>) -> Option<Self> {
        match (&log.journal, clock) {
            (Journal::Sql(db), Clock::System(clock)) if db.dialect() == Dialect::Postgres => Some(Self {
                db: db.clone(),
                clock: clock.clone(),
                offset: config.store_clock_offset,
                skew_max: config.clock_skew_max,
                shared: Arc::clone(shared),
            }),
            _ => None,
        }
    }

    /// Looks now and then until the writer has ended.
    pub(crate) async fn run(self, mut writer_alive: watch::Receiver<()>) {
        loop {
            tokio::select! {
                // Never sent, only dropped.
                _ = writer_alive.changed() => return,
                () = tokio::time::sleep(INTERVAL) => self.look().await,
            }
        }
    }

    /// Looks once. A database that does not answer says nothing about the clock.
    pub(crate) async fn look(&self) {
        let Ok(Some(skew)) = self.measure().await else { return };
        let off = (skew.abs() > self.skew_max).then_some(skew);
        if off.is_some() == self.shared.clock_off().is_some() {
            return;
        }
        let skew_ms = i64::try_from(skew.as_millis()).unwrap_or(i64::MAX);
        let journal = M::JOURNAL;
        if off.is_some() {
            tracing::error!(
                journal,
                skew_ms,
                "CLOCK_OFF: this machine's clock is off its database's; this replica is not ready and records nothing until \
                 it is set right"
            );
        } else {
            tracing::info!(journal, skew_ms, "this machine's clock agrees with its database's again");
        }
        self.shared.set_clock_off(off);
    }

    /// By how much our clock is ahead of the database's, at least: nought where the time that asking took may account for
    /// it.
    async fn measure(&self) -> Result<Option<SignedDuration>, DatabaseError> {
        let asked_at = self.clock.now();
        let told_us = self.db.server_time_us().await?;
        let answered_at = self.clock.now();
        let told = told_us.and_then(|told_us| Timestamp::from_microsecond(told_us).ok());
        let told = told.and_then(|told| told.checked_add(self.offset).ok());
        Ok(told.map(|told| skew(asked_at, told, answered_at)))
    }
}

fn skew(asked_at: Timestamp, told: Timestamp, answered_at: Timestamp) -> SignedDuration {
    if told < asked_at {
        asked_at.duration_since(told)
    } else if told > answered_at {
        answered_at.duration_since(told)
    } else {
        SignedDuration::ZERO
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_answer_is_no_skew() {
        let at = |ms: i64| Timestamp::from_millisecond(ms).expect("a valid moment");
        assert_eq!(skew(at(1_000), at(2_500), at(4_000)), SignedDuration::ZERO);
        assert_eq!(skew(at(1_000), at(400), at(1_100)), SignedDuration::from_millis(600));
        assert_eq!(skew(at(1_000), at(3_100), at(1_100)), SignedDuration::from_millis(-2_000));
    }
}

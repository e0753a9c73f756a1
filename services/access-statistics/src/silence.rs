//! Tells the registry once a week at which live practices nobody looks at a record, and where somebody does again.
//!
//! A signal and not an observation: it makes no practice less live, and somebody finds out why. What was told is read back
//! from the registry's watch, so any number of replicas may do this, and nothing is kept here. A replica whose clock is off compares
//! nothing (rule 18): by its days everybody would be silent.

use std::collections::{BTreeMap, BTreeSet};

use clock::Clock;
use jiff::{SignedDuration, Timestamp};
use ods::{Capability, PracticeCode};
use tally::{Area, Day, Period, Silence, Viewpoint};
use thiserror::Error;
use tokio_util::sync::CancellationToken;

use crate::AccessStatistics;
use crate::grpc::registry::{RegistryError, RegistryPeer, Signalling};
use crate::query::QueryError;
use crate::store::StoreError;
use crate::store::flows::FlowQuery;

/// On Mondays, so long after midnight: producers have delivered what happened on Sunday.
const AFTER_MIDNIGHT: SignedDuration = SignedDuration::from_hours(6);

/// When a comparison that failed is tried again.
const RETRY_AFTER: SignedDuration = SignedDuration::from_hours(1);

/// A comparison failed.
#[derive(Debug, Error)]
enum SilenceError {
    #[error(transparent)]
    Registry(#[from] RegistryError),
    #[error(transparent)]
    Query(#[from] QueryError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Listens for silence.
#[derive(Debug)]
pub(crate) struct Listener {
    pub(crate) statistics: AccessStatistics,
    pub(crate) clock: Clock,
    pub(crate) registry: RegistryPeer,
}

impl Listener {
    /// Listens until told to stop.
    pub(crate) async fn run(self, shutdown: CancellationToken) {
        let mut activity = self.clock.activity();
        let mut appointment = Appointment::after(self.clock.now());
        loop {
            let sleep = self.clock.sleep_until(appointment.at, "statistics/silence");
            let journal = self.statistics.journal();
            drop(activity);
            activity = tokio::select! {
                biased;
                () = shutdown.cancelled() => return,
                _ = journal.readiness_changed(true) => {
                    // The moment was of a clock that is not believed, and so is what is slept for.
                    tokio::select! {
                        biased;
                        () = shutdown.cancelled() => return,
                        is_ready = journal.readiness_changed(false) => if !is_ready { return },
                    }
                    appointment = appointment.believed(self.clock.now());
                    activity = self.clock.activity();
                    continue;
                }
                woken = sleep => woken,
            };
            let now = self.clock.now();
            appointment = match self.compare(Day::of(appointment.monday), now).await {
                Ok(()) => Appointment::after(now),
                Err(error) => {
                    tracing::warn!(error = telemetry::chain(&error), "the registry was not told who is silent");
                    appointment.again(now)
                }
            };
        }
    }

    /// The days over which viewers are counted, up to the one before `day`.
    async fn compare(&self, day: Day, now: Timestamp) -> Result<(), SilenceError> {
        let period = Period::default_to(day.plus(-1));
        let (england, picture) = (Area::England, self.statistics.picture_at(0).await?);
        for capability in picture.directory.capabilities() {
            let end = Viewpoint { as_at: period.end().end(), known_at: now, capability: capability.clone() };
            let open = picture.directory.open_in(&england, &end);
            let areas: BTreeSet<Area> =
                open.filter(|practice| practice.is_live).map(|practice| Area::Practice(practice.code)).collect();
            let viewed_last = self.viewed_last(&capability, period, now, &areas).await?;
            let silence = Silence::of(&picture.directory, &capability, period, now, &viewed_last);
            if silence == Silence::default() {
                continue;
            }
            let signalling = Signalling {
                silence,
                as_at: period.end().end(),
                evidence: format!("views of records from {} to {}", period.start(), period.end()),
                request_id: format!("statistics/no-viewers/{}/{}", capability.id(), now.as_microsecond()),
                capability,
            };
            self.registry.signal(&signalling).await?;
        }
        Ok(())
    }

    /// The last day on which a record was viewed, by practice.
    async fn viewed_last(
        &self,
        capability: &Capability,
        period: Period,
        now: Timestamp,
        areas: &BTreeSet<Area>,
    ) -> Result<BTreeMap<PracticeCode, Day>, SilenceError> {
        let query = FlowQuery { capability: capability.clone(), period, known: Day::of(now) };
        let mut read = self.statistics.flows.begin(query, areas).await?;
        let views = read.views(areas).await?;
        read.end().await?;
        let mut viewed_last = BTreeMap::new();
        for (area, days) in views {
            let (Area::Practice(code), Some(last)) = (area, days.keys().next_back()) else { continue };
            viewed_last.insert(code, *last);
        }
        Ok(viewed_last)
    }
}

/// When to compare, and for which Monday.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Appointment {
    /// The regular moment that it is for: also where it is kept late, the days before it are compared.
    monday: Timestamp,
    at: Timestamp,
}

impl Appointment {
    /// The first regular one after `now`.
    fn after(now: Timestamp) -> Self {
        let monday = next_monday(now);
        Self { monday, at: monday }
    }

    /// By a clock that is believed again: what came within the last week is kept now, and any other was never due.
    fn believed(self, now: Timestamp) -> Self {
        let next = Self::after(now);
        let is_last = self.monday <= now && next_monday(self.monday) == next.monday;
        if is_last { Self { at: now, ..self } } else { next }
    }

    /// One that was missed is tried again until the next is due.
    fn again(self, now: Timestamp) -> Self {
        let (next, retry) = (Self::after(now), now + RETRY_AFTER);
        if retry < next.at { Self { at: retry, ..self } } else { next }
    }
}

/// The first of the regular moments after `now`.
fn next_monday(now: Timestamp) -> Timestamp {
    let today = Day::of(now);
    let since_monday = today.date().weekday().since(jiff::civil::Weekday::Monday);
    let monday = today.plus(-i32::from(since_monday));
    let regular = |monday: Day| monday.start() + AFTER_MIDNIGHT;
    if now < regular(monday) { regular(monday) } else { regular(monday.plus(7)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_compared_on_mondays_at_six_hours_after_midnight_in_london() {
        for (now, next) in [
            ("2031-03-10T05:59:59Z", "2031-03-10T06:00:00Z"),
            ("2031-03-10T06:00:00Z", "2031-03-17T06:00:00Z"),
            ("2031-03-16T23:00:00Z", "2031-03-17T06:00:00Z"),
            ("2031-03-29T12:00:00Z", "2031-03-31T05:00:00Z"),
        ] {
            assert_eq!(next_monday(now.parse().unwrap()).to_string(), next, "after {now}");
        }
    }

    #[test]
    fn a_clock_that_is_believed_again_keeps_the_last_moment_and_forgets_what_was_never_due() {
        let monday: Timestamp = "2031-03-10T06:00:00Z".parse().unwrap();
        let (week, hour) = (SignedDuration::from_hours(7 * 24), SignedDuration::from_hours(1));
        let appointment = Appointment { monday, at: monday };
        assert_eq!(appointment.believed(monday + hour), Appointment { monday, at: monday + hour });
        assert_eq!(appointment.believed(monday - hour), appointment, "it is still to come");
        let next = Appointment { monday: monday + week, at: monday + week };
        assert_eq!(appointment.believed(monday + week - hour), Appointment { monday, at: monday + week - hour });
        assert_eq!(next.believed(monday - hour), appointment, "the clock was ahead");
        let later = Appointment { monday: monday + week * 2, at: monday + week * 2 };
        assert_eq!(appointment.believed(monday + week + hour), later, "the clock was behind");
    }

    #[test]
    fn what_failed_is_tried_again_for_the_same_monday_until_the_next() {
        let monday: Timestamp = "2031-03-10T06:00:00Z".parse().unwrap();
        let mut appointment = Appointment::after(monday - SignedDuration::from_secs(1));
        for hour in 1..7 * 24 {
            let now = appointment.at;
            appointment = appointment.again(now);
            assert_eq!(appointment, Appointment { monday, at: monday + SignedDuration::from_hours(hour) });
        }
        assert_eq!(appointment.again(appointment.at), Appointment::after(monday), "the next week's takes its place");
    }
}

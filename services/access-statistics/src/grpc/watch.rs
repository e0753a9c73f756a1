//! WatchSummary: the figures of an area now, and again when they have changed.
//!
//! The stream is pulled: no figure is worked out that nobody waits for, and there is no queue that could overflow. Nothing is
//! worked out either while no source of a figure has moved and the day is the same, so an idle watch costs a comparison.

use std::sync::atomic::{AtomicU64, Ordering};

use api::Error;
use authority::Permission;
use clock::Activity;
use futures_util::Stream;
use futures_util::stream::try_unfold;
use jiff::{SignedDuration, Timestamp};
use proto::statistics::v1 as wire;
use tally::Day;
use tonic::Status;

use super::authorised::Detail;
use super::error::of_query;
use super::summary;
use crate::AccessStatistics;
use crate::query::Positions;

/// What an empty interval means, in seconds: often enough for a screen.
const INTERVAL_DEFAULT_S: u32 = 5;

/// Longest interval, in seconds.
const INTERVAL_MAX_S: u32 = 3_600;

/// Watches sleep under names of their own, in the order in which they began.
static WATCHES: AtomicU64 = AtomicU64::new(1);

struct Watch {
    statistics: AccessStatistics,
    request: wire::GetSummaryRequest,
    interval: SignedDuration,
    name: String,
    /// What was told last, and what it rests on.
    told: Option<Told>,
    /// Held until the reader has what was worked out.
    activity: Activity,
}

struct Told {
    at: Timestamp,
    /// The sources and the day: while these are the same, so are the figures.
    rests_on: (Positions, Day),
    figures: wire::GetSummaryResponse,
}

pub(super) async fn watch(
    statistics: &AccessStatistics,
    permission: &Permission,
    request: &wire::WatchSummaryRequest,
) -> Result<impl Stream<Item = Result<wire::WatchSummaryResponse, Status>> + Send + 'static, Error> {
    let seconds = match request.interval_seconds {
        0 => INTERVAL_DEFAULT_S,
        given if given <= INTERVAL_MAX_S => given,
        given => {
            let message = "{field} is {given}; at most {max} seconds can lie between two messages";
            let error = Error::invalid("interval_seconds", "INTERVAL_TOO_LONG", message);
            return Err(error.with("given", given).with("max", INTERVAL_MAX_S));
        }
    };
    let request = wire::GetSummaryRequest {
        area: request.area.clone(),
        capability: request.capability.clone(),
        min_position: request.min_position,
        ..Default::default()
    };
    // What is wrong with it is said before the stream begins.
    let query = summary::query(&request, statistics.clock.now())?;
    statistics.authorise_area(permission, &query.area, Detail::Whole)?;
    let watch = Watch {
        activity: statistics.clock.activity(),
        statistics: statistics.clone(),
        request,
        interval: SignedDuration::from_secs(seconds.into()),
        name: format!("statistics/watch-summary/{}", WATCHES.fetch_add(1, Ordering::Relaxed)),
        told: None,
    };
    Ok(try_unfold(watch, |mut watch| async move { Ok(Some((watch.next().await?, watch))) }))
}

impl Watch {
    async fn next(&mut self) -> Result<wire::WatchSummaryResponse, Error> {
        loop {
            let mut looked_at = self.told.as_ref().map(|told| told.at);
            while let Some(at) = looked_at {
                let wake_at = at.saturating_add(self.interval).unwrap_or(Timestamp::MAX);
                self.activity = Activity::none();
                self.activity = self.statistics.clock.sleep_until(wake_at, &self.name).await;
                let now = self.statistics.clock.now();
                let is_same = self.told.as_ref().is_some_and(|told| told.rests_on == self.sources(now));
                looked_at = is_same.then_some(now);
            }
            if let Some(figures) = self.look().await? {
                return Ok(wire::WatchSummaryResponse { summary: Some(figures) });
            }
        }
    }

    /// The figures of now, where they are others than were told.
    async fn look(&mut self) -> Result<Option<wire::GetSummaryResponse>, Error> {
        let now = self.statistics.clock.now();
        // Before the look: what moves meanwhile is looked at again.
        let rests_on = self.sources(now);
        let query = summary::query(&self.request, now)?;
        let found = self.statistics.summary(&query).await.map_err(|error| of_query(&error))?;
        let figures = summary::response(&query, found);
        let is_news = self.told.as_ref().is_none_or(|told| timeless(&told.figures) != timeless(&figures));
        self.told = Some(Told { at: now, rests_on, figures: figures.clone() });
        Ok(is_news.then_some(figures))
    }

    fn sources(&self, now: Timestamp) -> (Positions, Day) {
        let positions = Positions {
            registry: self.statistics.registry_position(),
            returns: self.statistics.returns.published().position,
            events: self.statistics.ingest.shared().pending().head.position,
        };
        (positions, Day::of(now))
    }
}

/// The figures without the moment and the positions at which they were worked out.
fn timeless(figures: &wire::GetSummaryResponse) -> wire::GetSummaryResponse {
    wire::GetSummaryResponse {
        as_at: None,
        known_at: None,
        registry_position: 0,
        returns_position: 0,
        events_position: 0,
        ..figures.clone()
    }
}

//! One figure over time, for every area of a kind.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use tally::{Area, AreaKind, Day, Estimate, Interval, Measure, Period, StockQuery, Union, stock_series};

use super::flows::FlowRead;
use super::{Frame, Positions, QueryError};
use crate::AccessStatistics;
use crate::store::flows::FlowQuery;

/// Points in one reply: some 40 bytes each, so that it stays below the limit of a message.
pub(crate) const POINTS_MAX: usize = 50_000;

/// Which series.
#[derive(Clone, Debug)]
pub(crate) struct SeriesQuery {
    pub(crate) measure: Measure,
    pub(crate) group_by: AreaKind,
    pub(crate) within: Area,
    pub(crate) interval: Interval,
    pub(crate) period: Period,
    /// Which practice lies where: as at this moment, or as at each point's end.
    pub(crate) placed_at: Option<Timestamp>,
    pub(crate) now: Timestamp,
    /// Only areas after this one.
    pub(crate) after: Option<Area>,
    pub(crate) series_max: usize,
    pub(crate) frame: Frame,
}

/// A page of series.
#[derive(Clone, Debug)]
pub(crate) struct SeriesPage {
    /// The intervals, the same for all series.
    pub(crate) intervals: Vec<Period>,
    /// By area, a value for each interval.
    pub(crate) series: BTreeMap<Area, Vec<Estimate>>,
    /// The last area of the page, where another page follows.
    pub(crate) goes_on_after: Option<Area>,
    pub(crate) positions: Positions,
}

impl AccessStatistics {
    pub(crate) async fn series(&self, query: &SeriesQuery) -> Result<SeriesPage, QueryError> {
        if query.measure == Measure::Viewers && query.group_by == AreaKind::Practice {
            let known = Day::of(query.frame.known_at);
            let mut intervals = query.period.intervals(query.interval).into_iter();
            intervals.try_for_each(|interval| self.practice_viewers_kept(interval, known))?;
        }
        let picture = self.picture_at(query.frame.min_position).await?;
        let returns = self.returns.published();
        // What has not begun has no value.
        let mut intervals = query.period.intervals(query.interval);
        intervals.retain(|interval| interval.start().start() <= query.now);
        let moments: Vec<Timestamp> = intervals.iter().map(|interval| interval.end().end().min(query.now)).collect();
        let stocks = StockQuery {
            measure: query.measure,
            group_by: query.group_by,
            within: &query.within,
            moments: &moments,
            known_at: query.frame.known_at,
            placed_at: query.placed_at,
            capability: &query.frame.capability,
        };
        let is_flow = matches!(query.measure, Measure::RecordViews | Measure::Viewers);
        // Which areas there are is told by their practices, also for flows.
        let values = stock_series(&stocks, &picture.directory, &returns.state);

        let mut areas: Vec<Area> = values.keys().filter(|area| query.after.as_ref() < Some(area)).cloned().collect();
        let page = query.series_max.min((POINTS_MAX / intervals.len().max(1)).max(1));
        let goes_on_after = if areas.len() > page { areas.get(page - 1).cloned() } else { None };
        areas.truncate(page);

        let mut positions = Positions { registry: picture.followed.position, returns: returns.position, events: 0 };
        let series = if is_flow {
            let (series, events) = self.flow_series(query, &areas.into_iter().collect(), &intervals).await?;
            positions.events = events;
            series
        } else {
            positions.events = self.flows.ingest.shared().pending().head.position;
            let exact = |values: &Vec<u64>| values.iter().map(|value| Estimate::exact(*value)).collect();
            areas.into_iter().filter_map(|area| values.get(&area).map(exact).map(|values| (area, values))).collect()
        };
        Ok(SeriesPage { intervals, series, goes_on_after, positions })
    }

    async fn flow_series(
        &self,
        query: &SeriesQuery,
        areas: &BTreeSet<Area>,
        intervals: &[Period],
    ) -> Result<(BTreeMap<Area, Vec<Estimate>>, u64), QueryError> {
        let flow_query = FlowQuery {
            capability: query.frame.capability.clone(),
            period: query.period,
            known: Day::of(query.frame.known_at),
        };
        let mut read = self.flows.begin(flow_query, areas).await?;
        let series = match query.measure {
            Measure::Viewers => viewers(&mut read, areas, intervals).await?,
            _ => views(&mut read, areas, intervals).await?,
        };
        let position = read.position;
        read.end().await?;
        Ok((series, position))
    }
}

async fn views(
    read: &mut FlowRead,
    areas: &BTreeSet<Area>,
    intervals: &[Period],
) -> Result<BTreeMap<Area, Vec<Estimate>>, QueryError> {
    let counted = read.views(areas).await?;
    let none = BTreeMap::new();
    let mut series = BTreeMap::new();
    for area in areas {
        let days = counted.get(area).unwrap_or(&none);
        let sum = |interval: &Period| days.range(interval.start()..=interval.end()).map(|(_, count)| count).sum();
        series.insert(area.clone(), intervals.iter().map(|interval| Estimate::exact(sum(interval))).collect());
    }
    Ok(series)
}

async fn viewers(
    read: &mut FlowRead,
    areas: &BTreeSet<Area>,
    intervals: &[Period],
) -> Result<BTreeMap<Area, Vec<Estimate>>, QueryError> {
    let mut series = BTreeMap::new();
    // Area by area: the sketches of all of them, of a year, would be a hundred megabytes.
    for area in areas {
        let days = read.viewers(area).await?;
        let estimate = |interval: &Period| {
            let mut inside = days.range(interval.start()..=interval.end()).map(|(_, union)| union);
            let Some(first) = inside.next() else { return Estimate::ZERO };
            let mut everybody: Union = first.clone();
            for day in inside {
                everybody.merge(day);
            }
            everybody.estimate()
        };
        series.insert(area.clone(), intervals.iter().map(estimate).collect());
    }
    Ok(series)
}

//! QuerySeries between the wire and the query.

use api::{Error, Page, PageLimits};
use jiff::Timestamp;
use proto::statistics::v1 as wire;
use tally::{Area, AreaKind, Estimate, Interval, Measure};

use super::statistics::{area, count, definition, frame, moment_until_now, period};
use crate::query::series::{SeriesPage, SeriesQuery};

/// Where a page begins: after this area, by what was known (in microseconds) when the first page was answered, so that
/// all pages are of one state.
pub(super) type SeriesCursor = (String, i64);

pub(super) fn query(
    request: &wire::QuerySeriesRequest,
    now: Timestamp,
) -> Result<(SeriesQuery, Page<SeriesCursor>), Error> {
    let page: Page<SeriesCursor> = api::page!(request, PageLimits::STANDARD)?;
    let (after, known_before) = match &page.after {
        None => (None, None),
        Some((name, known_at)) => (Some(area(name)?), Timestamp::from_microsecond(*known_at).ok()),
    };
    let known_at = match known_before {
        Some(known_at) => known_at,
        None => moment_until_now("known_at", request.known_at.as_ref(), now)?,
    };
    let measure = measure(request.measure())?;
    let placed_at = match request.effective_at.as_ref() {
        None => None,
        Some(_) if matches!(measure, Measure::RecordViews | Measure::Viewers) => {
            return Err(Error::invalid(
                "effective_at",
                "EFFECTIVE_AT_NOT_FOR_FLOWS",
                "{field} is for figures that hold at a moment; an event belongs to the area of its practice when it was counted",
            ));
        }
        given => Some(moment_until_now("effective_at", given, now)?),
    };
    let period = period(request.period.as_ref())?
        .ok_or_else(|| Error::invalid("period", "FIELD_REQUIRED", "{field} is required"))?;
    let query = SeriesQuery {
        measure,
        group_by: group_by(request.group_by())?,
        within: area(&request.area)?,
        interval: interval(request.interval())?,
        period,
        placed_at,
        now,
        after,
        series_max: page.rows,
        frame: frame(&request.capability, known_at, request.min_position)?,
    };
    Ok((query, page))
}

pub(super) fn response(
    query: &SeriesQuery,
    page: &Page<SeriesCursor>,
    series: SeriesPage,
) -> wire::QuerySeriesResponse {
    let SeriesPage { intervals, series, goes_on_after, positions } = series;
    let dates: Vec<(String, String)> =
        intervals.iter().map(|interval| (interval.start().to_string(), interval.end().to_string())).collect();
    let to_wire = |(area, values): (Area, Vec<Estimate>)| wire::Series {
        area: area.to_string(),
        points: dates.iter().zip(values).map(|(dates, value)| point(dates, &value)).collect(),
    };
    let known_at = query.frame.known_at;
    let next_page_token = goes_on_after
        .map(|area| page.next_page_token(&(area.to_string(), known_at.as_microsecond())))
        .unwrap_or_default();
    wire::QuerySeriesResponse {
        series: series.into_iter().map(to_wire).collect(),
        definition: Some(definition(query.measure)),
        known_at: Some(api::time::to_wire(known_at)),
        registry_position: positions.registry,
        returns_position: positions.returns,
        events_position: positions.events,
        next_page_token,
    }
}

fn point((start_date, end_date): &(String, String), value: &Estimate) -> wire::Point {
    wire::Point {
        start_date: start_date.clone(),
        end_date: end_date.clone(),
        value: count(value.value),
        lower_bound: count(value.lower_bound),
        upper_bound: count(value.upper_bound),
    }
}

fn measure(wire: wire::Measure) -> Result<Measure, Error> {
    match wire {
        wire::Measure::PracticesLive => Ok(Measure::PracticesLive),
        wire::Measure::PracticesTotal => Ok(Measure::PracticesTotal),
        wire::Measure::PatientsRegistered => Ok(Measure::PatientsRegistered),
        wire::Measure::PatientsWithAccess => Ok(Measure::PatientsWithAccess),
        wire::Measure::RecordViews => Ok(Measure::RecordViews),
        wire::Measure::Viewers => Ok(Measure::Viewers),
        wire::Measure::Unspecified => Err(required("measure")),
    }
}

pub(super) fn group_by(wire: wire::AreaKind) -> Result<AreaKind, Error> {
    match wire {
        wire::AreaKind::England => Ok(AreaKind::England),
        wire::AreaKind::Region => Ok(AreaKind::Region),
        wire::AreaKind::Icb => Ok(AreaKind::Icb),
        wire::AreaKind::Practice => Ok(AreaKind::Practice),
        wire::AreaKind::Supplier => Ok(AreaKind::Supplier),
        wire::AreaKind::Unspecified => Err(required("group_by")),
    }
}

fn interval(wire: wire::Interval) -> Result<Interval, Error> {
    match wire {
        wire::Interval::Day => Ok(Interval::Day),
        wire::Interval::Week => Ok(Interval::Week),
        wire::Interval::Month => Ok(Interval::Month),
        wire::Interval::Unspecified => Err(required("interval")),
    }
}

fn required(field: &str) -> Error {
    Error::invalid(field, "FIELD_REQUIRED", "{field} is required")
}

//! QuerySeries between the wire and the query.

use api::{Error, Page, PageLimits};
use jiff::Timestamp;
use proto::statistics::v1 as wire;
use tally::{AreaKind, Estimate, Interval, Measure, Part, Split};

use super::authorised::Detail;
use super::sets::{counted, sets};
use super::statistics::{area, count, definition, frame, moment_until_now, period};
use crate::query::series::{Grouping, Series, SeriesPage, SeriesQuery, Subject};

/// Where a page begins: after this area or set, by what was known (in microseconds) when the first page was answered, so that
/// all pages are of one state.
pub(super) type SeriesCursor = (String, i64);

pub(super) fn query(
    request: &wire::QuerySeriesRequest,
    now: Timestamp,
) -> Result<(SeriesQuery, Page<SeriesCursor>), Error> {
    let page: Page<SeriesCursor> = api::page!(request, PageLimits::STANDARD)?;
    let (after, known_before) = match &page.after {
        None => (None, None),
        Some((name, known_at)) => (Some(name), Timestamp::from_microsecond(*known_at).ok()),
    };
    let known_at = match known_before {
        Some(known_at) => known_at,
        None => moment_until_now("known_at", request.known_at.as_ref(), now)?,
    };
    let measure = measure(request.measure())?;
    let split = split(request.split_by());
    if split.is_some() && measure != Measure::RecordViews {
        let message =
            "{field} is for record views; of other figures it is not known by which app or of which part they are";
        return Err(Error::invalid("split_by", "SPLIT_NOT_FOR_MEASURE", message));
    }
    let placed_at = request.effective_at.as_ref();
    let placed_at = placed_at.map(|given| moment_until_now("effective_at", Some(given), now)).transpose()?;
    let grouping = grouping(request)?;
    let after = match (after, &grouping) {
        (None, _) => None,
        (Some(name), Grouping::Areas(_)) => Some(Subject::Area(area(name)?)),
        (Some(name), Grouping::Sets(_)) => Some(Subject::Set(name.clone())),
    };
    let period = period(request.period.as_ref())?
        .ok_or_else(|| Error::invalid("period", "FIELD_REQUIRED", "{field} is required"))?;
    let query = SeriesQuery {
        measure,
        grouping,
        split,
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

/// One figure is what is neither of several areas nor of sets, nor split.
pub(super) fn detail(query: &SeriesQuery) -> Detail {
    match &query.grouping {
        Grouping::Areas(AreaKind::England) if query.split.is_none() => Detail::Whole,
        Grouping::Areas(_) | Grouping::Sets(_) => Detail::Parts,
    }
}

pub(super) fn response(
    query: &SeriesQuery,
    page: &Page<SeriesCursor>,
    series: SeriesPage,
) -> wire::QuerySeriesResponse {
    let SeriesPage { intervals, series, goes_on_after, positions } = series;
    let dates: Vec<(String, String)> =
        intervals.iter().map(|interval| (interval.start().to_string(), interval.end().to_string())).collect();
    let to_wire = |series: Series| {
        let points = dates.iter().zip(series.values).map(|(dates, value)| point(dates, &value)).collect();
        let mut wire = wire::Series { points, ..wire::Series::default() };
        match series.subject {
            Subject::Area(area) => wire.area = area.to_string(),
            Subject::Set(name) => wire.set = name,
        }
        match series.part {
            Part::Whole => {}
            Part::Channel(channel) => wire.channel = channel.to_string(),
            // The numbers are the wire's.
            Part::Section(section) => wire.section = i32::try_from(section.number()).unwrap_or_default(),
        }
        wire
    };
    let sets = match &query.grouping {
        Grouping::Areas(_) => Vec::new(),
        Grouping::Sets(sets) => sets.iter().map(counted).collect(),
    };
    let known_at = query.frame.known_at;
    let next_page_token =
        goes_on_after.map(|last| page.next_page_token(&(name(last), known_at.as_microsecond()))).unwrap_or_default();
    wire::QuerySeriesResponse {
        series: series.into_iter().map(to_wire).collect(),
        definition: Some(definition(query.measure)),
        sets,
        known_at: Some(api::time::to_wire(known_at)),
        registry_position: positions.registry,
        returns_position: positions.returns,
        events_position: positions.events,
        next_page_token,
    }
}

fn name(subject: Subject) -> String {
    match subject {
        Subject::Area(area) => area.to_string(),
        Subject::Set(name) => name,
    }
}

fn grouping(request: &wire::QuerySeriesRequest) -> Result<Grouping, Error> {
    if request.sets.is_empty() {
        return group_by(request.group_by()).map(Grouping::Areas);
    }
    if request.group_by() != wire::AreaKind::Unspecified {
        let message = "{field} and sets are both given; a series is of an area or of a set";
        return Err(Error::invalid("group_by", "GROUPING_AMBIGUOUS", message));
    }
    sets(&request.sets).map(Grouping::Sets)
}

fn split(wire: wire::SplitBy) -> Option<Split> {
    match wire {
        wire::SplitBy::Unspecified => None,
        wire::SplitBy::Channel => Some(Split::Channel),
        wire::SplitBy::Section => Some(Split::Section),
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

pub(super) fn measure(wire: wire::Measure) -> Result<Measure, Error> {
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
        wire::AreaKind::SubIcb => Ok(AreaKind::SubIcb),
        wire::AreaKind::Pcn => Ok(AreaKind::Pcn),
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

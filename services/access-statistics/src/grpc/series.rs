//! QuerySeries between the wire and the query.

use api::{Error, Page, PageLimits};
use jiff::Timestamp;
use proto::statistics::v1 as wire;
use tally::{AreaKind, Day, Estimate, Hour, Interval, Measure, Part, Period, Split};

use super::authorised::Detail;
use super::sets::{counted, sets};
use super::statistics::{area, count, definition, frame, moment_until_now, period};
use super::summary::denominator;
use crate::query::points::{Points, Step};
use crate::query::series::{Grouping, Series, SeriesPage, SeriesQuery, Subject};

/// Where a page begins: after this area or set, by what was known (in microseconds) when the first page was answered, so that
/// all pages are of one state.
pub(super) type SeriesCursor = (String, i64);

/// Days in one question by the hour: a nation's are some four million counts.
const HOURLY_DAYS_MAX: i64 = 7;

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
    let step = step(request.interval())?;
    if step == Step::Hour {
        let is_first_page = known_before.is_none();
        hours_can_be_told(measure, period, is_first_page.then_some(known_at), now)?;
    }
    let query = SeriesQuery {
        measure,
        grouping,
        split,
        within: area(&request.area)?,
        step,
        period,
        placed_at,
        now,
        after,
        series_max: page.rows,
        frame: frame(&request.capability, known_at, request.min_position)?,
    };
    Ok((query, page))
}

/// Whether a question by the hour is short enough, and of what is known now: of an hour it is not kept when its events arrived.
fn hours_can_be_told(
    measure: Measure,
    period: Period,
    known_at: Option<Timestamp>,
    now: Timestamp,
) -> Result<(), Error> {
    if period.days() > HOURLY_DAYS_MAX {
        let message = "{field} has {days} days; by the hour {max} are allowed";
        let refused = Error::invalid("period", "PERIOD_TOO_LONG", message);
        return Err(refused.with("days", period.days()).with("max", HOURLY_DAYS_MAX));
    }
    let today = Day::of(now);
    match known_at {
        Some(known_at) if measure == Measure::RecordViews && Day::of(known_at) < today => {
            let message = "{field} is {known_at}: views by the hour are told as known today, {today}";
            let refused = Error::invalid("known_at", "HOURS_KNOWN_TODAY_ONLY", message);
            Err(refused.with("known_at", known_at).with("today", today))
        }
        _ => Ok(()),
    }
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
    let SeriesPage { points, series, wholes, goes_on_after, positions } = series;
    let places: Vec<wire::Point> = match points {
        Points::Hours(hours) => hours.into_iter().map(of_hour).collect(),
        Points::Periods(periods) => periods.into_iter().map(of_period).collect(),
    };
    let to_wire = |series: Series| {
        let mut points: Vec<_> = places.iter().zip(series.values).map(|(place, value)| point(place, &value)).collect();
        let whole = wholes.get(&series.subject);
        for (point, value) in points.iter_mut().zip(whole.iter().flat_map(|whole| &whole.values)) {
            point.denominator_value = count(*value);
        }
        let denominator = whole.and_then(|whole| whole.last.clone()).map(denominator);
        let mut wire = wire::Series { points, denominator, ..wire::Series::default() };
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

/// A point of a period, without its value.
fn of_period(period: Period) -> wire::Point {
    wire::Point { start_date: period.start().to_string(), end_date: period.end().to_string(), ..wire::Point::default() }
}

/// A point of an hour, without its value.
fn of_hour(hour: Hour) -> wire::Point {
    let day = hour.day().to_string();
    let start_time = Some(api::time::to_wire(hour.start()));
    wire::Point { start_date: day.clone(), end_date: day, start_time, ..wire::Point::default() }
}

fn point(place: &wire::Point, value: &Estimate) -> wire::Point {
    wire::Point {
        value: count(value.value),
        lower_bound: count(value.lower_bound),
        upper_bound: count(value.upper_bound),
        ..place.clone()
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

fn step(wire: wire::Interval) -> Result<Step, Error> {
    match wire {
        wire::Interval::Hour => Ok(Step::Hour),
        wire::Interval::Day => Ok(Step::Days(Interval::Day)),
        wire::Interval::Week => Ok(Step::Days(Interval::Week)),
        wire::Interval::Month => Ok(Step::Days(Interval::Month)),
        wire::Interval::Unspecified => Err(required("interval")),
    }
}

fn required(field: &str) -> Error {
    Error::invalid(field, "FIELD_REQUIRED", "{field} is required")
}

//! GetSummary between the wire and the query.

use api::Error;
use jiff::Timestamp;
use proto::statistics::v1 as wire;
use tally::{Day, Denominator, Figure, Measure, Period};

use super::statistics::{area, count, definition, frame, moment_until_now, period, period_to_wire};
use crate::query::summary::{Summary, SummaryQuery, Viewers};

/// The definitions that the figures of a summary name.
const NAMED: [Measure; 6] = [
    Measure::PracticesLive,
    Measure::PracticesTotal,
    Measure::PatientsRegistered,
    Measure::PatientsWithAccess,
    Measure::RecordViews,
    Measure::Viewers,
];

pub(super) fn query(request: &wire::GetSummaryRequest, now: Timestamp) -> Result<SummaryQuery, Error> {
    let as_at = moment_until_now("as_at", request.as_at.as_ref(), now)?;
    let known_at = moment_until_now("known_at", request.known_at.as_ref(), now)?;
    let period = match period(request.period.as_ref())? {
        Some(period) => period,
        None => Period::default_to(Day::of(as_at)),
    };
    let frame = frame(&request.capability, known_at, request.min_position)?;
    Ok(SummaryQuery { area: area(&request.area)?, as_at, period, frame })
}

pub(super) fn response(query: &SummaryQuery, summary: Summary) -> wire::GetSummaryResponse {
    let Summary { stocks, record_views, viewers, positions } = summary;
    let views =
        Figure { measure: Measure::RecordViews, value: record_views, denominator: None, practices_without_data: 0 };
    wire::GetSummaryResponse {
        practices_live: Some(figure(stocks.practices_live)),
        practices_total: Some(figure(stocks.practices_total)),
        patients_registered: Some(figure(stocks.patients_registered)),
        patients_with_access: Some(figure(stocks.patients_with_access)),
        record_views: Some(figure(views)),
        viewers: viewers.map(|viewers| estimate(query, viewers)),
        area: query.area.to_string(),
        capability: query.frame.capability.to_string(),
        as_at: Some(api::time::to_wire(query.as_at)),
        known_at: Some(api::time::to_wire(query.frame.known_at)),
        period: Some(period_to_wire(query.period)),
        registry_position: positions.registry,
        returns_position: positions.returns,
        events_position: positions.events,
        definitions: NAMED.map(definition).to_vec(),
    }
}

pub(super) fn figure(figure: Figure) -> wire::Figure {
    wire::Figure {
        value: count(figure.value),
        definition: figure.measure.to_string(),
        denominator: figure.denominator.map(denominator),
        practices_without_data: count(figure.practices_without_data),
    }
}

fn estimate(query: &SummaryQuery, viewers: Viewers) -> wire::Estimate {
    wire::Estimate {
        value: count(viewers.estimate.value),
        lower_bound: count(viewers.estimate.lower_bound),
        upper_bound: count(viewers.estimate.upper_bound),
        relative_standard_error: viewers.estimate.relative_standard_error,
        days_with_data: i32::try_from(viewers.days_with_data).unwrap_or(i32::MAX),
        days: i32::try_from(query.period.days()).unwrap_or(i32::MAX),
        definition: Measure::Viewers.to_string(),
        denominator: Some(denominator(viewers.denominator)),
    }
}

pub(super) fn denominator(denominator: Denominator) -> wire::Denominator {
    wire::Denominator {
        value: count(denominator.value),
        definition: denominator.measure.to_string(),
        source: denominator.source,
        as_at_date: denominator.as_at.map(|date| date.to_string()).unwrap_or_default(),
    }
}

//! BatchGetPracticeFigures between the wire and the query.

use api::Error;
use jiff::Timestamp;
use proto::statistics::v1 as wire;
use tally::{Day, Period};

use super::error::of_period;
use super::sets::practices;
use super::statistics::{count, frame, moment_until_now};
use crate::query::practices::{Known, Practices, PracticesQuery, Return};

/// Practices in one call: a wave's of a day, and few enough that their views are read in some milliseconds.
const PRACTICES_MAX: usize = 1_000;

pub(super) fn query(request: &wire::BatchGetPracticeFiguresRequest, now: Timestamp) -> Result<PracticesQuery, Error> {
    let as_at = moment_until_now("as_at", request.as_at.as_ref(), now)?;
    let known_at = moment_until_now("known_at", request.known_at.as_ref(), now)?;
    let since = api::time::required_date("since_date", &request.since_date)?;
    let period = Period::new(Day::from(since), Day::of(as_at));
    Ok(PracticesQuery {
        practices: practices("practices", &request.practices, PRACTICES_MAX)?,
        as_at,
        period: period.map_err(|error| of_period("since_date", &error))?,
        frame: frame(&request.capability, known_at, request.min_position)?,
    })
}

pub(super) fn response(query: &PracticesQuery, practices: Practices) -> wire::BatchGetPracticeFiguresResponse {
    let Practices { known, positions } = practices;
    wire::BatchGetPracticeFiguresResponse {
        practices: known.into_iter().map(known_to_wire).collect(),
        capability: query.frame.capability.to_string(),
        as_at: Some(api::time::to_wire(query.as_at)),
        known_at: Some(api::time::to_wire(query.frame.known_at)),
        registry_position: positions.registry,
        returns_position: positions.returns,
        events_position: positions.events,
    }
}

fn known_to_wire(known: Known) -> wire::PracticeFigures {
    let day = |day: Option<Day>| day.map(|day| day.to_string()).unwrap_or_default();
    wire::PracticeFigures {
        practice: format!("practices/{}", known.practice),
        supplier: known.supplier.map(|supplier| format!("suppliers/{supplier}")).unwrap_or_default(),
        latest_return: known.latest_return.map(return_to_wire),
        last_viewed_date: day(known.viewed_last),
        supplier_last_viewed_date: day(known.supplier_viewed_last),
    }
}

fn return_to_wire(latest: Return) -> wire::LatestReturn {
    let Return { supplier, period_start, period_end, figures } = latest;
    wire::LatestReturn {
        supplier: format!("suppliers/{supplier}"),
        period_start_date: period_start.to_string(),
        period_end_date: period_end.to_string(),
        accounts_with_access: count(figures.accounts_with_access),
        excluded_by_review_code: count(figures.excluded_by_review_code),
        exclusions_overridden: count(figures.exclusions_overridden),
        patients_registered: figures.patients_registered.map(count).unwrap_or_default(),
    }
}

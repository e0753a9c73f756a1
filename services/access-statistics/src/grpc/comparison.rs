//! ComparePractices between the wire and the query.

use api::Error;
use jiff::Timestamp;
use proto::statistics::v1 as wire;
use tally::{Day, Estimate, PracticeSet, Window};

use super::series::measure;
use super::sets::{counted, practices};
use super::statistics::{area, count, definition, frame, moment_until_now};
use crate::query::comparison::{Comparison, ComparisonQuery, Side};

/// Practices of a comparison: all there are, closed ones among them.
const PRACTICES_MAX: usize = 20_000;

/// Days on either side where none are said: four whole weeks, since weekends are not like other days.
const DAYS_DEFAULT: i32 = 28;

/// Most days on either side.
const DAYS_MAX: i32 = 366;

pub(super) fn query(request: &wire::ComparePracticesRequest, now: Timestamp) -> Result<ComparisonQuery, Error> {
    let set = request.practices.clone().unwrap_or_default();
    let set =
        PracticeSet { practices: practices("practices.practices", &set.practices, PRACTICES_MAX)?, name: set.name };
    let days = match request.days {
        0 => DAYS_DEFAULT,
        given if (1..=DAYS_MAX).contains(&given) => given,
        given => {
            let error = Error::invalid("days", "DAYS_OUT_OF_RANGE", "{field} is {given}; it must be 1 to {max}");
            return Err(error.with("given", given).with("max", DAYS_MAX));
        }
    };
    let first_day = api::time::date("first_date", &request.first_date)?.map(Day::from);
    if let Some(first) = first_day.filter(|first| *first > Day::of(now)) {
        let message = "{field} is {first}, which is after today, {today}";
        let error = Error::invalid("first_date", "DATE_IN_FUTURE", message);
        return Err(error.with("first", first).with("today", Day::of(now)));
    }
    let known_at = moment_until_now("known_at", request.known_at.as_ref(), now)?;
    Ok(ComparisonQuery {
        measure: measure(request.measure())?,
        set,
        within: area(&request.area)?,
        days,
        first_day,
        now,
        frame: frame(&request.capability, known_at, request.min_position)?,
    })
}

pub(super) fn response(query: &ComparisonQuery, compared: Comparison) -> wire::ComparePracticesResponse {
    let Comparison { chosen, others, left_out, earliest, latest, window, positions } = compared;
    wire::ComparePracticesResponse {
        chosen: Some(side(&chosen, window)),
        others: Some(side(&others, window)),
        definition: Some(definition(query.measure)),
        set: Some(counted(&query.set)),
        practices_left_out: count(left_out as u64),
        first_date_earliest: earliest.to_string(),
        first_date_latest: latest.to_string(),
        days_before: window.days_before,
        days_after: window.days_after,
        known_at: Some(api::time::to_wire(query.frame.known_at)),
        registry_position: positions.registry,
        returns_position: positions.returns,
        events_position: positions.events,
    }
}

fn side(side: &Side, window: Window) -> wire::ComparedPractices {
    let days = window.days().zip(&side.days);
    wire::ComparedPractices {
        practices_count: count(side.practices as u64),
        patients_registered: count(side.registered),
        before: side.before.as_ref().map(value),
        after: side.after.as_ref().map(value),
        days: days.map(|(day, of_day)| wire::ComparedDay { day, value: Some(value(of_day)) }).collect(),
    }
}

fn value(estimate: &Estimate) -> wire::ComparedValue {
    wire::ComparedValue {
        value: count(estimate.value),
        lower_bound: count(estimate.lower_bound),
        upper_bound: count(estimate.upper_bound),
    }
}

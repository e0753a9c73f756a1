//! Forecast: what is to be expected of a programme.

use api::Error;
use proto::scheduler::v1 as wire;
use rollout::forecast::NoForecast;

use super::convert::{forecast as convert, name};
use super::submit::Asked;
use super::{Handlers, refusal};
use crate::forecasts::{ForecastError, Wanted};

/// Futures where the caller does not say: P10 and P90 of so many are good to a few practices in a thousand.
const RUNS_DEFAULT: u32 = 200;

/// Most futures: more change no figure that anybody could act on.
const RUNS_MAX: u32 = 2_000;

pub(super) async fn forecast(
    handlers: &Handlers,
    asked: Asked<wire::ForecastRequest>,
) -> Result<wire::ForecastResponse, Error> {
    let request = &asked.request;
    let programme = name::programme("programme", &request.programme)?;
    let runs_count = runs_count(request.runs_count)?;
    let published = handlers.at(request.min_position).await?;
    let view = handlers.followed.view();
    let (registry_position, now) = (view.position, handlers.clock.now());
    let wanted = Wanted { programme: programme.clone(), seed: request.seed, runs_count, now };
    let made = handlers.forecasts.make(&handlers.engine, &published, (*view).clone(), wanted).await;
    let made = made.map_err(|error| of_error(&error))?;
    Ok(wire::ForecastResponse {
        made_at: Some(super::convert::moment(now)),
        seed: request.seed,
        registry_position,
        position: published.position,
        ..convert::made_to_wire(&programme, &made)
    })
}

fn runs_count(given: i32) -> Result<u32, Error> {
    let count = u32::try_from(given).map_err(|_| {
        Error::invalid("runs_count", "RUNS_COUNT_INVALID", "{field} is {count}, which is negative").with("count", given)
    })?;
    Ok(if count == 0 { RUNS_DEFAULT } else { count.min(RUNS_MAX) })
}

fn of_error(error: &ForecastError) -> Error {
    match error {
        ForecastError::None(NoForecast::UnknownProgramme(programme)) => refusal::no_such_programme(programme),
        ForecastError::None(NoForecast::NotActive { programme, stage }) => {
            let message = "{programme} is {state}: only a programme whose plan is in force has a forecast";
            Error::failed_precondition("PROGRAMME_NOT_ACTIVE", message)
                .with("programme", programme)
                .with("state", stage.as_str())
                .precondition("STATE", programme, format!("is {}", stage.as_str()))
        }
        ForecastError::Journal(error) => refusal::of_journal(error),
        ForecastError::Thread => Error::internal(error),
    }
}

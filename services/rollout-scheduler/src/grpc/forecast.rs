//! Forecast: what is to be expected of a programme.

use api::Error;
use proto::scheduler::v1 as wire;

use super::convert::{forecast as convert, moment, name};
use super::submit::Asked;
use super::{Handlers, refusal};
use crate::forecasts::Wanted;

/// Futures where the caller does not say: a tenth of so many lie beyond P10 and P90, which is enough to place them.
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
    let (view, now) = (handlers.followed.view(), handlers.clock.now());
    let wanted = Wanted { programme: programme.clone(), seed: request.seed, runs_count, now };
    let made = handlers.forecasts.make(&handlers.engine, &published, (*view).clone(), wanted).await;
    let made = made.map_err(|error| refusal::of_forecast(&error))?;
    let in_force = published.state.rollout.programme(&programme).and_then(|programme| programme.in_force);
    Ok(wire::ForecastResponse {
        plan: in_force.map(|version| format!("{programme}/{version}")).unwrap_or_default(),
        made_at: Some(moment(now)),
        seed: request.seed,
        registry_position: view.position,
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

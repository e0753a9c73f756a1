//! ReplayPolicy: what the recorded past would have been like under another policy.

use api::Error;
use jiff::{SignedDuration, Timestamp};
use proto::scheduler::v1 as wire;

use super::convert::{moment, name, replay as convert};
use super::submit::Asked;
use super::{Handlers, refusal};
use crate::replays::{self, DAYS_MAX};

pub(super) async fn replay_policy(
    handlers: &Handlers,
    asked: Asked<wire::ReplayPolicyRequest>,
) -> Result<wire::ReplayPolicyResponse, Error> {
    let request = &asked.request;
    let programme = name::programme("programme", &request.programme)?;
    let policy = convert::policy_from_wire(request.policy.as_ref())?;
    let published = handlers.at(request.min_position).await?;
    let (followed, now) = (handlers.followed.view(), handlers.clock.now());
    let since = since(request, now)?;
    let wanted = replays::Asked { programme: programme.clone(), policy, since, now };
    let registry = &handlers.permits.registry;
    let replayed = handlers.forecasts.replay(&handlers.engine, &published, registry, (*followed).clone(), wanted).await;
    let replayed = replayed.map_err(|error| refusal::of_replay(&error))?;
    Ok(wire::ReplayPolicyResponse {
        since: Some(moment(since)),
        until: Some(moment(now)),
        position: published.position,
        ..convert::replayed_to_wire(&programme, &replayed)
    })
}

fn since(request: &wire::ReplayPolicyRequest, now: Timestamp) -> Result<Timestamp, Error> {
    let since = api::time::required_moment("since", request.since.as_ref())?;
    if now <= since {
        return Err(Error::invalid("since", "SINCE_IN_FUTURE", "{field} lies ahead: nothing was recorded after it"));
    }
    if since.duration_until(now) > SignedDuration::from_hours(24 * DAYS_MAX) {
        return Err(Error::invalid("since", "SINCE_TOO_EARLY", "{field} is more than {days_max} days ago")
            .with("days_max", DAYS_MAX));
    }
    Ok(since)
}

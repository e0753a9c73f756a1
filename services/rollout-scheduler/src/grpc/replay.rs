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
    let until = until(request, now)?;
    let since = since(request, until.unwrap_or(now))?;
    let wanted = replays::Asked { programme: programme.clone(), policy, since, until, now };
    let registry = &handlers.permits.registry;
    let replayed = handlers.forecasts.replay(&handlers.engine, &published, registry, (*followed).clone(), wanted).await;
    let replayed = replayed.map_err(|error| refusal::of_replay(&error))?;
    Ok(wire::ReplayPolicyResponse {
        since: Some(moment(since)),
        until: Some(moment(until.unwrap_or(now))),
        position: replayed.position,
        ..convert::replayed_to_wire(&programme, &replayed)
    })
}

fn until(request: &wire::ReplayPolicyRequest, now: Timestamp) -> Result<Option<Timestamp>, Error> {
    let until = api::time::moment("until", request.until.as_ref())?;
    if until.is_some_and(|until| now < until) {
        return Err(Error::invalid("until", "UNTIL_IN_FUTURE", "{field} lies ahead: nothing is recorded of it"));
    }
    Ok(until)
}

fn since(request: &wire::ReplayPolicyRequest, until: Timestamp) -> Result<Timestamp, Error> {
    let since = api::time::required_moment("since", request.since.as_ref())?;
    if until <= since {
        let message = "{field} is not before the end of what is played, {until}";
        return Err(Error::invalid("since", "SINCE_NOT_BEFORE_END", message).with("until", until));
    }
    if since.duration_until(until) > SignedDuration::from_hours(24 * DAYS_MAX) {
        let message = "{field} is more than {days_max} days before the end of what is played, {until}; give an `until`";
        let error = Error::invalid("since", "SINCE_TOO_EARLY", message);
        return Err(error.with("days_max", DAYS_MAX).with("until", until));
    }
    Ok(since)
}

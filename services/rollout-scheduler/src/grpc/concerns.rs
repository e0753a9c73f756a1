//! Concerns: reporting and listing them.

use std::cmp::Reverse;

use api::{Error, Page, PageLimits};
use journal::Outcome;
use proto::scheduler::v1 as wire;
use rollout::state::{Concern, ConcernAbout};
use rollout::{Act, ConcernId};

use super::convert::{concern, name};
use super::submit::{Ask, Asked};
use super::{Handlers, wave_of};
use crate::machine::{Event, SchedulerMachine};

pub(super) async fn report(
    handlers: &Handlers,
    asked: Asked<wire::ReportConcernRequest>,
) -> Result<wire::ReportConcernResponse, Error> {
    let mutation = api::mutation!(asked.request)?.with_reason()?;
    let severity = concern::severity_from_wire(asked.request.severity())?;
    let about = concern::about_from_wire(asked.request.about.as_ref())?;
    if let ConcernAbout::Practice(practice) = &about
        && handlers.followed.view().get(*practice).is_none()
    {
        let error = Error::not_found("PRACTICE_NOT_FOUND", "the registry has no {practice}");
        return Err(error.with("practice", format!("practices/{practice}")));
    }
    let word = move |outcome: &Outcome<'_, SchedulerMachine>| wire::ReportConcernResponse {
        concern: reported(outcome).map(concern::concern_to_wire),
        position: outcome.position,
    };
    handlers.submit(Ask::act(&asked, &mutation, Act::ReportConcern { severity, about }).urgent(), word).await
}

pub(super) async fn list(
    handlers: &Handlers,
    asked: Asked<wire::ListConcernsRequest>,
) -> Result<wire::ListConcernsResponse, Error> {
    let page: Page<ConcernId> = api::page!(asked.request, PageLimits::STANDARD)?;
    let wave = match asked.request.wave.as_str() {
        "" => None,
        wave => Some(name::wave("wave", wave)?),
    };
    let published = handlers.at(asked.request.min_position).await?;
    let state = &published.state.rollout;
    if let Some(wave) = &wave {
        wave_of(state, wave)?;
    }
    let wanted = |one: &&Concern| {
        wave.as_ref().is_none_or(|wave| one.waves.contains(wave)) && page.after.is_none_or(|after| one.id < after)
    };
    let mut listed: Vec<&Concern> = state.concerns.values().map(AsRef::as_ref).filter(wanted).collect();
    listed.sort_by_key(|concern| Reverse(concern.id));
    let more = listed.len() > page.rows;
    listed.truncate(page.rows);
    let next = listed.last().filter(|_| more).map(|last| page.next_page_token(&last.id));
    Ok(wire::ListConcernsResponse {
        concerns: listed.into_iter().map(concern::concern_to_wire).collect(),
        next_page_token: next.unwrap_or_default(),
    })
}

/// The concern that this command reported.
fn reported<'a>(outcome: &'a Outcome<'_, SchedulerMachine>) -> Option<&'a Concern> {
    outcome.events.iter().find_map(|event| match event {
        Event::Rollout(rollout::Event::ConcernReported { concern }) => Some(&**concern),
        _ => None,
    })
}

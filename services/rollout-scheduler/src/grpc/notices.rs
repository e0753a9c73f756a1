//! Notices: how a wave's stand, what was sent, and what people report of it.

use std::collections::BTreeSet;

use api::{Error, Page, PageLimits};
use journal::Outcome;
use ods::PracticeCode;
use proto::scheduler::v1 as wire;
use rollout::state::{Dispatch, DispatchStage};
use rollout::{Act, Command, Event as Happened, Fact, notice_status};

use super::convert::{count, dispatch, name};
use super::submit::{Ask, Asked};
use super::waves::practices_named;
use super::{Handlers, programme_of, wave_of};
use crate::machine::{Event, SchedulerMachine};
use crate::selection;

pub(super) async fn status(
    handlers: &Handlers,
    asked: Asked<wire::GetNoticeStatusRequest>,
) -> Result<wire::GetNoticeStatusResponse, Error> {
    let id = name::wave("wave", &asked.request.wave)?;
    let published = handlers.at(asked.request.min_position).await?;
    let state = &published.state.rollout;
    let (programme, wave) = (programme_of(state, &id.programme)?, wave_of(state, &id)?);
    let status = notice_status(state, programme, wave);
    Ok(dispatch::status_to_wire(&id, &status, &handlers.carriers.get(), published.position))
}

pub(super) async fn list(
    handlers: &Handlers,
    asked: Asked<wire::ListDispatchesRequest>,
) -> Result<wire::ListDispatchesResponse, Error> {
    let request = &asked.request;
    let page: Page<(PracticeCode, u32)> = api::page!(*request, PageLimits::STANDARD)?;
    let waves = name::waves("parent", &request.parent)?;
    let state = dispatch::state_from_wire(request.state)?;
    let of_practice = match request.practice.as_str() {
        "" => None,
        practice => Some(name::practice("practice", practice)?),
    };
    let published = handlers.at(request.min_position).await?;
    let programme = programme_of(&published.state.rollout, &waves.programme)?;
    let wanted = |one: &Dispatch| {
        waves.wave.is_none_or(|wave| one.wave == wave)
            && state.is_none_or(|state| dispatch::state_to_wire(&one.stage) == state)
    };
    let mut listed = Vec::new();
    for (practice, known) in &programme.correspondence {
        let here = of_practice.is_none_or(|only| only == *practice);
        let beyond = |one: &&Dispatch| page.after.as_ref().is_none_or(|after| (*practice, one.number) > *after);
        let dispatches = known.dispatches.iter().filter(|one| here && wanted(one)).filter(beyond);
        listed.extend(dispatches.map(|one| (*practice, one)));
        if listed.len() > page.rows {
            break;
        }
    }
    let more = listed.len() > page.rows;
    listed.truncate(page.rows);
    let next = listed.last().filter(|_| more).map(|(practice, one)| page.next_page_token(&(*practice, one.number)));
    let dispatches =
        listed.iter().map(|(practice, one)| dispatch::dispatch_to_wire(programme, *practice, one)).collect();
    Ok(wire::ListDispatchesResponse { dispatches, next_page_token: next.unwrap_or_default() })
}

pub(super) async fn retry(
    handlers: &Handlers,
    asked: Asked<wire::RetryNoticesRequest>,
) -> Result<wire::RetryNoticesResponse, Error> {
    let mutation = api::mutation!(asked.request)?.with_reason()?;
    let wave = name::wave("wave", &asked.request.wave)?;
    let practices = practices_named(&asked.request.practices)?;
    let ask = Ask::act(&asked, &mutation, Act::RetryNotices { wave: wave.clone(), practices }).because_of(&wave);
    let word = |outcome: &Outcome<'_, SchedulerMachine>| {
        let affected = affected(outcome);
        wire::RetryNoticesResponse {
            position: outcome.position,
            affected_count: count(affected.len() as u64),
            affected_hash: selection::hash(&affected),
        }
    };
    handlers.submit(ask, word).await
}

pub(super) async fn returned(
    handlers: &Handlers,
    asked: Asked<wire::ReportReturnedNoticesRequest>,
) -> Result<wire::ReportReturnedNoticesResponse, Error> {
    let mutation = api::mutation!(asked.request)?;
    let wave = name::wave("wave", &asked.request.wave)?;
    let practices = practices_named(&asked.request.practices)?;
    if practices.is_empty() {
        // Unlike elsewhere, none is not all: that nothing reached anybody is never meant.
        return Err(Error::invalid("practices", "FIELD_REQUIRED", "{field} is required: whose notices came back"));
    }
    let fact = Fact::NoticesReturned { wave: wave.clone(), practices };
    let ask = Ask::new(&asked, &mutation, Command::Learn(fact)).because_of(&wave);
    let word = |outcome: &Outcome<'_, SchedulerMachine>| {
        let affected = affected(outcome);
        wire::ReportReturnedNoticesResponse {
            position: outcome.position,
            affected_count: count(affected.len() as u64),
            affected_hash: selection::hash(&affected),
        }
    };
    handlers.submit(ask, word).await
}

/// Whose notices are tried again, or came back.
fn affected(outcome: &Outcome<'_, SchedulerMachine>) -> BTreeSet<PracticeCode> {
    let mut affected = BTreeSet::new();
    for event in outcome.events {
        match event {
            Event::Rollout(Happened::NoticesRetried { practices, .. }) => affected.extend(practices),
            Event::Rollout(Happened::DispatchesMoved { moves, .. }) => {
                let failed = moves.iter().filter(|one| matches!(one.to, DispatchStage::Failed { .. }));
                affected.extend(failed.flat_map(|one| &one.dispatches).map(|(practice, _)| *practice));
            }
            _ => {}
        }
    }
    affected
}

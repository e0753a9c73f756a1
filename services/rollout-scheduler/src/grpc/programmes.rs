//! Programmes: creating, reading, rewriting and ending them.

use std::sync::Arc;

use api::{Error, Page, PageLimits};
use jiff::Timestamp;
use journal::{Outcome, Published};
use proto::scheduler::v1 as wire;
use rollout::state::{Document, Programme};
use rollout::{Act, ProgrammeId, State};

use super::convert::programme::Text;
use super::convert::{etag, name, programme};
use super::submit::{Ask, Asked};
use super::{Handlers, programme_of, refusal};
use crate::document;
use crate::history;
use crate::machine::{Expectation, SchedulerMachine};

/// A page of programmes: each with its plans is a few KB, and nobody has more than a handful.
const PROGRAMMES: PageLimits = PageLimits { default: 50, max: 1_000 };

pub(super) async fn create(
    handlers: &Handlers,
    asked: Asked<wire::CreateProgrammeRequest>,
) -> Result<wire::CreateProgrammeResponse, Error> {
    let mutation = api::mutation!(asked.request)?;
    let id = name::programme_id("programme_id", &asked.request.programme_id)?;
    let document = read_document(&id, &asked.request.specification)?;
    let ask = Ask::act(&asked, &mutation, Act::CreateProgramme { document });
    let word = move |outcome: &Outcome<'_, SchedulerMachine>| wire::CreateProgrammeResponse {
        programme: outcome_programme(outcome, &id),
        position: outcome.position,
    };
    handlers.submit(ask, word).await
}

pub(super) async fn update(
    handlers: &Handlers,
    asked: Asked<wire::UpdateProgrammeRequest>,
) -> Result<wire::UpdateProgrammeResponse, Error> {
    let mutation = api::mutation!(asked.request)?;
    let id = name::programme("name", &asked.request.name)?;
    let document = read_document(&id, &asked.request.specification)?;
    let expects = expectation(&id, &asked.request.etag)?;
    let act = Act::UpdateProgramme { programme: id.clone(), document };
    let word = move |outcome: &Outcome<'_, SchedulerMachine>| wire::UpdateProgrammeResponse {
        programme: outcome_programme(outcome, &id),
        position: outcome.position,
    };
    handlers.submit(Ask::act(&asked, &mutation, act).expecting(expects), word).await
}

pub(super) async fn cancel(
    handlers: &Handlers,
    asked: Asked<wire::CancelProgrammeRequest>,
) -> Result<wire::CancelProgrammeResponse, Error> {
    let mutation = api::mutation!(asked.request)?;
    let id = name::programme("name", &asked.request.name)?;
    let expects = expectation(&id, &asked.request.etag)?;
    let act = Act::CancelProgramme { programme: id.clone() };
    let word = move |outcome: &Outcome<'_, SchedulerMachine>| wire::CancelProgrammeResponse {
        programme: outcome_programme(outcome, &id),
        position: outcome.position,
    };
    // It brakes, so it goes before everything that does not.
    handlers.submit(Ask::act(&asked, &mutation, act).expecting(expects).urgent(), word).await
}

pub(super) async fn get(
    handlers: &Handlers,
    asked: Asked<wire::GetProgrammeRequest>,
) -> Result<wire::GetProgrammeResponse, Error> {
    let id = name::programme("name", &asked.request.name)?;
    let known_at = api::time::moment("known_at", asked.request.known_at.as_ref())?;
    let published = handlers.at(asked.request.min_position).await?;
    let Some(known_at) = known_at else {
        return described(&published.state.rollout, &id, handlers.clock.now(), published.position);
    };
    let (state, position) = as_known_at(handlers, &published, known_at).await?;
    described(&state.rollout, &id, known_at, position)
}

pub(super) async fn list(
    handlers: &Handlers,
    asked: Asked<wire::ListProgrammesRequest>,
) -> Result<wire::ListProgrammesResponse, Error> {
    let page: Page<ProgrammeId> = api::page!(asked.request, PROGRAMMES)?;
    let published = handlers.at(asked.request.min_position).await?;
    let after = |id: &ProgrammeId| page.after.as_ref().is_none_or(|after| id > after);
    let mut listed: Vec<&Programme> = published
        .state
        .rollout
        .programmes
        .values()
        .filter(|programme| after(&programme.id))
        .take(page.rows + 1)
        .collect();
    let more = listed.len() > page.rows;
    listed.truncate(page.rows);
    let next = listed.last().filter(|_| more).map(|last| page.next_page_token(&last.id));
    Ok(wire::ListProgrammesResponse {
        programmes: listed.into_iter().map(|one| programme::programme_to_wire(one, Text::Without)).collect(),
        next_page_token: next.unwrap_or_default(),
    })
}

/// The state as known at a moment, and its position.
pub(super) async fn as_known_at(
    handlers: &Handlers,
    published: &Published<SchedulerMachine>,
    known_at: Timestamp,
) -> Result<(crate::machine::State, u64), Error> {
    if known_at > handlers.clock.now() {
        return Err(Error::invalid("known_at", "KNOWN_AT_IN_FUTURE", "{field} lies ahead: nothing is known of it yet"));
    }
    // Folding awaits the store: virtual time stands still meanwhile.
    let _activity = handlers.clock.activity();
    history::as_known_at(&handlers.engine, published.position, known_at)
        .await
        .map_err(|error| refusal::of_journal(&error))
}

fn described(
    state: &State,
    id: &ProgrammeId,
    as_at: Timestamp,
    position: u64,
) -> Result<wire::GetProgrammeResponse, Error> {
    let programme = programme_of(state, id)?;
    Ok(wire::GetProgrammeResponse {
        programme: Some(programme::programme_to_wire(programme, Text::With)),
        figures: Some(programme::figures(state, programme, as_at)),
        position,
    })
}

pub(super) fn read_document(id: &ProgrammeId, text: &str) -> Result<Arc<Document>, Error> {
    api::validate::required("specification", text)?;
    let document = document::read(text).map_err(|error| refusal::of_document(&error))?;
    if document.spec.name != *id {
        return Err(Error::invalid(
            "specification.name",
            "NAME_DIFFERS",
            "{field} is {given}, but the request names {asked}",
        )
        .with("given", &document.spec.name)
        .with("asked", id));
    }
    Ok(Arc::new(document))
}

pub(super) fn expectation(id: &ProgrammeId, given: &str) -> Result<Option<Expectation>, Error> {
    Ok(etag::read("etag", given)?.map(|position| Expectation::Programme(id.clone(), position)))
}

fn outcome_programme(outcome: &Outcome<'_, SchedulerMachine>, id: &ProgrammeId) -> Option<wire::Programme> {
    let programme = outcome.after.rollout.programme(id)?;
    Some(programme::programme_to_wire(programme, Text::With))
}

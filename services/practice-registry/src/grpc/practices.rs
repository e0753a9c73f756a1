//! GetPractice, BatchGetPractices, ListPractices, and the organisations above practices.

use api::{Error, Page, PageLimits};
use filter::Filter;
use jiff::Timestamp;
use ods::PracticeCode;
use practice::{AsOf, Organisation, Practice, State, View};
use proto::registry::v1 as wire;
use std::sync::Arc;

use crate::fields::{PRACTICE, Row};
use crate::grpc::submit::Asked;
use crate::grpc::{Handlers, name, refusal, resource};

/// Most practices or codes in one call.
pub(crate) const BATCH_MAX: usize = 1_000;

/// A read of the present, or of the past in both times.
#[derive(Clone, Copy)]
struct Reading(Option<AsOf>);

impl Reading {
    fn new(
        effective_at: Option<&prost_types::Timestamp>,
        known_at: Option<&prost_types::Timestamp>,
        now: Timestamp,
    ) -> Result<Self, Error> {
        let effective_at = past("effective_at", effective_at, now)?;
        let known_at = past("known_at", known_at, now)?;
        if effective_at.is_none() && known_at.is_none() {
            return Ok(Self(None));
        }
        // Of what was known then, the truth of then: who asks for one past moment means that one.
        let effective_at = effective_at.or(known_at).unwrap_or(now);
        Ok(Self(Some(AsOf { effective_at, known_at: known_at.unwrap_or(Timestamp::MAX) })))
    }

    fn view<'a>(&self, practice: &'a Arc<Practice>) -> Option<View<'a>> {
        match self.0 {
            None => Some(View::current(practice)),
            Some(as_of) => View::as_of(practice, as_of),
        }
    }

    fn find<'a>(&self, state: &'a State, code: PracticeCode) -> Option<View<'a>> {
        self.view(state.practice(code)?)
    }
}

fn past(path: &str, wire: Option<&prost_types::Timestamp>, now: Timestamp) -> Result<Option<Timestamp>, Error> {
    let moment = api::time::moment(path, wire)?;
    if moment.is_some_and(|moment| moment > now) {
        return Err(Error::invalid(path, "MOMENT_IN_FUTURE", "{field} is after {now}").with("now", now));
    }
    Ok(moment)
}

pub(crate) async fn get(
    handlers: &Handlers,
    asked: Asked<wire::GetPracticeRequest>,
) -> Result<wire::GetPracticeResponse, Error> {
    let request = &asked.request;
    let code = name::practice("name", &request.name)?;
    let reading = Reading::new(request.effective_at.as_ref(), request.known_at.as_ref(), handlers.clock.now())?;
    let published = handlers.published_at(request.min_position).await?;
    let view = reading.find(&published.state.registry, code).ok_or_else(|| refusal::practice_not_found(code))?;
    Ok(wire::GetPracticeResponse { practice: Some(resource::to_wire(view)) })
}

pub(crate) async fn batch_get(
    handlers: &Handlers,
    asked: Asked<wire::BatchGetPracticesRequest>,
) -> Result<wire::BatchGetPracticesResponse, Error> {
    let request = asked.request;
    api::validate::count("names", request.names.len(), BATCH_MAX)?;
    let reading = Reading::new(request.effective_at.as_ref(), request.known_at.as_ref(), handlers.clock.now())?;
    let published = handlers.published_at(request.min_position).await?;
    let mut reply = wire::BatchGetPracticesResponse { position: published.position, ..Default::default() };
    for (index, name) in request.names.into_iter().enumerate() {
        let code = name::practice(&format!("names[{index}]"), &name)?;
        match reading.find(&published.state.registry, code) {
            Some(view) => reply.practices.push(resource::to_wire(view)),
            None => reply.unknown_names.push(name),
        }
    }
    Ok(reply)
}

pub(crate) async fn list(
    handlers: &Handlers,
    asked: Asked<wire::ListPracticesRequest>,
) -> Result<wire::ListPracticesResponse, Error> {
    let request = &asked.request;
    let page: Page<PracticeCode> = api::page!(request, PageLimits::STANDARD)?;
    let filter = filter_from_wire(&request.filter)?;
    let reading = Reading::new(request.effective_at.as_ref(), request.known_at.as_ref(), handlers.clock.now())?;
    let published = handlers.published_at(request.min_position).await?;
    let selected = |known| reading.view(known).filter(|view| filter.matches(&Row::new(*view)));
    let all = published.state.registry.practices().filter_map(selected);
    let mut reply = wire::ListPracticesResponse { position: published.position, ..Default::default() };
    let mut last = None;
    for view in all {
        reply.total_count += 1;
        if page.after.is_some_and(|after| view.code() <= after) {
            continue;
        }
        if reply.practices.len() < page.rows {
            last = Some(view.code());
            reply.practices.push(resource::to_wire(view));
        } else if let (Some(last), true) = (last, reply.next_page_token.is_empty()) {
            reply.next_page_token = page.next_page_token(&last);
        }
    }
    Ok(reply)
}

/// The filter in the field `filter`; empty lets every practice pass.
pub(crate) fn filter_from_wire(text: &str) -> Result<Filter, Error> {
    if text.is_empty() {
        return Ok(Filter::everything());
    }
    Filter::parse(text, &PRACTICE).map_err(|error| refusal::of_filter(&error))
}

pub(crate) async fn get_organisation(
    handlers: &Handlers,
    asked: Asked<wire::GetOrganisationRequest>,
) -> Result<wire::GetOrganisationResponse, Error> {
    let code = name::organisation("name", &asked.request.name)?;
    let published = handlers.published_at(asked.request.min_position).await?;
    let known = published.state.registry.organisation(code);
    let organisation = known.ok_or_else(|| {
        Error::not_found("ORGANISATION_NOT_FOUND", "{organisation} is not in the register")
            .with("organisation", &asked.request.name)
    })?;
    Ok(wire::GetOrganisationResponse { organisation: Some(organisation_to_wire(organisation)) })
}

pub(crate) async fn list_organisations(
    handlers: &Handlers,
    asked: Asked<wire::ListOrganisationsRequest>,
) -> Result<wire::ListOrganisationsResponse, Error> {
    let request = &asked.request;
    let page: Page<String> = api::page!(request, PageLimits::STANDARD)?;
    let published = handlers.published_at(request.min_position).await?;
    let wanted = |known: &&Organisation| {
        let kind = i32::from(resource::kind_to_wire(known.latest().kind));
        request.kind == i32::from(wire::OrganisationKind::Unspecified) || request.kind == kind
    };
    let after = page.after.as_deref().unwrap_or_default();
    let mut rest = published.state.registry.organisations_after(after).filter(wanted);
    let organisations: Vec<_> = rest.by_ref().take(page.rows).collect();
    let next = rest.next().and(organisations.last());
    Ok(wire::ListOrganisationsResponse {
        next_page_token: next.map(|last| page.next_page_token(&last.latest().code)).unwrap_or_default(),
        organisations: organisations.into_iter().map(organisation_to_wire).collect(),
        position: published.position,
    })
}

fn organisation_to_wire(organisation: &Organisation) -> wire::Organisation {
    let latest = organisation.latest();
    wire::Organisation {
        name: name::of_organisation(&latest.code),
        code: latest.code.clone(),
        kind: resource::kind_to_wire(latest.kind).into(),
        display_name: latest.name.clone(),
        parent_code: latest.parent.clone(),
        position: organisation.position,
    }
}

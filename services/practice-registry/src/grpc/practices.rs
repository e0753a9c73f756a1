//! GetPractice, BatchGetPractices, ListPractices.

use api::{Error, Page, PageLimits};
use bytes::BufMut as _;
use filter::{Filter, Schema};
use ods::PracticeCode;
use practice::View;
use proto::registry::v1 as wire;
use server::Reply;

use crate::fields::{PRACTICE, Row};
use crate::grpc::present::Present;
use crate::grpc::reading::reading;
use crate::grpc::submit::Asked;
use crate::grpc::{Handlers, encoded, name, refusal, resource};

/// The name of GetPractice; a server is not built where it is wrong.
pub(crate) const GET: &str = "citizens_access.registry.v1.PracticeRegistryService/GetPractice";

/// Most practices or codes in one call.
pub(crate) const BATCH_MAX: usize = 1_000;

/// Practices between two moments at which others get their turn: about a millisecond, where a register of a million would
/// keep a thread, and all connections that it serves, for most of a second.
pub(crate) const TURN_PRACTICES: usize = 2_048;

/// The reply of GetPractice about the present, where it is at hand.
pub(crate) fn get_at_once(handlers: &Handlers, message: &[u8]) -> Option<Reply> {
    let mut code = None;
    let present = Present::read(message, |text| {
        code = Some(name::practice_code(text)?);
        Some(())
    })?;
    let code = code?;
    if !present.capability.is_empty() {
        return None;
    }
    handlers.engine.read(|published| {
        if published.position < present.min_position {
            return None;
        }
        let encoded = encoded::practice(published.state.practice(code)?);
        let mut reply = Reply::with_capacity(encoded.len());
        reply.message().put_slice(encoded);
        Some(reply)
    })
}

pub(crate) async fn get(
    handlers: &Handlers,
    asked: Asked<wire::GetPracticeRequest>,
) -> Result<wire::GetPracticeResponse, Error> {
    let request = &asked.request;
    let code = name::practice("name", &request.name)?;
    let reading = reading!(request, handlers.clock.now())?;
    let published = handlers.published_at(request.min_position).await?;
    let view = reading.of(&published.state).find(code).ok_or_else(|| refusal::practice_not_found(code))?;
    Ok(reply(view))
}

/// The reply of GetPractice.
pub(crate) fn reply(view: View<'_>) -> wire::GetPracticeResponse {
    wire::GetPracticeResponse { practice: Some(resource::to_wire(view)), checklist: resource::checklist_to_wire(view) }
}

pub(crate) async fn batch_get(
    handlers: &Handlers,
    asked: Asked<wire::BatchGetPracticesRequest>,
) -> Result<wire::BatchGetPracticesResponse, Error> {
    let request = asked.request;
    api::validate::count("names", request.names.len(), BATCH_MAX)?;
    let reading = reading!(request, handlers.clock.now())?;
    let published = handlers.published_at(request.min_position).await?;
    let mut reply = wire::BatchGetPracticesResponse { position: published.position, ..Default::default() };
    let reader = reading.of(&published.state);
    for (index, name) in request.names.into_iter().enumerate() {
        let code = name::practice(&format!("names[{index}]"), &name)?;
        match reader.find(code) {
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
    let reading = reading!(request, handlers.clock.now())?;
    let published = handlers.published_at(request.min_position).await?;
    let reader = reading.of(&published.state);
    let selected = |known| reader.view(known).filter(|view| filter.matches(&Row::new(*view)));
    let mut reply = wire::ListPracticesResponse { position: published.position, ..Default::default() };
    let mut last = None;
    for (place, known) in published.state.practices().enumerate() {
        if place % TURN_PRACTICES == TURN_PRACTICES - 1 {
            tokio::task::yield_now().await;
        }
        let Some(view) = selected(known) else { continue };
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
    filter_over(&PRACTICE, text)
}

/// The filter in the field `filter` over rows of this schema; empty lets every row pass.
pub(crate) fn filter_over(schema: &Schema, text: &str) -> Result<Filter, Error> {
    if text.is_empty() {
        return Ok(Filter::everything());
    }
    Filter::parse(text, schema).map_err(|error| refusal::of_filter(&error))
}

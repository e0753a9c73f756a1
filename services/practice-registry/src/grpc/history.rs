//! ListPracticeChanges: who changed what at a practice, when and why, from the journal's records.

use api::{Error, Page, PageLimits};
use journal::{Machine as _, Recorded};
use ods::PracticeCode;
use practice::Event;
use practice::history::tell;
use proto::registry::v1 as wire;

use crate::grpc::submit::Asked;
use crate::grpc::{Handlers, name, refusal};
use crate::machine::Registry;

/// Each entry is a read of the journal, so pages are short.
const LIMITS: PageLimits = PageLimits { default: 50, max: 200 };

pub(crate) async fn list(
    handlers: &Handlers,
    asked: Asked<wire::ListPracticeChangesRequest>,
) -> Result<wire::ListPracticeChangesResponse, Error> {
    let request = &asked.request;
    let page: Page<u64> = api::page!(request, LIMITS)?;
    let code = name::practice("name", &request.name)?;
    let published = handlers.published_at(request.min_position).await?;
    let known = published.state.registry.practice(code).ok_or_else(|| refusal::practice_not_found(code))?;
    let before = page.after.unwrap_or(u64::MAX);
    let older = &known.positions[..known.positions.partition_point(|position| *position < before)];
    let (rest, wanted) = older.split_at(older.len().saturating_sub(page.rows));
    let mut changes = Vec::with_capacity(wanted.len());
    for position in wanted.iter().rev() {
        changes.extend(handlers.recorded(*position).await?.and_then(|recorded| entry(recorded, code)));
    }
    let next = if rest.is_empty() { None } else { wanted.first() };
    Ok(wire::ListPracticeChangesResponse {
        changes,
        next_page_token: next.map(|first| page.next_page_token(first)).unwrap_or_default(),
        position: published.position,
    })
}

/// What a record says of the practice; None where it says nothing, which is not among the practice's positions.
fn entry(recorded: Recorded<Event>, code: PracticeCode) -> Option<wire::PracticeHistoryEntry> {
    let told = tell(&recorded.event, code)?;
    Some(wire::PracticeHistoryEntry {
        position: recorded.position,
        kind: Registry::kind(&recorded.event).to_owned(),
        summary: told.summary,
        recorded_at: Some(api::time::to_wire(recorded.recorded_at)),
        effective_at: Some(api::time::to_wire(told.effective_at.unwrap_or(recorded.recorded_at))),
        actor: recorded.actor,
        reason_code: recorded.reason_code,
        cause: recorded.cause,
        request_id: recorded.request_id,
        traceparent: recorded.traceparent,
    })
}

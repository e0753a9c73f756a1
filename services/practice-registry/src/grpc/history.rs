//! ListPracticeChanges: who changed what at a practice, when and why, from the journal's records.

use api::{Error, Page, PageLimits};
use jiff::Timestamp;
use journal::{Machine as _, Recorded};
use ods::PracticeCode;
use practice::Event;
use practice::history::tell;
use proto::registry::v1 as wire;

use crate::grpc::reading::past;
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
    handlers.authorise(&asked, [code])?;
    let now = handlers.clock.now();
    let effective_at = past("effective_at", request.effective_at.as_ref(), now)?;
    let known_at = past("known_at", request.known_at.as_ref(), now)?;
    let published = handlers.published_at(request.min_position).await?;
    let known = published.state.practice(code).ok_or_else(|| refusal::practice_not_found(code))?;
    let before = page.after.unwrap_or(u64::MAX);
    let older = &known.positions[..known.positions.partition_point(|position| *position < before)];
    let older = &older[..recorded_until(handlers, older, known_at).await?];
    let (rest, wanted) = older.split_at(older.len().saturating_sub(page.rows));
    let mut changes = Vec::with_capacity(wanted.len());
    for position in wanted.iter().rev() {
        let recorded = handlers.recorded(*position).await?;
        changes.extend(recorded.and_then(|recorded| entry(recorded, code, effective_at)));
    }
    let next = if rest.is_empty() { None } else { wanted.first() };
    Ok(wire::ListPracticeChangesResponse {
        changes,
        next_page_token: next.map(|first| page.next_page_token(first)).unwrap_or_default(),
        position: published.position,
    })
}

/// How many of these positions were recorded up to `known_at`. Records never go backwards (rule 18), so that a few of them
/// tell.
async fn recorded_until(handlers: &Handlers, positions: &[u64], known_at: Option<Timestamp>) -> Result<usize, Error> {
    let Some(known_at) = known_at else { return Ok(positions.len()) };
    let (mut low, mut high) = (0, positions.len());
    while low < high {
        let middle = low + (high - low) / 2;
        let recorded = handlers.recorded(positions[middle]).await?;
        if recorded.is_some_and(|recorded| recorded.recorded_at <= known_at) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    Ok(low)
}

/// What a record says of the practice; None where it says nothing, or only of what held later.
fn entry(
    recorded: Recorded<Event>,
    code: PracticeCode,
    effective_at: Option<Timestamp>,
) -> Option<wire::PracticeHistoryEntry> {
    let mut facts = Vec::new();
    for told in tell(&recorded.event, code) {
        let from = told.effective_at.unwrap_or(recorded.recorded_at);
        if effective_at.is_none_or(|effective_at| from <= effective_at) {
            facts.push((told.what, from));
        }
    }
    let first = facts.iter().map(|(_, from)| *from).min()?;
    let words: Vec<&str> = facts.iter().map(|(what, _)| what.as_str()).collect();
    Some(wire::PracticeHistoryEntry {
        position: recorded.position,
        kind: Registry::kind(&recorded.event).to_owned(),
        summary: words.join("; "),
        recorded_at: Some(api::time::to_wire(recorded.recorded_at)),
        effective_at: Some(api::time::to_wire(first)),
        actor: recorded.actor,
        reason_code: recorded.reason_code,
        cause: recorded.cause,
        request_id: recorded.request_id,
        traceparent: recorded.traceparent,
        facts: facts.into_iter().map(fact_to_wire).collect(),
    })
}

fn fact_to_wire((summary, from): (String, Timestamp)) -> wire::HistoryFact {
    wire::HistoryFact { summary, effective_at: Some(api::time::to_wire(from)) }
}

//! Advice to wait and support cases: requests on the wire to commands, and their replies.

use api::{Error, Page, PageLimits};
use ods::PracticeCode;
use practice::advice::{Advice, AdviceEnding, AdviceKind, Advised};
use practice::command::{Author, EndAdvice, RecordAdvice};
use practice::{Command, View};
use proto::registry::v1 as wire;

use crate::grpc::participation::{LINE_CHARS_MAX, view_of};
use crate::grpc::reading::Reading;
use crate::grpc::submit::{Ask, Asked};
use crate::grpc::{Handlers, name, refusal};

pub(crate) async fn record(
    handlers: &Handlers,
    asked: Asked<wire::RecordAdviceRequest>,
) -> Result<wire::RecordAdviceResponse, Error> {
    let request = &asked.request;
    let practice = name::practice("name", &request.name)?;
    handlers.authorise(&asked, [practice])?;
    let from = api::time::moment("from", request.from.as_ref())?;
    let (advised, by) = (advised_from_wire(request)?, author(&asked));
    let command = Command::RecordAdvice(RecordAdvice { practice, advised, from, by });
    let ask = Ask::new(&asked.caller, &api::mutation!(*request)?, command);
    handlers
        .submit(ask, move |outcome| {
            let recorded = view_of(outcome, practice).and_then(|view| Some((view, view.practice().advice.last()?)));
            wire::RecordAdviceResponse {
                advice: recorded.map(|(view, advice)| to_wire(view, advice)),
                position: outcome.position,
            }
        })
        .await
}

fn advised_from_wire(request: &wire::RecordAdviceRequest) -> Result<Advised, Error> {
    let kind = kind_from_wire(request.kind)
        .ok_or_else(|| Error::invalid("kind", "FIELD_REQUIRED", "{field} must be WAIT or SUPPORT_CASE"))?;
    let capability = match request.capability.as_str() {
        "" => None,
        capability => Some(name::capability("capability", capability)?),
    };
    let texts = [
        ("source", &request.source),
        ("reference", &request.reference),
        ("category", &request.category),
        ("evidence", &request.evidence),
    ];
    for (path, text) in texts {
        api::validate::free_text(path, text, LINE_CHARS_MAX)?;
    }
    api::validate::required("source", &request.source)?;
    let advised = Advised {
        kind,
        capability,
        source: request.source.clone(),
        reference: request.reference.clone(),
        category: request.category.clone(),
        evidence: request.evidence.clone(),
        until: api::time::moment("until", request.until.as_ref())?,
        review_on: api::time::date("review_on", &request.review_on)?,
    };
    match kind {
        AdviceKind::Wait => check_wait(&advised)?,
        AdviceKind::SupportCase => check_case(&advised)?,
    }
    Ok(advised)
}

/// Advice to wait is proved and does not stand unlooked at for ever.
fn check_wait(advised: &Advised) -> Result<(), Error> {
    api::validate::required("evidence", &advised.evidence)?;
    if advised.until.is_none() && advised.review_on.is_none() {
        return Err(Error::invalid("review_on", "FIELD_REQUIRED", "advice to wait needs until or {field}"));
    }
    if !advised.category.is_empty() {
        return Err(Error::invalid("category", "FIELD_NOT_APPLICABLE", "{field} goes with a support case only"));
    }
    Ok(())
}

/// A case is found again at its service desk, and ends when that closes it.
fn check_case(advised: &Advised) -> Result<(), Error> {
    api::validate::required("reference", &advised.reference)?;
    api::validate::required("category", &advised.category)?;
    if advised.until.is_some() {
        return Err(Error::invalid("until", "FIELD_NOT_APPLICABLE", "a support case ends when it is closed"));
    }
    Ok(())
}

fn author<R>(asked: &Asked<R>) -> Author {
    let mut roles: Vec<String> = asked.caller.roles.iter().map(|role| role.name().to_owned()).collect();
    roles.sort();
    Author { account: asked.caller.account.to_string(), roles }
}

pub(crate) async fn end(
    handlers: &Handlers,
    asked: Asked<wire::EndAdviceRequest>,
) -> Result<wire::EndAdviceResponse, Error> {
    let request = &asked.request;
    let (practice, advice) = name::advice("name", &request.name)?;
    handlers.authorise(&asked, [practice])?;
    let at = api::time::moment("at", request.at.as_ref())?;
    let command = Command::EndAdvice(EndAdvice { practice, advice, at, by: author(&asked) });
    let ask = Ask::new(&asked.caller, &api::mutation!(*request)?, command);
    handlers
        .submit(ask, move |outcome| {
            let ended = view_of(outcome, practice).and_then(|view| Some((view, view.practice().advice(advice)?)));
            wire::EndAdviceResponse {
                advice: ended.map(|(view, advice)| to_wire(view, advice)),
                position: outcome.position,
            }
        })
        .await
}

pub(crate) async fn list(
    handlers: &Handlers,
    asked: Asked<wire::ListAdviceRequest>,
) -> Result<wire::ListAdviceResponse, Error> {
    let request = &asked.request;
    let page: Page<u32> = api::page!(request, PageLimits::STANDARD)?;
    let code = name::practice("name", &request.name)?;
    let kind = kind_from_wire(request.kind);
    let reading = Reading::new(request.effective_at.as_ref(), request.known_at.as_ref(), handlers.clock.now())?;
    let published = handlers.published_at(request.min_position).await?;
    let view = reading.of(&published.state).find(code).ok_or_else(|| refusal::practice_not_found(code))?;
    let after = page.after.unwrap_or(0);
    let wanted = |advice: &&Advice| {
        advice.number > after
            && kind.is_none_or(|kind| advice.advised.kind == kind)
            && (request.show_ended || view.is_open(advice))
    };
    let mut rest = view.advice_given().filter(wanted);
    let rows: Vec<&Advice> = rest.by_ref().take(page.rows).collect();
    let next = rest.next().and(rows.last());
    Ok(wire::ListAdviceResponse {
        next_page_token: next.map(|last| page.next_page_token(&last.number)).unwrap_or_default(),
        advice: rows.into_iter().map(|advice| to_wire(view, advice)).collect(),
        position: published.position,
    })
}

/// Advice as the view shows it: of a moment before its end it is open.
pub(crate) fn to_wire(view: View<'_>, advice: &Advice) -> wire::Advice {
    let code: PracticeCode = view.code();
    let ended = advice.ended.as_ref().filter(|_| !view.is_open(advice));
    let state = ended.map_or(wire::AdviceState::Open, |ended| match ended.ending {
        AdviceEnding::Ended => wire::AdviceState::Ended,
        AdviceEnding::Lapsed => wire::AdviceState::Lapsed,
    });
    let advised = &advice.advised;
    wire::Advice {
        name: name::of_advice(code, advice.number),
        kind: kind_to_wire(advised.kind).into(),
        capability: advised.capability.as_ref().map(ToString::to_string).unwrap_or_default(),
        source: advised.source.clone(),
        reference: advised.reference.clone(),
        category: advised.category.clone(),
        evidence: advised.evidence.clone(),
        from: Some(api::time::to_wire(advice.from)),
        until: advised.until.map(api::time::to_wire),
        review_on: advised.review_on.map(|day| day.to_string()).unwrap_or_default(),
        state: state.into(),
        ended_at: ended.map(|ended| api::time::to_wire(ended.at)),
        ended_by: ended.map(|ended| ended.by.clone()).unwrap_or_default(),
        recorded_by: advice.recorded_by.clone(),
        recorded_as: advice.recorded_as.clone(),
        recorded_at: Some(api::time::to_wire(advice.recorded_at)),
    }
}

fn kind_to_wire(kind: AdviceKind) -> wire::AdviceKind {
    match kind {
        AdviceKind::Wait => wire::AdviceKind::Wait,
        AdviceKind::SupportCase => wire::AdviceKind::SupportCase,
    }
}

/// None where it says nothing.
fn kind_from_wire(kind: i32) -> Option<AdviceKind> {
    match wire::AdviceKind::try_from(kind) {
        Ok(wire::AdviceKind::Wait) => Some(AdviceKind::Wait),
        Ok(wire::AdviceKind::SupportCase) => Some(AdviceKind::SupportCase),
        Ok(wire::AdviceKind::Unspecified) | Err(_) => None,
    }
}

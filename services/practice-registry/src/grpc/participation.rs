//! Pausing, resuming, judging, switching off, readiness: requests on the wire to commands, and their replies.

use api::Error;
use journal::Outcome;
use ods::PracticeCode;
use practice::command::{PausePractice, Placed, RequestSwitchOff, ResumePractice, SetPauseOutcome, UpdateReadiness};
use practice::pause::{Judgement, Pause, PauseEnd};
use practice::readiness::{ReadinessItem, ReadinessState};
use practice::{Command, Event, Practice, View, standing_pause};
use proto::registry::v1 as wire;

use crate::grpc::submit::{Ask, Asked};
use crate::grpc::{Handlers, name, pause, refusal, resource};
use crate::machine::Registry;

/// Most readiness items in one call: several times the checklist.
const READINESS_ITEMS_MAX: usize = 50;

/// Longest reference to evidence, name of an owner, or of whom somebody acts for: a line, not a letter.
const LINE_CHARS_MAX: usize = 200;

/// Longest id of a readiness item.
const ITEM_BYTES_MAX: usize = 63;

pub(crate) async fn pause_practice(
    handlers: &Handlers,
    asked: Asked<wire::PausePracticeRequest>,
) -> Result<wire::PausePracticeResponse, Error> {
    let request = &asked.request;
    let code = name::practice("name", &request.name)?;
    let capability = match request.capability.as_str() {
        "" => None,
        capability => Some(name::capability("capability", capability)?),
    };
    let command = Command::PausePractice(PausePractice {
        practice: code,
        capability,
        end: end_from_wire(request)?,
        placed: placed(&asked, &request.on_behalf_of, &request.evidence, &request.reason_code)?,
    });
    let ask = Ask::new(&asked.caller, &api::mutation!(*request)?, command).urgent().because_of(&request.cause)?;
    handlers
        .submit(ask, move |outcome| {
            let placed = view_of(outcome, code).and_then(|view| Some((view, view.practice().pauses.last()?)));
            wire::PausePracticeResponse {
                pause: placed.map(|(view, placed)| pause::to_wire(view, placed)),
                receipt: placed.map(|(_, placed)| pause::receipt_to_wire(code, placed)),
                position: outcome.position,
            }
        })
        .await
}

fn end_from_wire(request: &wire::PausePracticeRequest) -> Result<PauseEnd, Error> {
    let end = wire::PauseEnd::try_from(request.end).unwrap_or(wire::PauseEnd::Unspecified);
    if end != wire::PauseEnd::Until && request.until.is_some() {
        return Err(Error::invalid("until", "FIELD_NOT_APPLICABLE", "{field} goes with the end UNTIL only"));
    }
    match end {
        wire::PauseEnd::Until => Ok(PauseEnd::Until(api::time::required_moment("until", request.until.as_ref())?)),
        wire::PauseEnd::FurtherNotice => Ok(PauseEnd::FurtherNotice),
        wire::PauseEnd::ProgrammeDefault => Ok(PauseEnd::ProgrammeDefault),
        wire::PauseEnd::Unspecified => {
            Err(Error::invalid("end", "FIELD_REQUIRED", "{field} must be UNTIL, FURTHER_NOTICE or PROGRAMME_DEFAULT"))
        }
    }
}

/// Whoever acts for a practice says by what evidence.
fn placed<R>(asked: &Asked<R>, on_behalf_of: &str, evidence: &str, reason_code: &str) -> Result<Placed, Error> {
    api::validate::free_text("on_behalf_of", on_behalf_of, LINE_CHARS_MAX)?;
    api::validate::free_text("evidence", evidence, LINE_CHARS_MAX)?;
    if !on_behalf_of.is_empty() {
        api::validate::required("evidence", evidence)?;
    }
    Ok(Placed {
        by: asked.caller.account.to_string(),
        on_behalf_of: on_behalf_of.to_owned(),
        evidence: evidence.to_owned(),
        reason_code: reason_code.to_owned(),
    })
}

pub(crate) async fn resume_practice(
    handlers: &Handlers,
    asked: Asked<wire::ResumePracticeRequest>,
) -> Result<wire::ResumePracticeResponse, Error> {
    let request = &asked.request;
    let code = name::practice("name", &request.name)?;
    let pause = match request.pause.as_str() {
        "" => None,
        pause => Some(pause_of(code, name::pause("pause", pause)?)?),
    };
    let if_position = handlers.position_of_etag(code, &request.etag)?;
    let command = Command::ResumePractice(ResumePractice { practice: code, pause, if_position });
    let ask = Ask::new(&asked.caller, &api::mutation!(*request)?, command);
    handlers
        .submit(ask, move |outcome| {
            let view = view_of(outcome, code);
            let lifted = view.map(|view| lifted(view, outcome.events));
            wire::ResumePracticeResponse {
                practice: view.map(resource::to_wire),
                lifted: lifted.unwrap_or_default(),
                position: outcome.position,
            }
        })
        .await
}

fn pause_of(practice: PracticeCode, (of, number): (PracticeCode, u32)) -> Result<u32, Error> {
    if of == practice {
        return Ok(number);
    }
    Err(Error::invalid("pause", "PAUSE_OF_ANOTHER_PRACTICE", "{field} is a pause of {of}, not of {practice}")
        .with("of", name::of_practice(of))
        .with("practice", name::of_practice(practice)))
}

fn lifted(view: View<'_>, events: &[Event]) -> Vec<wire::Pause> {
    let numbers = events.iter().flat_map(|event| match event {
        Event::PausesLifted { pauses, .. } => pauses.as_slice(),
        _ => &[],
    });
    numbers.filter_map(|number| view.practice().pause(*number)).map(|held| pause::to_wire(view, held)).collect()
}

pub(crate) async fn set_pause_outcome(
    handlers: &Handlers,
    asked: Asked<wire::SetPauseOutcomeRequest>,
) -> Result<wire::SetPauseOutcomeResponse, Error> {
    let request = &asked.request;
    let (code, number) = name::pause("name", &request.name)?;
    let if_position = handlers.position_of_etag(code, &request.etag)?;
    let judgement = judgement_from_wire(request)?;
    let command = Command::SetPauseOutcome(SetPauseOutcome { practice: code, pause: number, judgement, if_position });
    let ask = Ask::new(&asked.caller, &api::mutation!(*request)?, command).urgent().because_of(&request.cause)?;
    handlers
        .submit(ask, move |outcome| {
            let judged = view_of(outcome, code).and_then(|view| Some((view, view.practice().pause(number)?)));
            wire::SetPauseOutcomeResponse {
                pause: judged.map(|(view, judged)| pause::to_wire(view, judged)),
                position: outcome.position,
            }
        })
        .await
}

fn judgement_from_wire(request: &wire::SetPauseOutcomeRequest) -> Result<Judgement, Error> {
    let outcome = wire::PauseOutcome::try_from(request.outcome).unwrap_or(wire::PauseOutcome::Unspecified);
    match outcome {
        wire::PauseOutcome::InTime => {
            api::validate::required("deferred_to", &request.deferred_to)?;
            api::validate::text("deferred_to", &request.deferred_to, LINE_CHARS_MAX)?;
            let until = api::time::moment("until", request.until.as_ref())?;
            Ok(Judgement::InTime { deferred_to: request.deferred_to.clone(), until })
        }
        wire::PauseOutcome::Late if request.deferred_to.is_empty() && request.until.is_none() => Ok(Judgement::Late),
        wire::PauseOutcome::Late => Err(Error::invalid(
            "outcome",
            "FIELD_NOT_APPLICABLE",
            "a LATE pause holds until the practice lifts it; deferred_to and until go with IN_TIME only",
        )),
        wire::PauseOutcome::Unspecified => {
            Err(Error::invalid("outcome", "FIELD_REQUIRED", "{field} must be IN_TIME or LATE"))
        }
    }
}

pub(crate) async fn get_receipt(
    handlers: &Handlers,
    asked: Asked<wire::GetReceiptRequest>,
) -> Result<wire::GetReceiptResponse, Error> {
    let (code, number) = name::receipt("name", &asked.request.name)?;
    let published = handlers.published_at(asked.request.min_position).await?;
    let known = published.state.registry.practice(code).ok_or_else(|| refusal::practice_not_found(code))?;
    let of = known.pause(number).ok_or_else(|| refusal::receipt_not_found(&asked.request.name))?;
    Ok(wire::GetReceiptResponse { receipt: Some(pause::receipt_to_wire(code, of)) })
}

pub(crate) async fn request_switch_off(
    handlers: &Handlers,
    asked: Asked<wire::RequestSwitchOffRequest>,
) -> Result<wire::RequestSwitchOffResponse, Error> {
    let request = &asked.request;
    let code = name::practice("name", &request.name)?;
    let capability = name::capability("capability", &request.capability)?;
    let command = Command::RequestSwitchOff(RequestSwitchOff {
        practice: code,
        capability: capability.clone(),
        placed: placed(&asked, &request.on_behalf_of, &request.evidence, &request.reason_code)?,
    });
    let ask = Ask::new(&asked.caller, &api::mutation!(*request)?, command).urgent();
    handlers
        .submit(ask, move |outcome| {
            let view = view_of(outcome, code);
            let standing =
                |known: &Practice| -> Option<Pause> { known.pause(standing_pause(known, &capability)?).cloned() };
            wire::RequestSwitchOffResponse {
                practice: view.map(resource::to_wire),
                pause: view.and_then(|view| Some(pause::to_wire(view, &standing(view.practice())?))),
                position: outcome.position,
            }
        })
        .await
}

pub(crate) async fn update_readiness(
    handlers: &Handlers,
    asked: Asked<wire::UpdateReadinessRequest>,
) -> Result<wire::UpdateReadinessResponse, Error> {
    let request = &asked.request;
    let code = name::practice("name", &request.name)?;
    let if_position = handlers.position_of_etag(code, &request.etag)?;
    let items = readiness_from_wire(&request.items)?;
    let command = Command::UpdateReadiness(UpdateReadiness { practice: code, items, if_position });
    let ask = Ask::new(&asked.caller, &api::mutation!(*request)?, command);
    handlers
        .submit(ask, move |outcome| wire::UpdateReadinessResponse {
            practice: view_of(outcome, code).map(resource::to_wire),
            position: outcome.position,
        })
        .await
}

fn readiness_from_wire(items: &[wire::ReadinessItem]) -> Result<Vec<ReadinessItem>, Error> {
    api::validate::count("items", items.len(), READINESS_ITEMS_MAX)?;
    let mut read: Vec<ReadinessItem> = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let path = |field: &str| format!("items[{index}].{field}");
        check_item_id(&path("item"), &item.item)?;
        if read.iter().any(|before| before.item == item.item) {
            return Err(
                Error::invalid(path("item"), "ITEM_TWICE", "{field} is {item} a second time").with("item", &item.item)
            );
        }
        api::validate::free_text(&path("evidence"), &item.evidence, LINE_CHARS_MAX)?;
        api::validate::free_text(&path("owner"), &item.owner, LINE_CHARS_MAX)?;
        read.push(ReadinessItem {
            item: item.item.clone(),
            state: readiness_state_from_wire(&path("state"), item.state)?,
            evidence: item.evidence.clone(),
            owner: item.owner.clone(),
            due_date: api::time::date(&path("due_date"), &item.due_date)?,
            expires_at: api::time::moment(&path("expires_at"), item.expires_at.as_ref())?,
        });
    }
    Ok(read)
}

fn check_item_id(path: &str, item: &str) -> Result<(), Error> {
    let plain = item.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    if item.is_empty() || item.len() > ITEM_BYTES_MAX || !plain || item.starts_with('-') || item.ends_with('-') {
        return Err(Error::invalid(
            path,
            "READINESS_ITEM_INVALID",
            "{field} must be like staff-training, of at most {bytes_max} bytes",
        )
        .with("bytes_max", ITEM_BYTES_MAX));
    }
    Ok(())
}

fn readiness_state_from_wire(path: &str, state: i32) -> Result<ReadinessState, Error> {
    match wire::ReadinessState::try_from(state) {
        Ok(wire::ReadinessState::NotStarted) => Ok(ReadinessState::NotStarted),
        Ok(wire::ReadinessState::InProgress) => Ok(ReadinessState::InProgress),
        Ok(wire::ReadinessState::Complete) => Ok(ReadinessState::Complete),
        Ok(wire::ReadinessState::NotApplicable) => Ok(ReadinessState::NotApplicable),
        Ok(wire::ReadinessState::Expired | wire::ReadinessState::Unspecified) | Err(_) => Err(Error::invalid(
            path,
            "READINESS_STATE_INVALID",
            "{field} must be NOT_STARTED, IN_PROGRESS, COMPLETE or NOT_APPLICABLE; EXPIRED is set when its time comes",
        )),
    }
}

/// The practice as the outcome left it. There is one: a command on an unknown practice is refused.
fn view_of<'a>(outcome: &'a Outcome<'_, Registry>, code: PracticeCode) -> Option<View<'a>> {
    outcome.after.registry.practice(code).map(View::current)
}

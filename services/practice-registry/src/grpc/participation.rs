//! Pausing, resuming, judging, switching off: requests on the wire to commands, and their replies.

use api::Error;
use identity::{Caller, Organisation, Role, Via};
use journal::Outcome;
use ods::PracticeCode;
use practice::command::{PausePractice, Placed, RequestSwitchOff, ResumePractice, SetPauseOutcome};
use practice::pause::{Judgement, Pause, PauseEnd};
use practice::{Command, Event, Practice, View, standing_pause};
use proto::registry::v1 as wire;

use crate::grpc::reading::Reading;
use crate::grpc::submit::{Ask, Asked};
use crate::grpc::{Handlers, name, pause, refusal, resource};
use crate::machine::Registry;

/// Longest reference to evidence, name of an owner, or of whom somebody acts for: a line, not a letter.
pub(crate) const LINE_CHARS_MAX: usize = 200;

pub(crate) async fn pause_practice(
    handlers: &Handlers,
    asked: Asked<wire::PausePracticeRequest>,
) -> Result<wire::PausePracticeResponse, Error> {
    let request = &asked.request;
    let code = name::practice("name", &request.name)?;
    handlers.authorise(&asked, [code])?;
    let capability = match request.capability.as_str() {
        "" => None,
        capability => Some(name::capability("capability", capability)?),
    };
    let wish =
        Wish { on_behalf_of: &request.on_behalf_of, evidence: &request.evidence, reason_code: &request.reason_code };
    let command = Command::PausePractice(PausePractice {
        practice: code,
        capability,
        end: end_from_wire(request)?,
        placed: placed(&asked.caller, code, &wish)?,
    });
    let ask = Ask::new(&asked.caller, &api::mutation!(*request)?, command).urgent().because_of(&request.cause)?;
    handlers
        .submit(ask, move |outcome| {
            let placed = view_of(outcome, code).and_then(|view| Some((view, view.practice().pauses.last()?)));
            wire::PausePracticeResponse {
                pause: placed.map(|(view, placed)| pause::to_wire(view, placed)),
                receipt: placed.map(|(view, placed)| pause::receipt_to_wire(view, placed)),
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

/// What is said of whose wish it is.
struct Wish<'a> {
    on_behalf_of: &'a str,
    evidence: &'a str,
    reason_code: &'a str,
}

/// Whoever acts for a practice says for whom and by what evidence; only the practice itself need not.
fn placed(caller: &Caller, practice: PracticeCode, wish: &Wish<'_>) -> Result<Placed, Error> {
    api::validate::free_text("on_behalf_of", wish.on_behalf_of, LINE_CHARS_MAX)?;
    api::validate::free_text("evidence", wish.evidence, LINE_CHARS_MAX)?;
    if !is_the_practice(caller, practice) {
        api::validate::required("on_behalf_of", wish.on_behalf_of)?;
    }
    if !wish.on_behalf_of.is_empty() {
        api::validate::required("evidence", wish.evidence)?;
    }
    Ok(Placed {
        by: caller.account.to_string(),
        on_behalf_of: wish.on_behalf_of.to_owned(),
        evidence: wish.evidence.to_owned(),
        reason_code: wish.reason_code.to_owned(),
    })
}

/// Whether it is the practice's own account: in another role besides, it may pause others, and is nobody there. In development,
/// where nothing is proved, an account that names no organisation is whichever practice it speaks of.
fn is_the_practice(caller: &Caller, practice: PracticeCode) -> bool {
    let acts_for_it = match &caller.organisation {
        Some(organisation) => matches!(organisation, Organisation::Practice(own) if **own == *practice.as_str()),
        None => caller.via == Via::Development,
    };
    acts_for_it && caller.roles.contains(Role::Practice)
}

pub(crate) async fn resume_practice(
    handlers: &Handlers,
    asked: Asked<wire::ResumePracticeRequest>,
) -> Result<wire::ResumePracticeResponse, Error> {
    let request = &asked.request;
    let code = name::practice("name", &request.name)?;
    handlers.authorise(&asked, [code])?;
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
            api::validate::free_text("deferred_to", &request.deferred_to, LINE_CHARS_MAX)?;
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
    let request = &asked.request;
    let (code, number) = name::receipt("name", &request.name)?;
    let reading = Reading::new(request.effective_at.as_ref(), request.known_at.as_ref(), handlers.clock.now())?;
    let published = handlers.published_at(request.min_position).await?;
    let view = reading.of(&published.state).find(code).ok_or_else(|| refusal::practice_not_found(code))?;
    let of = view.pause(number).ok_or_else(|| refusal::receipt_not_found(&request.name))?;
    Ok(wire::GetReceiptResponse { receipt: Some(pause::receipt_to_wire(view, of)) })
}

pub(crate) async fn request_switch_off(
    handlers: &Handlers,
    asked: Asked<wire::RequestSwitchOffRequest>,
) -> Result<wire::RequestSwitchOffResponse, Error> {
    let request = &asked.request;
    let code = name::practice("name", &request.name)?;
    handlers.authorise(&asked, [code])?;
    let capability = name::capability("capability", &request.capability)?;
    let wish =
        Wish { on_behalf_of: &request.on_behalf_of, evidence: &request.evidence, reason_code: &request.reason_code };
    let command = Command::RequestSwitchOff(RequestSwitchOff {
        practice: code,
        capability: capability.clone(),
        placed: placed(&asked.caller, code, &wish)?,
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

/// The practice as the outcome left it. There is one: a command on an unknown practice is refused.
pub(crate) fn view_of<'a>(outcome: &'a Outcome<'_, Registry>, code: PracticeCode) -> Option<View<'a>> {
    outcome.after.practice(code).map(View::current)
}

#[cfg(test)]
mod tests {
    use identity::{Account, Roles};

    use super::*;

    #[test]
    fn only_an_account_of_the_practice_speaks_for_it_without_saying_so() {
        let practice: PracticeCode = "A81001".parse().unwrap();
        let caller = |organisation: Option<&str>, via, roles: Roles| Caller {
            account: Account::new("paula").unwrap(),
            roles,
            organisation: organisation.map(|name| name.parse().unwrap()),
            via,
        };
        let manager = Roles::NONE.with(Role::Practice);
        let lead_too = manager.with(Role::ProgrammeLead);
        for (organisation, via, roles, expected) in [
            (Some("practices/A81001"), Via::Token, manager, true),
            (Some("practices/A81001"), Via::Token, lead_too, true),
            (Some("practices/A81002"), Via::Token, lead_too, false),
            (Some("icbs/QHM"), Via::Token, lead_too, false),
            (None, Via::Token, lead_too, false),
            (None, Via::Development, Roles::ALL, true),
            (Some("practices/A81002"), Via::Development, Roles::ALL, false),
            (Some("practices/A81001"), Via::Token, Roles::NONE.with(Role::ProgrammeLead), false),
        ] {
            let told = is_the_practice(&caller(organisation, via, roles), practice);
            assert_eq!(told, expected, "{organisation:?} {via:?} {roles}");
        }
    }
}

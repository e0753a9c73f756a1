//! ExplainPractice: why a practice is as it is.

use api::Error;
use proto::scheduler::v1 as wire;
use rollout::{Blocker, Explanation, Information, Target, explain as explain_target};

use super::Handlers;
use super::convert::enrolment::{self, Seen};
use super::convert::{moment, name};
use super::submit::Asked;

pub(super) async fn explain(
    handlers: &Handlers,
    asked: Asked<wire::ExplainPracticeRequest>,
) -> Result<wire::ExplainPracticeResponse, Error> {
    let request = &asked.request;
    let practice = name::practice("practice", &request.practice)?;
    let capability = name::code_of("capability", &request.capability)?;
    let published = handlers.at(request.min_position).await?;
    let view = handlers.followed.view();
    if view.position > 0 && view.get(practice).is_none() {
        return Err(Error::not_found("PRACTICE_NOT_FOUND", "{practice} is not in the register")
            .with("practice", format!("practices/{practice}")));
    }
    let state = &published.state.rollout;
    let explanation = explain_target(state, &view, &Target { practice, capability }, handlers.clock.now());
    Ok(wire::ExplainPracticeResponse {
        position: published.position,
        ..explanation_to_wire(Seen { state, view: &view }, &explanation)
    })
}

fn explanation_to_wire(seen: Seen<'_>, explanation: &Explanation) -> wire::ExplainPracticeResponse {
    let enrolled = explanation.wave.as_ref();
    wire::ExplainPracticeResponse {
        practice: format!("practices/{}", explanation.practice),
        capability: explanation.capability.to_string(),
        live: explanation.is_live(),
        observed: explanation.observed.to_string(),
        desired: explanation.desired.to_string(),
        enrolment: enrolled.and_then(|wave| enrolment::find_to_wire(seen, wave, explanation.practice)),
        blockers: explanation.blockers.iter().map(blocker_to_wire).collect(),
        information: explanation.information.iter().map(information_to_wire).collect(),
        earliest_at: explanation.earliest_at.map(moment),
        summary: explanation.summary(),
        registry_position: explanation.registry_position,
        position: 0,
    }
}

fn blocker_to_wire(blocker: &Blocker) -> wire::Blocker {
    wire::Blocker {
        code: blocker.code().to_owned(),
        evidence: blocker.to_string(),
        owner: blocker.owner(),
        clears_by: blocker.clears_by(),
        earliest_at: blocker.earliest_at().map(moment),
    }
}

fn information_to_wire(information: &Information) -> wire::Information {
    wire::Information {
        code: information.code().to_owned(),
        evidence: information.to_string(),
        source: information.advice.source.clone(),
        resource: information.resource(),
        since: Some(moment(information.advice.from)),
    }
}

//! ExplainPractice: why a practice is as it is, or was at a moment.

use std::sync::Arc;

use api::Error;
use jiff::Timestamp;
use journal::Published;
use proto::scheduler::v1 as wire;
use rollout::{Blocker, Explanation, Information, Target, explain as explain_target};

use super::convert::enrolment::{self, Seen};
use super::convert::{moment, name};
use super::programmes::as_known_at;
use super::submit::Asked;
use super::{Handlers, refusal};
use crate::machine::SchedulerMachine;
use crate::pasts::Past;

pub(super) async fn explain(
    handlers: &Handlers,
    asked: Asked<wire::ExplainPracticeRequest>,
) -> Result<wire::ExplainPracticeResponse, Error> {
    let request = &asked.request;
    let practice = name::practice("practice", &request.practice)?;
    handlers.authorise_practice(&asked, practice)?;
    let target = Target { practice, capability: name::code_of("capability", &request.capability)? };
    let known_at = api::time::moment("known_at", request.known_at.as_ref())?;
    let published = handlers.at(request.min_position).await?;
    if let Some(known_at) = known_at {
        let past = handlers.past(&published, known_at).await?;
        let seen = Seen { state: &past.state.rollout, view: &past.view };
        return explained(seen, past.position, &target, known_at);
    }
    let view = handlers.followed.view();
    let seen = Seen { state: &published.state.rollout, view: &view };
    // Before a first copy of the registry is there nobody is known, and that is no reason to say so.
    if view.position == 0 {
        return Ok(explanation_to_wire(seen, published.position, &target, handlers.clock.now()));
    }
    explained(seen, published.position, &target, handlers.clock.now())
}

fn explained(
    seen: Seen<'_>,
    position: u64,
    target: &Target,
    at: Timestamp,
) -> Result<wire::ExplainPracticeResponse, Error> {
    if seen.view.get(target.practice).is_none() {
        return Err(Error::not_found("PRACTICE_NOT_FOUND", "{practice} is not in the register")
            .with("practice", format!("practices/{}", target.practice)));
    }
    Ok(explanation_to_wire(seen, position, target, at))
}

impl Handlers {
    /// What was known at a moment that has passed.
    async fn past(&self, published: &Published<SchedulerMachine>, known_at: Timestamp) -> Result<Arc<Past>, Error> {
        if let Some(past) = self.pasts.of(known_at) {
            return Ok(past);
        }
        // Reading what is stored takes no time of the domain's.
        let _activity = self.clock.activity();
        let (state, position) = as_known_at(self, published, known_at).await?;
        let view = self.permits.registry.known_at(known_at).await.map_err(|error| refusal::of_peer(&error))?;
        let past = Arc::new(Past { state, position, view });
        if known_at < self.clock.now() {
            self.pasts.keep(known_at, &past);
        }
        Ok(past)
    }
}

fn explanation_to_wire(seen: Seen<'_>, position: u64, target: &Target, at: Timestamp) -> wire::ExplainPracticeResponse {
    let explanation = explain_target(seen.state, seen.view, target, at);
    let enrolled = explanation.wave.as_ref();
    wire::ExplainPracticeResponse {
        practice: format!("practices/{}", explanation.practice),
        capability: explanation.capability.to_string(),
        live: explanation.is_live(),
        observed: explanation.observed.to_string(),
        desired: explanation.desired.to_string(),
        enrolment: enrolled.and_then(|wave| enrolment::find_to_wire(seen, wave, explanation.practice)),
        blockers: explanation.blockers.iter().map(|blocker| blocker_to_wire(&explanation, blocker)).collect(),
        information: explanation.information.iter().map(information_to_wire).collect(),
        earliest_at: explanation.earliest_at.map(moment),
        summary: explanation.summary(),
        registry_position: explanation.registry_position,
        as_at: Some(moment(explanation.at)),
        position,
    }
}

fn blocker_to_wire(explanation: &Explanation, blocker: &Blocker) -> wire::Blocker {
    wire::Blocker {
        code: blocker.code().to_owned(),
        evidence: blocker.sentence(),
        owner: explanation.owner_of(blocker),
        clears_by: blocker.clears_by(),
        earliest_at: blocker.earliest_at().map(moment),
        resource: blocker.resource().unwrap_or_default(),
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

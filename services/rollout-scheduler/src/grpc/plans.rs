//! Plans: looking at one, submitting, approving, rejecting.

use std::sync::Arc;

use api::Error;
use journal::Outcome;
use proto::scheduler::v1 as wire;
use rollout::plan::{Expansion, Plan, PlanHash, diff, expand};
use rollout::spec::{ProgrammeSpec, Violation};
use rollout::{Act, PlanVersion, ProgrammeId, State};

use super::convert::{name, plan};
use super::programmes::{expectation, read_document};
use super::submit::{Ask, Asked};
use super::{Handlers, programme_of, refusal};
use crate::machine::{Rejection, SchedulerMachine};

/// How many moves a preview lists at most; the counts are of all.
const MOVES_MAX: usize = 1_000;

pub(super) async fn preview(
    handlers: &Handlers,
    asked: Asked<wire::PreviewPlanRequest>,
) -> Result<wire::PreviewPlanResponse, Error> {
    let request = &asked.request;
    let id = name::programme("name", &request.name)?;
    let moves_max = moves_max(request.moves_count_max)?;
    let published = handlers.at(request.min_position).await?;
    let state = &published.state.rollout;
    if !request.plan.is_empty() {
        return submitted(state, &id, request, moves_max);
    }
    let document = if request.specification.is_empty() {
        programme_of(state, &id)?.document.clone()
    } else {
        read_document(&id, &request.specification)?
    };
    let made = handlers.make_plan(state, Arc::new(document.spec.clone())).await?;
    let changed = match state.programme(&id) {
        Some(programme) => programme.difference(programme.plan(), &made),
        None => diff(None, &made),
    };
    Ok(plan::preview_to_wire(&made, &changed, &state.calendar, moves_max))
}

/// A version as it was submitted, against the one that it follows on.
fn submitted(
    state: &State,
    id: &ProgrammeId,
    request: &wire::PreviewPlanRequest,
    moves_max: usize,
) -> Result<wire::PreviewPlanResponse, Error> {
    if !request.specification.is_empty() {
        return Err(Error::invalid("plan", "PLAN_AND_DOCUMENT", "{field}: give a version or a document, not both"));
    }
    let (named, version) = name::plan("plan", &request.plan)?;
    if named != *id {
        return Err(Error::invalid("plan", "PLAN_OF_OTHER_PROGRAMME", "{field} is no version of {programme}'s plan")
            .with("programme", id));
    }
    let programme = programme_of(state, id)?;
    let unknown = || rollout::Rejection::UnknownPlan { programme: id.clone(), version };
    let record = programme.plans.get(&version).ok_or_else(|| refusal::of_rejection(&Rejection::Rollout(unknown())))?;
    let parent = record.plan.parent.and_then(|parent| programme.plans.get(&parent)).map(|parent| parent.plan.as_ref());
    Ok(plan::preview_to_wire(&record.plan, &programme.difference(parent, &record.plan), &state.calendar, moves_max))
}

pub(super) async fn submit(
    handlers: &Handlers,
    asked: Asked<wire::SubmitPlanRequest>,
) -> Result<wire::SubmitPlanResponse, Error> {
    let mutation = api::mutation!(asked.request)?;
    let id = name::programme("name", &asked.request.name)?;
    let expects = expectation(&id, &asked.request.etag)?;
    let published = handlers.at(0).await?;
    let document = programme_of(&published.state.rollout, &id)?.document.clone();
    let ask = match handlers.expanded(&published.state.rollout, Arc::new(document.spec.clone())).await? {
        Ok(made) => Ask::act(&asked, &mutation, Act::SubmitPlan { plan: Arc::new(made) }).expecting(expects),
        // A repeated request may meet a day on which its plan could not be made any more.
        Err(violations) => {
            Ask::replay_only(&asked, &mutation, Rejection::Rollout(rollout::Rejection::Invalid(violations)))
        }
    };
    let word = move |outcome: &Outcome<'_, SchedulerMachine>| wire::SubmitPlanResponse {
        plan: latest_plan(outcome, &id),
        position: outcome.position,
    };
    handlers.submit(ask, word).await
}

pub(super) async fn approve(
    handlers: &Handlers,
    asked: Asked<wire::ApprovePlanRequest>,
) -> Result<wire::ApprovePlanResponse, Error> {
    let mutation = api::mutation!(asked.request)?;
    let (programme, version) = name::plan("name", &asked.request.name)?;
    let hash: PlanHash = asked.request.plan_hash.parse().map_err(|problem| {
        Error::invalid("plan_hash", "PLAN_HASH_INVALID", "{field}: {problem}").with("problem", problem)
    })?;
    let act = Act::ApprovePlan { programme: programme.clone(), version, hash };
    let word = move |outcome: &Outcome<'_, SchedulerMachine>| wire::ApprovePlanResponse {
        plan: outcome_plan(outcome, &programme, version),
        position: outcome.position,
    };
    handlers.submit(Ask::act(&asked, &mutation, act), word).await
}

pub(super) async fn reject(
    handlers: &Handlers,
    asked: Asked<wire::RejectPlanRequest>,
) -> Result<wire::RejectPlanResponse, Error> {
    let mutation = api::mutation!(asked.request)?;
    let (programme, version) = name::plan("name", &asked.request.name)?;
    let act = Act::RejectPlan { programme: programme.clone(), version };
    let word = move |outcome: &Outcome<'_, SchedulerMachine>| wire::RejectPlanResponse {
        plan: outcome_plan(outcome, &programme, version),
        position: outcome.position,
    };
    handlers.submit(Ask::act(&asked, &mutation, act), word).await
}

impl Handlers {
    /// The plan that a document makes of the registry as it is now.
    async fn make_plan(&self, state: &State, spec: Arc<ProgrammeSpec>) -> Result<Plan, Error> {
        self.expanded(state, spec).await?.map_err(|violations| refusal::of_violations(&violations))
    }

    /// That plan, or all that is wrong with the document. Takes up to seconds for a nation, so it is made on another
    /// thread; virtual time stands still meanwhile.
    async fn expanded(&self, state: &State, spec: Arc<ProgrammeSpec>) -> Result<Result<Plan, Vec<Violation>>, Error> {
        let view = self.followed.view();
        if view.position == 0 {
            return Err(Error::unavailable(
                "REGISTRY_NOT_SEEN",
                "the practice registry has not been seen yet; try again",
            ));
        }
        let (state, now) = (state.clone(), self.clock.now());
        let _activity = self.clock.activity();
        let made = self.clock.off_thread(move || expand(Expansion { spec: &spec, state: &state, view: &view, now }));
        made.await.map_err(|error| Error::internal(&error))
    }
}

fn moves_max(asked: i32) -> Result<usize, Error> {
    match usize::try_from(asked) {
        Ok(0) => Ok(MOVES_MAX),
        Ok(asked) => Ok(asked.min(MOVES_MAX)),
        Err(_) => Err(Error::invalid("moves_count_max", "COUNT_NEGATIVE", "{field} must be 0 (the default) or more")),
    }
}

fn latest_plan(outcome: &Outcome<'_, SchedulerMachine>, id: &ProgrammeId) -> Option<wire::Plan> {
    let (_, record) = outcome.after.rollout.programme(id)?.plans.get_max()?;
    Some(plan::plan_to_wire(record))
}

fn outcome_plan(outcome: &Outcome<'_, SchedulerMachine>, id: &ProgrammeId, version: PlanVersion) -> Option<wire::Plan> {
    Some(plan::plan_to_wire(outcome.after.rollout.programme(id)?.plans.get(&version)?))
}

//! Holds: placing, lifting, listing, acknowledging.

use std::cmp::Reverse;

use api::{Error, Page, PageLimits};
use journal::Outcome;
use ods::PracticeCode;
use proto::scheduler::v1 as wire;
use rollout::state::{Hold, HoldScope, Load};
use rollout::{Account, Act, HoldId, RegistryView, State};

use super::convert::hold::{self, ScopeAsked};
use super::convert::{count, etag, moment, name};
use super::submit::{Ask, Asked};
use super::{Handlers, refusal};
use crate::machine::{Event, Expectation, Rejection, SchedulerMachine};
use crate::selection;

/// Longest name of whoever answers for a hold.
const OWNER_CHARS_MAX: usize = 128;

pub(super) async fn place(
    handlers: &Handlers,
    asked: Asked<wire::PlaceHoldRequest>,
) -> Result<wire::PlaceHoldResponse, Error> {
    let mutation = api::mutation!(asked.request)?.with_reason()?;
    let asked_scope = hold::scope_from_wire(asked.request.scope.as_ref())?;
    let by_filter = matches!(asked_scope, ScopeAsked::Filter(_));
    let scope = scope_of(handlers, asked_scope)?;
    handlers.authorise_placing(&asked, &scope)?;
    let act = act_of(&asked, scope.clone())?;
    let confirmed = if by_filter && !mutation.dry_run { confirmed(&asked.request, &scope)? } else { Ok(()) };
    let ask = match confirmed {
        Ok(()) => Ask::act(&asked, &mutation, act),
        // A repeated request may meet a selection that has changed since its first run.
        Err(changed) => Ask::replay_only(&asked, &mutation, changed),
    };
    let word = move |outcome: &Outcome<'_, SchedulerMachine>| {
        let (practices, load) = withheld(&outcome.after.rollout, &scope);
        wire::PlaceHoldResponse {
            hold: placed(outcome).map(|hold| hold::hold_to_wire(hold, practices.len() as u64)),
            patients_count: count(load.patients),
            position: outcome.position,
            affected_count: count(practices.len() as u64),
            affected_hash: selection::hash(&practices),
        }
    };
    handlers.submit(ask.urgent(), word).await
}

fn act_of(asked: &Asked<wire::PlaceHoldRequest>, scope: HoldScope) -> Result<Act, Error> {
    let request = &asked.request;
    api::validate::free_text("owner", &request.owner, OWNER_CHARS_MAX)?;
    let owner = if request.owner.is_empty() { asked.account() } else { Account::new(&request.owner) };
    Ok(Act::PlaceHold {
        brake: hold::brake_from_wire(request.brake()),
        scope,
        class: hold::class_from_wire(request.hold_class())?,
        owner,
        review_on: api::time::date("review_on", &request.review_on)?,
    })
}

pub(super) async fn lift(
    handlers: &Handlers,
    asked: Asked<wire::LiftHoldRequest>,
) -> Result<wire::LiftHoldResponse, Error> {
    let mutation = api::mutation!(asked.request)?.with_reason()?;
    let id = name::hold("name", &asked.request.name)?;
    handlers.authorise_lifting(&asked, id)?;
    let etag = etag::read("etag", &asked.request.etag)?;
    let word = move |outcome: &Outcome<'_, SchedulerMachine>| {
        let state = &outcome.after.rollout;
        let lifted = state.holds.get(&id);
        let asked_for =
            lifted.and_then(|hold| hold.lift_asked.as_ref()).filter(|_| lifted.is_some_and(|hold| hold.is_active()));
        wire::LiftHoldResponse {
            hold: lifted.map(|hold| hold_described(state, hold)),
            second_person_until: asked_for.map(|asked| moment(asked.until)),
            position: outcome.position,
        }
    };
    handlers.submit(Ask::act(&asked, &mutation, Act::LiftHold { hold: id, etag }), word).await
}

pub(super) async fn acknowledge(
    handlers: &Handlers,
    asked: Asked<wire::AcknowledgeHaltRequest>,
) -> Result<wire::AcknowledgeHaltResponse, Error> {
    let mutation = api::mutation!(asked.request)?.with_reason()?;
    let id = name::hold("name", &asked.request.name)?;
    let expects = etag::read("etag", &asked.request.etag)?.map(|position| Expectation::Hold(id, position));
    let word = move |outcome: &Outcome<'_, SchedulerMachine>| wire::AcknowledgeHaltResponse {
        hold: outcome.after.rollout.holds.get(&id).map(|hold| hold_described(&outcome.after.rollout, hold)),
        position: outcome.position,
    };
    let ask = Ask::act(&asked, &mutation, Act::AcknowledgeHalt { hold: id }).expecting(expects);
    handlers.submit(ask, word).await
}

pub(super) async fn list(
    handlers: &Handlers,
    asked: Asked<wire::ListHoldsRequest>,
) -> Result<wire::ListHoldsResponse, Error> {
    let page: Page<HoldId> = api::page!(asked.request, PageLimits::STANDARD)?;
    let published = handlers.at(asked.request.min_position).await?;
    let state = &published.state.rollout;
    let shown = |hold: &&Hold| asked.request.show_lifted || hold.is_active();
    let mut listed: Vec<&Hold> = state.holds.values().map(AsRef::as_ref).filter(shown).collect();
    listed.sort_by_key(|hold| Reverse(hold.id));
    listed.retain(|hold| page.after.is_none_or(|after| hold.id < after));
    let more = listed.len() > page.rows;
    listed.truncate(page.rows);
    let next = listed.last().filter(|_| more).map(|last| page.next_page_token(&last.id));
    Ok(wire::ListHoldsResponse {
        holds: listed.into_iter().map(|hold| hold_described(state, hold)).collect(),
        next_page_token: next.unwrap_or_default(),
    })
}

/// The scope of a request. A filter is evaluated now and its members fixed.
fn scope_of(handlers: &Handlers, asked: ScopeAsked) -> Result<HoldScope, Error> {
    match asked {
        ScopeAsked::Plain(scope) => Ok(scope),
        ScopeAsked::Filter(filter) => Ok(HoldScope::Selection(members(&filter, &handlers.followed.view())?)),
    }
}

fn members(filter: &str, view: &RegistryView) -> Result<imbl::OrdSet<PracticeCode>, Error> {
    let members = selection::members(filter, view);
    let members = members.map_err(|error| refusal::of_filter("scope.selection.filter", &error))?;
    Ok(members.into_iter().collect())
}

/// Whoever selects by a filter says of how many and of exactly which, as a dry run told them (I23). The inner error: they
/// are others now.
fn confirmed(request: &wire::PlaceHoldRequest, scope: &HoldScope) -> Result<Result<(), Rejection>, Error> {
    let HoldScope::Selection(members) = scope else { return Ok(Ok(())) };
    let (members_count, hash) = (members.len() as u64, selection::hash(members));
    if request.confirm_hash.is_empty() {
        let message = "a selection by filter is confirmed by the count and hash of a dry run: {count} and {hash} now";
        let error = Error::invalid("confirm_hash", "CONFIRMATION_REQUIRED", message);
        return Err(error.with("count", members_count).with("hash", hash));
    }
    let fits = request.confirm_count == count(members_count) && request.confirm_hash == hash;
    Ok(if fits { Ok(()) } else { Err(Rejection::SelectionChanged { members_count, hash }) })
}

/// The practices that a scope withholds, with the patients of those that are enrolled; of a selection all its members.
fn withheld(state: &State, scope: &HoldScope) -> (Vec<PracticeCode>, Load) {
    let (mut practices, load) = rollout::effects::withheld_by(state, scope);
    if let HoldScope::Selection(members) = scope {
        practices.extend(members.iter().copied());
        practices.sort_unstable();
        practices.dedup();
    }
    (practices, load)
}

fn hold_described(state: &State, hold: &Hold) -> wire::Hold {
    hold::hold_to_wire(hold, withheld(state, &hold.scope).0.len() as u64)
}

/// The hold that this command placed, with the position it was placed at.
fn placed<'a>(outcome: &'a Outcome<'_, SchedulerMachine>) -> Option<&'a Hold> {
    let id = outcome.events.iter().find_map(|event| match event {
        Event::Rollout(rollout::Event::HoldPlaced { hold }) => Some(hold.id),
        _ => None,
    });
    outcome.after.rollout.holds.get(&id?).map(AsRef::as_ref)
}

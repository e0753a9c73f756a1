//! What of a programme's readiness template is in a practice's way. The registry records where each item stands; what that
//! is worth to this programme is judged here.

use std::fmt;

use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};
use ods::readiness::catalogue_item;

use crate::blocker::Blocker;
use crate::blocker::words::Day;
use crate::calendar::civil_date;
use crate::spec::{ItemSpec, ReadinessSpec};
use crate::state::Programme;
use crate::view::{ItemState, PracticeFacts, ReadinessFacts};

/// A readiness item that is in the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lack {
    /// The item.
    pub item: String,
    /// Why it does not count.
    pub why: LackReason,
    /// Who sees to it: whom the practice named, or else who usually does; empty where nobody is known.
    pub owner: String,
    /// The day on which it is to be done.
    pub due_date: Option<Date>,
}

/// Why a readiness item does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LackReason {
    /// It is not done.
    Stands(ItemState),
    /// It was done too long ago for this programme.
    OutOfDate {
        /// From when it no longer counts.
        since: Date,
    },
    /// The practice says that it does not apply, which this programme does not accept.
    MustApply,
}

impl fmt::Display for Lack {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.why {
            LackReason::Stands(state) => write!(out, "{} {}", self.item, in_words(state))?,
            LackReason::OutOfDate { since } => write!(out, "{} has been out of date since {}", self.item, Day(since))?,
            LackReason::MustApply => {
                write!(out, "{} is said not to apply, and applies to every practice of the programme", self.item)?;
            }
        }
        match (self.owner.as_str(), self.due_date) {
            ("", None) => Ok(()),
            (owner, None) => write!(out, " ({owner} sees to it)"),
            ("", Some(due_date)) => write!(out, " (to be done by {})", Day(due_date)),
            (owner, Some(due_date)) => write!(out, " ({owner} sees to it by {})", Day(due_date)),
        }
    }
}

fn in_words(state: ItemState) -> &'static str {
    match state {
        ItemState::NotStarted => "is not begun",
        ItemState::InProgress => "is under way",
        ItemState::Complete => "is done",
        ItemState::NotApplicable => "is said not to apply",
        ItemState::Expired => "has expired",
    }
}

/// The items in the way of a go-live in `programme`, each as a blocker, by name; none is the programme where there is none.
pub(crate) fn unready(programme: Option<&Programme>, facts: &PracticeFacts, now: Timestamp) -> Vec<Blocker> {
    let template = programme.and_then(Programme::plan).and_then(|plan| plan.spec.readiness.as_ref());
    let lacks = match template {
        Some(template) => demanded(template, facts, now),
        None => begun(facts, now),
    };
    lacks.into_iter().map(|lack| Blocker::NotReady { practice: facts.code, lack }).collect()
}

fn demanded(template: &ReadinessSpec, facts: &PracticeFacts, now: Timestamp) -> Vec<Lack> {
    let mut lacks = Vec::new();
    for (item, demand) in template.iter().filter(|(_, demand)| demand.required) {
        let known = facts.readiness.iter().find(|known| known.item == *item);
        if let Some(why) = lack_reason(demand, known, now) {
            lacks.push(lack(item, why, known, &demand.usual_owner));
        }
    }
    lacks
}

/// Where the programme demands nothing by name: what was begun and is not done.
fn begun(facts: &PracticeFacts, now: Timestamp) -> Vec<Lack> {
    let lacking = facts.readiness.iter().filter_map(|known| {
        let state = state_at(known, now);
        let done = matches!(state, ItemState::Complete | ItemState::NotApplicable);
        (!done).then(|| lack(&known.item, LackReason::Stands(state), Some(known), ""))
    });
    lacking.collect()
}

fn lack(item: &str, why: LackReason, known: Option<&ReadinessFacts>, usual_owner: &str) -> Lack {
    let named = known.map(|known| known.owner.as_str()).filter(|owner| !owner.is_empty());
    let usual = catalogue_item(item).map_or(usual_owner, |of_all| of_all.usual_owner);
    let is_open = matches!(why, LackReason::Stands(ItemState::NotStarted | ItemState::InProgress));
    Lack {
        item: item.to_owned(),
        why,
        owner: named.unwrap_or(usual).to_owned(),
        due_date: known.and_then(|known| known.due_date).filter(|_| is_open),
    }
}

fn lack_reason(demand: &ItemSpec, known: Option<&ReadinessFacts>, now: Timestamp) -> Option<LackReason> {
    let Some(known) = known else { return Some(LackReason::Stands(ItemState::NotStarted)) };
    match state_at(known, now) {
        ItemState::Complete => {
            let since = out_of_date_from(demand, known)?;
            (since <= civil_date(now)).then_some(LackReason::OutOfDate { since })
        }
        ItemState::NotApplicable if demand.may_be_not_applicable => None,
        ItemState::NotApplicable => Some(LackReason::MustApply),
        state => Some(LackReason::Stands(state)),
    }
}

/// What permits less does not wait for its event (rule 15): an item whose time is over counts as expired.
fn state_at(known: &ReadinessFacts, now: Timestamp) -> ItemState {
    let is_over = known.expires_at.is_some_and(|expires_at| expires_at <= now);
    if known.state == ItemState::Complete && is_over { ItemState::Expired } else { known.state }
}

/// From when a done item no longer counts by the programme's own rule; none where the record has an end of its own.
fn out_of_date_from(demand: &ItemSpec, known: &ReadinessFacts) -> Option<Date> {
    let days = demand.valid_for_days.filter(|_| known.expires_at.is_none())?;
    let recorded_on = civil_date(known.recorded_at);
    let done_on = known.due_date.map_or(recorded_on, |due_date| due_date.min(recorded_on));
    Some(done_on.saturating_add(i64::from(days).days()))
}

//! Lapses: what is agreed to happen at a moment.
//!
//! Time alone changes nothing (rule 15). Each agreed end has a due moment, at which an event is appended with that moment
//! as its effective time; until then reads show the state before.

use std::collections::BTreeSet;

use jiff::Timestamp;
use ods::PracticeCode;
use ods::civil::day_start;
use serde::{Deserialize, Serialize};

use crate::directory::Status;
use crate::practice::Practice;
use crate::readiness::ReadinessState;

/// Most lapses in one record, so that a pause never waits for a whole nation's pauses to end.
pub const LAPSES_MAX: usize = 500;

/// What lapses.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LapseOf {
    /// The practice closes.
    Closure,
    /// The practice opens.
    Opening,
    /// A pause of this number ends.
    Pause(u32),
    /// A readiness item expires.
    Readiness(String),
    /// The succession that closes the practice takes effect. It is due at the first predecessor, for all it names, and
    /// comes about by an event of its own.
    Succession,
    /// Advice of this number ends.
    Advice(u32),
    /// The retention date of a contact of this number comes.
    Contact(u32),
}

/// Something that is due.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Due {
    /// When.
    pub moment: Timestamp,
    /// Where.
    pub practice: PracticeCode,
    /// What.
    pub what: LapseOf,
}

/// Something due that came about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lapse {
    /// Where.
    pub practice: PracticeCode,
    /// What.
    pub what: LapseOf,
    /// The due moment, from which it holds.
    pub effective_at: Timestamp,
}

/// All that is due at a practice, now or later.
pub(crate) fn dues_of(practice: &Practice) -> BTreeSet<Due> {
    let mut dues = BTreeSet::new();
    let mut add = |moment, what| dues.insert(Due { moment, practice: practice.code, what });
    for pause in practice.pauses_in_force() {
        if let Some(until) = pause.until() {
            add(until, LapseOf::Pause(pause.number));
        }
    }
    for (item, facts) in practice.readiness.iter() {
        let complete = facts.last().filter(|fact| fact.said.state == ReadinessState::Complete);
        if let Some((fact, expires_at)) = complete.and_then(|fact| Some((fact, fact.said.expires_at?))) {
            // What has expired when it is said expires at once, and not before it was said.
            add(expires_at.max(fact.effective_at), LapseOf::Readiness(item.clone()));
        }
    }
    for advice in practice.advice.iter().filter(|advice| advice.is_open()) {
        if let Some(until) = advice.advised.until {
            add(until, LapseOf::Advice(advice.number));
        }
    }
    for contact in practice.contacts.iter().filter(|contact| contact.is_kept()) {
        add(contact.retain_until, LapseOf::Contact(contact.number));
    }
    if let Some(closing) = practice.closing().filter(|closing| closing.effected_at.is_none())
        && closing.terms.predecessors.first() == Some(&practice.code)
    {
        add(day_start(closing.terms.effective_from), LapseOf::Succession);
    }
    // By the directory alone: a succession closes by its own event.
    let lifetime = practice.directory_lifetime();
    if let (Status::Proposed, Some(open)) = (practice.status, lifetime.open) {
        add(day_start(open), LapseOf::Opening);
    }
    if let (Status::Active | Status::Dormant | Status::Proposed, Some(close)) = (practice.status, lifetime.close) {
        add(day_start(close), LapseOf::Closure);
    }
    dues
}

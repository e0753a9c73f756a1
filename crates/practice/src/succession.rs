//! Successions of practices: mergers, splits, re-codings and closures, and who may be named in one (rule 9).
//!
//! A code is closed by at most one succession, and whoever succeeds must itself be open on that day: so the dates along
//! any line of successors rise, and no line returns to where it began. What the successors inherit is in
//! [`inheritance`](crate::inheritance).

use std::collections::BTreeSet;

use jiff::civil::Date;
use jiff::{Span, Timestamp};
use ods::PracticeCode;
use ods::civil::civil_date;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::apply::apply;
use crate::command::RecordSuccession;
use crate::decide::SCRATCH_POSITION;
use crate::event::Event;
use crate::inheritance::effect;
use crate::practice::Practice;
use crate::rejection::{Rejection, SuccessionRejection};
use crate::state::State;

/// Most practices on either side. The largest mergers in England joined about a dozen; a longer list is a mistake, and
/// one record must stay small enough for a pause to wait for.
pub const SUCCESSION_PRACTICES_MAX: usize = 50;

/// How far ahead a succession may be recorded. They are announced months ahead; a later date is a mistake in the year.
pub const SUCCESSION_AHEAD_DAYS_MAX: i32 = 730;

/// How a code ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SuccessionKind {
    /// One or more codes become part of one, which may be new or may have been open before.
    Merge,
    /// One code becomes two or more.
    Split,
    /// The same practice goes on under another code.
    Recode,
    /// The code ends and nobody succeeds.
    Close,
}

impl SuccessionKind {
    /// As people write it: `merge`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Merge => "merge",
            Self::Split => "split",
            Self::Recode => "recode",
            Self::Close => "close",
        }
    }

    fn takes(self, predecessors: usize, successors: usize) -> bool {
        match self {
            Self::Merge => predecessors >= 1 && successors == 1,
            Self::Split => predecessors == 1 && successors >= 2,
            Self::Recode => predecessors == 1 && successors == 1,
            Self::Close => predecessors == 1 && successors == 0,
        }
    }
}

/// Who is succeeded by whom, and from when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SuccessionTerms {
    /// How the codes end.
    pub kind: SuccessionKind,
    /// The codes that end, in order, each once.
    pub predecessors: Vec<PracticeCode>,
    /// The codes that go on, in order, each once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub successors: Vec<PracticeCode>,
    /// The first civil day on which the predecessors are closed.
    pub effective_from: Date,
}

impl SuccessionTerms {
    /// All that are named, predecessors first.
    pub fn practices(&self) -> impl Iterator<Item = PracticeCode> {
        self.predecessors.iter().chain(&self.successors).copied()
    }
}

/// A succession, as each practice named in it keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Succession {
    /// Who and when.
    pub terms: SuccessionTerms,
    /// When the registry was told.
    pub recorded_at: Timestamp,
    /// Account that told it.
    pub recorded_by: String,
    /// Why, from the caller's list of codes.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason_code: String,
    /// When its taking effect was recorded; None while its day has not come (rule 15).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effected_at: Option<Timestamp>,
}

/// Which practices a succession touches: what a caller confirms (I23).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Affected {
    /// How many.
    pub count: u32,
    /// SHA-256, in hexadecimal, of their codes in order, each with a line feed after it.
    pub hash: String,
}

impl Affected {
    fn of(codes: &BTreeSet<PracticeCode>) -> Self {
        let mut hash = Sha256::new();
        for code in codes {
            hash.update(code.as_str());
            hash.update("\n");
        }
        let count = u32::try_from(codes.len()).expect("a succession names at most a hundred practices");
        Self { count, hash: hex::encode(hash.finalize()) }
    }
}

/// The practices that a succession touches: those it names, and whoever has succeeded its successors since.
#[must_use]
pub fn affected(state: &State, terms: &SuccessionTerms) -> Affected {
    let mut codes: BTreeSet<PracticeCode> = terms.practices().collect();
    for successor in &terms.successors {
        codes.extend(heirs(state, *successor));
    }
    Affected::of(&codes)
}

/// Whoever has succeeded `code`, directly or by further successions, each once, nearest first.
#[must_use]
pub fn heirs(state: &State, code: PracticeCode) -> Vec<PracticeCode> {
    let mut heirs: Vec<PracticeCode> = Vec::new();
    let mut next = 0;
    let successors = |code: PracticeCode| {
        let succeeded = state.practice(code).and_then(|practice| practice.succeeded());
        succeeded.map(|succession| succession.terms.successors.as_slice()).unwrap_or_default()
    };
    let mut found: &[PracticeCode] = successors(code);
    loop {
        for heir in found {
            if !heirs.contains(heir) {
                heirs.push(*heir);
            }
        }
        let Some(heir) = heirs.get(next) else { return heirs };
        next += 1;
        found = successors(*heir);
    }
}

/// Records a succession; one whose day has come takes effect at once.
pub(crate) fn recorded(state: &State, asked: &RecordSuccession, now: Timestamp) -> Result<Vec<Event>, Rejection> {
    check(state, asked, now)?;
    let mut terms = asked.terms.clone();
    terms.predecessors.sort();
    terms.successors.sort();
    let recorded = Event::SuccessionRecorded {
        terms: terms.clone(),
        recorded_by: asked.recorded_by.clone(),
        reason_code: asked.reason_code.clone(),
    };
    if terms.effective_from > civil_date(now) {
        return Ok(vec![recorded]);
    }
    let mut scratch = state.clone();
    apply(&mut scratch, &recorded, SCRATCH_POSITION, now);
    let effected = Event::SuccessionEffected(effect(&scratch, &terms, now));
    Ok(vec![recorded, effected])
}

/// Judges who is named, when, and what the caller saw.
fn check(state: &State, asked: &RecordSuccession, now: Timestamp) -> Result<(), Rejection> {
    let terms = &asked.terms;
    check_shape(terms, civil_date(now))?;
    for code in &terms.predecessors {
        let practice = state.practice(*code).ok_or(Rejection::PracticeUnknown { practice: *code })?;
        check_predecessor(practice, terms.effective_from)?;
    }
    for code in &terms.successors {
        let practice = state.practice(*code).ok_or(SuccessionRejection::SuccessorUnknown { practice: *code })?;
        check_successor(practice, terms.effective_from)?;
    }
    for (code, seen) in &asked.if_positions {
        let named = terms.practices().any(|practice| practice == *code);
        let practice = state.practice(*code).filter(|_| named);
        let practice = practice.ok_or(SuccessionRejection::NotInSuccession { practice: *code })?;
        if practice.position() != *seen {
            return Err(Rejection::PracticeChanged { practice: *code, position: practice.position(), seen: *seen });
        }
    }
    let affected = affected(state, terms);
    let count_differs = asked.confirm_count.is_some_and(|count| count != affected.count);
    let hash_differs = asked.confirm_hash.as_ref().is_some_and(|hash| *hash != affected.hash);
    if count_differs || hash_differs {
        return Err(SuccessionRejection::AffectedDiffers { affected }.into());
    }
    Ok(())
}

fn check_shape(terms: &SuccessionTerms, today: Date) -> Result<(), SuccessionRejection> {
    let (predecessors_count, successors_count) = (terms.predecessors.len(), terms.successors.len());
    let long = predecessors_count.max(successors_count) > SUCCESSION_PRACTICES_MAX;
    if long || !terms.kind.takes(predecessors_count, successors_count) {
        return Err(SuccessionRejection::SuccessionShape { kind: terms.kind, predecessors_count, successors_count });
    }
    let mut named = BTreeSet::new();
    for practice in terms.practices() {
        if !named.insert(practice) {
            return Err(SuccessionRejection::NamedTwice { practice });
        }
    }
    let last = today.checked_add(Span::new().days(SUCCESSION_AHEAD_DAYS_MAX)).unwrap_or(Date::MAX);
    if terms.effective_from > last {
        return Err(SuccessionRejection::EffectiveTooFar { effective_from: terms.effective_from, last });
    }
    Ok(())
}

/// It may close once, and not before it has itself succeeded somebody.
fn check_predecessor(practice: &Practice, day: Date) -> Result<(), SuccessionRejection> {
    if let Some(closing) = practice.closing() {
        return Err(SuccessionRejection::AlreadySucceeded {
            practice: practice.code,
            effective_from: closing.terms.effective_from,
            successors: closing.terms.successors.clone(),
        });
    }
    let succeeds = practice.successions.iter().map(|succession| succession.terms.effective_from).max();
    match succeeds.filter(|succeeds| *succeeds >= day) {
        Some(succeeds) => {
            Err(SuccessionRejection::ClosesBeforeSucceeding { practice: practice.code, succeeds, closes: day })
        }
        None => Ok(()),
    }
}

/// It must be open on the day: whoever closes then is no heir.
fn check_successor(practice: &Practice, day: Date) -> Result<(), SuccessionRejection> {
    match practice.present_lifetime().close.filter(|close| *close <= day) {
        Some(closed_from) => Err(SuccessionRejection::SuccessorClosed { practice: practice.code, closed_from }),
        None => Ok(()),
    }
}

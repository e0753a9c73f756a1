//! Who gets a permit. The permit is the only line: a pause that is recorded before it prevents, one after it is PENDING.

use jiff::Timestamp;

use crate::access::{Access, ObservedState, Outcome, Permit};
use crate::directory::Status;
use crate::key::{Action, CommandKey};
use crate::pause::{Pause, ReceiptState};
use crate::practice::Practice;
use crate::state::State;
use crate::succession::SuccessionTerms;
use ods::civil::civil_date;

/// Why there is no permit. All but the first two are of ENABLE: DISABLE always gets one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PermitRefusal {
    /// No directory has named this practice.
    PracticeUnknown,
    /// The key was settled.
    KeyClosed,
    /// The practice is not open for business.
    PracticeNotOpen(Status),
    /// It succeeds others from today, and has not inherited yet what may restrain it.
    SuccessionDue,
    /// This pause is in force.
    Paused(u32),
    /// This pause has ended, but what it was pending on is not settled or not reversed.
    ReceiptPending(u32),
    /// The practice has asked for access to be taken away.
    SwitchOffRequested,
    /// The permit of this command is open.
    PermitOpen(Action, u32),
    /// Observed ON already.
    AlreadyOn,
    /// The highest generation seen is this.
    GenerationStale(u32),
}

/// Why a key gets no permit now; None where it gets one, or has it open already.
#[must_use]
pub fn permit_refusal(state: &State, key: &CommandKey, now: Timestamp) -> Option<PermitRefusal> {
    match state.practice(key.practice) {
        Some(practice) => refusal_at(practice, key, now),
        None => Some(PermitRefusal::PracticeUnknown),
    }
}

/// The same of a practice.
pub(crate) fn refusal_at(practice: &Practice, key: &CommandKey, now: Timestamp) -> Option<PermitRefusal> {
    if let Some(permit) = permit_at(practice, key) {
        return (!permit.is_open()).then_some(PermitRefusal::KeyClosed);
    }
    match key.action {
        Action::Disable => None,
        Action::Enable => enable_refusal(practice, practice.access(&key.capability), key, now),
    }
}

/// The permit of this command, open or settled.
#[must_use]
pub fn permit_of<'a>(state: &'a State, key: &CommandKey) -> Option<&'a Permit> {
    permit_at(state.practice(key.practice)?, key)
}

/// The same of a practice.
pub(crate) fn permit_at<'a>(practice: &'a Practice, key: &CommandKey) -> Option<&'a Permit> {
    practice.access(&key.capability)?.permit(key.action, key.generation)
}

fn enable_refusal(
    practice: &Practice,
    access: Option<&Access>,
    key: &CommandKey,
    now: Timestamp,
) -> Option<PermitRefusal> {
    if let Some(status) = closed_for_enable(practice, now) {
        return Some(PermitRefusal::PracticeNotOpen(status));
    }
    if inherits_today(practice, now) {
        return Some(PermitRefusal::SuccessionDue);
    }
    let covering = |pause: &&Pause| pause.covers(&key.capability);
    // In force by the events, whatever the clock says: a lapse that permits more waits for its event (rule 15).
    if let Some(pause) = practice.pauses_in_force().find(covering) {
        return Some(PermitRefusal::Paused(pause.number));
    }
    let pending =
        |pause: &&Pause| pause.receipt_part(&key.capability).is_some_and(|part| part.state == ReceiptState::Pending);
    if let Some(pause) = practice.pauses.iter().find(pending) {
        return Some(PermitRefusal::ReceiptPending(pause.number));
    }
    let access = access?;
    if access.switch_off.is_some() {
        return Some(PermitRefusal::SwitchOffRequested);
    }
    if let Some(open) = access.permits().iter().find(|permit| permit.is_open()) {
        return Some(PermitRefusal::PermitOpen(open.action, open.generation));
    }
    if access.verdict().is_some_and(|verdict| verdict.state == ObservedState::On) {
        return Some(PermitRefusal::AlreadyOn);
    }
    if key.generation <= access.generation_highest {
        return Some(PermitRefusal::GenerationStale(access.generation_highest));
    }
    None
}

/// A closure permits less, so it is also checked against `now`, ahead of its event; an opening waits for its event
/// (rule 15).
fn closed_for_enable(practice: &Practice, now: Timestamp) -> Option<Status> {
    if practice.status != Status::Active {
        return Some(practice.status);
    }
    let by_calendar = practice.present_lifetime().status_on(civil_date(now));
    (by_calendar != Status::Active).then_some(by_calendar)
}

/// What a successor inherits permits less, so it is not waited for in vain: from the day of the succession on, whoever
/// succeeds gets no permit until the event says what was inherited (rule 15).
fn inherits_today(practice: &Practice, now: Timestamp) -> bool {
    let today = civil_date(now);
    let due = |terms: &SuccessionTerms| terms.effective_from <= today && terms.successors.contains(&practice.code);
    practice.successions.iter().any(|succession| succession.effected_at.is_none() && due(&succession.terms))
}

/// Why a settlement is not recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SettlementRefusal {
    /// There is no permit for this key.
    NoPermit,
    /// It was settled with this outcome, and the first outcome stands.
    OutcomeDiffers(Outcome),
}

/// Why `outcome` cannot be this command's; None where it is recorded now, or was before.
#[must_use]
pub fn settlement_refusal(state: &State, key: &CommandKey, outcome: Outcome) -> Option<SettlementRefusal> {
    let Some(permit) = permit_of(state, key) else { return Some(SettlementRefusal::NoPermit) };
    let settled = permit.settled?;
    (settled.outcome != outcome).then_some(SettlementRefusal::OutcomeDiffers(settled.outcome))
}

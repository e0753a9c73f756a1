//! The registry's own facts that bear on access at a practice: its part of the answer to "why".
//!
//! Holds, waves and dates are the scheduler's part, which ExplainPractice adds.

use jiff::Timestamp;
use ods::civil::day_start;
use ods::{Capability, PracticeCode};

use crate::access::{ObservationSource, ObservedState};
use crate::advice::AdviceKind;
use crate::directory::Status;
use crate::key::Action;
use crate::signal::SignalKind;
use crate::view::View;

/// A fact that bears on access.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fact {
    /// This holds by what was observed.
    Observed(ObservedState),
    /// Those who looked disagree about whether it is on; the facts after it say what each said.
    Disputed,
    /// In a dispute: this source says so.
    Says(ObservationSource, ObservedState),
    /// This was noticed, and changes no state.
    Signal(SignalKind),
    /// Nothing was ever observed.
    NeverObserved,
    /// This pause is in force.
    Paused(u32),
    /// The practice has asked for access to be taken away.
    SwitchOffRequested,
    /// The practice is not open for business.
    NotOpen(Status),
    /// This practice has succeeded it: ask about that one.
    SucceededBy(PracticeCode),
    /// A command to switch on has its permit and is not settled.
    EnablePermitted,
    /// A command to switch off has its permit and is not settled.
    DisablePermitted,
    /// This advice to wait is open. It stops nothing by itself.
    AdviceToWait(u32),
}

/// A fact, and since when, where that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reason {
    /// The fact.
    pub fact: Fact,
    /// Since when.
    pub since: Option<Timestamp>,
}

/// All facts that bear on access to `capability`, the observation first.
#[must_use]
pub fn reasons(view: View<'_>, capability: &Capability) -> Vec<Reason> {
    let mut reasons = observed(view, capability);
    for (kind, fact) in view.signals(capability) {
        reasons.push(Reason { fact: Fact::Signal(kind), since: Some(fact.as_at) });
    }
    if view.status() != Status::Active {
        reasons.push(Reason { fact: Fact::NotOpen(view.status()), since: None });
    }
    if let Some(succession) = view.succeeded() {
        let since = Some(day_start(succession.terms.effective_from));
        let by = |code: &PracticeCode| Reason { fact: Fact::SucceededBy(*code), since };
        reasons.extend(succession.terms.successors.iter().map(by));
    }
    for pause in view.pauses().filter(|pause| pause.covers(capability) && view.is_in_force(pause)) {
        reasons.push(Reason { fact: Fact::Paused(pause.number), since: Some(pause.recorded_at) });
    }
    let waiting =
        |advice: &&crate::advice::Advice| advice.advised.kind == AdviceKind::Wait && advice.covers(capability);
    for advice in view.advice().filter(waiting) {
        reasons.push(Reason { fact: Fact::AdviceToWait(advice.number), since: Some(advice.from) });
    }
    if let Some(request) = view.switch_off(capability) {
        reasons.push(Reason { fact: Fact::SwitchOffRequested, since: Some(request.recorded_at) });
    }
    for permit in view.open_permits(capability) {
        let fact = match permit.action {
            Action::Enable => Fact::EnablePermitted,
            Action::Disable => Fact::DisablePermitted,
        };
        reasons.push(Reason { fact, since: Some(permit.granted_at) });
    }
    reasons
}

/// What holds; of a dispute, with what each said.
fn observed(view: View<'_>, capability: &Capability) -> Vec<Reason> {
    let Some(verdict) = view.observed(capability) else {
        return vec![Reason { fact: Fact::NeverObserved, since: None }];
    };
    if !verdict.is_disputed {
        let since = view.live_since(capability).or(Some(verdict.as_at));
        return vec![Reason { fact: Fact::Observed(verdict.state), since }];
    }
    let mut reasons = vec![Reason { fact: Fact::Disputed, since: Some(verdict.as_at) }];
    for word in view.standing(capability).words() {
        reasons.push(Reason { fact: Fact::Says(word.source, word.state), since: Some(word.as_at) });
    }
    reasons
}

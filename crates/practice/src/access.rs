//! What is known of one capability at one practice: observations, permits, the request to switch off.
//!
//! Live is observed, never assumed: nothing here derives a state from a permit or from the passing of time. What holds
//! where sources differ is the subject of [`evidence`](crate::evidence).

use jiff::Timestamp;
use ods::PracticeCode;
use serde::{Deserialize, Serialize};

use crate::evidence::{Standing, Verdict};
use crate::key::{Action, CommandKey};
use crate::setting::WrongSetting;
use crate::signal::Signals;
use crate::stored;

/// What was observed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ObservedState {
    /// New entries are not visible by default.
    Off,
    /// New entries are visible by default.
    On,
    /// Some settings are on and some are not.
    Partial,
    /// Not known, for instance since the supplier changed.
    Unknown,
}

/// Who observed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ObservationSource {
    /// The supplier, answering a command.
    SupplierConfirmation,
    /// The supplier's own list of enabled practices.
    SupplierList,
    /// The practice itself.
    Practice,
    /// A person who looked.
    Inspection,
    /// The directory, by a change of supplier (rule 10).
    Directory,
    /// A succession, after which nothing is known until somebody observes it (rule 9).
    Succession,
}

/// One observation: a piece of evidence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observed {
    /// What.
    pub state: ObservedState,
    /// Who.
    pub source: ObservationSource,
    /// The moment it is of.
    #[serde(with = "stored::moment")]
    pub as_at: Timestamp,
    /// When the registry was told.
    #[serde(with = "stored::moment")]
    pub recorded_at: Timestamp,
    /// The command it followed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<CommandKey>,
    /// Where the evidence lies: a list's number, a visit's report.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub evidence: String,
    /// Of PARTIAL: the settings that are not as they should be, where they were named.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub wrong_settings: Vec<WrongSetting>,
}

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It took effect.
    Applied,
    /// It had no effect and never will.
    NotApplied,
    /// The supplier refused it.
    Refused,
    /// It was never sealed.
    Voided,
}

/// The end of a permit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settled {
    /// When the registry was told.
    pub at: Timestamp,
    /// How the command ended.
    pub outcome: Outcome,
}

/// Leave to carry out one command. It doesn't time out: only the scheduler can say what became of the command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Permit {
    /// On or off.
    pub action: Action,
    /// Of the command key.
    pub generation: u32,
    /// When it was granted.
    pub granted_at: Timestamp,
    /// None while open. Once settled, the key is closed for ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settled: Option<Settled>,
}

impl Permit {
    /// The command may be on its way.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.settled.is_none()
    }

    /// As it stood at `moment`, where it was open then.
    pub(crate) fn open_at(&self, moment: Timestamp) -> Option<Self> {
        let was_open = self.granted_at <= moment && self.settled.is_none_or(|settled| settled.at > moment);
        was_open.then(|| Self { settled: None, ..self.clone() })
    }

    fn has_applied(&self) -> bool {
        self.settled.is_some_and(|settled| settled.outcome == Outcome::Applied)
    }
}

/// The practice's request to have access taken away now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SwitchOff {
    /// When it was recorded.
    pub recorded_at: Timestamp,
    /// Account that asked.
    pub requested_by: String,
    /// Why, from the caller's list of codes.
    pub reason_code: String,
    /// The predecessor at which it was asked for; None where it was asked for here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inherited_from: Option<PracticeCode>,
}

/// A request to switch off that was met.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SwitchedOff {
    /// The request.
    pub request: SwitchOff,
    /// When the registry learnt that access is off.
    pub done_at: Timestamp,
}

/// One capability at one practice.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Access {
    // By the moment they are of; equal moments in the order of recording.
    observations: Vec<Observed>,
    permits: Vec<Permit>,
    /// The highest generation that got a permit; 0 at first.
    pub generation_highest: u32,
    /// The open request to switch off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub switch_off: Option<SwitchOff>,
    /// Those before it, in the order of recording.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub switched_off: Vec<SwitchedOff>,
    /// What is noticed beside whether it is on.
    #[serde(default, skip_serializing_if = "Signals::is_empty")]
    pub signals: Signals,
}

impl Access {
    /// What holds by all that was observed; None where nothing ever was.
    #[must_use]
    pub fn verdict(&self) -> Option<Verdict<'_>> {
        self.standing(Timestamp::MAX, Timestamp::MAX).verdict()
    }

    /// The words that stood at `effective_at`, by what was recorded up to `known_at`.
    #[must_use]
    pub fn standing(&self, effective_at: Timestamp, known_at: Timestamp) -> Standing<'_> {
        let mut standing = Standing::default();
        for observed in self.known(effective_at, known_at) {
            standing.hear(observed);
        }
        standing
    }

    /// From when it has been live without a break up to `effective_at`; None where it was not live then. What was said of
    /// one moment counts together, so a correction of a word breaks nothing.
    #[must_use]
    pub fn live_since(&self, effective_at: Timestamp, known_at: Timestamp) -> Option<Timestamp> {
        let mut standing = Standing::default();
        let mut since = None;
        let mut words = self.known(effective_at, known_at).peekable();
        while let Some(word) = words.next() {
            standing.hear(word);
            if words.peek().is_some_and(|next| next.as_at == word.as_at) {
                continue;
            }
            let is_live = standing.verdict().is_some_and(|verdict| verdict.is_live());
            since = if is_live { since.or(Some(word.as_at)) } else { None };
        }
        since
    }

    /// All observations, by the moment they are of.
    #[must_use]
    pub fn observations(&self) -> &[Observed] {
        &self.observations
    }

    /// All permits ever granted, in that order.
    #[must_use]
    pub fn permits(&self) -> &[Permit] {
        &self.permits
    }

    /// The permit of this command.
    #[must_use]
    pub fn permit(&self, action: Action, generation: u32) -> Option<&Permit> {
        self.permits.iter().find(|permit| permit.action == action && permit.generation == generation)
    }

    /// The open permit to switch on, of which there is at most one.
    #[must_use]
    pub fn open_enable(&self) -> Option<&Permit> {
        self.permits.iter().find(|permit| permit.action == Action::Enable && permit.is_open())
    }

    /// The open permits to switch off.
    pub fn open_disables(&self) -> impl Iterator<Item = &Permit> {
        self.permits.iter().filter(|permit| permit.action == Action::Disable && permit.is_open())
    }

    /// The request to switch off that was open at `moment`.
    #[must_use]
    pub fn switch_off_at(&self, moment: Timestamp) -> Option<&SwitchOff> {
        let done_later = self.switched_off.iter().filter(|done| moment < done.done_at).map(|done| &done.request);
        done_later.chain(&self.switch_off).find(|request| request.recorded_at <= moment)
    }

    pub(crate) fn end_switch_off(&mut self, done_at: Timestamp) {
        let done = self.switch_off.take().map(|request| SwitchedOff { request, done_at });
        self.switched_off.extend(done);
    }

    /// Observed OFF, without dispute, or never observed at all: the only states in which a pause can have prevented
    /// anything.
    #[must_use]
    pub fn is_off_or_never_observed(&self) -> bool {
        self.verdict().is_none_or(|verdict| verdict.state == ObservedState::Off)
    }

    /// Has a command to switch off taken effect that was decided after `generation`?
    #[must_use]
    pub fn was_disabled_after(&self, generation: u32) -> bool {
        let later = |permit: &Permit| permit.action == Action::Disable && permit.generation > generation;
        self.permits.iter().any(|permit| later(permit) && permit.has_applied())
    }

    /// Is the open request to switch off fulfilled? Only when nothing is on its way to switch on, and OFF was observed of
    /// a moment after the request or a command to switch off took effect after it.
    #[must_use]
    pub fn switch_off_is_done(&self) -> bool {
        let (Some(request), Some(verdict)) = (&self.switch_off, self.verdict()) else { return false };
        let disabled_since = self.permits.iter().any(|permit| {
            permit.action == Action::Disable
                && permit.has_applied()
                && permit.settled.is_some_and(|settled| settled.at >= request.recorded_at)
        });
        verdict.state == ObservedState::Off
            && self.open_enable().is_none()
            && (disabled_since || verdict.as_at >= request.recorded_at)
    }

    pub(crate) fn observe(&mut self, observed: Observed) {
        let place = self.observations.partition_point(|earlier| earlier.as_at <= observed.as_at);
        self.observations.insert(place, observed);
    }

    pub(crate) fn grant(&mut self, action: Action, generation: u32, granted_at: Timestamp) {
        self.permits.push(Permit { action, generation, granted_at, settled: None });
        self.generation_highest = self.generation_highest.max(generation);
    }

    pub(crate) fn settle(&mut self, action: Action, generation: u32, settled: Settled) {
        let permit = self.permits.iter_mut().find(|permit| permit.action == action && permit.generation == generation);
        if let Some(permit) = permit {
            debug_assert!(permit.is_open(), "a permit is settled once");
            permit.settled = Some(settled);
        }
    }

    /// Observations up to both moments, by the moments they are of.
    fn known(&self, effective_at: Timestamp, known_at: Timestamp) -> impl Iterator<Item = &Observed> {
        let applies = move |observed: &&Observed| observed.as_at <= effective_at && observed.recorded_at <= known_at;
        self.observations.iter().filter(applies)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn second(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn request(recorded_at: i64) -> SwitchOff {
        SwitchOff {
            recorded_at: second(recorded_at),
            requested_by: "manager".to_owned(),
            reason_code: "safety".to_owned(),
            inherited_from: None,
        }
    }

    fn observed(state: ObservedState, as_at: i64) -> Observed {
        Observed {
            state,
            source: ObservationSource::SupplierList,
            as_at: second(as_at),
            recorded_at: second(as_at),
            command: None,
            evidence: String::new(),
            wrong_settings: Vec::new(),
        }
    }

    /// On or off, of which generation, and how and when it was settled.
    type Granted = (Action, u32, Option<(Outcome, i64)>);

    /// What is known when a request was recorded at second 10, OFF was observed of `off_at`, and these permits were settled.
    fn asked_at_ten(off_at: i64, permits: &[Granted]) -> Access {
        let mut access = Access { switch_off: Some(request(10)), ..Access::default() };
        access.observe(observed(ObservedState::Off, off_at));
        for (action, generation, settled) in permits {
            access.grant(*action, *generation, second(1));
            if let Some((outcome, at)) = settled {
                access.settle(*action, *generation, Settled { at: second(*at), outcome: *outcome });
            }
        }
        access
    }

    #[test]
    fn a_permit_was_open_from_its_grant_until_its_settlement() {
        let outcome = Outcome::Applied;
        let settled = Some(Settled { at: second(20), outcome });
        let permit = Permit { action: Action::Enable, generation: 1, granted_at: second(10), settled };
        let open = Some(Permit { settled: None, ..permit.clone() });
        assert_eq!(
            [9, 10, 19, 20].map(|moment| permit.open_at(second(moment))),
            [None, open.clone(), open.clone(), None]
        );
        let unsettled = Permit { settled: None, ..permit };
        assert_eq!([9, 10, 99].map(|moment| unsettled.open_at(second(moment))), [None, open.clone(), open]);
    }

    #[test]
    fn open_permits_to_switch_off_are_neither_settled_nor_to_switch_on() {
        let access = asked_at_ten(
            0,
            &[
                (Action::Enable, 1, None),
                (Action::Disable, 2, Some((Outcome::Applied, 5))),
                (Action::Disable, 3, None),
                (Action::Disable, 4, None),
            ],
        );
        assert_eq!(access.open_disables().map(|permit| permit.generation).collect::<Vec<_>>(), [3, 4]);
    }

    #[test]
    fn a_request_to_switch_off_was_open_from_when_it_was_recorded_until_it_was_met() {
        let mut access = Access { switch_off: Some(request(10)), ..Access::default() };
        access.end_switch_off(second(20));
        access.switch_off = Some(request(30));
        let open_at = |moment| access.switch_off_at(second(moment)).map(|request| request.recorded_at.as_second());
        assert_eq!(
            [9, 10, 19, 20, 29, 30, 99].map(open_at),
            [None, Some(10), Some(10), None, None, Some(30), Some(30)]
        );
    }

    #[test]
    fn only_a_later_command_to_switch_off_that_took_effect_counts_as_later() {
        let settled = |outcome| Some((outcome, 20));
        let disabled_after_two = |permits: &[Granted]| asked_at_ten(0, permits).was_disabled_after(2);
        assert!(disabled_after_two(&[(Action::Disable, 3, settled(Outcome::Applied))]));
        assert!(!disabled_after_two(&[(Action::Disable, 2, settled(Outcome::Applied))]));
        assert!(!disabled_after_two(&[(Action::Disable, 3, settled(Outcome::Refused))]));
        assert!(!disabled_after_two(&[(Action::Enable, 3, settled(Outcome::Applied))]));
    }

    /// OFF observed of before the request says nothing of it; a command that took effect since does.
    #[test]
    fn a_request_to_switch_off_is_met_by_what_was_observed_or_took_effect_since() {
        let applied_at = |at| Some((Outcome::Applied, at));
        let is_done = |off_at, permits: &[Granted]| asked_at_ten(off_at, permits).switch_off_is_done();
        assert_eq!([9, 10, 11].map(|off_at| is_done(off_at, &[])), [false, true, true]);
        assert_eq!(
            [9, 10, 11].map(|at| is_done(5, &[(Action::Disable, 1, applied_at(at))])),
            [false, true, true],
            "a command to switch off"
        );
        assert!(!is_done(5, &[(Action::Disable, 1, Some((Outcome::NotApplied, 20)))]), "it had no effect");
        assert!(!is_done(5, &[(Action::Enable, 1, applied_at(20))]), "it switched on");
        assert!(!is_done(20, &[(Action::Enable, 1, None)]), "something may be on its way to switch on");
    }
}

//! What is known of one capability at one practice: observations, permits, the request to switch off.
//!
//! Live is observed, never assumed: nothing here derives a state from a permit or from the passing of time.

use jiff::Timestamp;
use ods::PracticeCode;
use serde::{Deserialize, Serialize};

use crate::key::{Action, CommandKey};

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

/// One observation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observed {
    /// What.
    pub state: ObservedState,
    /// Who.
    pub source: ObservationSource,
    /// The moment it is of.
    pub as_at: Timestamp,
    /// When the registry was told.
    pub recorded_at: Timestamp,
    /// The command it followed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<CommandKey>,
}

impl Observed {
    /// Live by the rule of its source. All sources so far have the same rule: they must say ON.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.state == ObservedState::On
    }
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
}

impl Access {
    /// The latest observation; None where nothing was ever observed.
    #[must_use]
    pub fn latest(&self) -> Option<&Observed> {
        self.observations.last()
    }

    /// The latest observation of a moment up to `effective_at`, by what was recorded up to `known_at`.
    #[must_use]
    pub fn as_of(&self, effective_at: Timestamp, known_at: Timestamp) -> Option<&Observed> {
        self.known(effective_at, known_at).next()
    }

    /// From when it has been live without a break up to `effective_at`; None where it was not live then.
    #[must_use]
    pub fn live_since(&self, effective_at: Timestamp, known_at: Timestamp) -> Option<Timestamp> {
        let run = self.known(effective_at, known_at).take_while(|observed| observed.is_live());
        run.last().map(|first| first.as_at)
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

    /// Last observed as OFF, or never observed at all: the only states in which a pause can have prevented anything.
    #[must_use]
    pub fn is_off_or_never_observed(&self) -> bool {
        self.latest().is_none_or(|observed| observed.state == ObservedState::Off)
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
        let (Some(request), Some(latest)) = (&self.switch_off, self.latest()) else { return false };
        let disabled_since = self.permits.iter().any(|permit| {
            permit.action == Action::Disable
                && permit.has_applied()
                && permit.settled.is_some_and(|settled| settled.at >= request.recorded_at)
        });
        latest.state == ObservedState::Off
            && self.open_enable().is_none()
            && (disabled_since || latest.as_at >= request.recorded_at)
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

    /// Observations up to both moments, latest first.
    fn known(&self, effective_at: Timestamp, known_at: Timestamp) -> impl Iterator<Item = &Observed> {
        let applies = move |observed: &&Observed| observed.as_at <= effective_at && observed.recorded_at <= known_at;
        self.observations.iter().rev().filter(applies)
    }
}

//! Observations and signals: what those who look say. What is known already is left out, and so is an unknown practice.

use jiff::{SignedDuration, Timestamp};
use ods::PracticeCode;

use super::consequences;
use super::trial::Trial;
use crate::access::Observed;
use crate::apply::{conclude_at, observe_at};
use crate::command::{Observation, Signal};
use crate::event::{AccessObserved, Consequences, Event, SignalRecorded};
use crate::practice::Practice;
use crate::rejection::Rejection;
use crate::state::State;

/// How far an observer's clock may run ahead of ours: well above what synchronised clocks differ by, well below any
/// mistake in a date. Within it, the moment is taken as now.
pub const OBSERVER_AHEAD_MAX: SignedDuration = SignedDuration::from_mins(1);

pub(super) fn observed(state: &State, observations: &[Observation], now: Timestamp) -> Result<Vec<Event>, Rejection> {
    // What a batch says of one practice twice is judged one after the other.
    let mut trial = Trial::new(state);
    let mut recorded = Vec::new();
    for observation in observations {
        let as_at = observed_at(observation.practice, observation.as_at, now)?;
        let Some(practice) = trial.practice(observation.practice) else { continue };
        if observation_is_known(practice, observation, as_at) {
            continue;
        }
        let mut event = AccessObserved {
            practice: observation.practice,
            capability: observation.capability.clone(),
            state: observation.state,
            source: observation.source,
            as_at,
            command: observation.command.clone(),
            evidence: observation.evidence.clone(),
            wrong_settings: observation.wrong_settings.clone(),
            consequences: Consequences::default(),
        };
        trial.change(event.practice, |practice| {
            observe_at(practice, &event, now);
            event.consequences = consequences(practice, &event.capability);
            conclude_at(practice, &event.capability, &event.consequences, now);
        });
        recorded.push(event);
    }
    if recorded.is_empty() {
        return Ok(Vec::new());
    }
    Ok(vec![Event::AccessObserved { observations: recorded }])
}

fn observed_at(practice: PracticeCode, as_at: Option<Timestamp>, now: Timestamp) -> Result<Timestamp, Rejection> {
    let as_at = as_at.unwrap_or(now);
    if as_at.duration_since(now) > OBSERVER_AHEAD_MAX {
        return Err(Rejection::ObservedInFuture { practice, as_at, now });
    }
    Ok(as_at.min(now))
}

/// Was the same recorded before? Observers repeat themselves when a reply was lost.
fn observation_is_known(practice: &Practice, observation: &Observation, as_at: Timestamp) -> bool {
    let access = practice.access(&observation.capability);
    let same = |known: &Observed| {
        known.as_at == as_at
            && known.state == observation.state
            && known.source == observation.source
            && known.evidence == observation.evidence
            && known.wrong_settings == observation.wrong_settings
    };
    access.is_some_and(|access| access.observations().iter().rev().any(same))
}

pub(super) fn signalled(state: &State, signals: &[Signal], now: Timestamp) -> Result<Vec<Event>, Rejection> {
    let mut recorded = Vec::new();
    for signal in signals {
        let as_at = observed_at(signal.practice, signal.as_at, now)?;
        let Some(practice) = state.practice(signal.practice) else { continue };
        let access = practice.access(&signal.capability);
        if access.is_some_and(|access| access.signals.has(signal.kind, signal.is_raised, as_at, &signal.evidence)) {
            continue;
        }
        recorded.push(SignalRecorded {
            practice: signal.practice,
            capability: signal.capability.clone(),
            kind: signal.kind,
            is_raised: signal.is_raised,
            as_at,
            evidence: signal.evidence.clone(),
        });
    }
    if recorded.is_empty() {
        return Ok(Vec::new());
    }
    Ok(vec![Event::SignalsRecorded { signals: recorded }])
}

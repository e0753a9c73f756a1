//! Requests to take access away, and the pause that goes with each.

use jiff::Timestamp;
use ods::Capability;

use crate::command::{PausePractice, Placed, RequestSwitchOff};
use crate::decide::{known, next_pause, paused};
use crate::event::Event;
use crate::pause::{Inherited, PauseEnd};
use crate::practice::Practice;
use crate::rejection::Rejection;
use crate::state::State;
use crate::succession;

/// The request pauses until further notice, too: else automation would put back what a person had taken away (rule 8).
/// Under a closed code it is meant for whoever goes on (rule 9).
pub(crate) fn switch_off(state: &State, request: &RequestSwitchOff, now: Timestamp) -> Result<Vec<Event>, Rejection> {
    let asked = known(state, request.practice)?;
    let standing = standing_pause(asked, &request.capability);
    let (practice, pause) = (asked.code, standing.unwrap_or_else(|| next_pause(asked)));
    let inherited = Inherited { practice, pause, effective_at: now };
    let mut events = switched_off(asked, request, None, now)?;
    for heir in succession::heirs(state, asked.code) {
        let heir = known(state, heir)?;
        if standing.is_none() && standing_pause(heir, &request.capability).is_some() {
            // Beside the one that holds there: each is lifted by itself.
            events.push(Event::PracticePaused(paused(heir, &standing_pause_of(heir, request), Some(inherited), now)?));
        }
        events.extend(switched_off(heir, request, Some(inherited), now)?);
    }
    Ok(events)
}

fn switched_off(
    practice: &Practice,
    request: &RequestSwitchOff,
    inherited: Option<Inherited>,
    now: Timestamp,
) -> Result<Vec<Event>, Rejection> {
    let mut events = Vec::new();
    if standing_pause(practice, &request.capability).is_none() {
        let pause = standing_pause_of(practice, request);
        events.push(Event::PracticePaused(paused(practice, &pause, inherited, now)?));
    }
    let requested = practice.access(&request.capability).is_some_and(|access| access.switch_off.is_some());
    if !requested {
        let Placed { by, reason_code, .. } = request.placed.clone();
        events.push(Event::SwitchOffRequested {
            practice: practice.code,
            capability: request.capability.clone(),
            requested_by: by,
            reason_code,
            inherited_from: inherited.map(|inherited| inherited.practice),
        });
    }
    Ok(events)
}

fn standing_pause_of(practice: &Practice, request: &RequestSwitchOff) -> PausePractice {
    PausePractice {
        practice: practice.code,
        capability: Some(request.capability.clone()),
        end: PauseEnd::FurtherNotice,
        placed: request.placed.clone(),
    }
}

/// The number of a pause in force until further notice that covers the capability.
#[must_use]
pub fn standing_pause(practice: &Practice, capability: &Capability) -> Option<u32> {
    let mut in_force = practice.pauses_in_force();
    let standing = in_force.find(|pause| pause.end == PauseEnd::FurtherNotice && pause.covers(capability))?;
    Some(standing.number)
}

//! What successors inherit when a succession takes effect: the most cautious state of their predecessors, until they are
//! observed or say otherwise themselves (rule 9).
//!
//! Pauses and requests to switch off hold on; readiness is what all of them had; access that may be on is not known until
//! it is observed of a later moment; patients are counted once. A succession that is told late reaches whoever has
//! succeeded the successors since.

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::civil::Date;
use ods::civil::day_start;
use ods::{Capability, PracticeCode};

use crate::access::{Access, ObservedState};
use crate::apply::apply;
use crate::decide::{SCRATCH_POSITION, next_pause, receipt};
use crate::event::{AccessLost, Event, PracticePaused, ReadinessInherited, SuccessionEffected, SwitchOffInherited};
use crate::evidence::Verdict;
use crate::list_sizes::carried;
use crate::pause::{Inherited, Pause, PauseEnd};
use crate::practice::Practice;
use crate::readiness::{ReadinessItem, ReadinessState};
use crate::state::State;
use crate::succession::{SuccessionTerms, heirs};

/// What follows from a succession of known practices at `now`.
pub(crate) fn effect(state: &State, terms: &SuccessionTerms, now: Timestamp) -> SuccessionEffected {
    let mut effect = SuccessionEffected {
        terms: terms.clone(),
        access_unknown: Vec::new(),
        pauses: Vec::new(),
        switch_offs: Vec::new(),
        readiness: Vec::new(),
        list_sizes: carried(state, terms),
    };
    let predecessors: Vec<&Practice> =
        terms.predecessors.iter().filter_map(|code| state.practice(*code).map(AsRef::as_ref)).collect();
    for predecessor in &predecessors {
        effect.access_unknown.extend(access_ended(predecessor, terms));
    }
    for heir in all_heirs(state, terms) {
        let Some(practice) = state.practice(heir) else { continue };
        let effective_from = inherits_from(practice, terms);
        effect.access_unknown.extend(access_in_doubt(practice, &predecessors, effective_from));
        effect.switch_offs.extend(switch_offs(practice, &predecessors));
        let items = readiness(practice, &predecessors, terms);
        if !items.is_empty() {
            effect.readiness.push(ReadinessInherited { practice: heir, effective_from, items });
        }
    }
    // A receipt says what a pause came in time for at a practice of which it is in doubt whether access is on.
    let mut scratch = state.clone();
    apply(&mut scratch, &Event::SuccessionEffected(effect.clone()), SCRATCH_POSITION, now);
    for heir in all_heirs(state, terms) {
        for predecessor in &predecessors {
            for pause in predecessor.pauses_in_force() {
                let paused = inherited_pause(&scratch, heir, predecessor.code, pause, terms, now);
                if let Some(paused) = paused {
                    apply(&mut scratch, &Event::PracticePaused(paused.clone()), SCRATCH_POSITION, now);
                    effect.pauses.push(paused);
                }
            }
        }
    }
    effect
}

/// The successors, and whoever has succeeded them since.
fn all_heirs(state: &State, terms: &SuccessionTerms) -> Vec<PracticeCode> {
    let mut all = terms.successors.clone();
    for successor in &terms.successors {
        for heir in heirs(state, *successor) {
            if !all.contains(&heir) {
                all.push(heir);
            }
        }
    }
    all
}

/// The day from which an heir inherits: of the succession, or the later one by which it succeeded the successor.
fn inherits_from(heir: &Practice, terms: &SuccessionTerms) -> Date {
    if terms.successors.contains(&heir.code) {
        return terms.effective_from;
    }
    let effected = heir.successions.iter().filter(|succession| succession.effected_at.is_some());
    let succeeds = effected.filter(|succession| succession.terms.successors.contains(&heir.code));
    succeeds.map(|succession| succession.terms.effective_from).max().unwrap_or(terms.effective_from)
}

/// A pause of a predecessor as it holds at an heir; None where the heir has it already. One that was to end by the
/// programme's default was judged, or to be judged, by the predecessor's wave: at the heir it holds until lifted.
fn inherited_pause(
    state: &State,
    heir: PracticeCode,
    predecessor: PracticeCode,
    pause: &Pause,
    terms: &SuccessionTerms,
    now: Timestamp,
) -> Option<PracticePaused> {
    let practice = state.practice(heir)?;
    let same = |held: &Inherited| held.practice == predecessor && held.pause == pause.number;
    if practice.pauses.iter().any(|held| held.inherited.as_ref().is_some_and(same)) {
        return None;
    }
    let effective_at = day_start(inherits_from(practice, terms)).max(pause.holds_from());
    Some(PracticePaused {
        practice: heir,
        pause: next_pause(practice),
        capability: pause.capability.clone(),
        end: match pause.end {
            PauseEnd::Until(until) => PauseEnd::Until(until),
            PauseEnd::FurtherNotice | PauseEnd::ProgrammeDefault => PauseEnd::FurtherNotice,
        },
        placed_by: pause.placed_by.clone(),
        on_behalf_of: pause.on_behalf_of.clone(),
        evidence: pause.evidence.clone(),
        reason_code: pause.reason_code.clone(),
        receipt: receipt(practice, pause.capability.as_ref(), now),
        inherited: Some(Inherited { practice: predecessor, pause: pause.number, effective_at }),
    })
}

/// Nobody is registered under a closed code: that access was on there says nothing any more.
fn access_ended(predecessor: &Practice, terms: &SuccessionTerms) -> Vec<AccessLost> {
    let ended = predecessor.access.iter().filter_map(|(capability, access)| {
        access.verdict().filter(Verdict::may_be_on)?;
        let latest = access.observations().last()?;
        let as_at = day_start(terms.effective_from).max(latest.as_at);
        Some(AccessLost { practice: predecessor.code, capability: capability.clone(), as_at })
    });
    ended.collect()
}

/// On at a successor only if confirmed. Where access was certainly off everywhere nothing is in doubt.
fn access_in_doubt(heir: &Practice, predecessors: &[&Practice], effective_from: Date) -> Vec<AccessLost> {
    let from = day_start(effective_from);
    let mut capabilities: BTreeSet<&Capability> = heir.access.keys().collect();
    capabilities.extend(predecessors.iter().flat_map(|predecessor| predecessor.access.keys()));
    let mut lost = Vec::new();
    for capability in capabilities {
        let own = heir.access(capability).and_then(|access| access.standing(from, Timestamp::MAX).verdict());
        let may_be_on = predecessors.iter().filter_map(|predecessor| predecessor.access(capability)).any(may_be_on);
        let is_known = own.is_none_or(|verdict| verdict.state != ObservedState::Unknown);
        if own.is_some_and(|verdict| verdict.may_be_on()) || (may_be_on && is_known) {
            lost.push(AccessLost { practice: heir.code, capability: capability.clone(), as_at: from });
        }
    }
    lost
}

/// Not known to be off, or a command to switch on may be on its way.
fn may_be_on(access: &Access) -> bool {
    !access.is_off_or_never_observed() || access.open_enable().is_some()
}

/// Open requests of predecessors that are not open at the heir.
fn switch_offs(heir: &Practice, predecessors: &[&Practice]) -> Vec<SwitchOffInherited> {
    let mut inherited: Vec<SwitchOffInherited> = Vec::new();
    for predecessor in predecessors {
        for (capability, access) in predecessor.access.iter() {
            let Some(request) = &access.switch_off else { continue };
            let open = heir.access(capability).is_some_and(|access| access.switch_off.is_some());
            if open || inherited.iter().any(|other| other.capability == *capability) {
                continue;
            }
            inherited.push(SwitchOffInherited {
                practice: heir.code,
                capability: capability.clone(),
                inherited_from: predecessor.code,
                requested_by: request.requested_by.clone(),
                reason_code: request.reason_code.clone(),
            });
        }
    }
    inherited
}

/// Each item of which anybody recorded anything, as the most cautious of all has it. Whoever goes on under a code of its
/// own is one of them; and so is a new practice that has recorded anything, since it may be less than its predecessors.
fn readiness(heir: &Practice, predecessors: &[&Practice], terms: &SuccessionTerms) -> Vec<ReadinessItem> {
    let mut sources = predecessors.to_vec();
    if !is_new(heir, predecessors, terms) || !heir.readiness.is_empty() {
        sources.push(heir);
    }
    let mut names: BTreeSet<&String> = heir.readiness.keys().collect();
    names.extend(predecessors.iter().flat_map(|predecessor| predecessor.readiness.keys()));
    let latest = |practice: &Practice, name: &String| -> Option<ReadinessItem> {
        Some(practice.readiness.get(name)?.last()?.said.clone())
    };
    let mut items = Vec::new();
    for name in names {
        let said: Vec<Option<ReadinessItem>> = sources.iter().map(|source| latest(source, name)).collect();
        let item = most_cautious(name, said);
        if latest(heir, name).as_ref() != Some(&item) {
            items.push(item);
        }
    }
    items
}

/// Complete only where all have it complete, not applicable only where it is so at all; what somebody has not recorded
/// is not started there. It expires when the first expires.
fn most_cautious(name: &str, said: Vec<Option<ReadinessItem>>) -> ReadinessItem {
    let unsaid = || ReadinessItem {
        item: name.to_owned(),
        state: ReadinessState::NotStarted,
        evidence: String::new(),
        owner: String::new(),
        due_date: None,
        expires_at: None,
    };
    let said: Vec<ReadinessItem> = said.into_iter().map(|item| item.unwrap_or_else(unsaid)).collect();
    let differ = said.iter().any(|item| item.state != said[0].state);
    let expires_at = said.iter().filter_map(|item| item.expires_at).min();
    let mut least = said.into_iter().min_by_key(|item| caution(item.state)).unwrap_or_else(unsaid);
    if differ && is_done(least.state) {
        // Done by some and not needed by others: the successor has to see to those others.
        least.state = ReadinessState::InProgress;
    }
    least.expires_at = expires_at;
    least
}

fn is_done(state: ReadinessState) -> bool {
    matches!(state, ReadinessState::Complete | ReadinessState::NotApplicable)
}

fn caution(state: ReadinessState) -> u8 {
    match state {
        ReadinessState::NotStarted => 0,
        ReadinessState::Expired => 1,
        ReadinessState::InProgress => 2,
        ReadinessState::Complete => 3,
        ReadinessState::NotApplicable => 4,
    }
}

/// Does the heir begin with this succession, or go on with what it had before? Under a new code it has nothing of its own.
pub(crate) fn is_new(heir: &Practice, predecessors: &[&Practice], terms: &SuccessionTerms) -> bool {
    let day = terms.effective_from;
    let named_from = |practice: &Practice| practice.name.iter().map(|fact| fact.effective_from).min();
    let opens_then = heir.directory_lifetime().open.is_some_and(|open| open >= day);
    let named_then = named_from(heir).is_some_and(|from| from >= day);
    let known_before = predecessors.iter().any(|known| named_from(known).is_some_and(|from| from < day));
    opens_then || (named_then && known_before)
}

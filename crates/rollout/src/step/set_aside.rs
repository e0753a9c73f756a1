//! Whom the registry takes out of a wave, and whom it has switched off.

use std::collections::{BTreeMap, BTreeSet};

use super::{CHANGES_MAX, Walk};
use crate::command::{DisableCandidate, Proposal, Unfit};
use crate::decide::may_disable;
use crate::eligibility::unfit;
use crate::id::{ActivationKey, Direction, Target, WaveRef};
use crate::spec::Mode;
use crate::state::{Cause, Desired, State, Wave, WaveStage};
use crate::view::{Observed, PracticeFacts, RegistryView};
use ods::{Capability, PracticeCode};

impl Walk<'_> {
    /// Practices with a pause or a request, which are in a wave whose members are settled, and those that others have
    /// succeeded, in any wave: before their turn comes, so that their slot is free for others and their answer is prompt.
    /// Others that cannot stay are found at their turn.
    pub(super) fn set_aside_wary(&mut self) {
        let mut by_wave: BTreeMap<WaveRef, BTreeMap<PracticeCode, Unfit>> = BTreeMap::new();
        for facts in self.view.wary() {
            for programme in self.state.programmes.values() {
                let wave = programme.current_wave.get(&facts.code).and_then(|wave| programme.waves.get(wave));
                let concerned = |wave: &&Wave| match wave.stage {
                    WaveStage::Fixed | WaveStage::Open => true,
                    WaveStage::Planned | WaveStage::Notice => !facts.successors.is_empty(),
                    _ => false,
                };
                let Some(wave) = wave.filter(concerned) else { continue };
                let enrolment = wave.enrolment(facts.code).filter(|one| one.stage.state().is_unsealed());
                let Some(enrolment) = enrolment else { continue };
                if let Some(reason) = unfit(self.state, programme, wave, enrolment, Some(facts)) {
                    by_wave.entry(wave.id.clone()).or_default().insert(facts.code, reason);
                }
            }
        }
        let registry_position = self.view.position;
        for (wave, unfit) in by_wave {
            self.proposals.push(Proposal::SetAside { wave, unfit, registry_position });
        }
    }

    /// Switch-offs come first: a practice that paused in time, or asked for it, or that people had switched off, is on.
    pub(super) fn switch_offs(&mut self) {
        let mut candidates = Vec::new();
        for facts in self.view.wary() {
            candidates.extend(reversals(self.state, facts));
            candidates.extend(requests(self.state, facts));
        }
        candidates.extend(orders(self.state, self.view));
        let mut practices = Vec::new();
        for candidate in candidates {
            if may_disable(self.state, &candidate, self.now) {
                practices.push(candidate);
            } else if let Some(at) = self.state.access(&candidate.target).and_then(|access| access.not_before) {
                self.wake(at);
            }
        }
        let registry_position = self.view.position;
        for practices in practices.chunks(CHANGES_MAX).map(<[_]>::to_vec) {
            self.proposals.push(Proposal::Disable { practices, registry_position });
        }
    }
}

/// Pauses that were placed while an ENABLE had its permit, and the ENABLE took effect.
fn reversals(state: &State, facts: &PracticeFacts) -> Vec<DisableCandidate> {
    let mut candidates = Vec::new();
    // Several pauses may wait for the same command.
    let keys: BTreeSet<&ActivationKey> = facts.pauses.iter().flat_map(|pause| &pause.pending_on).collect();
    for key in keys.into_iter().filter(|key| key.direction == Direction::Enable) {
        let applied = state.access(&key.target()).and_then(|access| access.applied.as_ref());
        let Some(applied) = applied.filter(|applied| applied.key == *key) else { continue };
        let mut candidate = candidate(state, facts, &key.capability);
        candidate.supplier = candidate.supplier.or_else(|| Some(applied.supplier.clone()));
        candidates.extend(candidate.because(Cause::Pause { reverses: key.clone() }));
    }
    candidates
}

/// Requests to have access taken away, where it is not certainly off already.
fn requests(state: &State, facts: &PracticeFacts) -> Vec<DisableCandidate> {
    let mut candidates = Vec::new();
    for access in facts.access.iter().filter(|access| access.switch_off_requested) {
        let target = Target { practice: facts.code, capability: access.capability.clone() };
        let wanted = state.access(&target).is_some_and(|access| access.desired == Desired::On);
        if access.observed != Observed::Off || wanted {
            candidates.extend(candidate(state, facts, &access.capability).because(Cause::SwitchOff));
        }
    }
    candidates
}

/// What people ordered: whatever the registry says by now, so that what is not certain becomes so.
fn orders(state: &State, view: &RegistryView) -> Vec<DisableCandidate> {
    let mut candidates = Vec::new();
    for (target, cause) in &state.ordered_off {
        let Some(facts) = view.get(target.practice) else { continue };
        let mut candidate = candidate(state, facts, &target.capability);
        let applied = state.access(target).and_then(|access| access.applied.as_ref());
        candidate.supplier = candidate.supplier.or_else(|| applied.map(|applied| applied.supplier.clone()));
        candidates.extend(candidate.because(cause.clone()));
    }
    candidates
}

/// A switch-off in the making.
struct Draft {
    target: Target,
    supplier: Option<ods::Supplier>,
    mode: Mode,
    generation_highest: u32,
}

fn candidate(state: &State, facts: &PracticeFacts, capability: &Capability) -> Draft {
    let target = Target { practice: facts.code, capability: capability.clone() };
    let applied = state.access(&target).and_then(|access| access.applied.as_ref());
    // As it was switched on; where it switched itself on, as its supplier is driven.
    let driven = || {
        let mut specs = state.programmes.values().filter_map(|programme| programme.plan());
        let spec = specs.find(|plan| plan.capability == *capability)?;
        Some(spec.spec.suppliers.get(facts.supplier.as_ref()?)?.mode)
    };
    let mode = applied.map(|applied| applied.mode).or_else(driven).unwrap_or(Mode::Push);
    Draft {
        supplier: facts.supplier.clone(),
        // Nobody can be asked to take access away from itself: its supplier is called.
        mode: if mode == Mode::SelfService { Mode::Push } else { mode },
        generation_highest: facts.access(capability).map_or(0, |access| access.generation_highest),
        target,
    }
}

impl Draft {
    fn because(self, cause: Cause) -> Option<DisableCandidate> {
        Some(DisableCandidate {
            supplier: self.supplier?,
            target: self.target,
            mode: self.mode,
            cause,
            generation_highest: self.generation_highest,
        })
    }
}

//! A gate that waits, for people: what it has found by now, whom it waits for and until when. Nothing is decided on it.

use jiff::Timestamp;

use crate::gate::{self, Found};
use crate::id::WaveRef;
use crate::spec::HookName;
use crate::state::{GateEvaluation, Measured, State};
use crate::view::RegistryView;

/// A gate that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitingGate {
    /// What it would say now; it has neither a halt nor a person's decision.
    pub by_now: GateEvaluation,
    /// From when on it is evaluated at all.
    pub ripens_at: Timestamp,
    /// When incomplete evidence is waited for no longer.
    pub given_up_at: Timestamp,
    /// Whether the registry has yet to hear of something that settled.
    pub awaits_registry: bool,
    /// Whether it waits for what statistics know.
    pub awaits_statistics: bool,
    /// Whose word it waits for.
    pub awaits_hook: Option<HookName>,
}

/// The gate of a wave, while the wave soaks.
#[must_use]
pub fn waiting_gate(state: &State, view: &RegistryView, wave: &WaveRef, now: Timestamp) -> Option<WaitingGate> {
    let programme = state.programme(&wave.programme)?;
    let wave = programme.waves.get(&wave.wave)?;
    let not_live = gate::not_live(view, programme, wave);
    let found = gate::look(state, wave, &not_live, view.position, now)?.found;
    let (due, given_up_at) = gate::evaluation_due(state, wave)?;
    let awaited = |which: fn(&Measured) -> bool| {
        found.findings.iter().map(|finding| &finding.measured).find(|one| which(one) && one.is_awaited()).cloned()
    };
    let awaits_statistics = awaited(Measured::is_of_statistics).is_some();
    let awaits_hook = match awaited(|one| matches!(one, Measured::Hook { .. })) {
        Some(Measured::Hook { hook, .. }) => Some(hook),
        _ => None,
    };
    let verdict = found.verdict();
    let Found { evidence, findings, figures } = found;
    let awaits_registry = !evidence.complete;
    let by_now = GateEvaluation { verdict, evidence, findings, figures, at: now, halt: None, decision: None };
    Some(WaitingGate { by_now, ripens_at: due.at, given_up_at, awaits_registry, awaits_statistics, awaits_hook })
}

//! Whom to ask about waves whose gates wait: statistics for their figures, hooks for their view.

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::civil::Date;
use ods::{Capability, PracticeCode};

use crate::calendar::civil_date;
use crate::gate::{self, Look};
use crate::id::WaveRef;
use crate::spec::HookName;
use crate::state::{Evidence, Finding, Load, State, Wave, WaveStage};
use crate::view::RegistryView;

/// What is to be asked about gates that wait, and when to look again, should nothing change before.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GateQuestions {
    /// Of statistics. Report [`Fact::GateFigures`](crate::Fact).
    pub figures: Vec<FiguresToRead>,
    /// Of hooks. Report [`Fact::GateHookAnswered`](crate::Fact).
    pub hooks: Vec<HookToAsk>,
    /// When there may be more to ask.
    pub next: Option<Timestamp>,
}

/// What statistics are to say of a wave. Where they do not answer, nothing is reported: the gate waits, and is inconclusive
/// when its time is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FiguresToRead {
    /// The wave.
    pub wave: WaveRef,
    /// What it switched on.
    pub capability: Capability,
    /// At these practices.
    pub practices: BTreeSet<PracticeCode>,
    /// What is of an earlier day does not count: that of the wave's last action.
    pub since: Date,
    /// They must have followed the registry up to here: to the wave's last settlement.
    pub registry_position: u64,
}

/// What a hook is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HookToAsk {
    /// Whom.
    pub hook: HookName,
    /// About which wave.
    pub wave: WaveRef,
    /// The wave's title.
    pub title: String,
    /// What it switches on.
    pub capability: Capability,
    /// The wave's last action: an answer counts until another one.
    pub last_action_at: Option<Timestamp>,
    /// The practices that were switched on, or may be, with their patients.
    pub switched_on: Load,
    /// How many are live.
    pub evidence: Evidence,
    /// What the gate's other conditions found.
    pub findings: Vec<Finding>,
}

/// What is to be asked about gates that wait.
#[must_use]
pub fn gate_questions(state: &State, view: &RegistryView, now: Timestamp) -> GateQuestions {
    let mut questions = GateQuestions::default();
    for programme in state.programmes.values() {
        for wave in programme.waves.values().filter(|wave| wave.stage == WaveStage::Soaking) {
            if let Some(ripe_at) = gate::ripens_later(state, wave, now) {
                questions.look_again(ripe_at);
                continue;
            }
            let not_live = gate::not_live(view, programme, wave);
            if let Some(look) = gate::look(state, wave, &not_live, view.position, now) {
                questions.add(wave, &programme.capability, look);
            }
        }
    }
    questions
}

impl GateQuestions {
    fn look_again(&mut self, at: Timestamp) {
        self.next = Some(self.next.map_or(at, |next| next.min(at)));
    }

    fn add(&mut self, wave: &Wave, capability: &Capability, look: Look) {
        if let Some(wake_at) = look.wake_at {
            self.look_again(wake_at);
        }
        if look.asks_statistics {
            self.figures.push(FiguresToRead {
                wave: wave.id.clone(),
                capability: capability.clone(),
                practices: gate::switched_on(wave).map(|enrolment| enrolment.practice).collect(),
                since: civil_date(gate::last_action_at(wave)),
                registry_position: wave.settled_registry_position,
            });
        }
        if let Some(hook) = wave.rules.gate.hook.clone().filter(|_| look.asks_hook) {
            let is_other = |finding: &Finding| !matches!(finding.measured, crate::state::Measured::Hook { .. });
            self.hooks.push(HookToAsk {
                hook,
                wave: wave.id.clone(),
                title: wave.rules.title.clone(),
                capability: capability.clone(),
                last_action_at: wave.last_action_at,
                switched_on: gate::switched_on_load(wave),
                evidence: look.found.evidence,
                findings: look.found.findings.into_iter().filter(is_other).collect(),
            });
        }
    }
}

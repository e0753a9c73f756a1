//! How a programme went: who went live when, and what its gates said. Folded from events, recorded or replayed alike.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use ods::{Capability, PracticeCode};

use crate::event::Event;
use crate::id::{ActivationKey, Direction, ProgrammeId, WaveId};
use crate::state::{EnrolmentStage, Outcome, State, Verdict};

/// How a programme went from a moment on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Course {
    programme: ProgrammeId,
    capability: Capability,
    /// ENABLEs of the programme that nothing has been heard of.
    under_way: BTreeSet<ActivationKey>,
    /// Practices that went live and stayed so, with the moment.
    pub live_at: BTreeMap<PracticeCode, Timestamp>,
    /// What the gates said.
    pub gates: BTreeMap<WaveId, GateCourse>,
    /// When each wave opened.
    pub opened_at: BTreeMap<WaveId, Timestamp>,
}

/// What a gate said, and what followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GateCourse {
    /// When it was evaluated first.
    pub evaluated_at: Timestamp,
    /// What it said then.
    pub verdict: Verdict,
    /// Practices that were commanded by then.
    pub commanded: u32,
    /// How many of them were live.
    pub live: u32,
    /// When a person decided it; none where it passed or nobody did.
    pub decided_at: Option<Timestamp>,
}

impl GateCourse {
    /// When it halted the programme; none where it passed.
    #[must_use]
    pub fn halted_at(&self) -> Option<Timestamp> {
        (self.verdict != Verdict::Pass).then_some(self.evaluated_at)
    }
}

impl Course {
    /// From a state on, in which nothing that has happened yet counts.
    pub(super) fn from(state: &State, programme: &ProgrammeId) -> Self {
        let capability = state.programme(programme).map(|programme| programme.capability.clone()).unwrap_or_default();
        let ours = state.activations().filter(|one| {
            one.key.direction == Direction::Enable && one.wave().is_some_and(|wave| wave.programme == *programme)
        });
        Self {
            programme: programme.clone(),
            capability,
            under_way: ours.map(|one| one.key.clone()).collect(),
            live_at: BTreeMap::new(),
            gates: BTreeMap::new(),
            opened_at: BTreeMap::new(),
        }
    }

    /// Takes an event in, in the order of time.
    pub(super) fn learn(&mut self, event: &Event, at: Timestamp) {
        match event {
            Event::ProgrammeCreated { document, .. } if document.spec.name == self.programme => {
                self.capability = document.spec.capability.clone();
            }
            Event::Admitted { wave, admissions, .. } if wave.programme == self.programme => {
                self.under_way.extend(admissions.iter().map(|one| ActivationKey {
                    direction: Direction::Enable,
                    practice: one.practice,
                    capability: self.capability.clone(),
                    generation: one.generation,
                }));
            }
            Event::Settled { settlements } => {
                for one in settlements {
                    self.settled(&one.key, &one.outcome);
                }
            }
            Event::EnrolmentsMoved { wave, moves, .. } if wave.programme == self.programme => {
                for one in moves.iter().filter(|one| one.to == EnrolmentStage::Confirmed) {
                    for practice in &one.practices {
                        self.live_at.entry(*practice).or_insert(at);
                    }
                }
            }
            Event::WaveOpened { wave } if wave.programme == self.programme => {
                self.opened_at.entry(wave.wave).or_insert(at);
            }
            Event::GateEvaluated { wave, evaluation } if wave.programme == self.programme => {
                self.gates.entry(wave.wave).or_insert(GateCourse {
                    evaluated_at: evaluation.at,
                    verdict: evaluation.verdict,
                    commanded: evaluation.evidence.commanded,
                    live: evaluation.evidence.live,
                    decided_at: None,
                });
            }
            Event::GateDecided { wave, .. } if wave.programme == self.programme => {
                if let Some(gate) = self.gates.get_mut(&wave.wave) {
                    gate.decided_at.get_or_insert(at);
                }
            }
            _ => {}
        }
    }

    fn settled(&mut self, key: &ActivationKey, outcome: &Outcome) {
        let Outcome::Applied { applied_at } = outcome else { return };
        match key.direction {
            Direction::Enable if self.under_way.remove(key) => {
                self.live_at.insert(key.practice, *applied_at);
            }
            Direction::Disable if key.capability == self.capability => {
                self.live_at.remove(&key.practice);
            }
            _ => {}
        }
    }
}

//! Who is asked about gates: statistics, and hooks.

use std::collections::BTreeMap;

use ods::PracticeCode;
use rollout::calendar::civil_date;
use rollout::effects::{FiguresToRead, HookToAsk, gate_questions};
use rollout::state::StatisticsPositions;
use rollout::{Fact, PracticeFigures, Returned};

use super::World;

/// What statistics say. Of a practice that is not named here: that its return of today excludes nobody, and that somebody
/// opened a record today.
#[derive(Clone, Default)]
pub(crate) struct Statistics {
    /// Nobody answers.
    pub(crate) is_down: bool,
    /// How often they were asked.
    pub(crate) asked_count: u32,
    pub(crate) of: BTreeMap<PracticeCode, PracticeFigures>,
}

impl World {
    pub(crate) fn ask_about_gates(&mut self) -> bool {
        let questions = gate_questions(&self.state, &self.registry.view, self.now);
        let mut moved = false;
        for question in questions.figures {
            self.statistics.asked_count += 1;
            if !self.statistics.is_down {
                let fact = self.figures(&question);
                moved |= self.learn(fact);
            }
        }
        for HookToAsk { hook, wave, last_action_at, .. } in questions.hooks {
            if let Some(verdict) = self.hook {
                let reason_code = "LOOKED_AT".to_owned();
                moved |= self.learn(Fact::GateHookAnswered { wave, hook, last_action_at, verdict, reason_code });
            }
        }
        moved
    }

    /// What statistics answer now.
    pub(crate) fn figures(&self, question: &FiguresToRead) -> Fact {
        let today = civil_date(self.now);
        let well = PracticeFigures {
            returned: Some(Returned { period_end: today, excluded: 0 }),
            viewed_on: Some(today),
            supplier_viewed_on: Some(today),
        };
        let said = |code: &PracticeCode| (*code, self.statistics.of.get(code).copied().unwrap_or(well));
        Fact::GateFigures {
            wave: question.wave.clone(),
            practices: question.practices.iter().map(said).collect(),
            as_at: self.now,
            positions: StatisticsPositions { registry: self.registry.view.position, returns: 1, events: 1 },
        }
    }
}

//! What this build finds impossible in a plan that it reads from the journal (I8, second half).
//!
//! A document is checked in full when it is written, submitted and approved. An earlier build may have let through what this one
//! knows to be wrong: a gate that anything passes, a cap that nobody fits under. So a plan in force is looked at again at each
//! step, by what the scheduler acts on and by nothing that time changes; a programme with a plan that cannot be right is
//! halted, and none of its practices has a slot until another version is in force. What cannot be read at all is no plan:
//! the journal refuses it with its position, and the service does not begin.

use super::{Plan, PlannedWave, WaveRules};
use crate::id::WaveId;
use crate::spec::{Violation, Wrong, violations_of_gate, violations_of_programme};

impl Plan {
    /// Everything that is wrong with it whatever the moment, with the paths of a document's fields, `waves[0]` being the plan's
    /// first; empty if nothing is.
    #[must_use]
    pub fn violations(&self) -> Vec<Violation> {
        let mut violations = violations_of_programme(&self.spec);
        for (index, wave) in self.waves.iter().enumerate() {
            violations.extend(violations_of_rules(index, &wave.rules));
        }
        violations
    }

    /// The same for one of its waves: what holds for all of them, and for it.
    pub(crate) fn violations_of(&self, id: WaveId) -> Vec<Violation> {
        let mut violations = violations_of_programme(&self.spec);
        let is_it = |(_, wave): &(usize, &PlannedWave)| wave.id == id;
        if let Some((index, wave)) = self.waves.iter().enumerate().find(is_it) {
            violations.extend(violations_of_rules(index, &wave.rules));
        }
        violations
    }
}

fn violations_of_rules(index: usize, rules: &WaveRules) -> Vec<Violation> {
    let mut violations = violations_of_gate(format!("waves[{index}].gate"), &rules.gate);
    let mut wrong = |field: String, wrong: Wrong| violations.push(Violation { field, wrong });
    if rules.until < rules.from {
        let (from, until) = (rules.from, rules.until);
        wrong(format!("waves[{index}].until"), Wrong::EndsBeforeItBegins { from, until });
    }
    if rules.windows.iter().next().is_none() && rules.booked.is_empty() {
        wrong(format!("waves[{index}].windows"), Wrong::Empty);
    }
    for supplier in rules.attempts.iter().filter(|(_, attempts)| **attempts == 0).map(|(supplier, _)| supplier) {
        wrong(format!("suppliers.{supplier}.attempts"), Wrong::Zero);
    }
    violations
}

//! The hazard log as it is written, and what makes it complete.

use std::collections::BTreeSet;

use anyhow::Context;
use serde::Deserialize;

use super::risk::{RATING_MAX, RATING_TO_BE_ACCEPTED, Risk};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Log {
    pub(crate) hazards: Vec<Hazard>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Hazard {
    /// `H07`; never given to another hazard.
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) causes: Vec<String>,
    /// What comes of it for a patient.
    pub(crate) effect: String,
    /// Without the controls.
    pub(crate) initial: Risk,
    pub(crate) controls: Vec<Control>,
    /// With them.
    pub(crate) residual: Risk,
    /// Why a residual risk that is undesirable is taken all the same.
    pub(crate) accepted: Option<String>,
    /// What no software of ours prevents, and who is to see to it.
    pub(crate) remains: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Control {
    pub(crate) what: String,
    /// Rules and invariants of `docs/domain.md`: `I4`, `rule 13`.
    pub(crate) by: Vec<String>,
    /// Tests, as `package::name`.
    pub(crate) evidence: Vec<String>,
}

impl Log {
    pub(crate) fn read(yaml: &str) -> anyhow::Result<Self> {
        serde_saphyr::from_str(yaml).context("the hazard log cannot be read")
    }

    /// Package and name of every test that a control rests on, with the hazard's id.
    pub(crate) fn evidence(&self) -> impl Iterator<Item = (&str, &str, &str)> {
        self.hazards.iter().flat_map(|hazard| {
            let tests = hazard.controls.iter().flat_map(|control| &control.evidence);
            tests.map(|test| {
                let (package, name) = test.split_once("::").unwrap_or(("", test));
                (hazard.id.as_str(), package, name)
            })
        })
    }

    /// Everything that is missing or contradicts itself. `domain` is the text of `docs/domain.md`.
    pub(crate) fn faults(&self, domain: &str) -> Vec<String> {
        let known = rules_of(domain);
        let mut faults = Vec::new();
        for (place, hazard) in self.hazards.iter().enumerate() {
            let expected = format!("H{:02}", place + 1);
            if hazard.id != expected {
                faults.push(format!("{} stands where {expected} is expected: ids are never given again", hazard.id));
            }
            faults.extend(hazard.faults(&known).into_iter().map(|fault| format!("{}: {fault}", hazard.id)));
        }
        faults
    }
}

impl Hazard {
    fn faults(&self, known: &BTreeSet<String>) -> Vec<String> {
        let mut faults = Vec::new();
        if self.name.trim().is_empty() || self.causes.is_empty() || self.effect.trim().is_empty() {
            faults.push("a hazard has a name, causes and an effect".to_owned());
        }
        if self.controls.is_empty() {
            faults.push("no control".to_owned());
        }
        for control in &self.controls {
            if control.evidence.is_empty() {
                faults.push(format!("no test shows the control “{}”", control.what));
            }
            if control.by.is_empty() {
                faults.push(format!("the control “{}” names no rule", control.what));
            }
            for rule in control.by.iter().filter(|rule| !known.contains(*rule)) {
                faults.push(format!("docs/domain.md has no {rule}"));
            }
        }
        if self.residual.severity > self.initial.severity || self.residual.likelihood > self.initial.likelihood {
            faults.push("the controls make it worse".to_owned());
        }
        if self.residual.rating() > RATING_MAX {
            faults.push(format!("a residual risk of {} is not taken", self.residual.rating()));
        }
        if (self.residual.rating() >= RATING_TO_BE_ACCEPTED) != self.accepted.is_some() {
            faults.push(format!("`accepted` goes with a residual risk of {RATING_TO_BE_ACCEPTED}, and with no other"));
        }
        faults
    }
}

/// `I7` and `rule 13` for each that is stated there.
fn rules_of(domain: &str) -> BTreeSet<String> {
    let mut known = BTreeSet::new();
    let mut in_rules = false;
    for line in domain.lines() {
        if let Some(heading) = line.strip_prefix("## ") {
            in_rules = heading == "Rules";
        }
        if let Some((number, _)) = line.strip_prefix("- **I").and_then(|rest| rest.split_once("**")) {
            known.insert(format!("I{number}"));
        }
        if let Some((number, _)) = line.split_once(". ")
            && in_rules
            && number.bytes().all(|digit| digit.is_ascii_digit())
        {
            known.insert(format!("rule {number}"));
        }
    }
    known
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOMAIN: &str = "## Rules\n1. Civil time is\n12. A large practice\n## Invariants\n- **I4** pauses\n";

    fn faults(yaml: &str) -> Vec<String> {
        Log::read(yaml).unwrap().faults(DOMAIN)
    }

    fn hazard(controls: &str, residual: &str) -> String {
        format!(
            "hazards:\n  - id: H01\n    name: A name\n    causes: [a cause]\n    effect: harm\n    initial: {{ severity: major, \
             likelihood: medium }}\n    controls: {controls}\n    residual: {residual}\n    remains: []\n"
        )
    }

    #[test]
    fn a_complete_hazard_has_no_fault() {
        let control = "[{ what: a guard, by: [I4, rule 12], evidence: [practice::a_test] }]";
        let yaml = hazard(control, "{ severity: major, likelihood: very-low }");
        assert_eq!(faults(&yaml), Vec::<String>::new());
        let log = Log::read(&yaml).unwrap();
        assert_eq!(log.evidence().collect::<Vec<_>>(), [("H01", "practice", "a_test")]);
    }

    #[test]
    fn what_is_missing_is_said_of_its_hazard() {
        let very_low = "{ severity: major, likelihood: very-low }";
        assert_eq!(faults(&hazard("[]", very_low)), ["H01: no control"]);
        let said = faults(&hazard("[{ what: a guard, by: [I5, rule 2], evidence: [] }]", very_low));
        assert_eq!(
            said,
            [
                "H01: no test shows the control “a guard”",
                "H01: docs/domain.md has no I5",
                "H01: docs/domain.md has no rule 2"
            ]
        );
    }

    #[test]
    fn a_residual_risk_is_low_or_accepted_and_never_high() {
        let control = "[{ what: a guard, by: [I4], evidence: [practice::a_test] }]";
        let said = faults(&hazard(control, "{ severity: major, likelihood: low }"));
        assert_eq!(said, ["H01: `accepted` goes with a residual risk of 3, and with no other"]);
        let said = faults(&hazard(control, "{ severity: major, likelihood: high }"));
        assert_eq!(said[..2], ["H01: the controls make it worse", "H01: a residual risk of 4 is not taken"]);
        assert!(Log::read(&hazard(control, "{ severity: dire, likelihood: low }")).is_err(), "no such severity");
    }
}

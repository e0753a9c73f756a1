//! The hazard log of `docs/safety`: complete, rendered, and resting on tests that there are and that passed.
//!
//! It judges what is written down, never whether the list of hazards is the right one; that is people's work.

mod log;
mod risk;
mod sources;
mod table;

use std::fs;

use anyhow::{Context, ensure};

use crate::results::{Outcome, Results};
use crate::step::root;
use log::Log;

const YAML: &str = "docs/safety/hazards.yaml";
const TABLE: &str = "docs/safety/hazards.md";

/// `cargo xtask hazards`: writes the table anew. What is wrong with the log is an error.
pub(crate) fn run() -> anyhow::Result<()> {
    let log = read()?;
    let faults = faults(&log)?;
    ensure!(faults.is_empty(), "{YAML}:\n{}", faults.join("\n"));
    fs::write(root().join(TABLE), table::written(&log)).with_context(|| format!("cannot write {TABLE}"))?;
    println!("{TABLE}: {} hazards, {} tests", log.hazards.len(), log.evidence().count());
    Ok(())
}

/// An error where a test that a control rests on did not pass in this run of all tests.
pub(crate) fn require_evidence(results: &Results) -> anyhow::Result<()> {
    let log = read()?;
    let missing = not_passed(&log, results);
    ensure!(missing.is_empty(), "controls of {YAML} rest on tests that did not pass:\n{}", missing.join("\n"));
    println!("── hazards: the {} tests that controls rest on passed", log.evidence().count());
    Ok(())
}

fn not_passed(log: &Log, results: &Results) -> Vec<String> {
    let mut missing = Vec::new();
    for (hazard, package, name) in log.evidence() {
        match results.outcome(package, name) {
            Outcome::Passed => {}
            Outcome::Failed => missing.push(format!("{hazard}: {package}::{name} failed")),
            Outcome::DidNotRun => missing.push(format!("{hazard}: {package}::{name} did not run")),
        }
    }
    missing
}

fn read() -> anyhow::Result<Log> {
    Log::read(&fs::read_to_string(root().join(YAML)).with_context(|| format!("cannot read {YAML}"))?)
}

fn faults(log: &Log) -> anyhow::Result<Vec<String>> {
    let domain = fs::read_to_string(root().join("docs/domain.md")).context("cannot read docs/domain.md")?;
    let mut faults = log.faults(&domain);
    let tests = sources::tests(root())?;
    for (hazard, package, name) in log.evidence() {
        if !tests.get(package).is_some_and(|names| names.contains(name)) {
            faults.push(format!("{hazard}: there is no test {package}::{name}"));
        }
    }
    Ok(faults)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::tests::ended;

    #[test]
    fn the_hazard_log_is_complete_and_names_tests_that_there_are() {
        let log = read().unwrap();
        assert!(log.hazards.len() >= 30, "hazards are never taken off the list: {}", log.hazards.len());
        assert_eq!(faults(&log).unwrap(), Vec::<String>::new());
    }

    #[test]
    fn the_table_is_the_one_that_is_written_from_the_log() {
        let kept = fs::read_to_string(root().join(TABLE)).unwrap();
        assert_eq!(kept, table::written(&read().unwrap()), "run `cargo xtask hazards`");
    }

    #[test]
    fn a_control_whose_test_failed_or_did_not_run_is_found() {
        let yaml = "hazards:\n  - id: H01\n    name: n\n    causes: [c]\n    effect: e\n    initial: { severity: minor, likelihood: \
                    low }\n    controls: [{ what: w, by: [I4], evidence: [clock::a, clock::b, clock::c] }]\n    residual: { severity: \
                    minor, likelihood: low }\n    remains: []\n";
        let log = Log::read(yaml).unwrap();
        let results = ended(&[("clock", "tests::a", true), ("clock", "tests::b", false), ("rollout", "c", true)]);
        assert_eq!(not_passed(&log, &results), ["H01: clock::b failed", "H01: clock::c did not run"]);
    }
}

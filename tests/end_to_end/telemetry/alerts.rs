//! The rules of alerts: each fires on what it is for, has a page for whoever it wakes, and rests on documented metrics.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde::Deserialize;

use super::documentation::{self, file};
use crate::guards::root;
use crate::harness::{binary, offer};

const RUNBOOKS: &str = "docs/operations/runbooks";

#[derive(Deserialize)]
struct Rules {
    groups: Vec<Group>,
}

#[derive(Deserialize)]
struct Group {
    rules: Vec<Rule>,
}

#[derive(Deserialize)]
struct Rule {
    alert: String,
    expr: String,
    labels: BTreeMap<String, String>,
    annotations: BTreeMap<String, String>,
}

fn rules() -> Vec<Rule> {
    let rules: Rules = serde_saphyr::from_str(&file("deploy/prometheus/alerts.yaml")).expect("rules are YAML");
    rules.groups.into_iter().flat_map(|group| group.rules).collect()
}

fn promtool(arguments: &[&str]) {
    let Some(prometheus) = offer::prometheus() else { return };
    let mut promtool = Command::new(prometheus.with_file_name("promtool"));
    let ended =
        promtool.args(arguments).current_dir(root().join("deploy/prometheus")).output().expect("promtool starts");
    let said = [ended.stdout, ended.stderr].concat();
    assert!(ended.status.success(), "promtool {arguments:?}: {}", String::from_utf8_lossy(&said));
}

#[test]
fn each_alert_fires_on_what_it_is_for() {
    promtool(&["test", "rules", "alerts_test.yaml"]);
    let tests = file("deploy/prometheus/alerts_test.yaml");
    for rule in rules() {
        let fires = tests
            .split("alertname: ")
            .any(|case| case.starts_with(&format!("{}\n", rule.alert)) && case.contains("- exp_labels:"));
        assert!(fires, "no case of alerts_test.yaml has {} fire", rule.alert);
    }
}

#[test]
fn the_example_configuration_is_read_by_prometheus() {
    promtool(&["check", "config", "prometheus.yaml"]);
}

#[test]
fn each_alert_has_its_page_and_each_page_its_alert() {
    let rules = rules();
    let pages = std::fs::read_dir(root().join(RUNBOOKS)).expect("runbooks are there");
    let pages = pages.map(|page| page.expect("a file").file_name().to_string_lossy().into_owned());
    let pages: BTreeSet<String> = pages.filter(|page| page != "README.md").collect();
    let wanted: BTreeSet<String> = rules.iter().map(|rule| format!("{}.md", rule.alert)).collect();
    assert_eq!(pages, wanted);
    let index = file(&format!("{RUNBOOKS}/README.md"));
    for rule in rules {
        let path = format!("{RUNBOOKS}/{}.md", rule.alert);
        assert_eq!(rule.annotations.get("runbook_url"), Some(&path), "{}", rule.alert);
        assert!(matches!(rule.labels["severity"].as_str(), "page" | "ticket"), "{}", rule.alert);
        let page = file(&path);
        for part in ["## What it means\n", "## How to see why\n", "## What to do\n"] {
            assert!(page.contains(part), "{path} lacks {part}");
        }
        assert!(index.contains(&format!("({}.md)", rule.alert)), "the index lacks {}", rule.alert);
    }
}

#[test]
fn the_page_about_shed_calls_has_each_reason_of_their_code() {
    let errors = file("docs/errors.md");
    let of_code = |row: &&str| row.starts_with("| `") && row.contains("| RESOURCE_EXHAUSTED |");
    let reasons: Vec<&str> = errors.lines().filter(of_code).filter_map(|row| row.split('`').nth(1)).collect();
    assert!(reasons.len() > 5, "{reasons:?}");
    let page = file(&format!("{RUNBOOKS}/CallsShed.md"));
    for reason in reasons {
        assert!(page.contains(&format!("| {reason} |")), "the page says nothing of {reason}");
        assert!(
            page.contains(&format!("{reason}:")) || page.contains(&format!("{reason}, ")),
            "what is to do about {reason}?"
        );
    }
}

#[test]
fn pages_name_commands_that_exist() {
    let pages = std::fs::read_dir(root().join(RUNBOOKS)).expect("runbooks are there");
    let mut commands: BTreeSet<Vec<String>> = BTreeSet::new();
    for page in pages {
        let text = std::fs::read_to_string(page.expect("a file").path()).expect("a page is text");
        for quoted in text.split('`').skip(1).step_by(2).filter_map(|quoted| quoted.strip_prefix("accessctl ")) {
            let words =
                quoted.split_whitespace().take_while(|word| word.starts_with(|first: char| first.is_lowercase()));
            commands.insert(words.map(str::to_owned).collect());
        }
    }
    assert!(commands.len() > 10, "{commands:?}");
    for words in commands {
        // `journal list scheduler`: nouns and verbs first, then what they are about.
        let mut typed: Vec<&str> = words.iter().map(String::as_str).collect();
        typed.truncate(2);
        let ended = binary::accessctl().args(&typed).arg("--help").output().expect("accessctl starts");
        let said = String::from_utf8_lossy(&ended.stdout);
        assert!(ended.status.success(), "accessctl {words:?} is no command");
        assert!(said.contains(&format!("Usage: accessctl {}", typed.join(" "))), "accessctl {words:?}: {said}");
    }
}

#[test]
fn alerts_and_dashboards_rest_on_documented_metrics() {
    let documented = documentation::metrics();
    let dashboards = super::prometheus::expressions().into_iter();
    let alerts = rules().into_iter().map(|rule| (rule.alert, rule.expr));
    for (place, expression) in alerts.chain(dashboards) {
        let words = expression.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
        for word in words.filter(|word| is_metric(word)) {
            let family = ["_bucket", "_count", "_sum", "_total"].iter().find_map(|suffix| word.strip_suffix(suffix));
            let known = documented.contains_key(word) || family.is_some_and(|family| documented.contains_key(family));
            assert!(known, "{place} uses {word}, which docs/operations/telemetry.md does not list");
        }
    }
}

/// Labels begin like some metrics; they are what stands in braces, before `=`, or after `by (`.
fn is_metric(word: &str) -> bool {
    const LABELS: [&str; 17] = [
        "citizens_access_journal",
        "citizens_access_queue_lane",
        "citizens_access_stage",
        "citizens_access_reason",
        "citizens_access_outcome",
        "citizens_access_source",
        "citizens_access_follower",
        "citizens_access_issuer",
        "citizens_access_policies_sha256",
        "citizens_access_capability",
        "citizens_access_access_state",
        "citizens_access_programme",
        "citizens_access_wave",
        "citizens_access_hold_class",
        "citizens_access_hold_scope",
        "rpc_method",
        "rpc_response_status_code",
    ];
    let ours = ["citizens_access_", "rpc_", "otel_sdk_"].iter().any(|beginning| word.starts_with(beginning));
    ours && !LABELS.contains(&word)
}

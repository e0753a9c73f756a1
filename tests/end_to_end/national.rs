//! The README's command: all of England, to the day of the committee's questions.
//!
//! One run of the whole nation, shared by the tests of this file; everything else is proved on small worlds.

use std::fs;
use std::path::Path;
use std::sync::OnceLock;

use serde_json::Value;

use crate::harness::demo::{self, Demo};
use crate::harness::offer;

const COMMITTEE: &str = "2023-01-11";

/// What the demo answers, without an option more than its user types.
fn report() -> &'static Value {
    static REPORT: OnceLock<Value> = OnceLock::new();
    REPORT.get_or_init(|| Demo::until(COMMITTEE).report())
}

fn number(report: &Value, figure: &str) -> i64 {
    report[figure].as_i64().unwrap_or_else(|| panic!("{figure} is a number: {report}"))
}

#[test]
fn on_the_day_of_the_committee_more_than_600_practices_are_live_and_two_million_patients_have_access() {
    let report = report();
    assert_eq!(report["as_at"], COMMITTEE);
    assert!(number(report, "practices_live") > 600, "{report}");
    assert!(number(report, "patients_with_access") > 2_000_000, "{report}");
    assert_eq!(number(report, "practices_total"), 6_129, "{report}");
    assert!(number(report, "patients_with_access") < number(report, "patients_registered"), "{report}");
}

#[test]
fn the_object_holds_what_was_asked_for_and_its_assumptions() {
    let report = report();
    let (viewers, bounds) = (number(report, "viewers"), &report["viewers_bounds"]);
    assert!(viewers > 0 && viewers < number(report, "patients_with_access"), "{report}");
    assert!((number(bounds, "lower")..=number(bounds, "upper")).contains(&viewers), "{report}");
    let by_month = report["signed_up_by_month"].as_object().expect("months");
    let sum: i64 = by_month.values().filter_map(Value::as_i64).sum();
    assert_eq!(sum, number(report, "signed_up_next_three_months"), "the months add up: {report}");
    assert!(sum >= 100, "hundreds more are signed up: {report}");
    assert!(report["single_deadline"].is_null(), "the phased start has no single deadline: {report}");
    assert_eq!(report["seed"], 1);
    assert!(report["assumptions"]["uptake_source"].as_str().is_some_and(|source| !source.is_empty()), "{report}");
}

#[test]
fn the_four_questions_are_answered_in_words_by_the_same_figures() {
    let report = report();
    let answers = report["answers"].as_array().expect("answers");
    assert_eq!(answers.len(), 4, "{answers:?}");
    let words: Vec<&str> = answers.iter().filter_map(|answer| answer["answer"].as_str()).collect();
    assert!(words[0].contains(&number(report, "practices_live").to_string()), "{words:?}");
    let digits: String = words[1].chars().filter(|letter| letter.is_ascii_digit() || *letter == ' ').collect();
    assert!(digits.contains(&number(report, "patients_with_access").to_string()), "{words:?}");
    assert!(words[3].starts_with("No"), "{words:?}");
}

#[test]
fn with_the_publishers_real_files_the_nation_is_the_real_one() {
    let Some(folder) = offer::reference_data() else { return };
    let (map, list_sizes) = (folder.join(demo::MAP), folder.join(demo::LIST_SIZES));
    let report = Demo::until(COMMITTEE).with_real_files(&folder).report();
    assert_eq!(number(&report, "practices_total"), 6_129, "{report}");
    assert_eq!(number(&report, "patients_registered"), registered(&map, &list_sizes), "{report}");
    let denominators = report["denominators"].to_string();
    assert!(denominators.contains("2025-04-01"), "the denominator is named with its date: {denominators}");
    assert!(number(&report, "practices_live") > 600, "{report}");
    assert!(number(&report, "patients_with_access") > 2_000_000, "{report}");
}

/// The patients of the lists at the practices of the map, counted here without any of our readers.
fn registered(map: &Path, list_sizes: &Path) -> i64 {
    let rows = |path: &Path| -> Vec<Vec<String>> {
        let text = fs::read_to_string(path).expect("the reference data is readable");
        let cells = |line: &str| line.split(',').map(|cell| cell.trim_matches('"').to_owned()).collect();
        text.lines().map(cells).collect()
    };
    let column = |rows: &[Vec<String>], name: &str| {
        rows[0].iter().position(|heading| heading == name).unwrap_or_else(|| panic!("a column {name}: {:?}", rows[0]))
    };
    let map = rows(map);
    let code = column(&map, "PRACTICE_CODE");
    let known: std::collections::BTreeSet<&String> = map[1..].iter().map(|row| &row[code]).collect();
    let lists = rows(list_sizes);
    let (code, patients) = (column(&lists, "CODE"), column(&lists, "NUMBER_OF_PATIENTS"));
    let of_the_map = lists[1..].iter().filter(|row| known.contains(&row[code]));
    of_the_map.map(|row| row[patients].parse::<i64>().expect("a number of patients")).sum()
}

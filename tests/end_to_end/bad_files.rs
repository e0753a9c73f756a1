//! Files that are not what they should be: told with line, column and reason, and nothing half done.

use std::fs;

use crate::harness::accessctl::Accessctl;
use crate::harness::installation::{Installation, Wanted, text};

/// Exit code of accessctl: what it was given is wrong.
const WRONG_INPUT: i32 = 2;

fn installation() -> Installation {
    Installation::all_in_one(&Wanted { practices_count: 20, ..Wanted::default() })
}

fn lines(path: &std::path::Path) -> Vec<String> {
    fs::read_to_string(path).expect("the sample writes UTF-8").lines().map(str::to_owned).collect()
}

/// Writes `content` to a file of its own; its path.
fn file(installation: &Installation, name: &str, content: impl AsRef<[u8]>) -> String {
    let path = installation.england.folder().join(name);
    fs::write(&path, content).expect("a temporary folder can be written to");
    text(path)
}

fn practices_known(accessctl: &Accessctl) -> String {
    accessctl.json(&["practice", "list"])["total_count"].as_str().unwrap_or_default().to_owned()
}

/// What a refused import of a map says; nothing of it may be imported.
fn refused_map(content: impl AsRef<[u8]>) -> String {
    let installation = installation();
    let operator = installation.accessctl("olga");
    let path = file(&installation, "bad.csv", content);
    let said = operator.refused(WRONG_INPUT, &["import", "map", &path]);
    assert!(said.contains("DIRECTORY_FILE_REFUSED"), "{said}");
    assert_eq!(practices_known(&operator), "0", "nothing of a refused file is imported");
    said
}

fn map() -> Vec<u8> {
    let england = crate::harness::england::EnglandFiles::of_emis(20, crate::harness::installation::TODAY);
    fs::read(england.map()).expect("the sample wrote it")
}

#[test]
fn a_file_of_the_wrong_kind_is_refused_as_a_whole() {
    let england = crate::harness::england::EnglandFiles::of_emis(20, crate::harness::installation::TODAY);
    let said = refused_map(fs::read(england.list_sizes()).expect("the sample wrote it"));
    assert!(said.contains("line 1") && said.contains("import it as"), "{said}");
}

#[test]
fn a_file_with_another_column_count_is_refused_with_the_line() {
    let mut lines: Vec<String> = String::from_utf8(map()).expect("UTF-8").lines().map(str::to_owned).collect();
    lines[4].push_str(",one cell more");
    let said = refused_map(lines.join("\n") + "\n");
    assert!(said.contains("line 5") && said.contains("columns where"), "{said}");
}

#[test]
fn a_truncated_file_is_refused() {
    let mut bytes = map();
    bytes.truncate(bytes.len() - 7);
    let said = refused_map(bytes);
    assert!(said.contains("line 21") && said.contains("download it again"), "{said}");
}

#[test]
fn a_file_that_is_not_utf_8_is_refused_where_it_ceases_to_be() {
    let mut bytes = map();
    let third_line = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at + 1).nth(1);
    bytes[third_line.expect("there are more lines") + 3] = 0xE9;
    let said = refused_map(bytes);
    assert!(said.contains("line 3, column 4") && said.contains("0xE9 is not UTF-8"), "{said}");
}

#[test]
fn an_empty_file_is_refused() {
    let said = refused_map("");
    assert!(said.contains("the file is empty"), "{said}");
}

#[test]
fn a_practice_that_is_there_twice_is_told_and_the_others_are_imported() {
    let installation = installation();
    let operator = installation.accessctl("olga");
    let mut rows = lines(&installation.england.map());
    rows.push(rows[3].clone());
    let path = file(&installation, "twice.csv", rows.join("\n") + "\n");
    let report = operator.json(&["import", "map", &path]);
    assert_eq!(report["rejected_count"], 1, "{report}");
    assert_eq!(report["rejected_rows"][0]["line"], "22", "{report}");
    assert!(
        report["rejected_rows"][0]["reason"].as_str().is_some_and(|reason| reason.contains("after line 4")),
        "{report}"
    );
    assert_eq!(practices_known(&operator), "20");
}

#[test]
fn a_negative_list_size_is_told_and_left_out() {
    let installation = installation();
    let operator = installation.accessctl("olga");
    installation.import();
    let mut rows = lines(&installation.england.list_sizes());
    let (rest, _) = rows[2].rsplit_once(',').expect("a row of several cells");
    rows[2] = format!("{rest},-5");
    let path = file(&installation, "negative.csv", rows.join("\n") + "\n");
    let report = operator.json(&["import", "list-sizes", &path]);
    assert_eq!(report["rejected_count"], 1, "{report}");
    assert_eq!(report["rejected_rows"][0]["line"], "3", "{report}");
    assert!(
        report["rejected_rows"][0]["reason"].as_str().is_some_and(|reason| reason.contains("-5 is negative")),
        "{report}"
    );
    assert_eq!(report["unchanged_count"], 19, "{report}");
}

/// Imports epraccur with cells of its third line changed, by their columns; the report.
fn epraccur_with(changed: &[(usize, &str)]) -> serde_json::Value {
    let installation = installation();
    let operator = installation.accessctl("olga");
    installation.import();
    let mut rows = lines(&installation.england.epraccur());
    let row = rows[2].strip_prefix('"').and_then(|row| row.strip_suffix('"')).expect("a row of quoted cells");
    let mut cells: Vec<&str> = row.split("\",\"").collect();
    assert_eq!(cells.len(), 27, "epraccur has 27 quoted columns");
    for (column, cell) in changed {
        cells[*column - 1] = cell;
    }
    rows[2] = format!("\"{}\"", cells.join("\",\""));
    let path = file(&installation, "epraccur-changed.csv", rows.join("\n") + "\n");
    operator.json(&["import", "epraccur", &path])
}

#[test]
fn an_impossible_date_is_told_and_its_row_left_out() {
    let report = epraccur_with(&[(11, "20310230")]);
    assert_eq!(report["rejected_count"], 1, "{report}");
    assert_eq!(report["rejected_rows"][0]["line"], "3", "{report}");
    assert!(
        report["rejected_rows"][0]["reason"].as_str().is_some_and(|reason| reason.contains("20310230")),
        "{report}"
    );
}

#[test]
fn an_icb_that_nobody_knows_is_told_and_its_row_left_out() {
    // And no sub-ICB beside it, of which it might be the new ICB.
    let report = epraccur_with(&[(4, "QZZ"), (15, "")]);
    assert_eq!(report["rejected_count"], 1, "{report}");
    assert_eq!(report["rejected_rows"][0]["line"], "3", "{report}");
    let reason = report["rejected_rows"][0]["reason"].as_str().unwrap_or_default();
    assert!(reason.contains("QZZ") && reason.contains("not known"), "{report}");
}

#[test]
fn bank_holidays_that_are_cut_short_change_no_calendar() {
    let installation = installation();
    let operator = installation.accessctl("olga");
    let mut bytes = fs::read(installation.england.bank_holidays()).expect("the sample wrote it");
    bytes.truncate(bytes.len() / 2);
    let path = file(&installation, "holidays.json", bytes);
    let said = operator.refused(WRONG_INPUT, &["import", "bank-holidays", &path]);
    assert!(said.contains("BANK_HOLIDAYS_INVALID"), "{said}");
}

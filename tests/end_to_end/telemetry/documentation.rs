//! `docs/operations/telemetry.md` as data: what it says is measured and traced.

use std::collections::{BTreeMap, BTreeSet};

use crate::guards::root;

/// The path of a file of the repository, and what is in it.
pub(super) fn file(path: &str) -> String {
    let path = root().join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The name under which each documented metric is scraped, with its kind.
pub(super) fn metrics() -> BTreeMap<String, String> {
    let rows = rows("## Metrics");
    let exposed = rows.into_iter().map(|row| {
        let [name, kind, unit, ..] = &row[..] else { panic!("{row:?} has name, kind and unit") };
        let suffix = match (unit.as_str(), kind.as_str()) {
            ("s", _) => "_seconds",
            ("By", _) => "_bytes",
            _ => "",
        };
        (format!("{}{suffix}", name.trim_matches('`').replace('.', "_")), kind.clone())
    });
    exposed.collect()
}

/// The names of documented spans that are not those of RPCs.
pub(super) fn spans() -> BTreeSet<String> {
    rows("## Spans").into_iter().map(|row| row[0].trim_matches('`').to_owned()).collect()
}

/// The cells of the tables below a heading, up to the next heading of its level.
fn rows(heading: &str) -> Vec<Vec<String>> {
    let text = file("docs/operations/telemetry.md");
    let (_, after) = text.split_once(&format!("\n{heading}\n")).unwrap_or_else(|| panic!("no {heading}"));
    let part = after.split("\n## ").next().unwrap_or_default();
    let cells =
        |line: &str| -> Vec<String> { line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect() };
    let rows: Vec<_> = part.lines().filter(|line| line.starts_with("| `")).map(cells).collect();
    assert!(!rows.is_empty(), "{heading} has a table");
    rows
}

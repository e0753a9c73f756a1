//! The program holds no date and no figure of the history: what the replay answers comes from its inputs.
//!
//! The golden replay (`examples/golden-replay/`) is input. Were one of these to stand in a crate or a service, the
//! answer might have been written down rather than worked out.

use std::fs;
use std::path::{Path, PathBuf};

use super::root;

/// Dates of the history, in every form a source file may write them.
const DATES: &[(i32, u32, u32)] = &[
    (2022, 7, 21),
    (2022, 10, 29),
    (2022, 10, 31),
    (2022, 11, 1),
    (2022, 11, 2),
    (2022, 11, 4),
    (2022, 11, 29),
    (2022, 11, 30),
    (2022, 12, 7),
    (2023, 1, 11),
    (2023, 1, 27),
    (2023, 2, 1),
    (2023, 10, 31),
    (2023, 12, 4),
];
const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];
/// Figures that somebody told a committee or a newspaper.
const FIGURES: &[&str] = &["2000000", "6500000", "23500000", "9000000", "946", "0.811", "81.1"];

pub(super) fn source_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder of the workspace") {
        let path = entry.expect("an entry of the folder").path();
        if path.is_dir() {
            source_files(&path, found);
        } else if path
            .extension()
            .is_some_and(|kind| ["rs", "toml", "yaml", "yml", "sql", "csv"].iter().any(|k| kind == *k))
        {
            found.push(path);
        }
    }
}

fn spellings((year, month, day): (i32, u32, u32)) -> Vec<String> {
    let name = MONTHS[month as usize - 1];
    let short = &name[..3];
    vec![
        format!("{year}-{month:02}-{day:02}"),
        format!("{year}{month:02}{day:02}"),
        format!("{day:02}/{month:02}/{year}"),
        format!("date({year},{month},{day}"),
        format!("{day}{name}{year}"),
        format!("{day}{short}{year}"),
    ]
}

/// Whether `needle` stands in `text` as a number of its own, not as part of a longer one.
fn stands_alone(text: &str, needle: &str) -> bool {
    let digit = |byte: Option<&u8>| byte.is_some_and(|b| b.is_ascii_digit() || *b == b'.');
    text.match_indices(needle).any(|(at, _)| {
        let before = at.checked_sub(1).and_then(|i| text.as_bytes().get(i));
        let after = text.as_bytes().get(at + needle.len());
        !digit(before) && !after.is_some_and(u8::is_ascii_digit)
    })
}

/// What of the history stands in a file, in words.
fn found_in(file: &Path) -> Vec<String> {
    let text = fs::read_to_string(file).expect("a source file in UTF-8").to_lowercase();
    let packed: String = text.chars().filter(|c| !c.is_whitespace() && *c != '_').collect();
    let plain = text.replace('_', "");
    let dates = DATES.iter().flat_map(|date| spellings(*date)).filter(|spelling| packed.contains(spelling));
    // A test may count to two million by chance; a program that answers with a figure does not lie in `tests/`.
    let is_program = !file.components().any(|part| part.as_os_str() == "tests");
    let figures = FIGURES.iter().filter(|figure| is_program && stands_alone(&plain, figure));
    dates.chain(figures.map(|figure| (*figure).to_owned())).map(|what| format!("{}: {what}", file.display())).collect()
}

#[test]
fn crates_and_services_hold_no_date_and_no_figure_of_the_history() {
    let mut files = Vec::new();
    source_files(&root().join("crates"), &mut files);
    source_files(&root().join("services"), &mut files);
    assert!(files.len() > 20, "the guard reads the sources: {} files", files.len());
    let found: Vec<String> = files.iter().flat_map(|file| found_in(file)).collect();
    assert!(found.is_empty(), "of the history, in the program:\n{}", found.join("\n"));
}

#[test]
fn the_guard_finds_a_date_however_it_is_written() {
    assert!(spellings((2022, 11, 1)).contains(&"20221101".to_owned()));
    assert!(spellings((2022, 11, 1)).contains(&"1november2022".to_owned()));
    assert!(stands_alone("more than 946 practices", "946"));
    assert!(!stands_alone("position 19462", "946"));
}

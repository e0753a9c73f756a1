//! The report of the long tier: which commit, on what machine, how many tests of which binary, and what tests told of what
//! they drew. It is committed, so that a reader sees when the long tier last ran and over how much.
//!
//! All of it takes hours, so it may also be run in parts: each has a section of its own, which stands until that part is run again.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};

use crate::environment::REPORT;
use crate::results::{self, Closing, Results};
use crate::step::{command, root};

/// Where the report lies, from the workspace's root.
const REPORT_PATH: &str = "docs/long-tier.md";

const PREAMBLE: &str = "# The long tier\n\nWritten by `cargo xtask test --long`: more kill points, seeds and cases than each commit runs.\n";

/// What the section of a part begins with.
const HEADING: &str = "\n## ";

/// Runs the tests, shows what they print, and writes the report where all passed. `words` chose a part of them.
pub(crate) fn run(tests: &mut Command, words: &[String]) -> anyhow::Result<Results> {
    let commit = Commit::of_work_tree()?;
    let told = tempfile::NamedTempFile::new().context("cannot make a file for what tests tell")?;
    let started = Instant::now();
    let results = results::run("long tier", tests.env(REPORT, told.path()))?;
    let facts = fs::read_to_string(told.path()).context("cannot read what tests told")?;
    let run = Run { commit: commit.said(), words: words.join(" "), machine: machine(), took: started.elapsed() };
    let path = root().join(REPORT_PATH);
    // What is not there has no other parts; neither has what cannot be read, and the tests have run.
    let before = fs::read_to_string(&path).unwrap_or_default();
    let report = with_section(&before, &section(&run, &facts, &results.closings));
    fs::write(&path, report).with_context(|| format!("cannot write {}", path.display()))?;
    println!("── long tier: see {REPORT_PATH}");
    Ok(results)
}

/// The report with this section in the place of the one of the same heading, else at its end. All of the tier replaces every part.
fn with_section(before: &str, section: &str) -> String {
    let heading = |section: &str| section.lines().next().unwrap_or_default().to_owned();
    let mut sections: Vec<&str> = before.split(HEADING).skip(1).map(str::trim_end).collect();
    if heading(section) == heading_of("") {
        sections.clear();
    }
    match sections.iter_mut().find(|known| heading(known) == heading(section)) {
        Some(known) => *known = section.trim_end(),
        None => sections.push(section.trim_end()),
    }
    let mut report = PREAMBLE.to_owned();
    for section in sections {
        report.extend([HEADING, section, "\n"]);
    }
    report
}

fn heading_of(words: &str) -> String {
    if words.is_empty() { "Every test".to_owned() } else { format!("A part: `-- {words}`") }
}

/// What one run came to, from its heading on.
fn section(run: &Run, told: &str, closings: &[Closing]) -> String {
    let Run { commit, words, machine, took } = run;
    let passed: u32 = closings.iter().map(|closing| closing.passed).sum();
    let failed: u32 = closings.iter().map(|closing| closing.failed).sum();
    let minutes = took.as_secs_f64() / 60.0;
    let mut text = format!(
        "{}\n\n| | |\n|---|---|\n| commit | {commit} |\n| machine | {machine} |\n| took | {minutes:.0} minutes |\n\
         | tests | {passed} passed, {failed} failed |\n",
        heading_of(words)
    );
    let mut told: Vec<&str> = told.lines().collect();
    // Tests run side by side, so they tell in any order.
    told.sort_unstable();
    if !told.is_empty() {
        text.push_str("\nWhat was drawn:\n\n");
    }
    for fact in told {
        let _ = writeln!(text, "- {fact}");
    }
    text.push_str("\n| binary | passed | failed | seconds |\n|---|---|---|---|\n");
    for Closing { binary, passed, failed, seconds } in closings.iter().filter(|one| one.passed + one.failed > 0) {
        let _ = writeln!(text, "| {binary} | {passed} | {failed} | {seconds} |");
    }
    text
}

/// What was run, on what, and how long it took.
struct Run {
    commit: String,
    /// What chose a part of the tests; empty where all were run.
    words: String,
    machine: String,
    took: Duration,
}

/// What was tested.
struct Commit {
    subject: String,
    is_changed: bool,
}

impl Commit {
    fn of_work_tree() -> anyhow::Result<Self> {
        let git = |arguments: &[&str]| {
            let output = command(PathBuf::from("git")).args(arguments).output().context("cannot start git")?;
            ensure!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
            Ok(String::from_utf8(output.stdout)?.trim().to_owned())
        };
        let subject = git(&["log", "-1", "--format=%h of %cs, “%s”"])?;
        Ok(Self { subject, is_changed: !git(&["status", "--porcelain"])?.is_empty() })
    }

    fn said(&self) -> String {
        let changed = if self.is_changed { ", with changes that are not committed" } else { "" };
        format!("{}{changed}", self.subject)
    }
}

/// Cores and memory: what durations are to be read against.
fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let memory = fs::read_to_string("/proc/meminfo").ok().and_then(|text| {
        let kibibytes = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?.trim().strip_suffix(" kB")?;
        Some(kibibytes.parse::<u64>().ok()? / 1_048_576)
    });
    match memory {
        Some(memory) => format!("{cores} cores, {memory} GiB of memory"),
        None => format!("{cores} cores"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_says_commit_machine_what_was_told_and_every_binary_that_ran_a_test() {
        let commit = Commit { subject: "abc1234 of 2031-04-01, “Say more”".to_owned(), is_changed: true };
        let closing =
            |binary: &str, passed| Closing { binary: binary.to_owned(), passed, failed: 0, seconds: "0.50".to_owned() };
        let closings = [closing("api", 12), closing("proto", 0), closing("clock", 3)];
        let (commit, machine, took) = (commit.said(), "2 cores".to_owned(), Duration::from_secs(1_830));
        let run = Run { commit, words: String::new(), machine, took };
        let text = section(&run, "ten kills on SQLite\nfive seeds\n", &closings);
        assert!(text.starts_with("Every test\n"), "{text}");
        assert!(text.contains("| commit | abc1234 of 2031-04-01, “Say more”, with changes that are not committed |"));
        assert!(text.contains("| tests | 15 passed, 0 failed |"), "{text}");
        assert!(text.contains("- five seeds\n- ten kills on SQLite\n"), "{text}");
        assert!(text.contains("| api | 12 | 0 | 0.50 |\n| clock | 3 | 0 | 0.50 |\n"), "{text}");
        assert!(!text.contains("proto"), "{text}");
        let part = section(&Run { words: "killing".to_owned(), ..run }, "", &closings);
        assert!(part.starts_with("A part: `-- killing`\n") && !part.contains("drawn"), "{part}");
    }

    #[test]
    fn each_part_stands_until_it_is_run_again_or_all_is() {
        let one = with_section("", "A part: `-- one`\n\nfirst\n");
        let both = with_section(&one, "A part: `-- two`\n\nsecond\n");
        assert!(both.starts_with(PREAMBLE) && both.ends_with("\n## A part: `-- two`\n\nsecond\n"), "{both}");
        let again = with_section(&both, "A part: `-- one`\n\nthird\n");
        assert_eq!(again, both.replace("first", "third"));
        assert_eq!(with_section(&again, "Every test\n\nall\n"), format!("{PREAMBLE}\n## Every test\n\nall\n"));
    }
}

//! `accessctl verify` as an auditor meets it: on what a demo left behind, on the services of an installation, and on logs and
//! journals that somebody has tampered with, each of which it finds, with where that lies and what to do.

use std::fs;
use std::path::{Path, PathBuf};

use database::{Db, Store, sql};
use serde_json::Value;
use tempfile::TempDir;

use crate::harness::accessctl::{Accessctl, Said};
use crate::harness::demo::Demo;
use crate::harness::installation::{Installation, Wanted, clock_offset, programme_of_today, text, until_live};
use crate::harness::supplier::SupplierServer;

/// Amid December's wave: some are live, some are under way, and the wave goes on.
const UNTIL: &str = "2022-12-09";
const PRACTICES_COUNT: &str = "300";

/// What a demo left behind, and its suppliers' log to be tampered with.
struct LeftBehind {
    folder: TempDir,
    log: PathBuf,
}

impl LeftBehind {
    fn of_a_demo() -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let data = folder.path().join("data");
        Demo::until(UNTIL).option("--practices-count", PRACTICES_COUNT).option("--data", &data).report();
        Self { log: data.join("suppliers.jsonl"), folder }
    }

    fn store(&self) -> String {
        text(self.folder.path().join("data"))
    }

    fn lines(&self) -> Vec<String> {
        fs::read_to_string(&self.log).expect("the suppliers' log").lines().map(str::to_owned).collect()
    }

    /// Verifies it with these lines for the suppliers' log.
    fn with(&self, lines: &[String], more: &[&str]) -> Said {
        let log = self.folder.path().join("tampered.jsonl");
        fs::write(&log, lines.concat_lines()).expect("a temporary folder can be written to");
        verified(&log, &[&["--store", &self.store()], more].concat())
    }

    /// The place of the first line of this kind by which a practice was switched on.
    fn first(&self, kind: &str) -> usize {
        let is_it = |line: &String| {
            let line: Value = serde_json::from_str(line).expect("a line is JSON");
            line["kind"] == kind && line["changed"] != false && line["key"]["direction"] == "ENABLE"
        };
        self.lines().iter().position(is_it).unwrap_or_else(|| panic!("no line is {kind}"))
    }
}

trait ConcatLines {
    fn concat_lines(&self) -> String;
}

impl ConcatLines for [String] {
    fn concat_lines(&self) -> String {
        self.iter().map(|line| format!("{line}\n")).collect()
    }
}

fn verified(log: &Path, more: &[&str]) -> Said {
    let log = log.display().to_string();
    Accessctl::offline("audrey").run(&[&["verify", "--suppliers-log", &log], more].concat())
}

/// It fails, and says so in the line of this promise, with `where_it_lies`; another line says what to do.
#[track_caller]
fn assert_broken(said: &Said, promise: &str, where_it_lies: &[&str]) {
    assert_eq!(said.code, 8, "{promise}: {}{}", said.stdout, said.stderr);
    let of_promise = said.stdout.lines().skip_while(|line| !line.starts_with(&format!("{promise} ")));
    let of_promise: Vec<&str> = of_promise.take(3).collect();
    let told = of_promise.iter().find(|line| line.contains("BROKEN: "));
    let told = told.unwrap_or_else(|| panic!("{promise} is not broken: {}", said.stdout));
    for word in where_it_lies {
        assert!(told.contains(word), "{word}: {told}");
    }
    assert!(of_promise.iter().any(|line| line.contains("what to do: ")), "{}", said.stdout);
    assert!(said.stderr.contains("breaches were found"), "{}", said.stderr);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_demo_left_behind_is_verified_and_what_was_tampered_with_is_found() {
    let left = LeftBehind::of_a_demo();
    let lines = left.lines();

    // As it was left: every promise has cases and is kept, and what goes on is told as open.
    let said = left.with(&lines, &["--output", "json"]);
    assert_eq!(said.code, 0, "{}{}", said.stdout, said.stderr);
    let found: Value = serde_json::from_str(&said.stdout).expect("JSON");
    let promises = found["promises"].as_array().expect("promises");
    for number in ["I1", "I2", "I3", "I4", "I5", "I10", "I17", "I28", "rule 3", "rule 11"] {
        let cases = promises.iter().filter(|promise| promise["promise"] == number);
        let cases: u64 = cases.filter_map(|promise| promise["cases_count"].as_u64()).sum();
        assert!(cases > 0, "{number}: {found:#}");
    }
    let open = found["open"].as_array().expect("what is open");
    assert!(open.iter().any(|open| open.as_str().is_some_and(|open| open.ends_with("has not ended"))), "{found:#}");
    let at_rest = left.with(&lines, &["--at-rest"]);
    assert!(at_rest.code == 8 && at_rest.stdout.contains("OWED: "), "{at_rest:?}");

    // A second switch-on under a key.
    let applied = &lines[left.first("applied")];
    let line: Value = serde_json::from_str(applied).expect("a line is JSON");
    let (practice, at) = (line["key"]["practice"].as_str().expect("a code"), line["at"].as_str().expect("a moment"));
    let twice = [&lines[..], std::slice::from_ref(applied)].concat();
    assert_broken(&left.with(&twice, &[]), "I1", &[practice, "ENABLE 1 took effect twice", at]);

    // A switch-on that its supplier does not own up to, and one that nobody sealed.
    let mut without = lines.clone();
    without.remove(left.first("applied"));
    assert_broken(&left.with(&without, &[]), "I17", &[practice, "settled APPLIED"]);
    let unsealed = applied.replacen("\"generation\":1", "\"generation\":7", 1);
    assert_ne!(&unsealed, applied, "the key has a generation");
    let unsealed = [&lines[..], &[unsealed]].concat();
    assert_broken(&left.with(&unsealed, &[]), "I2", &[practice, "ENABLE 7", at, "was never sealed"]);

    // A switch-off long ago of which the registry was never told.
    let off = applied.replacen("ENABLE", "DISABLE", 1);
    let off = [&lines[..], &[off]].concat();
    assert_broken(&left.with(&off, &[]), "I28", &[practice, "Disable", at, "the registry says Some(On)"]);

    // A line that is none, by its file and number.
    let mut torn = lines.clone();
    torn[2] = "{".to_owned();
    let said = left.with(&torn, &[]);
    assert!(said.code == 2 && said.stderr.contains("tampered.jsonl, line 3: "), "{said:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_seal_that_was_taken_out_of_a_journal_is_found_with_its_place() {
    let left = LeftBehind::of_a_demo();
    let db = Db::open(&Store::sqlite(left.store()), "scheduler").await.expect("the journal opens");
    let query = sql("select min(position) as position from journal_records where kind = 'sealed'");
    let position: i64 = db.fetch_one(query).await.and_then(|row| row.get("position")).expect("something was sealed");
    db.execute(sql("drop trigger journal_records_are_never_deleted")).await.expect("it is dropped");
    db.execute(sql("delete from journal_records where position = $1").bind(position)).await.expect("it is taken out");
    db.close().await;
    let said = left.with(&left.lines(), &[]);
    assert_eq!(said.code, 7, "{}{}", said.stdout, said.stderr);
    for word in ["journals/scheduler", &position.to_string(), "Keep this database as evidence", "backup that verifies"]
    {
        assert!(said.stderr.contains(word), "{word}: {}", said.stderr);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_installation_that_runs_is_verified_by_its_services() {
    let folder = TempDir::new().expect("a temporary folder");
    let log = folder.path().join("suppliers.jsonl");
    let supplier = SupplierServer::start(&log, clock_offset()).await;
    let wanted = Wanted { practices_count: 3, supplier: Some(&supplier), ..Wanted::default() };
    let installation = Installation::all_in_one(&wanted);
    installation.import();
    let lead = installation.accessctl("leo");
    let file = installation.programme("summer.yaml", &programme_of_today(""));
    lead.say(&["programme", "apply", &file]);
    lead.as_account("ada").say(&["programme", "approve", "summer-opening"]);
    let practices: Vec<String> = (0..3).map(|index| installation.england.practice(index)).collect();
    until_live(installation.registry(), &practices).await;

    let log = text(log);
    let said = lead.as_account("audrey").say(&["verify", "--suppliers-log", &log]);
    assert!(said.contains("open: programmes/summer-opening/waves/1 has not ended"), "{said}");
    assert!(!said.contains("BROKEN"), "{said}");
    let without = lead.as_account("audrey").say(&["verify"]);
    assert!(without.contains("what EMIS did: no log of it is here"), "{without}");
    installation.stop();
}

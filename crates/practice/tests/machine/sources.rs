//! What each source said, and where they disagree.

use jiff::SignedDuration;
use practice::difference::values;
use practice::directory::{Difference, DirectoryChange, DirectoryEntry, Lifetime, Verdict, compare};
use practice::disagreement::{DisagreementKind, Standing};
use practice::source::{Publication, SourceKind, SourceRead, Statement};
use practice::{Command, Event};
use proptest::prelude::*;

use crate::bench::{Bench, chunk, code, day, entry};

fn says(source: SourceKind, date: &str, import: &str, statements: Vec<Statement>) -> SourceRead {
    let publication = Publication { name: source.name().to_owned(), date: day(date), effective_from: day(date) };
    SourceRead { import: import.to_owned(), source, publication, statements }
}

fn read(bench: &mut Bench, read: SourceRead) -> Vec<Event> {
    let mut told = chunk(&read.publication.effective_from.to_string(), Vec::new());
    told.read = Some(read);
    bench.done(&Command::ImportDirectory(told))
}

fn open(practice: &str, open: &str, close: Option<&str>) -> Statement {
    let lifetime = Lifetime { open: Some(day(open)), close: close.map(day), dormant: false };
    Statement { lifetime: Some(lifetime), ..Statement::new(code(practice)) }
}

fn counted(practice: &str) -> Statement {
    Statement { patients: Some(4_000), ..Statement::new(code(practice)) }
}

fn mapped(practice: &str) -> Statement {
    Statement { has_supplier: true, ..Statement::new(code(practice)) }
}

fn kinds(bench: &Bench, practice: &str) -> Vec<DisagreementKind> {
    let found = Standing::of(&bench.state, code(practice)).disagreements();
    found.into_iter().map(|disagreement| disagreement.kind).collect()
}

#[test]
fn a_statement_changes_no_practice_and_the_same_issue_again_says_nothing_new() {
    let mut bench = Bench::new();
    let before = bench.practice().clone();
    let lists = says(SourceKind::ListSizes, "2031-04-01", "a", vec![counted("A81001"), counted("Z99999")]);
    assert_eq!(read(&mut bench, lists.clone()).len(), 1);
    assert!(read(&mut bench, SourceRead { import: "b".to_owned(), ..lists }).is_empty());
    assert_eq!(bench.practice(), &before);
    let latest = bench.state.sources().latest(SourceKind::ListSizes, code("Z99999")).unwrap();
    assert_eq!((latest.statement.patients, latest.is_current), (Some(4_000), true), "also of one not in the register");
}

#[test]
fn the_latest_issue_stands_and_an_older_one_read_later_does_not() {
    let mut bench = Bench::new();
    read(&mut bench, says(SourceKind::Map, "2031-04-01", "a", vec![mapped("A81001"), mapped("A81002")]));
    read(&mut bench, says(SourceKind::Map, "2031-05-01", "b", vec![mapped("A81001")]));
    assert!(read(&mut bench, says(SourceKind::Map, "2031-03-01", "c", vec![counted("A81001")])).is_empty());
    let sources = bench.state.sources();
    let date = |practice| {
        let latest = sources.latest(SourceKind::Map, code(practice)).unwrap();
        (latest.publication.date, latest.is_current)
    };
    assert_eq!(date("A81001"), (day("2031-05-01"), true));
    assert_eq!(date("A81002"), (day("2031-04-01"), false), "the latest issue no longer names it");
}

#[test]
fn an_import_knows_where_in_the_journal_it_is() {
    let mut bench = Bench::new();
    let before = bench.position();
    for practice in ["A81001", "A81002"] {
        read(&mut bench, says(SourceKind::Map, "2031-04-01", "big", vec![mapped(practice)]));
    }
    let import = bench.state.sources().import("big").unwrap();
    assert_eq!((import.first_position, import.last_position), (before + 1, before + 2));
    assert!(bench.state.sources().import("other").is_none());
}

#[test]
fn sources_disagree_only_where_time_does_not_explain_it() {
    let mut bench = Bench::new();
    let ods = vec![
        open("A81001", "2001-04-01", None),
        open("A81002", "2001-04-01", Some("2031-03-31")),
        open("A81003", "2001-04-01", Some("2031-04-30")),
        open("A81004", "2031-04-15", None),
        open("A81005", "2001-04-01", None),
        open("A81007", "2001-04-01", None),
        Statement {
            lifetime: Some(Lifetime { open: Some(day("2001-04-01")), close: None, dormant: true }),
            ..Statement::new(code("A81008"))
        },
    ];
    read(&mut bench, says(SourceKind::Epraccur, "2031-05-01", "ods", ods));
    let lists = ["A81001", "A81002", "A81003", "A81006", "A81007", "A81008"].map(counted);
    read(&mut bench, says(SourceKind::ListSizes, "2031-04-01", "lists", lists.to_vec()));
    read(&mut bench, says(SourceKind::Map, "2031-05-01", "map", vec![mapped("A81001")]));
    assert_eq!(kinds(&bench, "A81001"), []);
    assert_eq!(kinds(&bench, "A81002"), [DisagreementKind::ClosedButCounted]);
    assert_eq!(kinds(&bench, "A81003"), [DisagreementKind::ClosedSince]);
    assert_eq!(kinds(&bench, "A81004"), [DisagreementKind::OpenedSince]);
    assert_eq!(kinds(&bench, "A81005"), [DisagreementKind::ActiveWithoutPatients]);
    assert_eq!(kinds(&bench, "A81006"), [DisagreementKind::UnknownToOds]);
    assert_eq!(kinds(&bench, "A81007"), [DisagreementKind::CountedButNotMapped]);
    assert_eq!(kinds(&bench, "A81008"), [DisagreementKind::DormantButCounted]);
    let in_all = |practice| SourceKind::ALL.map(|kind| Standing::of(&bench.state, code(practice)).counts_in(kind));
    assert_eq!((in_all("A81001"), in_all("A81007")), ([true, true, true], [false, true, true]));
    let detail = &Standing::of(&bench.state, code("A81002")).disagreements()[0].detail;
    assert_eq!(
        detail,
        "epraccur of 2031-05-01 says closed from 2031-03-31, already when the lists of 2031-04-01 named it"
    );
}

/// The register holds QHM from 1 June for both practices.
#[test]
fn codes_are_compared_for_the_issues_own_day() {
    let mut bench = Bench::new();
    let icb = |practice, icb: &str| Statement { icb: Some(icb.parse().unwrap()), ..Statement::new(code(practice)) };
    read(&mut bench, says(SourceKind::Map, "2031-06-01", "map", vec![icb("A81001", "QE1"), icb("A81002", "QHM")]));
    assert_eq!((kinds(&bench, "A81001"), kinds(&bench, "A81002")), (vec![DisagreementKind::IcbDiffers], vec![]));
    bench.wait(SignedDuration::from_hours(24));
    let moved = DirectoryEntry { icb: Some("QX1".parse().unwrap()), ..DirectoryEntry::new(code("A81002")) };
    bench.done(&Command::ImportDirectory(chunk("2031-06-02", vec![moved])));
    assert_eq!(kinds(&bench, "A81002"), [], "it moved since, which the map of the day before could not say");
}

#[test]
fn a_change_tells_what_was_and_what_is_and_being_told_first_is_no_move() {
    let bench = Bench::new();
    let mut told = entry("A81001");
    told.icb = Some("QX1".parse().unwrap());
    told.pcn = Some("U12345".parse().unwrap());
    told.lifetime = Some(Lifetime { open: Some(day("2001-04-01")), close: None, dormant: true });
    let Verdict::Changes(change) = compare(&bench.state, &told, day("2031-06-02"), bench.now) else { panic!() };
    let all = values(&change);
    let shown: Vec<_> =
        all.iter().map(|value| (value.field.as_str(), value.from.as_str(), value.to.as_str())).collect();
    let expected = [
        ("open_date", "", "2001-04-01"),
        ("status", "ACTIVE", "DORMANT"),
        ("pcn_code", "", "U12345"),
        ("icb_code", "QHM", "QX1"),
    ];
    assert_eq!(shown, expected);
    let moves: Vec<_> = all.iter().filter(|value| value.is_move()).map(|value| value.field.as_str()).collect();
    assert_eq!((change.difference, moves), (Difference::Moved, vec!["icb_code"]));

    told.icb = None;
    let Verdict::Changes(change) = compare(&bench.state, &told, day("2031-06-02"), bench.now) else { panic!() };
    assert_eq!(change.difference, Difference::Updated, "it was in no PCN that was known");
    let Verdict::Changes(change) = compare(&bench.state, &entry("A81009"), day("2031-06-02"), bench.now) else {
        panic!()
    };
    assert!(values(&change).is_empty() && change.before.is_none());
    let old: DirectoryChange =
        serde_json::from_str(r#"{"difference":"moved","entry":{"practice":"A81001","icb":"QX1"}}"#).unwrap();
    assert_eq!(values(&old)[0].from, "", "a record of before this was kept");
}

proptest! {
    /// Whatever is read in whatever order: the latest statement of the latest issue stands, each practice comes once and
    /// in order, and no practice of the register has changed.
    #[test]
    fn the_latest_statement_of_each_source_stands(acts in proptest::collection::vec((0..3usize, 1..4i8, 0..5usize, 1..4u32), 0..30)) {
        let mut bench = Bench::new();
        let mut naive: Vec<(SourceKind, i8, usize, u32)> = Vec::new();
        for (number, (kind, on, practice, patients)) in acts.into_iter().enumerate() {
            let kind = SourceKind::ALL[kind];
            let statement = Statement { patients: Some(patients), ..Statement::new(code(&format!("A8100{practice}"))) };
            read(&mut bench, says(kind, &format!("2031-05-0{on}"), &format!("import-{number}"), vec![statement]));
            let held = naive.iter_mut().find(|(of, _, about, _)| *of == kind && *about == practice);
            match held {
                Some(held) if held.1 <= on => *held = (kind, on, practice, patients),
                Some(_) => {}
                None => naive.push((kind, on, practice, patients)),
            }
        }
        for (kind, on, practice, patients) in &naive {
            let latest = bench.state.sources().latest(*kind, code(&format!("A8100{practice}"))).unwrap();
            prop_assert_eq!(latest.statement.patients, Some(*patients));
            prop_assert_eq!(latest.publication.date, day(&format!("2031-05-0{on}")));
        }
        let mut all: Vec<_> = naive.iter().map(|(_, _, practice, _)| code(&format!("A8100{practice}"))).collect();
        all.sort_unstable();
        all.dedup();
        let told: Vec<_> = bench.state.sources().practices_after(None).collect();
        prop_assert_eq!(&told, &all);
        for after in &all {
            let rest: Vec<_> = all.iter().copied().filter(|practice| practice > after).collect();
            prop_assert_eq!(bench.state.sources().practices_after(Some(*after)).collect::<Vec<_>>(), rest);
        }
        prop_assert_eq!(bench.practice().positions.len(), 1);
    }
}

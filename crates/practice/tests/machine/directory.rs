//! Imports of the directory.

use practice::directory::{CHUNK_PRACTICES_MAX, Difference, DirectoryEntry, Lifetime, Status, Verdict, compare};
use practice::{AsOf, Command, Event, OrganisationEntry, OrganisationKind, Rejection, View};

use crate::bench::{Bench, chunk, code, day, entry, import};

#[test]
fn the_same_file_twice_changes_nothing() {
    let mut bench = Bench::new();
    let mut command = chunk("2031-06-01", vec![entry("A81001"), entry("A81003")]);
    command.organisations.push(organisation("NHS North"));
    assert_eq!(bench.done(&Command::ImportDirectory(command.clone())).len(), 1);
    assert!(bench.done(&Command::ImportDirectory(command)).is_empty());
}

#[test]
fn a_chunk_is_one_event_with_only_what_is_new() {
    let mut bench = Bench::new();
    let mut renamed = entry("A81001");
    renamed.name = Some("NEW SURGERY".to_owned());
    let events = bench.done(&import("2031-06-02", vec![renamed, entry("A81002"), entry("A81003")]));
    let [Event::DirectoryImported { practices, .. }] = events.as_slice() else { panic!("{events:?}") };
    let told: Vec<_> = practices.iter().map(|change| (change.entry.practice.to_string(), change.difference)).collect();
    assert_eq!(told, [("A81001".to_owned(), Difference::Updated), ("A81003".to_owned(), Difference::Created)]);
    assert_eq!(practices[0].entry.supplier, None);
}

#[test]
fn created_updated_closed_moved_and_unchanged_are_told_apart() {
    let bench = Bench::new();
    let verdict = |entry: &DirectoryEntry| match compare(&bench.state, entry, day("2031-06-02"), bench.now) {
        Verdict::Changes(change) => Some(change.difference),
        Verdict::Unchanged | Verdict::NotOurs => None,
    };
    assert_eq!(verdict(&entry("A81009")), Some(Difference::Created));
    assert_eq!(verdict(&entry("A81001")), None);
    let mut told = entry("A81001");
    told.postcode = Some("TS18 1HU".to_owned());
    assert_eq!(verdict(&told), Some(Difference::Updated));
    told.icb = Some("QE1".parse().unwrap());
    assert_eq!(verdict(&told), Some(Difference::Moved));
    told.lifetime = Some(Lifetime { close: Some(day("2031-06-02")), ..Lifetime::default() });
    assert_eq!(verdict(&told), Some(Difference::Closed));
}

#[test]
fn a_practice_that_is_unknown_and_closed_or_nameless_is_not_ours() {
    let bench = Bench::new();
    let mut closed = entry("A81009");
    closed.lifetime = Some(Lifetime { close: Some(day("2020-01-01")), ..Lifetime::default() });
    let mut nameless = entry("A81009");
    nameless.name = None;
    for entry in [closed, nameless] {
        assert_eq!(compare(&bench.state, &entry, day("2031-06-02"), bench.now), Verdict::NotOurs);
    }
}

#[test]
fn a_practice_that_is_missing_from_a_file_is_not_closed_by_that() {
    let mut bench = Bench::new();
    bench.done(&import("2031-06-02", vec![entry("A81002")]));
    assert_eq!(bench.practice().status, Status::Active);
}

#[test]
fn a_reopened_practice_is_open_again() {
    let mut bench = Bench::new();
    let mut told = entry("A81001");
    told.lifetime = Some(Lifetime { close: Some(day("2031-05-01")), ..Lifetime::default() });
    bench.done(&import("2031-06-01", vec![told.clone()]));
    assert_eq!(bench.practice().status, Status::Closed);
    told.lifetime = Some(Lifetime::default());
    bench.done(&import("2031-06-02", vec![told]));
    assert_eq!(bench.practice().status, Status::Active);
}

#[test]
fn facts_of_tomorrow_are_refused() {
    let mut bench = Bench::new();
    let refused = bench.run(&import("2031-06-03", vec![entry("A81001")]));
    let (effective_from, today) = (day("2031-06-03"), day("2031-06-02"));
    assert_eq!(refused, Err(Rejection::EffectiveInFuture { effective_from, today }));
}

#[test]
fn a_chunk_longer_than_a_pause_may_wait_for_is_refused() {
    let mut bench = Bench::new();
    let refused = bench.run(&import("2031-06-01", vec![entry("A81001"); CHUNK_PRACTICES_MAX + 1]));
    assert!(matches!(refused, Err(Rejection::ChunkTooLong { .. })));
    bench.done(&import("2031-06-01", vec![entry("A81001"); CHUNK_PRACTICES_MAX]));
}

#[test]
fn an_earlier_fact_that_is_told_late_stays_behind_the_present_one() {
    let mut bench = Bench::new();
    let mut earlier = entry("A81001");
    earlier.icb = Some("QE1".parse().unwrap());
    bench.done(&import("2031-05-01", vec![earlier]));

    let practice = bench.state.practice(code("A81001")).unwrap();
    assert_eq!(View::current(practice).icb().unwrap().as_str(), "QHM");
    let in_may = AsOf { effective_at: "2031-05-10T12:00:00Z".parse().unwrap(), known_at: bench.now };
    assert_eq!(View::as_of(practice, in_may).unwrap().icb().unwrap().as_str(), "QE1");
    let in_april = AsOf { effective_at: "2031-04-10T12:00:00Z".parse().unwrap(), known_at: bench.now };
    assert!(View::as_of(practice, in_april).is_none());
}

#[test]
fn organisations_are_named_by_the_latest_fact() {
    let mut bench = Bench::new();
    for (from, name) in [("2031-05-01", "NHS North"), ("2031-06-01", "NHS North and East"), ("2031-05-15", "NHS Nord")]
    {
        let mut command = chunk(from, Vec::new());
        command.organisations.push(organisation(name));
        bench.done(&Command::ImportDirectory(command));
    }
    assert_eq!(bench.state.organisation("QHM").unwrap().latest().name, "NHS North and East");
    let after: Vec<_> = bench.state.organisations_after("").map(|known| known.latest().code.clone()).collect();
    assert_eq!(after, ["QHM"]);
    assert_eq!(bench.state.organisations_after("QHM").count(), 0);
}

fn organisation(name: &str) -> OrganisationEntry {
    OrganisationEntry {
        code: "QHM".to_owned(),
        kind: OrganisationKind::Icb,
        name: name.to_owned(),
        parent: "Y63".to_owned(),
    }
}

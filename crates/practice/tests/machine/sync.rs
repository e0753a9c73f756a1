//! Syncs with the publisher's interfaces: where a run is, and what brings it to its end.

use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;
use practice::directory::{Chunk, DirectoryEntry};
use practice::sync::{
    AdvanceSync, FailSync, FoundSuccession, PASSES_MAX, StartSync, Sync, SyncEnd, SyncSource, SyncTally, Then,
};
use practice::{Command, Event, Rejection};

use crate::bench::{Bench, code, day, entry};

const FHIR: SyncSource = SyncSource::Fhir;

fn start(bench: &mut Bench, full: bool) -> Vec<Event> {
    bench.done(&Command::StartSync(StartSync { source: FHIR, full }))
}

fn run(bench: &Bench, number: u32) -> &Sync {
    bench.state.syncs().get(number).unwrap()
}

/// A page of these organisations, which says nothing of them.
fn page(bench: &Bench, number: u32, read: &[&str], then: Then) -> AdvanceSync {
    AdvanceSync {
        sync: number,
        page: run(bench, number).page,
        worker: "a".to_owned(),
        read: read.iter().map(|code| (*code).to_owned()).collect(),
        came_back: Vec::new(),
        chunks: Vec::new(),
        ignored: 0,
        rejections: Vec::new(),
        successions: BTreeSet::new(),
        returns: BTreeMap::new(),
        total: None,
        then,
    }
}

fn advance(bench: &mut Bench, page: AdvanceSync) -> Vec<Event> {
    bench.done(&Command::AdvanceSync(Box::new(page)))
}

fn next(address: &str) -> Then {
    Then::Page(Some(address.to_owned()))
}

fn chunk(from: &str, practices: Vec<DirectoryEntry>) -> Chunk {
    let source = FHIR.publication().to_owned();
    Chunk { source, effective_from: day(from), practices, organisations: Vec::new(), read: None }
}

/// A run that was read to its end.
fn complete(bench: &mut Bench) {
    start(bench, false);
    let number = bench.state.syncs().open(FHIR).unwrap().number;
    let last = page(bench, number, &["A81001"], Then::End);
    advance(bench, last);
}

#[test]
fn the_first_run_reads_everything_and_the_next_what_changed_since_with_some_days_more() {
    let mut bench = Bench::new();
    complete(&mut bench);
    assert_eq!((run(&bench, 1).since, run(&bench, 1).end), (None, Some(SyncEnd::Completed)));
    bench.wait(SignedDuration::from_hours(24));
    complete(&mut bench);
    assert_eq!(run(&bench, 2).since, Some(day("2031-05-30")), "the first run began on 2 June");
    assert_eq!(run(&bench, 2).through, day("2031-06-03"));

    start(&mut bench, true);
    assert_eq!(run(&bench, 3).since, None, "as it was asked");
}

#[test]
fn beyond_what_the_publisher_keeps_everything_is_read() {
    let mut bench = Bench::new();
    complete(&mut bench);
    // The day before the first run, 30 May, is 185 days ago on 1 December.
    for (days, since) in [(182, Some(day("2031-05-30"))), (183, None)] {
        let today = day("2031-06-02") + jiff::Span::new().days(days);
        assert_eq!(bench.state.syncs().since(FHIR, today), since, "{today}");
    }
    assert_eq!(bench.state.syncs().since(FHIR, day("2031-05-01")), None, "the clock went backwards");
    assert_eq!(
        bench.state.syncs().since(SyncSource::Ord, day("2031-06-02")),
        None,
        "the other interface was never read"
    );
}

#[test]
fn a_run_under_way_is_not_begun_twice_and_a_fuller_one_takes_its_place() {
    let mut bench = Bench::new();
    complete(&mut bench);
    start(&mut bench, false);
    assert_eq!(start(&mut bench, false), []);
    start(&mut bench, true);
    assert_eq!((run(&bench, 2).end, run(&bench, 3).since), (Some(SyncEnd::Superseded), None));
    assert_eq!((start(&mut bench, true), start(&mut bench, false)), (Vec::new(), Vec::new()));
}

#[test]
fn a_page_takes_effect_once_whoever_reads_it() {
    let mut bench = Bench::new();
    start(&mut bench, false);
    let mut moved = entry("A81001");
    moved.name = Some("NEW NAME".to_owned());
    let first =
        AdvanceSync { chunks: vec![chunk("2031-06-02", vec![moved])], ..page(&bench, 1, &["A81001"], next("2")) };
    assert_eq!(advance(&mut bench, first.clone()).len(), 2, "what changed, and where the run is");
    assert_eq!((run(&bench, 1).next.as_deref(), run(&bench, 1).tally.updated), (Some("2"), 1));
    let other = AdvanceSync { worker: "b".to_owned(), ..first };
    let refused = bench.run(&Command::AdvanceSync(Box::new(other)));
    assert_eq!(refused, Err(Rejection::SyncAdvanced { sync: 1, page: 1, seen: 0 }));

    let last = page(&bench, 1, &[], Then::End);
    advance(&mut bench, last);
    let late = page(&bench, 1, &[], Then::End);
    assert_eq!(bench.run(&Command::AdvanceSync(Box::new(late))), Err(Rejection::SyncNotOpen { sync: 1 }));
}

#[test]
fn a_practice_that_two_days_say_something_of_is_counted_once_and_the_same_again_is_unchanged() {
    let mut bench = Bench::new();
    start(&mut bench, false);
    let mut named = DirectoryEntry::new(code("A81001"));
    named.name = Some("NEW NAME".to_owned());
    let mut moved = DirectoryEntry::new(code("A81001"));
    moved.icb = Some("QE1".parse().unwrap());
    let unknown = DirectoryEntry::new(code("A81009"));
    let chunks = vec![chunk("2031-06-01", vec![moved]), chunk("2031-06-02", vec![named, unknown])];
    let first = AdvanceSync { chunks: chunks.clone(), ..page(&bench, 1, &["A81001"], next("2")) };
    advance(&mut bench, first);
    assert_eq!(run(&bench, 1).tally, SyncTally { moved: 1, ignored: 1, ..SyncTally::default() });
    let from = bench.practice().icb.as_ref().unwrap().latest().effective_from;
    assert_eq!(from, day("2031-06-01"), "each from its own day");
    let again = AdvanceSync { chunks, ..page(&bench, 1, &["A81001"], next("2")) };
    assert_eq!(advance(&mut bench, again).len(), 1, "only where the run is");
    assert_eq!(run(&bench, 1).tally, SyncTally { moved: 1, unchanged: 1, ignored: 2, ..SyncTally::default() });
}

#[test]
fn where_fewer_were_read_than_there_are_the_pages_are_read_once_more() {
    let mut bench = Bench::new();
    start(&mut bench, false);
    let first = AdvanceSync { total: Some(3), ..page(&bench, 1, &["A81001", "A81002"], next("2")) };
    advance(&mut bench, first);
    let last = AdvanceSync { total: Some(3), ..page(&bench, 1, &["A81002"], Then::End) };
    advance(&mut bench, last);
    let again = run(&bench, 1);
    assert_eq!((again.pass, again.next.as_deref(), again.end), (2, None, None));
    // What stepped over the page's edge is found now.
    let found = AdvanceSync { total: Some(3), ..page(&bench, 1, &["A81003"], Then::End) };
    advance(&mut bench, found);
    assert_eq!((run(&bench, 1).end, run(&bench, 1).read_count), (Some(SyncEnd::Completed), 3));
}

#[test]
fn a_directory_that_never_stands_still_is_said_and_begun_anew() {
    let mut bench = Bench::new();
    start(&mut bench, false);
    for _ in 0..PASSES_MAX {
        assert_eq!(run(&bench, 1).failure, None);
        let last = AdvanceSync { total: Some(3), ..page(&bench, 1, &["A81001"], Then::End) };
        advance(&mut bench, last);
    }
    let run = run(&bench, 1);
    assert_eq!(run.failure.as_ref().unwrap().reason, "DIRECTORY_KEEPS_CHANGING");
    assert_eq!((run.pass, run.read_count, run.end), (1, 0, None));
}

#[test]
fn a_failure_leaves_the_run_where_it_is_and_asking_for_it_lets_it_go_on() {
    let mut bench = Bench::new();
    start(&mut bench, false);
    let first = page(&bench, 1, &["A81001"], next("2"));
    advance(&mut bench, first);
    let fail = FailSync {
        sync: 1,
        worker: "a".to_owned(),
        reason: "OUT_OF_ORDER".to_owned(),
        message: "it answers 503".to_owned(),
        from_beginning: false,
    };
    bench.done(&Command::FailSync(fail.clone()));
    bench.done(&Command::FailSync(fail.clone()));
    let stands = run(&bench, 1);
    assert_eq!((stands.failure.as_ref().unwrap().attempts, stands.next.as_deref()), (2, Some("2")));
    assert_eq!(start(&mut bench, false), [Event::SyncResumed { sync: 1 }]);
    assert_eq!((run(&bench, 1).failure.clone(), run(&bench, 1).next.as_deref()), (None, Some("2")));

    bench.done(&Command::FailSync(FailSync { from_beginning: true, ..fail }));
    assert_eq!((run(&bench, 1).next.clone(), run(&bench, 1).read_count), (None, 0));
}

#[test]
fn what_begins_on_a_later_day_is_come_back_to_on_that_day_and_then_no_more() {
    let mut bench = Bench::new();
    start(&mut bench, false);
    let returns = BTreeMap::from([(code("A81001"), day("2031-07-01"))]);
    let first = AdvanceSync { returns, ..page(&bench, 1, &["A81001"], Then::End) };
    advance(&mut bench, first);
    let due = |bench: &Bench, on: &str| bench.state.syncs().returns_due(day(on)).collect::<Vec<_>>();
    assert_eq!((due(&bench, "2031-06-30"), due(&bench, "2031-07-01")), (vec![], vec![code("A81001")]));
    start(&mut bench, false);
    let back = AdvanceSync { came_back: vec![code("A81001")], ..page(&bench, 2, &[], Then::Page(None)) };
    advance(&mut bench, back);
    assert_eq!(due(&bench, "2031-07-01"), []);
}

#[test]
fn successions_are_told_and_recorded_by_nobody() {
    let mut bench = Bench::new();
    start(&mut bench, false);
    let found = FoundSuccession { predecessor: "A81001".into(), successor: "A81002".into(), date: None };
    let first = AdvanceSync { successions: BTreeSet::from([found.clone()]), ..page(&bench, 1, &["A81001"], Then::End) };
    let before = bench.practice().clone();
    advance(&mut bench, first);
    assert_eq!(run(&bench, 1).successions.iter().collect::<Vec<_>>(), [&found]);
    assert_eq!(*bench.practice(), before);
}

#[test]
fn facts_of_tomorrow_are_refused() {
    let mut bench = Bench::new();
    start(&mut bench, false);
    let early =
        AdvanceSync { chunks: vec![chunk("2031-06-03", vec![entry("A81001")])], ..page(&bench, 1, &[], Then::End) };
    let refused = bench.run(&Command::AdvanceSync(Box::new(early)));
    assert!(matches!(refused, Err(Rejection::EffectiveInFuture { .. })), "{refused:?}");
}

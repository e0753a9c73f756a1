//! Every shape of a sync's events ever written folds to the state it made when it was written (I20). As in `corpus`, the
//! files are never edited, and `CORPUS_WRITE=1` writes the pair of the newest number where it is not there yet.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

use jiff::Timestamp;
use practice::sync::{AdvanceSync, FailSync, FoundSuccession, StartSync, SyncRejection, SyncSource, Then};
use practice::{Command, Event, State, apply};

use crate::bench::{Bench, code, day};

/// The newest pair.
const NEWEST: u32 = 1;

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/corpus").join(name)
}

#[test]
fn every_event_of_a_sync_ever_written_folds_to_the_state_it_made() {
    for number in 1..=NEWEST {
        let (events, state) =
            (path(&format!("sync-events-{number}.jsonl")), path(&format!("sync-state-{number}.json")));
        let scenario = scenario();
        if std::env::var_os("CORPUS_WRITE").is_some() && !events.exists() {
            let line = |(event, position, at): &(Event, u64, Timestamp)| {
                serde_json::to_string(&(position, at, event)).unwrap() + "\n"
            };
            fs::write(&events, scenario.events.iter().map(line).collect::<String>()).unwrap();
            fs::write(&state, serde_json::to_string_pretty(&scenario.state).unwrap() + "\n").unwrap();
        }
        let lines = fs::read_to_string(&events).unwrap();
        let mut folded = State::default();
        for line in lines.lines() {
            let (position, recorded_at, event): (u64, Timestamp, Event) = serde_json::from_str(line).unwrap();
            apply(&mut folded, &event, position, recorded_at);
        }
        let made: State = serde_json::from_str(&fs::read_to_string(&state).unwrap()).unwrap();
        assert_eq!(folded, made, "corpus {number}");
        for (event, _, _) in scenario.events {
            assert!(lines.contains(&format!("{{\"{}\":", event.kind())), "{} is not in the corpus", event.kind());
        }
    }
}

/// A run that stands still, goes on, is superseded; and one that ends.
fn scenario() -> Bench {
    let mut bench = Bench::new();
    let start = |full| Command::StartSync(StartSync { source: SyncSource::Ord, full });
    let page = |sync, then| AdvanceSync {
        sync,
        page: 0,
        worker: "registry-1".to_owned(),
        read: vec!["A81001".to_owned()],
        came_back: vec![code("A81003")],
        chunks: Vec::new(),
        ignored: 1,
        rejections: vec![SyncRejection { code: "A81009".to_owned(), reason: "at Name: nothing is given".to_owned() }],
        successions: BTreeSet::from([FoundSuccession {
            predecessor: "A81003".to_owned(),
            successor: "A81001".to_owned(),
            date: Some(day("2031-06-04")),
        }]),
        returns: BTreeMap::from([(code("A81001"), day("2031-07-01"))]),
        total: Some(1),
        then,
    };
    bench.done(&start(true));
    bench.done(&Command::AdvanceSync(Box::new(page(1, Then::End))));
    bench.done(&start(false));
    bench.done(&Command::AdvanceSync(Box::new(page(2, Then::Page(Some("/next".to_owned()))))));
    let (worker, reason, message) = ("registry-1".to_owned(), "TOO_SLOW".to_owned(), "no answer".to_owned());
    bench.done(&Command::FailSync(FailSync { sync: 2, worker, reason, message, from_beginning: true }));
    bench.done(&start(false));
    bench.done(&start(true));
    bench
}

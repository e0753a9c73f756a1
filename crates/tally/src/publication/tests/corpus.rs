//! Every shape of event ever written to the journal of statistics folds to the state it made, and each such state reads as that
//! fold (I20).
//!
//! The files in `tests/corpus` are never edited: a new shape is a new pair. `CORPUS_WRITE=1` writes the pair of the newest
//! number from the story below, where it is not there yet. Pair 1 is of returns as they were recorded before it was kept who
//! sent them; pair 2 has every kind of event. Where a state can no longer be read, raise the service's `STATE_SHAPE`, so
//! that snapshots of before are passed over, and write a new pair.

#[path = "../../../../../tests/corpora/what_was.rs"]
mod what_was;

use std::fs;
use std::path::PathBuf;

use ods::totals::Total;
use serde_json::Value;

use self::what_was::what_was;
use super::*;
use crate::returns::{Sender, Submission, SubmitReturns};
use crate::totals::SubmitTotals;

/// The newest pair.
const NEWEST: u32 = 2;

type Recorded = (Timestamp, ReturnsEvent);

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/corpus").join(name)
}

fn read(name: &str) -> String {
    fs::read_to_string(path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn fold(lines: &str) -> Returns {
    let mut returns = Returns::default();
    for line in lines.lines() {
        let (at, event): Recorded = serde_json::from_str(line).unwrap();
        returns.apply(&event, at);
    }
    returns
}

#[test]
fn i20_every_event_of_statistics_ever_written_folds_to_the_state_it_made_and_that_state_is_read() {
    if std::env::var_os("CORPUS_WRITE").is_some() && !path(&format!("{NEWEST}.events.jsonl")).exists() {
        let (recorded, returns) = story();
        let line = |one: &Recorded| serde_json::to_string(one).unwrap() + "\n";
        fs::write(path(&format!("{NEWEST}.events.jsonl")), recorded.iter().map(line).collect::<String>()).unwrap();
        let state = serde_json::to_string(&returns).unwrap() + "\n";
        fs::write(path(&format!("{NEWEST}.state.json")), state).unwrap();
    }
    for number in 1..=NEWEST {
        let folded = fold(&read(&format!("{number}.events.jsonl")));
        let state = read(&format!("{number}.state.json"));
        let made: Value = serde_json::from_str(&state).unwrap();
        let now = serde_json::to_value(&folded).unwrap();
        assert_eq!(what_was(&now, &made), made, "pair {number}");
        if number == NEWEST {
            assert_eq!(now, made, "what is written now differs from the newest pair");
        }
        let was: Returns =
            serde_json::from_str(&state).unwrap_or_else(|error| panic!("pair {number}, see above: {error}"));
        assert_eq!(was, folded, "pair {number}");
    }
}

#[test]
fn the_newest_pair_has_every_kind_of_event() {
    let kind = |event: &ReturnsEvent| match event {
        ReturnsEvent::ReturnsSubmitted { .. } => "returns-submitted",
        ReturnsEvent::TotalsSubmitted { .. } => "totals-submitted",
        ReturnsEvent::ReleaseSet { .. } => "release-set",
        ReturnsEvent::PublicationIssued { .. } => "publication-issued",
        ReturnsEvent::IssuesReleased { .. } => "issues-released",
    };
    let lines = read(&format!("{NEWEST}.events.jsonl"));
    for (_, event) in story().0 {
        assert!(lines.contains(&format!("{{\"kind\":\"{}\"", kind(&event))), "{} is not in it", kind(&event));
    }
    assert!(lines.contains("\"sender\":") && !read("1.events.jsonl").contains("\"sender\":"));
}

/// Returns, with and without who sent them; totals; a month that is announced, issued, released, and corrected.
fn story() -> (Vec<Recorded>, Returns) {
    let (directory, of_before) = world();
    let mut recorded = Vec::new();
    let mut returns = Returns::default();
    let mut record = |returns: &mut Returns, events: Vec<ReturnsEvent>, now: Timestamp| {
        recorded.extend(events.iter().map(|event| (now, event.clone())));
        apply(returns, events, now);
    };
    let practices = (1..=8).filter(|number| *number != 6);
    let figures =
        |number: u32, more: u64| Figures { accounts_with_access: 117 * u64::from(number) + more, ..Figures::default() };
    let of = |more| practices.clone().map(|number| (code(number), figures(number, more))).collect::<Vec<_>>();
    let submit =
        |sender, more| SubmitReturns { submission: Submission { sender, ..submission(date(30)) }, returns: of(more) };
    let now = moment(24 * 32);
    let events = returns.decide(&submit(None, 0), now).unwrap();
    record(&mut returns, events, now);
    let total = Total { patients: 36_000, aged_16_and_over: 30_000 };
    let source = "GP_PRAC_PAT_LIST".to_owned();
    let totals = SubmitTotals { source, as_at: date(0), totals: vec![("regions/Y63".parse().unwrap(), total)] };
    let events = returns.decide_totals(&totals, now).unwrap();
    record(&mut returns, events, now);
    let release = SetRelease { publication: january(), release_at: moment(24 * 40), author: "sam".to_owned() };
    let events = returns.decide_release(&release, now).unwrap();
    record(&mut returns, events, now);
    let issued_at = moment(24 * 35);
    let draft_of = |returns: &Returns, asked, at| draft(&directory, returns, asked, at).unwrap();
    let events = returns.decide_issue(&draft_of(&returns, asked(None), issued_at), issued_at).unwrap();
    record(&mut returns, events, issued_at);
    let due_at = moment(24 * 40);
    let events = returns.decide_due(due_at);
    record(&mut returns, events, due_at);
    let corrected_at = moment(24 * 50);
    let sender = Sender { account: "emis".to_owned(), reason_code: "RECOUNTED".to_owned() };
    let events = returns.decide(&submit(Some(sender), 100), corrected_at).unwrap();
    record(&mut returns, events, corrected_at);
    let reissued_at = moment(24 * 51);
    let events = returns.decide_issue(&draft_of(&returns, asked(correction()), reissued_at), reissued_at).unwrap();
    record(&mut returns, events, reissued_at);
    let events = returns.decide_due(moment(24 * 52));
    record(&mut returns, events, moment(24 * 52));
    drop(of_before);
    (recorded, returns)
}

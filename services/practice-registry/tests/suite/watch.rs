//! WatchPractices.

use std::collections::BTreeSet;

use practice_registry::Limits;
use proto::registry::v1 as wire;
use proto::registry::v1::DirectoryFormat::{ListSizes, Map};
use proto::registry::v1::PracticeChangeKind::{Added, Changed, Removed};
use tonic::{Code, Streaming};

use crate::bench::{Bench, everywhere, header, reason, refusal};
use crate::files;

fn watch(filter: &str, resume_token: &str) -> wire::WatchPracticesRequest {
    wire::WatchPracticesRequest { filter: filter.to_owned(), resume_token: resume_token.to_owned() }
}

async fn follow(bench: &mut Bench, filter: &str, resume_token: &str) -> Streaming<wire::WatchPracticesResponse> {
    bench.client.watch_practices(watch(filter, resume_token)).await.unwrap().into_inner()
}

async fn next(stream: &mut Streaming<wire::WatchPracticesResponse>) -> wire::WatchPracticesResponse {
    stream.message().await.unwrap().unwrap()
}

fn kinds(message: &wire::WatchPracticesResponse) -> Vec<(wire::PracticeChangeKind, &str)> {
    let kind = |change: &wire::PracticeChange| change.kind();
    let kinds = message.changes.iter().map(kind);
    kinds.zip(message.changes.iter().map(|change| change.practice.as_ref().unwrap().ods_code.as_str())).collect()
}

#[tokio::test]
async fn a_watch_begins_with_a_snapshot_and_goes_on_with_every_change() {
    everywhere(async |bench| {
        bench.import_map().await;
        let mut stream = follow(bench, "", "").await;
        let snapshot = next(&mut stream).await;
        let codes = ["A81001", "A81002", "A81003", "B82001"];
        assert_eq!(kinds(&snapshot), codes.map(|code| (Added, code)));
        assert!(snapshot.bookmark && !snapshot.snapshot_continues && !snapshot.resume_token.is_empty());
        assert_eq!(snapshot.position, bench.registry.engine().published().position);

        let paused = bench.pause("p").await;
        let change = next(&mut stream).await;
        assert_eq!((kinds(&change), change.position), (vec![(Changed, "A81001")], paused.position));
        assert_eq!(change.changes[0].practice.as_ref().unwrap(), &bench.practice().await);
        assert_eq!(change.journal_hash.len(), 32);
    })
    .await;
}

#[tokio::test]
async fn a_snapshot_and_a_flood_of_changes_come_in_messages_of_bounded_length() {
    let mut bench = Bench::in_memory().await;
    let changes_max = Limits::default().watch_changes_max;
    let rows = |name: &str| {
        (0..=changes_max).map(|number| files::map_row(&format!("C{number:05}"), name, "EMIS")).collect::<Vec<_>>()
    };
    bench.import(header(Map, "many"), files::map_of(&rows("OLD")).as_bytes()).await.unwrap();
    let mut stream = follow(&mut bench, "", "").await;
    let (first, second) = (next(&mut stream).await, next(&mut stream).await);
    assert_eq!((first.changes.len(), first.snapshot_continues, first.bookmark), (changes_max, true, false));
    assert_eq!((second.changes.len(), second.snapshot_continues, second.bookmark), (1, false, true));
    assert!(first.resume_token.is_empty());

    bench.import(header(Map, "again"), files::map_of(&rows("NEW")).as_bytes()).await.unwrap();
    let mut changed = Vec::new();
    loop {
        let message = next(&mut stream).await;
        assert!(message.changes.len() <= changes_max);
        changed.extend(message.changes.into_iter().map(|change| change.practice.unwrap().ods_code));
        if message.bookmark && message.position == bench.registry.engine().published().position {
            break;
        }
    }
    changed.sort();
    changed.dedup();
    assert_eq!(changed.len(), changes_max + 1);
}

#[tokio::test]
async fn a_slow_reader_is_sent_the_latest_state_once() {
    let mut bench = Bench::with_practices().await;
    let mut stream = follow(&mut bench, "", "").await;
    next(&mut stream).await;
    for request_id in ["p", "q", "r"] {
        bench.pause(request_id).await;
    }
    let change = next(&mut stream).await;
    assert_eq!(kinds(&change), [(Changed, "A81001")]);
    assert_eq!(change.changes[0].practice.as_ref().unwrap().pauses.len(), 3);
}

#[tokio::test]
async fn what_stops_matching_is_removed_and_what_begins_is_added() {
    let mut bench = Bench::with_practices().await;
    bench.import(header(ListSizes, "lists"), files::lists().as_bytes()).await.unwrap();
    let mut stream = follow(&mut bench, "practice.list_size < 8000", "").await;
    assert_eq!(kinds(&next(&mut stream).await), [(Added, "A81001"), (Added, "A81003")]);

    let rows =
        [files::lists_row("A81001", "8000"), files::lists_row("A81002", "10"), files::lists_row("A81003", "7000")];
    bench.import(header(ListSizes, "changed"), files::lists_of(&rows).as_bytes()).await.unwrap();
    let change = next(&mut stream).await;
    assert_eq!(kinds(&change), [(Removed, "A81001"), (Added, "A81002"), (Changed, "A81003")]);
    assert!(change.changes[0].practice.as_ref().unwrap().display_name.is_empty(), "only its name is told");

    let rows = [files::lists_row("A81001", "9000")];
    bench.import(header(ListSizes, "unmatched"), files::lists_of(&rows).as_bytes()).await.unwrap();
    let bookmark = next(&mut stream).await;
    assert!(bookmark.changes.is_empty() && bookmark.bookmark, "the position goes on all the same");
}

#[tokio::test]
async fn a_resumed_watch_goes_on_where_it_was_also_after_a_restart() {
    let mut bench = Bench::with_practices().await;
    let mut stream = follow(&mut bench, "practice.paused || practice.supplier == \"TPP\"", "").await;
    let snapshot = next(&mut stream).await;
    drop(stream);
    bench.pause("p").await;
    let moved =
        files::map_of(&[files::map_row("B82001", "PARK SURGERY", "EMIS"), files::map_row("B82009", "NEW", "TPP")]);
    bench.import(header(Map, "moved"), moved.as_bytes()).await.unwrap();

    let mut bench = bench.reopened().await;
    let mut stream =
        follow(&mut bench, "practice.paused || practice.supplier == \"TPP\"", &snapshot.resume_token).await;
    let change = next(&mut stream).await;
    assert_eq!(kinds(&change), [(Changed, "A81001"), (Removed, "B82001"), (Added, "B82009")]);
    assert!(change.bookmark);
}

#[tokio::test]
async fn a_token_of_another_watch_or_another_journal_is_refused() {
    let mut bench = Bench::with_practices().await;
    let mut stream = follow(&mut bench, "", "").await;
    let token = next(&mut stream).await.resume_token;
    for request in [watch("practice.live", &token), watch("", "nonsense")] {
        let refused = reason(bench.client.watch_practices(request).await);
        assert_eq!(refused, (Code::InvalidArgument, "RESUME_TOKEN_INVALID".to_owned()));
    }
    // As long as the first, and yet another one (rule 17).
    let mut other = Bench::in_memory().await;
    let map = files::map().replace("HILL SURGERY", "DALE SURGERY");
    other.import(header(Map, "map"), map.as_bytes()).await.unwrap();
    let refused = reason(other.client.watch_practices(watch("", &token)).await);
    assert_eq!(refused, (Code::FailedPrecondition, "JOURNAL_REWOUND".to_owned()));
}

#[tokio::test]
async fn a_change_brings_the_trace_of_what_caused_it() {
    let mut bench = Bench::with_practices().await;
    let mut stream = follow(&mut bench, "", "").await;
    next(&mut stream).await;
    let traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned();
    let meta = journal::Meta { traceparent: traceparent.clone(), ..journal::Meta::default() };
    let observation = practice::command::Observation {
        practice: "A81002".parse().unwrap(),
        capability: ods::Capability::default(),
        state: practice::access::ObservedState::On,
        source: practice::access::ObservationSource::SupplierList,
        as_at: None,
        command: None,
        evidence: String::new(),
        wrong_settings: Vec::new(),
    };
    let command = practice::Command::RecordObservations(vec![observation]);
    bench.registry.engine().submit(journal::Submission::new(command, meta), |_| Vec::new()).await.unwrap();
    bench.pause("p").await;
    let change = next(&mut stream).await;
    let causes: Vec<_> = change.changes.iter().map(|change| change.traceparent.as_str()).collect();
    assert_eq!(
        (kinds(&change), causes),
        (vec![(Changed, "A81002"), (Changed, "A81001")], vec![traceparent.as_str(), ""])
    );
}

#[tokio::test]
async fn a_wrong_filter_is_refused_at_its_column() {
    let mut bench = Bench::with_practices().await;
    let refused = reason(bench.client.watch_practices(watch("practice.list_size <", "")).await);
    assert_eq!(refused, (Code::InvalidArgument, "FILTER_INVALID".to_owned()));
}

/// Watches of a hundred practices a message, let go of after two seconds. A moment longer, on a clock that the test moves.
async fn impatient() -> (Bench, std::time::Duration) {
    let unread_max = std::time::Duration::from_secs(2);
    let limits = Limits { watch_changes_max: 100, watch_unread_max: unread_max, ..Limits::default() };
    (Bench::with_practices_within(limits).await, unread_max + std::time::Duration::from_millis(1))
}

/// Reads what was on its way already, and returns the refusal after it.
async fn refused(stream: &mut Streaming<wire::WatchPracticesResponse>) -> (Code, api::Explained) {
    loop {
        match stream.message().await {
            Ok(Some(message)) => assert!(!message.bookmark, "it was to be refused before its end"),
            other => return refusal(other),
        }
    }
}

/// Reads to the next bookmark: who changed up to there, and its token.
async fn to_bookmark(stream: &mut Streaming<wire::WatchPracticesResponse>) -> (BTreeSet<String>, String) {
    let mut changed = BTreeSet::new();
    loop {
        let message = next(stream).await;
        changed.extend(message.changes.into_iter().map(|change| change.practice.unwrap().ods_code));
        if message.bookmark {
            return (changed, message.resume_token);
        }
    }
}

/// The state of a reader that does not read is not kept for ever, and the reader is told where to go on.
#[tokio::test(start_paused = true)]
async fn a_reader_who_takes_too_long_is_told_to_go_on_from_its_bookmark() {
    let (mut bench, too_long) = impatient().await;
    // More than a connection takes ahead of its reader, which is two messages.
    let codes: Vec<String> = (0..600).map(|number| format!("C{number:05}")).collect();
    let rows: Vec<String> = codes.iter().map(|code| files::map_row(code, "SURGERY", "EMIS")).collect();
    bench.import(header(Map, "more"), files::map_of(&rows).as_bytes()).await.unwrap();
    let mut stream = follow(&mut bench, "", "").await;
    next(&mut stream).await;
    tokio::time::sleep(too_long).await;
    let (code, explained) = refused(&mut stream).await;
    assert_eq!((code, explained.reason.as_str()), (Code::ResourceExhausted, "WATCH_UNREAD"));
    assert_eq!(explained.metadata["resume_token"], "", "in the snapshot there is no bookmark");
    assert!(explained.retry_after.is_some());

    let mut stream = follow(&mut bench, "", "").await;
    let (held, bookmark) = to_bookmark(&mut stream).await;
    assert_eq!(held.len(), 604);
    let rows: Vec<String> = codes.iter().map(|code| files::lists_row(code, "10")).collect();
    bench.import(header(ListSizes, "all"), files::lists_of(&rows).as_bytes()).await.unwrap();
    next(&mut stream).await;
    tokio::time::sleep(too_long).await;
    let (_, explained) = refused(&mut stream).await;
    assert_eq!(explained.metadata["resume_token"], bookmark);
    let mut stream = follow(&mut bench, "", &bookmark).await;
    let (changed, _) = to_bookmark(&mut stream).await;
    assert!(changed.iter().eq(codes.iter()), "nothing is missed");
}

/// A reader that has everything holds nothing, so it may rest for as long as it likes.
#[tokio::test(start_paused = true)]
async fn a_reader_who_has_everything_may_rest() {
    let (mut bench, too_long) = impatient().await;
    let mut stream = follow(&mut bench, "practice.paused", "").await;
    assert!(next(&mut stream).await.bookmark);
    tokio::time::sleep(too_long).await;
    bench.pause("p").await;
    assert_eq!(kinds(&next(&mut stream).await), [(Added, "A81001")]);
}

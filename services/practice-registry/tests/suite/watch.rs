//! WatchPractices.

use proto::registry::v1 as wire;
use proto::registry::v1::DirectoryFormat::{ListSizes, Map};
use proto::registry::v1::PracticeChangeKind::{Added, Changed, Removed};
use tonic::{Code, Streaming};

use crate::bench::{Bench, everywhere, header, reason};
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
    let rows =
        |name: &str| (0..501).map(|number| files::map_row(&format!("C{number:05}"), name, "EMIS")).collect::<Vec<_>>();
    bench.import(header(Map, "many"), files::map_of(&rows("OLD")).as_bytes()).await.unwrap();
    let mut stream = follow(&mut bench, "", "").await;
    let (first, second) = (next(&mut stream).await, next(&mut stream).await);
    assert_eq!((first.changes.len(), first.snapshot_continues, first.bookmark), (500, true, false));
    assert_eq!((second.changes.len(), second.snapshot_continues, second.bookmark), (1, false, true));
    assert!(first.resume_token.is_empty());

    bench.import(header(Map, "again"), files::map_of(&rows("NEW")).as_bytes()).await.unwrap();
    let mut changed = Vec::new();
    loop {
        let message = next(&mut stream).await;
        assert!(message.changes.len() <= 500);
        changed.extend(message.changes.into_iter().map(|change| change.practice.unwrap().ods_code));
        if message.bookmark && message.position == bench.registry.engine().published().position {
            break;
        }
    }
    changed.sort();
    changed.dedup();
    assert_eq!(changed.len(), 501);
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

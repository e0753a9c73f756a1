//! ListPracticeChanges.

use proto::registry::v1 as wire;

use crate::bench::{Bench, PRACTICE, enable, everywhere, reason};

fn changes() -> wire::ListPracticeChangesRequest {
    wire::ListPracticeChangesRequest { name: PRACTICE.to_owned(), ..Default::default() }
}

#[tokio::test]
async fn the_history_says_who_when_and_why_latest_first() {
    everywhere(async |bench| {
        bench.import_map().await;
        bench.pause("letter-17").await;
        let request = wire::AcquirePermitsRequest {
            keys: vec![enable(1)],
            request_id: "refused".to_owned(),
            ..Default::default()
        };
        bench.client.acquire_permits(request).await.unwrap();
        let reply = bench.client.list_practice_changes(changes()).await.unwrap().into_inner();
        let told: Vec<_> =
            reply.changes.iter().map(|change| (change.kind.as_str(), change.request_id.as_str())).collect();
        assert_eq!(
            told,
            [("practice-paused", "letter-17"), ("directory-imported", "map/2")],
            "a refusal changes nothing"
        );
        let paused = &reply.changes[0];
        assert_eq!(paused.summary, "pause 1 of all capabilities until further notice: PREVENTED");
        assert_eq!((paused.actor.as_str(), paused.reason_code.as_str()), ("alice", "staff-not-trained"));
        assert_eq!(paused.effective_at, paused.recorded_at);
        assert_eq!(reply.changes[1].cause, "import of map");
    })
    .await;
}

#[tokio::test]
async fn the_history_is_paged() {
    let mut bench = Bench::with_practices().await;
    for request_id in ["p", "q", "r"] {
        bench.pause(request_id).await;
    }
    let mut request = wire::ListPracticeChangesRequest { page_size: 3, ..changes() };
    let first = bench.client.list_practice_changes(request.clone()).await.unwrap().into_inner();
    request.page_token = first.next_page_token;
    let second = bench.client.list_practice_changes(request).await.unwrap().into_inner();
    let ids =
        |reply: &[wire::PracticeHistoryEntry]| reply.iter().map(|entry| entry.request_id.clone()).collect::<Vec<_>>();
    assert_eq!(
        (ids(&first.changes), ids(&second.changes)),
        (vec!["r".into(), "q".into(), "p".into()], vec!["map/2".into()])
    );
    assert_eq!(second.next_page_token, "");
}

#[tokio::test]
async fn an_unknown_practice_has_no_history() {
    let mut bench = Bench::with_practices().await;
    let request = wire::ListPracticeChangesRequest { name: "practices/Z99999".to_owned(), ..Default::default() };
    assert_eq!(reason(bench.client.list_practice_changes(request).await).1, "PRACTICE_NOT_FOUND");
}

//! What is kept how long, and what happens when the store fails.

use api::Explained;
use database::{Db, sql};
use jiff::SignedDuration;
use proto::statistics::v1 as wire;

use crate::world::{Process, START, World, reason, view};

fn views(people: std::ops::Range<u64>) -> Vec<wire::AccessEvent> {
    people.map(|person| view("A81001", START, person)).collect()
}

async fn count(db: &Db, table: &'static str) -> usize {
    let statement = match table {
        "batches" => sql("select position from batches"),
        _ => sql("select day from practice_sketches"),
    };
    db.fetch_all(statement).await.unwrap().len()
}

async fn of_practice(process: &Process) -> Option<(i64, i32)> {
    let request = wire::GetSummaryRequest {
        area: "practices/A81001".to_owned(),
        period: Some(wire::Period { start_date: "2031-03-01".to_owned(), end_date: "2031-03-31".to_owned() }),
        ..Default::default()
    };
    process.summary(request).await.viewers.map(|viewers| (viewers.value, viewers.days_with_data))
}

#[tokio::test]
async fn folded_batches_and_practices_sketches_go_after_their_time_and_counts_stay() {
    for world in World::each().await {
        let process = world.start().await;
        let (mut producer, _) = process.produce("gateway", 1).await;
        assert_eq!(producer.record(1, views(0..5)).await.unwrap(), 5);
        world.pass_checkpoint().await;
        assert_eq!((count(&process.db, "batches").await, count(&process.db, "sketches").await), (1, 1));
        assert_eq!(of_practice(&process).await, Some((5, 1)));

        let days = i64::from(world.config.practice_sketch_days) + 1;
        world.clock.advance(SignedDuration::from_hours(24 * days));
        let mut later = view("A81001", START, 9);
        later.occurred_at = Some(api::time::to_wire(world.clock.now()));
        assert_eq!(producer.record(6, vec![later]).await.unwrap(), 6);
        world.pass_checkpoint().await;
        assert_eq!((count(&process.db, "batches").await, count(&process.db, "sketches").await), (1, 1));
        assert_eq!(of_practice(&process).await, None, "the practice's sketch of that day is gone, which is not nobody");
        let by_practice = wire::QuerySeriesRequest {
            measure: wire::Measure::Viewers.into(),
            group_by: wire::AreaKind::Practice.into(),
            interval: wire::Interval::Month.into(),
            period: Some(wire::Period { start_date: "2031-03-01".to_owned(), end_date: "2031-03-31".to_owned() }),
            ..Default::default()
        };
        let refused = process.statistics().query_series(by_practice).await.unwrap_err();
        assert_eq!(Explained::from(&refused).reason, "VIEWERS_NOT_KEPT");
        let england = wire::GetSummaryRequest {
            period: Some(wire::Period { start_date: "2031-03-01".to_owned(), end_date: "2031-05-31".to_owned() }),
            ..Default::default()
        };
        let england = process.summary(england).await;
        assert_eq!((england.record_views.unwrap().value, england.viewers.unwrap().value), (6, 6));

        // What the log no longer holds cannot be compared, and still counts once.
        assert_eq!(producer.record(1, views(70..75)).await.unwrap(), 6);
        let still_kept = reason(producer.record(6, views(70..71)).await);
        assert_eq!(still_kept.reason, "SEQUENCE_REUSED");
        process.stop().await;
    }
}

#[tokio::test]
async fn a_store_that_fails_acknowledges_nothing_and_says_when_to_come_again() {
    let world = World::on(database::testing::TestStore::sqlite());
    let process = world.start().await;
    let (mut producer, _) = process.produce("gateway", 1).await;
    assert_eq!(producer.record(1, views(0..5)).await.unwrap(), 5);
    process.db.close().await;
    let refused = reason(producer.record(6, views(5..6)).await);
    assert_eq!(refused.reason, "STORE_UNAVAILABLE");
    assert!(refused.retry_after.is_some());
    let question = process.statistics().get_summary(wire::GetSummaryRequest::default()).await.unwrap_err();
    assert_eq!(Explained::from(&question).reason, "INTERNAL");
    process.kill().await;

    let process = world.start().await;
    assert_eq!(process.produce("gateway", 1).await.1, 5);
    process.stop().await;
}

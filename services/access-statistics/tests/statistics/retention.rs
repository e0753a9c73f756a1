//! What is kept how long, and what happens when the store fails.

use api::Explained;
use database::{Db, Dialect, sql};
use proto::statistics::v1 as wire;

use crate::registry::practice;
use crate::world::{Process, START, World, moment, reason, view};

fn views(people: std::ops::Range<u64>) -> Vec<wire::AccessEvent> {
    people.map(|person| view("A81001", START, person)).collect()
}

async fn count(db: &Db, table: &'static str) -> usize {
    let statement = match table {
        "batches" => sql("select position from batches"),
        "hours" => sql("select utc_day from hourly_counts"),
        "days" => sql("select day from daily_counts"),
        _ => sql("select day from practice_sketches"),
    };
    db.fetch_all(statement).await.unwrap().len()
}

/// Viewers of A81001 from a day to another, and on how many days there were any.
async fn of_practice(process: &Process, from: &str, to: &str) -> Option<(i64, i32)> {
    let request = wire::GetSummaryRequest {
        area: "practices/A81001".to_owned(),
        period: Some(wire::Period { start_date: from.to_owned(), end_date: to.to_owned() }),
        ..Default::default()
    };
    process.summary(request).await.viewers.map(|viewers| (viewers.value, viewers.days_with_data))
}

fn by_practice(interval: wire::Interval) -> wire::QuerySeriesRequest {
    wire::QuerySeriesRequest {
        measure: wire::Measure::Viewers.into(),
        group_by: wire::AreaKind::Practice.into(),
        interval: interval.into(),
        period: Some(wire::Period { start_date: "2031-03-01".to_owned(), end_date: "2031-05-19".to_owned() }),
        ..Default::default()
    }
}

#[tokio::test]
async fn folded_batches_go_after_their_time_and_counts_stay() {
    for world in World::each().await {
        let process = world.start().await;
        let (mut producer, _) = process.produce("gateway", 1).await;
        assert_eq!(producer.record(1, views(0..5)).await.unwrap(), 5);
        world.pass_checkpoint().await;
        assert_eq!(count(&process.db, "batches").await, 1);
        world.clock.advance(world.config.batches_kept);
        let mut later = view("A81001", START, 9);
        later.occurred_at = Some(api::time::to_wire(world.clock.now()));
        assert_eq!(producer.record(6, vec![later]).await.unwrap(), 6);
        world.pass_checkpoint().await;
        assert_eq!(count(&process.db, "batches").await, 1);
        assert_eq!(process.england().await, (6, 6));

        // What the log no longer holds cannot be compared, and still counts once.
        assert_eq!(producer.record(1, views(70..75)).await.unwrap(), 6);
        let still_kept = reason(producer.record(6, views(70..71)).await);
        assert_eq!(still_kept.reason, "SEQUENCE_REUSED");
        process.stop().await;
    }
}

#[tokio::test]
async fn a_practices_viewers_are_kept_by_the_day_for_some_weeks_and_then_by_the_month() {
    for world in World::each().await {
        let process = world.start().await;
        let at = world.registry.tell([practice("A81001", "QHM", "EMIS", 1_000, moment("2031-03-01T10:00:00Z"))]);
        process.summary(wire::GetSummaryRequest { min_position: at, ..Default::default() }).await;
        let (mut producer, _) = process.produce("gateway", 1).await;
        let yesterday = view("A81001", "2031-03-09T12:00:00Z", 2);
        assert_eq!(producer.record(1, [views(0..5), vec![yesterday]].concat()).await.unwrap(), 6);
        world.pass_checkpoint().await;
        assert_eq!(of_practice(&process, "2031-03-10", "2031-03-12").await, Some((5, 1)));
        assert_eq!(count(&process.db, "sketches").await, 2);

        // Forty-five days later March is not over for so long; on 15 May it is.
        world.clock.set(moment("2031-05-14T09:00:00Z"));
        assert_eq!(of_practice(&process, "2031-03-09", "2031-03-09").await, Some((1, 1)));
        world.clock.set(moment("2031-05-19T09:00:00Z"));
        let late = view("A81001", "2031-03-11T09:00:00Z", 7);
        let today = |person| {
            let occurred_at = Some(api::time::to_wire(world.clock.now()));
            wire::AccessEvent { occurred_at, ..view("A81001", START, person) }
        };
        // A checkpoint unites a day, and there are two.
        for (first_sequence, events) in [(7, vec![today(8)]), (8, vec![today(9), late]), (10, vec![today(10)])] {
            producer.record(first_sequence, events).await.unwrap();
            world.pass_checkpoint().await;
        }
        // March as known at its end, what came late to it, and today.
        assert_eq!(count(&process.db, "sketches").await, 3);
        assert_eq!(of_practice(&process, "2031-03-01", "2031-03-31").await, Some((6, 1)));
        assert_eq!(of_practice(&process, "2031-05-01", "2031-05-19").await, Some((3, 1)));
        assert_eq!(of_practice(&process, "2031-03-09", "2031-05-19").await, None, "it cuts March");
        let months = process.statistics().query_series(by_practice(wire::Interval::Month)).await.unwrap().into_inner();
        let values: Vec<i64> = months.series[0].points.iter().map(|point| point.value).collect();
        assert_eq!(values, [6, 0, 3]);
        let refused = process.statistics().query_series(by_practice(wire::Interval::Week)).await.unwrap_err();
        assert_eq!(Explained::from(&refused).reason, "VIEWERS_BY_MONTH_ONLY");
        process.stop().await;
    }
}

/// The partitions of hourly counts; none on SQLite.
async fn months(db: &Db) -> Vec<String> {
    match db.dialect() {
        Dialect::Sqlite => Vec::new(),
        Dialect::Postgres => {
            let statement = sql("select tablename from pg_tables where schemaname = current_schema()
                                 and tablename like 'hourly\\_counts\\_%' order by tablename");
            let rows = db.fetch_all(statement).await.unwrap();
            rows.iter().map(|row| row.get("tablename").unwrap()).collect()
        }
    }
}

#[tokio::test]
async fn hours_go_after_their_time_and_days_stay() {
    for world in World::each().await {
        let process = world.start().await;
        let is_postgres = process.db.dialect() == Dialect::Postgres;
        let named = |names: &[&str]| -> Vec<String> {
            if is_postgres { names.iter().map(|name| format!("hourly_counts_{name}")).collect() } else { Vec::new() }
        };
        let (mut producer, _) = process.produce("gateway", 1).await;
        let at = |at: &str| view("A81001", at, 1);
        let early = vec![at("2031-02-27T12:00:00Z"), at("2031-03-08T12:00:00Z"), at("2031-03-09T12:00:00Z"), at(START)];
        assert_eq!(producer.record(1, early).await.unwrap(), 4);
        // What comes a year late has no month of its own.
        assert_eq!(producer.record(5, vec![at("2030-02-15T12:00:00Z")]).await.unwrap(), 5);
        world.pass_checkpoint().await;
        assert_eq!(months(&process.db).await, named(&["2031_02", "2031_03", "other"]));
        // What was of before hours are kept goes again at once, a day with each checkpoint.
        assert_eq!((count(&process.db, "hours").await, count(&process.db, "days").await), (4, 5));

        // On 22 April they are kept from 9 March on.
        world.clock.set(moment("2031-04-22T09:00:00Z"));
        for sequence in 6..9 {
            let hour = 9 + sequence - 6;
            let now = at(&format!("2031-04-22T{hour:02}:00:00Z"));
            world.clock.set(moment(&format!("2031-04-22T{hour:02}:00:00Z")));
            assert_eq!(producer.record(sequence, vec![now]).await.unwrap(), sequence);
            world.pass_checkpoint().await;
        }
        assert_eq!(count(&process.db, "hours").await, 2 + 1, "the 9th, the 10th and today");
        assert_eq!(count(&process.db, "days").await, 6);
        assert_eq!(months(&process.db).await, named(&["2031_03", "2031_04", "other"]));
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

//! What the benchmarks' generator writes of years is what the service would have left behind, had it counted them.

use database::{Db, Sql, sql};
use jiff::SignedDuration;
use proto::statistics::v1 as wire;

use crate::registry::practice;
use crate::rollups::{Kept, repeat};
use crate::world::{Process, World, moment, view};

/// Into the next month, so that the first one's days are united.
const DAYS: i64 = 34;

const PRACTICES: [(&str, &str, &str); 3] =
    [("A81001", "QHM", "EMIS"), ("A81002", "QHM", "TPP"), ("B81003", "QOQ", "EMIS")];

fn world(store: World) -> World {
    let mut world = store;
    (world.config.hourly_count_days, world.config.practice_sketch_days) = (3, 3);
    world
}

async fn start(world: &World) -> Process {
    let process = world.start().await;
    let of = |(code, icb, supplier)| practice(code, icb, supplier, 1_000, moment("2031-01-01T00:00:00Z"));
    let min_position = world.registry.tell(PRACTICES.map(of));
    process.summary(wire::GetSummaryRequest { min_position, ..Default::default() }).await;
    process
}

/// The views of a day, the same people on each.
async fn count_a_day(world: &World, process: &Process) {
    let at = world.clock.now().to_string();
    let events: Vec<wire::AccessEvent> =
        (0..7).map(|number| view(PRACTICES[number as usize % 3].0, &at, number % 5)).collect();
    let (mut producer, durable) = process.produce("gateway", 1).await;
    producer.record(durable + 1, events).await.unwrap();
    world.pass_checkpoint().await;
}

/// What is told of views and viewers, in words.
async fn told(process: &Process) -> Vec<String> {
    let mut told = Vec::new();
    for measure in [wire::Measure::RecordViews, wire::Measure::Viewers] {
        for group_by in
            [wire::AreaKind::England, wire::AreaKind::Icb, wire::AreaKind::Supplier, wire::AreaKind::Practice]
        {
            for interval in [wire::Interval::Day, wire::Interval::Month] {
                let is_by_month_only = (measure, group_by, interval)
                    == (wire::Measure::Viewers, wire::AreaKind::Practice, wire::Interval::Day);
                let start_date = if is_by_month_only { "2031-04-01" } else { "2031-03-01" };
                let request = wire::QuerySeriesRequest {
                    measure: measure.into(),
                    group_by: group_by.into(),
                    interval: interval.into(),
                    period: Some(wire::Period { start_date: start_date.to_owned(), end_date: "2031-04-12".to_owned() }),
                    ..Default::default()
                };
                let answer = process.statistics().query_series(request).await.unwrap().into_inner();
                for series in answer.series {
                    let points = series.points.iter().map(|point| (&*point.end_date, point.value, point.upper_bound));
                    told.push(format!("{measure:?} {} {:?}", series.area, points.collect::<Vec<_>>()));
                }
            }
        }
    }
    told
}

/// Everything that is kept but the bytes of sketches, which are lists or sets of the same people.
async fn tables(db: &Db) -> Vec<Vec<String>> {
    async fn rows(db: &Db, statement: Sql, texts: &[&str], numbers: &[&str]) -> Vec<String> {
        let row = |row: &database::Row| {
            let texts: Vec<String> = texts.iter().map(|column| row.get(column).unwrap()).collect();
            let numbers: Vec<i64> = numbers.iter().map(|column| row.get(column).unwrap()).collect();
            format!("{texts:?} {numbers:?}")
        };
        db.fetch_all(statement).await.unwrap().iter().map(row).collect()
    }
    let hours = sql("select utc_day, practice, strand, h9, h10, h11 from hourly_counts order by 1, 2, 3");
    let days = sql("select day, practice, strand, arrived, count from daily_counts order by 1, 2, 3, 4");
    let areas = sql("select area, capability, kind, day, arrived, count from area_counts order by 1, 2, 3, 4, 5");
    let strands = sql("select area, strand, day, arrived, count from area_strand_counts order by 1, 2, 3, 4");
    let people = sql("select area, capability, day, arrived from area_sketches order by 1, 2, 3, 4");
    let practices = sql("select capability, day, practice, arrived from practice_sketches order by 1, 2, 3, 4");
    vec![
        rows(db, hours, &[], &["utc_day", "practice", "strand", "h9", "h10", "h11"]).await,
        rows(db, days, &[], &["day", "practice", "strand", "arrived", "count"]).await,
        rows(db, areas, &["area", "capability"], &["kind", "day", "arrived", "count"]).await,
        rows(db, strands, &["area"], &["strand", "day", "arrived", "count"]).await,
        rows(db, people, &["area", "capability"], &["day", "arrived"]).await,
        rows(db, practices, &["capability"], &["day", "practice", "arrived"]).await,
    ]
}

#[tokio::test]
async fn years_that_are_written_by_rows_are_those_that_the_service_would_have_counted() {
    for (counted, written) in World::each().await.into_iter().zip(World::each().await) {
        let (counted, written) = (world(counted), world(written));
        let process = start(&counted).await;
        count_a_day(&counted, &process).await;
        for _ in 0..DAYS {
            counted.clock.advance(SignedDuration::from_hours(24) - counted.config.checkpoint_interval);
            count_a_day(&counted, &process).await;
        }
        let (told_of_it, kept) = (told(&process).await, tables(&process.db).await);
        process.stop().await;

        written.clock.advance(SignedDuration::from_hours(24 * DAYS));
        let process = start(&written).await;
        count_a_day(&written, &process).await;
        process.stop().await;
        let process = start(&written).await;
        repeat(&process.db, DAYS, Kept { hourly_count_days: 3, practice_sketch_days: 3 }, |_| ()).await.unwrap();
        for (written, kept) in tables(&process.db).await.into_iter().zip(kept) {
            assert_eq!(written, kept);
        }
        assert_eq!(told(&process).await, told_of_it);
        process.stop().await;
    }
}

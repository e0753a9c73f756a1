//! Whatever is sent, sent again, cut off and restarted, every store shows the same: the file, PostgreSQL, and the one in memory on
//! which the simulation rests. What all of them show is what a naive program counts (I29).

use std::collections::BTreeSet;

use database::{Sql, sql};
use jiff::SignedDuration;
use proptest::prelude::*;
use proto::statistics::v1 as wire;

use crate::registry::practice;
use crate::world::{Process, START, World, moment, view};

/// Few: each is a dozen processes on three stores.
const CASES: u32 = 12;

const PRACTICES: [&str; 3] = ["A81001", "A81002", "B81003"];

#[derive(Clone, Debug)]
enum Act {
    /// A source sends what it has to say from some place on: new, again, both, or with a gap.
    Send {
        source: usize,
        from: u64,
        count: u64,
        hours_ago: i64,
        poisoned: bool,
    },
    /// The registry moves practices.
    Tell {
        icb: usize,
    },
    Checkpoint,
    /// The process ends as by a power cut while a checkpoint is being written, once so much of it is, and is started again.
    CutCheckpoint {
        written: i64,
    },
    /// The process ends as by a power cut, or in an orderly way, and is started again.
    Restart {
        killed: bool,
    },
}

fn act() -> impl Strategy<Value = Act> {
    let send = (0_usize..2, 0_u64..30, 1_u64..12, 0_i64..60, prop::bool::weighted(0.2))
        .prop_map(|(source, from, count, hours_ago, poisoned)| Act::Send { source, from, count, hours_ago, poisoned });
    prop_oneof![
        8 => send,
        1 => (0_usize..2).prop_map(|icb| Act::Tell { icb }),
        2 => Just(Act::Checkpoint),
        2 => (1_i64..5).prop_map(|written| Act::CutCheckpoint { written }),
        2 => any::<bool>().prop_map(|killed| Act::Restart { killed }),
    ]
}

/// An event of a source, by its number: always the same but for the hour, which the first who sends it decides.
fn event(source: usize, number: u64, hours_ago: i64, poisoned: bool) -> wire::AccessEvent {
    let at = moment(START) - SignedDuration::from_hours(hours_ago);
    let practice = PRACTICES[(number as usize + source) % PRACTICES.len()];
    let mut event = view(practice, &at.to_string(), number % 17 + source as u64 * 5);
    if poisoned && number.is_multiple_of(3) {
        event.kind = 0;
    }
    event
}

/// Events of each source that are durable: hour and poison as they were sent first.
type Durable = [Vec<(i64, bool)>; 2];

/// Rows of tables, in words.
type Tables = Vec<Vec<String>>;

/// What can be asked.
#[derive(Debug, PartialEq)]
struct Shown {
    views: i64,
    viewers: i64,
    quarantined: i64,
    series: Vec<(String, Vec<i64>)>,
}

async fn shown(process: &Process) -> Shown {
    let (views, viewers) = process.england().await;
    let list = wire::ListQuarantinedEventsRequest::default();
    let quarantined = process.ingest().list_quarantined_events(list).await.expect("a list").into_inner().events_count;
    let mut series = Vec::new();
    for measure in [wire::Measure::RecordViews, wire::Measure::Viewers] {
        for group_by in
            [wire::AreaKind::England, wire::AreaKind::Icb, wire::AreaKind::Supplier, wire::AreaKind::Practice]
        {
            let request = wire::QuerySeriesRequest {
                measure: measure.into(),
                group_by: group_by.into(),
                interval: wire::Interval::Day.into(),
                period: Some(wire::Period { start_date: "2031-03-07".to_owned(), end_date: "2031-03-10".to_owned() }),
                ..Default::default()
            };
            let answer = process.statistics().query_series(request).await.expect("series").into_inner();
            let values = |series: wire::Series| (series.area, series.points.iter().map(|point| point.value).collect());
            series.extend(answer.series.into_iter().map(values));
        }
    }
    Shown { views, viewers, quarantined, series }
}

/// Everything that is shown after each restart and at the end, and in the tables at last.
async fn story(world: &World, acts: &[Act]) -> (Vec<Shown>, Tables, Durable) {
    let mut durable: Durable = Default::default();
    let mut told = Vec::new();
    let mut process = world.start().await;
    for act in acts {
        match act {
            Act::Send { source, from, count, hours_ago, poisoned } => {
                let known = durable[*source].len() as u64;
                let (mut producer, says) = process.produce(["left", "right"][*source], 1).await;
                assert_eq!(says, known);
                let from = known.saturating_sub(from % 6).min(known);
                let sent: Vec<(i64, bool)> = (from..from + count)
                    .map(|number| durable[*source].get(number as usize).copied().unwrap_or((*hours_ago, *poisoned)))
                    .collect();
                let events = sent.iter().zip(from..).map(|((hours, bad), number)| event(*source, number, *hours, *bad));
                let answer = producer.record(from + 1, events.collect()).await.expect("it is taken");
                let new = sent.into_iter().skip((known - from) as usize);
                durable[*source].extend(new);
                assert_eq!(answer, durable[*source].len() as u64);
            }
            Act::Tell { icb } => {
                let icb = ["QHM", "QOQ"][*icb];
                let at = world.registry.tell(PRACTICES.map(|code| practice(code, icb, "EMIS", 1_000, moment(START))));
                let asked = wire::GetSummaryRequest { min_position: at, ..Default::default() };
                process.summary(asked).await;
            }
            Act::Checkpoint => world.pass_checkpoint().await,
            Act::CutCheckpoint { written } => {
                // The checkpoint of all that was sent, and at least its areas, or events would count for where practices lie by
                // then (decision 20).
                let rest = sql("select id from head where target < position or (written < $1 and folded < position)");
                world.pass_until_none(rest.bind(*written)).await;
                process.kill().await;
                process = world.start().await;
                told.push(shown(&process).await);
            }
            Act::Restart { killed } => {
                // What is not folded would count for where practices lie by then (decision 20); not the point here.
                world.pass_checkpoint().await;
                if *killed {
                    process.kill().await;
                } else {
                    process.stop().await;
                }
                process = world.start().await;
                told.push(shown(&process).await);
            }
        }
    }
    told.push(shown(&process).await);
    world.pass_checkpoint().await;
    told.push(shown(&process).await);
    let tables = tables(&process).await;
    process.stop().await;
    (told, tables, durable)
}

/// What the tables hold, but for the bytes of sketches, which say in any order who is in them, and of facts, which say when.
async fn tables(process: &Process) -> Tables {
    let hours: Vec<String> = (0..24).map(|hour| format!("h{hour}")).collect();
    let hours: Vec<&str> =
        ["practice", "utc_day", "strand"].into_iter().chain(hours.iter().map(String::as_str)).collect();
    let statements: [(&[&str], &[&str], Sql); 10] = [
        (&[], &hours, sql("select * from hourly_counts order by practice, utc_day, strand")),
        (
            &[],
            &["practice", "day", "strand", "arrived", "count"],
            sql("select practice, day, strand, arrived, count from daily_counts order by 1, 2, 3, 4"),
        ),
        (
            &["area", "capability"],
            &["kind", "day", "arrived", "count"],
            sql("select area, capability, kind, day, arrived, count from area_counts order by 1, 2, 3, 4, 5"),
        ),
        (
            &["area"],
            &["strand", "day", "arrived", "count"],
            sql("select area, strand, day, arrived, count from area_strand_counts order by 1, 2, 3, 4"),
        ),
        (
            &["area", "capability"],
            &["day", "arrived"],
            sql("select area, capability, day, arrived from area_sketches order by 1, 2, 3, 4"),
        ),
        (
            &["capability"],
            &["practice", "day", "arrived"],
            sql("select capability, practice, day, arrived from practice_sketches order by 1, 2, 3, 4"),
        ),
        (
            &["source"],
            &["position", "reason", "first_sequence", "last_sequence", "count"],
            sql("select source, position, reason, first_sequence, last_sequence, count from quarantine order by 2, 3"),
        ),
        (
            &["name"],
            &["incarnation", "durable_sequence"],
            sql("select name, incarnation, durable_sequence from sources order by 1, 2"),
        ),
        (&["code"], &["ordinal"], sql("select code, ordinal from practices order by ordinal")),
        (&["practice"], &["number"], sql("select practice, number from told order by number")),
    ];
    let mut tables = Vec::new();
    for (texts, numbers, statement) in statements {
        let row = |row: &database::Row| {
            let texts: Vec<String> = texts.iter().map(|column| row.get(column).expect("a text")).collect();
            let numbers: Vec<i64> = numbers.iter().map(|column| row.get(column).expect("a number")).collect();
            format!("{texts:?} {numbers:?}")
        };
        tables.push(process.db.fetch_all(statement).await.expect("rows").iter().map(row).collect());
    }
    tables
}

/// Views, viewers and events in quarantine, counted one by one.
fn naive(durable: &Durable) -> (i64, i64, i64) {
    let (mut views, mut quarantined, mut people) = (0, 0, BTreeSet::new());
    for (source, events) in durable.iter().enumerate() {
        for (number, (_, poisoned)) in (0_u64..).zip(events) {
            if *poisoned && number.is_multiple_of(3) {
                quarantined += 1;
            } else {
                views += 1;
                people.insert(number % 17 + source as u64 * 5);
            }
        }
    }
    (views, people.len() as i64, quarantined)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(CASES.min(ProptestConfig::default().cases)))]

    #[test]
    fn i29_every_store_shows_the_same_and_it_is_what_a_naive_program_counts(acts in prop::collection::vec(act(), 1..14)) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let mut first = None;
            for mut world in World::each().await {
                // Each practice is a slice.
                world.config.checkpoint_slice_rows = 1;
                let (told, tables, durable) = story(&world, &acts).await;
                let last = told.last().expect("it was asked at the end");
                prop_assert_eq!((last.views, last.viewers, last.quarantined), naive(&durable));
                match &first {
                    None => first = Some((told, tables)),
                    Some(first) => prop_assert_eq!(&(told, tables), first),
                }
            }
            Ok(())
        })?;
    }
}

//! Checkpoints are written slice by slice: wherever one is interrupted, figures are the same, and whoever goes on writes what is
//! lacking and nothing twice (I29).

use std::time::Duration;

use database::{Db, Dialect, sql};
use jiff::SignedDuration;
use proto::statistics::v1 as wire;

use crate::registry::practice;
use crate::world::{Process, START, World, moment, view};

const PRACTICES: [(&str, &str); 4] = [("A81001", "QHM"), ("A81002", "QHM"), ("A81003", "QOQ"), ("B81004", "QOQ")];

/// Nothing of a practice with this ordinal can be written: of four, the third.
const JAMMED: i64 = 2;

/// A world in which each practice is a slice.
async fn worlds() -> Vec<World> {
    let mut worlds = World::each().await;
    for world in &mut worlds {
        world.config.checkpoint_slice_rows = 1;
    }
    worlds
}

async fn jam(db: &Db) {
    let statement = match db.dialect() {
        Dialect::Sqlite => sql("create trigger jam before insert on daily_counts when new.practice = 2
                                begin select raise(abort, 'jammed'); end"),
        Dialect::Postgres => sql("alter table daily_counts add constraint jam check (practice <> 2) not valid"),
    };
    db.execute(statement).await.unwrap();
}

async fn unjam(db: &Db) {
    let statement = match db.dialect() {
        Dialect::Sqlite => sql("drop trigger jam"),
        Dialect::Postgres => sql("alter table daily_counts drop constraint jam"),
    };
    db.execute(statement).await.unwrap();
}

/// What the tables hold: the last batch of which they hold everything, that of the checkpoint, and how far it is written.
async fn tables(db: &Db) -> (i64, i64, i64) {
    let row = db.fetch_one(sql("select folded, target, written from head")).await.unwrap();
    (row.get("folded").unwrap(), row.get("target").unwrap(), row.get("written").unwrap())
}

/// Lets a checkpoint begin, and waits until it can go on no further.
async fn checkpoint_until_jammed(world: &World, process: &Process) {
    let stuck = async {
        loop {
            world.clock.advance(world.config.checkpoint_interval);
            for _ in 0..1_000 {
                // The areas, and those before it.
                if tables(&process.db).await.2 == JAMMED + 1 {
                    return;
                }
                tokio::task::yield_now().await;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(60), stuck).await.expect("it gets as far as the jam");
}

/// Views of a person of her own at each practice, so often.
fn views(rounds: std::ops::Range<u64>) -> Vec<wire::AccessEvent> {
    let of = |round| (0..4).map(move |index| view(PRACTICES[index as usize].0, START, round * 4 + index));
    rounds.flat_map(of).collect()
}

/// Records viewed by day and by whatever they are grouped by.
async fn series(process: &Process, measure: wire::Measure, group_by: wire::AreaKind) -> Vec<(String, Vec<i64>)> {
    let request = wire::QuerySeriesRequest {
        measure: measure.into(),
        group_by: group_by.into(),
        interval: wire::Interval::Week.into(),
        period: Some(wire::Period { start_date: "2031-03-10".to_owned(), end_date: "2031-03-16".to_owned() }),
        ..Default::default()
    };
    let series = process.statistics().query_series(request).await.unwrap().into_inner().series;
    let values = |series: wire::Series| (series.area, series.points.iter().map(|point| point.value).collect());
    series.into_iter().map(values).collect()
}

/// Everything that is shown is by so many views at each of the practices, each by a person of her own.
async fn assert_shown(process: &Process, of_each: i64, when: &str) {
    let named = |names: &[(&str, i64)]| -> Vec<(String, Vec<i64>)> {
        names.iter().map(|(name, practices)| ((*name).to_owned(), vec![practices * of_each])).collect()
    };
    let icbs = named(&[("icbs/QHM", 2), ("icbs/QOQ", 2)]);
    let practices = named(&PRACTICES.map(|(code, _)| (code, 1)));
    let practices: Vec<_> = practices.into_iter().map(|(code, of)| (format!("practices/{code}"), of)).collect();
    for measure in [wire::Measure::RecordViews, wire::Measure::Viewers] {
        assert_eq!(series(process, measure, wire::AreaKind::England).await, named(&[("england", 4)]), "{when}");
        assert_eq!(series(process, measure, wire::AreaKind::Icb).await, icbs, "{when}");
        assert_eq!(series(process, measure, wire::AreaKind::Practice).await, practices, "{when}");
    }
    // A summary reads both by one statement of its own.
    for (area, of_area) in named(&[("england", 4)]).iter().chain(&icbs).chain(&practices) {
        let shown = process.views_and_viewers(area).await;
        assert_eq!(shown, (of_area[0], of_area[0]), "{area}, {when}");
    }
}

async fn follow(world: &World, process: &Process) {
    let known = |(code, icb)| practice(code, icb, "EMIS", 1_000, moment("2031-03-01T10:00:00Z"));
    let at = world.registry.tell(PRACTICES.map(known));
    process.summary(wire::GetSummaryRequest { min_position: at, ..Default::default() }).await;
}

/// Daily counts of practices and areas, summed.
async fn sums(db: &Db) -> Vec<i64> {
    let mut sums = Vec::new();
    for statement in [
        sql("select cast(sum(count) as bigint) as sum from daily_counts"),
        sql("select cast(sum(h0 + h1 + h2 + h3 + h4 + h5 + h6 + h7 + h8 + h9 + h10 + h11 + h12 + h13 + h14 + h15 + h16
                    + h17 + h18 + h19 + h20 + h21 + h22 + h23) as bigint) as sum from hourly_counts"),
        sql("select cast(sum(count) as bigint) as sum from area_counts where area = 'england'"),
        sql("select cast(sum(count) as bigint) as sum from area_strand_counts where area = 'icbs/QHM'"),
    ] {
        sums.push(db.fetch_one(statement).await.unwrap().get("sum").unwrap());
    }
    sums
}

#[tokio::test]
async fn i29_a_checkpoint_that_is_cut_between_slices_is_finished_by_whoever_comes_next() {
    for world in worlds().await {
        let process = world.start().await;
        follow(&world, &process).await;
        let (mut producer, _) = process.produce("gateway", 1).await;
        assert_eq!(producer.record(1, views(0..3)).await.unwrap(), 12);
        jam(&process.db).await;
        checkpoint_until_jammed(&world, &process).await;
        assert_eq!(tables(&process.db).await, (0, 1, JAMMED + 1));
        assert_shown(&process, 3, "half of it is in the tables").await;

        // What comes meanwhile is for the next one.
        assert_eq!(producer.record(13, views(3..5)).await.unwrap(), 20);
        assert_shown(&process, 5, "and more has come").await;
        process.kill().await;

        let process = world.start().await;
        assert_shown(&process, 5, "after a crash").await;
        let (mut producer, durable) = process.produce("gateway", 1).await;
        assert_eq!(durable, 20);
        assert_eq!(producer.record(21, views(5..6)).await.unwrap(), 24);
        assert_shown(&process, 6, "and more has come again").await;
        world.clock.advance(world.config.checkpoint_interval);
        assert_eq!(tables(&process.db).await, (0, 1, JAMMED + 1));

        unjam(&process.db).await;
        world.pass_checkpoint().await;
        assert_eq!(tables(&process.db).await, (3, 3, 0));
        assert_eq!(sums(&process.db).await, [24, 24, 24, 12]);
        assert_shown(&process, 6, "all of it is in the tables").await;
        process.stop().await;
        let process = world.start().await;
        assert_shown(&process, 6, "from the tables alone").await;
        process.stop().await;
    }
}

#[tokio::test]
async fn i29_another_replica_goes_on_with_a_checkpoint_where_the_first_was_killed() {
    for world in worlds().await {
        let one = world.start_replica("one").await;
        follow(&world, &one).await;
        let two = world.start_replica("two").await;
        let (mut producer, _) = one.produce("gateway", 1).await;
        assert_eq!(producer.record(1, views(0..3)).await.unwrap(), 12);
        jam(&one.db).await;
        checkpoint_until_jammed(&world, &one).await;
        for process in [&one, &two] {
            assert_shown(process, 3, "half of it is in the tables").await;
        }
        // What the other takes comes after that checkpoint, and is known to come after it.
        let (mut elsewhere, durable) = two.produce("gateway", 1).await;
        assert_eq!(elsewhere.record(durable + 1, views(3..5)).await.unwrap(), 20);
        assert_shown(&two, 5, "and more has come").await;
        one.kill().await;
        unjam(&two.db).await;
        world.pass_checkpoint().await;
        assert_eq!(tables(&two.db).await, (2, 2, 0));
        assert_eq!(sums(&two.db).await, [20, 20, 20, 10]);
        assert_shown(&two, 5, "all of it is in the tables").await;
        two.stop().await;
    }
}

#[tokio::test]
async fn batches_of_which_a_slice_is_lacking_are_kept_however_old_they_are() {
    for world in worlds().await {
        let process = world.start().await;
        follow(&world, &process).await;
        let (mut producer, _) = process.produce("gateway", 1).await;
        assert_eq!(producer.record(1, views(0..3)).await.unwrap(), 12);
        world.pass_checkpoint().await;
        assert_eq!(producer.record(13, views(3..4)).await.unwrap(), 16);
        jam(&process.db).await;
        checkpoint_until_jammed(&world, &process).await;
        world.clock.advance(world.config.batches_kept + SignedDuration::from_hours(1));
        // The next one first deletes what is old.
        let deleted = async {
            while process.db.fetch_all(sql("select position from batches")).await.unwrap().len() != 1 {
                world.clock.advance(world.config.checkpoint_interval);
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), deleted).await.expect("the first batch goes");
        assert_eq!(tables(&process.db).await, (1, 2, JAMMED + 1));
        process.kill().await;
        let process = world.start().await;
        assert_shown(&process, 4, "what is lacking was folded anew").await;
        unjam(&process.db).await;
        world.pass_checkpoint().await;
        assert_eq!(sums(&process.db).await, [16, 16, 16, 8]);
        process.stop().await;
    }
}

/// So many slices that the checkpoint is still under way when all else of the test has happened.
const MANY: u64 = 300;

#[tokio::test]
async fn views_whose_checkpoint_was_put_off_count_where_the_practices_lay_when_it_was_due() {
    for world in worlds().await {
        let process = world.start().await;
        let code = |index| format!("A8{:04}", 1_000 + index);
        let lie_in = async |icb| {
            let known = |index| practice(&code(index), icb, "EMIS", 1_000, moment("2031-03-01T10:00:00Z"));
            let at = world.registry.tell((0..MANY).map(known));
            process.summary(wire::GetSummaryRequest { min_position: at, ..Default::default() }).await;
        };
        lie_in("QHM").await;
        let (mut producer, _) = process.produce("gateway", 1).await;
        let views = || (0..MANY).map(|index| view(&code(index), START, index)).collect();
        for first in [1, 1 + MANY] {
            assert_eq!(producer.record(first, views()).await.unwrap(), first + MANY - 1);
            world.clock.advance(world.config.checkpoint_interval);
        }
        lie_in("QOQ").await;
        world.pass_checkpoint().await;
        let counted = [(wire::AreaKind::Icb, "icbs/QOQ", 0), (wire::AreaKind::England, "england", 2 * MANY as i64)];
        for (kind, area, views) in counted {
            assert_eq!(series(&process, wire::Measure::RecordViews, kind).await, [(area.to_owned(), vec![views])]);
        }
        process.stop().await;
    }
}

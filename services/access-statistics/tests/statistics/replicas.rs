//! Two aggregators on one store: each source may be served by any of them, and both tell the same figures.

use std::collections::BTreeMap;
use std::time::Duration;

use access_statistics::StatisticsConfig;
use clock::{Clock, SystemClock};
use database::testing::TestStore;
use database::{Db, Gate, sql};
use jiff::{SignedDuration, Timestamp};
use proto::statistics::v1 as wire;

use crate::registry::{observed, practice};
use crate::world::{Process, START, World, moment, reason, value, view};

fn views(people: std::ops::Range<u64>) -> Vec<wire::AccessEvent> {
    people.map(|person| view("A81001", START, person)).collect()
}

#[tokio::test]
async fn a_source_may_move_from_one_aggregator_to_the_other() {
    for world in World::each().await {
        let (left, right) = (world.start().await, world.start().await);
        let (mut producer, _) = left.produce("gateway", 1).await;
        assert_eq!(producer.record(1, views(0..5)).await.unwrap(), 5);
        let (mut elsewhere, durable) = right.produce("gateway", 1).await;
        assert_eq!(durable, 5);
        assert_eq!(elsewhere.record(4, views(3..9)).await.unwrap(), 9, "an overlap with what the other took");
        // The first aggregator's stream is still open, and sees what happened since.
        assert_eq!(producer.record(6, views(5..12)).await.unwrap(), 12);
        let reused = vec![view("B81001", START, 8)];
        assert_eq!(reason(producer.record(9, reused).await).reason, "SEQUENCE_REUSED");
        assert_eq!(left.england().await, (12, 12));
        left.kill().await;
        right.stop().await;
    }
}

#[tokio::test]
async fn a_checkpoint_of_one_aggregator_counts_nothing_twice_at_the_other() {
    for world in World::each().await {
        let (left, right) = (world.start().await, world.start().await);
        let (mut at_left, _) = left.produce("left", 1).await;
        let (mut at_right, _) = right.produce("right", 1).await;
        assert_eq!(at_left.record(1, views(0..5)).await.unwrap(), 5);
        assert_eq!(at_right.record(1, views(5..9)).await.unwrap(), 4);
        // It writes what both took.
        right.stop().await;
        assert_eq!(left.england().await, (9, 9));
        assert_eq!(at_left.record(6, views(9..11)).await.unwrap(), 7);
        assert_eq!(left.england().await, (11, 11));
        left.stop().await;
        let process = world.start().await;
        assert_eq!(process.england().await, (11, 11));
        process.stop().await;
    }
}

/// An event counts for all areas that its practice is in, whichever aggregator was told of that first.
#[tokio::test]
async fn what_one_aggregator_was_told_first_the_other_counts_for_the_areas_too() {
    let world = World::on(TestStore::memory());
    let gate = Gate::default();
    let (ahead, behind) = (world.start_replica("ahead").await, world.start_behind(gate.clone(), "behind").await);
    let reached = |min_position| wire::GetSummaryRequest { min_position, ..Default::default() };
    gate.shut();
    // It hears of the first, and cannot look at the tables before the other has stored both.
    for code in ["A81001", "A81002"] {
        let told = world.registry.tell([practice(code, "QHM", "EMIS", 1_000, moment(START))]);
        ahead.summary(reached(told)).await;
    }
    gate.open();
    behind.summary(reached(2)).await;
    let (mut producer, _) = behind.produce("gateway", 1).await;
    let events = ["A81001", "A81002"].map(|code| view(code, START, 1)).to_vec();
    assert_eq!(producer.record(1, events).await.unwrap(), 2);
    for area in ["england", "icbs/QHM", "suppliers/EMIS"] {
        let asked = wire::GetSummaryRequest { area: area.to_owned(), ..Default::default() };
        assert_eq!(value(&behind.summary(asked).await.record_views), 2, "{area}");
    }
    ahead.stop().await;
    behind.stop().await;
}

/// … and wherever it was in between: what leads there is old news for the one behind.
#[tokio::test]
async fn a_practice_that_moved_twice_while_one_aggregator_was_behind_is_counted_where_it_is() {
    let world = World::on(TestStore::memory());
    let gate = Gate::default();
    let (ahead, behind) = (world.start_replica("ahead").await, world.start_behind(gate.clone(), "behind").await);
    let reached = |min_position| wire::GetSummaryRequest { min_position, ..Default::default() };
    let lies =
        |code, icb, hour: u32| practice(code, icb, "EMIS", 1_000, moment(&format!("2031-03-01T{hour:02}:00:00Z")));
    let told = world.registry.tell(["A81001", "A81002", "A81003"].map(|code| lies(code, "QHM", 1)));
    for process in [&ahead, &behind] {
        process.summary(reached(told)).await;
    }
    gate.shut();
    // One moves on, one comes back; the last one comes alone, so that what was before it is heard apart.
    let steps =
        [("A81001", "QOP", 2), ("A81002", "QOP", 2), ("A81001", "QE1", 3), ("A81002", "QHM", 3), ("A81003", "QE1", 4)];
    let mut told = 0;
    for (code, icb, hour) in steps {
        told = world.registry.tell([lies(code, icb, hour)]);
        ahead.summary(reached(told)).await;
    }
    gate.open();
    behind.summary(reached(told)).await;
    let (mut producer, _) = behind.produce("gateway", 1).await;
    let events = ["A81001", "A81002", "A81003"].map(|code| view(code, START, 1)).to_vec();
    assert_eq!(producer.record(1, events).await.unwrap(), 3);
    for (area, count) in [("england", 3), ("icbs/QHM", 1), ("icbs/QOP", 0), ("icbs/QE1", 2)] {
        let asked = wire::GetSummaryRequest { area: area.to_owned(), ..Default::default() };
        assert_eq!(value(&behind.summary(asked).await.record_views), count, "{area}");
    }
    ahead.stop().await;
    behind.stop().await;
}

#[tokio::test]
async fn both_follow_the_registry_and_what_it_tells_is_stored_once() {
    for world in World::each().await {
        let (left, right) = (world.start().await, world.start().await);
        let known = |code| practice(code, "QHM", "EMIS", 1_000, moment("2031-03-01T10:00:00Z"));
        world.registry.tell(["A81001", "A81002", "A81003"].map(known));
        let mut position = 0;
        for hour in 1..8 {
            let at = moment(&format!("2031-03-05T0{hour}:00:00Z"));
            position = world.registry.tell(["A81001", "A81002"].map(|code| observed(known(code), hour % 2 == 1, at)));
        }
        let question = wire::GetSummaryRequest { min_position: position, ..Default::default() };
        for process in [&left, &right] {
            let summary = process.summary(question.clone()).await;
            assert_eq!((value(&summary.practices_live), value(&summary.practices_total)), (2, 3));
            assert_eq!(summary.registry_position, position);
        }
        let facts = sql("select number from told order by number");
        // Three places, three lists, and seven observations of two practices.
        assert_eq!(left.db.fetch_all(facts).await.unwrap().len(), 3 + 3 + 2 * 7);
        // Each names practices that the other has not heard of.
        for (process, code) in [(&left, "B81001"), (&right, "B81002"), (&left, "B81003")] {
            let (mut producer, _) = process.produce(&code.to_lowercase(), 1).await;
            assert_eq!(producer.record(1, vec![view(code, START, 1)]).await.unwrap(), 1);
        }
        assert_eq!(left.england().await, (3, 1));
        left.stop().await;
        right.stop().await;
    }
}

/// Who folds, and how often that has changed.
async fn folder(process: &Process) -> (String, i64) {
    let row = process.db.fetch_one(sql("select replica, epoch from fold_lease")).await.unwrap();
    (row.get("replica").unwrap(), row.get("epoch").unwrap())
}

#[tokio::test]
async fn one_of_three_folds_and_when_it_dies_another_goes_on() {
    for world in World::each().await {
        let mut replicas = BTreeMap::new();
        for name in ["one", "two", "three"] {
            replicas.insert(name.to_owned(), world.start_replica(name).await);
        }
        let mut sent = 0;
        for take_over in 1..=3 {
            for _ in 0..3 {
                for process in replicas.values() {
                    // One source, served by each in turn.
                    let (mut producer, durable) = process.produce("gateway", 1).await;
                    assert_eq!(durable, sent);
                    assert_eq!(producer.record(sent + 1, views(sent..sent + 4)).await.unwrap(), sent + 4);
                    sent += 4;
                }
                world.pass_checkpoint().await;
                for process in replicas.values() {
                    assert_eq!(process.england().await, (sent as i64, sent as i64));
                }
            }
            let any = replicas.values().next().expect("one is left");
            let (folder, epoch) = folder(any).await;
            assert_eq!(epoch, take_over, "the lease changes hands by a death alone");
            replicas.remove(&folder).expect("one that lives").kill().await;
        }
        assert!(replicas.is_empty());
        let process = world.start().await;
        assert_eq!(process.england().await, (sent as i64, sent as i64));
        process.stop().await;
    }
}

#[tokio::test]
async fn a_replica_that_is_stopped_gives_the_lease_back() {
    for world in World::each().await {
        let (one, two) = (world.start_replica("one").await, world.start_replica("two").await);
        let (mut producer, _) = one.produce("gateway", 1).await;
        assert_eq!(producer.record(1, views(0..4)).await.unwrap(), 4);
        world.pass_checkpoint().await;
        assert_eq!(folder(&two).await, ("one".to_owned(), 1));
        one.stop().await;
        assert_eq!(folder(&two).await, (String::new(), 1));
        let (mut producer, _) = two.produce("gateway", 1).await;
        assert_eq!(producer.record(5, views(4..6)).await.unwrap(), 6);
        world.pass_checkpoint().await;
        assert_eq!(folder(&two).await, ("two".to_owned(), 2));
        two.stop().await;
    }
}

/// A year ahead, so that whatever is here now is older to it than anything is kept.
const A_YEAR_AHEAD: SignedDuration = SignedDuration::from_hours(24 * 400);

const SOON: SignedDuration = SignedDuration::from_millis(50);
const NEVER: SignedDuration = SignedDuration::from_hours(24);

/// A replica on the machine's clock, as far ahead of it, which writes a checkpoint so long after there is something to write.
async fn start_by_the_machine(world: &World, name: &str, ahead: SignedDuration, checkpoint: SignedDuration) -> Process {
    let config = StatisticsConfig { replica: name.to_owned(), checkpoint_interval: checkpoint, ..world.config.clone() };
    world.start_with(Clock::System(SystemClock::with_offset(ahead)), config).await
}

/// How many batches the tables hold, and how many rows there are of hours.
async fn written(db: &Db) -> (i64, usize) {
    let head = db.fetch_one(sql("select folded from head")).await.unwrap();
    (head.get("folded").unwrap(), db.fetch_all(sql("select utc_day from hourly_counts")).await.unwrap().len())
}

async fn until_written(db: &Db, batches: i64) {
    let comes = async {
        while written(db).await.0 != batches {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), comes).await.expect("the checkpoint is written");
}

#[tokio::test]
async fn rule_18_a_replica_whose_clock_is_off_writes_and_deletes_nothing_and_keeps_nobody_else_from_it() {
    let Some(store) = TestStore::postgres().await else { return };
    let world = World::on(store);
    let now: Timestamp = Clock::system().now();
    let views = |practice, people: std::ops::Range<u64>| -> Vec<wire::AccessEvent> {
        people.map(|person| view(practice, &now.to_string(), person)).collect()
    };
    // The lease is One's, who dies; what came after is in the log alone.
    let one = start_by_the_machine(&world, "one", SignedDuration::ZERO, SOON).await;
    let (mut producer, _) = one.produce("gateway", 1).await;
    assert_eq!(producer.record(1, views("A81001", 0..4)).await.unwrap(), 4);
    until_written(&one.db, 1).await;
    one.kill().await;
    let two = start_by_the_machine(&world, "two", SignedDuration::ZERO, NEVER).await;
    let (mut producer, _) = two.produce("gateway", 1).await;
    assert_eq!(producer.record(5, views("A81002", 4..6)).await.unwrap(), 6);
    assert_eq!((folder(&two).await, written(&two.db).await), (("one".to_owned(), 1), (1, 1)));

    // It comes back by a clock that is wrong, has something to write, and ends in an orderly way.
    let off = start_by_the_machine(&world, "one", A_YEAR_AHEAD, SOON).await;
    off.stop().await;
    assert_eq!((folder(&two).await, written(&two.db).await), (("one".to_owned(), 1), (1, 1)));

    // It comes once more and stays, beside one whose clock is right.
    let off = start_by_the_machine(&world, "one", A_YEAR_AHEAD, SOON).await;
    let three = start_by_the_machine(&world, "three", SignedDuration::ZERO, SOON).await;
    until_written(&three.db, 2).await;
    assert_eq!((folder(&three).await, written(&three.db).await), (("three".to_owned(), 2), (2, 2)));
    assert_eq!(three.england().await, (6, 6));
    let (mut elsewhere, durable) = off.produce("gateway", 1).await;
    assert_eq!(durable, 6);
    assert_eq!(reason(elsewhere.record(7, views("A81001", 6..7)).await).reason, "CLOCK_OFF");
    for process in [off, three, two] {
        process.stop().await;
    }
}

//! Crashes, and two schedulers on one journal.

use database::Db;
use database::testing::TestStore;
use jiff::SignedDuration;
use journal::{Journal, Meta, Submission, SubmitError};
use proto::scheduler::v1::{HoldClass, ListHoldsRequest};
use rollout_scheduler::{Command, LeaseStore, Rejection};
use supplier_simulator::{Delay, Share, SupplierProfile};

use crate::acts::{ONE_WAVE, prompt};
use crate::files::surgeries;
use crate::world::{Setup, World};

async fn slow_world(count: u32) -> World {
    slow_world_on(count, Journal::memory(), LeaseStore::memory()).await
}

async fn slow_world_on(count: u32, journal: Journal, lease: LeaseStore) -> World {
    let delay = Delay { min: SignedDuration::from_mins(10), max: SignedDuration::from_mins(50) };
    let slow = SupplierProfile { delay, ..prompt("EMIS") };
    let setup = Setup::new(surgeries(81_001, count, "EMIS"), vec![slow, prompt("TPP")]);
    let mut world = World::new(Setup { journal, lease, ..setup }).await;
    world.approve(ONE_WAVE).await;
    world
}

#[tokio::test]
async fn a_crash_in_the_middle_of_a_wave_loses_nothing_and_repeats_nothing() {
    let mut world = slow_world(6).await;
    world.until("2031-06-02T08:30:00Z").await;
    let done_before = world.effects().len();
    assert!((1..6).contains(&done_before), "{done_before}");
    world.crash_scheduler().await;
    world.start_scheduler("one").await;
    world.until("2031-06-02T10:00:00Z").await;
    assert_eq!(world.live_count().await, 6);
    assert_eq!(world.effects().len(), 6);
}

#[tokio::test]
async fn a_crash_is_survived_on_each_database() {
    for store in TestStore::each().await {
        let db = Db::open(store.store(), "scheduler").await.unwrap();
        db.migrate(&journal::MIGRATIONS).await.unwrap();
        db.migrate(&rollout_scheduler::MIGRATIONS).await.unwrap();
        let mut world = slow_world_on(6, Journal::Sql(db.clone()), LeaseStore::Sql(db.clone())).await;
        world.until("2031-06-02T08:30:00Z").await;
        world.crash_scheduler().await;
        world.start_scheduler("one").await;
        world.until("2031-06-02T12:00:00Z").await;
        assert_eq!(world.live_count().await, 6);
        assert_eq!(world.effects().len(), 6);
        world.end().await;
        db.close().await;
    }
}

/// Each waits for the one before, and some replies are lost: an interruption that costs a minute would show.
async fn chained_world() -> World {
    let delay = Delay { min: SignedDuration::from_secs(1), max: SignedDuration::from_mins(5) };
    let lost_reply_share = Share::try_from(0.3).unwrap();
    let lossy = SupplierProfile { delay, lost_reply_share, ..prompt("EMIS") };
    let mut world = World::new(Setup::new(surgeries(81_001, 4, "EMIS"), vec![lossy, prompt("TPP")])).await;
    let one_by_one = "caps: { in_flight: { national: { practices: 1 } } }\ngate:";
    world.approve(&ONE_WAVE.replace("gate:", one_by_one)).await;
    world
}

/// I1, I2: whatever the position at which the scheduler ends, the same comes of it, at the same moments.
#[tokio::test]
async fn a_crash_at_any_position_of_the_journal_comes_to_the_same_end() {
    let mut undisturbed = chained_world().await;
    let before = undisturbed.position();
    undisturbed.until("2031-06-10T10:00:00Z").await;
    let expected = (undisturbed.outcome().await, undisturbed.timeline().await);
    let after = undisturbed.position();
    assert!(after > before + 30, "{before} to {after}");
    for position in before..after {
        let mut world = chained_world().await;
        world.crash_at(position).await;
        world.until("2031-06-10T10:00:00Z").await;
        let came_to = (world.outcome().await, world.timeline().await);
        assert_eq!(came_to, expected, "crashed at position {position}");
    }
}

#[tokio::test]
async fn of_two_schedulers_one_performs_and_the_other_takes_over() {
    let mut world = slow_world(6).await;
    world.start_scheduler("two").await;
    world.until("2031-06-02T08:30:00Z").await;
    assert_eq!(world.lease().replica, "one");
    let done_before = world.effects().len();
    world.crash_scheduler().await;
    world.taken_over_by("two").await;
    world.until("2031-06-02T10:00:00Z").await;
    assert_eq!(world.live_count().await, 6);
    assert_eq!(world.effects().len(), 6);
    assert!(done_before < 6);
}

/// I3.
#[tokio::test]
async fn a_scheduler_whose_lease_was_taken_can_change_nothing() {
    let mut world = slow_world(6).await;
    world.crash_scheduler().await;
    world.start_scheduler("one").await;
    world.until("2031-05-07T08:00:00Z").await;
    assert_eq!(world.lease().epoch, 2);
    let stale = Command::fenced(1, rollout::Command::Learn(rollout::Fact::Sent { keys: Vec::new() }));
    let engine = world.replicas[0].scheduler.engine().clone();
    let refused = engine.submit(Submission::new(stale, Meta::default()), |_| Vec::new()).await.unwrap_err();
    assert!(matches!(refused, SubmitError::Rejected(Rejection::LeaseLost { epoch: 1, .. })), "{refused}");
}

/// Rule 17.
#[tokio::test]
async fn a_registry_that_has_lost_records_stops_all_sealing_with_a_safety_hold() {
    let mut world = slow_world(3).await;
    world.until("2031-05-20T08:00:00Z").await;
    world.crash_scheduler().await;
    world.restore_registry(1).await;
    world.start_scheduler("one").await;
    world.until("2031-06-05T08:00:00Z").await;
    assert_eq!(world.effects(), Vec::<String>::new());
    let holds = world.holds("alice").list_holds(ListHoldsRequest::default()).await.unwrap().into_inner().holds;
    assert_eq!(holds[0].reason_code, "JOURNAL_REWOUND");
    assert_eq!(holds[0].hold_class(), HoldClass::Safety);
}

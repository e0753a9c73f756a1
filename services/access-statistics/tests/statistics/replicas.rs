//! Two aggregators on one store: each source may be served by any of them, and both tell the same figures.

use proto::statistics::v1 as wire;

use crate::registry::{observed, practice};
use crate::world::{START, World, moment, reason, value, view};

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
        let facts = database::sql("select number from told order by number");
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

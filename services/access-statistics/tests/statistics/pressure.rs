//! More than can be written: producers wait, what waits is committed together, and nothing is lost (I29).

use std::time::Duration;

use clock::Clock;
use database::{Db, Tx, sql};

use crate::world::{START, World, view};

/// So long a batch that is not taken is waited for before it counts as waiting.
const PATIENCE: Duration = Duration::from_millis(200);
/// More batches than a stream and the service hold together.
const BATCHES: u64 = 200;
/// What a producer's own end of its stream holds, and the way to the service.
const ON_THE_WAY_MAX: u64 = 80;

/// Keeps every writer waiting until it is dropped.
async fn jam(db: &Db) -> Tx {
    db.begin_with_lock("select position from head where id = 1").await.expect("the head is there").0
}

/// In how many transactions the log was written: each takes the moment anew.
async fn commits_count(db: &Db) -> i64 {
    let row = db.fetch_one(sql("select count(distinct arrived_at) as commits from batches")).await;
    row.unwrap().get("commits").unwrap()
}

#[tokio::test]
async fn i29_producers_wait_while_nothing_can_be_written_and_nothing_is_lost() {
    for mut world in World::each().await {
        (world.config.queue_batches_max, world.config.in_flight_batches_max) = (1, 2);
        let process = world.start().await;
        let (mut producer, _) = process.produce("gateway", 1).await;
        let jammed = jam(&process.db).await;
        let mut sent = 0;
        while tokio::time::timeout(PATIENCE, producer.send(sent + 1, vec![view("A81001", START, sent)])).await.is_ok() {
            sent += 1;
            assert!(sent < BATCHES, "the service holds all of it");
        }
        assert!(sent < ON_THE_WAY_MAX, "{sent} batches were taken from the producer");
        jammed.rollback().await.unwrap();
        for durable in 1..=sent {
            assert_eq!(producer.answer().await.unwrap(), durable);
        }
        let views = i64::try_from(sent).unwrap();
        assert_eq!(process.england().await, (views, views));
        process.stop().await;
    }
}

#[tokio::test]
async fn what_waits_for_a_commit_is_committed_together() {
    for world in World::each().await {
        let process = world.start_on(Clock::system()).await;
        let (mut producer, _) = process.produce("gateway", 1).await;
        for sequence in 1..=10 {
            producer.record(sequence, vec![view("A81001", START, sequence)]).await.unwrap();
        }
        assert_eq!(commits_count(&process.db).await, 10, "where none waits, each has its own");

        let jammed = jam(&process.db).await;
        for sequence in 11..=40 {
            producer.send(sequence, vec![view("A81001", START, sequence)]).await;
        }
        // What is on its way comes to the queue meanwhile.
        tokio::time::sleep(PATIENCE).await;
        jammed.rollback().await.unwrap();
        for sequence in 11..=40 {
            assert_eq!(producer.answer().await.unwrap(), sequence);
        }
        let together = commits_count(&process.db).await - 10;
        assert!(together <= 3, "thirty batches took {together} commits");
        process.stop().await;
    }
}

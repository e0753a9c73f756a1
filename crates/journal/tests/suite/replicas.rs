//! Several engines on one journal: no leader, and every acknowledged command exactly once.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use journal::{Accepted, Engine, EngineConfig};

use crate::toy::{self, Command, TestJournal, Toy, add_one, config, order, request, soon, submit};

async fn replica(test: &TestJournal) -> Engine<Toy> {
    let (clock, _) = toy::clock();
    Engine::open(test.again().await, clock, config()).await.expect("the replica opens")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicas_that_write_at_once_lose_nothing_and_repeat_nothing() {
    const WRITERS: u64 = 6;
    const COMMANDS: u64 = 40;
    for test in TestJournal::each().await {
        let replicas = [replica(&test).await, replica(&test).await];
        let mut tasks = Vec::new();
        for writer in 0..WRITERS {
            // Each request goes to one replica, and every third also to the other, as a client does that lost the reply.
            let (first, second) =
                (replicas[(writer % 2) as usize].clone(), replicas[((writer + 1) % 2) as usize].clone());
            tasks.push(tokio::spawn(async move {
                for number in 0..COMMANDS {
                    let request_id = format!("{writer}-{number}");
                    let ask = || request(add_one("a"), &request_id);
                    if number % 3 == 0 {
                        let (one, other) = tokio::join!(submit(&first, ask()), submit(&second, ask()));
                        let (one, other) = (one.expect("accepted"), other.expect("accepted"));
                        assert_eq!((&one.reply, one.position), (&other.reply, other.position));
                        assert!(one.replayed != other.replayed, "one of them was the first");
                    } else {
                        submit(&first, ask()).await.expect("it is accepted");
                    }
                }
            }));
        }
        for task in tasks {
            task.await.expect("the writer ends");
        }
        let total = WRITERS * COMMANDS;
        for replica in &replicas {
            let published = replica.wait_for(total, soon()).await.expect("it is reached");
            assert_eq!(
                (published.position, published.state.by_name["a"]),
                (total, total.cast_signed()),
                "{}",
                test.name
            );
        }
        let records = replicas[0].records(0, usize::MAX).await.expect("the records");
        let requests: BTreeSet<&str> = records.iter().map(|record| record.request_id.as_str()).collect();
        assert_eq!(requests.len(), records.len(), "each request was recorded once");
        let verification = replicas[1].handle().verify(None, false).await.expect("a verification");
        assert_eq!(verification.finding, None);
        for replica in replicas {
            replica.shutdown().await;
        }
    }
}

#[tokio::test]
async fn a_replica_hears_of_what_another_recorded() {
    for test in TestJournal::each().await {
        let (writer, reader) = (replica(&test).await, replica(&test).await);
        let mut subscription = reader.subscribe();
        submit(&writer, order(add_one("a"))).await.expect("it is accepted");
        let heard = tokio::time::timeout(Duration::from_secs(20), subscription.changed()).await;
        let (published, _activity) = heard.expect("in time");
        assert_eq!(published.state.by_name["a"], 1, "{}", test.name);
    }
}

#[tokio::test]
async fn on_postgres_a_replica_is_notified_and_need_not_poll() {
    let Some(test) = TestJournal::postgres().await else { return };
    let (clock, _) = toy::clock();
    let never_polls = EngineConfig { poll_interval: Duration::from_secs(3_600), ..config() };
    let reader = Engine::<Toy>::open(test.again().await, clock, never_polls).await.expect("the replica opens");
    let writer = replica(&test).await;
    let mut subscription = reader.subscribe();
    // The listener connects by itself; a notification before that is lost, so there is more than one.
    let heard = loop {
        submit(&writer, order(add_one("a"))).await.expect("it is accepted");
        if let Ok((published, _activity)) =
            tokio::time::timeout(Duration::from_millis(50), subscription.changed()).await
        {
            break published;
        }
    };
    assert!(heard.position > 0);
}

#[tokio::test]
async fn a_replica_decides_on_what_another_recorded_although_it_heard_nothing() {
    for test in TestJournal::each().await {
        let (clock, _) = toy::clock();
        let deaf = EngineConfig { poll_interval: Duration::from_secs(3_600), ..config() };
        let second = Engine::<Toy>::open(test.again().await, clock, deaf).await.expect("the replica opens");
        let first = replica(&test).await;
        submit(&first, order(Command::Add { name: "a".to_owned(), by: 2 })).await.expect("it is accepted");
        let taken = submit(&second, order(Command::Add { name: "a".to_owned(), by: -2 })).await;
        assert_eq!(taken.expect("there are two").position, 2, "{}", test.name);
        let refused = submit(&first, order(Command::Add { name: "a".to_owned(), by: -1 })).await;
        refused.expect_err("the other replica took them");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_with_min_position_sees_its_own_write_on_any_replica() {
    for test in TestJournal::each().await {
        let replicas = Arc::new([replica(&test).await, replica(&test).await]);
        for round in 0..20 {
            let Accepted { position, .. } =
                submit(&replicas[round % 2], order(add_one("a"))).await.expect("it is accepted");
            let seen = replicas[(round + 1) % 2].wait_for(position, soon()).await.expect("it is reached");
            assert!(seen.position >= position);
        }
    }
}

//! RecordEvents: exactly once, whatever is sent again, cut off, restarted or wrong (I29).

use api::Explained;
use proto::statistics::v1 as wire;

use crate::world::{START, World, reason, view};

fn views(people: std::ops::Range<u64>) -> Vec<wire::AccessEvent> {
    people.map(|person| view("A81001", START, person)).collect()
}

#[tokio::test]
async fn a_new_source_begins_at_one_and_goes_on_from_what_is_durable() {
    for world in World::each().await {
        let process = world.start().await;
        let (mut producer, durable) = process.produce("app-gateway", 1).await;
        assert_eq!(durable, 0);
        assert_eq!(producer.record(1, views(0..3)).await.unwrap(), 3);
        assert_eq!(producer.record(4, views(3..4)).await.unwrap(), 4);
        assert_eq!(process.england().await, (4, 4));
        drop(producer);

        let (mut producer, durable) = process.produce("app-gateway", 1).await;
        assert_eq!(durable, 4);
        assert_eq!(producer.record(5, views(0..2)).await.unwrap(), 6);
        assert_eq!(process.england().await, (6, 4), "people who come again are the same people");

        // Another life of the source, and another source, number their own.
        assert_eq!(process.produce("app-gateway", 2).await.1, 0);
        assert_eq!(process.produce("other-gateway", 1).await.1, 0);
        process.stop().await;
    }
}

#[tokio::test]
async fn i29_what_is_sent_again_counts_once() {
    for world in World::each().await {
        let process = world.start().await;
        let (mut producer, _) = process.produce("gateway", 1).await;
        assert_eq!(producer.record(1, views(0..10)).await.unwrap(), 10);
        assert_eq!(producer.record(1, views(0..10)).await.unwrap(), 10, "the whole batch again");
        assert_eq!(producer.record(3, views(2..5)).await.unwrap(), 10, "a part of it, cut otherwise");
        assert_eq!(producer.record(8, views(7..14)).await.unwrap(), 14, "an overlap: what is new counts");
        // Sent without waiting, the last one twice, so that both are in one commit.
        producer.send(15, views(14..16)).await;
        producer.send(17, views(16..18)).await;
        producer.send(17, views(16..18)).await;
        for durable in [16, 18, 18] {
            assert_eq!(producer.answer().await.unwrap(), durable);
        }
        assert_eq!(process.england().await, (18, 18));
        process.stop().await;
    }
}

#[tokio::test]
async fn i29_a_power_cut_loses_nothing_acknowledged_and_doubles_nothing() {
    for world in World::each().await {
        let mut expected = 0;
        for life in 0..4_u64 {
            let process = world.start().await;
            let (mut producer, durable) = process.produce("gateway", 1).await;
            assert_eq!(durable, expected);
            // The producer does not trust its memory: it sends the last ten again, too.
            let first = durable.saturating_sub(10);
            assert_eq!(producer.record(first + 1, views(first..durable + 25)).await.unwrap(), durable + 25);
            expected = durable + 25;
            if life == 2 {
                world.pass_checkpoint().await;
            }
            assert_eq!(process.england().await, (expected as i64, expected as i64), "life {life}");
            if life % 2 == 0 { process.kill().await } else { process.stop().await }
        }
        let process = world.start().await;
        assert_eq!(process.england().await, (100, 100));
        process.stop().await;
    }
}

#[tokio::test]
async fn a_gap_is_refused_with_the_sequence_that_is_next() {
    for world in World::each().await {
        let process = world.start().await;
        let (mut producer, _) = process.produce("gateway", 1).await;
        assert_eq!(producer.record(1, views(0..2)).await.unwrap(), 2);
        let refused = reason(producer.record(4, views(3..5)).await);
        assert_eq!((refused.reason.as_str(), refused.metadata["expected"].as_str()), ("SEQUENCE_GAP", "3"));

        for (first, wanted) in [(0, "SEQUENCE_OUT_OF_RANGE"), (u64::MAX, "SEQUENCE_OUT_OF_RANGE"), (2, "SEQUENCE_GAP")]
        {
            let (mut producer, _) = process.produce("fresh", 1).await;
            assert_eq!(reason(producer.record(first, views(0..2)).await).reason, wanted, "first sequence {first}");
        }
        assert_eq!(process.england().await, (2, 2));
        process.stop().await;
    }
}

#[tokio::test]
async fn a_durable_sequence_with_other_content_is_refused_and_nothing_of_the_batch_counts() {
    for world in World::each().await {
        let process = world.start().await;
        let (mut producer, _) = process.produce("gateway", 1).await;
        assert_eq!(producer.record(1, views(0..4)).await.unwrap(), 4);
        // Batches of another cut, whose third event is another one; alone, and with new ones behind it.
        for people in [vec![1, 9], vec![1, 9, 3, 4, 5]] {
            let (mut producer, _) = process.produce("gateway", 1).await;
            let events = people.into_iter().map(|person| view("A81001", START, person)).collect();
            let refused = reason(producer.record(2, events).await);
            assert_eq!((refused.reason.as_str(), refused.metadata["sequence"].as_str()), ("SEQUENCE_REUSED", "3"));
        }
        assert_eq!(process.england().await, (4, 4));
        assert_eq!(process.produce("gateway", 1).await.1, 4);
        process.stop().await;
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_batch_or_its_stream_is_said_and_nothing_of_it_counts() {
    let world = World::on(database::testing::TestStore::sqlite());
    let process = world.start().await;
    let (mut producer, _) = process.produce("gateway", 1).await;
    let many = (0..=world.config.batch_events_max as u64).map(|person| view("A81001", START, person)).collect();
    assert_eq!(reason(producer.record(1, many).await).reason, "TOO_MANY_ITEMS");

    let (mut producer, _) = process.produce("gateway", 1).await;
    let other = wire::RecordEventsRequest { source: "other".to_owned(), ..Default::default() };
    producer.send_request(other).await;
    assert_eq!(reason(producer.answer().await).reason, "SOURCE_CHANGED");
    assert_eq!(process.england().await, (0, 0));
    process.stop().await;
}

#[tokio::test]
async fn a_stream_that_names_no_source_is_refused() {
    let world = World::on(database::testing::TestStore::sqlite());
    let process = world.start().await;
    let requests = [wire::RecordEventsRequest { source: "No Name".to_owned(), ..Default::default() }];
    let mut answers = process.ingest().record_events(tokio_stream::iter(requests)).await.unwrap().into_inner();
    let refused = Explained::from(&answers.message().await.unwrap_err());
    assert_eq!(refused.reason, "SOURCE_INVALID");
    process.stop().await;
}

#[tokio::test]
async fn a_first_message_may_hold_a_batch_and_a_bare_code_is_a_practice() {
    let world = World::on(database::testing::TestStore::sqlite());
    let process = world.start().await;
    let mut events = views(0..2);
    events[0].practice = "A81001".to_owned();
    let request = wire::RecordEventsRequest {
        source: "gateway".to_owned(),
        incarnation: 7,
        first_sequence: 1,
        events: Some(wire::AccessEvents { events }),
    };
    let mut answers = process.ingest().record_events(tokio_stream::iter([request])).await.unwrap().into_inner();
    assert_eq!(answers.message().await.unwrap().unwrap().durable_sequence, 0);
    assert_eq!(answers.message().await.unwrap().unwrap().durable_sequence, 2);
    assert!(answers.message().await.unwrap().is_none());
    assert_eq!(process.england().await, (2, 2));
    process.stop().await;
}

//! Poison: an event that is not as it must be is put aside, says why, and holds up nothing (I29).

use clock::{Clock, SystemClock};
use database::testing::TestStore;
use jiff::SignedDuration;
use prost::Message as _;
use proto::statistics::v1 as wire;
use proto::unread;
use tonic::codegen::http::uri::PathAndQuery;
use tonic_prost::ProstCodec;

use crate::world::{Process, START, World, moment, reason, view};

/// Makes an event wrong.
type Spoil = fn(&mut wire::AccessEvent);

const SPOILT: [(&str, &str, Spoil); 12] = [
    ("occurred_at", "FIELD_REQUIRED", |event| event.occurred_at = None),
    ("occurred_at", "TIMESTAMP_OUT_OF_RANGE", |event| event.occurred_at.as_mut().unwrap().seconds = -1),
    ("occurred_at", "EVENT_IN_FUTURE", |event| event.occurred_at.as_mut().unwrap().seconds += 2 * 3_600),
    ("occurred_at", "EVENT_TOO_LATE", |event| event.occurred_at.as_mut().unwrap().seconds -= 401 * 24 * 3_600),
    ("practice", "PRACTICE_INVALID", |event| event.practice = "practices/A8100".to_owned()),
    ("kind", "EVENT_KIND_INVALID", |event| event.kind = 0),
    ("section", "RECORD_SECTION_INVALID", |event| event.section = 99),
    ("channel", "CHANNEL_INVALID", |event| event.channel = "The App".to_owned()),
    ("capability", "CAPABILITY_INVALID", |event| event.capability = "prospective".to_owned()),
    ("pseudonym", "PSEUDONYM_LENGTH", |event| event.pseudonym = vec![7; 33].into()),
    ("pseudonym", "FIELD_REQUIRED", |event| event.pseudonym = Vec::new().into()),
    ("pseudonym", "PSEUDONYM_LOOKS_LIKE_NHS_NUMBER", |event| event.pseudonym = b"9990000069".to_vec().into()),
];

fn views(people: std::ops::Range<u64>) -> Vec<wire::AccessEvent> {
    people.map(|person| view("A81001", START, person)).collect()
}

async fn listed(process: &Process, request: wire::ListQuarantinedEventsRequest) -> wire::ListQuarantinedEventsResponse {
    process.ingest().list_quarantined_events(request).await.expect("a list").into_inner()
}

#[tokio::test]
async fn i29_poison_is_put_aside_with_its_reason_and_what_comes_after_it_counts() {
    for world in World::each().await {
        let process = world.start().await;
        let (mut producer, _) = process.produce("gateway", 1).await;
        let mut sequence = 0;
        for (field, wanted, spoil) in SPOILT {
            let mut events = views(sequence..sequence + 3);
            spoil(&mut events[1]);
            producer.send(sequence + 1, events).await;
            let answer = producer.whole_answer().await.expect("the stream goes on");
            assert_eq!((answer.durable_sequence, answer.quarantined_count), (sequence + 3, 1), "{wanted}");
            let [told] = &answer.quarantined[..] else { panic!("{answer:?}") };
            assert_eq!((told.sequence, told.reason.as_str(), told.field.as_str()), (sequence + 2, wanted, field));
            assert!(!told.description.is_empty());
            sequence += 3;
        }
        let counted = 2 * SPOILT.len() as i64;
        assert_eq!(process.england().await, (counted, counted));

        // Newest first, page by page.
        let mut page_token = String::new();
        let mut pages = Vec::new();
        for _ in 0..SPOILT.len().div_ceil(5) {
            let request = wire::ListQuarantinedEventsRequest { page_size: 5, page_token, ..Default::default() };
            let page = listed(&process, request).await;
            assert_eq!(page.events_count, SPOILT.len() as i64);
            page_token = page.next_page_token;
            pages.extend(page.batches);
        }
        assert_eq!(page_token, "");
        let told: Vec<(u64, String)> = pages.iter().map(|row| (row.first_sequence, row.reason.clone())).collect();
        let mut expected: Vec<(u64, String)> =
            SPOILT.iter().zip(0..).map(|((_, reason, _), batch)| (3 * batch + 2, (*reason).to_owned())).collect();
        expected.reverse();
        assert_eq!(told, expected);
        assert_eq!(pages[0].arrival_time, Some(api::time::to_wire(moment(START))));
        let of_another = wire::ListQuarantinedEventsRequest { source: "other".to_owned(), ..Default::default() };
        assert_eq!(listed(&process, of_another).await, wire::ListQuarantinedEventsResponse::default());
        process.stop().await;
    }
}

#[tokio::test]
async fn i29_poison_that_is_sent_again_mended_or_not_is_durable_and_survives_a_power_cut() {
    for world in World::each().await {
        let process = world.start().await;
        let (mut producer, _) = process.produce("gateway", 1).await;
        let mut poisoned = views(0..3);
        poisoned[1].practice = "nowhere".to_owned();
        assert_eq!(producer.record(1, poisoned.clone()).await.unwrap(), 3);
        assert_eq!(producer.record(1, poisoned).await.unwrap(), 3);
        assert_eq!(producer.record(1, views(0..4)).await.unwrap(), 4, "its number is taken; what is new counts");
        let other = reason(producer.record(3, views(9..10)).await);
        assert_eq!(other.reason, "SEQUENCE_REUSED", "its neighbours are compared all the same");
        process.kill().await;
        let process = world.start().await;
        assert_eq!(process.england().await, (3, 3));
        world.pass_checkpoint().await;
        assert_eq!(process.england().await, (3, 3));
        process.stop().await;
    }
}

#[tokio::test]
async fn a_batch_of_nothing_but_poison_is_folded_away_like_any_other() {
    for world in World::each().await {
        let process = world.start().await;
        let (mut producer, _) = process.produce("gateway", 1).await;
        let mut events = views(0..20);
        events.iter_mut().for_each(|event| event.kind = 77);
        producer.send(1, events).await;
        let answer = producer.whole_answer().await.unwrap();
        assert_eq!((answer.quarantined_count, answer.quarantined.len()), (20, 10));
        world.pass_checkpoint().await;
        let [row] = &listed(&process, wire::ListQuarantinedEventsRequest::default()).await.batches[..] else {
            panic!("one batch, one reason")
        };
        assert_eq!((row.first_sequence, row.last_sequence, row.events_count), (1, 20, 20));
        assert_eq!(process.england().await, (0, 0));
        world.clock.advance(world.config.quarantine_kept);
        let now = world.clock.now().to_string();
        assert_eq!(producer.record(21, vec![view("A81001", &now, 1)]).await.unwrap(), 21);
        world.pass_checkpoint().await;
        assert_eq!(listed(&process, wire::ListQuarantinedEventsRequest::default()).await.events_count, 0);
        process.stop().await;
    }
}

#[tokio::test]
async fn an_nhs_number_is_kept_nowhere() {
    let world = World::on(TestStore::sqlite());
    let process = world.start().await;
    let (mut producer, _) = process.produce("gateway", 1).await;
    for pseudonym in [&b"9990000069"[..], b"999 000 0069", &9_990_000_069_u64.to_be_bytes()] {
        let (_, durable) = process.produce("gateway", 1).await;
        let mut events = views(0..1);
        events[0].pseudonym = pseudonym.to_vec().into();
        producer.send(durable + 1, events).await;
        let answer = producer.whole_answer().await.unwrap();
        assert_eq!(answer.quarantined[0].reason, "PSEUDONYM_LOOKS_LIKE_NHS_NUMBER");
        assert!(!format!("{answer:?}").contains("999"), "{answer:?}");
    }
    for row in process.db.fetch_all(database::sql("select events from batches")).await.unwrap() {
        let logged: Vec<u8> = row.get("events").unwrap();
        let nought = 0_u64.to_le_bytes();
        assert_eq!(logged[logged.len() - 8..], nought, "the place of the person is empty");
    }
    assert_eq!(process.england().await, (0, 0));
    process.stop().await;
}

#[tokio::test]
async fn i29_an_event_whose_bytes_nobody_can_read_holds_up_nothing() {
    let world = World::on(TestStore::sqlite());
    let process = world.start().await;
    let sound = wire::AccessEvents { events: views(0..1) }.encode_to_vec();
    // An event whose text is no text, one that is cut off within, and a sound one on either side.
    let no_text = [&[(1 << 3) | 2, 4, (2 << 3) | 2, 2, 0xff, 0xfe][..]].concat();
    let cut_off = [(1 << 3) | 2, 2, (6 << 3) | 2, 9].to_vec();
    let events = [sound.clone(), no_text, cut_off, sound].concat();
    let request = |first_sequence, events: Vec<u8>| unread::RecordEventsRequest {
        source: "gateway".to_owned(),
        first_sequence,
        events: events.into(),
        ..Default::default()
    };
    let requests = [request(1, events), request(5, vec![(1 << 3) | 2, 200])];
    let mut client = tonic::client::Grpc::new(process.peer.clone());
    client.ready().await.expect("it is in this process");
    let path = PathAndQuery::from_static("/citizens_access.statistics.v1.IngestService/RecordEvents");
    let codec = ProstCodec::<unread::RecordEventsRequest, wire::RecordEventsResponse>::default();
    let stream = tonic::Request::new(tokio_stream::iter(requests));
    let mut answers = client.streaming(stream, path, codec).await.expect("the stream opens").into_inner();
    assert_eq!(answers.message().await.unwrap().unwrap().durable_sequence, 0);
    let answer = answers.message().await.unwrap().unwrap();
    assert_eq!((answer.durable_sequence, answer.quarantined_count), (4, 2));
    let reasons: Vec<&str> = answer.quarantined.iter().map(|event| event.reason.as_str()).collect();
    assert_eq!(reasons, ["FIELD_REQUIRED", "EVENT_UNREADABLE"], "the first lacks its moment, too");
    let refused = answers.message().await.expect_err("the second batch has no events that could be told apart");
    assert_eq!(api::Explained::from(&refused).reason, "EVENTS_UNREADABLE");
    assert_eq!(process.england().await, (2, 1));
    process.stop().await;
}

#[tokio::test]
async fn rule_18_a_replica_whose_clock_is_off_takes_no_events() {
    let Some(store) = TestStore::postgres().await else { return };
    let world = World::on(store);
    let off = world.start_on(Clock::System(SystemClock::with_offset(SignedDuration::from_secs(3)))).await;
    let (mut producer, _) = off.produce("gateway", 1).await;
    let refused = reason(producer.record(1, views(0..1)).await);
    assert_eq!(refused.reason, "CLOCK_OFF");
    assert!(refused.retry_after.is_some());
    let right = world.start_on(Clock::System(SystemClock::default())).await;
    assert_eq!(right.produce("gateway", 1).await.1, 0, "nothing was taken");
    off.stop().await;
    right.stop().await;
}

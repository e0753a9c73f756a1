//! Batches of events, taken apart where they lie, held against prost, which builds each event.
#![no_main]

// The module as it is: building the service around it would bring stores and a network with it.
#[path = "../../services/access-statistics/src/grpc/unread.rs"]
mod unread;

use libfuzzer_sys::fuzz_target;
use prost::Message;
use unread::{UnreadEvent, UnreadMoment};

/// `AccessEvents` with its events as they lie.
#[derive(Clone, PartialEq, Message)]
struct Batch {
    #[prost(bytes = "vec", repeated, tag = "1")]
    events: Vec<Vec<u8>>,
}

/// `AccessEvent`; its texts as bytes, since whether they are UTF-8 is judged later.
#[derive(Clone, PartialEq, Message)]
struct Event {
    #[prost(message, optional, tag = "1")]
    occurred_at: Option<Moment>,
    #[prost(bytes = "vec", tag = "2")]
    practice: Vec<u8>,
    #[prost(int32, tag = "3")]
    kind: i32,
    #[prost(bytes = "vec", tag = "4")]
    channel: Vec<u8>,
    #[prost(int32, tag = "5")]
    section: i32,
    #[prost(bytes = "vec", tag = "6")]
    pseudonym: Vec<u8>,
    #[prost(bytes = "vec", tag = "7")]
    capability: Vec<u8>,
}

#[derive(Clone, Copy, PartialEq, Message)]
struct Moment {
    #[prost(int64, tag = "1")]
    seconds: i64,
    #[prost(int32, tag = "2")]
    nanos: i32,
}

fuzz_target!(|bytes: &[u8]| {
    let events: Result<Vec<&[u8]>, _> = unread::events(bytes).collect();
    let Ok(events) = events else { return };
    // Ours reads no more than prost does: groups, which protobuf gave up long ago, are refused.
    let batch = Batch::decode(bytes).expect("what ours takes apart prost does too");
    assert_eq!(events, batch.events);
    for event in events {
        let Ok(read) = UnreadEvent::of(event) else { continue };
        let built = Event::decode(event).expect("what ours reads prost does too");
        let moment = built.occurred_at.map(|at| UnreadMoment { seconds: at.seconds, nanos: at.nanos });
        assert_eq!(read.occurred_at, moment);
        assert_eq!((read.practice, read.channel), (&built.practice[..], &built.channel[..]));
        assert_eq!((read.kind, read.section), (built.kind, built.section));
        assert_eq!((read.pseudonym, read.capability), (&built.pseudonym[..], &built.capability[..]));
    }
});

//! WatchSummary: the figures at once, and again when one of them has changed.

use std::time::Duration;

use api::Explained;
use jiff::SignedDuration;
use proto::statistics::v1 as wire;
use tonic::{Code, Streaming};

use crate::registry::{observed, practice};
use crate::world::{Process, World, moment, value, view};

const INTERVAL: SignedDuration = SignedDuration::from_secs(10);

/// Long enough for a message that there is, and short enough to be waited for in vain.
const IN_VAIN: Duration = Duration::from_millis(100);

async fn watch(process: &Process, min_position: u64) -> Streaming<wire::WatchSummaryResponse> {
    let request = wire::WatchSummaryRequest { interval_seconds: 10, min_position, ..Default::default() };
    process.statistics().watch_summary(request).await.expect("the stream opens").into_inner()
}

async fn next(stream: &mut Streaming<wire::WatchSummaryResponse>) -> wire::GetSummaryResponse {
    let message = tokio::time::timeout(Duration::from_secs(30), stream.message()).await.expect("a message in time");
    message.expect("no error").expect("no end").summary.expect("a message has its figures")
}

#[tokio::test]
async fn figures_come_at_once_and_again_when_one_has_changed() {
    for world in World::each().await {
        let process = world.start().await;
        let known = moment("2031-03-01T10:00:00Z");
        let surgery = practice("A81001", "QHM", "EMIS", 1_000, known);
        let position = world.registry.tell([surgery.clone()]);
        let mut stream = watch(&process, position).await;
        let first = next(&mut stream).await;
        assert_eq!((value(&first.practices_live), value(&first.practices_total)), (0, 1));
        assert_eq!(first, process.summary(wire::GetSummaryRequest::default()).await, "as GetSummary says it");

        world.clock.advance(INTERVAL * 6);
        let silent = tokio::time::timeout(IN_VAIN, stream.message()).await;
        assert!(silent.is_err(), "nothing has changed: {silent:?}");

        let position = world.registry.tell([observed(surgery, true, moment("2031-03-05T08:00:00Z"))]);
        process.summary(wire::GetSummaryRequest { min_position: position, ..Default::default() }).await;
        let (mut producer, _) = process.produce("gateway", 1).await;
        producer.record(1, vec![view("A81001", "2031-03-08T12:00:00Z", 1)]).await.unwrap();
        let early = tokio::time::timeout(IN_VAIN, stream.message()).await;
        assert!(early.is_err(), "not before the interval is over: {early:?}");
        world.clock.advance(INTERVAL);
        let second = next(&mut stream).await;
        assert_eq!((value(&second.practices_live), value(&second.record_views)), (1, 1), "the latest, in one message");
        assert_ne!(first.as_at, second.as_at);
        assert_eq!(second.registry_position, position);
        process.stop().await;
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_watch_is_said_before_it_begins() {
    for world in World::each().await {
        let process = world.start().await;
        let asked = |area: &str, interval_seconds| wire::WatchSummaryRequest {
            area: area.to_owned(),
            interval_seconds,
            ..Default::default()
        };
        for (request, reason) in [(asked("waves/1", 0), "AREA_INVALID"), (asked("", 3_601), "INTERVAL_TOO_LONG")] {
            let refused = process.statistics().watch_summary(request).await.unwrap_err();
            assert_eq!((refused.code(), Explained::from(&refused).reason.as_str()), (Code::InvalidArgument, reason));
        }
        process.stop().await;
    }
}

//! RecordObservation.

use jiff::SignedDuration;
use proto::registry::v1 as wire;
use proto::registry::v1::{ObservationVerdict, ObservedState};
use tonic::Code;

use crate::bench::{Bench, PRACTICE, everywhere, moment, reason};

fn observation(state: ObservedState) -> wire::Observation {
    wire::Observation {
        practice: PRACTICE.to_owned(),
        state: state.into(),
        source: wire::ObservationSource::SupplierList.into(),
        ..Default::default()
    }
}

fn record(request_id: &str, observations: Vec<wire::Observation>) -> wire::RecordObservationRequest {
    wire::RecordObservationRequest { observations, request_id: request_id.to_owned(), ..Default::default() }
}

#[tokio::test]
async fn each_observation_is_recorded_known_or_of_no_practice() {
    everywhere(async |bench| {
        bench.import_map().await;
        let stranger = wire::Observation { practice: "practices/Z99999".to_owned(), ..observation(ObservedState::On) };
        let both = vec![observation(ObservedState::On), stranger];
        let reply = bench.client.record_observation(record("a", both.clone())).await.unwrap().into_inner();
        let verdicts: Vec<_> = reply.results.iter().map(wire::ObservationResult::verdict).collect();
        assert_eq!(verdicts, [ObservationVerdict::Recorded, ObservationVerdict::PracticeUnknown]);
        assert_eq!(reply.affected_count, 1);
        let again = bench.client.record_observation(record("b", both)).await.unwrap().into_inner();
        assert_eq!(again.results[0].verdict(), ObservationVerdict::Known);
        let access = bench.practice().await.access.remove(0);
        assert_eq!((access.live, access.source()), (true, wire::ObservationSource::SupplierList));
    })
    .await;
}

#[tokio::test]
async fn an_observation_of_an_earlier_moment_is_history_and_shortens_the_live_time() {
    let mut bench = Bench::with_practices().await;
    bench.wait(SignedDuration::from_hours(3));
    let at = |state, text: &str| wire::Observation { as_at: moment(text), ..observation(state) };
    for (request_id, observation) in [
        ("a", at(ObservedState::On, "2031-06-02T08:00:00Z")),
        ("b", at(ObservedState::On, "2031-06-02T10:00:00Z")),
        ("c", at(ObservedState::Off, "2031-06-02T09:00:00Z")),
    ] {
        bench.client.record_observation(record(request_id, vec![observation])).await.unwrap();
    }
    let access = bench.practice().await.access.remove(0);
    assert_eq!((access.live, access.live_since), (true, moment("2031-06-02T10:00:00Z")));
}

#[tokio::test]
async fn what_is_malformed_or_of_the_future_is_refused() {
    let mut bench = Bench::with_practices().await;
    for (observation, expected) in [
        (wire::Observation { state: 0, ..observation(ObservedState::On) }, "FIELD_REQUIRED"),
        (wire::Observation { source: 0, ..observation(ObservedState::On) }, "FIELD_REQUIRED"),
        (
            wire::Observation {
                source: wire::ObservationSource::Directory.into(),
                ..observation(ObservedState::Unknown)
            },
            "FIELD_REQUIRED",
        ),
        (
            wire::Observation { as_at: moment("2031-06-02T08:01:00.000001Z"), ..observation(ObservedState::On) },
            "OBSERVED_IN_FUTURE",
        ),
    ] {
        let refused = reason(bench.client.record_observation(record("bad", vec![observation])).await);
        assert_eq!(refused, (Code::InvalidArgument, expected.to_owned()));
    }
    let twice = vec![observation(ObservedState::On), observation(ObservedState::Off)];
    let refused = reason(bench.client.record_observation(record("bad", twice)).await);
    assert_eq!(refused.1, "NAMED_TWICE");
}

//! AcquirePermits, SettlePermits, ReleasePermits.

use proto::registry::v1 as wire;
use proto::registry::v1::{CommandOutcome, PermitRefusal, PermitState, SettlementRefusal};
use tonic::Code;

use crate::bench::{Bench, disable, enable, everywhere, moment, reason};

#[tokio::test]
async fn permits_are_granted_or_refused_key_by_key() {
    everywhere(async |bench| {
        bench.import_map().await;
        let mut stranger = enable(1);
        stranger.practice = "practices/Z99999".to_owned();
        let request = wire::AcquirePermitsRequest {
            keys: vec![enable(1), stranger, enable(2), disable(3)],
            request_id: "acquire".to_owned(),
            cause: "programmes/autumn/waves/3".to_owned(),
            ..Default::default()
        };
        let reply = bench.client.acquire_permits(request.clone()).await.unwrap().into_inner();
        assert_eq!(reply.affected_count, 2);
        let refusals: Vec<_> = reply.grants.iter().map(wire::PermitGrant::refusal).collect();
        use PermitRefusal::{PermitOpen, PracticeUnknown, Unspecified};
        assert_eq!(refusals, [Unspecified, PracticeUnknown, PermitOpen, Unspecified]);
        let permit = reply.grants[0].permit.clone().unwrap();
        assert_eq!((permit.state(), permit.granted_at), (PermitState::Open, moment(crate::bench::START)));
        assert_eq!(permit.key.unwrap().capability, "capabilities/prospective-records");

        let practice = bench.practice().await;
        let access = &practice.access[0];
        assert_eq!((access.generation_highest, access.open_disable_permits.len()), (3, 1));
        assert_eq!(bench.client.acquire_permits(request).await.unwrap().into_inner(), reply, "the first reply again");
    })
    .await;
}

#[tokio::test]
async fn a_settlement_shows_the_practice_on_in_the_same_moment() {
    everywhere(async |bench| {
        bench.import_map().await;
        bench.switch_on().await;
        let access = bench.practice().await.access.remove(0);
        assert_eq!((access.state(), access.live), (wire::ObservedState::On, true));
        assert_eq!(access.source(), wire::ObservationSource::SupplierConfirmation);
        assert_eq!((access.open_permit, access.live_since), (None, moment(crate::bench::START)));
        assert_eq!(bench.acquire(vec![enable(2)]).await[0].refusal(), PermitRefusal::AlreadyOn);
    })
    .await;
}

#[tokio::test]
async fn a_settlement_without_a_permit_or_with_another_outcome_is_refused_by_itself() {
    let mut bench = Bench::with_practices().await;
    bench.acquire(vec![enable(1)]).await;
    let settlement = |key, outcome: CommandOutcome| wire::Settlement {
        key: Some(key),
        outcome: outcome.into(),
        ..Default::default()
    };
    let settle = |request_id: &str, settlements| wire::SettlePermitsRequest {
        settlements,
        request_id: request_id.to_owned(),
        ..Default::default()
    };
    let both = vec![settlement(enable(9), CommandOutcome::Applied), settlement(enable(1), CommandOutcome::Refused)];
    let reply = bench.client.settle_permits(settle("a", both)).await.unwrap().into_inner();
    let refusals: Vec<_> = reply.results.iter().map(wire::SettlementResult::refusal).collect();
    assert_eq!(refusals, [SettlementRefusal::NoPermit, SettlementRefusal::Unspecified]);
    assert_eq!(reply.affected_count, 1);

    let again = vec![settlement(enable(1), CommandOutcome::Refused)];
    let reply = bench.client.settle_permits(settle("b", again)).await.unwrap().into_inner();
    assert_eq!((reply.results[0].refusal(), reply.affected_count), (SettlementRefusal::Unspecified, 0));
    let differs = vec![settlement(enable(1), CommandOutcome::Applied)];
    let reply = bench.client.settle_permits(settle("c", differs)).await.unwrap().into_inner();
    assert_eq!(reply.results[0].refusal(), SettlementRefusal::OutcomeDiffers);
    assert_eq!(reply.results[0].permit.as_ref().unwrap().outcome(), CommandOutcome::Refused);
}

#[tokio::test]
async fn a_released_permit_closes_its_key() {
    everywhere(async |bench| {
        bench.import_map().await;
        bench.acquire(vec![enable(1)]).await;
        let (keys, request_id) = (vec![enable(1)], "release".to_owned());
        let request = wire::ReleasePermitsRequest { keys, request_id, ..Default::default() };
        let reply = bench.client.release_permits(request).await.unwrap().into_inner();
        assert_eq!(reply.results[0].permit.as_ref().unwrap().state(), PermitState::Released);
        let refused = &bench.acquire(vec![enable(1)]).await[0];
        assert_eq!(refused.refusal(), PermitRefusal::KeyClosed);
        assert_eq!(
            refused.detail,
            "prospective-records/A81001/enable/1 has ended; a new decision takes a new generation"
        );
        assert_eq!(bench.acquire(vec![enable(2)]).await[0].refusal(), PermitRefusal::Unspecified);
    })
    .await;
}

#[tokio::test]
async fn malformed_keys_are_refused_by_their_path() {
    let mut bench = Bench::with_practices().await;
    let mut acquire = async |keys: Vec<wire::CommandKey>| {
        let request = wire::AcquirePermitsRequest { keys, request_id: "bad".to_owned(), ..Default::default() };
        crate::bench::refusal(bench.client.acquire_permits(request).await)
    };
    for (key, path, expected) in [
        (wire::CommandKey { action: 0, ..enable(1) }, "keys[1].action", "FIELD_REQUIRED"),
        (enable(0), "keys[1].generation", "GENERATION_INVALID"),
        (wire::CommandKey { practice: "A81001".to_owned(), ..enable(1) }, "keys[1].practice", "RESOURCE_NAME_INVALID"),
        (wire::CommandKey { capability: "x".to_owned(), ..enable(1) }, "keys[1].capability", "CAPABILITY_INVALID"),
        (enable(7), "keys[1]", "NAMED_TWICE"),
    ] {
        let (code, explained) = acquire(vec![enable(7), key]).await;
        assert_eq!((code, explained.reason.as_str()), (Code::InvalidArgument, expected));
        assert_eq!(explained.fields[0].0, path);
    }
    assert_eq!(acquire(Vec::new()).await.1.reason, "FIELD_REQUIRED");
    let many = (1..=1_001).map(enable).collect();
    assert_eq!(acquire(many).await.1.reason, "TOO_MANY_ITEMS");
}

#[tokio::test]
async fn permits_are_for_services_only() {
    let bench = Bench::with_practices().await;
    let mut client = bench.client_as("manager;roles=practice;organisation=practices/A81001");
    let request =
        wire::AcquirePermitsRequest { keys: vec![enable(1)], request_id: "x".to_owned(), ..Default::default() };
    assert_eq!(reason(client.acquire_permits(request).await).0, Code::PermissionDenied);
}

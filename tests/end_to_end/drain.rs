//! SIGTERM under load: nothing that was acknowledged is lost, nobody is left without an answer, and the process ends in time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use proto::registry::v1 as registry;
use proto::registry::v1::practice_registry_service_client::PracticeRegistryServiceClient;
use tonic::Code;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use crate::harness::http2::{DATA, END_HEADERS, HEADERS, Wire, call_headers, frame};
use crate::harness::installation::{Installation, Wanted};

/// Who writes at the same time.
const WRITERS: u32 = 8;
/// Acknowledged before the signal, so that it comes amid work.
const ACKNOWLEDGED_BEFORE: u32 = 40;
/// What calls under way get to end, once the server has told everybody to go.
const GRACE: Duration = Duration::from_secs(3);
/// Delay, grace, stopping and starting again, on a machine that does other things as well.
const END_PATIENCE: Duration = Duration::from_secs(20);

/// The last answer that a writer got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    /// It may not have taken effect, and can be sent again.
    Unavailable,
    Other(Code),
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_signal_amid_writes_loses_nothing_acknowledged_and_ends_within_the_grace_whoever_is_stuck() {
    let environment = vec![("CITIZENS_ACCESS_LIMITS".to_owned(), format!("drain_grace_ms={}", GRACE.as_millis()))];
    let wanted = Wanted { practices_count: 20, environment, ..Wanted::default() };
    let installation = Installation::all_in_one(&wanted);
    installation.import();
    let (acknowledged, goes_on) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicBool::new(true)));
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let peer = installation.registry().peer("irene");
            tokio::spawn(write(writer, peer, Arc::clone(&acknowledged), Arc::clone(&goes_on)))
        })
        .collect();
    // One client is stuck amid its request, and one watches health and never goes.
    let mut stuck = Wire::greeted(installation.registry().address(), &[]).expect("a connection");
    let rpc = "citizens_access.registry.v1.PracticeRegistryService/PausePractice";
    stuck.send(&frame(HEADERS, END_HEADERS, 1, &call_headers(rpc, "mallory"))).expect("headers");
    stuck.send(&frame(DATA, 0, 1, &[0, 0, 0, 1, 0, 7])).expect("the beginning of a message");
    let mut health = HealthClient::new(installation.registry().peer("rita"));
    let mut health = health.watch(HealthCheckRequest::default()).await.expect("a watch").into_inner();
    assert_eq!(health.message().await.expect("told").expect("a status").status(), ServingStatus::Serving);
    while acknowledged.load(Ordering::Relaxed) < ACKNOWLEDGED_BEFORE {
        tokio::task::yield_now().await;
    }

    let signalled = Instant::now();
    let (ended, installation) = tokio::task::block_in_place(|| installation.restarted(&wanted));
    assert!(signalled.elapsed() < END_PATIENCE, "it took {:?}", signalled.elapsed());
    assert!(ended.status.success(), "{}", ended.said());
    goes_on.store(false, Ordering::Relaxed);
    assert_eq!(health.message().await.expect("told").expect("a status").status(), ServingStatus::NotServing);
    assert_eq!(health.message().await.expect_err("cut").code(), Code::Unavailable);

    let mut written = Vec::new();
    for writer in writers {
        let (requests, ending) = writer.await.expect("a writer ends");
        assert_eq!(ending, Ending::Unavailable, "whoever is turned away may come again");
        written.extend(requests);
    }
    assert!(written.len() >= ACKNOWLEDGED_BEFORE as usize);
    let mut client = PracticeRegistryServiceClient::new(installation.registry().peer("irene"));
    for (request, advice) in written {
        let again = client.record_advice(request).await.expect("a replay is answered").into_inner();
        assert_eq!(again.advice, advice, "what was acknowledged is there, once");
    }
}

type Written = Vec<(registry::RecordAdviceRequest, Option<registry::Advice>)>;

/// Records advice, one after the other, until it is turned away; what was acknowledged, and why it ended.
async fn write(
    writer: u32,
    peer: client::Peer,
    acknowledged: Arc<AtomicU32>,
    goes_on: Arc<AtomicBool>,
) -> (Written, Ending) {
    let mut client = PracticeRegistryServiceClient::new(peer);
    let mut written = Written::new();
    for count in 0_u32.. {
        let request = registry::RecordAdviceRequest {
            request_id: format!("advice-{writer}-{count}"),
            name: "practices/A81001".to_owned(),
            kind: registry::AdviceKind::SupportCase.into(),
            source: "the service desk".to_owned(),
            reference: format!("case {writer}-{count}"),
            category: "wrong-settings".to_owned(),
            reason_code: "SUPPORT_CASE".to_owned(),
            ..Default::default()
        };
        match client.record_advice(request.clone()).await {
            Ok(reply) => {
                written.push((request, reply.into_inner().advice));
                acknowledged.fetch_add(1, Ordering::Relaxed);
            }
            Err(status) if status.code() == Code::Unavailable => return (written, Ending::Unavailable),
            Err(status) => return (written, Ending::Other(status.code())),
        }
        assert!(goes_on.load(Ordering::Relaxed), "the process that served it has ended");
    }
    unreachable!("it is turned away before it has counted so far")
}

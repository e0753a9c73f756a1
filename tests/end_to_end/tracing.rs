//! One go-live, seen by a collector: from the wave to the figure.

use std::collections::BTreeSet;

use proto::scheduler::v1 as scheduler;
use proto::scheduler::v1::programme_service_client::ProgrammeServiceClient;

use crate::harness::installation::{Installation, PATIENCE, Wanted, clock_offset, programme_of_today, until_live};
use crate::harness::otlp::{Collector, Seen, following, trace_id};
use crate::harness::supplier::SupplierServer;

/// What a go-live passes through, as span names contain it, and the service that tells of it.
const STATIONS: [(&str, &str); 4] = [
    ("AcquirePermits", "practice-registry"),
    ("RequestActivation", "rollout-scheduler"),
    ("SettlePermits", "practice-registry"),
    ("follow practice", "access-statistics"),
];

fn stations(spans: &[Seen]) -> BTreeSet<&'static str> {
    let passed = STATIONS.iter().filter(|(name, service)| {
        spans.iter().any(|seen| seen.span.name.contains(name) && seen.service.contains(service))
    });
    passed.map(|(name, _)| *name).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i24_a_trace_of_one_go_live_connects_wave_permit_supplier_registry_and_statistics() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut supplier = SupplierServer::start(&folder.path().join("suppliers.jsonl"), clock_offset()).await;
    let mut collector = Collector::start().await;
    // Of reads nothing is recorded; of what changes something, of effects and of a wave everything is all the same.
    let mut environment = collector.environment();
    environment.push(("OTEL_TRACES_SAMPLER".to_owned(), "parentbased_always_off".to_owned()));
    let wanted = Wanted { practices_count: 5, supplier: Some(&supplier), environment, ..Wanted::default() };
    let Some(installation) = Installation::separate(&wanted).await else { return };
    let lead = installation.accessctl("leo");
    let practice = installation.england.practice(1);
    installation.import();
    let file = installation.programme("summer.yaml", &programme_of_today(&format!("    practices: [{practice}]\n")));
    lead.say(&["programme", "apply", &file]);
    lead.as_account("ada").say(&["programme", "approve", "summer-opening"]);
    let call = supplier.arrival(PATIENCE).await;
    until_live(installation.registry(), std::slice::from_ref(&practice)).await;

    let get = scheduler::GetWaveRequest { name: "programmes/summer-opening/waves/1".to_owned(), ..Default::default() };
    let wave = ProgrammeServiceClient::new(installation.scheduler().peer("rita")).get_wave(get).await;
    let wave = wave.expect("the wave is there").into_inner().wave.expect("a reply has its wave");
    let wave_trace = trace_id(&wave.traceparent).to_owned();
    assert_eq!(wave_trace.len(), 32, "a wave names its trace: {:?}", wave.traceparent);

    let all: BTreeSet<&str> = STATIONS.iter().map(|(name, _)| *name).collect();
    let received = collector.until(PATIENCE, |spans| stations(&following(spans, &wave_trace)) == all).await;
    let spans = received.unwrap_or_else(|spans| {
        let connected = following(&spans, &wave_trace);
        let names: Vec<&str> = spans.iter().map(|seen| seen.span.name.as_str()).collect();
        panic!("of {all:?} only {:?} follow from the wave; all spans: {names:?}", stations(&connected))
    });
    let connected = following(&spans, &wave_trace);
    let of_the_call = connected.iter().any(|seen| {
        let own: String = seen.span.trace_id.iter().map(|byte| format!("{byte:02x}")).collect();
        own == trace_id(&call.traceparent)
    });
    assert!(of_the_call, "the supplier was given a trace of the wave: {call:?}");
    let recorded = |rpc: &str| spans.iter().any(|seen| seen.span.name.ends_with(rpc));
    for change in ["/ImportDirectory", "/SubmitPlan", "/ApprovePlan"] {
        assert!(recorded(change), "{change} is recorded whatever the ratio");
    }
    assert!(!recorded("/GetWave"), "a read outside a trace is not recorded");
    installation.stop();
}

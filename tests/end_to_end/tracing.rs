//! One go-live, seen by a collector: from the command that approved it, or from its wave, to the figure; and what the variables
//! that switch this off do.

use std::collections::BTreeSet;

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use proto::registry::v1 as registry;
use proto::registry::v1::practice_registry_service_client::PracticeRegistryServiceClient;
use proto::scheduler::v1 as scheduler;
use proto::scheduler::v1::programme_service_client::ProgrammeServiceClient;

use crate::harness::accessctl::Accessctl;
use crate::harness::binary;
use crate::harness::england::EnglandFiles;
use crate::harness::installation::{
    Installation, PATIENCE, TODAY, Wanted, clock_offset, programme_of_today, text, until_live,
};
use crate::harness::otlp::{Collector, Seen, following, hex, trace_id};
use crate::harness::running::Running;
use crate::harness::server::Server;
use crate::harness::supplier::SupplierServer;

/// What a go-live passes through, as span names contain it, and the service that tells of it.
const STATIONS: [(&str, &str); 4] = [
    ("AcquirePermits", "practice-registry"),
    ("RequestActivation", "rollout-scheduler"),
    ("SettlePermits", "practice-registry"),
    ("follow practice", "access-statistics"),
];

/// What it leaves in the stores, and what the supplier says of itself.
const ENDS: [(&str, &str); 5] = [
    ("COMMIT scheduler", "rollout-scheduler"),
    ("COMMIT registry", "practice-registry"),
    ("COMMIT statistics", "access-statistics"),
    ("supplier.v1.SupplierService/RequestActivation", "supplier-simulator"),
    ("wave opens", "rollout-scheduler"),
];

fn has(spans: &[Seen], (name, service): (&str, &str)) -> bool {
    spans.iter().any(|seen| seen.span.name.contains(name) && seen.service.contains(service))
}

fn stations(spans: &[Seen]) -> BTreeSet<&'static str> {
    STATIONS.iter().filter(|station| has(spans, **station)).map(|(name, _)| *name).collect()
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

/// `simulate-suppliers` as a process, whose spans go to the collector; and what `--supplier` takes.
fn supplier_process(folder: &std::path::Path, environment: &[(String, String)]) -> (Running, String) {
    let (profiles, log) = (folder.join("profiles.yaml"), folder.join("suppliers.jsonl"));
    std::fs::write(&profiles, "- supplier: EMIS\n").expect("a temporary folder can be written to");
    let mut command = binary::citizens_access();
    command.args(["simulate-suppliers", "--insecure", "--listen", "127.0.0.1:0"]);
    command.args(["--profiles", &text(profiles), "--log", &text(log)]);
    command.args(["--clock-offset-s", &clock_offset().as_secs().to_string()]);
    command.envs(environment.iter().map(|(name, value)| (name, value)));
    let mut running = Running::start(&mut command);
    let address = running.line("listening on ", PATIENCE);
    (running, format!("EMIS=http://{}", address.trim()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i24_from_the_approving_command_everything_is_connected_down_to_the_stores_and_the_suppliers_own_span() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut collector = Collector::start().await;
    let environment = collector.environment();
    let (_supplier, option) = supplier_process(folder.path(), &environment);
    let wanted = Wanted {
        practices_count: 5,
        supplier_elsewhere: Some(option),
        environment: environment.clone(),
        ..Wanted::default()
    };
    let Some(installation) = Installation::separate(&wanted).await else { return };
    installation.import();
    let practice = installation.england.practice(1);
    let file = installation.programme("summer.yaml", &programme_of_today(&format!("    practices: [{practice}]\n")));
    installation.accessctl("leo").say(&["programme", "apply", &file]);
    installation.accessctl("ada").with_environment(environment).say(&["programme", "approve", "summer-opening"]);
    until_live(installation.registry(), std::slice::from_ref(&practice)).await;

    let command = |spans: &[Seen]| {
        let begun = spans.iter().find(|seen| seen.span.name == "accessctl programme approve");
        begun.map(|seen| hex(&seen.span.trace_id))
    };
    let wanted: Vec<(&str, &str)> = STATIONS.into_iter().chain(ENDS).collect();
    let complete = |spans: &[Seen]| {
        let connected = command(spans).map(|trace| following(spans, &trace)).unwrap_or_default();
        wanted.iter().all(|station| has(&connected, *station))
    };
    let spans = collector.until(PATIENCE, complete).await.unwrap_or_else(|spans| {
        let connected = command(&spans).map(|trace| following(&spans, &trace)).unwrap_or_default();
        let lacking: Vec<_> = wanted.iter().filter(|station| !has(&connected, **station)).collect();
        panic!("{lacking:?} do not follow from the command")
    });
    // A wave's trace begins with its opening, which is linked to the approval's.
    let trace = command(&spans).expect("it was waited for");
    let opens = spans.iter().find(|seen| seen.span.name == "wave opens").expect("it was waited for");
    assert!(opens.span.links.iter().any(|link| hex(&link.trace_id) == trace), "{opens:?}");
    assert_ne!(hex(&opens.span.trace_id), trace);
    // The supplier's span lies below the scheduler's, and the statistics' commit below what it followed.
    let of = |name: &str, service: &str| {
        let found = spans.iter().filter(|seen| seen.span.name.contains(name) && seen.service.contains(service));
        found.cloned().collect::<Vec<_>>()
    };
    let below = |lower: &[Seen], upper: &[Seen]| {
        lower.iter().any(|one| upper.iter().any(|other| other.span.span_id == one.span.parent_span_id))
    };
    assert!(below(&of("RequestActivation", "supplier-simulator"), &of("RequestActivation", "rollout-scheduler")));
    let followed = of("follow practice", "access-statistics");
    assert!(below(&of("COMMIT statistics", "access-statistics"), &followed));
    for (name, value) in [
        ("messaging.system", "citizens_access.journal"),
        ("messaging.operation.type", "process"),
        ("messaging.operation.name", "follow"),
        ("messaging.destination.name", "journals/registry"),
    ] {
        assert!(followed.iter().all(|seen| attribute(seen, name) == value), "{name} of {followed:?}");
    }
    assert!(followed.iter().any(|seen| attribute(seen, "messaging.batch.message_count") == "1"), "{followed:?}");
    installation.stop();
}

/// An attribute as text; empty where there is none.
fn attribute(seen: &Seen, name: &str) -> String {
    let found = seen.span.attributes.iter().find(|attribute| attribute.key == name);
    match found.and_then(|attribute| attribute.value.as_ref()?.value.as_ref()) {
        Some(Value::StringValue(text)) => text.clone(),
        Some(Value::IntValue(number)) => number.to_string(),
        Some(other) => format!("{other:?}"),
        None => String::new(),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i24_notices_are_linked_to_the_approval_and_each_is_named_as_a_message() {
    let mut collector = Collector::start().await;
    let england = EnglandFiles::of_emis(3, TODAY);
    let letters = england.folder().join("letters");
    std::fs::create_dir(&letters).expect("a temporary folder can be written to");
    let (data, letters) = (text(england.folder().join("data")), text(letters));
    let offset = clock_offset().as_secs().to_string();
    let words = ["--data", &data, "--clock-offset-s", &offset, "--notices-post", "files", "--notices-folder", &letters];
    let server = Server::start_with("all", &words, &collector.environment());
    let operator = Accessctl::all_in_one(&server, "olga");
    operator.say(&["import", "map", &text(england.map())]);
    operator.say(&["import", "list-sizes", &text(england.list_sizes())]);
    operator.say(&["import", "bank-holidays", &text(england.bank_holidays())]);
    let address = england.folder().join("address");
    std::fs::write(&address, "Hill Surgery\n1 Hill Road\nZZ1 1ZZ").expect("a temporary folder can be written to");
    let practice = england.practice(0);
    let contact = ["practice", "contact", "set", &practice, "practice-manager", "post"];
    operator.say(&[&contact[..], &["--address-file", &text(address), "--keep-until", "2031-12-01"]].concat());
    let document = programme_of_today("").replace("notice_working_days: 0", "notice_working_days: 3");
    let in_two_weeks = TODAY.checked_add(jiff::Span::new().days(14)).expect("a day");
    let document = document.replace(&format!("from: {TODAY}"), &format!("from: {in_two_weeks}"));
    let file = england.folder().join("summer.yaml");
    std::fs::write(&file, document).expect("a temporary folder can be written to");
    operator.as_account("leo").say(&["programme", "apply", &text(file)]);
    operator.as_account("ada").say(&["programme", "approve", "summer-opening"]);

    let received = collector.until(PATIENCE, |spans| spans.iter().any(|seen| seen.span.name == "notice")).await;
    let spans = received.unwrap_or_else(|spans| panic!("no notice was sent: {spans:?}"));
    let notice = spans.iter().find(|seen| seen.span.name == "notice").expect("it was waited for");
    for (name, value) in [
        ("messaging.system", "FILES"),
        ("messaging.operation.type", "send"),
        ("messaging.operation.name", "send"),
        ("messaging.destination.name", "notices"),
    ] {
        assert_eq!(attribute(notice, name), value, "{name}");
    }
    assert!(!format!("{notice:?}").contains("Hill"), "an address is nobody's affair");
    let ended = server.stop();
    assert!(ended.status.success(), "{}", ended.said());
    // What was under way when the notice was sent has ended by now, and was sent too.
    let spans = collector.spans();
    let notices = spans.iter().find(|seen| seen.span.span_id == notice.span.parent_span_id).expect("its batch");
    assert_eq!(notices.span.name, "notices");
    let approval = spans.iter().find(|seen| seen.span.name.ends_with("/ApprovePlan")).expect("the approval");
    let links: Vec<String> = notices.span.links.iter().map(|link| hex(&link.trace_id)).collect();
    assert_eq!(links, [hex(&approval.span.trace_id)], "{notices:?}");
}

/// The trace that somebody outside is in.
const OUTSIDE: &str = "0af7651916cd43dd8448eb211c80319c";

/// A pause by somebody who is in a trace.
async fn pause_in_a_trace(installation: &Installation, practice: &str) {
    let endpoint = installation.registry().endpoint().to_owned();
    let channel = tonic::transport::Endpoint::from_shared(endpoint).expect("an address").connect().await;
    let mut request = tonic::Request::new(registry::PausePracticeRequest {
        name: format!("practices/{practice}"),
        end: registry::PauseEnd::FurtherNotice.into(),
        request_id: "in-a-trace".to_owned(),
        reason_code: "STAFF_NOT_TRAINED".to_owned(),
        ..Default::default()
    });
    let parent = format!("00-{OUTSIDE}-b7ad6b7169203331-01");
    request.metadata_mut().insert("traceparent", parent.parse().expect("a header's value"));
    let account = "paula;roles=practice;organisation=practices/".to_owned() + practice;
    request.metadata_mut().insert("x-citizens-access-account", account.parse().expect("a header's value"));
    let mut client = PracticeRegistryServiceClient::new(channel.expect("it listens"));
    client.pause_practice(request).await.expect("a practice may pause");
}

/// A go-live and a pause with these variables: the traceparent that the supplier was given, and all that was sent.
async fn sent_with(variables: &[(&str, &str)]) -> (String, Collector) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut supplier = SupplierServer::start(&folder.path().join("suppliers.jsonl"), clock_offset()).await;
    let collector = Collector::start().await;
    let mut environment = collector.environment_of_everything();
    environment.extend(variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    let wanted = Wanted { practices_count: 5, supplier: Some(&supplier), environment, ..Wanted::default() };
    let installation = Installation::all_in_one(&wanted);
    installation.import();
    let practice = installation.england.practice(1);
    let file = installation.programme("summer.yaml", &programme_of_today(&format!("    practices: [{practice}]\n")));
    installation.accessctl("leo").say(&["programme", "apply", &file]);
    installation.accessctl("ada").say(&["programme", "approve", "summer-opening"]);
    let arrival = supplier.arrival(PATIENCE).await;
    until_live(installation.registry(), std::slice::from_ref(&practice)).await;
    pause_in_a_trace(&installation, &installation.england.practice(2)).await;
    // Whatever is there to send is sent before it ends.
    installation.stop();
    (arrival.traceparent, collector)
}

fn pauses(collector: &Collector) -> Vec<Seen> {
    collector.spans().into_iter().filter(|seen| seen.span.name.ends_with("/PausePractice")).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_propagators_no_trace_is_taken_and_none_is_given() {
    let (given, collector) = sent_with(&[]).await;
    assert_eq!(trace_id(&given).len(), 32, "usually a supplier is given one: {given}");
    assert!(pauses(&collector).iter().any(|seen| hex(&seen.span.trace_id) == OUTSIDE), "usually one is taken");

    let (given, collector) = sent_with(&[("OTEL_PROPAGATORS", "none")]).await;
    assert_eq!(given, "", "the supplier is given none");
    let pauses = pauses(&collector);
    assert!(!pauses.is_empty(), "it is recorded all the same");
    assert!(pauses.iter().all(|seen| hex(&seen.span.trace_id) != OUTSIDE), "{pauses:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_the_sdk_disabled_nothing_is_sent() {
    let (_, collector) = sent_with(&[("OTEL_SDK_DISABLED", "true")]).await;
    assert!(collector.spans().is_empty(), "{:?}", collector.spans());
    assert!(collector.metrics().is_empty(), "{:?}", collector.metrics());
}

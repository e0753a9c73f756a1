//! `/metrics` of a real run: what is there is documented, what is documented is there, and slow calls lead to traces.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::{Command, Stdio};

use super::busy::busy;
use super::documentation;
use crate::harness::installation::PATIENCE;
use crate::harness::{offer, otlp, scrape};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_measures_and_traces_what_is_documented_and_its_exemplars_lead_to_traces() {
    let Some(mut busy) = busy().await else { return };
    let mut exposed: BTreeMap<String, String> = BTreeMap::new();
    let mut exemplar = None;
    for address in busy.metrics_addresses() {
        let text = scrape::openmetrics(address).await;
        assert!(text.ends_with("# EOF\n"), "{text}");
        let types = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
        exposed.extend(types.map(|(name, kind)| (name.to_owned(), kind.to_owned())));
        exemplar = exemplar.or_else(|| trace_of(&text, "AcquirePermits"));
        lint(address).await;
    }
    exposed.remove("target");
    assert_eq!(exposed, documentation::metrics());

    // What is told to be slow can be looked at.
    let exemplar = exemplar.expect("a permit was acquired, which is always recorded");
    let received = busy.collector.until(PATIENCE, |spans| {
        spans
            .iter()
            .any(|seen| otlp::hex(&seen.span.trace_id) == exemplar && seen.span.name.ends_with("AcquirePermits"))
    });
    let spans = received.await.unwrap_or_else(|_| panic!("the collector has no trace {exemplar}"));

    let documented = documentation::spans();
    let told = spans.iter().map(|seen| seen.span.name.as_str());
    let unknown: Vec<&str> = told
        .filter(|name| !name.contains('/') && !name.starts_with("accessctl ") && !name.starts_with("COMMIT "))
        .filter(|name| !documented.contains(*name))
        .collect();
    assert!(unknown.is_empty(), "spans that docs/operations/telemetry.md does not list: {unknown:?}");

    // The same goes to a collector.
    let wanted = ["citizens_access.journal.position", "rpc.server.call.duration", "citizens_access.scheduler.holds"];
    busy.collector
        .until_metrics(PATIENCE, |requests| {
            let names = requests.iter().flat_map(|request| &request.resource_metrics);
            let names = names.flat_map(|resource| &resource.scope_metrics).flat_map(|scope| &scope.metrics);
            let names: Vec<&str> = names.map(|metric| metric.name.as_str()).collect();
            wanted.iter().all(|name| names.contains(name))
        })
        .await;
    busy.installation.stop();
}

/// The trace that an exemplar of calls of this RPC names.
fn trace_of(text: &str, rpc: &str) -> Option<String> {
    let line = text.lines().find(|line| {
        line.starts_with("rpc_server_call_duration_seconds_bucket") && line.contains(rpc) && line.contains("trace_id=")
    })?;
    line.split("trace_id=\"").nth(1)?.split('"').next().map(str::to_owned)
}

/// promtool finds no fault with the older text either.
async fn lint(address: &str) {
    let Some(prometheus) = offer::prometheus() else { return };
    let text = scrape::get(address, "/metrics", "text/plain", "text/plain; version=0.0.4").await;
    let mut promtool = Command::new(prometheus.with_file_name("promtool"))
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool starts");
    promtool.stdin.take().expect("it is piped").write_all(text.as_bytes()).expect("it reads");
    let ended = promtool.wait_with_output().expect("it ends");
    let said = String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.success(), "{said}");
}

//! A collector that takes connections and never answers.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use telemetry::Config;
use tracing::info_span;

#[test]
fn a_collector_that_never_answers_holds_up_neither_work_nor_the_end() {
    let deaf = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", deaf.local_addr().unwrap());
    let variables = move |name: &str| (name == "OTEL_EXPORTER_OTLP_ENDPOINT").then(|| endpoint.clone());
    let telemetry = telemetry::init(&Config::read("deaf-test", variables).unwrap()).unwrap();

    // Ten times the queue of the exporter: the surplus is dropped, not waited for.
    let started = Instant::now();
    for _ in 0..20_000 {
        drop(info_span!("work").entered());
    }
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());

    let stopping = Instant::now();
    drop(telemetry);
    assert!(stopping.elapsed() < Duration::from_secs(20), "{:?}", stopping.elapsed());
}

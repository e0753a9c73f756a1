//! A collector that takes connections and never answers.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use telemetry::{Config, Value, gather};
use tracing::info_span;

#[test]
fn a_collector_that_never_answers_holds_up_neither_work_nor_the_end() {
    let deaf = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", deaf.local_addr().unwrap());
    let variables = move |name: &str| (name == "OTEL_EXPORTER_OTLP_ENDPOINT").then(|| endpoint.clone());
    let config = Config::read("deaf-test", variables).unwrap();
    let telemetry = telemetry::init(&config).unwrap();

    // Ten times the queue of the exporter: the surplus is dropped, not waited for.
    let started = Instant::now();
    for _ in 0..20_000 {
        drop(info_span!("work").entered());
    }
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());

    // All that is kept in memory is what may wait.
    let queue = gather().into_iter().find(|family| family.metric.name == "otel.sdk.processor.span.queue.size").unwrap();
    assert!(matches!(queue.series[0].value, Value::Gauge(waiting) if waiting <= 2_048.0), "{queue:?}");

    let stopping = Instant::now();
    drop(telemetry);
    // One limit for spans and metrics together, and what a loaded machine takes besides.
    let limit = config.shutdown_timeout + Duration::from_secs(2);
    assert!(stopping.elapsed() < limit, "{:?}", stopping.elapsed());
}

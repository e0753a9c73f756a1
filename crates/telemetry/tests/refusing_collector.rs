//! A collector that is not there, which is as good as one that refuses: nothing waits, and what is lost is counted.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use telemetry::{Config, Family, Value, gather};
use tracing::info_span;

fn value(families: &[Family], name: &str, error_type: &str) -> f64 {
    let family = families.iter().find(|family| family.metric.name == name).unwrap_or_else(|| panic!("no {name}"));
    let series = family.series.iter().find(|series| {
        series.attributes.iter().any(|(key, value)| *key == "error.type" && value == error_type)
            || (error_type.is_empty() && series.attributes.is_empty())
    });
    match series.unwrap_or_else(|| panic!("no {error_type} in {family:?}")).value {
        Value::Counter(value) | Value::Gauge(value) => value,
        Value::Histogram(_) => panic!("{name} is a number"),
    }
}

#[test]
fn what_an_absent_collector_does_not_take_is_counted_and_nothing_waits_for_it() {
    // Bound and given back: nobody listens there.
    let absent = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let variables = move |name: &str| match name {
        "OTEL_EXPORTER_OTLP_ENDPOINT" => Some(format!("http://{absent}")),
        "OTEL_BSP_MAX_QUEUE_SIZE" => Some("100".to_owned()),
        _ => None,
    };
    let mut config = Config::read("absent-test", variables).unwrap();
    config.shutdown_timeout = Duration::from_secs(2);
    let telemetry = telemetry::init(&config).unwrap();
    let begun = Instant::now();
    for _ in 0..1_000 {
        drop(info_span!(parent: None, "work"));
    }
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    telemetry.flush();
    let families = gather();
    let dropped = value(&families, "otel.sdk.processor.span.processed", "queue_full");
    let failed = value(&families, "otel.sdk.exporter.span.exported", "export_failed");
    let waiting = value(&families, "otel.sdk.processor.span.queue.size", "");
    assert_eq!(dropped + failed + waiting, 1_000.0, "{dropped} dropped, {failed} failed, {waiting} wait");
    assert!(dropped > 0.0 && failed > 0.0 && waiting <= 100.0, "{dropped} dropped, {failed} failed, {waiting} wait");
    let ending = Instant::now();
    drop(telemetry);
    assert!(ending.elapsed() < Duration::from_secs(3), "{:?}", ending.elapsed());
}

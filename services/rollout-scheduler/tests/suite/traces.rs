//! One trace connects a wave, its permits, its supplier calls and the registry's changes, over time and restarts.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use telemetry::{Config, Telemetry, Traceparent};

use crate::acts::{ONE_WAVE, prompt};
use crate::files::surgeries;
use crate::world::{Setup, World};

/// Spans are built and sent nowhere. Once for all tests of the process.
static TELEMETRY: OnceLock<Telemetry> = OnceLock::new();

fn trace_of(traceparent: &str) -> Option<String> {
    traceparent.parse::<Traceparent>().ok().map(Traceparent::trace_id)
}

#[tokio::test]
async fn what_is_done_for_a_wave_is_one_trace_also_after_a_restart() {
    TELEMETRY.get_or_init(|| {
        let unset = |name: &str| (name == "RUST_LOG").then(|| "off".to_owned());
        telemetry::init(&Config::read("suite", unset).unwrap()).unwrap()
    });
    let surgeries = [surgeries(81_001, 2, "EMIS"), surgeries(82_001, 2, "TPP")].concat();
    let mut world = World::new(Setup::new(surgeries, vec![prompt("EMIS"), prompt("TPP")])).await;
    let by_date = ONE_WAVE.replace("gate:", "caps: { daily: { national: { practices: 2 } } }\ngate:");
    world.approve(&by_date).await;
    world.until("2031-06-02T20:00:00Z").await;
    world.crash_scheduler().await;
    world.start_scheduler("one").await;
    world.until("2031-06-03T20:00:00Z").await;
    assert_eq!(world.live_count().await, 4);

    let records = world.replicas[0].scheduler.engine().records(0, 1_000).await.unwrap();
    let opened = records.iter().find(|record| record.kind == "wave-opened").unwrap();
    let trace = trace_of(&opened.traceparent).unwrap();
    for kind in ["admitted", "sealed", "settled", "permits-settled"] {
        let of_kind: Vec<_> = records.iter().filter(|record| record.kind == kind).collect();
        assert!(of_kind.len() >= 2, "{kind}");
        for record in of_kind {
            assert_eq!(trace_of(&record.traceparent).as_ref(), Some(&trace), "{kind} at {}", record.position);
        }
    }
    let registry = world.registry_engine.records(0, 1_000).await.unwrap();
    let kinds: BTreeSet<&str> = registry
        .iter()
        .filter(|record| trace_of(&record.traceparent).as_ref() == Some(&trace))
        .map(|record| record.kind.as_str())
        .collect();
    assert_eq!(kinds, BTreeSet::from(["permits-granted", "permits-settled"]));
}

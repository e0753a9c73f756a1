//! What nobody wants is not built: else a server spends its time on the spans of its libraries.

use telemetry::Config;
use tracing::level_filters::LevelFilter;
use tracing::{debug_span, info_span};

#[test]
fn below_the_level_of_logs_and_spans_nothing_is_built() {
    let config = Config::read("test", |_| None).expect("nothing is set");
    let _telemetry = telemetry::init(&config).expect("it starts");
    assert_eq!(LevelFilter::current(), LevelFilter::INFO);
    assert!(debug_span!("frame").is_disabled());
    assert!(!info_span!("rpc").is_disabled());
}

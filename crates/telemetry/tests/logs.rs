//! Lines of the log, as another process reads them.

use std::process::Command;

use http::HeaderMap;
use telemetry::{Config, Logs, RequestTrace};
use tracing::info_span;

const CALL: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";
/// Tells the test that it is the process whose log is read.
const WRITES: &str = "TELEMETRY_TEST_WRITES_LOGS";

#[test]
fn a_line_of_json_names_the_trace_and_the_span_that_it_is_of() {
    if std::env::var_os(WRITES).is_some() {
        return write();
    }
    let own = std::env::current_exe().unwrap();
    let name = "a_line_of_json_names_the_trace_and_the_span_that_it_is_of";
    let ended = Command::new(own).args(["--exact", name, "--nocapture"]).env(WRITES, "1").output().unwrap();
    assert!(ended.status.success(), "{ended:?}");
    let log = String::from_utf8(ended.stderr).unwrap();
    let line =
        |said: &str| log.lines().find(|line| line.contains(said)).unwrap_or_else(|| panic!("no {said} in {log}"));
    let recorded = line("recorded work");
    assert!(recorded.starts_with('{') && recorded.ends_with('}'), "{recorded}");
    let id = |name: &str, digits: usize| {
        let value = recorded.split(&format!("\"{name}\":\"")).nth(1).unwrap_or_else(|| panic!("no {name}: {recorded}"));
        let value = value.split('"').next().unwrap_or_default();
        assert_eq!(value.len(), digits, "{recorded}");
    };
    id("trace_id", 32);
    id("span_id", 16);
    let quiet = line("quiet work");
    assert!(
        quiet.contains("\"trace_id\":\"0af7651916cd43dd8448eb211c80319c\"") && !quiet.contains("span_id"),
        "{quiet}"
    );
    let own = line("has its own");
    assert_eq!(own.matches("\"trace_id\":").count(), 1, "{own}");
    assert!(!line("nobody's work").contains("trace_id"));
}

fn write() {
    let config = Config { logs: Logs::Json, ..Config::read("logs-test", |_| None).expect("no variable is wrong") };
    let _telemetry = telemetry::init(&config).expect("telemetry begins");
    tracing::info!("nobody's work");
    info_span!("work").in_scope(|| {
        tracing::info!("recorded work");
        tracing::info!(trace_id = "1", "has its own");
    });
    let headers = HeaderMap::from_iter([("traceparent".parse().expect("a name"), CALL.parse().expect("a value"))]);
    let request = RequestTrace::quiet(&headers);
    let _poll = request.enter();
    tracing::info!("quiet work");
}

//! What the machine offers to the tests, by environment variables that `cargo xtask test` sets (`xtask/src/environment.rs`).

use std::ffi::OsString;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::PathBuf;

/// A Python interpreter with grpcio and its reflection; None, said loudly, where there is none.
pub(crate) fn python() -> Option<PathBuf> {
    offered("CITIZENS_ACCESS_TEST_PYTHON").map(PathBuf::from)
}

/// The `grpcurl` program; None, said loudly, where there is none.
pub(crate) fn grpcurl() -> Option<PathBuf> {
    offered("CITIZENS_ACCESS_TEST_GRPCURL").map(PathBuf::from)
}

/// The folder of Node's modules with `grpc-js`; None, said loudly, where there is none.
pub(crate) fn node_modules() -> Option<PathBuf> {
    offered("CITIZENS_ACCESS_TEST_NODE_MODULES").map(PathBuf::from)
}

/// The `rotel` collector; None, said loudly, where there is none.
pub(crate) fn rotel() -> Option<PathBuf> {
    offered("CITIZENS_ACCESS_TEST_ROTEL").map(PathBuf::from)
}

/// The `prometheus` program, with `promtool` beside it; None, said loudly, where there is none.
pub(crate) fn prometheus() -> Option<PathBuf> {
    offered("CITIZENS_ACCESS_TEST_PROMETHEUS").map(PathBuf::from)
}

/// The folder of the publishers' real files; None, said loudly, where there is none.
pub(crate) fn reference_data() -> Option<PathBuf> {
    offered("CITIZENS_ACCESS_REFERENCE_DATA").map(PathBuf::from)
}

/// Whether this is the long tier: more of everything that is drawn.
pub(crate) fn is_long() -> bool {
    std::env::var("CITIZENS_ACCESS_TEST_LONG").is_ok_and(|value| value == "1")
}

/// Tells the report of the long tier what a test drew; nothing where no report is made.
pub(crate) fn tell(fact: &str) {
    let Some(path) = std::env::var_os("CITIZENS_ACCESS_TEST_REPORT") else { return };
    let report = OpenOptions::new().append(true).open(&path);
    report.and_then(|mut report| writeln!(report, "{fact}")).expect("the report's file takes a line");
}

fn offered(variable: &str) -> Option<OsString> {
    let value = std::env::var_os(variable).filter(|value| !value.is_empty());
    if value.is_none() {
        shout(&format!("SKIPPED: {variable} is not set"));
    }
    value
}

#[expect(clippy::print_stderr, reason = "a skipped test must be seen where test output is read")]
fn shout(message: &str) {
    eprintln!("{message}");
}

//! What the machine offers to the tests, by environment variables that `cargo xtask test` sets (`xtask/src/environment.rs`).

use std::ffi::OsString;
use std::path::PathBuf;

/// A Python interpreter with grpcio and its reflection; None, said loudly, where there is none.
pub(crate) fn python() -> Option<PathBuf> {
    offered("CITIZENS_ACCESS_TEST_PYTHON").map(PathBuf::from)
}

/// The `grpcurl` program; None, said loudly, where there is none.
pub(crate) fn grpcurl() -> Option<PathBuf> {
    offered("CITIZENS_ACCESS_TEST_GRPCURL").map(PathBuf::from)
}

/// The folder of the publishers' real files; None, said loudly, where there is none.
pub(crate) fn reference_data() -> Option<PathBuf> {
    offered("CITIZENS_ACCESS_REFERENCE_DATA").map(PathBuf::from)
}

/// Whether this is the long tier: more of everything that is drawn.
pub(crate) fn is_long() -> bool {
    std::env::var("CITIZENS_ACCESS_TEST_LONG").is_ok_and(|value| value == "1")
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

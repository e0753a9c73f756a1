//! The binaries under test: those of the same profile as this test, so that nobody tests yesterday's release build.

use std::path::PathBuf;
use std::process::Command;

/// The server binary.
pub(crate) fn citizens_access() -> Command {
    command("citizens-access")
}

/// The operator's command line.
pub(crate) fn accessctl() -> Command {
    command("accessctl")
}

fn command(name: &str) -> Command {
    let mut command = Command::new(path(name));
    // What the machine's owner has set must not change what is tested.
    for (variable, _) in std::env::vars_os() {
        let name = variable.to_string_lossy();
        if name.starts_with("CITIZENS_ACCESS_")
            || name.starts_with("OTEL_")
            || name.starts_with("ACCESSCTL_")
            || name == "RUST_LOG"
        {
            command.env_remove(&variable);
        }
    }
    command
}

/// `target/PROFILE/NAME`, beside this test's own `target/PROFILE/deps/`.
fn path(name: &str) -> PathBuf {
    let own = std::env::current_exe().expect("a test has a path");
    let profile = own.parent().and_then(|deps| deps.parent()).expect("a test lies in target/PROFILE/deps");
    let binary = profile.join(name);
    assert!(
        binary.exists(),
        "{} is not there: run `cargo build --workspace --bins` for this profile first",
        binary.display()
    );
    binary
}

//! One step of a task: a child process whose failure stops the task and says which step it was.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, ensure};

/// How the variables begin that `cargo run` sets of the package it runs.
const OF_THIS_PACKAGE: [&str; 2] = ["CARGO_PKG_", "CARGO_MANIFEST_"];

/// The workspace's root folder, which every step runs in.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies one folder below the workspace's root")
}

/// A `cargo` command in the workspace's root.
pub(crate) fn cargo() -> Command {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = command(cargo);
    // What cargo told this package of itself is not for those it builds: some build scripts watch it and would run anew.
    for (name, _) in std::env::vars_os() {
        if OF_THIS_PACKAGE.iter().any(|prefix| name.as_encoded_bytes().starts_with(prefix.as_bytes())) {
            command.env_remove(name);
        }
    }
    command
}

/// A command in the workspace's root.
pub(crate) fn command(program: impl Into<PathBuf>) -> Command {
    let mut command = Command::new(program.into());
    command.current_dir(root());
    command
}

/// Runs `command`, says what it is for and how long it took; an exit code other than zero is an error.
pub(crate) fn step(title: &str, command: &mut Command) -> anyhow::Result<()> {
    println!("── {title}");
    let started = Instant::now();
    let status = command.status().with_context(|| format!("{title}: cannot start {:?}", command.get_program()))?;
    ensure!(status.success(), "{title} failed ({status}): {command:?}");
    println!("── {title}: done in {:.0} s", started.elapsed().as_secs_f64());
    Ok(())
}

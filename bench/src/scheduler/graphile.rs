//! graphile-worker, a peer: durable jobs on the same PostgreSQL, which do nothing.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, ensure};

use crate::scheduler::installation::Database;

/// It lies here and runs in the folder of the package.
const SCRIPT: &str = include_str!("graphile_worker.cjs");

/// How it does jobs.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Mode {
    /// Each is taken and completed by a commit of its own: its default.
    OneACommit,
    /// Many are taken and completed by a commit.
    Batched,
}

/// Jobs done a second, from the start of its runner until none is left; the jobs were added before. `folder` has the
/// package among its modules.
pub(crate) fn jobs_per_second(folder: &Path, postgres: &str, count: u32, mode: Mode) -> anyhow::Result<f64> {
    let database = Database::fresh(postgres, "graphile_worker_bench")?;
    let mode = match mode {
        Mode::OneACommit => "one-a-commit",
        Mode::Batched => "batched",
    };
    let output = Command::new("node")
        .args(["--eval", SCRIPT, "--", &database.url()?, &count.to_string(), mode])
        .current_dir(folder)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .context("cannot start node")?;
    ensure!(output.status.success(), "graphile-worker ended with {}", output.status);
    let seconds: f64 = String::from_utf8(output.stdout)?.trim().parse()?;
    Ok(f64::from(count) / seconds)
}

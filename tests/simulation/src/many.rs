//! Many seeds, each in a process of its own: what tokio draws depends on how many runtimes a process has had.

use std::collections::BTreeMap;
use std::io::Write;
use std::ops::Range;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::Context;

use crate::Asked;

/// What the last line of a run begins with; what follows is what was felt, as JSON.
pub(crate) const FELT: &str = "felt by name: ";

/// How many failing seeds are told in full.
const TOLD_MAX: usize = 5;

/// Runs every seed, `jobs_count` at a time. Those that failed are told, and how each is run again.
///
/// # Errors
/// Where one failed.
pub(crate) fn run(asked: &Asked, seeds: Range<u64>) -> anyhow::Result<()> {
    let program = std::env::current_exe().context("this program has no file")?;
    let next = AtomicU64::new(seeds.start);
    let (failed, felt) = (Mutex::new(Vec::new()), Mutex::new(BTreeMap::<String, (u64, u64)>::new()));
    std::thread::scope(|scope| -> anyhow::Result<()> {
        let job = || -> anyhow::Result<()> {
            loop {
                let seed = next.fetch_add(1, Ordering::Relaxed);
                if seed >= seeds.end {
                    return Ok(());
                }
                let ran =
                    Command::new(&program).args(asked.of_one(seed)).output().context("a run cannot be started")?;
                let said = String::from_utf8_lossy(&ran.stdout).into_owned();
                let line = said.lines().find_map(|line| line.strip_prefix(FELT)).unwrap_or("{}");
                let counts: BTreeMap<String, u64> = serde_json::from_str(line)?;
                let mut felt = felt.lock().expect("no job panics");
                for (name, count) in counts {
                    let (runs, times) = felt.entry(name).or_default();
                    *runs += 1;
                    *times += count;
                }
                if !ran.status.success() {
                    let error = String::from_utf8_lossy(&ran.stderr).into_owned();
                    failed.lock().expect("no job panics").push((seed, error));
                }
            }
        };
        let jobs: Vec<_> = (0..asked.jobs()).map(|_| scope.spawn(job)).collect();
        jobs.into_iter().try_for_each(|job| job.join().expect("no job panics"))
    })?;
    let mut out = std::io::stdout();
    for (name, (runs, times)) in felt.into_inner().expect("no job panics") {
        writeln!(out, "felt in {runs} runs, {times} times: {name}")?;
    }
    let mut failed = failed.into_inner().expect("no job panics");
    failed.sort();
    for (seed, error) in failed.iter().take(TOLD_MAX) {
        let again = asked.of_one(*seed).join(" ");
        writeln!(out, "seed {seed} failed; again: cargo run -p simulation -- {again}\n{error}")?;
    }
    let count = seeds.end - seeds.start;
    let seeds_failed: Vec<u64> = failed.iter().map(|(seed, _)| *seed).collect();
    anyhow::ensure!(seeds_failed.is_empty(), "{} of {count} runs failed: seeds {seeds_failed:?}", seeds_failed.len());
    writeln!(out, "{count} runs, {} to {}: nothing was found", seeds.start, seeds.end - 1)?;
    Ok(())
}

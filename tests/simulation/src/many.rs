//! Many seeds, each in a process of its own: what tokio draws depends on how many runtimes a process has had.

use std::collections::BTreeMap;
use std::io::Write;
use std::ops::Range;
use std::process::Command;
use std::sync::Mutex;

use anyhow::{Context, ensure};
use serde::{Deserialize, Serialize};

use crate::Asked;
use crate::cores::stay_on_one_core;
use crate::progress::Progress;

/// What the last line of a run begins with; what follows is what was felt, as JSON.
pub(crate) const FELT: &str = "felt by name: ";

/// How many failing seeds are told in full.
const TOLD_MAX: usize = 5;

/// How the run of a seed ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Ended {
    pub(crate) seed: u64,
    /// How often each thing was felt in it, by name.
    felt: BTreeMap<String, u64>,
    /// What was found; none where nothing was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    found: Option<String>,
}

/// Runs every seed, `jobs_count` at a time. Those that failed are told, and how each is run again.
///
/// # Errors
/// Where one failed, or was ended from outside.
pub(crate) fn run(asked: &Asked, seeds: Range<u64>) -> anyhow::Result<()> {
    let program = std::env::current_exe().context("this program has no file")?;
    let mut progress = Progress::open(asked.progress.as_deref(), &asked.of_all(), &program)?;
    let missing: Vec<u64> = seeds.clone().filter(|seed| !progress.ended().contains_key(seed)).collect();
    let (next, progress) = (Mutex::new(missing.into_iter()), Mutex::new(&mut progress));
    std::thread::scope(|scope| -> anyhow::Result<()> {
        let job = |number: usize| -> anyhow::Result<()> {
            stay_on_one_core(number).context("a job cannot stay on one core")?;
            loop {
                let Some(seed) = next.lock().expect("no job panics").next() else { return Ok(()) };
                let ran =
                    Command::new(&program).args(asked.of_one(seed)).output().context("a run cannot be started")?;
                // Whoever ended it has found nothing out: it has to be run again.
                ensure!(ran.status.code().is_some(), "the run of seed {seed} was ended: {}", ran.status);
                let said = String::from_utf8_lossy(&ran.stdout).into_owned();
                let line = said.lines().find_map(|line| line.strip_prefix(FELT)).unwrap_or("{}");
                let found = (!ran.status.success()).then(|| String::from_utf8_lossy(&ran.stderr).into_owned());
                let ended = Ended { seed, felt: serde_json::from_str(line)?, found };
                progress.lock().expect("no job panics").note(ended)?;
            }
        };
        let jobs: Vec<_> = (0..asked.jobs()).map(|number| scope.spawn(move || job(number))).collect();
        jobs.into_iter().try_for_each(|job| job.join().expect("no job panics"))
    })?;
    let ended = progress.into_inner().expect("no job panics").ended();
    tell(asked, &seeds, ended.range(seeds.clone()).map(|(_, ended)| ended))
}

/// Says what was felt, and what was found by which seeds.
fn tell<'a>(asked: &Asked, seeds: &Range<u64>, ended: impl Iterator<Item = &'a Ended>) -> anyhow::Result<()> {
    let mut felt = BTreeMap::<&str, (u64, u64)>::new();
    let mut failed = Vec::new();
    for Ended { seed, felt: in_this, found } in ended {
        for (name, count) in in_this {
            let (runs, times) = felt.entry(name).or_default();
            *runs += 1;
            *times += count;
        }
        failed.extend(found.as_ref().map(|found| (*seed, found)));
    }
    let mut out = std::io::stdout();
    for (name, (runs, times)) in felt {
        writeln!(out, "felt in {runs} runs, {times} times: {name}")?;
    }
    for (seed, error) in failed.iter().take(TOLD_MAX) {
        let again = asked.of_one(*seed).join(" ");
        writeln!(out, "seed {seed} failed; again: cargo run -p simulation -- {again}\n{error}")?;
    }
    let count = seeds.end - seeds.start;
    let seeds_failed: Vec<u64> = failed.iter().map(|(seed, _)| *seed).collect();
    ensure!(seeds_failed.is_empty(), "{} of {count} runs failed: seeds {seeds_failed:?}", seeds_failed.len());
    writeln!(out, "{count} runs, {} to {}: nothing was found", seeds.start, seeds.end - 1)?;
    Ok(())
}

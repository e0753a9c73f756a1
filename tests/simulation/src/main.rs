//! The suite on a simulated network: the real services and their real gRPC on turmoil, with journals in memory, on one thread and
//! in a time of its own. What goes wrong, and when, is drawn from a seed; the same seed is the same run, to the byte.
//!
//! `simulation safety 17` is one run, `simulation liveness 0..200` two hundred. A run that found something ends with 1 and says
//! how it is run again.
//!
//! - `plan`: what a seed makes. `time`: the domain's clocks. `network`: turmoil's.
//! - `hosts`: the machines. `door`: what happens to suppliers' messages. `post`: carries notices. `people`: who set up, pause, hold,
//!   tell and decide.
//! - `faults`: what goes wrong, and how it is known that it did. `run`: one run. `many`: many. `cores`: where.
//!   `progress`: how far they are.
//!
//! - `producers`: who tells of views, and what the statistics are held against.
//!
//! What is checked is `evidence`: nothing but the journals, the suppliers' and producers' logs, and the counts.

mod cores;
mod counts;
mod done;
mod door;
mod faults;
mod figures;
mod files;
mod hosts;
mod many;
mod network;
mod people;
mod plan;
mod post;
mod producers;
mod progress;
mod publication;
mod returns;
mod run;
mod time;

use std::io::Write;
use std::ops::Range;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::{Parser, ValueEnum};

use crate::plan::{Forgotten, Kind, Plan};

/// As in the server: a third of a run's time went into allocating.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Runs the suite on a simulated network.
#[derive(Parser)]
struct Asked {
    /// What is asked of a run
    #[arg(value_enum)]
    kind: KindAsked,
    /// A seed, such as 17; or many, from the first to below the last, such as 0..200
    seeds: String,
    /// Runs at a time; one for each core where it is left out
    #[arg(long)]
    jobs: Option<usize>,
    /// Takes a guard away: that its loss is found shows that the checks can fail
    #[arg(long, value_enum)]
    without: Option<GuardTaken>,
    /// Keeps both journals and the suppliers' log of one run in this folder, in lines of JSON
    #[arg(long)]
    keep: Option<PathBuf>,
    /// Notes in this file how each of many seeds ended, and goes on with those that have not, where an earlier run was cut short
    #[arg(long)]
    progress: Option<PathBuf>,
    /// Says what the services log, on standard error
    #[arg(long)]
    log: bool,
}

/// What is asked of a run.
#[derive(Clone, Copy, ValueEnum)]
enum KindAsked {
    /// Whatever goes wrong, what is promised at every moment holds
    Safety,
    /// Once what went wrong is put right, every wave ends and nothing is owed
    Liveness,
    /// As liveness, by schedulers whose clocks are ten minutes apart and who take over from each other round the edges of windows
    Apart,
    /// Nothing goes wrong, nobody pauses or holds
    Quiet,
}

/// A guard to be taken away.
#[derive(Clone, Copy, ValueEnum)]
enum GuardTaken {
    /// Suppliers close a key that is cancelled
    ClosedKeys,
    /// Suppliers know after a crash what they did
    SuppliersLog,
    /// The scheduler's journal is on disk before a key is sent
    SealsOnDisk,
    /// How far a source's events are durable is on disk with them
    SequencesOnDisk,
    /// The scheduler's journal is on disk before a notice is sent
    NoticesOnDisk,
    /// The post says of a notice that it is delivered once it is
    TrueEvidence,
}

impl Asked {
    fn plan(&self, seed: u64) -> Plan {
        let kind = match self.kind {
            KindAsked::Safety => Kind::Safety,
            KindAsked::Liveness => Kind::Liveness,
            KindAsked::Apart => Kind::Apart,
            KindAsked::Quiet => Kind::Quiet,
        };
        let mutation = self.without.map(|guard| match guard {
            GuardTaken::ClosedKeys => Forgotten::Closures,
            GuardTaken::SuppliersLog => Forgotten::Keys,
            GuardTaken::SealsOnDisk => Forgotten::Seals,
            GuardTaken::SequencesOnDisk => Forgotten::Sequences,
            GuardTaken::NoticesOnDisk => Forgotten::Notices,
            GuardTaken::TrueEvidence => Forgotten::Delivery,
        });
        Plan::new(kind, seed, mutation)
    }

    fn seeds(&self) -> anyhow::Result<Seeds> {
        match self.seeds.split_once("..") {
            None => Ok(Seeds::One(self.seeds.parse()?)),
            Some((first, end)) => Ok(Seeds::Many(first.parse()?..end.parse()?)),
        }
    }

    /// The arguments of a run of one of the seeds.
    fn of_one(&self, seed: u64) -> Vec<String> {
        let mut arguments = self.of_all();
        arguments.insert(1, seed.to_string());
        arguments
    }

    /// The arguments of runs of all seeds.
    fn of_all(&self) -> Vec<String> {
        let word = |value: Option<clap::builder::PossibleValue>| value.map(|value| value.get_name().to_owned());
        let mut arguments: Vec<String> = word(self.kind.to_possible_value()).into_iter().collect();
        if let Some(guard) = self.without.and_then(|guard| word(guard.to_possible_value())) {
            arguments.extend(["--without".to_owned(), guard]);
        }
        arguments
    }

    fn jobs(&self) -> usize {
        let cores = || std::thread::available_parallelism().map_or(1, usize::from);
        self.jobs.unwrap_or_else(cores)
    }
}

enum Seeds {
    One(u64),
    Many(Range<u64>),
}

fn main() -> ExitCode {
    let asked = Asked::parse();
    let ended = asked.seeds().and_then(|seeds| match seeds {
        Seeds::One(seed) => one(&asked, seed),
        Seeds::Many(seeds) => many::run(&asked, seeds),
    });
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nobody reads it any more: the exit code says the same.
            let _ = writeln!(std::io::stderr(), "{error:#}");
            ExitCode::FAILURE
        }
    }
}

/// One run, on a thread whose chance is the seed's.
fn one(asked: &Asked, seed: u64) -> anyhow::Result<()> {
    if asked.log {
        tracing_subscriber::fmt().with_writer(std::io::stderr).without_time().init();
    }
    // Alone or among many: how many cores a run sees is the same.
    cores::stay_on_one_core(0).context("a run cannot stay on one core")?;
    let plan = asked.plan(seed);
    let run = move || {
        chance::seed_thread(seed);
        run::run(plan)
    };
    let outcome = std::thread::spawn(run).join().map_err(|_| anyhow::anyhow!("the run panicked"))??;
    if let Some(folder) = &asked.keep {
        std::fs::create_dir_all(folder)?;
        for (name, text) in &outcome.left_behind {
            std::fs::write(folder.join(name), text)?;
        }
    }
    let mut out = std::io::stdout();
    write!(out, "{} {seed}: {}", asked.of_one(seed)[0], outcome.report)?;
    writeln!(out, "{}{}", many::FELT, serde_json::to_string(&outcome.felt)?)?;
    anyhow::ensure!(outcome.found.is_empty(), "{}", outcome.found.join("\n"));
    Ok(())
}

//! The rollout scheduler: its rows of the table of targets.
//!
//! All services run in one process on PostgreSQL, as they are started by default, and share the machine's cores with the
//! database and with the supplier. The peer, graphile-worker, shares them in the same way: neither is pinned.

mod due;
mod graphile;
mod holds;
mod installation;
mod supplier;
mod wave;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, ensure};
use clap::{Args, ValueEnum};

use crate::figures::Spread;
use crate::registry::england::England;
use crate::registry::installation::runtime;
use crate::report::{Bound, Report, Row, duration};
use crate::rounds::{Unit, compare};
use graphile::{Mode, jobs_per_second};
use installation::{Installation, Place};
use supplier::InstantSupplier;
use wave::Run;

const PLANNED_WITHIN: Duration = Duration::from_secs(2);

#[derive(Args, Debug)]
pub(crate) struct SchedulerArguments {
    /// The server under test
    #[arg(long, value_name = "PROGRAM")]
    server: PathBuf,
    /// PostgreSQL's maintenance database, for a superuser: postgres://USER@HOST:PORT/postgres
    #[arg(long, value_name = "URL")]
    postgres: String,
    /// The folder in which the npm package graphile-worker is installed; without it nothing is held against it
    #[arg(long, value_name = "FOLDER")]
    graphile_worker: Option<PathBuf>,
    /// Where the table is written
    #[arg(long, value_name = "FOLDER", default_value = "target/bench")]
    to: PathBuf,
    /// Only these rows; all where none is named
    #[arg(long, value_name = "ROWS")]
    only: Vec<Rows>,
    /// Practices in the wave
    #[arg(long, value_name = "COUNT", default_value_t = 100_000)]
    practices: u32,
    /// Waves, each in turn with as many jobs of graphile-worker's
    #[arg(long, value_name = "COUNT", default_value_t = 3)]
    rounds: usize,
    /// Days, each with a due moment
    #[arg(long, value_name = "COUNT", default_value_t = 100, value_parser = clap::value_parser!(u16).range(1..=110))]
    days: u16,
}

/// Groups of rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Rows {
    /// Planning, and activations by the second against graphile-worker's jobs
    Waves,
    /// From a due moment to the first call
    Due,
    /// From a hold to its acknowledgement, under load
    Holds,
}

impl SchedulerArguments {
    fn wants(&self, rows: Rows) -> bool {
        self.only.is_empty() || self.only.contains(&rows)
    }
}

/// Measures what is asked for, and publishes the table.
pub(crate) fn run(arguments: &SchedulerArguments) -> anyhow::Result<()> {
    ensure!(arguments.rounds > 0, "nothing is measured in no rounds");
    let supplier = InstantSupplier::start()?;
    let place = Place { server: arguments.server.clone(), postgres: arguments.postgres.clone(), supplier };
    let england = England::large(arguments.practices)?;
    let mut report = Report::default();
    if arguments.wants(Rows::Waves) {
        measure_waves(&mut report, arguments, &place, &england)?;
    }
    if arguments.wants(Rows::Due) {
        due::measure(&mut report, &place, usize::from(arguments.days))?;
    }
    if arguments.wants(Rows::Holds) {
        holds::measure(&mut report, &place, &england)?;
    }
    report.publish("scheduler", &arguments.to)
}

/// A wave of ours, then as many jobs of graphile-worker's in both of its modes, and again.
fn measure_waves(
    report: &mut Report,
    arguments: &SchedulerArguments,
    place: &Place,
    england: &England,
) -> anyhow::Result<()> {
    let (mut runs, mut one_a_commit, mut batched) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..arguments.rounds {
        let run = runtime()?.block_on(wave::run(&Installation::new(place)?, england))?;
        let rate = rate(england, &run);
        eprintln!("  {rate:.0} activations/s: {run:?}");
        runs.push(run);
        if let Some(folder) = &arguments.graphile_worker {
            let jobs = |mode| jobs_per_second(folder, &place.postgres, arguments.practices, mode);
            let (one, many) = (jobs(Mode::OneACommit)?, jobs(Mode::Batched)?);
            eprintln!("  graphile-worker: {one:.0} jobs/s one a commit, {many:.0} batched");
            one_a_commit.push((rate, one));
            batched.push((rate, many));
        }
    }
    let count = england.practices_count();
    let (figure, longest) = spread(&runs, |run| run.planned_in)?;
    let met = Some(longest < PLANNED_WITHIN);
    report.add(Row::alone(&format!("planning {count} practices: SubmitPlan"), figure, "< 2 s", met));
    let (figure, _) = spread(&runs, |run| run.previewed_in)?;
    report.add(Row::alone(&format!("previewing the plan of {count}"), figure, "", None));
    let (figure, _) = spread(&runs, |run| run.approved_in)?;
    report.add(Row::alone(&format!("approving the plan of {count}"), figure, "", None));
    let what = format!("activations completed a second, a wave of {count}");
    if arguments.graphile_worker.is_some() {
        let peers = [
            ("graphile-worker, one job a commit", &one_a_commit, "≥ 5", 5.0),
            ("graphile-worker, batched", &batched, "aim ≥ 1", 1.0),
        ];
        for (peer, pairs, target, least) in peers {
            let compared = compare(Unit::PerSecond, pairs, 0);
            report.add(Row::compared(&what, peer, compared, (target, Bound::AtLeast(least))));
        }
    } else {
        let rates = Spread::of(runs.iter().map(|run| rate(england, run))).context("there were rounds")?;
        let figure = format!("{:.0}/s ({:.0} to {:.0})", rates.median, rates.lowest, rates.highest);
        report.add(Row::alone(&what, figure, "", None));
    }
    let (figure, _) = spread(&runs, |run| run.live_after)?;
    report.add(Row::alone(&format!("plan of {count} approved → everybody live"), figure, "", None));
    let (figure, _) = spread(&runs, |run| run.cpu)?;
    report.add(Row::alone("… CPU time of the server", figure, "", None));
    let (figure, _) = spread(&runs, |run| run.first_request_after)?;
    report.add(Row::alone(&format!("plan of {count} approved → first supplier call"), figure, "", None));
    Ok(())
}

fn rate(england: &England, run: &Run) -> f64 {
    f64::from(england.practices_count()) / run.live_after.as_secs_f64()
}

/// The median of the runs with the shortest and the longest, and the longest.
fn spread(runs: &[Run], of: impl Fn(&Run) -> Duration) -> anyhow::Result<(String, Duration)> {
    let spread = Spread::of(runs.iter().map(|run| of(run).as_secs_f64())).context("there were rounds")?;
    let written = |seconds| duration(Duration::from_secs_f64(seconds));
    let (lowest, highest) = (written(spread.lowest), written(spread.highest));
    Ok((format!("{} ({lowest} to {highest})", written(spread.median)), Duration::from_secs_f64(spread.highest)))
}

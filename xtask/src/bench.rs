//! `cargo xtask bench NAME`: builds as for images, and measures.
//!
//! What is measured, and against what, is `bench/`'s; here it is only given its programs.

use anyhow::Context;
use clap::{Args, ValueEnum};

use crate::postgres::Postgres;
use crate::requirements::{
    ETCD, OF_REGISTRY_BENCHMARK, OF_SCHEDULER_BENCHMARK, OF_STATISTICS_BENCHMARK, REDIS, Requirement, VICTORIA_METRICS,
    ensure_distribution_packages, ensure_graphile_worker, postgres_programs,
};
use crate::step::{cargo, command, root, step};

#[derive(Args)]
pub(crate) struct BenchArguments {
    /// What to measure
    #[arg(value_enum)]
    name: Name,
    /// Only check what the machine lacks and say the command that installs it
    #[arg(long)]
    no_install: bool,
    /// The profile to build with; only `dist` is what is deployed
    #[arg(long, default_value = "dist")]
    profile: String,
    /// Passed on, e.g. `--only lookups`
    #[arg(last = true)]
    arguments: Vec<String>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Name {
    /// The practice registry: look-ups, lists, watches, imports, starts, memory
    Registry,
    /// A forecast of a programme for all practices
    Forecast,
    /// The scheduler: planning, activations by the second, due moments, holds
    Scheduler,
    /// The access statistics: ingest against bare tonic and peers, acknowledgements, memory
    Statistics,
}

impl Name {
    fn word(self) -> &'static str {
        match self {
            Self::Registry => "registry",
            Self::Forecast => "forecast",
            Self::Scheduler => "scheduler",
            Self::Statistics => "statistics",
        }
    }

    /// What it needs from the distribution.
    fn requirements(self) -> &'static [Requirement] {
        match self {
            Self::Registry => &OF_REGISTRY_BENCHMARK,
            Self::Forecast => &[],
            Self::Scheduler => &OF_SCHEDULER_BENCHMARK,
            Self::Statistics => &OF_STATISTICS_BENCHMARK,
        }
    }
}

/// Measures; a figure that misses its target is no failure.
pub(crate) fn run(arguments: &BenchArguments) -> anyhow::Result<()> {
    ensure_distribution_packages(arguments.name.requirements(), !arguments.no_install)?;
    let packages = ["--package", "citizens-access", "--package", "bench"];
    step("build", cargo().args(["build", "--profile", &arguments.profile]).args(packages))?;
    let programs = root().join("target").join(&arguments.profile);
    let mut bench = command(programs.join("bench"));
    bench.arg(arguments.name.word()).arg("--server").arg(programs.join("citizens-access"));
    // It runs until the measuring is done.
    let mut _postgres = None;
    match arguments.name {
        Name::Registry => _ = bench.args(["--etcd", ETCD]),
        Name::Forecast => {}
        Name::Scheduler => {
            let postgres = Postgres::start(&postgres_programs().context("PostgreSQL's server programs are gone")?)?;
            bench.args(["--postgres", &postgres.url()]).arg("--graphile-worker").arg(ensure_graphile_worker()?);
            _postgres = Some(postgres);
        }
        Name::Statistics => {
            let postgres = Postgres::start(&postgres_programs().context("PostgreSQL's server programs are gone")?)?;
            bench.args(["--postgres", &postgres.url(), "--redis", REDIS, "--victoria-metrics", VICTORIA_METRICS]);
            _postgres = Some(postgres);
        }
    }
    step("measure", bench.args(&arguments.arguments))
}

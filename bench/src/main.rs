//! Measures the services, as `cargo xtask bench NAME` runs it.
//!
//! The server under test and what it is held against run on one core, the load on another, in turns within one run: only
//! ratios of one run mean anything, since machines and their neighbours drift. What is measured is the real server binary
//! with all its layers on. Nothing here asserts: a slow machine must not fail a build.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command-line tool speaks on the terminal")]

mod bare;
mod collector;
mod cores;
mod etcd;
mod figures;
mod forecast;
mod load;
mod people;
mod process;
mod registry;
mod report;
mod rounds;
mod scheduler;
mod secured;
mod statistics;

use clap::{Parser, Subcommand};

/// The same allocator as the server's, so that bare tonic is not held back by another.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Parser)]
#[command(name = "bench", about = "Measures the services of Citizens' Access")]
struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// The practice registry's figures
    Registry(registry::RegistryArguments),
    /// A forecast of a programme for all practices
    Forecast(forecast::ForecastArguments),
    /// The scheduler's figures
    Scheduler(scheduler::SchedulerArguments),
    /// The access statistics' figures
    Statistics(statistics::StatisticsArguments),
    /// A tonic server that takes events and does nothing with them, to be held against
    #[command(hide = true)]
    Sink,
    /// A collector of spans that keeps nothing
    #[command(hide = true)]
    Collector,
    /// A tonic server without anything else, for the others to be held against
    #[command(hide = true)]
    Bare(bare::BareArguments),
}

fn main() -> anyhow::Result<()> {
    match Arguments::parse().what {
        What::Registry(arguments) => registry::run(&arguments),
        What::Forecast(arguments) => forecast::run(&arguments),
        What::Scheduler(arguments) => scheduler::run(&arguments),
        What::Statistics(arguments) => statistics::run(&arguments),
        What::Sink => statistics::sink::run(),
        What::Collector => collector::run(),
        What::Bare(arguments) => bare::run(&arguments),
    }
}

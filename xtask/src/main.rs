//! Development tasks, run as `cargo xtask TASK`.
//!
//! `test` is what CI runs and what a contributor runs before a commit: it checks what the machine lacks, installs it
//! where it may, starts private PostgreSQL instances and runs every check there is. `bench` builds as for images and
//! measures. It deliberately knows nothing of the services: what they need from a machine comes to the tests as
//! environment variables, named in [`environment`], and to the benchmarks as arguments.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command-line tool speaks on the terminal")]

mod bench;
mod environment;
mod fuzz;
mod hazards;
mod mutants;
mod mutations;
mod postgres;
mod report;
mod requirements;
mod results;
mod step;
mod supply;
mod test;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Development tasks of Citizens' Access")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Run every check: format, lints, protobuf lint, and all tests on both stores
    Test(test::TestArguments),
    /// Measure a service against bare tonic and against its peers
    Bench(bench::BenchArguments),
    /// Take the guards of the invariants away, one by one, and see that the tests named after them fail
    Mutations(mutations::MutationArguments),
    /// Change what decides about gates, caps, permits, holds and the calendar in every way that cargo-mutants knows, and see that
    /// some test fails
    Mutants(mutants::MutantArguments),
    /// Write the table of hazards from docs/safety/hazards.yaml
    Hazards,
    /// Feed any bytes to every reader of bytes from outside, each for a bounded time
    Fuzz(fuzz::FuzzArguments),
    /// Write what each binary is made of, in CycloneDX, to target/sbom
    Sbom,
    /// Build the binaries as for images, with what they are made of within and beside them
    Dist,
}

fn main() -> anyhow::Result<()> {
    match Arguments::parse().task {
        Task::Test(arguments) => test::run(&arguments),
        Task::Bench(arguments) => bench::run(&arguments),
        Task::Mutations(arguments) => mutations::run(&arguments),
        Task::Mutants(arguments) => mutants::run(&arguments),
        Task::Hazards => hazards::run(),
        Task::Fuzz(arguments) => fuzz::run(&arguments),
        Task::Sbom => supply::sbom(),
        Task::Dist => supply::dist(),
    }
}

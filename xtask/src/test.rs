//! `cargo xtask test`: everything that must hold before a commit.

use std::path::PathBuf;
use std::process::Command;

use clap::Args;

use crate::environment::{
    GRPCURL, LONG, NODE_MODULES, POSTGRES, PROMETHEUS, PROPERTY_CASES, PYTHON, REFERENCE_DATA, ROTEL,
};
use crate::hazards;
use crate::postgres::Postgres;
use crate::report;
use crate::requirements::{
    self, OF_TESTS, ensure_buf, ensure_distribution_packages, ensure_node_client, ensure_python, postgres_programs,
    rotel_of,
};
use crate::results;
use crate::step::{cargo, command, root, step};
use crate::supply;

#[derive(Args)]
pub(crate) struct TestArguments {
    /// Only check what the machine lacks and say the command that installs it
    #[arg(long)]
    no_install: bool,
    /// Run the long tier: more kill points, seeds and cases; writes docs/long-tier.md
    #[arg(long)]
    long: bool,
    /// Passed to `cargo test`, e.g. `-p journal` or a test's name
    #[arg(last = true)]
    cargo_test: Vec<String>,
}

/// Cases of a property test in the long tier: sixteen times the usual, which takes minutes.
const PROPERTY_CASES_LONG: &str = "4096";

/// What the machine offers to the tests.
struct Offer {
    postgres: Postgres,
    python: PathBuf,
    rotel: PathBuf,
    node_modules: PathBuf,
}

impl Offer {
    fn tell(&self, command: &mut Command, long: bool) {
        command.env(POSTGRES, self.postgres.url()).env(PYTHON, &self.python);
        command.env(GRPCURL, self.python.with_file_name("grpcurl"));
        command.env(ROTEL, &self.rotel).env(PROMETHEUS, requirements::PROMETHEUS);
        command.env(NODE_MODULES, &self.node_modules);
        command.env(LONG, if long { "1" } else { "0" });
        if long {
            command.env(PROPERTY_CASES, PROPERTY_CASES_LONG);
        }
    }
}

/// Runs every check; the first that fails ends the run with an error.
pub(crate) fn run(arguments: &TestArguments) -> anyhow::Result<()> {
    ensure_distribution_packages(&OF_TESTS, !arguments.no_install)?;
    let (python, node_modules) = (ensure_python()?, ensure_node_client()?);
    let rotel = rotel_of(&python)?;
    let offer = Offer { python, rotel, node_modules, postgres: Postgres::start(&programs()?)? };
    if std::env::var_os(REFERENCE_DATA).is_none() {
        println!("note: {REFERENCE_DATA} is not set, so the tests that read the publishers' real files are skipped");
    }
    if arguments.cargo_test.is_empty() {
        check_text()?;
    }
    // The end-to-end tests run the real binaries, which `cargo test` alone would not build. With all targets, so that both
    // steps want the same features of every dependency, and nothing is compiled twice.
    step("build", cargo().args(["build", "--workspace", "--all-targets", "--profile", "ci"]))?;
    let mut test = cargo();
    test.args(["test", "--profile", "ci"]);
    if !arguments.cargo_test.iter().any(|word| word == "-p" || word == "--package") {
        test.arg("--workspace");
    }
    offer.tell(&mut test, arguments.long);
    test.args(&arguments.cargo_test);
    let results =
        if arguments.long { report::run(&mut test, &arguments.cargo_test)? } else { results::run("test", &mut test)? };
    // A part of the tests says nothing of the others.
    if arguments.cargo_test.is_empty() { hazards::require_evidence(&results) } else { Ok(()) }
}

/// What can be judged without running anything: format, lints, the protobuf contract, what comes in.
fn check_text() -> anyhow::Result<()> {
    step("format", cargo().args(["fmt", "--all", "--check"]))?;
    let buf = ensure_buf()?;
    step("protobuf lint", command(buf).arg("lint").current_dir(root().join("proto")))?;
    supply::deny()?;
    let lints = ["clippy", "--workspace", "--all-targets", "--profile", "ci", "--", "--deny", "warnings"];
    step("lints", cargo().args(lints))
}

fn programs() -> anyhow::Result<PathBuf> {
    postgres_programs().ok_or_else(|| anyhow::anyhow!("PostgreSQL's server programs are gone"))
}

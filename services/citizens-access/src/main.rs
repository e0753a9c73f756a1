//! The server binary: `serve` for real use, `demo` for the whole story in one process, `migrate` and `check-config` for
//! those who operate it.
//!
//! It composes the services and decides nothing: every rule is a service's, every option is named here once. Standard
//! output carries what was asked for; logs go to standard error.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command-line tool speaks on the terminal")]

mod ages;
mod callers;
mod compose;
mod configuration;
mod demo;
mod dependencies;
mod development;
mod gates;
mod kill;
mod limits;
mod measures;
mod notices;
mod ods_sync;
mod policies;
mod runtimes;
mod serve;
mod suppliers;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Citizens' Access: switches on automatic patient access to GP records, practice by practice, in waves
#[derive(Parser)]
#[command(name = "citizens-access", version, subcommand_required = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the services: all in one process, or one of them
    Serve(serve::ServeArguments),
    /// Replay a programme on a virtual clock, with a synthetic England and simulated suppliers
    Demo(demo::DemoArguments),
    /// Run simulated suppliers of GP systems, for trials of separate processes
    SimulateSuppliers(suppliers::SupplierArguments),
    /// Bring a store's tables up to this version
    Migrate(configuration::StoreArguments),
    /// Check a configuration and its store without serving
    CheckConfig(serve::ServeArguments),
    /// For development: make an authority, a certificate for each service, and the keys of an issuer of tokens
    DevCerts(development::CertificateArguments),
    /// For development: print a token
    DevToken(development::TokenArguments),
    /// For development: issue tokens to systems, for assertions that they sign
    DevIssuer(development::IssuerArguments),
    /// What this program was built of, where it was built with the list of it
    Dependencies,
}

fn main() -> ExitCode {
    let ended = match Arguments::parse().command {
        Command::Serve(arguments) => serve::run(arguments),
        Command::Demo(arguments) => demo::run(arguments),
        Command::SimulateSuppliers(arguments) => suppliers::run(arguments),
        Command::Migrate(arguments) => configuration::migrate(&arguments),
        Command::CheckConfig(arguments) => serve::check(&arguments),
        Command::DevCerts(arguments) => development::make_certificates(&arguments),
        Command::DevToken(arguments) => development::make_token(&arguments),
        Command::DevIssuer(arguments) => development::run_issuer(arguments),
        Command::Dependencies => dependencies::run(),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

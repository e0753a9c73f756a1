//! accessctl: the operator's command line. A gRPC client: it decides nothing, stores nothing and reaches the services only by
//! their public interfaces. Two commands also work without any service, since proof must not depend on who is to be proved
//! right: `journal verify --store` and `verify --store` read copies of databases. `pseudonym` sends nothing to anybody.
//!
//! Conventions: nouns and verbs; `--output table|json|csv`; colour only on a terminal and never with `NO_COLOR`; what was
//! asked for on standard output, everything else on standard error; exit codes that scripts can use (see [`failure`]).

mod arguments;
mod calendar;
mod concern;
mod confirmation;
mod connection;
mod directory;
mod export;
mod failure;
mod hold;
mod import;
mod journal;
mod moments;
mod mutation;
mod observe;
mod organisation;
mod output;
mod practice;
mod programme;
mod proof;
mod pseudonym;
mod publication;
mod replay;
mod returns;
mod sources;
mod stats;
mod succession;
mod trace;
mod verify;
mod wave;
mod wave_members;

use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches};
use tracing::Instrument as _;

use arguments::{Arguments, Noun};
use connection::Connection;
use output::Output;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let matches = Arguments::command().get_matches();
    let arguments = Arguments::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    let trace = match trace::Trace::begin(&matches) {
        Ok(trace) => trace,
        Err(error) => return failure::tell(&error),
    };
    let ended = run(arguments).instrument(trace.span()).await;
    trace.end(&ended);
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failure::tell(&error),
    }
}

async fn run(arguments: Arguments) -> anyhow::Result<()> {
    if let Noun::Completions { shell } = arguments.noun {
        clap_complete::generate(shell, &mut Arguments::command(), "accessctl", &mut std::io::stdout());
        return Ok(());
    }
    if let Noun::Pseudonym(asked) = &arguments.noun {
        return pseudonym::run(asked);
    }
    let connection = Connection::open(&arguments.connection)?;
    let output = Output::new(arguments.output);
    match arguments.noun {
        Noun::Import(import) => import::run(&connection, output, import).await,
        Noun::Directory(directory) => directory::run(&connection, output, directory).await,
        Noun::Practice(practice) => practice::run(&connection, output, practice).await,
        Noun::Organisation(organisation) => organisation::run(&connection, output, organisation).await,
        Noun::Programme(programme) => programme::run(&connection, output, programme).await,
        Noun::ReplayPolicy(asked) => replay::run(&connection, output, asked).await,
        Noun::Calendar(calendar) => calendar::run(&connection, output, calendar).await,
        Noun::Wave(wave) => wave::run(&connection, output, wave).await,
        Noun::Hold(hold) => hold::run(&connection, output, hold).await,
        Noun::Concern(concern) => concern::run(&connection, output, concern).await,
        Noun::Sources(sources) => sources::run(&connection, output, sources).await,
        Noun::Returns(returns) => returns::run(&connection, output, returns).await,
        Noun::Publication(publication) => publication::run(&connection, output, publication).await,
        Noun::Stats(stats) => stats::run(&connection, output, stats).await,
        Noun::Journal(journal) => journal::run(&connection, output, journal).await,
        Noun::Verify(asked) => verify::run(&connection, output, &asked).await,
        Noun::Pseudonym(_) | Noun::Completions { .. } => Ok(()),
    }
}

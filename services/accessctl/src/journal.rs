//! `accessctl journal`: the record of who changed what, and the proof that it was not altered.

mod list;
mod redact;
mod verify;

use std::path::{Path, PathBuf};

use ::journal::grpc::to_checkpoint;
use anyhow::Context;
use clap::{Args, Subcommand, ValueEnum};
use proto::journal::v1 as journal;
use proto::journal::v1::note_redaction::State;

use crate::connection::Connection;
use crate::moments::shown;
use crate::output::{Output, Table};

pub(crate) use verify::place;

/// How much `tail` shows where nothing is said: what fits on a screen.
const TAIL_RECORDS: u64 = 20;

#[derive(Subcommand)]
pub(crate) enum Journal {
    /// Compute the chain anew and say what is wrong with it, if anything is; exit code 7 if so
    Verify(verify::Verify),
    /// Take a signed statement of where a journal stands, to be kept elsewhere
    Checkpoint {
        #[arg(value_enum)]
        journal: Which,
        /// Where to write it
        file: PathBuf,
    },
    /// Print records, and with --watch each new one
    Tail(Tail),
    /// Print every record that meets the conditions
    List(list::List),
    /// Take a record's note away; it takes two people, each runs this once
    Redact(redact::Redact),
}

#[derive(Args)]
pub(crate) struct Tail {
    #[arg(value_enum)]
    journal: Which,
    /// After this position; the last 20 records where it is left out
    #[arg(long)]
    after: Option<u64>,
    /// Go on as records are appended
    #[arg(long)]
    watch: bool,
}

/// Whose journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Which {
    Registry,
    Scheduler,
    Statistics,
}

impl Which {
    const ALL: [Self; 3] = [Self::Registry, Self::Scheduler, Self::Statistics];

    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Registry => "registry",
            Self::Scheduler => "scheduler",
            Self::Statistics => "statistics",
        }
    }

    pub(crate) fn name(self) -> String {
        format!("journals/{}", self.word())
    }
}

pub(crate) async fn run(connection: &Connection, output: Output, command: Journal) -> anyhow::Result<()> {
    match command {
        Journal::Verify(asked) => verify::run(connection, output, &asked).await,
        Journal::Checkpoint { journal, file } => take_checkpoint(connection, journal, &file).await,
        Journal::Tail(tail) => run_tail(connection, output, &tail).await,
        Journal::List(asked) => list::run(connection, output, &asked).await,
        Journal::Redact(asked) => redact::run(connection, output, &asked).await,
    }
}

async fn take_checkpoint(connection: &Connection, which: Which, file: &Path) -> anyhow::Result<()> {
    let request = journal::GetCheckpointRequest { parent: which.name() };
    let reply = connection.journal(which.word()).get_checkpoint(request).await?.into_inner();
    let checkpoint = reply.checkpoint.context("the service answered without a checkpoint")?;
    let checkpoint = to_checkpoint(&checkpoint).map_err(|error| anyhow::anyhow!("{error}"))?;
    std::fs::write(file, format!("{}\n", checkpoint.to_line()))
        .with_context(|| format!("cannot write {}", file.display()))?;
    let key = hex::encode(checkpoint.public_key);
    anstream::eprintln!(
        "{} at position {} written to {}, signed with key {key}",
        which.name(),
        checkpoint.head.position,
        file.display()
    );
    Ok(())
}

async fn run_tail(connection: &Connection, output: Output, tail: &Tail) -> anyhow::Result<()> {
    let mut client = connection.journal(tail.journal.word());
    let after_position = match tail.after {
        Some(after) => after,
        None => {
            let head = journal::GetCheckpointRequest { parent: tail.journal.name() };
            let checkpoint = client.get_checkpoint(head).await?.into_inner().checkpoint.unwrap_or_default();
            checkpoint.position.saturating_sub(TAIL_RECORDS)
        }
    };
    if tail.watch {
        let watch = journal::WatchRecordsRequest { parent: tail.journal.name(), after_position };
        let mut records = client.watch_records(watch).await?.into_inner();
        while let Some(more) = records.message().await? {
            output.print("citizens_access.journal.v1.WatchRecordsResponse", &more, || table(&more.records))?;
        }
        return Ok(());
    }
    let list = journal::ListRecordsRequest { parent: tail.journal.name(), after_position, ..Default::default() };
    let reply = client.list_records(list).await?.into_inner();
    output.print("citizens_access.journal.v1.ListRecordsResponse", &reply, || table(&reply.records))
}

fn table(records: &[journal::Record]) -> Table {
    let mut table = Table::new(&["POSITION", "RECORDED", "BY", "KIND", "WHY", "NOTE"]);
    for record in records {
        table.row([
            record.position.to_string(),
            shown(record.recorded_at.as_ref()),
            record.actor.clone(),
            record.kind.clone(),
            record.reason_code.clone(),
            note_in_words(record),
        ]);
    }
    table
}

/// The note; where it was taken away, by whom and when.
fn note_in_words(record: &journal::Record) -> String {
    match &record.redaction {
        Some(redaction) if redaction.state() == State::Redacted => redact::in_words(redaction),
        _ => record.note.clone(),
    }
}

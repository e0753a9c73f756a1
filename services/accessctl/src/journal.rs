//! `accessctl journal`: the record of who changed what, and the proof that it was not altered.

use std::path::PathBuf;

use anyhow::Context;
use clap::{Args, Subcommand, ValueEnum};
use proto::journal::v1 as journal;

use crate::connection::Connection;
use crate::moments::shown;
use crate::output::{Output, Table, number, word};

/// How much `tail` shows where nothing is said: what fits on a screen.
const TAIL_RECORDS: u64 = 20;

#[derive(Subcommand)]
pub(crate) enum Journal {
    /// Compute the chain anew and say where it is broken, if it is; exit code 1 if it is
    Verify {
        /// Of this journal only
        #[arg(long, value_enum)]
        journal: Option<Which>,
        /// A checkpoint kept elsewhere, as `journal checkpoint` wrote it; with --journal
        #[arg(long, requires = "journal")]
        checkpoint: Option<PathBuf>,
    },
    /// Take a signed statement of where a journal stands, to be kept elsewhere
    Checkpoint {
        #[arg(value_enum)]
        journal: Which,
        /// Where to write it
        file: PathBuf,
    },
    /// Print records, and with --watch each new one
    Tail(Tail),
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

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Which {
    Registry,
    Scheduler,
    Statistics,
}

impl Which {
    fn word(self) -> &'static str {
        match self {
            Self::Registry => "registry",
            Self::Scheduler => "scheduler",
            Self::Statistics => "statistics",
        }
    }

    fn name(self) -> String {
        format!("journals/{}", self.word())
    }
}

pub(crate) async fn run(connection: &Connection, output: Output, command: Journal) -> anyhow::Result<()> {
    match command {
        Journal::Verify { journal, checkpoint } => verify(connection, output, journal, checkpoint).await,
        Journal::Checkpoint { journal, file } => take_checkpoint(connection, journal, &file).await,
        Journal::Tail(tail) => run_tail(connection, output, &tail).await,
    }
}

async fn verify(
    connection: &Connection,
    output: Output,
    only: Option<Which>,
    checkpoint: Option<PathBuf>,
) -> anyhow::Result<()> {
    let checkpoint = checkpoint.map(|file| read_checkpoint(&file)).transpose()?;
    let journals = only.map_or_else(|| vec![Which::Registry, Which::Scheduler, Which::Statistics], |one| vec![one]);
    let mut broken = Vec::new();
    for which in journals {
        let request = journal::VerifyChainRequest { parent: which.name(), checkpoint: checkpoint.clone() };
        let reply = connection.journal(which.word()).verify_chain(request).await?.into_inner();
        output.print("citizens_access.journal.v1.VerifyChainResponse", &reply, || {
            let finding = reply.finding.clone();
            Table::facts([
                ("journal", which.name()),
                ("verified", format!("{} records", number(i64::try_from(reply.verified_position).unwrap_or(i64::MAX)))),
                ("hash", hex::encode(&reply.verified_hash)),
                ("chain", finding.map_or("whole".to_owned(), |found| found_in_words(&found))),
            ])
        })?;
        if reply.finding.is_some() {
            broken.push(which.name());
        }
    }
    anyhow::ensure!(broken.is_empty(), "the chain is broken: {}", broken.join(", "));
    Ok(())
}

fn found_in_words(found: &journal::Finding) -> String {
    format!("{} at position {}", word(found.kind().as_str_name(), "KIND_"), found.position)
}

/// A checkpoint's file: protobuf, as the service signed it, in hexadecimal so that it survives being mailed.
fn read_checkpoint(file: &PathBuf) -> anyhow::Result<journal::Checkpoint> {
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    let bytes = hex::decode(text.trim()).with_context(|| format!("{} is no checkpoint", file.display()))?;
    prost::Message::decode(bytes.as_slice()).with_context(|| format!("{} is no checkpoint", file.display()))
}

async fn take_checkpoint(connection: &Connection, which: Which, file: &PathBuf) -> anyhow::Result<()> {
    let request = journal::GetCheckpointRequest { parent: which.name() };
    let reply = connection.journal(which.word()).get_checkpoint(request).await?.into_inner();
    let checkpoint = reply.checkpoint.context("the service answered without a checkpoint")?;
    let encoded = prost::Message::encode_to_vec(&checkpoint);
    std::fs::write(file, hex::encode(encoded)).with_context(|| format!("cannot write {}", file.display()))?;
    anstream::eprintln!("{} at position {} written to {}", which.name(), checkpoint.position, file.display());
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
            record.note.clone(),
        ]);
    }
    table
}

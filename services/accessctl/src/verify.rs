//! `accessctl verify`: what is promised to practices, held against what registry, scheduler and suppliers have left behind.
//!
//! Journals come from the services, or from copies of their databases without any server; the suppliers' and carriers' logs are
//! files that they wrote. The checks are `evidence`'s, the same that end every run of the simulation, but for those of what
//! producers of events and senders of returns remember, which nobody else has. It shows what happened, not that
//! the journals are whole: of copies the chains are computed as well; against a copy that was made to agree stands only a
//! checkpoint kept elsewhere (`journal verify --checkpoint`).

mod found;

use std::path::{Path, PathBuf};

use ::journal::{Against, stored_records, verify_stored};
use anyhow::Context;
use clap::Args;
use database::{DatabaseError, Db};
use evidence::{Carried, Entry, Evidence, Recorded};
use jiff::Timestamp;
use proto::journal::v1 as journal;
use serde::de::DeserializeOwned;

use self::found::{Found, Read};
use crate::connection::{Connection, every_page};
use crate::failure::{BadInput, PromiseBroken, Tampered};
use crate::journal::{Which, place};
use crate::moments::moment;
use crate::output::Output;

/// Records that are read from a copy at a time.
const PAGE_RECORDS: usize = 10_000;

#[derive(Args)]
pub(crate) struct Verify {
    /// A supplier's own log, a line of JSON for each thing that happened there; for each supplier, or each file of one
    #[arg(long = "suppliers-log", value_name = "FILE")]
    logs: Vec<PathBuf>,
    /// A carrier's own log of notices, a line of JSON for each that it took on; for each carrier, or each file of one. Of all of
    /// them or of none: what is in no log counts as never given
    #[arg(long = "carriers-log", value_name = "FILE")]
    carriers_logs: Vec<PathBuf>,
    /// Read copies of the databases, without any server: the folder they lie in, or postgres://…
    #[arg(long, value_name = "DIR|URL", hide_env_values = true)]
    store: Option<String>,
    /// Leave out what was recorded or logged later: while a programme runs, a moment a minute or two ago, so that all that was
    /// known by then is in every file
    #[arg(long, value_name = "MOMENT")]
    until: Option<String>,
    /// Also fail for what must not be left once every wave is over: waves, permits and activations without an end, receipts that
    /// are PENDING, what suppliers did and the registry does not say yet. In a programme that runs all that is only told as open
    #[arg(long)]
    at_rest: bool,
}

pub(crate) async fn run(connection: &Connection, output: Output, asked: &Verify) -> anyhow::Result<()> {
    let (mut entries, mut carried) = (Vec::<Entry>::new(), Vec::<Carried>::new());
    for log in &asked.logs {
        entries.extend(read_log(log)?);
    }
    for log in &asked.carriers_logs {
        carried.extend(read_log(log)?);
    }
    let mut registry = records(connection, asked, Which::Registry).await?;
    let mut scheduler = records(connection, asked, Which::Scheduler).await?;
    let last_told = [&registry, &scheduler].into_iter().flatten().map(|record| record.recorded_at).max();
    let mut until = last_told.unwrap_or(Timestamp::MIN);
    if let Some(asked) = asked.until.as_deref().map(moment).transpose()? {
        until = Timestamp::new(asked.seconds, asked.nanos)?;
        registry.retain(|record| record.recorded_at <= until);
        scheduler.retain(|record| record.recorded_at <= until);
        entries.retain(|entry| entry.at <= until);
        carried.retain(|notice| notice.taken_at <= until);
    }
    let evidence = Evidence::new(&registry, &scheduler, &entries)?;
    let read = Read {
        registry_records_count: registry.len(),
        scheduler_records_count: scheduler.len(),
        suppliers_log_lines_count: entries.len(),
        carriers_log_lines_count: carried.len(),
    };
    let carriers = (!asked.carriers_logs.is_empty()).then_some(carried.as_slice());
    let found = Found::new(&evidence, carriers, until, asked.at_rest, read);
    output.print_own(&found.as_json(), || found.table())?;
    match found.breaches_count() {
        0 => Ok(()),
        count => Err(PromiseBroken(count).into()),
    }
}

async fn records(connection: &Connection, asked: &Verify, which: Which) -> anyhow::Result<Vec<Recorded>> {
    match &asked.store {
        Some(store) => of_copy(store, which).await,
        None => of_service(connection, which).await,
    }
}

async fn of_service(connection: &Connection, which: Which) -> anyhow::Result<Vec<Recorded>> {
    let list = journal::ListRecordsRequest { parent: which.name(), ..Default::default() };
    let reply = every_page!(connection.journal(which.word()), list_records, list, records);
    let record = |record: journal::Record| {
        let recorded_at = record.recorded_at.as_ref().context("a record without a moment")?;
        let recorded_at = Timestamp::new(recorded_at.seconds, recorded_at.nanos)?;
        let journal::Record { position, request_id, kind, payload_json, .. } = record;
        Ok(Recorded { position, recorded_at, request_id, kind, payload: payload_json })
    };
    reply.records.into_iter().map(record).collect()
}

/// Records of a copy, whose chain must be whole: what was altered proves nothing.
async fn of_copy(store: &str, which: Which) -> anyhow::Result<Vec<Recorded>> {
    let place = place(store)?;
    let db = match Db::open_read_only(&place, which.word()).await {
        Err(error @ DatabaseError::NoFile { .. }) => return Err(BadInput(error.to_string()).into()),
        opened => opened.with_context(|| format!("{place} cannot be read"))?,
    };
    let verification = verify_stored(&db, which.word(), &Against::default()).await?;
    if let Some(finding) = verification.finding {
        return Err(Tampered(format!("{}: {finding}. {}", which.name(), finding.remedy())).into());
    }
    let mut records: Vec<Recorded> = Vec::new();
    loop {
        let after = records.last().map_or(0, |last| last.position);
        let page = stored_records(&db, which.word(), after, PAGE_RECORDS).await?;
        if page.is_empty() {
            db.close().await;
            return Ok(records);
        }
        records.extend(page.into_iter().map(|record| Recorded {
            position: record.position,
            recorded_at: record.recorded_at,
            request_id: record.request_id,
            kind: record.kind,
            payload: record.payload,
        }));
    }
}

/// The lines of a log. A last one without its end was torn by a crash before anybody was told of it.
fn read_log<T: DeserializeOwned>(path: &Path) -> anyhow::Result<Vec<T>> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    let entry = |(index, line): (usize, &str)| {
        let wrong = |error| BadInput(format!("{}, line {}: {error}", path.display(), index + 1));
        serde_json::from_str(line).map_err(|error| wrong(error).into())
    };
    whole.lines().enumerate().map(entry).collect()
}

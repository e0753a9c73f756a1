//! `accessctl verify`: what is promised to practices, held against what registry, scheduler and suppliers have left behind.
//!
//! Journals come from the services, or from copies of their databases without any server; the suppliers' logs are files that
//! suppliers wrote. The checks are `evidence`'s, the same that end every run of the simulation. It shows what happened, not that
//! the journals are whole: of copies the chains are computed as well; against a copy that was made to agree stands only a
//! checkpoint kept elsewhere (`journal verify --checkpoint`).

use std::path::{Path, PathBuf};

use ::journal::{Against, stored_records, verify_stored};
use anyhow::Context;
use clap::Args;
use database::{DatabaseError, Db};
use evidence::{Entry, Evidence, Finding, Recorded};
use proto::journal::v1 as journal;
use serde_json::json;

use crate::connection::{Connection, every_page};
use crate::failure::{BadInput, PromiseBroken, Tampered};
use crate::journal::{Which, place};
use crate::moments::moment;
use crate::output::{Output, Table};

/// Records that are read from a copy at a time.
const PAGE_RECORDS: usize = 10_000;

#[derive(Args)]
pub(crate) struct Verify {
    /// A supplier's own log, a line of JSON for each thing that happened there; for each supplier, or each file of one
    #[arg(long = "suppliers-log", value_name = "FILE")]
    logs: Vec<PathBuf>,
    /// Read copies of the databases, without any server: the folder they lie in, or postgres://…
    #[arg(long, value_name = "DIR|URL", hide_env_values = true)]
    store: Option<String>,
    /// Leave out what was recorded or logged later: while a programme runs, a moment a minute or two ago, so that all that was
    /// known by then is in every file
    #[arg(long, value_name = "MOMENT")]
    until: Option<String>,
    /// Also say what must not be left once nothing is under way: open permits, activations without an end, receipts that are
    /// PENDING. In a programme that runs there always are some
    #[arg(long)]
    at_rest: bool,
}

pub(crate) async fn run(connection: &Connection, output: Output, asked: &Verify) -> anyhow::Result<()> {
    let mut entries = Vec::new();
    for log in &asked.logs {
        entries.extend(read_log(log)?);
    }
    let mut registry = records(connection, asked, Which::Registry).await?;
    let mut scheduler = records(connection, asked, Which::Scheduler).await?;
    if let Some(until) = asked.until.as_deref().map(moment).transpose()? {
        let until = jiff::Timestamp::new(until.seconds, until.nanos)?;
        registry.retain(|record| record.recorded_at <= until);
        scheduler.retain(|record| record.recorded_at <= until);
        entries.retain(|entry| entry.at <= until);
    }
    let evidence = Evidence::new(&registry, &scheduler, &entries)?;
    let findings = evidence.findings();
    let owed = if asked.at_rest { evidence.owed() } else { Vec::new() };
    let unseen: Vec<String> = evidence.suppliers_without_log().iter().map(ToString::to_string).collect();
    let read = [registry.len(), scheduler.len(), entries.len()];
    output.print_own(&as_json(&findings, &owed, &unseen, read), || table(&findings, &owed, &unseen, read))?;
    let breaches_count: usize = findings.iter().map(|found| found.breaches.len()).sum();
    if breaches_count + owed.len() == 0 { Ok(()) } else { Err(PromiseBroken(breaches_count + owed.len()).into()) }
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
        let recorded_at = jiff::Timestamp::new(recorded_at.seconds, recorded_at.nanos)?;
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
        return Err(Tampered(format!("{} ({finding})", which.name())).into());
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
fn read_log(path: &Path) -> anyhow::Result<Vec<Entry>> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    let entry = |(index, line): (usize, &str)| {
        let wrong = |error| BadInput(format!("{}, line {}: {error}", path.display(), index + 1));
        serde_json::from_str(line).map_err(|error| wrong(error).into())
    };
    whole.lines().enumerate().map(entry).collect()
}

fn as_json(findings: &[Finding], owed: &[String], unseen: &[String], read: [usize; 3]) -> serde_json::Value {
    let promise = |found: &Finding| {
        json!({
            "promise": found.promise.to_string(),
            "words": found.promise.words(),
            "cases_count": found.cases_count,
            "breaches": found.breaches,
        })
    };
    let [registry, scheduler, log] = read;
    json!({
        "registry_records_count": registry,
        "scheduler_records_count": scheduler,
        "suppliers_log_lines_count": log,
        "promises": findings.iter().map(promise).collect::<Vec<_>>(),
        "owed": owed,
        "suppliers_without_log": unseen,
    })
}

fn table(findings: &[Finding], owed: &[String], unseen: &[String], read: [usize; 3]) -> Table {
    let mut table = Table::new(&["promise", "cases", "found"]);
    for found in findings {
        let words = format!("{} {}", found.promise, found.promise.words());
        let kept = || if found.cases_count == 0 { "nothing to look at".to_owned() } else { "kept".to_owned() };
        let first = found.breaches.first().map_or_else(kept, |breach| format!("BROKEN: {breach}"));
        table.row([words, found.cases_count.to_string(), first]);
        for breach in found.breaches.iter().skip(1) {
            table.row([String::new(), String::new(), format!("BROKEN: {breach}")]);
        }
    }
    for owed in owed {
        table.row(["at rest".to_owned(), String::new(), format!("OWED: {owed}")]);
    }
    for supplier in unseen {
        table.row(["not shown".to_owned(), String::new(), format!("what {supplier} did: no log of it is here")]);
    }
    let [registry, scheduler, log] = read;
    let read =
        format!("{registry} records of the registry, {scheduler} of the scheduler, {log} lines of suppliers' logs");
    table.row(["read".to_owned(), String::new(), read]);
    table
}

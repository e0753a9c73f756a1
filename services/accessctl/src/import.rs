//! `accessctl import`: the publishers' files, streamed to the registry; bank holidays, to the scheduler's calendar.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use anstream::{eprintln, println};
use anyhow::Context;
use clap::{Args, Subcommand, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};
use proto::registry::v1 as registry;
use proto::scheduler::v1 as scheduler;

use crate::connection::{Connection, every_page};
use crate::mutation::Change;
use crate::output::{Output, Table, number, word};

/// Bytes of one message: well below the services' limit of 4 MiB.
const CHUNK_BYTES: usize = 256 * 1024;

/// Ways of moving that a table shows; in JSON all are there.
const WAYS_SHOWN_MAX: usize = 50;

/// Organisations of one sort that are shown by their codes.
const ORGANISATIONS_SHOWN_MAX: usize = 40;

#[derive(Subcommand)]
pub(crate) enum Import {
    /// gp-reg-pat-prac-map: practices, their organisations and suppliers
    Map(ImportFile),
    /// gp-reg-pat-prac-all: registered patients per practice
    ListSizes(ImportFile),
    /// epraccur, in either layout: every practice with its dates and status
    Epraccur(ImportFile),
    /// GOV.UK's bank-holidays.json, for the scheduler's calendar
    BankHolidays(ImportFile),
    /// What an import changed, practice by practice and value by value
    Changes {
        /// The import, as its report names it
        import: String,
        /// Only changes of this kind
        #[arg(long)]
        kind: Option<Kind>,
    },
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Kind {
    Created,
    Updated,
    Moved,
    Closed,
}

impl Kind {
    fn to_wire(self) -> registry::ImportChangeKind {
        match self {
            Self::Created => registry::ImportChangeKind::Created,
            Self::Updated => registry::ImportChangeKind::Updated,
            Self::Moved => registry::ImportChangeKind::Moved,
            Self::Closed => registry::ImportChangeKind::Closed,
        }
    }
}

#[derive(Args)]
pub(crate) struct ImportFile {
    /// The file, as published; `.gz` is unpacked on the way
    file: PathBuf,
    /// From which date its facts hold; the file's own where it is left out
    #[arg(long, value_name = "DATE")]
    effective_date: Option<String>,
    #[command(flatten)]
    change: Change,
}

pub(crate) async fn run(connection: &Connection, output: Output, import: Import) -> anyhow::Result<()> {
    use registry::DirectoryFormat;
    match import {
        Import::Map(file) => directory(connection, output, DirectoryFormat::Map, &file).await,
        Import::ListSizes(file) => directory(connection, output, DirectoryFormat::ListSizes, &file).await,
        Import::Epraccur(file) => directory(connection, output, DirectoryFormat::Epraccur, &file).await,
        Import::BankHolidays(file) => bank_holidays(connection, output, &file).await,
        Import::Changes { import, kind } => changes(connection, output, &import, kind).await,
    }
}

async fn directory(
    connection: &Connection,
    output: Output,
    format: registry::DirectoryFormat,
    import: &ImportFile,
) -> anyhow::Result<()> {
    let bytes = read(&import.file)?;
    let header = registry::ImportHeader {
        format: format.into(),
        effective_date: import.effective_date.clone().unwrap_or_default(),
        file_name: file_name(&import.file),
        request_id: import.change.request_id()?,
        reason_code: import.change.reason_code.clone(),
        note: import.change.reason.clone(),
        dry_run: import.change.dry_run,
        ..Default::default()
    };
    let progress = progress(output, bytes.len() as u64)?;
    let sent = progress.clone();
    let parts = std::iter::once(registry::import_directory_request::Part::Header(header)).chain(
        bytes.chunks(CHUNK_BYTES).map(<[u8]>::to_vec).collect::<Vec<_>>().into_iter().map(move |chunk| {
            sent.inc(chunk.len() as u64);
            registry::import_directory_request::Part::Data(chunk.into())
        }),
    );
    let parts = parts.map(|part| registry::ImportDirectoryRequest { part: Some(part) });
    let report = connection.registry().import_directory(tokio_stream::iter(parts)).await;
    progress.finish_and_clear();
    let report = report.with_context(|| format!("{} was not imported", import.file.display()))?.into_inner();
    if output.for_people() {
        tell_rejected(&report);
        tell_moves(&report);
        tell_organisations(&report);
    }
    output.print("citizens_access.registry.v1.ImportDirectoryResponse", &report, || {
        Table::facts([
            ("import", report.import.clone()),
            ("file", file_name(&import.file)),
            ("effective from", report.effective_date.clone()),
            ("created", number(report.created_count.into())),
            ("updated", number(report.updated_count.into())),
            ("moved", number(report.moved_count.into())),
            ("closed", number(report.closed_count.into())),
            ("unchanged", number(report.unchanged_count.into())),
            ("rejected rows", number(report.rejected_count.into())),
            ("organisations", number(report.organisations_changed_count.into())),
            ("position", report.position.to_string()),
            ("", what_next(&report, import.change.dry_run)),
        ])
    })
}

fn what_next(report: &registry::ImportDirectoryResponse, dry_run: bool) -> String {
    match (dry_run, report.affected_count) {
        (true, _) => "dry run: nothing was changed; --output json has what would be, practice by practice".to_owned(),
        (false, 0) => String::new(),
        (false, _) => format!("practice by practice: accessctl import changes {}", report.import),
    }
}

/// Which ways practices went, in sum: `accessctl import changes` has them one by one.
fn tell_moves(report: &registry::ImportDirectoryResponse) {
    let mut table = Table::new(&["MOVED", "FROM", "TO", "PRACTICES"]);
    for way in report.moves.iter().take(WAYS_SHOWN_MAX) {
        table.row([field(&way.field), way.from.clone(), way.to.clone(), number(way.practices_count)]);
    }
    if !report.moves.is_empty() {
        table.print();
        let more = report.moves.len().saturating_sub(WAYS_SHOWN_MAX);
        if more > 0 {
            println!("… and {more} more ways");
        }
        println!();
    }
}

/// What became of organisations; those that are not named may have closed, which somebody has to say.
fn tell_organisations(report: &registry::ImportDirectoryResponse) {
    use registry::OrganisationChangeKind::{Changed, Created, NotNamed};
    for (change, what) in [(Created, "new"), (Changed, "changed"), (NotNamed, "not named any more")] {
        let told = report.organisation_changes.iter().filter(|told| told.change() == change);
        let codes: Vec<&str> = told.map(|told| told.organisation.trim_start_matches("organisations/")).collect();
        if codes.is_empty() {
            continue;
        }
        let shown = codes.iter().take(ORGANISATIONS_SHOWN_MAX).copied().collect::<Vec<_>>().join(" ");
        let more = codes.len().saturating_sub(ORGANISATIONS_SHOWN_MAX);
        let more = if more > 0 { format!(" … and {more} more") } else { String::new() };
        println!("organisations {what}: {shown}{more}");
    }
    if report.organisation_changes.iter().any(|told| told.change() == NotNamed) {
        println!(
            "one that is not named is not closed by that; if it is: accessctl organisation set-lifetime CODE --close DATE"
        );
    }
}

/// As people call a practice's field.
fn field(name: &str) -> String {
    match name {
        "pcn_code" => "PCN".to_owned(),
        "sub_icb_code" => "sub-ICB".to_owned(),
        "icb_code" => "ICB".to_owned(),
        "region_code" => "region".to_owned(),
        "display_name" => "name".to_owned(),
        other => other.replace('_', " "),
    }
}

async fn changes(connection: &Connection, output: Output, import: &str, kind: Option<Kind>) -> anyhow::Result<()> {
    let list = registry::ListImportChangesRequest {
        name: if import.starts_with("imports/") { import.to_owned() } else { format!("imports/{import}") },
        kind: kind.map_or(registry::ImportChangeKind::Unspecified, Kind::to_wire).into(),
        ..Default::default()
    };
    let reply = every_page!(connection.registry(), list_import_changes, list, changes);
    output.print("citizens_access.registry.v1.ListImportChangesResponse", &reply, || {
        let mut table = Table::new(&["PRACTICE", "NAME", "WHAT", "FIELD", "FROM", "TO"]);
        for change in &reply.changes {
            let practice = change.practice.trim_start_matches("practices/");
            let what = word(change.kind().as_str_name(), "IMPORT_CHANGE_KIND_");
            let mut row = |field: String, from: &str, to: &str| {
                let (practice, name) = (practice.to_owned(), change.display_name.clone());
                table.row([practice, name, what.clone(), field, from.to_owned(), to.to_owned()]);
            };
            for value in &change.values {
                row(field(&value.field), &value.from, &value.to);
            }
            if change.values.is_empty() {
                row(String::new(), "", "");
            }
        }
        table
    })
}

/// Rows that were left out go to standard error: the report itself stays what was asked for.
fn tell_rejected(report: &registry::ImportDirectoryResponse) {
    for row in &report.rejected_rows {
        eprintln!("line {}, {}: {}", row.line, row.column, row.reason);
    }
    let more = usize::try_from(report.rejected_count).unwrap_or(0).saturating_sub(report.rejected_rows.len());
    if more > 0 {
        eprintln!("… and {more} more rejected rows");
    }
}

async fn bank_holidays(connection: &Connection, output: Output, import: &ImportFile) -> anyhow::Result<()> {
    let update = scheduler::UpdateCalendarRequest {
        bank_holidays_json: read(&import.file)?.into(),
        request_id: import.change.request_id()?,
        reason_code: import.change.reason_code.clone(),
        note: import.change.reason.clone(),
        dry_run: import.change.dry_run,
        ..Default::default()
    };
    let reply = connection.calendar().update_calendar(update).await;
    let reply = reply.with_context(|| format!("{} was not imported", import.file.display()))?.into_inner();
    output.print("citizens_access.scheduler.v1.UpdateCalendarResponse", &reply, || {
        let calendar = reply.calendar.clone().unwrap_or_default();
        Table::facts([
            ("bank holidays", calendar.bank_holidays.len().to_string()),
            ("known until", calendar.known_until),
            ("position", reply.position.to_string()),
        ])
    })?;
    if output.for_people() && import.change.dry_run {
        println!("dry run: nothing was changed");
    }
    Ok(())
}

/// The bytes of a file, unpacked where its name ends with `.gz`.
pub(crate) fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    let file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
    let mut bytes = Vec::new();
    let packed = path.extension().is_some_and(|extension| extension == "gz");
    let result = if packed {
        flate2::read::MultiGzDecoder::new(BufReader::new(file)).read_to_end(&mut bytes)
    } else {
        BufReader::new(file).read_to_end(&mut bytes)
    };
    result.with_context(|| format!("cannot read {}", path.display()))?;
    Ok(bytes)
}

fn file_name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// A progress bar on standard error, which shows itself only on a terminal.
fn progress(output: Output, bytes: u64) -> anyhow::Result<ProgressBar> {
    if !output.for_people() {
        return Ok(ProgressBar::hidden());
    }
    let bar = ProgressBar::new(bytes);
    bar.set_style(ProgressStyle::with_template("importing {wide_bar} {bytes}/{total_bytes}")?);
    Ok(bar)
}

//! `accessctl returns import`: a publisher's file, read here, sent to the statistics in chunks.
//!
//! Each chunk is a submission of its own below the import's request id (`ID/1`, `ID/2`, …): an import that broke off is repeated
//! under its id and goes on where it was. What says the same as what is known is not recorded again, whatever its id.

use std::path::PathBuf;

use anstream::eprintln;
use anyhow::Context;
use clap::{Args, ValueEnum};
use ods::pomi::{Pomi, PracticeReturn};
use ods::{Capability, Document, Format, Reading};
use proto::statistics::v1 as statistics;
use serde_json::json;

use super::capability;
use crate::connection::Connection;
use crate::failure::BadInput;
use crate::import::read;
use crate::mutation::Change;
use crate::output::{Output, Table, number};

/// Returns of one chunk: some hundred kilobytes, and a record of the journal that is soon written.
const CHUNK_RETURNS_MAX: usize = 1_000;

/// Rejected rows that are told to people; in JSON all are there.
const REJECTIONS_SHOWN_MAX: usize = 100;

#[derive(Args)]
pub(crate) struct Import {
    /// The file, as published; `.gz` is unpacked on the way
    file: PathBuf,
    /// Its layout
    #[arg(long, value_enum)]
    layout: Layout,
    /// Access to what its accounts have; needed for the wide layout, which does not say, and not for the long one
    #[arg(long)]
    capability: Option<String>,
    #[command(flatten)]
    change: Change,
}

/// How a file of POMI is laid out.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Layout {
    /// A row for each practice
    Wide,
    /// A row for each practice and field
    Long,
}

impl Layout {
    fn format(self) -> Format {
        match self {
            Self::Wide => Format::PomiWide,
            Self::Long => Format::PomiLong,
        }
    }
}

/// What became of the chunks, summed.
#[derive(Default)]
struct Sums {
    first: i64,
    revised: i64,
    unchanged: i64,
    position: u64,
}

pub(crate) async fn run(connection: &Connection, output: Output, import: &Import) -> anyhow::Result<()> {
    let capability = capability(import.capability.as_deref())?;
    match (import.layout, &capability) {
        (Layout::Wide, None) => {
            let message = "the wide layout does not say access to what its accounts have: say it with --capability";
            return Err(BadInput(message.to_owned()).into());
        }
        (Layout::Long, Some(_)) => {
            return Err(BadInput("the fields of the long layout say themselves what they count".to_owned()).into());
        }
        _ => {}
    }
    let reading = parse(import)?;
    let request_id = import.change.request_id()?;
    let mut sums = Sums::default();
    for (index, chunk) in chunks(&reading.document).enumerate() {
        let request = statistics::SubmitReturnsRequest {
            request_id: format!("{request_id}/{}", index + 1),
            reason_code: import.change.reason_code.clone(),
            note: import.change.reason.clone(),
            dry_run: import.change.dry_run,
            ..submission(chunk, capability.as_ref())
        };
        let reply = connection.ingest().submit_returns(request).await;
        let reply = reply.with_context(|| {
            format!("the import broke off at its chunk {}; repeat it with --request-id {request_id}", index + 1)
        })?;
        let reply = reply.into_inner();
        sums.first += i64::from(reply.first_count);
        sums.revised += i64::from(reply.revised_count);
        sums.unchanged += i64::from(reply.unchanged_count);
        sums.position = reply.position;
    }
    report(output, import, &request_id, &reading, &sums)
}

fn parse(import: &Import) -> anyhow::Result<Reading<Pomi>> {
    let bytes = read(&import.file)?;
    let reading = ods::read(import.layout.format(), &bytes).map_err(|refusal| BadInput(refusal.to_string()))?;
    let Reading { document: Document::Pomi(document), rejections } = reading else {
        return Err(BadInput(format!("{} holds no returns", import.file.display())).into());
    };
    Ok(Reading { document, rejections })
}

/// Returns that one submission can hold: of one period, supplier and capability.
fn chunks(pomi: &Pomi) -> impl Iterator<Item = &[PracticeReturn]> {
    let belong_together = |one: &PracticeReturn, next: &PracticeReturn| {
        (one.period_start, one.period_end, &one.supplier, &one.capability)
            == (next.period_start, next.period_end, &next.supplier, &next.capability)
    };
    pomi.returns.chunk_by(belong_together).flat_map(|submission| submission.chunks(CHUNK_RETURNS_MAX))
}

fn submission(chunk: &[PracticeReturn], otherwise: Option<&Capability>) -> statistics::SubmitReturnsRequest {
    let Some(first) = chunk.first() else { return statistics::SubmitReturnsRequest::default() };
    let capability = first.capability.as_ref().or(otherwise).cloned().unwrap_or_default();
    statistics::SubmitReturnsRequest {
        supplier: format!("suppliers/{}", first.supplier),
        capability: capability.to_string(),
        period_start_date: first.period_start.to_string(),
        period_end_date: first.period_end.to_string(),
        returns: chunk.iter().map(to_wire).collect(),
        ..Default::default()
    }
}

fn to_wire(kept: &PracticeReturn) -> statistics::PracticeReturn {
    // A file's counts have at most ten digits.
    let count = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    let counts = &kept.counts;
    statistics::PracticeReturn {
        practice: format!("practices/{}", kept.practice),
        patients_registered: counts.patients_registered.map(count).unwrap_or_default(),
        online_accounts: counts.online_accounts.map(count).unwrap_or_default(),
        accounts_with_access: count(counts.accounts_with_access),
        excluded_by_review_code: count(counts.excluded_by_review_code),
        exclusions_overridden: count(counts.exclusions_overridden),
    }
}

fn report(
    output: Output,
    import: &Import,
    request_id: &str,
    reading: &Reading<Pomi>,
    sums: &Sums,
) -> anyhow::Result<()> {
    if output.for_people() {
        for fault in reading.rejections.iter().take(REJECTIONS_SHOWN_MAX) {
            eprintln!("{fault}");
        }
        let more = reading.rejections.len().saturating_sub(REJECTIONS_SHOWN_MAX);
        if more > 0 {
            eprintln!("… and {more} more; --output json has all");
        }
        for (field, rows) in &reading.document.not_kept {
            eprintln!("{field}: {rows} values were passed over, since no figure is made of them");
        }
    }
    let rejections = reading.rejections.iter().map(|fault| {
        json!({
            "line": fault.line,
            "column": fault.column,
            "column_name": fault.column_name,
            "reason": fault.reason.code(),
            "message": fault.to_string(),
        })
    });
    let own = json!({
        "request_id": request_id,
        "dry_run": import.change.dry_run,
        "returns": reading.document.returns.len(),
        "first": sums.first,
        "revised": sums.revised,
        "unchanged": sums.unchanged,
        "position": sums.position,
        "rejected_rows": reading.rejected_rows(),
        "rejections": rejections.collect::<Vec<_>>(),
        "not_kept": reading.document.not_kept,
    });
    output.print_own(&own, || {
        let whole = |count: usize| number(i64::try_from(count).unwrap_or(i64::MAX));
        let dry_run = if import.change.dry_run { "dry run: nothing was recorded" } else { "" };
        Table::facts([
            ("import", request_id.to_owned()),
            ("returns", whole(reading.document.returns.len())),
            ("first", number(sums.first)),
            ("revised", number(sums.revised)),
            ("unchanged", number(sums.unchanged)),
            ("rejected rows", number(i64::try_from(reading.rejected_rows()).unwrap_or(i64::MAX))),
            ("position", sums.position.to_string()),
            ("", dry_run.to_owned()),
        ])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(supplier: &str, practice: usize) -> PracticeReturn {
        PracticeReturn {
            period_start: jiff::civil::date(2031, 3, 1),
            period_end: jiff::civil::date(2031, 3, 31),
            supplier: supplier.parse().unwrap(),
            capability: None,
            practice: format!("A{practice:05}").parse().unwrap(),
            counts: Default::default(),
            labels: Default::default(),
        }
    }

    #[test]
    fn a_chunk_is_of_one_supplier_and_not_too_large() {
        let emis = (0..=CHUNK_RETURNS_MAX).map(|practice| kept("EMIS", practice));
        let returns = emis.chain([kept("TPP", 9_999)]).collect();
        let pomi = Pomi { returns, ..Pomi::default() };
        let sizes: Vec<usize> = chunks(&pomi).map(<[_]>::len).collect();
        assert_eq!(sizes, [CHUNK_RETURNS_MAX, 1, 1]);
        let last = chunks(&pomi).last().map(|chunk| submission(chunk, None)).unwrap();
        assert_eq!((last.supplier.as_str(), last.returns.len()), ("suppliers/TPP", 1));
    }
}

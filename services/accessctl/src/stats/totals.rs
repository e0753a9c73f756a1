//! `accessctl stats totals` and `import-totals`: registered patients by organisation, as published.

use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use ods::{Document, Format};
use proto::statistics::v1 as statistics;

use crate::connection::{Connection, every_page};
use crate::failure::BadInput;
use crate::import::read;
use crate::moments::{as_at, shown};
use crate::mutation::Change;
use crate::output::{Output, Table, number};

#[derive(Args)]
pub(crate) struct ImportTotals {
    /// The file: org_type, org_code, registered_patients, registered_16_plus; `.gz` is unpacked on the way
    file: PathBuf,
    /// The publication, as it is to be named beside every figure
    #[arg(long)]
    source: String,
    /// The day at which its totals held
    #[arg(long, value_name = "DATE")]
    as_at_date: String,
    #[command(flatten)]
    change: Change,
}

#[derive(Args)]
pub(crate) struct Totals {
    /// england, regions/Y56, icbs/QWE, sub-icbs/36L or pcns/U12345; all where it is left out
    #[arg(default_value = "")]
    organisation: String,
    /// Only this publication
    #[arg(long, default_value = "")]
    source: String,
    /// A date (its last instant) or a moment, London's time; now where it is left out
    #[arg(long)]
    as_at: Option<String>,
    /// What was known by then
    #[arg(long)]
    known_at: Option<String>,
}

pub(crate) async fn import(connection: &Connection, output: Output, import: ImportTotals) -> anyhow::Result<()> {
    let bytes = read(&import.file)?;
    let reading = ods::read(Format::Totals, &bytes).map_err(|refusal| BadInput(refusal.to_string()))?;
    let Document::Totals(totals) = reading.document else {
        return Err(BadInput(format!("{} holds no totals", import.file.display())).into());
    };
    // A file's counts have at most ten digits.
    let count = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    let totals = totals.0.into_iter().map(|(organisation, total)| statistics::OrganisationTotal {
        organisation: organisation.to_string(),
        patients_registered: count(total.patients),
        aged_16_and_over: count(total.aged_16_and_over),
    });
    let submit = statistics::SubmitTotalsRequest {
        source: import.source,
        as_at_date: import.as_at_date,
        totals: totals.collect(),
        request_id: import.change.request_id()?,
        reason_code: import.change.reason_code.clone(),
        note: import.change.reason.clone(),
        dry_run: import.change.dry_run,
    };
    let reply = connection.denominators().submit_totals(submit).await;
    let reply = reply.with_context(|| format!("{} was not imported", import.file.display()))?.into_inner();
    output.print("citizens_access.statistics.v1.SubmitTotalsResponse", &reply, || {
        let dry_run = if import.change.dry_run { "dry run: nothing was recorded" } else { "" };
        Table::facts([
            ("first", number(reply.first_count.into())),
            ("revised", number(reply.revised_count.into())),
            ("unchanged", number(reply.unchanged_count.into())),
            ("removed", number(reply.removed_count.into())),
            ("position", reply.position.to_string()),
            ("", dry_run.to_owned()),
        ])
    })
}

pub(crate) async fn list(connection: &Connection, output: Output, asked: Totals) -> anyhow::Result<()> {
    let list = statistics::ListTotalsRequest {
        organisation: asked.organisation,
        source: asked.source,
        as_at: asked.as_at.as_deref().map(as_at).transpose()?,
        known_at: asked.known_at.as_deref().map(as_at).transpose()?,
        ..Default::default()
    };
    let reply = every_page!(connection.denominators(), list_totals, list, totals);
    output.print("citizens_access.statistics.v1.ListTotalsResponse", &reply, || {
        let mut table = Table::new(&["ORGANISATION", "PATIENTS", "AGED 16 AND OVER", "PUBLICATION", "OF", "RECORDED"]);
        for total in &reply.totals {
            table.row([
                total.organisation.clone(),
                number(total.patients_registered),
                number(total.aged_16_and_over),
                total.source.clone(),
                total.as_at_date.clone(),
                shown(total.record_time.as_ref()),
            ]);
        }
        table
    })
}

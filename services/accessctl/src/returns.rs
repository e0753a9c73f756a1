//! `accessctl returns`: suppliers' counts per practice and month, in the publisher's layouts; what was known when; and what they
//! contradict.

mod export;
mod import;

use clap::{Args, Subcommand};
use jiff::civil::Date;
use proto::statistics::v1 as statistics;

use crate::connection::{Connection, every_page};
use crate::failure::BadInput;
use crate::moments::{as_at, shown};
use crate::mutation::name;
use crate::output::{Output, Table, number, word};

#[derive(Subcommand)]
pub(crate) enum Returns {
    /// Record the returns of a file of POMI
    Import(import::Import),
    /// Write the returns of a month in POMI's long layout
    Export(export::Export),
    /// Returns as they were recorded, with who sent them and when
    List(List),
    /// Where the returns of a month contradict the registry, or the events
    Check(Check),
}

#[derive(Args)]
pub(crate) struct List {
    /// Only of periods that end in this month, e.g. 2031-01
    #[arg(long, value_name = "MONTH")]
    month: Option<String>,
    /// Only of this practice
    #[arg(long, default_value = "")]
    practice: String,
    /// Only of this supplier
    #[arg(long, default_value = "")]
    supplier: String,
    /// Access to what; prospective-records where it is left out
    #[arg(long)]
    capability: Option<String>,
    /// Also what a later revision took the place of
    #[arg(long)]
    all_revisions: bool,
    /// By what had been recorded at this moment, or by the end of this day
    #[arg(long, value_name = "MOMENT")]
    known_at: Option<String>,
}

#[derive(Args)]
pub(crate) struct Check {
    /// Which month, e.g. 2031-01
    month: String,
    /// Only practices of this area: england, regions/Y56, icbs/QWE, suppliers/EMIS or practices/A81001
    #[arg(long, default_value = "england")]
    area: String,
    /// Only this kind, as the list names it, e.g. NO_RETURN
    #[arg(long, value_name = "KIND")]
    kind: Option<String>,
    /// Access to what; prospective-records where it is left out
    #[arg(long)]
    capability: Option<String>,
    /// By what had been recorded at this moment, or by the end of this day
    #[arg(long, value_name = "MOMENT")]
    known_at: Option<String>,
}

pub(crate) async fn run(connection: &Connection, output: Output, returns: Returns) -> anyhow::Result<()> {
    match returns {
        Returns::Import(import) => import::run(connection, output, &import).await,
        Returns::Export(export) => export::run(connection, output, &export).await,
        Returns::List(asked) => list(connection, output, &asked).await,
        Returns::Check(asked) => check(connection, output, &asked).await,
    }
}

async fn list(connection: &Connection, output: Output, asked: &List) -> anyhow::Result<()> {
    let month = asked.month.as_deref().map(month).transpose()?;
    let list = statistics::ListReturnsRequest {
        capability: capability(asked.capability.as_deref())?.unwrap_or_default().to_string(),
        from_date: month.map(|(first, _)| first.to_string()).unwrap_or_default(),
        to_date: month.map(|(_, last)| last.to_string()).unwrap_or_default(),
        practice: asked.practice.clone(),
        supplier: asked.supplier.clone(),
        all_revisions: asked.all_revisions,
        known_at: asked.known_at.as_deref().map(as_at).transpose()?,
        ..Default::default()
    };
    let reply = every_page!(connection.returns(), list_returns, list, returns);
    output.print("citizens_access.statistics.v1.ListReturnsResponse", &reply, || {
        let mut table = Table::new(&[
            "PRACTICE",
            "SUPPLIER",
            "FROM",
            "TO",
            "LIST",
            "ONLINE ACCOUNTS",
            "WITH ACCESS",
            "EXCLUDED",
            "REVISION",
            "RECORDED",
            "BY",
            "REASON",
            "UNTIL",
        ]);
        for row in &reply.returns {
            let given = |count: i64| if count == 0 { String::new() } else { number(count) };
            table.row([
                row.practice.trim_start_matches("practices/").to_owned(),
                row.supplier.trim_start_matches("suppliers/").to_owned(),
                row.period_start_date.clone(),
                row.period_end_date.clone(),
                given(row.patients_registered),
                given(row.online_accounts),
                number(row.accounts_with_access),
                number(row.excluded_by_review_code),
                row.revision.to_string(),
                shown(row.record_time.as_ref()),
                row.submitted_by.clone(),
                row.reason_code.clone(),
                shown(row.superseded_time.as_ref()),
            ]);
        }
        table
    })
}

async fn check(connection: &Connection, output: Output, asked: &Check) -> anyhow::Result<()> {
    let (first, last) = month(&asked.month)?;
    let list = statistics::ListReturnDifferencesRequest {
        period_start_date: first.to_string(),
        period_end_date: last.to_string(),
        capability: capability(asked.capability.as_deref())?.unwrap_or_default().to_string(),
        area: asked.area.clone(),
        kind: kind_from(asked.kind.as_deref())?.into(),
        known_at: asked.known_at.as_deref().map(as_at).transpose()?,
        ..Default::default()
    };
    let reply = every_page!(connection.returns(), list_return_differences, list, differences);
    if output.for_people() {
        anstream::eprintln!(
            "{} practices were live at the end of {}, {} returned; known at {}, registry position {}",
            number(reply.practices_live_count),
            asked.month,
            number(reply.practices_returned_count),
            shown(reply.known_at.as_ref()),
            reply.registry_position,
        );
    }
    output.print("citizens_access.statistics.v1.ListReturnDifferencesResponse", &reply, || {
        let mut table = Table::new(&[
            "PRACTICE",
            "WHAT",
            "REGISTRY",
            "RETURNED BY",
            "TO",
            "WITH ACCESS",
            "LIST",
            "CHANGE",
            "BY EVENTS",
        ]);
        for row in &reply.differences {
            let is_returned = !row.return_supplier.is_empty();
            let has_events = row.kind() == statistics::ReturnDifferenceKind::EventsDiffer;
            let change = |count: i64| if has_events { number(count) } else { String::new() };
            table.row([
                row.practice.trim_start_matches("practices/").to_owned(),
                word(row.kind().as_str_name(), KIND_PREFIX),
                row.registry_supplier.trim_start_matches("suppliers/").to_owned(),
                row.return_supplier.trim_start_matches("suppliers/").to_owned(),
                row.period_end_date.clone(),
                if is_returned { number(row.accounts_with_access) } else { String::new() },
                if row.patients_registered > 0 { number(row.patients_registered) } else { String::new() },
                change(row.accounts_change),
                change(row.events_change),
            ]);
        }
        table
    })
}

const KIND_PREFIX: &str = "RETURN_DIFFERENCE_KIND_";

fn kind_from(kind: Option<&str>) -> anyhow::Result<statistics::ReturnDifferenceKind> {
    let Some(kind) = kind else { return Ok(statistics::ReturnDifferenceKind::Unspecified) };
    let named = format!("{KIND_PREFIX}{}", kind.to_uppercase().replace([' ', '-'], "_"));
    let known = statistics::ReturnDifferenceKind::from_str_name(&named);
    Ok(known.ok_or_else(|| BadInput(format!("{kind:?} is no kind of difference; see accessctl returns check")))?)
}

/// The first and the last day of a month written `2031-01`.
fn month(text: &str) -> Result<(Date, Date), BadInput> {
    let first: Option<Date> = if text.len() == "2031-01".len() { format!("{text}-01").parse().ok() } else { None };
    let first = first.ok_or_else(|| BadInput(format!("{text:?} is no month: write 2031-01")))?;
    Ok((first, first.last_of_month()))
}

/// `capabilities/…` from itself or its id; None where nothing was given.
fn capability(given: Option<&str>) -> Result<Option<ods::Capability>, BadInput> {
    let parse = |given: &str| {
        let capability = name("capabilities", given).parse();
        capability.map_err(|error: ods::CodeError| BadInput(error.to_string()))
    };
    given.map(parse).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_has_its_first_and_its_last_day() {
        let (first, last) = month("2024-02").unwrap();
        assert_eq!((first.to_string().as_str(), last.to_string().as_str()), ("2024-02-01", "2024-02-29"));
        for wrong in ["2024-13", "2024", "2024-02-01", "24-02", "february"] {
            assert!(month(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_capability_is_its_id_or_its_name() {
        let named = |given| capability(Some(given)).map(|capability| capability.unwrap().to_string());
        assert_eq!(named("historic-records").unwrap(), "capabilities/historic-records");
        assert_eq!(named("capabilities/historic-records").unwrap(), "capabilities/historic-records");
        assert!(named("Historic").is_err());
    }
}

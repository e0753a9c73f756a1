//! `accessctl returns export`: a month's returns in POMI's long layout; imported again it changes nothing.
//!
//! The layout has only the month's last day, so what is written are the returns of whole calendar months. The names in it are the
//! registry's.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anstream::eprintln;
use anyhow::Context;
use clap::Args;
use jiff::civil::Date;
use ods::PracticeCode;
use ods::pomi::{Counts, Labels, Pomi, PracticeReturn};
use proto::registry::v1 as registry;
use proto::statistics::v1 as statistics;

use super::{capability, month};
use crate::connection::{Connection, every_page};
use crate::moments::as_at;
use crate::output::{Output, number};

/// Practices asked for at a time: as many as the registry takes.
const PRACTICES_MAX: usize = 1_000;

#[derive(Args)]
pub(crate) struct Export {
    /// Which month, e.g. 2031-01
    month: String,
    /// Access to what; prospective-records where it is left out
    #[arg(long)]
    capability: Option<String>,
    /// By what had been recorded at this moment, or by the end of this day
    #[arg(long, value_name = "MOMENT")]
    known_at: Option<String>,
    /// Where to; standard output where it is left out
    #[arg(long, value_name = "FILE")]
    to: Option<PathBuf>,
}

pub(crate) async fn run(connection: &Connection, output: Output, export: &Export) -> anyhow::Result<()> {
    let (first, last) = month(&export.month)?;
    let capability = capability(export.capability.as_deref())?.unwrap_or_default();
    let list = statistics::ListReturnsRequest {
        capability: capability.to_string(),
        from_date: first.to_string(),
        to_date: last.to_string(),
        known_at: export.known_at.as_deref().map(as_at).transpose()?,
        ..Default::default()
    };
    let listed = every_page!(connection.returns(), list_returns, list, returns).returns;
    let (whole, other): (Vec<_>, Vec<_>) = listed
        .into_iter()
        .partition(|row| (&row.period_start_date, &row.period_end_date) == (&first.to_string(), &last.to_string()));
    let names: Vec<String> = whole.iter().map(|row| row.practice.clone()).collect();
    let mut labels = labels(connection, &names).await?;
    let mut pomi = Pomi::default();
    for row in &whole {
        let labels = labels.remove(&row.practice).unwrap_or_default();
        let kept = to_return(row, (first, last), labels)?;
        pomi.returns.push(PracticeReturn { capability: Some(capability.clone()), ..kept });
    }
    write(export, &pomi)?;
    if !other.is_empty() {
        let count = number(i64::try_from(other.len()).unwrap_or(i64::MAX));
        eprintln!("{count} returns of other periods that end in {} are not in the file", export.month);
    }
    if output.for_people() && export.to.is_some() {
        eprintln!("{} returns of {}", number(i64::try_from(whole.len()).unwrap_or(i64::MAX)), export.month);
    }
    Ok(())
}

fn to_return(row: &statistics::Return, days: (Date, Date), labels: Labels) -> anyhow::Result<PracticeReturn> {
    let practice: PracticeCode = row.practice.trim_start_matches("practices/").parse()?;
    let count = |count: i64| u64::try_from(count).context("the statistics tell of a count below nothing");
    let given = |value: i64| if value == 0 { Ok(None) } else { count(value).map(Some) };
    Ok(PracticeReturn {
        period_start: days.0,
        period_end: days.1,
        supplier: row.supplier.trim_start_matches("suppliers/").parse()?,
        capability: None,
        practice,
        counts: Counts {
            accounts_with_access: count(row.accounts_with_access)?,
            online_accounts: given(row.online_accounts)?,
            patients_registered: given(row.patients_registered)?,
            excluded_by_review_code: count(row.excluded_by_review_code)?,
            exclusions_overridden: count(row.exclusions_overridden)?,
        },
        labels,
    })
}

/// What the registry calls practices today; one that it does not know has no names.
async fn labels(connection: &Connection, names: &[String]) -> anyhow::Result<BTreeMap<String, Labels>> {
    let list =
        registry::ListOrganisationsRequest { kind: registry::OrganisationKind::SubIcb.into(), ..Default::default() };
    let sub_icbs = every_page!(connection.registry(), list_organisations, list, organisations).organisations;
    let sub_icbs: BTreeMap<String, String> =
        sub_icbs.into_iter().map(|organisation| (organisation.code, organisation.display_name)).collect();
    let mut labels = BTreeMap::new();
    for some in names.chunks(PRACTICES_MAX) {
        let get = registry::BatchGetPracticesRequest { names: some.to_vec(), ..Default::default() };
        let reply = connection.registry().batch_get_practices(get).await?.into_inner();
        for practice in reply.practices {
            let commissioner_name = sub_icbs.get(&practice.sub_icb_code).cloned().unwrap_or_default();
            let (practice_name, region_code) = (practice.display_name, practice.region_code);
            labels.insert(practice.name, Labels { practice_name, commissioner_name, region_code });
        }
    }
    Ok(labels)
}

fn write(export: &Export, pomi: &Pomi) -> anyhow::Result<()> {
    use std::io::Write as _;
    let file = pomi.encode();
    match &export.to {
        Some(path) => std::fs::write(path, file).with_context(|| format!("cannot write {}", path.display())),
        None => std::io::stdout().write_all(&file).context("cannot write the file"),
    }
}

//! `accessctl stats`: figures with what they mean, of what, as at when.

mod answers;
mod compare;
mod compliance;
mod quarantine;
mod series;
mod totals;

use clap::{Subcommand, ValueEnum};
use proto::statistics::v1 as statistics;

use crate::connection::Connection;
use crate::moments::{as_at, shown};
use crate::output::{Output, Table, number};

#[derive(Subcommand)]
pub(crate) enum Stats {
    /// The main figures of an area at a moment
    Summary {
        /// england, regions/Y56, icbs/QWE, sub-icbs/36L, pcns/U12345, suppliers/EMIS or practices/A81001
        #[arg(long, default_value = "england")]
        area: String,
        /// A date (its last instant) or a moment, London's time; now where it is left out
        #[arg(long)]
        as_at: Option<String>,
        /// What was known by then
        #[arg(long)]
        known_at: Option<String>,
    },
    /// The main figures of an area, and again whenever one has changed, until it is interrupted
    Watch {
        /// england, regions/Y56, icbs/QWE, sub-icbs/36L, pcns/U12345, suppliers/EMIS or practices/A81001
        #[arg(long, default_value = "england")]
        area: String,
        /// At most once in so many seconds
        #[arg(long, value_name = "SECONDS", default_value_t = 5)]
        every_s: u32,
    },
    /// One figure over time
    Series(series::Series),
    /// One figure at the practices of a wave before and after they were switched on, beside the other practices
    Compare(compare::Compare),
    /// The four answers: how many practices are live, how many patients have access, how many more are coming and when, is
    /// there a single deadline
    Answers(answers::Answers),
    /// How far practices have come by the monthly measure of 2024, and how many patients are excluded
    Compliance(compliance::Compliance),
    /// What every figure means, or one of them
    Definitions {
        /// Only this one, e.g. viewers
        definition: Option<String>,
    },
    /// Events that were not counted, and why: how many of which source
    Quarantine(quarantine::Quarantine),
    /// Registered patients by organisation, as published
    Totals(totals::Totals),
    /// Record published totals of registered patients by organisation
    ImportTotals(totals::ImportTotals),
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Measure {
    Live,
    Practices,
    Registered,
    WithAccess,
    Views,
    Viewers,
}

#[derive(Clone, Copy, Default, ValueEnum)]
pub(crate) enum Area {
    #[default]
    England,
    Region,
    Icb,
    SubIcb,
    Pcn,
    Practice,
    Supplier,
}

pub(crate) async fn run(connection: &Connection, output: Output, stats: Stats) -> anyhow::Result<()> {
    match stats {
        Stats::Summary { area, as_at: at, known_at } => {
            let request = statistics::GetSummaryRequest {
                area,
                as_at: at.as_deref().map(as_at).transpose()?,
                known_at: known_at.as_deref().map(as_at).transpose()?,
                ..Default::default()
            };
            let reply = connection.statistics().get_summary(request).await?.into_inner();
            output.print("citizens_access.statistics.v1.GetSummaryResponse", &reply, || summary(&reply))
        }
        Stats::Watch { area, every_s } => {
            let request = statistics::WatchSummaryRequest { area, interval_seconds: every_s, ..Default::default() };
            let mut figures = connection.statistics().watch_summary(request).await?.into_inner();
            while let Some(message) = figures.message().await? {
                output.print("citizens_access.statistics.v1.WatchSummaryResponse", &message, || {
                    summary(message.summary.as_ref().unwrap_or(&Default::default()))
                })?;
            }
            Ok(())
        }
        Stats::Series(asked) => series::run(connection, output, asked).await,
        Stats::Compare(asked) => compare::run(connection, output, asked).await,
        Stats::Answers(asked) => answers::run(connection, output, asked).await,
        Stats::Compliance(asked) => compliance::compliance(connection, output, asked).await,
        Stats::Definitions { definition } => compliance::definitions(connection, output, definition).await,
        Stats::Quarantine(asked) => quarantine::list(connection, output, asked).await,
        Stats::Totals(asked) => totals::list(connection, output, asked).await,
        Stats::ImportTotals(import) => totals::import(connection, output, import).await,
    }
}

fn wire_measure(measure: Measure) -> statistics::Measure {
    match measure {
        Measure::Live => statistics::Measure::PracticesLive,
        Measure::Practices => statistics::Measure::PracticesTotal,
        Measure::Registered => statistics::Measure::PatientsRegistered,
        Measure::WithAccess => statistics::Measure::PatientsWithAccess,
        Measure::Views => statistics::Measure::RecordViews,
        Measure::Viewers => statistics::Measure::Viewers,
    }
}

fn wire_area(area: Area) -> statistics::AreaKind {
    match area {
        Area::England => statistics::AreaKind::England,
        Area::Region => statistics::AreaKind::Region,
        Area::Icb => statistics::AreaKind::Icb,
        Area::SubIcb => statistics::AreaKind::SubIcb,
        Area::Pcn => statistics::AreaKind::Pcn,
        Area::Practice => statistics::AreaKind::Practice,
        Area::Supplier => statistics::AreaKind::Supplier,
    }
}

fn summary(reply: &statistics::GetSummaryResponse) -> Table {
    let mut table = Table::new(&["FIGURE", "VALUE", "OF", "DEFINITION"]);
    let of = |whole: Option<&statistics::Denominator>| whole.map(compliance::of).unwrap_or_default();
    let figures = [
        ("practices live", &reply.practices_live),
        ("practices", &reply.practices_total),
        ("patients registered", &reply.patients_registered),
        ("patients with access", &reply.patients_with_access),
        ("record views", &reply.record_views),
    ];
    for (name, figure) in figures {
        let figure = figure.clone().unwrap_or_default();
        table.row([name.to_owned(), number(figure.value), of(figure.denominator.as_ref()), figure.definition]);
    }
    if let Some(viewers) = &reply.viewers {
        let (value, least, most) = (viewers.value, viewers.lower_bound, viewers.upper_bound);
        let range = format!("{} ({} to {})", number(value), number(least), number(most));
        table.row(["viewers".to_owned(), range, of(viewers.denominator.as_ref()), viewers.definition.clone()]);
    } else {
        let kept = "by the month only: stats series viewers --by practice --interval month".to_owned();
        table.row(["viewers".to_owned(), kept, String::new(), "definitions/viewers".to_owned()]);
    }
    let context =
        format!("{}, as at {}, known at {}", reply.area, shown(reply.as_at.as_ref()), shown(reply.known_at.as_ref()));
    let positions = format!("registry position {}", reply.registry_position);
    table.row(["area".to_owned(), context, positions, String::new()]);
    table
}

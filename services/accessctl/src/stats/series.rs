//! `accessctl stats series`: one figure over time, by areas, by waves, by app.

use clap::{Args, ValueEnum};
use proto::statistics::v1 as statistics;

use super::{Area, Measure, wire_area, wire_measure};
use crate::connection::{Connection, every_page};
use crate::moments::{as_at, shown};
use crate::output::{Output, Table, number, word};
use crate::wave_members;

const SECONDS_PER_HOUR: i64 = 3_600;

#[derive(Args)]
pub(crate) struct Series {
    /// Which figure
    #[arg(value_enum)]
    measure: Measure,
    /// One series for each of these; england where it is left out
    #[arg(long, value_enum)]
    by: Option<Area>,
    /// One series for each of these waves, in place of areas: programmes/spring-opening/waves/3
    #[arg(long, value_name = "WAVE", conflicts_with = "by")]
    wave: Vec<String>,
    /// Record views by app or by part of the record
    #[arg(long, value_enum)]
    split: Option<Split>,
    /// Only within this area
    #[arg(long, default_value = "england")]
    area: String,
    #[arg(long, value_enum, default_value_t)]
    interval: Interval,
    /// First day
    #[arg(long, value_name = "DATE")]
    from: String,
    /// Last day
    #[arg(long, value_name = "DATE")]
    to: String,
    /// With practices where they lay at the end of this day; without it where they lay at each point's
    #[arg(long, value_name = "MOMENT")]
    placed_at: Option<String>,
    /// What was known by then
    #[arg(long, value_name = "MOMENT")]
    known_at: Option<String>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Split {
    Channel,
    Section,
}

#[derive(Clone, Copy, Default, ValueEnum)]
enum Interval {
    /// Seven days at most, of the last weeks; not of viewers
    Hour,
    Day,
    #[default]
    Week,
    Month,
}

pub(crate) async fn run(connection: &Connection, output: Output, asked: Series) -> anyhow::Result<()> {
    let mut sets = Vec::with_capacity(asked.wave.len());
    for wave in &asked.wave {
        sets.push(wave_members::of(connection, wave).await?);
    }
    let group_by = match asked.by {
        None if !sets.is_empty() => statistics::AreaKind::Unspecified,
        by => wire_area(by.unwrap_or_default()),
    };
    let request = statistics::QuerySeriesRequest {
        measure: wire_measure(asked.measure).into(),
        group_by: group_by.into(),
        area: asked.area,
        interval: wire_interval(asked.interval).into(),
        period: Some(statistics::Period { start_date: asked.from, end_date: asked.to }),
        sets,
        split_by: wire_split(asked.split).into(),
        effective_at: asked.placed_at.as_deref().map(as_at).transpose()?,
        known_at: asked.known_at.as_deref().map(as_at).transpose()?,
        ..Default::default()
    };
    let reply = every_page!(connection.statistics(), query_series, request, series);
    if output.for_people() {
        for set in &reply.sets {
            anstream::eprintln!("{}: {} practices, {}", set.name, number(set.practices_count), set.practices_hash);
        }
    }
    output.print("citizens_access.statistics.v1.QuerySeriesResponse", &reply, || match asked.split {
        None => table(&reply),
        Some(split) => table_of_parts(&reply, split),
    })
}

fn wire_split(split: Option<Split>) -> statistics::SplitBy {
    match split {
        None => statistics::SplitBy::Unspecified,
        Some(Split::Channel) => statistics::SplitBy::Channel,
        Some(Split::Section) => statistics::SplitBy::Section,
    }
}

fn wire_interval(interval: Interval) -> statistics::Interval {
    match interval {
        Interval::Hour => statistics::Interval::Hour,
        Interval::Day => statistics::Interval::Day,
        Interval::Week => statistics::Interval::Week,
        Interval::Month => statistics::Interval::Month,
    }
}

/// With what each value is a part of, where its definition names something.
fn table(reply: &statistics::QuerySeriesResponse) -> Table {
    let mut table = Table::new(&["AREA", "FROM", "TO", "VALUE", "OF"]);
    for series in &reply.series {
        for point in &series.points {
            let [from, to] = from_to(point);
            let whole = series.denominator.as_ref().map(|_| number(point.denominator_value)).unwrap_or_default();
            table.row([of(series), from, to, number(point.value), whole]);
        }
    }
    table
}

fn table_of_parts(reply: &statistics::QuerySeriesResponse, split: Split) -> Table {
    let part = match split {
        Split::Channel => "CHANNEL",
        Split::Section => "SECTION",
    };
    let mut table = Table::new(&["AREA", part, "FROM", "TO", "VALUE"]);
    for series in &reply.series {
        let part = match split {
            Split::Channel => series.channel.clone(),
            Split::Section => word(series.section().as_str_name(), "RECORD_SECTION_").to_lowercase(),
        };
        for point in &series.points {
            let [from, to] = from_to(point);
            table.row([of(series), part.clone(), from, to, number(point.value)]);
        }
    }
    table
}

/// First and last day; of an hour the moments, by the clocks in London, at which it begins and is over.
fn from_to(point: &statistics::Point) -> [String; 2] {
    let Some(start) = point.start_time else { return [point.start_date.clone(), point.end_date.clone()] };
    let end = prost_types::Timestamp { seconds: start.seconds + SECONDS_PER_HOUR, ..start };
    [start, end].map(|moment| shown(Some(&moment)))
}

/// The area, or the set's name: one of them is there.
fn of(series: &statistics::Series) -> String {
    format!("{}{}", series.area, series.set)
}

//! `accessctl stats compare`: a wave's practices before and after, beside the others.

use clap::Args;
use proto::scheduler::v1 as scheduler;
use proto::statistics::v1 as statistics;

use super::{Measure, wire_measure};
use crate::connection::Connection;
use crate::failure::BadInput;
use crate::moments::as_at;
use crate::output::{Output, Table, number};
use crate::wave_members;

#[derive(Args)]
pub(crate) struct Compare {
    /// Which figure
    #[arg(value_enum, default_value = "views")]
    measure: Measure,
    /// programmes/spring-opening/waves/3
    #[arg(long)]
    wave: String,
    /// So many days before, and as many after
    #[arg(long, default_value_t = 28)]
    days: i32,
    /// Each practice from the day since which it is live; without it all from the wave's first day
    #[arg(long)]
    since_live: bool,
    /// Only practices of this area, on both sides
    #[arg(long, default_value = "england")]
    area: String,
    /// Day by day instead of both sides of the first day
    #[arg(long)]
    daily: bool,
    /// What was known by then
    #[arg(long, value_name = "MOMENT")]
    known_at: Option<String>,
}

pub(crate) async fn run(connection: &Connection, output: Output, asked: Compare) -> anyhow::Result<()> {
    let practices = wave_members::of(connection, &asked.wave).await?;
    let first_date = if asked.since_live { String::new() } else { first_date(connection, &asked.wave).await? };
    let request = statistics::ComparePracticesRequest {
        measure: wire_measure(asked.measure).into(),
        practices: Some(practices),
        area: asked.area,
        days: asked.days,
        first_date,
        known_at: asked.known_at.as_deref().map(as_at).transpose()?,
        ..Default::default()
    };
    let reply = connection.statistics().compare_practices(request).await?.into_inner();
    if output.for_people() {
        let set = reply.set.clone().unwrap_or_default();
        let (earliest, latest) = (&reply.first_date_earliest, &reply.first_date_latest);
        let since = if earliest == latest { earliest.clone() } else { format!("{earliest} to {latest}") };
        anstream::eprintln!("{}: {} practices, {}", set.name, number(set.practices_count), set.practices_hash);
        anstream::eprintln!("first day after: {since}; left out: {}", number(reply.practices_left_out));
    }
    output.print("citizens_access.statistics.v1.ComparePracticesResponse", &reply, || {
        if asked.daily { daily(&reply) } else { table(&reply) }
    })
}

/// The wave's first day, which must have come.
async fn first_date(connection: &Connection, wave: &str) -> anyhow::Result<String> {
    let get = scheduler::GetWaveRequest { name: wave.to_owned(), ..Default::default() };
    let reply = connection.programmes().get_wave(get).await?.into_inner();
    let opens_on = reply.wave.map(|wave| wave.opens_on).unwrap_or_default();
    if opens_on.is_empty() {
        return Err(BadInput(format!("{wave} has no first day; compare with --since-live")).into());
    }
    Ok(opens_on)
}

fn shown(value: Option<&statistics::ComparedValue>) -> String {
    match value {
        None => "not known".to_owned(),
        Some(value) if value.lower_bound == value.upper_bound => number(value.value),
        Some(value) => {
            let (least, most) = (number(value.lower_bound), number(value.upper_bound));
            format!("{} ({least} to {most})", number(value.value))
        }
    }
}

fn table(reply: &statistics::ComparePracticesResponse) -> Table {
    let definition = reply.definition.clone().unwrap_or_default().name;
    let mut table = Table::new(&["PRACTICES", "COUNT", "PATIENTS", "BEFORE", "AFTER", "DAYS", "DEFINITION"]);
    for (name, side) in [("chosen", &reply.chosen), ("others", &reply.others)] {
        let side = side.clone().unwrap_or_default();
        table.row([
            name.to_owned(),
            number(side.practices_count),
            number(side.patients_registered),
            shown(side.before.as_ref()),
            shown(side.after.as_ref()),
            format!("{} and {}", reply.days_before, reply.days_after),
            definition.clone(),
        ]);
    }
    table
}

fn daily(reply: &statistics::ComparePracticesResponse) -> Table {
    let mut table = Table::new(&["DAY", "CHOSEN", "OTHERS"]);
    let (chosen, others) = (reply.chosen.clone().unwrap_or_default(), reply.others.clone().unwrap_or_default());
    for (index, day) in chosen.days.iter().enumerate() {
        let other = others.days.get(index).and_then(|day| day.value.as_ref());
        table.row([day.day.to_string(), shown(day.value.as_ref()), shown(other)]);
    }
    table
}

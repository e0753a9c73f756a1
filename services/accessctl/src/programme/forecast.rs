//! `accessctl programme forecast`: figures by month, what is gained without each limit, and what was assumed.

use proto::scheduler::v1 as scheduler;

use crate::connection::Connection;
use crate::mutation::name;
use crate::output::{Output, Table, number};

pub(super) async fn run(
    connection: &Connection,
    output: Output,
    programme: &str,
    seed: u64,
    runs_count: i32,
) -> anyhow::Result<()> {
    let request =
        scheduler::ForecastRequest { programme: name("programmes", programme), seed, runs_count, ..Default::default() };
    let reply = connection.forecasts().forecast(request).await?.into_inner();
    output.print("citizens_access.scheduler.v1.ForecastResponse", &reply, || months(&reply))?;
    if output.for_people() {
        explain(&reply);
    }
    Ok(())
}

/// Practices live at the end of each month, group by group.
fn months(reply: &scheduler::ForecastResponse) -> Table {
    let mut table = Table::new(&["OF", "BY", "P10", "P50", "P90", "OF ALL", "PATIENTS P50"]);
    for group in &reply.groups {
        for month in &group.months {
            let practices = month.practices.unwrap_or_default();
            let patients = month.patients.unwrap_or_default();
            table.row([
                group.subject.clone(),
                month.last_day.clone(),
                number(practices.p10),
                number(practices.p50),
                number(practices.p90),
                number(group.practices_count),
                number(patients.p50),
            ]);
        }
    }
    table
}

fn explain(reply: &scheduler::ForecastResponse) {
    let all = reply.groups.first().cloned().unwrap_or_default();
    let last = all.last_go_live.unwrap_or_default();
    let never = all.never_live.unwrap_or_default();
    anstream::println!();
    if last.p50.is_empty() {
        anstream::println!("nobody goes live any more by this plan");
    } else {
        anstream::println!("the last go-live is on {} (P10 {}, P90 {})", last.p50, or_never(&last.p10), last.p90);
    }
    anstream::println!(
        "without access after this plan: {} practices (P10 {}, P90 {})",
        number(never.p50),
        number(never.p10),
        number(never.p90)
    );
    for limit in &reply.limits {
        anstream::println!(
            "without {}: {:.0} practice-days sooner, the last go-live {} days, {:.1} practices more",
            limit.limit,
            limit.practice_days,
            limit.finish_days,
            limit.practices_more
        );
    }
    for premise in &reply.premises {
        anstream::println!("assumed: {premise}");
    }
    for figure in &reply.assumptions {
        anstream::println!("assumed: {}: {:.4} ± {:.4}", figure.subject, figure.mean, figure.standard_error);
    }
    anstream::println!("{} futures, seed {}", number(reply.runs_count.into()), reply.seed);
}

fn or_never(date: &str) -> &str {
    if date.is_empty() { "nobody any more" } else { date }
}

//! `accessctl programme forecast`: figures by month, what is gained without each limit, whom it is about, and what was
//! assumed.

use proto::scheduler::v1 as scheduler;

use crate::connection::Connection;
use crate::moments::shown;
use crate::mutation::name;
use crate::output::{Output, Table, number};

pub(super) async fn run(
    connection: &Connection,
    output: Output,
    programme: &str,
    seed: u64,
    runs_count: i32,
) -> anyhow::Result<()> {
    let programme = name("programmes", programme);
    let request = scheduler::ForecastRequest { programme, seed, runs_count, ..Default::default() };
    let reply = connection.forecasts().forecast(request).await?.into_inner();
    if output.for_people() {
        tell(&reply);
        return Ok(());
    }
    output.print("citizens_access.scheduler.v1.ForecastResponse", &reply, || every_month(&reply))
}

/// Every figure, group by group: for programs.
fn every_month(reply: &scheduler::ForecastResponse) -> Table {
    let headings = ["OF", "BY", "P10", "P50", "P90", "OF ALL", "PATIENTS P10", "PATIENTS P50", "PATIENTS P90"];
    let mut table = Table::new(&headings);
    for group in &reply.groups {
        for month in &group.months {
            let practices = month.practices.unwrap_or_default();
            let patients = month.patients.unwrap_or_default();
            let figures = [practices.p10, practices.p50, practices.p90, group.practices_count];
            let [p10, p50, p90, of_all] = figures.map(|figure| figure.to_string());
            let [fewest, patients, most] = [patients.p10, patients.p50, patients.p90].map(|figure| figure.to_string());
            table.row([group.subject.clone(), month.last_day.clone(), p10, p50, p90, of_all, fewest, patients, most]);
        }
    }
    table
}

fn tell(reply: &scheduler::ForecastResponse) {
    let all = reply.groups.first().cloned().unwrap_or_default();
    anstream::println!(
        "{}, seen from {}: {} futures, seed {}",
        reply.plan,
        shown(reply.made_at.as_ref()),
        number(reply.runs_count.into()),
        reply.seed
    );
    anstream::println!("of ten such figures that are right, eight come to lie between P10 and P90\n");
    months(&all).print();
    anstream::println!("\n{}\n", in_the_end(&all));
    limits(&reply.limits);
    anstream::println!("\nby supplier and ICB:\n");
    groups(&reply.groups).print();
    anstream::println!("\ntaken for likely; each future has figures of its own, by the error:");
    for figure in &reply.assumptions {
        let error =
            if figure.standard_error > 0.0 { format!(" ± {:.4}", figure.standard_error) } else { String::new() };
        anstream::println!("  {}: {:.4}{error}", figure.subject, figure.mean);
    }
    anstream::println!("\ntaken for certain:");
    for premise in &reply.premises {
        anstream::println!("  {premise}");
    }
}

/// Practices of the whole programme that are live at the end of each month.
fn months(all: &scheduler::ForecastGroup) -> Table {
    let mut table = Table::new(&["LIVE BY", "P10", "P50", "P90", "OF", "PATIENTS P10", "PATIENTS P50", "PATIENTS P90"]);
    for month in &all.months {
        let practices = month.practices.unwrap_or_default();
        let patients = month.patients.unwrap_or_default();
        table.row([
            month.last_day.clone(),
            number(practices.p10),
            number(practices.p50),
            number(practices.p90),
            number(all.practices_count),
            number(patients.p10),
            number(patients.p50),
            number(patients.p90),
        ]);
    }
    table
}

fn in_the_end(all: &scheduler::ForecastGroup) -> String {
    let last = all.last_go_live.clone().unwrap_or_default();
    let never = all.never_live.unwrap_or_default();
    let end = if last.p50.is_empty() {
        "nobody goes live any more by this plan".to_owned()
    } else {
        let (early, late) = (or_nobody(&last.p10), or_nobody(&last.p90));
        format!("the last go-live is on {} (P10 {early}, P90 {late})", last.p50)
    };
    let left = number(never.p50);
    format!("{end}; {left} practices have no access after it (P10 {}, P90 {})", number(never.p10), number(never.p90))
}

fn or_nobody(date: &str) -> &str {
    if date.is_empty() { "nobody" } else { date }
}

fn limits(limits: &[scheduler::ForecastLimit]) {
    let Some(binding) = limits.first() else {
        anstream::println!("no limit holds it back: practices would be live no sooner without any");
        return;
    };
    anstream::println!("what holds it back most: {}. The same futures without each limit:\n", binding.limit);
    let headings = ["WITHOUT", "PRACTICE-DAYS SOONER", "LAST GO-LIVE SOONER BY DAYS", "PRACTICES MORE"];
    let mut table = Table::new(&headings);
    for limit in limits {
        table.row([
            limit.limit.clone(),
            number(limit.practice_days.round() as i64),
            number(limit.finish_days),
            number(limit.practices_more.round() as i64),
        ]);
    }
    table.print();
}

/// Each supplier's and each ICB's practices at the end of the plan's last month.
fn groups(groups: &[scheduler::ForecastGroup]) -> Table {
    let headings = ["OF", "PRACTICES", "LIVE BY", "P10", "P50", "P90", "LAST GO-LIVE P10", "P50", "P90"];
    let mut table = Table::new(&headings);
    for group in groups.iter().skip(1) {
        let end = group.months.last().cloned().unwrap_or_default();
        let live = end.practices.unwrap_or_default();
        let last = group.last_go_live.clone().unwrap_or_default();
        table.row([
            group.subject.clone(),
            number(group.practices_count),
            end.last_day,
            number(live.p10),
            number(live.p50),
            number(live.p90),
            or_nobody(&last.p10).to_owned(),
            or_nobody(&last.p50).to_owned(),
            or_nobody(&last.p90).to_owned(),
        ]);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(last: [&str; 3]) -> scheduler::ForecastGroup {
        let [p10, p50, p90] = last.map(str::to_owned);
        scheduler::ForecastGroup {
            last_go_live: Some(scheduler::ForecastDates { p10, p50, p90 }),
            never_live: Some(scheduler::ForecastQuantiles { p10: 3, p50: 4, p90: 1_205 }),
            ..Default::default()
        }
    }

    #[test]
    fn the_end_is_told_in_a_sentence_also_where_some_futures_have_none() {
        let told = in_the_end(&group(["", "2031-06-02", "2031-06-09"]));
        let expected = "the last go-live is on 2031-06-02 (P10 nobody, P90 2031-06-09); 4 practices have no access after it \
                        (P10 3, P90 1,205)";
        assert_eq!(told, expected);
        assert!(in_the_end(&group(["", "", "2031-06-09"])).starts_with("nobody goes live any more by this plan; 4 "));
    }
}

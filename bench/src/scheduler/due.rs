//! From a due moment to the first call that a supplier gets.
//!
//! A wave of the national size with a daily cap has a due moment each day, when its window opens. The server is started
//! again for each, with a clock that is a moment before it.

use std::time::Duration;

use anyhow::Context;
use jiff::ToSpan;
use jiff::civil::{Date, DateTime, Time, Weekday, time};

use crate::figures::p99;
use crate::people;
use crate::registry::england::England;
use crate::registry::installation::runtime;
use crate::report::{Report, Row, duration};
use crate::scheduler::installation::{FIRST_DAY, Installation, Place, fill, on_machine};
use crate::scheduler::supplier::now;
use crate::scheduler::wave::since;

/// When the window opens.
const OPENS: Time = time(9, 0, 0, 0);
/// The server is started so long before that: it takes over the lease at its second heart-beat.
const LEAD_SECONDS: i64 = 8;
/// A server that listens later than so long before it has not come to rest.
const UP_BEFORE: Duration = Duration::from_secs(5);
/// Practices that may go live in a day.
const DAILY: usize = 50;
const MOST: Duration = Duration::from_millis(50);
/// For the day's calls to be made and recorded, after the first.
const REST: Duration = Duration::from_millis(800);

/// Measures the row, on so many days.
pub(crate) fn measure(report: &mut Report, place: &Place, days: usize) -> anyhow::Result<()> {
    let england = England::national()?;
    let installation = Installation::new(place)?;
    let Days { mut latencies, without_call, dropped } = runtime()?.block_on(let_pass(&installation, &england, days))?;
    let p99 = p99(&mut latencies).context("no day had a call")?;
    // They are in order now.
    let count = latencies.len();
    let (median, longest) = (duration(latencies[count / 2]), duration(latencies[count - 1]));
    let what = format!("due moment → first supplier call, a wave of {} with {DAILY} a day", england.practices_count());
    let figure = format!(
        "p99 {} (median {median}, longest {longest}; {count} days, {without_call} without a call, {dropped} dropped)",
        duration(p99)
    );
    report.add(Row::alone(&what, figure, "p99 < 50 ms", Some(p99 < MOST && without_call == 0)));
    Ok(())
}

/// What days came to.
#[derive(Default)]
struct Days {
    /// How long after its due moment the first call came.
    latencies: Vec<Duration>,
    without_call: usize,
    /// Days on which the server was not up in good time.
    dropped: usize,
}

/// Lets so many days pass on which practices may go live.
async fn let_pass(installation: &Installation<'_>, england: &England, days: usize) -> anyhow::Result<Days> {
    let supplier = installation.supplier();
    let eve = FIRST_DAY.yesterday()?;
    let (server, offset) = installation.serve(DateTime::from_parts(eve, OPENS))?;
    supplier.begin_anew(offset);
    people::import_holidays(&server, FIRST_DAY).await?;
    let document = document();
    fill(&server, england, &document).await?;
    people::create(&server, document).await?;
    let plan = people::submit(&server).await?;
    people::approve(&server, plan).await?;
    server.stop()?;
    let mut passed = Days::default();
    let mut day = FIRST_DAY;
    for _ in 0..days {
        let opens = DateTime::from_parts(day, OPENS);
        let (server, offset) = installation.serve(opens.checked_sub(LEAD_SECONDS.seconds())?)?;
        let due = on_machine(opens, offset)?;
        let until_due = since(now(), due);
        tokio::time::sleep(until_due + REST).await;
        match supplier.first_request_from(due) {
            _ if until_due < UP_BEFORE => passed.dropped += 1,
            Some(at) => {
                let latency = since(due, at);
                eprintln!("  {day}: {}", duration(latency));
                passed.latencies.push(latency);
            }
            None => passed.without_call += 1,
        }
        server.stop()?;
        day = next_open(day)?;
    }
    Ok(passed)
}

/// The next day of the week on which practices may go live: not at the week-end (rule 2).
fn next_open(day: Date) -> anyhow::Result<Date> {
    let mut next = day.tomorrow()?;
    while matches!(next.weekday(), Weekday::Saturday | Weekday::Sunday) {
        next = next.tomorrow()?;
    }
    Ok(next)
}

/// Everybody in one wave, so many a day on every working day.
fn document() -> String {
    format!(
        r#"
name: everybody
cohort: practice.list_size > 0
windows: [{{days: [monday, tuesday, wednesday, thursday, friday], from: "09:00", to: "17:00"}}]
caps: {{daily: {{national: {{practices: {DAILY}}}}}}}
notice_working_days: 0
gate: {{min_success: 0.9, min_sample: 20, soak: 48h, timeout: 240h}}
suppliers: {{EMIS: {{mode: push}}, TPP: {{mode: push}}, Medicus: {{mode: push}}}}
waves: [{{wave: 1, from: {FIRST_DAY}, until: 2032-06-30}}]
"#
    )
}

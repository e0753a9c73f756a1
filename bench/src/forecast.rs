//! A forecast: of a programme that takes every practice of the nation, asked for as anybody asks.
//!
//! Nobody is live and nothing was seen yet, so that every practice is to be played in every future: the most work that a
//! nation makes.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::Args;
use jiff::civil::Date;
use jiff::{Timestamp, ToSpan, tz::TimeZone};
use proto::scheduler::v1 as wire;
use proto::scheduler::v1::forecast_service_client::ForecastServiceClient;

use crate::cores::Cores;
use crate::people::{self, AUTHOR, PROGRAMME, peer};
use crate::process::Server;
use crate::registry::england::England;
use crate::registry::installation::{Installation, client, import_england, runtime};
use crate::report::{Report, Row, duration};

const FUTURES: i32 = 200;
const FUTURES_WANTED: f64 = 200.0;
const TIMES: usize = 5;
const LONDON: &str = "Europe/London";
/// Longer than the caps make it take.
const MONTHS: i64 = 20;

#[derive(Args, Debug)]
pub(crate) struct ForecastArguments {
    /// The server under test
    #[arg(long, value_name = "PROGRAM")]
    server: PathBuf,
    /// Where the table is written
    #[arg(long, value_name = "FOLDER", default_value = "target/bench")]
    to: PathBuf,
}

/// Measures, and publishes the table.
pub(crate) fn run(arguments: &ForecastArguments) -> anyhow::Result<()> {
    let cores = Cores::take()?;
    let england = England::national()?;
    let installation = Installation::new(&arguments.server, cores)?;
    let server = installation.serve_all()?;
    let mut report = Report::default();
    runtime()?.block_on(async {
        import_england(&mut client(&server)?, &england).await?;
        put_in_force(&server).await?;
        let mut times = Vec::new();
        for _ in 0..TIMES {
            times.push(forecast(&server).await?);
        }
        times.sort_unstable();
        let median = times[TIMES / 2];
        let count = england.practices_count();
        let what = format!("a forecast of {count} practices, {FUTURES} futures and what each limit costs");
        let (shortest, longest) = (duration(times[0]), duration(times[TIMES - 1]));
        report.add(Row::alone(&what, format!("{} ({shortest} to {longest})", duration(median)), "", None));
        let futures = f64::from(FUTURES) * 10.0 / median.as_secs_f64();
        let what = "futures of the national programme in 10 s, what each limit costs included";
        report.add(Row::alone(what, format!("{futures:.0}"), "≥ 200", Some(futures >= FUTURES_WANTED)));
        anyhow::Ok(())
    })?;
    server.stop()?;
    report.publish("forecast", &arguments.to)
}

async fn forecast(server: &Server) -> anyhow::Result<Duration> {
    let mut forecasts = ForecastServiceClient::new(peer(server, AUTHOR)?);
    let request = wire::ForecastRequest { programme: PROGRAMME.into(), runs_count: FUTURES, ..Default::default() };
    let begun = Instant::now();
    forecasts.forecast(request).await?;
    Ok(begun.elapsed())
}

/// Writes the programme, has it approved, and tells everybody.
async fn put_in_force(server: &Server) -> anyhow::Result<()> {
    let today = today()?;
    people::import_holidays(server, today).await?;
    people::create(server, document(today)?).await?;
    let plan = people::submit(server).await?;
    people::approve(server, plan).await?;
    let notice = wire::RecordNoticeDeliveryRequest {
        wave: format!("{PROGRAMME}/waves/1"),
        channel: "letter".into(),
        request_id: "notice".into(),
        ..Default::default()
    };
    people::programmes(server, AUTHOR)?.record_notice_delivery(notice).await?;
    Ok(())
}

/// Caps of every kind, so that each future has all of them to look at.
fn document(today: Date) -> anyhow::Result<String> {
    let from = today.checked_add(6.weeks())?;
    let until = from.checked_add(MONTHS.months())?;
    Ok(format!(
        r#"
name: everybody
cohort: practice.list_size > 0
windows: [{{days: [monday, tuesday, wednesday, thursday, friday], from: "07:00", to: "19:00"}}]
caps:
  daily: {{each_supplier: {{practices: 12}}, each_icb: {{practices: 4, patients: 60000}}}}
  in_flight: {{national: {{patients: 400000}}}}
notice_working_days: 10
gate: {{min_success: 0.9, min_sample: 20, soak: 48h, timeout: 240h}}
suppliers: {{EMIS: {{mode: push}}, TPP: {{mode: push}}, Medicus: {{mode: push}}}}
waves: [{{wave: 1, take: by-capacity, from: {from}, until: {until}}}]
"#
    ))
}

/// The civil date of programmes, which is England's.
#[expect(clippy::disallowed_methods, reason = "the server runs on the system's clock, and the plan lies ahead of it")]
fn today() -> anyhow::Result<Date> {
    Ok(Timestamp::now().to_zoned(TimeZone::get(LONDON)?).date())
}

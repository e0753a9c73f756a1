//! A forecast: of a programme that takes every practice of the nation, asked for as anybody asks.
//!
//! Nobody is live and nothing was seen yet, so that every practice is to be played in every future: the most work that a
//! nation makes.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::Context;
use clap::Args;
use client::{Peer, PeerConfig};
use jiff::civil::Date;
use jiff::{Timestamp, ToSpan, tz::TimeZone};
use proto::scheduler::v1 as wire;
use proto::scheduler::v1::calendar_service_client::CalendarServiceClient;
use proto::scheduler::v1::forecast_service_client::ForecastServiceClient;
use proto::scheduler::v1::programme_service_client::ProgrammeServiceClient;

use crate::cores::Cores;
use crate::process::Server;
use crate::registry::england::England;
use crate::registry::installation::{Installation, client, import_england, runtime};
use crate::report::{Report, Row, duration};

/// Who writes the programme; another approves it.
const AUTHOR: &str = "author";
const APPROVER: &str = "approver";
const PROGRAMME: &str = "programmes/everybody";
const FUTURES: i32 = 200;
const FUTURES_WANTED: f64 = 200.0;
const TIMES: usize = 5;
/// Longer than the caps make it take.
const MONTHS: i64 = 20;
const PATIENCE: Duration = Duration::from_secs(300);

#[derive(Args, Debug)]
pub(crate) struct ForecastArguments {
    /// The server under test
    #[arg(long, value_name = "PROGRAM")]
    server: PathBuf,
    /// Not needed here
    #[arg(long, value_name = "PROGRAM", hide = true)]
    etcd: Option<PathBuf>,
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
    let today = today();
    let years = today.year()..=today.year() + 3;
    let holidays = sample::bank_holidays(years, &[]).context("no such holidays")?.encode();
    let mut calendar = CalendarServiceClient::new(peer(server, AUTHOR)?);
    let bank_holidays_json = holidays.into();
    let update =
        wire::UpdateCalendarRequest { bank_holidays_json, request_id: "holidays".into(), ..Default::default() };
    calendar.update_calendar(update).await?;
    let mut programmes = ProgrammeServiceClient::new(peer(server, AUTHOR)?);
    let create = wire::CreateProgrammeRequest {
        programme_id: "everybody".into(),
        specification: document(today)?,
        request_id: "create".into(),
        ..Default::default()
    };
    programmes.create_programme(create).await?;
    let submit = wire::SubmitPlanRequest { name: PROGRAMME.into(), request_id: "submit".into(), ..Default::default() };
    let plan = programmes.submit_plan(submit).await?.into_inner().plan.context("a plan was submitted")?;
    let approve = wire::ApprovePlanRequest {
        name: plan.name,
        plan_hash: plan.plan_hash,
        request_id: "approve".into(),
        ..Default::default()
    };
    ProgrammeServiceClient::new(peer(server, APPROVER)?).approve_plan(approve).await?;
    let notice = wire::RecordNoticeDeliveryRequest {
        wave: format!("{PROGRAMME}/waves/1"),
        channel: "letter".into(),
        request_id: "notice".into(),
        ..Default::default()
    };
    programmes.record_notice_delivery(notice).await?;
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

#[expect(clippy::disallowed_methods, reason = "the server runs on the system's clock, and the plan lies ahead of it")]
fn today() -> Date {
    Timestamp::now().to_zoned(TimeZone::UTC).date()
}

fn peer(server: &Server, account: &str) -> anyhow::Result<Peer> {
    let config = PeerConfig { deadline_default: PATIENCE, ..PeerConfig::default() };
    Ok(Peer::remote(&server.url(), account, config)?)
}

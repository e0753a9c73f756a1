//! Questions about years: summaries, and series of a year by day.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use client::{Peer, PeerConfig};
use jiff::{Timestamp, ToSpan};
use proto::statistics::v1 as wire;
use proto::statistics::v1::statistics_service_client::StatisticsServiceClient;
use tonic::Code;

use super::years::Years;
use crate::figures::{Spread, p99};
use crate::process::Server;
use crate::registry::installation::runtime;
use crate::report::{Report, Row, duration};

const SUMMARIES: usize = 2_000;
const SUMMARY_MOST: Duration = Duration::from_millis(2);
/// Summaries are as at any day of so many before today.
const SUMMARY_DAYS: i64 = 730;
const SERIES: usize = 15;
const SERIES_MOST: Duration = Duration::from_millis(50);
const SERIES_DAYS: i64 = 365;

/// One call after the other, on a connection of their own.
pub(crate) fn measure(report: &mut Report, years: &Years) -> anyhow::Result<()> {
    let server = years.serve()?;
    runtime()?.block_on(async {
        summaries(report, &server, years.years).await?;
        let views = wire::Measure::RecordViews;
        series(report, &server, "record views", views, wire::SplitBy::Unspecified, true).await?;
        series(report, &server, "practices live", wire::Measure::PracticesLive, wire::SplitBy::Unspecified, true)
            .await?;
        series(report, &server, "record views by app", views, wire::SplitBy::Channel, false).await
    })?;
    server.stop()
}

fn statistics(server: &Server) -> anyhow::Result<StatisticsServiceClient<Peer>> {
    let peer = Peer::remote(&server.url(), "bench;roles=statistician", PeerConfig::default())?;
    Ok(StatisticsServiceClient::new(peer))
}

async fn summaries(report: &mut Report, server: &Server, years: u32) -> anyhow::Result<()> {
    let mut statistics = statistics(server)?;
    let icbs = by_icb(&mut statistics, wire::Measure::PracticesTotal, wire::SplitBy::Unspecified, 1).await?;
    let icbs: Vec<String> = icbs.series.into_iter().map(|series| series.area).collect();
    let areas: Vec<String> = std::iter::once("england".to_owned()).chain(icbs).collect();
    let (mut latencies, mut refused) = (Vec::with_capacity(SUMMARIES), Vec::with_capacity(SUMMARIES));
    for (number, area) in areas.iter().cycle().take(SUMMARIES).enumerate() {
        let days = i64::try_from(number)? * 7 % SUMMARY_DAYS;
        let as_at = now().checked_sub((days * 24).hours())?;
        let as_at = Some(prost_types::Timestamp { seconds: as_at.as_second(), nanos: 0 });
        let request = wire::GetSummaryRequest { area: area.clone(), as_at, ..Default::default() };
        let begun = Instant::now();
        statistics.get_summary(request).await?;
        latencies.push(begun.elapsed());
        let nowhere = wire::GetSummaryRequest { area: "nowhere".to_owned(), ..Default::default() };
        let begun = Instant::now();
        let answer = statistics.get_summary(nowhere).await;
        refused.push(begun.elapsed());
        let is_refused = answer.as_ref().is_err_and(|status| status.code() == Code::InvalidArgument);
        ensure!(is_refused, "an area of no kind was to be refused: {answer:?}");
    }
    let longest = p99(&mut latencies).context("there were calls")?;
    let middle = duration(latencies[latencies.len() / 2]);
    let of_refused = duration(p99(&mut refused).context("there were calls")?);
    let middle_of_refused = duration(refused[refused.len() / 2]);
    let what = format!("GetSummary of England or an ICB, as at any day of two years, {years} years of data");
    let figure = format!("p99 {}, median {middle}", duration(longest));
    report.add(Row::alone(&what, figure, "p99 < 2 ms", Some(longest < SUMMARY_MOST)));
    // What the network, both ends' gRPC and this machine's threads cost, whatever is asked.
    let figure = format!("p99 {of_refused}, median {middle_of_refused}");
    report.add(Row::alone("the same call by a name that is no area's, refused, in turns with it", figure, "", None));
    Ok(())
}

async fn series(
    report: &mut Report,
    server: &Server,
    what: &str,
    measure: wire::Measure,
    split: wire::SplitBy,
    is_bounded: bool,
) -> anyhow::Result<()> {
    let mut statistics = statistics(server)?;
    let mut times = Vec::with_capacity(SERIES);
    let mut count = 0;
    for _ in 0..SERIES {
        let begun = Instant::now();
        let reply = by_icb(&mut statistics, measure, split, SERIES_DAYS).await?;
        times.push(begun.elapsed());
        count = reply.series.len();
    }
    let spread = Spread::of(times.iter().map(Duration::as_secs_f64)).context("there were calls")?;
    let written = |seconds| duration(Duration::from_secs_f64(seconds));
    let figure = format!("{} ({} to {})", written(spread.median), written(spread.lowest), written(spread.highest));
    let (target, met) =
        if is_bounded { ("< 50 ms", Some(spread.median < SERIES_MOST.as_secs_f64())) } else { ("", None) };
    report.add(Row::alone(&format!("a year of daily series of {what}: {count} series by ICB"), figure, target, met));
    Ok(())
}

async fn by_icb(
    statistics: &mut StatisticsServiceClient<Peer>,
    measure: wire::Measure,
    split: wire::SplitBy,
    days: i64,
) -> anyhow::Result<wire::QuerySeriesResponse> {
    let today = now().to_zoned(jiff::tz::TimeZone::UTC).date();
    let period =
        wire::Period { start_date: today.saturating_sub((days - 1).days()).to_string(), end_date: today.to_string() };
    let request = wire::QuerySeriesRequest {
        measure: measure.into(),
        group_by: wire::AreaKind::Icb.into(),
        interval: wire::Interval::Day.into(),
        period: Some(period),
        split_by: split.into(),
        page_size: 1_000,
        ..Default::default()
    };
    Ok(statistics.query_series(request).await?.into_inner())
}

#[expect(clippy::disallowed_methods, reason = "questions are about the days before today")]
fn now() -> Timestamp {
    Timestamp::now()
}

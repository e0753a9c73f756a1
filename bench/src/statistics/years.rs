//! An aggregator with years behind it, made by rows and not by events: a day is taken in as ever, and then lies in the tables again
//! for each day before it.
//!
//! So the shape of every row, key and sketch is the service's own. Ten times today's load shows in the counts: rows are as many as
//! there are practices, apps and parts of the record.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, ensure};
use client::{Peer, PeerConfig};
use database::{Db, Sql, Store, sql};
use jiff::Timestamp;
use proto::statistics::v1 as wire;
use proto::statistics::v1::ingest_service_client::IngestServiceClient;
use proto::statistics::v1::statistics_service_client::StatisticsServiceClient;
use tempfile::TempDir;

use crate::cores::Cores;
use crate::process::Server;
use crate::registry::england::England;
use crate::registry::installation::{client, import_england, runtime};

const ACCOUNT: &str = "bench;roles=service";
const BATCH_EVENTS: usize = 1_000;
/// Two apps and five parts of the record: ten strands at each practice.
const CHANNELS: [&str; 2] = ["nhs-app", "other-app"];
const SECTIONS: std::ops::Range<i32> = 1..6;
const DAYS_PER_YEAR: i64 = 365;
/// For so long hours, and practices' people by the day, are kept.
const DAYS_KEPT: i64 = 45;
/// Days of rows in one transaction.
const DAYS_AT_A_TIME: i64 = 30;
const FOLLOWED_PATIENCE: Duration = Duration::from_secs(120);
const FOLLOWED_INTERVAL: Duration = Duration::from_millis(100);

/// Tables in which every day is kept: a day of rows so many days before the one that there is.
const EACH_DAY: [&str; 4] = [
    "insert into daily_counts (day, practice, strand, arrived, count)
       select day - $1, practice, strand, arrived - $1, count * 10 from daily_counts where day = $2",
    "insert into area_counts (area, capability, kind, day, arrived, count)
       select area, capability, kind, day - $1, arrived - $1, count * 10 from area_counts where day = $2",
    "insert into area_strand_counts (area, strand, day, arrived, count)
       select area, strand, day - $1, arrived - $1, count * 10 from area_strand_counts where day = $2",
    "insert into area_sketches (area, capability, day, arrived, sketch)
       select area, capability, day - $1, arrived - $1, sketch from area_sketches where day = $2",
];

const EACH_PRACTICES_PEOPLE: &str = "insert into practice_sketches (day, practice, capability, arrived, sketch)
     select day - $1, practice, capability, arrived - $1, sketch from practice_sketches where day = $2";

/// Ten hours of the day, as much in each.
const EACH_PRACTICES_HOURS: &str =
    "insert into hourly_counts (utc_day, practice, strand, h8, h9, h10, h11, h12, h13, h14, h15, h16, h17)
     select day - $1, practice, strand, count * 10, count * 10, count * 10, count * 10, count * 10, count * 10, count * 10, count * 10,
       count * 10, count * 10 from daily_counts where day = $2";

/// A folder with its years, and the program that serves it.
#[derive(Debug)]
pub(crate) struct Years {
    program: PathBuf,
    cores: Cores,
    data: TempDir,
    pub(crate) years: u32,
}

impl Years {
    /// The nation with a day of events at every practice, and so many years of such days before it.
    pub(crate) fn make(program: &Path, cores: Cores, england: &England, years: u32) -> anyhow::Result<Self> {
        let made = Self { program: program.to_owned(), cores, data: tempfile::tempdir()?, years };
        let server = made.start(true)?;
        let runtime = runtime()?;
        runtime.block_on(async {
            import_england(&mut client(&server)?, england).await?;
            let peer = Peer::remote(&server.url(), ACCOUNT, PeerConfig::default())?;
            until_followed(&peer, england.practices_count()).await?;
            take_a_day(&peer, england.codes()).await
        })?;
        server.stop()?;
        runtime.block_on(made.repeat()).context("the rows of years are not written")?;
        Ok(made)
    }

    /// Serves all services on the server's core.
    pub(crate) fn serve(&self) -> anyhow::Result<Server> {
        self.start(false)
    }

    fn start(&self, on_both: bool) -> anyhow::Result<Server> {
        let mut command = Command::new(&self.program);
        command.args(["serve", "all", "--insecure", "--listen", "127.0.0.1:0", "--data"]).arg(self.data.path());
        let start = || Server::start(&mut command);
        if on_both { self.cores.on_both(start) } else { self.cores.on_server(start) }
    }

    async fn repeat(&self) -> anyhow::Result<()> {
        let db = Db::open(&Store::sqlite(self.data.path()), "statistics").await?;
        let day: i64 = db.fetch_one(sql("select max(day) as day from daily_counts")).await?.get("day")?;
        let mut before = i64::from(self.years) * DAYS_PER_YEAR;
        // The oldest first: as they would have come.
        while before > 0 {
            let mut tx = db.begin().await?;
            for _ in 0..DAYS_AT_A_TIME.min(before) {
                let of_day = |text: &'static str| -> Sql { sql(text).bind(before).bind(day) };
                for text in EACH_DAY {
                    tx.execute(of_day(text)).await?;
                }
                if before <= DAYS_KEPT {
                    tx.execute(of_day(EACH_PRACTICES_PEOPLE)).await?;
                    tx.execute(of_day(EACH_PRACTICES_HOURS)).await?;
                }
                before -= 1;
            }
            tx.commit().await?;
            eprintln!("  {before} days before today are still to be written");
        }
        db.close().await;
        Ok(())
    }
}

/// Waits until the statistics know the practices: an event counts for the areas that its practice is known to be in.
async fn until_followed(peer: &Peer, practices_count: u32) -> anyhow::Result<()> {
    let mut statistics = StatisticsServiceClient::new(peer.clone());
    let known = async {
        loop {
            let summary = statistics.get_summary(wire::GetSummaryRequest::default()).await?.into_inner();
            if summary.practices_total.unwrap_or_default().value == i64::from(practices_count) {
                return anyhow::Ok(());
            }
            tokio::time::sleep(FOLLOWED_INTERVAL).await;
        }
    };
    tokio::time::timeout(FOLLOWED_PATIENCE, known).await.context("the statistics do not follow the registry")?
}

/// One event at each practice and strand, each of another person.
async fn take_a_day(peer: &Peer, codes: &[String]) -> anyhow::Result<()> {
    let occurred_at = Some(prost_types::Timestamp { seconds: now().as_second() - 1, nanos: 0 });
    let mut events = Vec::new();
    for code in codes {
        for channel in CHANNELS {
            for section in SECTIONS {
                let person = u128::try_from(events.len() + 1)?.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
                events.push(wire::AccessEvent {
                    occurred_at,
                    practice: format!("practices/{code}"),
                    kind: wire::EventKind::RecordViewed.into(),
                    channel: channel.to_owned(),
                    section,
                    pseudonym: person.to_be_bytes().to_vec().into(),
                    ..Default::default()
                });
            }
        }
    }
    let sent = events.len() as u64;
    let mut requests = Vec::new();
    let mut first_sequence = 1;
    for batch in events.chunks(BATCH_EVENTS) {
        requests.push(wire::RecordEventsRequest {
            source: "a-day".to_owned(),
            incarnation: 1,
            first_sequence,
            events: Some(wire::AccessEvents { events: batch.to_vec() }),
        });
        first_sequence += batch.len() as u64;
    }
    let mut answers =
        IngestServiceClient::new(peer.clone()).record_events(tokio_stream::iter(requests)).await?.into_inner();
    let mut durable = 0;
    while let Some(answer) = answers.message().await? {
        durable = answer.durable_sequence;
    }
    ensure!(durable == sent, "{durable} of {sent} events are durable");
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "the day that is taken in is today")]
fn now() -> Timestamp {
    Timestamp::now()
}

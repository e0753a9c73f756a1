//! An aggregator with years behind it, made by rows and not by events: a day is taken in as ever, and then lies in the tables again
//! for each day before it.
//!
//! So the shape of every row, key and sketch is the service's own. Ten times today's load shows in counts and sketches; rows are as many
//! as there are practices, apps and parts of the record.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, ensure};
use client::{Peer, PeerConfig};
use database::{Db, Store};
use jiff::Timestamp;
use proto::statistics::v1 as wire;
use proto::statistics::v1::ingest_service_client::IngestServiceClient;
use proto::statistics::v1::statistics_service_client::StatisticsServiceClient;
use tempfile::TempDir;

use super::ingest::{self, own_database};
use super::rollups::{self, Kept};
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
/// People who view at each practice in a day, each once: more than a sketch keeps as a list, so that each row has all its registers.
const PEOPLE: usize = 600;
const FOLLOWED_PATIENCE: Duration = Duration::from_secs(120);
const FOLLOWED_INTERVAL: Duration = Duration::from_millis(100);

/// A folder with its years, and the program that serves it.
#[derive(Debug)]
pub(crate) struct Years {
    program: PathBuf,
    cores: Cores,
    data: TempDir,
    /// Where the tables are, if not in the folder.
    database: Option<String>,
    pub(crate) years: u32,
}

impl Years {
    /// The nation with a day of events at every practice, and so many years of such days before it.
    pub(crate) fn make(
        program: &Path,
        cores: Cores,
        store: ingest::Store<'_>,
        england: &England,
        years: u32,
    ) -> anyhow::Result<Self> {
        let database = match store {
            ingest::Store::Sqlite => None,
            ingest::Store::Postgres(url) => Some(own_database(url, &format!("years_{years}"))?),
        };
        let made = Self { program: program.to_owned(), cores, data: tempfile::tempdir()?, database, years };
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
        if let Some(database) = &self.database {
            command.arg("--store").arg(database);
        }
        let start = || Server::start(&mut command);
        if on_both { self.cores.on_both(start) } else { self.cores.on_server(start) }
    }

    async fn repeat(&self) -> anyhow::Result<()> {
        let store = match &self.database {
            Some(url) => url.parse()?,
            None => Store::sqlite(self.data.path()),
        };
        let db = Db::open(&store, "statistics").await?;
        let days = i64::from(self.years) * DAYS_PER_YEAR;
        let told = |days| eprintln!("  {days} days before today are still to be written");
        rollups::repeat(&db, days, Kept::default(), told).await?;
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

/// Events at each practice, in turns of each strand, each of another person.
async fn take_a_day(peer: &Peer, codes: &[String]) -> anyhow::Result<()> {
    let occurred_at = Some(prost_types::Timestamp { seconds: now().as_second() - 1, nanos: 0 });
    let (codes, count) = (codes.to_vec(), codes.len() * PEOPLE);
    let event = move |number: usize| wire::AccessEvent {
        occurred_at,
        practice: format!("practices/{}", codes[number / PEOPLE]),
        kind: wire::EventKind::RecordViewed.into(),
        channel: CHANNELS[number % CHANNELS.len()].to_owned(),
        section: SECTIONS.start + (number / CHANNELS.len() % SECTIONS.len()) as i32,
        pseudonym: pseudonym(number).to_vec().into(),
        ..Default::default()
    };
    let requests = (0..count).step_by(BATCH_EVENTS).map(move |first| wire::RecordEventsRequest {
        source: "a-day".to_owned(),
        incarnation: 1,
        first_sequence: first as u64 + 1,
        events: Some(wire::AccessEvents { events: (first..count.min(first + BATCH_EVENTS)).map(&event).collect() }),
    });
    let sent = count as u64;
    let mut answers =
        IngestServiceClient::new(peer.clone()).record_events(tokio_stream::iter(requests)).await?.into_inner();
    let mut durable = 0;
    while let Some(answer) = answers.message().await? {
        durable = answer.durable_sequence;
    }
    ensure!(durable == sent, "{durable} of {sent} events are durable");
    Ok(())
}

/// Differs from person to person, as a keyed hash would.
fn pseudonym(person: usize) -> [u8; 16] {
    (person as u128 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835).to_be_bytes()
}

#[expect(clippy::disallowed_methods, reason = "the day that is taken in is today")]
fn now() -> Timestamp {
    Timestamp::now()
}

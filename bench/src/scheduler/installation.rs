//! All services in one process on a database of their own, with practices, and a supplier that answers at once.

use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, ensure};
use jiff::civil::{Date, DateTime, date};
use jiff::{SignedDuration, tz::TimeZone};
use proto::scheduler::v1 as wire;
use tempfile::TempDir;
use tonic::{Code, Status};

use crate::people::{AUTHOR, PROGRAMME, programmes};
use crate::process::Server;
use crate::registry::england::England;
use crate::registry::installation::{client, import_england};
use crate::scheduler::supplier::{InstantSupplier, now};

/// The day on which everything begins: a Tuesday, with no bank holiday in the hundred days after it.
pub(crate) const FIRST_DAY: Date = date(2031, 9, 2);
const LONDON: &str = "Europe/London";
/// Those of the synthetic England.
const SUPPLIERS: [&str; 3] = ["EMIS", "TPP", "Medicus"];
/// A replica that is started again under its name goes on at once.
const REPLICA: &str = "bench";
/// Until the scheduler knows the practices that the registry has.
const FOLLOWED_WITHIN: Duration = Duration::from_secs(120);
/// What the scheduler says of a cohort before it knows any.
const MATCHES_NOBODY: &str = "no practice matches";
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(100);

/// Programs and services that a run is made of.
#[derive(Debug)]
pub(crate) struct Place {
    /// The server under test.
    pub(crate) server: PathBuf,
    /// A superuser's URL of PostgreSQL's maintenance database.
    pub(crate) postgres: String,
    pub(crate) supplier: InstantSupplier,
}

/// A database of its own, dropped with this.
#[derive(Debug)]
pub(crate) struct Database {
    postgres: String,
    name: &'static str,
}

/// One installation.
#[derive(Debug)]
pub(crate) struct Installation<'a> {
    place: &'a Place,
    database: Database,
    data: TempDir,
}

impl Database {
    /// An empty one; what had the name before is dropped.
    pub(crate) fn fresh(postgres: &str, name: &'static str) -> anyhow::Result<Self> {
        let database = Self { postgres: postgres.to_owned(), name };
        database.drop_it()?;
        psql(postgres, &format!("create database {name}"))?;
        Ok(database)
    }

    pub(crate) fn url(&self) -> anyhow::Result<String> {
        let (server, _) = self.postgres.rsplit_once('/').context("the URL of PostgreSQL names a database")?;
        Ok(format!("{server}/{}", self.name))
    }

    fn drop_it(&self) -> anyhow::Result<()> {
        psql(&self.postgres, &format!("drop database if exists {} with (force)", self.name))
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        if let Err(error) = self.drop_it() {
            eprintln!("the database {} is left: {error:#}", self.name);
        }
    }
}

impl<'a> Installation<'a> {
    pub(crate) fn new(place: &'a Place) -> anyhow::Result<Self> {
        let database = Database::fresh(&place.postgres, "citizens_access_bench")?;
        Ok(Self { place, database, data: tempfile::tempdir()? })
    }

    pub(crate) fn supplier(&self) -> &InstantSupplier {
        &self.place.supplier
    }

    /// Serves with a clock on which it is that time in London now. Returns how far it is ahead, too.
    pub(crate) fn serve(&self, time: DateTime) -> anyhow::Result<(Server, SignedDuration)> {
        let offset = time.to_zoned(TimeZone::get(LONDON)?)?.timestamp().duration_since(now());
        let offset = SignedDuration::from_secs(offset.as_secs());
        self.place.supplier.set_clock(offset);
        let mut command = Command::new(&self.place.server);
        command.args(["serve", "all", "--insecure", "--listen", "127.0.0.1:0", "--replica", REPLICA]);
        command.arg("--data").arg(self.data.path()).args(["--store", &self.database.url()?]);
        command.args(["--clock-offset-s", &offset.as_secs().to_string()]);
        for supplier in SUPPLIERS {
            command.args(["--supplier", &format!("{supplier}={}", self.place.supplier.url())]);
        }
        Ok((Server::start(&mut command)?, offset))
    }
}

/// When it is `time` in London, by a clock that is ahead by `offset`, on the machine's.
pub(crate) fn on_machine(time: DateTime, offset: SignedDuration) -> anyhow::Result<jiff::Timestamp> {
    Ok(time.to_zoned(TimeZone::get(LONDON)?)?.timestamp().checked_sub(offset)?)
}

/// Imports the practices and waits until the scheduler would plan for all of them. `document` is a programme for everybody.
pub(crate) async fn fill(server: &Server, england: &England, document: &str) -> anyhow::Result<()> {
    import_england(&mut client(server)?, england).await.context("the practices")?;
    let begun = Instant::now();
    loop {
        let problem = match preview(server, document).await {
            Ok(previewed) if previewed.practices_count == i64::from(england.practices_count()) => return Ok(()),
            Ok(previewed) => anyhow!("for {} of them", previewed.practices_count),
            // Before it has heard of any the cohort matches nobody, and is refused.
            Err(refused) if matches_nobody(&refused) => refused,
            Err(failed) => return Err(failed),
        };
        ensure!(begun.elapsed() < FOLLOWED_WITHIN, "the scheduler does not plan for all practices: {problem:#}");
        tokio::time::sleep(LOOK_AGAIN_AFTER).await;
    }
}

fn matches_nobody(error: &anyhow::Error) -> bool {
    let status = error.downcast_ref::<Status>();
    status.is_some_and(|status| status.code() == Code::InvalidArgument && status.message().contains(MATCHES_NOBODY))
}

/// What the document would become as a plan.
pub(crate) async fn preview(server: &Server, document: &str) -> anyhow::Result<wire::PreviewPlanResponse> {
    let preview = wire::PreviewPlanRequest {
        name: PROGRAMME.into(),
        specification: document.to_owned(),
        moves_count_max: 1,
        ..Default::default()
    };
    Ok(programmes(server, AUTHOR)?.preview_plan(preview).await?.into_inner())
}

/// Runs one statement.
fn psql(postgres: &str, statement: &str) -> anyhow::Result<()> {
    let output = Command::new("psql")
        .args(["--no-psqlrc", "--quiet", "--dbname", postgres, "--command", statement])
        .output()
        .context("cannot start psql")?;
    ensure!(output.status.success(), "{statement}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

//! The suite installed and served, with a small England's files beside it: all in one on SQLite, or three processes on
//! PostgreSQL.
//!
//! It is always a Tuesday in June at ten in the morning, so that windows are open whenever the tests run.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use clock::Clock;
use jiff::civil::{Date, date};
use jiff::{SignedDuration, Timestamp};
use proto::registry::v1 as registry;
use proto::registry::v1::practice_registry_service_client::PracticeRegistryServiceClient;

use super::accessctl::Accessctl;
use super::england::EnglandFiles;
use super::postgres::PostgresStore;
use super::running::Ended;
use super::server::Server;
use super::supplier::SupplierServer;

/// The day it always is: a Tuesday that is no bank holiday.
pub(crate) const TODAY: Date = date(2031, 6, 3);
/// Ten o'clock in London.
const TEN_O_CLOCK: &str = "2031-06-03T09:00:00Z";
/// To follow a go-live through every service: seconds, on a loaded machine some more.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Servers that run, and how to reach them.
pub(crate) struct Installation {
    pub(crate) england: EnglandFiles,
    /// The registry; all of them, where nothing is apart.
    first: Server,
    apart: Option<Apart>,
    /// Seconds from the machine's time to the tests' Tuesday.
    pub(crate) clock_offset_s: String,
    // Dropped after the servers.
    store: Option<PostgresStore>,
}

/// What has a process of its own, besides the registry.
struct Apart {
    scheduler: Server,
    statistics: Server,
}

/// What an installation is started with.
#[derive(Default)]
pub(crate) struct Wanted<'a> {
    pub(crate) practices_count: u32,
    /// Whose systems practices have, in what proportion; EMIS where it is not said.
    pub(crate) supplier_mix: Option<&'a str>,
    pub(crate) supplier: Option<&'a SupplierServer>,
    /// What `--supplier` takes, where the supplier is a process of its own.
    pub(crate) supplier_elsewhere: Option<String>,
    /// For each process.
    pub(crate) environment: Vec<(String, String)>,
    /// Each process shows its metrics.
    pub(crate) metrics: bool,
    /// More for the command line of the one process.
    pub(crate) arguments: &'a [&'a str],
}

impl Wanted<'_> {
    fn england(&self) -> EnglandFiles {
        EnglandFiles::of_suppliers(self.supplier_mix.unwrap_or("EMIS=1"), self.practices_count, TODAY)
    }

    /// What `--supplier` takes.
    fn supplier_option(&self) -> Option<String> {
        self.supplier.map(SupplierServer::option).or_else(|| self.supplier_elsewhere.clone())
    }

    fn metrics_arguments(&self) -> &'static [&'static str] {
        if self.metrics { &["--metrics-listen", "127.0.0.1:0"] } else { &[] }
    }
}

/// How far the tests' Tuesday is from the machine's now.
pub(crate) fn clock_offset() -> SignedDuration {
    let ten: Timestamp = TEN_O_CLOCK.parse().expect("a moment");
    SignedDuration::from_secs(ten.duration_since(Clock::system().now()).as_secs())
}

impl Installation {
    /// One process on SQLite.
    pub(crate) fn all_in_one(wanted: &Wanted<'_>) -> Self {
        let england = wanted.england();
        let clock_offset_s = clock_offset().as_secs().to_string();
        let first = Self::one_process(&england, &clock_offset_s, wanted);
        Self { england, first, apart: None, clock_offset_s, store: None }
    }

    fn one_process(england: &EnglandFiles, clock_offset_s: &str, wanted: &Wanted<'_>) -> Server {
        let data = england.folder().join("data").display().to_string();
        let supplier = wanted.supplier_option();
        let mut arguments = vec!["--data", &data, "--clock-offset-s", clock_offset_s];
        arguments.extend_from_slice(wanted.metrics_arguments());
        arguments.extend(supplier.iter().flat_map(|supplier| ["--supplier", supplier.as_str()]));
        arguments.extend_from_slice(wanted.arguments);
        Server::start_with("all", &arguments, &wanted.environment)
    }

    /// Stops the one process as an operator would, and starts another on what it left; how it ended.
    pub(crate) fn restarted(self, wanted: &Wanted<'_>) -> (Ended, Self) {
        let Self { england, first, clock_offset_s, .. } = self;
        let ended = first.stop();
        let first = Self::one_process(&england, &clock_offset_s, wanted);
        (ended, Self { england, first, apart: None, clock_offset_s, store: None })
    }

    /// Three processes on PostgreSQL; None, said loudly, where there is none.
    pub(crate) async fn separate(wanted: &Wanted<'_>) -> Option<Self> {
        let store = PostgresStore::fresh().await?;
        let england = wanted.england();
        let clock_offset_s = clock_offset().as_secs().to_string();
        let start = |service: &str, more: &[&str]| {
            let data = england.folder().join(service).display().to_string();
            let common = ["--data", &data, "--store", store.url(), "--clock-offset-s", &clock_offset_s];
            let arguments = [&common, more, wanted.metrics_arguments()].concat();
            Server::start_with(service, &arguments, &wanted.environment)
        };
        let registry = start("registry", &[]);
        let statistics = start("statistics", &["--registry", registry.endpoint()]);
        let scheduler = Self::scheduler_arguments(&registry, wanted.supplier_option().as_deref());
        let scheduler = start("scheduler", &scheduler.iter().map(String::as_str).collect::<Vec<_>>());
        let apart = Some(Apart { scheduler, statistics });
        Some(Self { england, first: registry, apart, clock_offset_s, store: Some(store) })
    }

    /// Another scheduler on the same store, beside the one that runs.
    pub(crate) fn second_scheduler(&self, supplier: &SupplierServer) -> Server {
        let arguments = self.scheduler_beside("second-scheduler", supplier);
        Server::start("scheduler", &arguments.iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// The arguments of a scheduler on the same store whose own folder has this name: `scheduler` is the one that runs.
    pub(crate) fn scheduler_beside(&self, folder: &str, supplier: &SupplierServer) -> Vec<String> {
        let data = self.england.folder().join(folder).display().to_string();
        let mut arguments = Self::scheduler_arguments(self.registry(), Some(&supplier.option()));
        arguments.extend(["--data", &data, "--store", self.store().url()].map(str::to_owned));
        arguments.extend(["--clock-offset-s", &self.clock_offset_s].map(str::to_owned));
        arguments
    }

    fn scheduler_arguments(registry: &Server, supplier: Option<&str>) -> Vec<String> {
        let mut arguments = vec!["--registry", registry.endpoint()];
        arguments.extend(supplier.iter().flat_map(|supplier| ["--supplier", supplier]));
        arguments.into_iter().map(str::to_owned).collect()
    }

    /// Where the processes keep everything.
    pub(crate) fn store(&self) -> &PostgresStore {
        self.store.as_ref().expect("an installation in one process has one scheduler, on SQLite")
    }

    pub(crate) fn registry(&self) -> &Server {
        &self.first
    }

    pub(crate) fn scheduler(&self) -> &Server {
        self.apart.as_ref().map_or(&self.first, |apart| &apart.scheduler)
    }

    /// The process of the scheduler, to be killed and started again.
    pub(crate) fn scheduler_mut(&mut self) -> &mut Server {
        self.apart.as_mut().map_or(&mut self.first, |apart| &mut apart.scheduler)
    }

    pub(crate) fn statistics(&self) -> &Server {
        self.apart.as_ref().map_or(&self.first, |apart| &apart.statistics)
    }

    /// Every process of it.
    pub(crate) fn servers(&self) -> Vec<&Server> {
        let apart = self.apart.iter().flat_map(|Apart { scheduler, statistics }| [scheduler, statistics]);
        [&self.first].into_iter().chain(apart).collect()
    }

    /// The command line of `account`; every role where it names none.
    pub(crate) fn accessctl(&self, account: &str) -> Accessctl {
        match &self.apart {
            None => Accessctl::all_in_one(&self.first, account),
            Some(Apart { scheduler, statistics }) => Accessctl::separate(&self.first, scheduler, statistics, account),
        }
    }

    /// Imports the map, the list sizes and the bank holidays.
    pub(crate) fn import(&self) {
        let operator = self.accessctl("olga");
        operator.say(&["import", "map", &text(self.england.map())]);
        operator.say(&["import", "list-sizes", &text(self.england.list_sizes())]);
        operator.say(&["import", "bank-holidays", &text(self.england.bank_holidays())]);
    }

    /// Writes a programme's document; its path.
    pub(crate) fn programme(&self, file_name: &str, document: &str) -> String {
        let path = self.england.folder().join(file_name);
        fs::write(&path, document).expect("a temporary folder can be written to");
        text(path)
    }

    /// Stops every server as an operator would; each must end well. The store is what is left.
    pub(crate) fn stop(self) -> Option<PostgresStore> {
        self.end().2
    }

    /// The same; all that they wrote to their logs, and the folder with their data.
    pub(crate) fn stop_and_read(self) -> (String, EnglandFiles) {
        let (logs, england, _) = self.end();
        (logs, england)
    }

    fn end(self) -> (String, EnglandFiles, Option<PostgresStore>) {
        let mut logs = String::new();
        let apart = self.apart.into_iter().flat_map(|Apart { scheduler, statistics }| [scheduler, statistics]);
        for server in apart.chain([self.first]) {
            let ended = server.stop();
            assert!(ended.status.success(), "a server ended with {}: {}", ended.status, ended.said());
            logs.push_str(&ended.stderr);
        }
        (logs, self.england, self.store)
    }
}

/// A small programme of one wave that opens today; `wave` continues the wave's lines.
pub(crate) fn programme_of_today(wave: &str) -> String {
    format!(
        r#"name: summer-opening
title: Summer opening
cohort: practice.list_size > 0
windows:
  - {{days: [monday, tuesday, wednesday, thursday, friday], from: "07:00", to: "19:00"}}
notice_working_days: 0
gate: {{min_success: 0.5, min_sample: 1, soak: 1h, timeout: 24h}}
suppliers:
  EMIS: {{mode: push}}
waves:
  - wave: 1
    title: Today
    from: {TODAY}
{wave}"#
    )
}

pub(crate) fn text(path: PathBuf) -> String {
    path.into_os_string().into_string().expect("a temporary folder has a plain name")
}

/// Follows the registry until every practice of `wanted` is live; the position of the last change.
pub(crate) async fn until_live(registry: &Server, wanted: &[String]) -> u64 {
    let is_live = |practice: &registry::Practice| practice.access.iter().any(|access| access.live);
    until(registry, |known| wanted.iter().all(|code| known.get(code).is_some_and(is_live))).await
}

/// Follows the registry until its practices, by code, are as `wanted`; the position of the last change.
pub(crate) async fn until(server: &Server, wanted: impl Fn(&BTreeMap<String, registry::Practice>) -> bool) -> u64 {
    let mut known = BTreeMap::new();
    let follow = async {
        let watch = registry::WatchPracticesRequest::default();
        let watch = PracticeRegistryServiceClient::new(server.peer("wanda")).watch_practices(watch).await;
        let mut changes = watch.expect("the registry is watched").into_inner();
        loop {
            let message = changes.message().await.expect("the watch goes on").expect("the watch does not end");
            let practices = message.changes.into_iter().filter_map(|change| change.practice);
            known.extend(practices.map(|practice| (practice.ods_code.clone(), practice)));
            if wanted(&known) {
                return message.position;
            }
        }
    };
    let reached = tokio::time::timeout(PATIENCE, follow).await;
    reached.unwrap_or_else(|_| panic!("the registry did not become as wanted within {PATIENCE:?}: {known:#?}"))
}

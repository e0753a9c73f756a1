//! `demo --data DIR` killed with -9 at a position of a journal, before or after its commit, and started again on the same
//! DIR: it goes on, breaks no promise, and ends with the figures of a run that nobody killed.
//!
//! A chain of kills runs through one story, so that many points cost little more than the story. The points lie evenly
//! over all records of all journals of the unbroken run.

use std::path::Path;

use database::Store;
use serde_json::{Value, json};
use supplier_simulator::read_log;
use tempfile::TempDir;
use tokio::sync::OnceCell;

use crate::harness::demo::Demo;
use crate::harness::invariants::{Cases, Evidence};
use crate::harness::journals::{self, Recorded};
use crate::harness::offer;
use crate::harness::postgres::PostgresStore;
use crate::harness::replay::{Replay, ReplayFiles};

const UNTIL: &str = "2023-01-11";
const PRACTICES_COUNT: &str = "300";
const JOURNALS: [&str; 3] = ["registry", "scheduler", "statistics"];
/// Points an engine: in every run of the tests, and in the long tier.
const POINTS_COUNT: usize = 20;
const POINTS_COUNT_LONG: usize = 500;
/// Kills in one chain.
const CHAIN_LENGTH: usize = 10;

/// The golden replay with more of what crash recovery is about: dozens a day although England is small, slow suppliers that
/// lose replies, and practices that pause while their switch-on is under way.
fn troubled() -> Replay {
    let mut replay = Replay::golden();
    replay.programme[2]["caps"]["daily"]["national"]["practices"] = json!(500);
    replay.programme[3]["caps"]["daily"]["suppliers"]["EMIS"]["practices"] = json!(250);
    for supplier in replay.world["suppliers"].as_array_mut().expect("suppliers") {
        supplier["lost_reply_share"] = json!(0.1);
        supplier["delay"] = json!({ "min": "20m", "max": "90m" });
    }
    let by = replay.who_does("pause");
    let pause = |from: f64, below: f64| {
        json!({ "pause": {
            "who": { "drawn": { "purpose": "wakes-up-late", "from": from, "below": below } },
            "end": "further-notice", "reason_code": "NOT_READY", "evidence": "calls of the practices",
        } })
    };
    replay.event("woke-up-on-the-day", "2022-12-07T07:25", &by, pause(0.0, 0.2)).event(
        "woke-up-the-day-after",
        "2022-12-08T07:40",
        &by,
        pause(0.2, 0.4),
    )
}

/// The story without a kill.
struct Unbroken {
    report: Value,
    cases: Cases,
    /// Kill points in the order of the story, as `--kill-at` takes them.
    points: Vec<String>,
}

/// Where a story is told: its files, its data folder, and its store where that lies elsewhere.
struct Place<'a> {
    files: &'a ReplayFiles,
    data: &'a Path,
    url: Option<&'a str>,
}

impl Place<'_> {
    fn demo(&self) -> Demo {
        let demo = Demo::until(UNTIL).replay(self.files).option("--practices-count", PRACTICES_COUNT);
        let demo = demo.option("--data", self.data);
        self.url.map(|url| ("--store", url)).into_iter().fold(demo, |demo, (name, url)| demo.option(name, url))
    }

    fn store(&self) -> Store {
        self.url.map_or_else(|| Store::sqlite(self.data), |url| url.parse().expect("a store"))
    }

    async fn evidence(&self) -> Evidence {
        let log = read_log(&self.data.join("suppliers.jsonl")).expect("the suppliers' log is whole");
        Evidence::new(&journals::read(&self.store(), "registry").await, &log)
    }
}

impl Unbroken {
    /// Told once, for every store.
    async fn told() -> &'static Self {
        static TOLD: OnceCell<Unbroken> = OnceCell::const_new();
        TOLD.get_or_init(Self::tell).await
    }

    async fn tell() -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let files = troubled().write(folder.path());
        let place = Place { files: &files, data: &folder.path().join("data"), url: None };
        let report = place.demo().report();
        let evidence = place.evidence().await;
        assert_eq!(evidence.breaches(), Vec::<String>::new(), "without any kill");
        let cases = evidence.cases();
        assert!(cases.enables > 50 && cases.pauses_with_open_permit > 0 && cases.reversals > 0, "{cases:?}");
        let mut records: Vec<(&str, Recorded)> = Vec::new();
        for journal in JOURNALS {
            let of_it = journals::read(&place.store(), journal).await;
            assert!(!of_it.is_empty(), "there is nothing in the journal {journal}");
            records.extend(of_it.into_iter().map(|record| (journal, record)));
        }
        records.sort_by_key(|(journal, record)| (record.recorded_at, *journal, record.position));
        let count = if offer::is_long() { POINTS_COUNT_LONG } else { POINTS_COUNT };
        assert!(records.len() > 2 * count, "there are enough records to choose from: {}", records.len());
        let point = |index: usize| {
            let (journal, record) = &records[(2 * index + 1) * records.len() / (2 * count)];
            format!("{journal}:{}:{}", record.position, if index.is_multiple_of(2) { "before" } else { "after" })
        };
        Self { report, cases, points: (0..count).map(point).collect() }
    }

    /// The points in chains that each run through the whole story.
    fn chains(&self) -> Vec<Vec<&String>> {
        let count = self.points.len().div_ceil(CHAIN_LENGTH);
        (0..count).map(|first| self.points.iter().skip(first).step_by(count).collect()).collect()
    }

    /// Kills the story of `place` at each point in turn, and lets it end: as this one did.
    async fn hold_against(&self, place: &Place<'_>, points: &[&String]) {
        for point in points {
            place.demo().killed_at(point);
        }
        assert_eq!(place.demo().report(), self.report, "after kills at {points:?}");
        let evidence = place.evidence().await;
        assert_eq!(evidence.breaches(), Vec::<String>::new(), "after kills at {points:?}");
        assert_eq!(evidence.cases().enables, self.cases.enables, "after kills at {points:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i20_a_demo_killed_anywhere_goes_on_to_the_same_end_on_sqlite() {
    let unbroken = Unbroken::told().await;
    for chain in unbroken.chains() {
        let folder = TempDir::new().expect("a temporary folder");
        let files = troubled().write(folder.path());
        let place = Place { files: &files, data: &folder.path().join("data"), url: None };
        unbroken.hold_against(&place, &chain).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i20_a_demo_killed_anywhere_goes_on_to_the_same_end_on_postgresql() {
    let unbroken = Unbroken::told().await;
    for chain in unbroken.chains() {
        let Some(store) = PostgresStore::fresh().await else { return };
        let folder = TempDir::new().expect("a temporary folder");
        let files = troubled().write(folder.path());
        let place = Place { files: &files, data: &folder.path().join("data"), url: Some(store.url()) };
        unbroken.hold_against(&place, &chain).await;
    }
}

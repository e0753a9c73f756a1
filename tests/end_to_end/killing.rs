//! `demo --data DIR` killed with -9 at a position of a journal, before or after its commit, and started again on the same
//! DIR: it goes on, breaks no promise, and ends with the figures of a run that nobody killed.
//!
//! A chain of kills runs through one story, so that many points cost little more than the story. The points lie evenly
//! over all records of all journals of the unbroken run.

use std::collections::BTreeMap;
use std::path::Path;

use database::Store;
use evidence::{Cases, Evidence, Recorded};
use jiff::Timestamp;
use serde_json::{Value, json};
use supplier_simulator::read_log;
use tempfile::TempDir;
use tokio::sync::OnceCell;

use crate::harness::demo::Demo;
use crate::harness::journals::{self, found_at_rest};
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
/// Of ten points, one is of the statistics' journal, which has few records.
const STATISTICS_EVERY: usize = 10;

/// Records at the end of the story that no kill is aimed at: a kill makes some records one, and its chain may have several.
const RECORDS_LEFT_OUT: usize = 4 * CHAIN_LENGTH;

/// The golden replay with more of what crash recovery is about: dozens a day although England is small, slow suppliers that
/// lose replies, and practices that pause while their switch-on is under way. The phased start is over before January's
/// plan, which is therefore left out.
fn troubled() -> Replay {
    let january = |event: &Value| event["at"].as_str().is_some_and(|at| at > "2023");
    let mut replay = Replay::golden().without("January's plan", january);
    replay.programme[2]["caps"]["daily"]["national"]["practices"] = json!(400);
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
    /// When each record of each journal was recorded, in order.
    recorded: BTreeMap<&'static str, Vec<Timestamp>>,
    /// Where it is to be killed, in the order of the story.
    points: Vec<Point>,
}

/// Where a process is to be killed, as positions of the unbroken story.
#[derive(Clone, Copy, Debug)]
struct Point {
    journal: &'static str,
    position: u64,
    stage: &'static str,
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
        journals::evidence(&self.store(), &log).await
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
        assert_eq!(found_at_rest(&evidence), Vec::<String>::new(), "without any kill");
        let cases = evidence.cases();
        assert!(cases.enables > 50 && cases.pauses_with_open_permit > 0 && cases.reversals > 0, "{cases:?}");
        let mut recorded = BTreeMap::new();
        for journal in JOURNALS {
            let records = journals::read(&place.store(), journal).await;
            recorded.insert(journal, records.iter().map(|record| record.recorded_at).collect());
        }
        let points = points(&recorded, if offer::is_long() { POINTS_COUNT_LONG } else { POINTS_COUNT });
        Self { report, cases, recorded, points }
    }

    /// The points in chains that each run through the whole story.
    fn chains(&self) -> Vec<Vec<Point>> {
        let count = self.points.len().div_ceil(CHAIN_LENGTH);
        (0..count).map(|first| self.points.iter().skip(first).step_by(count).copied().collect()).collect()
    }

    fn report(&self, engine: &str) {
        let (points, chains, enables) = (self.points.len(), self.chains().len(), self.cases.enables);
        offer::tell(&format!(
            "{points} kills of a demo on {engine}, in {chains} stories of {enables} switch-ons each: every one ended as the \
             story that nobody killed"
        ));
    }

    /// What `--kill-at` takes for `point`, now that the journal has these records. A kill makes some records one (what was
    /// under way at several moments is asked for at once), so positions move: the distance to go stays.
    fn kill_at(&self, point: Point, so_far: &[Recorded]) -> String {
        let head = so_far.last().map_or(0, |last| last.position);
        let told = so_far.last().map_or(0, |last| {
            self.recorded[point.journal].partition_point(|recorded_at| *recorded_at <= last.recorded_at)
        });
        let to_go = point.position.saturating_sub(told as u64).max(1);
        format!("{}:{}:{}", point.journal, head + to_go, point.stage)
    }

    /// Kills the story of `place` at each point in turn, and lets it end: as this one did.
    async fn hold_against(&self, place: &Place<'_>, points: &[Point]) {
        let mut kills = Vec::new();
        for point in points {
            let so_far = match kills.as_slice() {
                [] => Vec::new(),
                _ => journals::read(&place.store(), point.journal).await,
            };
            kills.push(self.kill_at(*point, &so_far));
            place.demo().killed_at(&kills[kills.len() - 1]);
        }
        assert_eq!(place.demo().report(), self.report, "after kills at {kills:?}");
        let evidence = place.evidence().await;
        assert_eq!(found_at_rest(&evidence), Vec::<String>::new(), "after kills at {kills:?}");
        assert_eq!(evidence.cases().enables, self.cases.enables, "after kills at {kills:?}");
    }
}

/// `count` points, evenly over the records of the story, but for the last few: after kills there may be fewer.
fn points(recorded: &BTreeMap<&'static str, Vec<Timestamp>>, count: usize) -> Vec<Point> {
    let mut moments: Vec<Timestamp> = recorded.values().flatten().copied().collect();
    moments.sort();
    let before = moments[moments.len().saturating_sub(RECORDS_LEFT_OUT)];
    let all = |journals: &[&'static str]| {
        let records =
            recorded.iter().filter(|(journal, _)| journals.contains(journal)).flat_map(|(journal, moments)| {
                moments.iter().zip(1..).map(|(recorded_at, position)| (*recorded_at, *journal, position))
            });
        let mut records: Vec<(Timestamp, &'static str, u64)> = records.filter(|(at, ..)| *at < before).collect();
        records.sort();
        records
    };
    let evenly = |records: Vec<(Timestamp, &'static str, u64)>, count: usize| {
        (0..count).map(move |index| records[(2 * index + 1) * records.len() / (2 * count)])
    };
    let of_statistics = count / STATISTICS_EVERY;
    let mut chosen: Vec<_> = evenly(all(&["registry", "scheduler"]), count - of_statistics).collect();
    chosen.extend(evenly(all(&["statistics"]), of_statistics));
    chosen.sort();
    let stages = ["before", "after"].iter().cycle();
    chosen.into_iter().zip(stages).map(|((_, journal, position), stage)| Point { journal, position, stage }).collect()
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
    unbroken.report("SQLite");
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
    unbroken.report("PostgreSQL");
}

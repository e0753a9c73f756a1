//! The golden replay to the end of its history, by its two files alone: every wave, the three ways of switching on, each
//! person's act under that person's account, and what was published beside what the run has.
//!
//! A small England on each commit; the nation in the long tier.

use std::collections::{BTreeMap, BTreeSet};

use database::Store;
use evidence::{Evidence, Recorded};
use jiff::Timestamp;
use proto::registry::v1::ListPracticesRequest;
use proto::registry::v1::practice_registry_service_client::PracticeRegistryServiceClient;
use proto::scheduler::v1::enrolment_service_client::EnrolmentServiceClient;
use proto::scheduler::v1::forecast_service_client::ForecastServiceClient;
use proto::scheduler::v1::{
    ExplainPracticeRequest, GateVerdict, ReplayPolicyRequest, ReplayedGateTerms, ReplayedPolicy, ReplayedWaveCourse,
};
use serde_json::Value;
use supplier_simulator::{Direction, Entry, Origin, What, read_log};
use tempfile::TempDir;
use tokio::sync::OnceCell;

use crate::harness::accessctl::Accessctl;
use crate::harness::demo::Demo;
use crate::harness::journals;
use crate::harness::offer;
use crate::harness::replay::Replay;
use crate::harness::server::Server;

pub(crate) const UNTIL: &str = "2023-12-04";
const PRACTICES_COUNT: &str = "300";

/// Moments of the replay: before the first plan, between its waves, under holds, while gates wait, in the end.
const MOMENTS: [&str; 10] = [
    "2022-10-20T09:00:00Z",
    "2022-11-03T12:00:00Z",
    "2022-11-15T09:00:00Z",
    "2022-12-05T15:00:00Z",
    "2023-01-05T10:00:00Z",
    "2023-01-25T08:00:00Z",
    "2023-02-10T18:00:00Z",
    "2023-06-01T12:00:00Z",
    "2023-09-15T12:00:00Z",
    "2023-11-20T12:00:00Z",
];

/// A run, and what it left on disk.
pub(crate) struct History {
    pub(crate) report: Value,
    data: TempDir,
    pub(crate) registry: Vec<Recorded>,
    pub(crate) scheduler: Vec<Recorded>,
    pub(crate) statistics: Vec<Recorded>,
    /// Of each of the scheduler's records: the request, and its account.
    requests: Vec<(String, String)>,
    suppliers: Vec<Entry>,
}

impl History {
    /// All services, on what it left on disk.
    pub(crate) fn served(&self) -> Server {
        let data = self.data.path().join("data");
        Server::start("all", &["--data", data.to_str().expect("a path in UTF-8")])
    }
}

pub(crate) async fn history() -> &'static History {
    static HISTORY: OnceCell<History> = OnceCell::const_new();
    HISTORY
        .get_or_init(|| async {
            let folder = TempDir::new().expect("a temporary folder");
            let data = folder.path().join("data");
            let report = of_size(Demo::until(UNTIL)).option("--data", &data).report();
            let store = Store::sqlite(&data);
            let registry = journals::read(&store, "registry").await;
            let scheduler = journals::read(&store, "scheduler").await;
            let statistics = journals::read(&store, "statistics").await;
            let requests = journals::requests(&store, "scheduler").await;
            let suppliers = read_log(&data.join("suppliers.jsonl")).expect("the suppliers' log is whole");
            History { report, data: folder, registry, scheduler, statistics, requests, suppliers }
        })
        .await
}

/// A small England, or the nation in the long tier.
pub(crate) fn of_size(demo: Demo) -> Demo {
    if offer::is_long() { demo } else { demo.option("--practices-count", PRACTICES_COUNT) }
}

pub(crate) fn payload(record: &Recorded) -> Value {
    serde_json::from_str(&record.payload).expect("a payload is JSON")
}

/// The wave that a record names.
fn wave(record: &Recorded) -> Option<u64> {
    payload(record)["wave"]["wave"].as_u64()
}

#[tokio::test]
async fn every_wave_of_the_history_opens_and_comes_to_its_gate_and_no_hold_is_left() {
    let history = history().await;
    let waves_that = |kind: &str| -> BTreeSet<u64> {
        history.scheduler.iter().filter(|record| record.kind == kind).filter_map(wave).collect()
    };
    let all: BTreeSet<u64> = (1..=9).collect();
    assert_eq!(waves_that("wave-opened"), all);
    assert_eq!(waves_that("gate-evaluated"), all);
    let holds = |kind: &str, at: fn(&Value) -> Option<u64>| -> BTreeSet<u64> {
        let records = history.scheduler.iter().filter(|record| record.kind == kind);
        records.filter_map(|record| at(&payload(record))).collect()
    };
    let placed = holds("hold-placed", |payload| payload["hold"]["id"].as_u64());
    assert!(placed.len() >= 3, "both suppliers and those who had asked were held back: {placed:?}");
    assert_eq!(placed, holds("hold-lifted", |payload| payload["hold"].as_u64()));
}

#[tokio::test]
async fn practices_are_switched_on_by_call_by_list_and_by_themselves_and_some_with_wrong_settings() {
    let history = history().await;
    let mut came: BTreeMap<&str, usize> = BTreeMap::new();
    let mut partial = BTreeSet::new();
    for entry in &history.suppliers {
        let how = match &entry.what {
            What::Received { key, origin: Origin::Call, .. } if key.direction == Direction::Enable => "call",
            What::Received { origin: Origin::List, .. } => "list",
            What::Invited { practice, partial: true, due: Some(_), .. } => {
                partial.insert(practice.to_string());
                continue;
            }
            What::SelfServiceEnded { enabled: true, .. } => "practice",
            _ => continue,
        };
        *came.entry(how).or_default() += 1;
    }
    assert_eq!(came.keys().copied().collect::<Vec<_>>(), ["call", "list", "practice"], "{came:?}");
    assert!(came.values().all(|count| *count > 5), "{came:?}");
    // Wanted on, seen with wrong settings by the supplier's list: drift, and not live.
    let mut observed = BTreeSet::new();
    for record in history.registry.iter().filter(|record| record.kind == "access-observed") {
        let payload = payload(record);
        let observations = payload["access-observed"]["observations"].as_array().expect("observations");
        let partial = observations.iter().filter(|one| one["state"] == "partial");
        observed.extend(partial.filter_map(|one| one["practice"].as_str()).map(ToOwned::to_owned));
    }
    assert!(partial.len() > 3, "{partial:?}");
    assert_eq!(partial, observed);
}

#[tokio::test]
async fn each_persons_act_is_recorded_under_that_persons_account() {
    let history = history().await;
    let mut golden = Replay::golden();
    let acts = ["submit-plan", "approve-plan", "deliver-notice", "place-hold", "lift-hold"];
    let verdicts = ["decide-gate", "acknowledge-halt", "lift-halt"];
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for event in golden.events() {
        let (id, by) = (event["id"].as_str().expect("an id"), event["by"].as_str().expect("an account"));
        let does = event["does"].as_object().and_then(|does| does.keys().next()).expect("an act").clone();
        if !acts.contains(&does.as_str()) && !verdicts.contains(&does.as_str()) {
            continue;
        }
        let is_of = |request_id: &str| {
            request_id == id || request_id.strip_prefix(id).is_some_and(|rest| rest.starts_with('/'))
        };
        let records: Vec<_> = history.requests.iter().filter(|(request_id, _)| is_of(request_id)).collect();
        // A gate that passed by itself waits for no verdict.
        assert!(!records.is_empty() || verdicts.contains(&does.as_str()), "{id} left no record");
        for (request_id, actor) in records {
            assert_eq!(actor, by, "{request_id}");
            *seen.entry(does.clone()).or_default() += 1;
        }
    }
    let missing: Vec<_> = acts.iter().chain(&verdicts).filter(|act| !seen.contains_key(**act)).collect();
    assert!(missing.is_empty(), "{seen:?}");
}

#[tokio::test]
async fn no_promise_is_broken_over_the_whole_history() {
    let history = history().await;
    let evidence = Evidence::new(&history.registry, &history.scheduler, &history.suppliers);
    let evidence = evidence.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(journals::found_at_rest(&evidence), Vec::<String>::new());
}

#[tokio::test]
async fn what_was_published_is_told_beside_the_runs_own_figures() {
    let report = &history().await.report;
    let golden = Replay::golden();
    let (published, told) = (golden.world["published"].as_array().unwrap(), report["published"].as_array().unwrap());
    assert!(!published.is_empty() && published.len() == told.len(), "{told:?}");
    for (published, told) in published.iter().zip(told) {
        for field in ["on", "figure", "published", "source", "differs_because"] {
            assert_eq!(told[field], published[field], "{field}");
        }
        assert!(told["here"].as_f64().is_some_and(|here| here > 0.0), "{told}");
        offer::tell(&format!(
            "{} {}: published {}, here {}",
            told["on"], told["figure"], told["published"], told["here"]
        ));
    }
    let here = |on: &str, figure: &str| {
        let found = told.iter().find(|told| told["on"] == on && told["figure"] == figure).expect("it was published");
        found["here"].as_f64().expect("a figure")
    };
    // The last day's are those of the report itself; earlier ones are of their day.
    let share = here(UNTIL, "share-of-practices-live");
    let (live, total) = (report["practices_live"].as_f64().unwrap(), report["practices_total"].as_f64().unwrap());
    assert!((share - live * 100.0 / total).abs() < 0.06, "{share}");
    assert!((75.0..88.0).contains(&share), "{share}");
    assert!(here("2023-01-11", "patients-with-access") * 2.0 < here("2023-03-31", "patients-with-access"));
    assert!(here("2023-03-31", "patients-with-access") * 2.0 < here(UNTIL, "patients-with-access"));
    assert!(here("2023-10-31", "viewers") < here(UNTIL, "patients-with-access"));
}

/// Whatever a practice manager is told is a sentence: with an end, and without a word of the program's own.
fn is_plain(text: &str) -> bool {
    let is_of_program = |word: &str| {
        let word = word.trim_matches(|sign: char| !sign.is_alphanumeric());
        let is_code =
            word.contains('_') && word.chars().all(|sign| sign.is_ascii_uppercase() || "_0123456789".contains(sign));
        is_code || word.contains("::") || word.contains("Some(") || word.contains('{')
    };
    let begins_well = text.chars().next().is_some_and(|first| first.is_uppercase() || first.is_ascii_digit());
    begins_well && text.ends_with('.') && !text.contains("  ") && !text.split_whitespace().any(is_of_program)
}

#[tokio::test]
async fn each_practice_is_explained_in_sentences_at_ten_moments_of_the_history() {
    let history = history().await;
    let server = history.served();
    let mut registry = PracticeRegistryServiceClient::new(server.peer("reader"));
    let mut enrolments = EnrolmentServiceClient::new(server.peer("reader"));
    let list = ListPracticesRequest { page_size: 300, ..ListPracticesRequest::default() };
    let practices = registry.list_practices(list).await.expect("practices").into_inner().practices;
    assert_eq!(practices.len(), 300);
    let mut codes: BTreeMap<String, usize> = BTreeMap::new();
    let mut wrong = BTreeSet::new();
    for moment in MOMENTS {
        let known_at: Timestamp = moment.parse().expect("a moment");
        let known_at = prost_types::Timestamp { seconds: known_at.as_second(), nanos: 0 };
        for practice in &practices {
            let asked = ExplainPracticeRequest {
                practice: practice.name.clone(),
                known_at: Some(known_at),
                ..ExplainPracticeRequest::default()
            };
            let told = enrolments.explain_practice(asked).await.expect("an explanation").into_inner();
            let sentences = told.blockers.iter().flat_map(|one| [&one.evidence, &one.clears_by]);
            let sentences = sentences.chain(told.information.iter().map(|one| &one.evidence)).chain([&told.summary]);
            wrong.extend(sentences.filter(|text| !is_plain(text)).cloned());
            assert!(
                !told.live || told.blockers.is_empty(),
                "{} is live, and in its way is {:?}",
                practice.name,
                told.blockers
            );
            for blocker in told.blockers {
                assert!(!blocker.owner.is_empty(), "nobody is to act on {blocker:?}");
                *codes.entry(blocker.code).or_default() += 1;
            }
        }
    }
    assert!(wrong.is_empty(), "{} are no sentences: {:#?}", wrong.len(), wrong.iter().take(20).collect::<Vec<_>>());
    assert!(codes.len() > 6, "the history is richer than that: {codes:?}");
    let ended = server.stop();
    assert!(ended.status.success(), "{}", ended.said());
}

/// `accessctl replay-policy --since 2022-12-01 --until 2023-02-15 --gate min_success=0.999`, over the history as it lies on disk.
#[tokio::test]
async fn a_part_of_the_history_is_played_again_under_a_stricter_gate() {
    let history = history().await;
    let server = history.served();
    let moment = |text: &str| {
        let moment: Timestamp = text.parse().expect("a moment");
        Some(prost_types::Timestamp { seconds: moment.as_second(), nanos: 0 })
    };
    let gate = ReplayedGateTerms { min_success: Some(0.999), ..ReplayedGateTerms::default() };
    let request = ReplayPolicyRequest {
        programme: "programmes/prospective-access".to_owned(),
        since: moment("2022-12-01T00:00:00Z"),
        until: moment("2023-02-15T00:00:00Z"),
        policy: Some(ReplayedPolicy { gate: Some(gate), ..ReplayedPolicy::default() }),
        ..ReplayPolicyRequest::default()
    };
    let reply = ForecastServiceClient::new(server.peer("reader")).replay_policy(request).await;
    let reply = reply.expect("a replay").into_inner();
    let fidelity = reply.fidelity.expect("how far it strays");
    assert!(fidelity.in_fact_count > 10, "{fidelity:?}");
    assert_eq!((fidelity.control_count, fidelity.other_day_count), (fidelity.in_fact_count, 0), "{fidelity:?}");
    let halted = |course: Option<ReplayedWaveCourse>| course.is_some_and(|one| one.verdict() == GateVerdict::Fail);
    assert!(reply.waves.iter().any(|wave| halted(wave.replayed) && !halted(wave.control)), "{:#?}", reply.waves);
    let ended = server.stop();
    assert!(ended.status.success(), "{}", ended.said());
}

/// A wave of the history by name: statistics know of no waves, so its members are the scheduler's.
#[tokio::test]
async fn a_waves_practices_are_followed_and_compared_with_the_others() {
    const WAVE: &str = "programmes/prospective-access/waves/4";
    let history = history().await;
    let server = history.served();
    let reader = Accessctl::all_in_one(&server, "stan;roles=statistician");
    let compare = |measure: &str, more: &[&str]| {
        let compared = reader.json(&[&["stats", "compare", measure, "--wave", WAVE, "--days", "21"], more].concat());
        let side = |side: &str| {
            let count = |value: &Value| value.as_str().expect("a count").parse::<i64>().expect("a number");
            let of = &compared[side];
            let [before, after] = ["before", "after"].map(|when| count(&of[when]["value"]));
            (count(&of["practices_count"]), before, after)
        };
        (side("chosen"), side("others"))
    };
    let ((count, before, after), _) = compare("live", &[]);
    assert!(count > 5 && before < after && after <= count, "{count} practices: {before} live before, {after} after");
    let ((live, before, after), (others, ..)) = compare("live", &["--since-live"]);
    assert_eq!((before, after), (0, live), "each on its own day");
    assert!(others > live, "{others}");
    let ((_, before, after), _) = compare("views", &["--since-live"]);
    assert!(before < after, "nobody looks before it is live, and some do afterwards: {before}, {after}");
    let series = ["stats", "series", "live", "--wave", WAVE, "--interval", "month", "--from", "2022-12-01", "--to"];
    let said = reader.json(&[series.as_slice(), &["2023-11-30"]].concat());
    assert_eq!(said["sets"][0]["practices_count"], count.to_string(), "{said}");
    let points = said["series"][0]["points"].as_array().expect("points");
    assert_eq!(points.len(), 12, "{said}");
    let by_app = reader.say(&[
        "stats",
        "series",
        "views",
        "--wave",
        WAVE,
        "--split",
        "channel",
        "--from",
        "2023-03-01",
        "--to",
        "2023-03-31",
    ]);
    assert!(by_app.contains("CHANNEL") && by_app.contains("nhs-app"), "{by_app}");
    let ended = server.stop();
    assert!(ended.status.success(), "{}", ended.said());
}

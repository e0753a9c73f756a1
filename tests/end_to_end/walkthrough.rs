//! What a new user types, in order, against all in one and against three processes.

use client::Peer;
use proto::statistics::v1 as statistics;
use proto::statistics::v1::statistics_service_client::StatisticsServiceClient;
use serde_json::Value;

use crate::harness::installation::{Installation, Wanted, clock_offset, programme_of_today, text, until_live};
use crate::harness::supplier::SupplierServer;

const PRACTICES_COUNT: u32 = 30;
/// Paused before the programme is planned, so it is in no wave and stays off.
const PAUSED: &str = "A81001";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_hour_of_a_user_works_all_in_one() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let supplier = SupplierServer::start(&folder.path().join("suppliers.jsonl"), clock_offset()).await;
    let wanted = Wanted { practices_count: PRACTICES_COUNT, supplier: Some(&supplier), ..Wanted::default() };
    let installation = Installation::all_in_one(&wanted);
    first_hour(&installation).await;
    installation.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_hour_of_a_user_works_with_three_processes_on_postgresql() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let supplier = SupplierServer::start(&folder.path().join("suppliers.jsonl"), clock_offset()).await;
    let wanted = Wanted { practices_count: PRACTICES_COUNT, supplier: Some(&supplier), ..Wanted::default() };
    let Some(installation) = Installation::separate(&wanted).await else { return };
    first_hour(&installation).await;
    installation.stop();
}

async fn first_hour(installation: &Installation) {
    imports_and_looks(installation);
    pauses(installation);
    plans_and_approves(installation);
    let others: Vec<String> = (0..PRACTICES_COUNT as usize).map(|index| installation.england.practice(index)).collect();
    let others: Vec<String> = others.into_iter().filter(|code| code != PAUSED).collect();
    let position = until_live(installation.registry(), &others).await;
    reads_figures(installation, position).await;
    brakes(installation);
    asks_why_and_verifies(installation);
}

fn imports_and_looks(installation: &Installation) {
    let operator = installation.accessctl("olga");
    let map = text(installation.england.map());
    let dry = operator.say(&["import", "map", &map, "--dry-run"]);
    assert!(dry.contains("nothing was changed"), "{dry}");
    assert_eq!(operator.json(&["practice", "list"])["total_count"], "0", "a dry run imports nothing");
    let first = operator.json(&["import", "map", &map]);
    assert_eq!((&first["created_count"], &first["rejected_count"]), (&PRACTICES_COUNT.into(), &0.into()), "{first}");
    let again = operator.json(&["import", "map", &map]);
    assert_eq!((&again["created_count"], &again["updated_count"]), (&0.into(), &0.into()), "{again}");
    assert_eq!(again["unchanged_count"], PRACTICES_COUNT, "the same file twice changes nothing: {again}");
    installation.import();
    let shown = operator.say(&["practice", "get", PAUSED]);
    assert!(shown.contains(PAUSED) && shown.contains("EMIS") && shown.contains("ACTIVE"), "{shown}");
    let listed = operator.say(&["practice", "list", "--filter", "practice.list_size > 0", "--output", "csv"]);
    assert_eq!(listed.lines().count(), 1 + PRACTICES_COUNT as usize, "{listed}");
    assert!(listed.starts_with("practice,name,supplier"), "{listed}");
}

fn pauses(installation: &Installation) {
    let practice = installation.accessctl("paula");
    let said = practice.say(&["practice", "pause", PAUSED, "--reason", "staff not trained", "--until", "2031-11-30"]);
    assert!(said.contains("PREVENTED"), "{said}");
    let name = said.lines().find_map(|line| line.strip_prefix("receipt")).expect("a receipt has a name").trim();
    let receipt = practice.say(&["practice", "receipt", name]);
    assert!(receipt.contains("PREVENTED") && receipt.contains("final"), "{receipt}");
    let history = practice.say(&["practice", "history", PAUSED]);
    assert!(history.contains("paula"), "{history}");
}

fn plans_and_approves(installation: &Installation) {
    let lead = installation.accessctl("leo");
    let file = installation.programme("summer.yaml", &programme_of_today(""));
    let planned = lead.say(&["programme", "plan", &file]);
    assert!(planned.contains(&format!("{} practices with", PRACTICES_COUNT - 1)), "{planned}");
    assert!(planned.contains("in no wave: 1 practices, PAUSED_BY_PRACTICE (practices/A81001)"), "{planned}");
    assert_eq!(
        lead.say(&["programme", "list"]).trim(),
        "PROGRAMME  TITLE  STATE  IN FORCE  DEADLINE\nnone",
        "a plan writes nothing"
    );
    let applied = lead.json(&["programme", "apply", &file, "--reason", "agreed with both suppliers"]);
    assert_eq!(applied["plan"]["practices_count"], (PRACTICES_COUNT - 1).to_string(), "{applied}");
    let hash = applied["plan"]["plan_hash"].as_str().expect("a plan has a hash").to_owned();
    // Rule 7: the approver is not the author.
    let own = lead.refused(4, &["programme", "approve", "summer-opening"]);
    assert!(own.contains("APPROVER_IS_EDITOR"), "{own}");
    let other_hash = format!("{}{}", if hash.starts_with('0') { '1' } else { '0' }, &hash[1..]);
    let approver = lead.as_account("ada");
    let wrong = approver.refused(5, &["programme", "approve", "summer-opening", "--plan-hash", &other_hash]);
    assert!(wrong.contains("PLAN_HASH_MISMATCH"), "{wrong}");
    let reviewed = approver.say(&["programme", "review", "summer-opening"]);
    assert!(reviewed.contains(&format!("--plan-hash {hash}")), "{reviewed}");
    assert!(reviewed.contains("the first plan: everybody in it is added"), "{reviewed}");
    let approved = approver.say(&["programme", "approve", "summer-opening", "--plan-hash", &hash]);
    assert!(approved.contains("ada"), "{approved}");
    approver.say(&["wave", "notice", "programmes/summer-opening/waves/1", "--channel", "e-mail"]);
    let told = lead.say(&["programme", "forecast", "summer-opening", "--runs", "20"]);
    assert!(told.contains("programmes/summer-opening/plans/1, seen from"), "{told}");
    assert!(told.contains("20 futures, seed 0") && told.contains("suppliers/EMIS"), "{told}");
    let forecast = lead.json(&["programme", "forecast", "summer-opening", "--runs", "20"]);
    assert_eq!(forecast["groups"][0]["practices_count"], (PRACTICES_COUNT - 1).to_string(), "{forecast}");
}

async fn reads_figures(installation: &Installation, position: u64) {
    // Statistics follow the registry; this read waits until they have.
    let statistics: Peer = installation.statistics().peer("stan");
    let wait =
        statistics::GetSummaryRequest { min_position: position, area: "england".to_owned(), ..Default::default() };
    StatisticsServiceClient::new(statistics).get_summary(wait).await.expect("statistics follow the registry");
    let reader = installation.accessctl("stan");
    let summary = reader.json(&["stats", "summary"]);
    let value = |figure: &str| summary[figure]["value"].as_str().unwrap_or_default().to_owned();
    assert_eq!(value("practices_live"), (PRACTICES_COUNT - 1).to_string(), "{summary}");
    assert_eq!(value("practices_total"), PRACTICES_COUNT.to_string(), "{summary}");
    assert_eq!(value("patients_registered"), installation.england.patients().to_string(), "{summary}");
    let table = reader.say(&["stats", "summary"]);
    assert!(table.contains("practices live") && table.contains("definitions/"), "{table}");
    let series = reader.say(&[
        "stats",
        "series",
        "live",
        "--by",
        "supplier",
        "--interval",
        "day",
        "--from",
        "2031-06-02",
        "--to",
        "2031-06-03",
    ]);
    assert!(series.contains("suppliers/EMIS"), "{series}");
    let hours = ["stats", "series", "live", "--interval", "hour", "--from", "2031-06-02", "--to", "2031-06-02"];
    let hours = reader.say(&hours);
    assert!(hours.contains("2031-06-02 00:00:00 BST") && hours.contains("2031-06-02 01:00:00 BST"), "{hours}");
    let gone = ["stats", "series", "views", "--interval", "hour", "--from", "2031-01-02", "--to", "2031-01-02"];
    assert!(reader.refused(2, &gone).contains("HOURS_BY_DAY_ONLY"));
}

fn brakes(installation: &Installation) {
    let officer = installation.accessctl("sofia");
    let held = officer.json(&["hold", "place", "--national", "--class", "safety", "--reason-code", "WRONG_SETTINGS"]);
    let name = held["hold"]["name"].as_str().expect("a hold has a name").to_owned();
    assert!(officer.say(&["hold", "list"]).contains("everybody"));
    // A safety hold needs two people to lift (I10).
    let first = officer.json(&["hold", "lift", &name, "--reason-code", "SETTINGS_MENDED"]);
    assert_eq!(first["hold"]["state"], "HOLD_STATE_AWAITING_SECOND_PERSON", "{first}");
    let second = officer.as_account("samir").json(&["hold", "lift", &name, "--reason-code", "SETTINGS_MENDED"]);
    assert_eq!(second["hold"]["state"], "HOLD_STATE_LIFTED", "{second}");
}

fn asks_why_and_verifies(installation: &Installation) {
    let reader = installation.accessctl("rita");
    let why = reader.json(&["practice", "explain", PAUSED]);
    let blockers = why["blockers"].as_array().expect("it is blocked").iter();
    let paused: Vec<&Value> =
        blockers.filter(|blocker| blocker["code"].as_str().is_some_and(|code| code.contains("PAUSE"))).collect();
    assert!(!paused.is_empty(), "{why}");
    let status = reader.say(&["programme", "status", "summer-opening"]);
    assert!(status.contains("confirmed") || status.contains("verified"), "{status}");
    let tail = reader.say(&["journal", "tail", "scheduler"]);
    assert!(tail.contains("hold-lifted") && !tail.contains("plan-approved"), "the last records: {tail}");
    let beginning = reader.say(&["journal", "tail", "scheduler", "--after", "0"]);
    assert!(beginning.contains("plan-approved") && beginning.contains("ada"), "{beginning}");
    let verified = reader.say(&["journal", "verify"]);
    assert_eq!(verified.matches("chain     whole").count(), 3, "{verified}");
}

//! Clients of other make get the same answers: Python's grpcio and grpcurl, which know only what reflection tells them.

use serde_json::{Value, json};

use crate::harness::foreign::{by_grpcurl, by_python, plain};
use crate::harness::installation::{Installation, Wanted};
use crate::harness::offer;
use crate::harness::server::Server;

const REGISTRY: &str = "citizens_access.registry.v1.PracticeRegistryService";
const STATISTICS: &str = "citizens_access.statistics.v1.StatisticsService";
const CALENDAR: &str = "citizens_access.scheduler.v1.CalendarService";
/// Differ from call to call: the moments of answering.
const LEFT_OUT: [&str; 3] = ["asOf", "asAt", "knownAt"];

fn wanted() -> Wanted<'static> {
    Wanted { practices_count: 20, ..Wanted::default() }
}

/// The position of the last change.
fn begun(installation: &Installation) -> String {
    installation.import();
    let paused = installation.accessctl("paula").json(&["practice", "pause", "A81001", "--reason", "not ready"]);
    paused["position"].as_str().expect("a pause says its position").to_owned()
}

/// Which server answers a service's questions where each has a process of its own.
fn server_of<'a>(installation: &'a Installation, rpc: &str) -> &'a Server {
    match rpc {
        _ if rpc.starts_with(STATISTICS) => installation.statistics(),
        _ if rpc.starts_with(CALENDAR) => installation.scheduler(),
        _ => installation.registry(),
    }
}

/// What is asked once the registry's change at `position` is known, by RPC, and by accessctl where it has a word for it.
fn questions(position: &str) -> Vec<(String, Value, Vec<&'static str>)> {
    vec![
        (format!("{REGISTRY}/GetPractice"), json!({ "name": "practices/A81001" }), vec!["practice", "get", "A81001"]),
        (
            format!("{REGISTRY}/ListPractices"),
            json!({ "filter": "practice.list_size > 3000", "page_size": 100 }),
            vec!["practice", "list", "--filter", "practice.list_size > 3000"],
        ),
        (
            format!("{STATISTICS}/GetSummary"),
            json!({ "area": "england", "min_position": position }),
            vec!["stats", "summary"],
        ),
        (format!("{REGISTRY}/CheckAccess"), json!({ "ods_code": "A81001" }), vec![]),
        (format!("{CALENDAR}/GetCalendar"), json!({}), vec![]),
    ]
}

#[test]
fn python_and_grpcurl_get_the_answers_that_accessctl_gets_all_in_one() {
    hear_the_same(&Installation::all_in_one(&wanted()));
}

#[tokio::test]
async fn python_and_grpcurl_get_the_answers_that_accessctl_gets_from_three_processes_on_postgresql() {
    let Some(installation) = Installation::separate(&wanted()).await else { return };
    hear_the_same(&installation);
    installation.stop();
}

fn hear_the_same(installation: &Installation) {
    let (Some(python), Some(grpcurl)) = (offer::python(), offer::grpcurl()) else { return };
    let position = begun(installation);
    let accessctl = installation.accessctl("rita");
    for (rpc, request, words) in questions(&position) {
        let server = server_of(installation, &rpc);
        let python = plain(&by_python(&python, server, "rita", &rpc, &request), &LEFT_OUT);
        let grpcurl = plain(&by_grpcurl(&grpcurl, server, "rita", &rpc, &request), &LEFT_OUT);
        assert_eq!(python, grpcurl, "{rpc}");
        assert!(
            python.as_object().is_some_and(|fields| fields.len() > 1 || fields.values().any(Value::is_object)),
            "{rpc}: {python}"
        );
        if !words.is_empty() {
            assert_eq!(plain(&accessctl.json(&words), &LEFT_OUT), python, "{rpc} and accessctl {words:?}");
        }
    }
}

#[test]
fn python_can_pause_a_practice_and_hears_why_it_is_refused() {
    let Some(python) = offer::python() else { return };
    let installation = Installation::all_in_one(&wanted());
    begun(&installation);
    let server = installation.registry();
    let pause = |account: &str, name: &str, request_id: &str| {
        let request = json!({
            "name": name, "end": "PAUSE_END_FURTHER_NOTICE", "request_id": request_id, "reason_code": "NOT_READY",
        });
        by_python(&python, server, account, &format!("{REGISTRY}/PausePractice"), &request)
    };
    let paula = "paula;roles=practice;organisation=practices/A82001";
    let paused = pause(paula, "practices/A82001", "first");
    assert_eq!(paused["receipt"]["state"], "RECEIPT_STATE_PREVENTED", "{paused}");
    assert_eq!(pause(paula, "practices/A82001", "first"), paused, "a replay returns the first reply");
    let not_hers = pause(paula, "practices/B81001", "second");
    assert_eq!(
        (&not_hers["code"], &not_hers["reason"]),
        (&json!("PERMISSION_DENIED"), &json!("RESOURCE_OF_OTHERS")),
        "{not_hers}"
    );
    let unknown = pause("paula;roles=practice;organisation=practices/Z99999", "practices/Z99999", "second");
    assert_eq!(
        (&unknown["code"], &unknown["reason"]),
        (&json!("NOT_FOUND"), &json!("PRACTICE_NOT_FOUND")),
        "{unknown}"
    );
    let request = json!({ "name": "practices/B81001", "request_id": "third", "reason_code": "NOT_READY" });
    let refused = by_python(&python, server, "stan;roles=statistician", &format!("{REGISTRY}/PausePractice"), &request);
    assert_eq!(refused["code"], "PERMISSION_DENIED", "{refused}");
}

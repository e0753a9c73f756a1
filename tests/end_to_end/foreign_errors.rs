//! What clients of other make read out of our refusals: Python's grpcio-status, and Node's grpc-js with Google's definitions.
//!
//! One refusal of each code that a caller can bring about, and some of each service. DEADLINE_EXCEEDED is the client's own by the time it hears of the
//! server's, and INTERNAL cannot be asked for.

use std::fs;

use proto::registry::v1::WatchPracticesRequest;
use proto::registry::v1::practice_registry_service_client::PracticeRegistryServiceClient;
use serde_json::{Value, json};

use crate::harness::foreign::{errors_by_node, errors_by_python};
use crate::harness::installation::{Installation, Wanted};
use crate::harness::offer;
use crate::harness::server::Server;

const REGISTRY: &str = "citizens_access.registry.v1.PracticeRegistryService";
const PROGRAMMES: &str = "citizens_access.scheduler.v1.ProgrammeService";
const HOLDS: &str = "citizens_access.scheduler.v1.HoldService";
const STATISTICS: &str = "citizens_access.statistics.v1.StatisticsService";
const INGEST: &str = "citizens_access.statistics.v1.IngestService";
const PUBLICATIONS: &str = "citizens_access.statistics.v1.PublicationService";
/// Longer than any answer takes, also where a refusal comes only after a wait.
const DEADLINE_S: u32 = 20;
/// The server waits for a position nearly until the caller's deadline.
const DEADLINE_OF_A_WAIT_S: u32 = 2;
/// Beyond the 4 MiB that are taken.
const NOTE_BYTES: usize = 5 << 20;
/// Metadata that differs from run to run, and what stands for it.
const LEFT_OUT: [&str; 2] = ["current", "position"];

fn call(account: &str, method: &str, request: &Value) -> Value {
    call_of(REGISTRY, account, method, request)
}

fn call_of(service: &str, account: &str, method: &str, request: &Value) -> Value {
    json!({ "rpc": format!("{service}/{method}"), "account": account, "request": request, "deadline_s": DEADLINE_S })
}

/// Who speaks for a practice.
fn paula(practice: &str) -> String {
    format!("paula;roles=practice;organisation=practices/{practice}")
}

/// Calls, each of which is refused but the first.
fn calls() -> Vec<Value> {
    let pause = |name: &str, request_id: &str, note: &str| {
        json!({
            "name": name, "end": "PAUSE_END_FURTHER_NOTICE", "request_id": request_id, "reason_code": "NOT_READY", "note": note,
        })
    };
    let practice = "practices/A81001";
    let readiness = json!({
        "name": practice, "request_id": "edit", "reason_code": "REVIEWED", "etag": "stale",
        "items": [{ "item": "staff-training", "state": "READINESS_STATE_COMPLETE" }],
    });
    let resume = json!({ "name": "practices/B81001", "request_id": "resume", "reason_code": "READY" });
    let mut waits = call("rita", "GetPractice", &json!({ "name": practice, "min_position": 9_999_999 }));
    waits["deadline_s"] = DEADLINE_OF_A_WAIT_S.into();
    let bytes = |method: &str, hex: &str| json!({ "rpc": format!("{REGISTRY}/{method}"), "account": "rita", "hex": hex, "deadline_s": DEADLINE_S });
    vec![
        call(&paula("A81001"), "PausePractice", &pause(practice, "once", "")),
        call(&paula("A82001"), "PausePractice", &pause("practices/A82001", "once", "")),
        call("", "GetPractice", &json!({ "name": practice })),
        call("stan;roles=statistician", "PausePractice", &pause(practice, "not-mine", "")),
        call("rita", "ListPractices", &json!({ "filter": "practice.list_sise > 3000" })),
        bytes("GetPractice", "ff"),
        call("rita", "GetPractice", &json!({ "name": "practices/Z99999" })),
        call(&paula("B81001"), "ResumePractice", &resume),
        call(&paula("A81001"), "UpdateReadiness", &readiness),
        call(&paula("A81001"), "PausePractice", &pause(practice, "long", &"x".repeat(NOTE_BYTES))),
        waits,
        bytes("NoSuchMethod", ""),
    ]
    .into_iter()
    .chain(calls_of_the_others())
    .collect()
}

/// Calls of the scheduler and of the statistics, each of which is refused.
fn calls_of_the_others() -> Vec<Value> {
    let document = json!({
        "programme_id": "winter", "specification": "name: winter\ncohorts: practice.list_size > 0\n",
        "request_id": "winter", "reason_code": "AS_AGREED",
    });
    let programme = json!({ "name": "programmes/no-such-programme" });
    let hold = json!({
        "scope": { "national": true }, "hold_class": "HOLD_CLASS_SAFETY", "request_id": "hold", "reason_code": "SEEN",
        "note": "of 943 476 5919",
    });
    let lift = json!({ "name": "holds/9999", "request_id": "lift", "reason_code": "LOOKED_AT" });
    let returns = json!({
        "supplier": "suppliers/EMIS", "period_start_date": "2031-02-01", "period_end_date": "2031-01-31",
        "returns": [{ "practice": "practices/A81001" }], "request_id": "returns",
    });
    let publication = json!({
        "publication": "publications/practices-live-2031-04", "request_id": "issue", "reason_code": "MONTHLY",
    });
    vec![
        call_of(PROGRAMMES, "amira;roles=programme-lead", "CreateProgramme", &document),
        call_of(PROGRAMMES, "amira;roles=programme-lead", "GetProgramme", &programme),
        call_of(HOLDS, "carol;roles=safety-officer", "PlaceHold", &hold),
        call_of(HOLDS, "carol;roles=safety-officer", "LiftHold", &lift),
        call_of(HOLDS, "stan;roles=statistician", "LiftHold", &lift),
        call_of(STATISTICS, "stan;roles=statistician", "GetSummary", &json!({ "area": "wards/E05000001" })),
        call_of(INGEST, "emis;roles=supplier;organisation=suppliers/EMIS", "SubmitReturns", &returns),
        call_of(PUBLICATIONS, "stan;roles=statistician", "CreatePublication", &publication),
    ]
}

/// A server that has as much to do as it may says when to come back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn python_and_node_read_when_to_come_back_out_of_a_refusal_for_load() {
    let (Some(python), Some(node)) = (offer::python(), offer::node_modules()) else { return };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let data = folder.path().join("data").display().to_string();
    let limits = [("CITIZENS_ACCESS_LIMITS".to_owned(), "streams_open_max=1".to_owned())];
    let server = Server::start_with("registry", &["--data", &data], &limits);
    let mut registry = PracticeRegistryServiceClient::new(server.peer("wanda"));
    let watch = registry.watch_practices(WatchPracticesRequest::default());
    let _watch = watch.await.expect("the one stream that there may be");
    // Its bytes as they are: to ask for the descriptor would take a stream.
    let one_more = json!([{ "rpc": format!("{REGISTRY}/WatchPractices"), "account": "rita", "hex": "", "deadline_s": DEADLINE_S }]);
    let file = folder.path().join("calls.json");
    fs::write(&file, one_more.to_string()).expect("the call is written");
    let wanted = json!([{
        "code": "RESOURCE_EXHAUSTED",
        "message": "as many calls are under way as streams_open_max lets in, 1; try again in 200 ms",
        "details": [
            { "type": "google.rpc.RetryInfo", "retryDelay": "0.200s" },
            {
                "type": "google.rpc.ErrorInfo", "reason": "OVERLOADED", "domain": "citizens-access",
                "metadata": { "calls_max": "1", "limit": "streams_open_max", "retry_after_ms": "200" },
            },
        ],
    }]);
    for heard in [errors_by_python(&python, &server, &file), errors_by_node(&node, &server, &file)] {
        assert_eq!(heard, wanted);
    }
}

#[test]
fn python_and_node_read_the_same_details_out_of_a_refusal_of_each_code() {
    let (Some(python), Some(node)) = (offer::python(), offer::node_modules()) else { return };
    let refused_by = |client: &dyn Fn(&Installation, &std::path::Path) -> Value| {
        let installation = Installation::all_in_one(&Wanted { practices_count: 20, ..Wanted::default() });
        installation.import();
        let file = installation.england.folder().join("calls.json");
        fs::write(&file, Value::from(calls()).to_string()).expect("the calls are written");
        let mut refusals = client(&installation, &file);
        for refusal in refusals.as_array_mut().expect("a list").iter_mut().filter(|one| !one.is_null()) {
            plain(refusal);
        }
        // Whether maps keep their order is a choice of features.
        refusals.sort_all_objects();
        refusals
    };
    let heard_by_python = refused_by(&|installation, file| errors_by_python(&python, installation.registry(), file));
    let heard_by_node = refused_by(&|installation, file| errors_by_node(&node, installation.registry(), file));
    assert_eq!(heard_by_python, heard_by_node);
    let [accepted, refusals @ ..] = heard_by_python.as_array().expect("a list").as_slice() else { panic!("no calls") };
    assert_eq!(accepted, &Value::Null, "the first pause is taken");
    let text: Vec<String> = refusals.iter().map(|one| serde_json::to_string_pretty(one).expect("JSON")).collect();
    insta::assert_snapshot!(text.join("\n"));
}

/// Names what differs from run to run, in the metadata and in the message.
fn plain(refusal: &mut Value) {
    let details = refusal["details"].as_array_mut().expect("details");
    let info = details.iter_mut().find(|detail| detail["type"] == "google.rpc.ErrorInfo").expect("one ErrorInfo");
    let metadata = info["metadata"].as_object_mut().expect("metadata");
    let mut message_parts = Vec::new();
    for name in LEFT_OUT {
        if let Some(value) = metadata.get_mut(name) {
            let told = value.as_str().expect("metadata are texts").to_owned();
            *value = format!("[{name}]").into();
            message_parts.push((told, format!("[{name}]")));
        }
    }
    for (told, placeholder) in message_parts {
        let message = refusal["message"].as_str().expect("a message").replacen(&told, &placeholder, 1);
        refusal["message"] = message.into();
    }
}

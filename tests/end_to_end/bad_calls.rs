//! Calls that cannot be answered as asked: each refusal says what, in a code that programs can read.

use proto::registry::v1 as registry;
use proto::registry::v1::practice_registry_service_client::PracticeRegistryServiceClient;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use crate::harness::installation::{Installation, Wanted};

fn installation() -> Installation {
    let installation = Installation::all_in_one(&Wanted { practices_count: 5, ..Wanted::default() });
    installation.import();
    installation
}

fn reason(status: &Status) -> String {
    status.get_error_details().error_info().map(|info| info.reason.clone()).unwrap_or_default()
}

fn pause(request_id: &str) -> registry::PausePracticeRequest {
    registry::PausePracticeRequest {
        name: "practices/A81001".to_owned(),
        end: registry::PauseEnd::FurtherNotice.into(),
        request_id: request_id.to_owned(),
        reason_code: "NOT_READY".to_owned(),
        ..Default::default()
    }
}

#[test]
fn an_unknown_practice_is_not_found_and_said_so_to_scripts() {
    let installation = installation();
    let said = installation.accessctl("rita").refused(3, &["practice", "get", "Z99999"]);
    assert!(said.contains("practices/Z99999") && said.contains("PRACTICE_NOT_FOUND"), "{said}");
}

#[tokio::test]
async fn a_stale_etag_changes_nothing() {
    let installation = installation();
    let mut client = PracticeRegistryServiceClient::new(installation.registry().peer("paula"));
    let get = registry::GetPracticeRequest { name: "practices/A81001".to_owned(), ..Default::default() };
    let seen = client.get_practice(get.clone()).await.expect("it is there").into_inner().practice.expect("a practice");
    let update = |request_id: &str, state: registry::ReadinessState| registry::UpdateReadinessRequest {
        name: "practices/A81001".to_owned(),
        items: vec![registry::ReadinessItem {
            item: "staff-training".to_owned(),
            state: state.into(),
            ..Default::default()
        }],
        request_id: request_id.to_owned(),
        etag: seen.etag.clone(),
        reason_code: "REVIEWED".to_owned(),
        ..Default::default()
    };
    client.update_readiness(update("first", registry::ReadinessState::InProgress)).await.expect("the etag is fresh");
    let stale = client.update_readiness(update("second", registry::ReadinessState::Complete)).await;
    let stale = stale.expect_err("the etag is stale now");
    assert_eq!((stale.code(), reason(&stale).as_str()), (Code::Aborted, "ETAG_MISMATCH"));
    let now = client.get_practice(get).await.expect("it is there").into_inner().practice.expect("a practice");
    assert_eq!(now.readiness[0].state(), registry::ReadinessState::InProgress, "the refused call changed nothing");
}

#[tokio::test]
async fn a_replayed_request_id_returns_the_first_reply_and_with_another_body_is_refused() {
    let installation = installation();
    let mut client = PracticeRegistryServiceClient::new(installation.registry().peer("paula"));
    let first = client.pause_practice(pause("once")).await.expect("a pause is taken").into_inner();
    let again = client.pause_practice(pause("once")).await.expect("a replay is answered").into_inner();
    assert_eq!(again, first);
    let get = registry::GetPracticeRequest { name: "practices/A81001".to_owned(), ..Default::default() };
    let practice = client.get_practice(get).await.expect("it is there").into_inner().practice.expect("a practice");
    assert_eq!(practice.pauses.len(), 1, "a replay pauses once");
    let other = registry::PausePracticeRequest { name: "practices/B81001".to_owned(), ..pause("once") };
    let other = client.pause_practice(other).await.expect_err("another body under the same id");
    assert_eq!(reason(&other), "REQUEST_ID_REUSED", "{other}");
}

#[tokio::test]
async fn a_message_over_the_limit_is_refused_before_it_is_read() {
    let installation = installation();
    let mut client = PracticeRegistryServiceClient::new(installation.registry().peer("paula"));
    let long = registry::PausePracticeRequest { note: "x".repeat(5 << 20), ..pause("long") };
    let refused = client.pause_practice(long).await.expect_err("five MiB are too many");
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::ResourceExhausted, "MESSAGE_TOO_LARGE"));
    client.pause_practice(pause("short")).await.expect("the server goes on");
}

#[tokio::test]
async fn text_with_an_nhs_number_is_refused() {
    let installation = installation();
    let mut client = PracticeRegistryServiceClient::new(installation.registry().peer("paula"));
    // The number that the NHS gives in its own documentation.
    let named =
        registry::PausePracticeRequest { note: "asked for by patient 943 476 5919".to_owned(), ..pause("named") };
    let refused = client.pause_practice(named).await.expect_err("rule 16");
    assert_eq!(refused.code(), Code::InvalidArgument, "{refused}");
}

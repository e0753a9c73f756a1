//! CheckAccess and BatchCheckAccess.

use jiff::SignedDuration;
use proto::registry::v1 as wire;
use proto::registry::v1::AccessReasonCode;
use tonic::Code;

use crate::bench::{Bench, START, disable, enable, everywhere, moment, reason};

fn check(ods_code: &str) -> wire::CheckAccessRequest {
    wire::CheckAccessRequest { ods_code: ods_code.to_owned(), ..Default::default() }
}

async fn answer(bench: &mut Bench) -> wire::CheckAccessResponse {
    bench.client.check_access(check("A81001")).await.unwrap().into_inner()
}

fn reasons(answer: &wire::CheckAccessResponse) -> Vec<AccessReasonCode> {
    answer.reasons.iter().map(wire::AccessReason::code).collect()
}

#[tokio::test]
async fn the_answer_follows_every_change_and_says_of_when_it_is() {
    everywhere(async |bench| {
        bench.import_map().await;
        assert_eq!(reasons(&answer(bench).await), [AccessReasonCode::NeverObserved]);
        bench.acquire(vec![enable(1)]).await;
        let permitted = answer(bench).await;
        assert_eq!(reasons(&permitted), [AccessReasonCode::NeverObserved, AccessReasonCode::EnablePermitted]);
        assert!(!permitted.live);

        bench.settle(enable(1), wire::CommandOutcome::Applied).await;
        bench.wait(SignedDuration::from_secs(30));
        let live = answer(bench).await;
        assert_eq!((live.ods_code.as_str(), live.live, live.state()), ("A81001", true, wire::ObservedState::On));
        assert_eq!((live.live_since, live.as_of), (moment(START), moment("2031-06-02T08:00:30Z")));
        assert_eq!(live.position, bench.registry.engine().published().position);

        bench.pause("p").await;
        bench.acquire(vec![disable(2)]).await;
        let paused = answer(bench).await;
        use AccessReasonCode::{DisablePermitted, ObservedOn, Paused};
        assert_eq!(reasons(&paused), [ObservedOn, Paused, DisablePermitted]);
        assert_eq!(paused.reasons[1].resource, "practices/A81001/pauses/1");
    })
    .await;
}

#[tokio::test]
async fn the_answer_is_the_same_after_a_restart() {
    let mut bench = Bench::with_practices().await;
    bench.switch_on().await;
    let before = answer(&mut bench).await;
    let mut bench = bench.reopened().await;
    assert_eq!(answer(&mut bench).await, before);
}

#[tokio::test]
async fn a_moment_in_the_past_is_answered_from_the_facts() {
    let mut bench = Bench::with_practices().await;
    bench.wait(SignedDuration::from_hours(1));
    bench.switch_on().await;
    bench.wait(SignedDuration::from_hours(1));
    bench.pause("p").await;
    let at = |text: &str| wire::CheckAccessRequest { at: moment(text), ..check("A81001") };
    let before = bench.client.check_access(at("2031-06-02T08:59:59Z")).await.unwrap().into_inner();
    assert_eq!((before.live, before.as_of), (false, moment("2031-06-02T08:59:59Z")));
    let between = bench.client.check_access(at("2031-06-02T09:30:00Z")).await.unwrap().into_inner();
    assert_eq!((between.live, reasons(&between)), (true, vec![AccessReasonCode::ObservedOn]));
    let after = bench.client.check_access(at("2031-06-02T10:00:00Z")).await.unwrap().into_inner();
    assert_eq!(reasons(&after), [AccessReasonCode::ObservedOn, AccessReasonCode::Paused]);
    let future = reason(bench.client.check_access(at("2031-06-02T10:00:01Z")).await);
    assert_eq!(future, (Code::InvalidArgument, "MOMENT_IN_FUTURE".to_owned()));
}

#[tokio::test]
async fn another_capability_has_an_answer_of_its_own() {
    let mut bench = Bench::with_practices().await;
    bench.switch_on().await;
    let historic = "capabilities/historic-records".to_owned();
    let other = wire::CheckAccessRequest { capability: historic.clone(), ..check("A81001") };
    let answered = bench.client.check_access(other).await.unwrap().into_inner();
    assert_eq!((answered.live, answered.capability), (false, historic));
    assert_eq!(answered.reasons[0].code(), AccessReasonCode::NeverObserved);
}

#[tokio::test]
async fn an_unknown_practice_and_a_malformed_code_are_refused() {
    let mut bench = Bench::with_practices().await;
    let unknown = reason(bench.client.check_access(check("Z99999")).await);
    assert_eq!(unknown, (Code::NotFound, "PRACTICE_NOT_FOUND".to_owned()));
    let malformed = reason(bench.client.check_access(check("practices/A81001")).await);
    assert_eq!(malformed, (Code::InvalidArgument, "ODS_CODE_INVALID".to_owned()));
}

#[tokio::test]
async fn a_batch_answers_as_the_single_call_does() {
    let mut bench = Bench::with_practices().await;
    bench.switch_on().await;
    let ods_codes = ["A81001", "Z99999", "A81002"].map(str::to_owned).to_vec();
    let request = wire::BatchCheckAccessRequest { ods_codes, ..Default::default() };
    let reply = bench.client.batch_check_access(request).await.unwrap().into_inner();
    assert_eq!(reply.unknown_ods_codes, ["Z99999"]);
    let single = answer(&mut bench).await;
    let first = &reply.results[0];
    assert_eq!((first.live, &first.reasons, first.live_since), (single.live, &single.reasons, single.live_since));
    assert_eq!((reply.results.len(), reply.position, reply.as_of), (2, single.position, single.as_of));
}

/// A request with a field that is not known here: it is not answered at once, but by the service itself.
#[derive(Clone, PartialEq, prost::Message)]
struct CheckAccessRequestOfTomorrow {
    #[prost(string, repeated, tag = "1")]
    ods_codes: Vec<String>,
    #[prost(string, tag = "2")]
    capability: String,
    #[prost(bool, tag = "99")]
    more: bool,
}

async fn call<A: prost::Message + Default + 'static>(bench: &Bench, rpc: &str, ods_codes: &[&str], more: bool) -> A {
    let mut grpc = tonic::client::Grpc::new(bench.peer.clone());
    let ods_codes = ods_codes.iter().map(|code| (*code).to_owned()).collect();
    let request = CheckAccessRequestOfTomorrow { ods_codes, more, ..Default::default() };
    let path = format!("/citizens_access.registry.v1.PracticeRegistryService/{rpc}").parse().unwrap();
    grpc.ready().await.unwrap();
    let codec = tonic_prost::ProstCodec::default();
    grpc.unary(tonic::Request::new(request), path, codec).await.unwrap().into_inner()
}

#[tokio::test]
async fn what_is_answered_at_once_is_what_the_service_answers() {
    let mut bench = Bench::with_practices().await;
    bench.switch_on().await;
    bench.pause("p").await;
    let at_once: wire::CheckAccessResponse = call(&bench, "CheckAccess", &["A81001"], false).await;
    assert_eq!(at_once, call(&bench, "CheckAccess", &["A81001"], true).await);
    assert!(at_once.live && at_once.reasons.len() == 2);
    let codes = ["A81001", "Z99999", "A81002", "Z99998"];
    let at_once: wire::BatchCheckAccessResponse = call(&bench, "BatchCheckAccess", &codes, false).await;
    assert_eq!(at_once, call(&bench, "BatchCheckAccess", &codes, true).await);
    assert_eq!((at_once.results.len(), at_once.unknown_ods_codes.len()), (2, 2));
}

#[tokio::test]
async fn the_count_of_live_practices_is_the_same_by_list_and_by_check() {
    let mut bench = Bench::with_practices().await;
    bench.switch_on().await;
    let request = wire::ListPracticesRequest { filter: "practice.live".to_owned(), ..Default::default() };
    let listed = bench.client.list_practices(request).await.unwrap().into_inner().total_count;
    let mut checked = 0;
    for code in ["A81001", "A81002", "A81003", "B82001"] {
        checked += i64::from(bench.client.check_access(check(code)).await.unwrap().into_inner().live);
    }
    assert_eq!((listed, checked), (1, 1));
}

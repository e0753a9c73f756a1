//! RecordAdvice, EndAdvice, ListAdvice, and where advice shows.

use jiff::SignedDuration;
use proto::registry::v1 as wire;
use proto::registry::v1::{AdviceKind, AdviceState, PermitRefusal};
use tonic::Code;

use crate::bench::{Bench, PRACTICE, enable, everywhere, moment, reason, refusal};

fn wait(request_id: &str) -> wire::RecordAdviceRequest {
    wire::RecordAdviceRequest {
        name: PRACTICE.to_owned(),
        kind: AdviceKind::Wait.into(),
        source: "organisations/QHM".to_owned(),
        evidence: "minutes of May".to_owned(),
        until: moment("2031-07-01T08:00:00Z"),
        request_id: request_id.to_owned(),
        reason_code: "MERGER_PLANNED".to_owned(),
        ..Default::default()
    }
}

fn case(request_id: &str) -> wire::RecordAdviceRequest {
    wire::RecordAdviceRequest {
        name: PRACTICE.to_owned(),
        kind: AdviceKind::SupportCase.into(),
        source: "national service desk".to_owned(),
        reference: "INC-77".to_owned(),
        category: "wrong-settings".to_owned(),
        from: moment("2031-05-20T08:00:00Z"),
        request_id: request_id.to_owned(),
        ..Default::default()
    }
}

fn end(request_id: &str, number: u32) -> wire::EndAdviceRequest {
    wire::EndAdviceRequest {
        name: format!("{PRACTICE}/advice/{number}"),
        request_id: request_id.to_owned(),
        ..Default::default()
    }
}

async fn listed(bench: &mut Bench, show_ended: bool) -> Vec<(String, AdviceState)> {
    let request = wire::ListAdviceRequest { name: PRACTICE.to_owned(), show_ended, ..Default::default() };
    let reply = bench.client.list_advice(request).await.unwrap().into_inner();
    reply.advice.iter().map(|advice| (advice.name.clone(), advice.state())).collect()
}

#[tokio::test]
async fn advice_and_cases_show_at_the_practice_and_stop_nothing() {
    everywhere(async |bench| {
        bench.import_map().await;
        let mut icb = bench.client_as("bo;roles=icb;organisation=icbs/QHM");
        let given = icb.record_advice(wait("w")).await.unwrap().into_inner().advice.unwrap();
        assert_eq!((given.name.as_str(), given.recorded_by.as_str()), ("practices/A81001/advice/1", "bo"));
        assert_eq!((given.state(), given.recorded_as.as_slice()), (AdviceState::Open, &["icb".to_owned()][..]));
        icb.record_advice(case("c")).await.unwrap();
        let shown = bench.practice().await.advice;
        assert_eq!(
            shown.iter().map(wire::Advice::kind).collect::<Vec<_>>(),
            [AdviceKind::Wait, AdviceKind::SupportCase]
        );
        assert_eq!(shown[1].from, moment("2031-05-20T08:00:00Z"));

        let check = wire::CheckAccessRequest { ods_code: "A81001".to_owned(), ..Default::default() };
        let reasons = bench.client.check_access(check).await.unwrap().into_inner().reasons;
        let told: Vec<_> = reasons.iter().map(|reason| (reason.code(), reason.resource.as_str())).collect();
        assert_eq!(told[1..], [(wire::AccessReasonCode::AdviceToWait, "practices/A81001/advice/1")]);
        assert_eq!(bench.acquire(vec![enable(1)]).await[0].refusal(), PermitRefusal::Unspecified);
    })
    .await;
}

#[tokio::test]
async fn a_repeated_call_records_advice_once_and_ends_it_once() {
    everywhere(async |bench| {
        bench.import_map().await;
        let first = bench.client.record_advice(wait("w")).await.unwrap().into_inner();
        assert_eq!(bench.client.record_advice(wait("w")).await.unwrap().into_inner(), first);
        let ended = bench.client.end_advice(end("e", 1)).await.unwrap().into_inner();
        assert_eq!(ended.advice.as_ref().unwrap().state(), AdviceState::Ended);
        assert_eq!(bench.client.end_advice(end("e", 1)).await.unwrap().into_inner(), ended);
        assert_eq!(reason(bench.client.end_advice(end("f", 1)).await).1, "ADVICE_ENDED");
        assert_eq!(bench.client.record_advice(wait("w")).await.unwrap().into_inner(), first, "as it was then");
        assert!(listed(bench, false).await.is_empty());
        assert_eq!(listed(bench, true).await, [("practices/A81001/advice/1".to_owned(), AdviceState::Ended)]);
    })
    .await;
}

#[tokio::test]
async fn advice_is_withdrawn_by_its_author_or_an_equal_only() {
    let bench = Bench::with_practices().await;
    bench.client_as("bo;roles=icb;organisation=icbs/QHM").record_advice(wait("w")).await.unwrap();
    let mut lead = bench.client_as("ann;roles=programme-lead");
    let (code, explained) = refusal(lead.end_advice(end("e", 1)).await);
    assert_eq!((code, explained.reason.as_str()), (Code::PermissionDenied, "ADVICE_OF_ANOTHER"));
    assert_eq!(explained.metadata["roles"], "icb");
    bench.client_as("cy;roles=icb;organisation=icbs/QHM").end_advice(end("f", 1)).await.unwrap();
    let mut practice = bench.client_as("manager;roles=practice;organisation=practices/A81001");
    assert_eq!(reason(practice.record_advice(wait("x")).await).0, Code::PermissionDenied, "it pauses instead");
}

#[tokio::test]
async fn advice_lapses_as_agreed_and_the_past_still_shows_it() {
    let mut bench = Bench::with_practices().await;
    bench.client.record_advice(wait("w")).await.unwrap();
    bench.wait(SignedDuration::from_hours(24 * 40));
    let lapse = journal::Submission::new(practice::Command::Lapse, journal::Meta::default());
    bench.registry.engine().submit(lapse, |_| Vec::new()).await.unwrap();
    assert_eq!(listed(&mut bench, true).await, [("practices/A81001/advice/1".to_owned(), AdviceState::Lapsed)]);
    assert!(bench.practice().await.advice.is_empty());
    let effective_at = moment("2031-06-30T08:00:00Z");
    let then = wire::GetPracticeRequest { name: PRACTICE.to_owned(), effective_at, ..Default::default() };
    let then = bench.client.get_practice(then).await.unwrap().into_inner().practice.unwrap();
    assert_eq!(then.advice[0].state(), AdviceState::Open);
}

#[tokio::test]
async fn advice_is_listed_as_it_stood_and_as_it_was_known() {
    let mut bench = Bench::with_practices().await;
    bench.wait(SignedDuration::from_hours(24));
    let opened = wire::RecordAdviceRequest { from: moment("2031-06-02T12:00:00Z"), ..case("c") };
    bench.client.record_advice(opened).await.unwrap();
    bench.wait(SignedDuration::from_hours(24));
    bench.client.end_advice(end("e", 1)).await.unwrap();
    let mut list = async |effective_at: &str, known_at: &str, show_ended| {
        let (name, effective_at, known_at) = (PRACTICE.to_owned(), moment(effective_at), moment(known_at));
        let list = wire::ListAdviceRequest { name, effective_at, known_at, show_ended, ..Default::default() };
        let advice = bench.client.list_advice(list).await.unwrap().into_inner().advice;
        advice.iter().map(wire::Advice::state).collect::<Vec<_>>()
    };
    let (noon, next_noon, now) = ("2031-06-02T13:00:00Z", "2031-06-03T13:00:00Z", "2031-06-04T08:00:00Z");
    assert_eq!(list(noon, next_noon, false).await, [AdviceState::Open], "told late");
    assert_eq!(list(noon, noon, true).await, [], "nobody knew of it then");
    assert_eq!(list(next_noon, now, false).await, [AdviceState::Open]);
    assert_eq!(list(now, now, false).await, []);
    assert_eq!(list(now, now, true).await, [AdviceState::Ended]);
    assert_eq!(list(now, next_noon, true).await, [AdviceState::Open], "as it was known the day before");
}

#[tokio::test]
async fn advice_is_listed_by_pages_and_by_kind() {
    let mut bench = Bench::with_practices().await;
    for number in 0..5 {
        bench.client.record_advice(wait(&format!("w{number}"))).await.unwrap();
        bench.client.record_advice(case(&format!("c{number}"))).await.unwrap();
    }
    let mut names = Vec::new();
    let mut page_token = String::new();
    loop {
        let request = wire::ListAdviceRequest {
            name: PRACTICE.to_owned(),
            kind: AdviceKind::SupportCase.into(),
            page_size: 2,
            page_token,
            ..Default::default()
        };
        let reply = bench.client.list_advice(request).await.unwrap().into_inner();
        names.extend(reply.advice.into_iter().map(|advice| advice.name));
        page_token = reply.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    let expected: Vec<_> = [2, 4, 6, 8, 10].iter().map(|number| format!("{PRACTICE}/advice/{number}")).collect();
    assert_eq!(names, expected);
}

#[tokio::test]
async fn advice_that_is_malformed_is_refused_by_field() {
    let mut bench = Bench::with_practices().await;
    type Spoil = fn(&mut wire::RecordAdviceRequest);
    let cases: [(wire::RecordAdviceRequest, Spoil, &str, &str); 11] = [
        (wait("w"), |wait| wait.kind = 0, "FIELD_REQUIRED", "kind"),
        (wait("w"), |wait| wait.source.clear(), "FIELD_REQUIRED", "source"),
        (wait("w"), |wait| wait.evidence.clear(), "FIELD_REQUIRED", "evidence"),
        (wait("w"), |wait| wait.until = None, "FIELD_REQUIRED", "review_on"),
        (wait("w"), |wait| wait.until = moment("2031-06-02T08:00:00Z"), "ADVICE_ENDS_IN_PAST", "until"),
        (wait("w"), |wait| wait.from = moment("2031-06-03T08:00:00Z"), "ADVICE_MOMENT_OUT_OF_RANGE", "from"),
        (wait("w"), |wait| wait.category = "x".to_owned(), "FIELD_NOT_APPLICABLE", "category"),
        (wait("w"), |wait| wait.evidence = "letter of 943-476-5919".to_owned(), "NHS_NUMBER_IN_TEXT", "evidence"),
        (case("c"), |case| case.reference.clear(), "FIELD_REQUIRED", "reference"),
        (case("c"), |case| case.until = moment("2031-07-03T08:00:00Z"), "FIELD_NOT_APPLICABLE", "until"),
        (case("c"), |case| case.reference = "9434765919".to_owned(), "NHS_NUMBER_IN_TEXT", "reference"),
    ];
    for (mut request, spoil, expected, field) in cases {
        spoil(&mut request);
        let (_, explained) = refusal(bench.client.record_advice(request).await);
        assert_eq!((explained.reason.as_str(), explained.fields[0].0.as_str()), (expected, field));
    }
    assert!(listed(&mut bench, true).await.is_empty());
}

//! ListPracticeStates.

use jiff::{SignedDuration, Timestamp};
use proto::registry::v1 as wire;
use tonic::Code;

use crate::bench::{Bench, PRACTICE, START, enable, everywhere, moment, reason, refusal};

fn since(text: &str) -> wire::ListPracticeStatesRequest {
    wire::ListPracticeStatesRequest { since: moment(text), ..Default::default() }
}

/// All pages of so many states; what each says of where, when and whether it is paused.
async fn states(bench: &mut Bench, request: wire::ListPracticeStatesRequest) -> Vec<(String, String, bool)> {
    let (mut request, mut told) = (request, Vec::new());
    loop {
        let reply = bench.client.list_practice_states(request.clone()).await.unwrap().into_inner();
        for state in reply.states {
            let practice = state.practice.unwrap();
            let at = state.recorded_at.unwrap();
            let at = Timestamp::new(at.seconds, at.nanos).unwrap();
            let is_paused = practice.pauses.iter().any(|pause| pause.in_force);
            told.push((practice.ods_code, at.to_string(), is_paused));
        }
        request.page_token = reply.next_page_token;
        if request.page_token.is_empty() {
            return told;
        }
    }
}

fn told(code: &str, at: &str, is_paused: bool) -> (String, String, bool) {
    (code.to_owned(), at.to_owned(), is_paused)
}

/// A pause at nine, lifted a quarter of an hour later, then a permit.
async fn a_morning(bench: &mut Bench) {
    bench.import_map().await;
    bench.wait(SignedDuration::from_hours(1));
    bench.pause("p").await;
    bench.wait(SignedDuration::from_mins(15));
    let resume = wire::ResumePracticeRequest {
        name: PRACTICE.to_owned(),
        request_id: "r".to_owned(),
        ..wire::ResumePracticeRequest::default()
    };
    bench.client.resume_practice(resume).await.unwrap();
    bench.wait(SignedDuration::from_hours(1));
    bench.acquire(vec![enable(1)]).await;
}

#[tokio::test]
async fn what_came_and_went_between_two_looks_is_told_in_the_order_of_recording() {
    everywhere(async |bench| {
        a_morning(bench).await;
        let morning = [
            told("A81001", "2031-06-02T09:00:00Z", true),
            told("A81001", "2031-06-02T09:15:00Z", false),
            told("A81001", "2031-06-02T10:15:00Z", false),
        ];
        assert_eq!(states(bench, since(START)).await, morning);
        let paused = wire::ListPracticeStatesRequest { until: moment("2031-06-02T09:00:00Z"), ..since(START) };
        assert_eq!(states(bench, paused).await, morning[..1], "at the end or before");
        assert_eq!(states(bench, since("2031-06-02T09:00:00Z")).await, morning[1..], "after the beginning");
        let none = wire::ListPracticeStatesRequest { until: moment(START), ..since(START) };
        assert_eq!(states(bench, none).await, []);
    })
    .await;
}

#[tokio::test]
async fn pages_of_any_size_give_each_state_once() {
    let mut bench = Bench::in_memory().await;
    a_morning(&mut bench).await;
    // From before the import, which one record brought to all practices.
    let all = since("2031-06-01T00:00:00Z");
    let whole = states(&mut bench, all.clone()).await;
    assert!(whole.len() > 5 && whole.is_sorted_by_key(|(_, at, _)| at.clone()), "{whole:?}");
    for page_size in 1..=4 {
        let request = wire::ListPracticeStatesRequest { page_size, ..all.clone() };
        assert_eq!(states(&mut bench, request).await, whole, "{page_size} at a time");
    }
}

#[tokio::test]
async fn a_state_is_the_practice_as_it_was_known_at_that_moment() {
    let mut bench = Bench::in_memory().await;
    a_morning(&mut bench).await;
    let reply = bench.client.list_practice_states(since(START)).await.unwrap().into_inner();
    for state in reply.states {
        let name = state.practice.as_ref().unwrap().name.clone();
        let request = wire::GetPracticeRequest { name, known_at: state.recorded_at, ..Default::default() };
        let known = bench.client.get_practice(request).await.unwrap().into_inner();
        assert_eq!(known.practice, state.practice);
    }
}

#[tokio::test]
async fn a_beginning_must_be_given_and_an_end_have_come_after_it() {
    let mut bench = Bench::with_practices().await;
    let nothing = wire::ListPracticeStatesRequest::default();
    let refused = reason(bench.client.list_practice_states(nothing).await);
    assert_eq!(refused, (Code::InvalidArgument, "FIELD_REQUIRED".to_owned()));
    let tomorrow = wire::ListPracticeStatesRequest { until: moment("2031-06-03T00:00:00Z"), ..since(START) };
    let refused = reason(bench.client.list_practice_states(tomorrow).await);
    assert_eq!(refused, (Code::InvalidArgument, "MOMENT_IN_FUTURE".to_owned()));
    let backwards = wire::ListPracticeStatesRequest { until: moment("2031-06-01T00:00:00Z"), ..since(START) };
    let (code, refused) = refusal(bench.client.list_practice_states(backwards).await);
    assert_eq!((code, refused.reason.as_str()), (Code::InvalidArgument, "UNTIL_BEFORE_SINCE"));
    assert_eq!(refused.fields[0].0, "until");
}

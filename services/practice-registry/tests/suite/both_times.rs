//! Both times in every read: what was true at one moment, by what was known at another.

use jiff::SignedDuration;
use proto::registry::v1 as wire;
use proto::registry::v1::DirectoryFormat::Map;
use proto::registry::v1::ReceiptState::{Pending, Reversed};
use tonic::Code;

use crate::bench::{Bench, PRACTICE, disable, enable, everywhere, header, moment, reason};
use crate::files;

#[tokio::test]
async fn a_receipt_is_read_as_it_stood() {
    everywhere(async |bench| {
        bench.import_map().await;
        bench.acquire(vec![enable(1)]).await;
        bench.wait(SignedDuration::from_hours(1));
        bench.pause("p").await;
        bench.wait(SignedDuration::from_hours(1));
        bench.settle(enable(1), wire::CommandOutcome::Applied).await;
        bench.acquire(vec![disable(2)]).await;
        bench.settle(disable(2), wire::CommandOutcome::Applied).await;

        let mut receipt = async |known_at: &str| {
            let name = format!("{PRACTICE}/receipts/1");
            let request = wire::GetReceiptRequest { name, known_at: moment(known_at), ..Default::default() };
            let reply = bench.client.get_receipt(request).await;
            reply.map(|reply| reply.into_inner().receipt.unwrap().state()).map_err(|status| status.code())
        };
        assert_eq!(receipt("2031-06-02T08:59:59Z").await, Err(Code::NotFound), "before it was placed");
        assert_eq!(receipt("2031-06-02T09:30:00Z").await, Ok(Pending));
        assert_eq!(receipt("2031-06-02T10:00:00Z").await, Ok(Reversed));
        assert_eq!(receipt("2031-06-02T10:00:01Z").await, Err(Code::InvalidArgument), "the future is not known");
    })
    .await;
}

#[tokio::test]
async fn a_practice_of_the_past_shows_its_pauses_and_permits_as_they_stood() {
    let mut bench = Bench::with_practices().await;
    bench.acquire(vec![enable(1)]).await;
    bench.wait(SignedDuration::from_hours(1));
    let pause = wire::PausePracticeRequest { end: wire::PauseEnd::ProgrammeDefault.into(), ..crate::bench::pause("p") };
    bench.client.pause_practice(pause).await.unwrap();
    bench.wait(SignedDuration::from_hours(1));
    let judged = wire::SetPauseOutcomeRequest {
        name: format!("{PRACTICE}/pauses/1"),
        outcome: wire::PauseOutcome::Late.into(),
        request_id: "judged".to_owned(),
        ..Default::default()
    };
    bench.client.set_pause_outcome(judged).await.unwrap();
    bench.settle(enable(1), wire::CommandOutcome::NotApplied).await;

    let mut at = async |effective_at: &str| {
        let name = PRACTICE.to_owned();
        let request = wire::GetPracticeRequest { name, effective_at: moment(effective_at), ..Default::default() };
        bench.client.get_practice(request).await.unwrap().into_inner().practice.unwrap()
    };
    let before = at("2031-06-02T09:30:00Z").await;
    let (pause, access) = (&before.pauses[0], &before.access[0]);
    assert_eq!((pause.outcome(), pause.receipt_state()), (wire::PauseOutcome::Unspecified, Pending));
    assert_eq!((access.open_permit.is_some(), access.generation_highest), (true, 1));
    let after = at("2031-06-02T10:00:00Z").await;
    assert_eq!(after.pauses[0].outcome(), wire::PauseOutcome::Late);
    assert_ne!(after.pauses[0].receipt_state(), Pending);
    assert_eq!(after.access[0].open_permit, None);
    let first = at("2031-06-02T08:00:00Z").await;
    assert!(first.pauses.is_empty());
}

#[tokio::test]
async fn a_request_to_switch_off_shows_from_when_it_was_made_until_it_was_met() {
    let mut bench = Bench::with_practices().await;
    bench.switch_on().await;
    bench.wait(SignedDuration::from_hours(1));
    let request = wire::RequestSwitchOffRequest {
        name: PRACTICE.to_owned(),
        reason_code: "CLINICAL".to_owned(),
        request_id: "off".to_owned(),
        ..Default::default()
    };
    bench.client.request_switch_off(request).await.unwrap();
    bench.wait(SignedDuration::from_hours(1));
    bench.acquire(vec![disable(2)]).await;
    bench.settle(disable(2), wire::CommandOutcome::Applied).await;
    assert_eq!(bench.practice().await.access[0].switch_off_request, None);
    for (known_at, open) in [
        ("2031-06-02T08:59:59Z", false),
        ("2031-06-02T09:00:00Z", true),
        ("2031-06-02T09:59:59Z", true),
        ("2031-06-02T10:00:00Z", false),
    ] {
        let name = PRACTICE.to_owned();
        let request = wire::GetPracticeRequest { name, known_at: moment(known_at), ..Default::default() };
        let practice = bench.client.get_practice(request).await.unwrap().into_inner().practice.unwrap();
        assert_eq!(practice.access[0].switch_off_request.is_some(), open, "known at {known_at}");
    }
}

#[tokio::test]
async fn access_is_checked_by_what_was_known() {
    everywhere(async |bench| {
        bench.import_map().await;
        bench.switch_on().await;
        bench.wait(SignedDuration::from_hours(2));
        // Told late: it was off an hour ago already.
        let observation = wire::Observation {
            practice: PRACTICE.to_owned(),
            state: wire::ObservedState::Off.into(),
            source: wire::ObservationSource::SupplierList.into(),
            as_at: moment("2031-06-02T09:00:00Z"),
            ..Default::default()
        };
        let observations = vec![observation];
        let late = wire::RecordObservationRequest { observations, request_id: "late".to_owned(), ..Default::default() };
        bench.client.record_observation(late).await.unwrap();

        let ask = |at: &str, known_at: &str| wire::CheckAccessRequest {
            ods_code: "A81001".to_owned(),
            at: (!at.is_empty()).then(|| moment(at)).flatten(),
            known_at: (!known_at.is_empty()).then(|| moment(known_at)).flatten(),
            ..Default::default()
        };
        for (at, known_at, live, as_of) in [
            ("2031-06-02T09:30:00Z", "", false, "2031-06-02T09:30:00Z"),
            ("2031-06-02T09:30:00Z", "2031-06-02T09:45:00Z", true, "2031-06-02T09:30:00Z"),
            ("", "2031-06-02T09:45:00Z", true, "2031-06-02T09:45:00Z"),
            ("", "", false, "2031-06-02T10:00:00Z"),
        ] {
            let answer = bench.client.check_access(ask(at, known_at)).await.unwrap().into_inner();
            assert_eq!((answer.live, answer.as_of), (live, moment(as_of)), "at {at:?}, known at {known_at:?}");
            let alike = ask(at, known_at);
            let batch = wire::BatchCheckAccessRequest {
                ods_codes: vec![alike.ods_code],
                at: alike.at,
                known_at: alike.known_at,
                ..Default::default()
            };
            let answers = bench.client.batch_check_access(batch).await.unwrap().into_inner();
            assert_eq!((answers.results[0].live, answers.as_of), (live, moment(as_of)));
        }
        let refused = reason(bench.client.check_access(ask("", "2031-06-03T09:00:00Z")).await);
        assert_eq!(refused, (Code::InvalidArgument, "MOMENT_IN_FUTURE".to_owned()));
    })
    .await;
}

#[tokio::test]
async fn the_history_shows_both_times_of_each_fact_and_can_be_read_as_it_was_known() {
    let mut bench = Bench::with_practices().await;
    bench.switch_on().await;
    bench.wait(SignedDuration::from_hours(72));
    let moved = files::map_of(&[files::map_row("A81001", "HILL SURGERY", "EMIS")]);
    let effective = wire::ImportHeader { effective_date: "2031-06-04".to_owned(), ..header(Map, "moved") };
    bench.import(effective, moved.as_bytes()).await.unwrap();
    bench.pause("p").await;

    let mut list = async |effective_at: &str, known_at: &str, page_size| {
        let request = wire::ListPracticeChangesRequest {
            name: PRACTICE.to_owned(),
            effective_at: (!effective_at.is_empty()).then(|| moment(effective_at)).flatten(),
            known_at: (!known_at.is_empty()).then(|| moment(known_at)).flatten(),
            page_size,
            ..Default::default()
        };
        bench.client.list_practice_changes(request).await.unwrap().into_inner().changes
    };
    let kinds =
        |changes: &[wire::PracticeHistoryEntry]| changes.iter().map(|change| change.kind.clone()).collect::<Vec<_>>();
    let all = list("", "", 0).await;
    assert_eq!(
        kinds(&all),
        ["practice-paused", "directory-imported", "permits-settled", "permits-granted", "directory-imported"]
    );
    let facts: Vec<_> = all[1].facts.iter().map(|fact| (fact.summary.as_str(), fact.effective_at)).collect();
    let day = moment("2031-06-03T23:00:00Z");
    assert_eq!(
        facts,
        [("moved by GP_PRAC_PAT_LIST: supplier EMIS (was TPP)", day), ("prospective-records observed UNKNOWN", day)]
    );
    assert_eq!((all[1].effective_at, all[1].recorded_at), (day, moment("2031-06-05T08:00:00Z")));

    assert_eq!(kinds(&list("", "2031-06-02T12:00:00Z", 0).await), kinds(&all[2..]), "as it was known");
    assert_eq!(kinds(&list("", "2031-06-02T12:00:00Z", 1).await), ["permits-settled"], "the pages are those of then");
    assert_eq!(kinds(&list("2031-06-04T12:00:00Z", "", 0).await), kinds(&all[1..]), "told late, and so by then");
    assert_eq!(list("", "2031-06-01T12:00:00Z", 0).await, [], "nothing was known yet");
}

//! ListReturns and ListReturnDifferences: what was known when, who revised it, and what it contradicts.

use api::Explained;
use database::testing::TestStore;
use proto::statistics::v1 as wire;
use proto::statistics::v1::ReturnDifferenceKind::{EventsDiffer, NoReturn, NotLive, NotOpen, OtherSupplier};

use crate::registry::{observed, practice};
use crate::world::{Process, World, moment, view};

/// Makes a question wrong.
type Spoil<T> = fn(&mut T);

async fn submit(process: &Process, request_id: &str, period: (&str, &str), accounts: &[(&str, i64)]) {
    let row = |(practice, accounts): &(&str, i64)| wire::PracticeReturn {
        practice: format!("practices/{practice}"),
        accounts_with_access: *accounts,
        ..Default::default()
    };
    let request = wire::SubmitReturnsRequest {
        supplier: "suppliers/EMIS".to_owned(),
        period_start_date: period.0.to_owned(),
        period_end_date: period.1.to_owned(),
        returns: accounts.iter().map(row).collect(),
        request_id: request_id.to_owned(),
        reason_code: request_id.to_uppercase(),
        ..Default::default()
    };
    process.ingest().submit_returns(request).await.expect("it is accepted");
}

const FEBRUARY: (&str, &str) = ("2031-02-01", "2031-02-28");

/// Returns of February, and what they were corrected to ten days later.
async fn corrected(world: &World, process: &Process) {
    submit(process, "first", FEBRUARY, &[("A81001", 400), ("A81002", 700)]).await;
    submit(process, "week", ("2031-03-03", "2031-03-09"), &[("A81001", 410)]).await;
    world.clock.set(moment("2031-03-20T09:00:00Z"));
    submit(process, "correction", FEBRUARY, &[("A81001", 390), ("A81002", 700)]).await;
}

async fn list(process: &Process, request: wire::ListReturnsRequest) -> wire::ListReturnsResponse {
    process.returns().list_returns(request).await.expect("a list").into_inner()
}

/// Practice, last day, revision, accounts, and the reason that was given for it.
fn told(reply: &wire::ListReturnsResponse) -> Vec<(&str, &str, i32, i64, &str)> {
    let row = |row: &'_ wire::Return| -> (i32, i64) { (row.revision, row.accounts_with_access) };
    let rows = reply.returns.iter();
    rows.map(|one| {
        let (revision, accounts) = row(one);
        let practice = one.practice.trim_start_matches("practices/");
        (practice, one.period_end_date.as_str(), revision, accounts, one.reason_code.as_str())
    })
    .collect()
}

#[tokio::test]
async fn a_correction_says_who_sent_it_when_and_what_was_known_before() {
    for world in World::each().await {
        let process = world.start().await;
        corrected(&world, &process).await;
        process.stop().await;

        let process = world.start().await;
        let all = wire::ListReturnsRequest { all_revisions: true, ..Default::default() };
        let reply = list(&process, all.clone()).await;
        let first = ("A81001", "2031-02-28", 1, 400, "FIRST");
        let second = ("A81001", "2031-02-28", 2, 390, "CORRECTION");
        let week = ("A81001", "2031-03-09", 1, 410, "WEEK");
        let other = ("A81002", "2031-02-28", 1, 700, "FIRST");
        assert_eq!(told(&reply), [first, second, week, other]);
        assert!(reply.returns.iter().all(|row| row.submitted_by == "tester"));
        let times = |row: &wire::Return| (row.record_time, row.superseded_time);
        let (start, correction) = (moment("2031-03-10T09:00:00Z"), moment("2031-03-20T09:00:00Z"));
        let [start, correction] = [start, correction].map(|at| Some(api::time::to_wire(at)));
        assert_eq!(times(&reply.returns[0]), (start, correction));
        assert_eq!(times(&reply.returns[1]), (correction, None));
        assert_eq!(reply.returns_position, 3);

        let latest = list(&process, wire::ListReturnsRequest::default()).await;
        assert_eq!(told(&latest), [second, week, other]);
        let before = wire::ListReturnsRequest {
            known_at: Some(api::time::to_wire(moment("2031-03-19T09:00:00Z"))),
            ..all.clone()
        };
        let before = list(&process, before).await;
        assert_eq!(told(&before), [first, week, other]);
        assert_eq!(before.returns[0].superseded_time, None, "nobody knew of it");

        let february = wire::ListReturnsRequest { to_date: "2031-02-28".to_owned(), ..Default::default() };
        assert_eq!(told(&list(&process, february).await), [second, other]);
        let march = wire::ListReturnsRequest { from_date: "2031-03-01".to_owned(), ..Default::default() };
        assert_eq!(told(&list(&process, march).await), [week]);
        let as_at = Some(api::time::to_wire(moment("2031-03-08T12:00:00Z")));
        assert_eq!(
            told(&list(&process, wire::ListReturnsRequest { as_at, ..Default::default() }).await),
            [second, other]
        );
        let of_one = wire::ListReturnsRequest { practice: "practices/A81002".to_owned(), ..Default::default() };
        assert_eq!(told(&list(&process, of_one).await), [other]);
        let of_others = wire::ListReturnsRequest { supplier: "suppliers/TPP".to_owned(), ..Default::default() };
        assert_eq!(told(&list(&process, of_others).await), []);
        process.stop().await;
    }
}

#[tokio::test]
async fn pages_of_returns_are_of_one_state_whatever_comes_between() {
    let world = World::on(TestStore::sqlite());
    let process = world.start().await;
    corrected(&world, &process).await;
    let mut request = wire::ListReturnsRequest { all_revisions: true, page_size: 1, ..Default::default() };
    let whole = list(&process, wire::ListReturnsRequest { page_size: 0, ..request.clone() }).await;
    let mut paged = Vec::new();
    loop {
        let page = list(&process, request.clone()).await;
        assert_eq!(page.returns.len(), 1);
        paged.extend(page.returns);
        if page.next_page_token.is_empty() {
            break;
        }
        request.page_token = page.next_page_token;
        world.clock.advance(jiff::SignedDuration::from_secs(1));
        let accounts = paged.len() as i64;
        submit(&process, &format!("between-{accounts}"), FEBRUARY, &[("A81001", accounts), ("A81002", accounts)]).await;
    }
    assert_eq!(paged, whole.returns);
    request.all_revisions = false;
    let refused = process.returns().list_returns(request).await.unwrap_err();
    assert_eq!(Explained::from(&refused).reason, "PAGE_TOKEN_INVALID");
    process.stop().await;
}

/// A81001 and A81002 are live, of EMIS; A81003 is off; A81004 is live, of TPP; A81005 is live.
fn tell_five(world: &World) {
    let since = moment("2031-02-01T10:00:00Z");
    let known = [("A81001", "EMIS"), ("A81002", "EMIS"), ("A81003", "EMIS"), ("A81004", "TPP"), ("A81005", "EMIS")];
    let told =
        known.map(|(code, supplier)| observed(practice(code, "QHM", supplier, 5_000, since), code != "A81003", since));
    world.registry.tell(told);
}

async fn differences(
    process: &Process,
    request: wire::ListReturnDifferencesRequest,
) -> wire::ListReturnDifferencesResponse {
    process.returns().list_return_differences(request).await.expect("a list").into_inner()
}

fn of_february() -> wire::ListReturnDifferencesRequest {
    wire::ListReturnDifferencesRequest {
        period_start_date: FEBRUARY.0.to_owned(),
        period_end_date: FEBRUARY.1.to_owned(),
        min_position: 1,
        ..Default::default()
    }
}

#[tokio::test]
async fn returns_that_contradict_the_registry_are_listed_with_both_sides() {
    for world in World::each().await {
        let process = world.start().await;
        tell_five(&world);
        let returned = [("A81001", 400), ("A81002", 10), ("A81003", 50), ("A81004", 9), ("B99999", 1)];
        submit(&process, "first", FEBRUARY, &returned).await;
        let reply = differences(&process, of_february()).await;
        let kinds = |reply: &wire::ListReturnDifferencesResponse| -> Vec<(String, wire::ReturnDifferenceKind)> {
            let rows = reply.differences.iter();
            rows.map(|row| (row.practice.trim_start_matches("practices/").to_owned(), row.kind())).collect()
        };
        let named = |rows: &[(&str, wire::ReturnDifferenceKind)]| -> Vec<(String, wire::ReturnDifferenceKind)> {
            rows.iter().map(|(practice, kind)| ((*practice).to_owned(), *kind)).collect()
        };
        let all = [("A81003", NotLive), ("A81004", OtherSupplier), ("A81005", NoReturn), ("B99999", NotOpen)];
        assert_eq!(kinds(&reply), named(&all));
        assert_eq!((reply.practices_live_count, reply.practices_returned_count), (4, 5));
        let sides = &reply.differences[1];
        assert_eq!(
            (sides.registry_supplier.as_str(), sides.return_supplier.as_str(), sides.patients_registered),
            ("suppliers/TPP", "suppliers/EMIS", 5_000)
        );
        assert_eq!((sides.period_end_date.as_str(), sides.accounts_with_access), ("2031-02-28", 9));

        let only = wire::ListReturnDifferencesRequest { kind: NoReturn.into(), ..of_february() };
        assert_eq!(kinds(&differences(&process, only).await), named(&all[2..3]));
        let mut request = wire::ListReturnDifferencesRequest { page_size: 3, ..of_february() };
        let first = differences(&process, request.clone()).await;
        request.page_token = first.next_page_token.clone();
        let second = differences(&process, request).await;
        assert_eq!([kinds(&first), kinds(&second)].concat(), named(&all));
        assert_eq!(second.next_page_token, "");

        // The practice was not live, as its supplier finds out; who asks for what was known before still sees the difference.
        world.clock.set(moment("2031-03-20T09:00:00Z"));
        submit(&process, "correction", FEBRUARY, &[("A81003", 0)]).await;
        assert_eq!(kinds(&differences(&process, of_february()).await), named(&all[1..]));
        let known_at = Some(api::time::to_wire(moment("2031-03-19T09:00:00Z")));
        let before = wire::ListReturnDifferencesRequest { known_at, ..of_february() };
        assert_eq!(kinds(&differences(&process, before).await), named(&all));
        process.stop().await;
    }
}

#[tokio::test]
async fn events_that_do_not_bear_a_return_out_are_told_with_both_counts() {
    for world in World::each().await {
        let process = world.start().await;
        tell_five(&world);
        let january = ("2031-01-01", "2031-01-31");
        submit(&process, "january", january, &[("A81001", 100), ("A81002", 100)]).await;
        submit(&process, "february", FEBRUARY, &[("A81001", 102), ("A81002", 105)]).await;
        let event = |practice: &str, kind: wire::EventKind, at: &str| wire::AccessEvent {
            kind: kind.into(),
            section: wire::RecordSection::Unspecified.into(),
            ..view(practice, at, 1)
        };
        let (granted, withdrawn) = (wire::EventKind::AccessGranted, wire::EventKind::AccessWithdrawn);
        let mut events = Vec::new();
        for practice in ["A81001", "A81002"] {
            events.extend((0..3).map(|_| event(practice, granted, "2031-02-14T12:00:00Z")));
            events.push(event(practice, withdrawn, "2031-02-20T12:00:00Z"));
            // In the return of January already, and after that of February.
            events.push(event(practice, granted, "2031-01-31T12:00:00Z"));
            events.push(event(practice, granted, "2031-03-01T12:00:00Z"));
        }
        let (mut producer, _) = process.produce("app-gateway", 1).await;
        producer.record(1, events).await.unwrap();
        for written in [false, true] {
            if written {
                world.pass_checkpoint().await;
            }
            let asked = wire::ListReturnDifferencesRequest { kind: EventsDiffer.into(), ..of_february() };
            let reply = differences(&process, asked).await;
            let [difference] = &reply.differences[..] else { panic!("one differs: {reply:?}") };
            assert_eq!(difference.practice, "practices/A81002");
            assert_eq!((difference.accounts_change, difference.events_change), (5, 2));
            assert_eq!(reply.events_position, 1);
        }
        process.stop().await;
    }
}

#[tokio::test]
async fn questions_about_returns_that_make_no_sense_are_refused_with_the_field() {
    let world = World::on(TestStore::sqlite());
    let process = world.start().await;
    let lists: [(&str, &str, Spoil<wire::ListReturnsRequest>); 7] = [
        ("CAPABILITY_INVALID", "capability", |request| request.capability = "x".to_owned()),
        ("DATE_INVALID", "from_date", |request| request.from_date = "2031-02-30".to_owned()),
        ("DATE_INVALID", "to_date", |request| request.to_date = "yesterday".to_owned()),
        ("SUPPLIER_INVALID", "supplier", |request| request.supplier = "suppliers/".to_owned()),
        ("PRACTICE_INVALID", "practice", |request| request.practice = "practices/A8".to_owned()),
        ("PAGE_SIZE_NEGATIVE", "page_size", |request| request.page_size = -1),
        ("MOMENT_IN_FUTURE", "known_at", |request| {
            request.known_at = Some(api::time::to_wire(moment("2031-03-11T00:00:00Z")));
        }),
    ];
    for (wanted, field, spoil) in lists {
        let mut request = wire::ListReturnsRequest::default();
        spoil(&mut request);
        let refused = Explained::from(&process.returns().list_returns(request).await.unwrap_err());
        assert_eq!((refused.reason.as_str(), refused.metadata["field"].as_str()), (wanted, field));
    }
    let differing: [(&str, &str, Spoil<wire::ListReturnDifferencesRequest>); 4] = [
        ("FIELD_REQUIRED", "period_start_date", |request| request.period_start_date.clear()),
        ("PERIOD_NOT_OVER", "period_end_date", |request| request.period_end_date = "2031-03-11".to_owned()),
        ("PERIOD_INVALID", "period_end_date", |request| request.period_end_date = "2031-01-31".to_owned()),
        ("AREA_INVALID", "area", |request| request.area = "waves/1".to_owned()),
    ];
    for (wanted, field, spoil) in differing {
        let mut request = of_february();
        spoil(&mut request);
        let refused = Explained::from(&process.returns().list_return_differences(request).await.unwrap_err());
        assert_eq!((refused.reason.as_str(), refused.metadata["field"].as_str()), (wanted, field));
    }
    process.stop().await;
}

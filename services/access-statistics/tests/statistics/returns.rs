//! SubmitReturns: journalled, idempotent, revised without losing the first.

use api::Explained;
use proto::statistics::v1 as wire;

use crate::registry::{observed, practice};
use crate::world::{Process, World, moment, value};

/// Makes a submission wrong.
type Spoil = fn(&mut wire::SubmitReturnsRequest);

fn submission(request_id: &str, accounts: &[(&str, i64)]) -> wire::SubmitReturnsRequest {
    let row = |(practice, accounts): &(&str, i64)| wire::PracticeReturn {
        practice: format!("practices/{practice}"),
        accounts_with_access: *accounts,
        ..Default::default()
    };
    wire::SubmitReturnsRequest {
        supplier: "suppliers/EMIS".to_owned(),
        period_start_date: "2031-03-01".to_owned(),
        period_end_date: "2031-03-07".to_owned(),
        returns: accounts.iter().map(row).collect(),
        request_id: request_id.to_owned(),
        ..Default::default()
    }
}

async fn submit(process: &Process, request: wire::SubmitReturnsRequest) -> wire::SubmitReturnsResponse {
    process.ingest().submit_returns(request).await.expect("it is accepted").into_inner()
}

async fn refused(process: &Process, request: wire::SubmitReturnsRequest) -> Explained {
    Explained::from(&process.ingest().submit_returns(request).await.expect_err("it is refused"))
}

async fn with_access(process: &Process, known_at: Option<&str>) -> i64 {
    let request = wire::GetSummaryRequest {
        known_at: known_at.map(|at| api::time::to_wire(moment(at))),
        min_position: 1,
        ..Default::default()
    };
    value(&process.summary(request).await.patients_with_access)
}

#[tokio::test]
async fn a_revision_holds_from_now_on_and_the_first_stays_readable() {
    for world in World::each().await {
        let process = world.start().await;
        let live = ["A81001", "A81002"].map(|code| {
            let known = practice(code, "QHM", "EMIS", 5_000, moment("2031-03-01T10:00:00Z"));
            observed(known, true, moment("2031-03-02T08:00:00Z"))
        });
        world.registry.tell(live);
        let first = submit(&process, submission("first", &[("A81001", 400), ("A81002", 700)])).await;
        assert_eq!((first.first_count, first.revised_count, first.unchanged_count), (2, 0, 0));
        assert_eq!((first.affected_count, first.position), (2, 1));
        assert_eq!(with_access(&process, None).await, 1_100);

        world.clock.set(moment("2031-03-20T09:00:00Z"));
        let second = submit(&process, submission("second", &[("A81001", 450), ("A81002", 700)])).await;
        assert_eq!((second.first_count, second.revised_count, second.unchanged_count), (0, 1, 1));
        assert_eq!((second.affected_count, second.position), (1, 2));
        assert_ne!(first.affected_hash, second.affected_hash);
        process.stop().await;

        let process = world.start().await;
        assert_eq!(with_access(&process, None).await, 1_150);
        assert_eq!(with_access(&process, Some("2031-03-15T09:00:00Z")).await, 1_100);
        process.stop().await;
    }
}

#[tokio::test]
async fn a_replay_gets_the_first_reply_and_another_body_is_refused() {
    for world in World::each().await {
        let process = world.start().await;
        let request = submission("return-17", &[("A81001", 400)]);
        let first = submit(&process, request.clone()).await;
        assert_eq!(submit(&process, request).await, first);
        let other = submission("return-17", &[("A81001", 401)]);
        assert_eq!(refused(&process, other).await.reason, "REQUEST_ID_REUSED");
        let again = submit(&process, submission("return-18", &[("A81001", 400)])).await;
        assert_eq!((again.unchanged_count, again.affected_count, again.position), (1, 0, 1));
        process.stop().await;
    }
}

#[tokio::test]
async fn a_dry_run_answers_and_records_nothing() {
    let world = World::on(database::testing::TestStore::sqlite());
    let process = world.start().await;
    let request = wire::SubmitReturnsRequest { dry_run: true, ..submission("try", &[("A81001", 400)]) };
    assert_eq!(submit(&process, request).await.first_count, 1);
    let real = submit(&process, submission("real", &[("A81001", 400)])).await;
    assert_eq!((real.first_count, real.position), (1, 1));
    process.stop().await;
}

#[tokio::test]
async fn what_is_wrong_with_a_submission_is_said_by_its_field() {
    let world = World::on(database::testing::TestStore::sqlite());
    let process = world.start().await;
    let cases: [(&str, &str, Spoil); 11] = [
        ("REQUEST_ID_REQUIRED", "request_id", |request| request.request_id.clear()),
        ("SUPPLIER_INVALID", "supplier", |request| request.supplier = "suppliers/".to_owned()),
        ("CAPABILITY_INVALID", "capability", |request| request.capability = "x".to_owned()),
        ("FIELD_REQUIRED", "period_start_date", |request| request.period_start_date.clear()),
        ("DATE_INVALID", "period_end_date", |request| request.period_end_date = "2031-02-29".to_owned()),
        ("PERIOD_NOT_OVER", "period_end_date", |request| request.period_end_date = "2031-03-11".to_owned()),
        ("PERIOD_INVALID", "period_end_date", |request| request.period_end_date = "2031-02-01".to_owned()),
        ("FIELD_REQUIRED", "returns", |request| request.returns.clear()),
        ("PRACTICE_INVALID", "returns[0].practice", |request| request.returns[0].practice = "A8100".to_owned()),
        ("COUNT_NEGATIVE", "returns[0].online_accounts", |request| request.returns[0].online_accounts = -1),
        ("COUNT_CONTRADICTORY", "returns[0].accounts_with_access", |request| request.returns[0].online_accounts = 399),
    ];
    for (wanted, field, spoil) in cases {
        let mut request = submission("wrong", &[("A81001", 400)]);
        spoil(&mut request);
        let explained = refused(&process, request).await;
        assert_eq!((explained.reason.as_str(), explained.metadata["field"].as_str()), (wanted, field));
    }
    let twice = refused(&process, submission("wrong", &[("A81001", 1), ("A81001", 2)])).await;
    assert_eq!((twice.reason.as_str(), twice.metadata["field"].as_str()), ("PRACTICE_TWICE", "returns[1].practice"));
    let note = wire::SubmitReturnsRequest {
        note: "for patient 999 000 0069".to_owned(),
        ..submission("wrong", &[("A81001", 1)])
    };
    assert_eq!(refused(&process, note).await.reason, "NHS_NUMBER_IN_TEXT");
    process.stop().await;
}

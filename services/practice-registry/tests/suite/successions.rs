//! RecordSuccession: what it answers, and what practices, access, history and watches say of it.

use journal::MemoryFault;
use proto::registry::v1 as wire;
use proto::registry::v1::{AccessReasonCode, PermitRefusal, PracticeStatus, ReceiptState, SuccessionKind};
use tonic::Code;

use crate::bench::{Bench, PRACTICE, enable, everywhere, header, moment, reason, refusal};
use crate::files;

/// Hill and Lake become part of Park, today.
fn merger(request_id: &str) -> wire::RecordSuccessionRequest {
    wire::RecordSuccessionRequest {
        kind: SuccessionKind::Merge.into(),
        predecessors: vec!["practices/A81002".to_owned(), PRACTICE.to_owned()],
        successors: vec!["practices/B82001".to_owned()],
        effective_date: "2031-06-02".to_owned(),
        request_id: request_id.to_owned(),
        reason_code: "MERGER".to_owned(),
        ..Default::default()
    }
}

async fn record(bench: &mut Bench, request: wire::RecordSuccessionRequest) -> wire::RecordSuccessionResponse {
    bench.client.record_succession(request).await.unwrap().into_inner()
}

async fn practice(bench: &mut Bench, code: &str) -> wire::Practice {
    let request = wire::GetPracticeRequest { name: format!("practices/{code}"), ..Default::default() };
    bench.client.get_practice(request).await.unwrap().into_inner().practice.unwrap()
}

async fn check(bench: &mut Bench, code: &str, at: Option<prost_types::Timestamp>) -> wire::CheckAccessResponse {
    let request = wire::CheckAccessRequest { ods_code: code.to_owned(), at, ..Default::default() };
    bench.client.check_access(request).await.unwrap().into_inner()
}

async fn import_both(bench: &mut Bench) {
    bench.import_map().await;
    let lists = header(wire::DirectoryFormat::ListSizes, "lists");
    bench.import(lists, files::lists().as_bytes()).await.unwrap();
}

#[tokio::test]
async fn a_merged_practice_answers_under_its_old_code_and_points_to_its_successor() {
    everywhere(async |bench| {
        import_both(bench).await;
        bench.pause("p").await;
        let reply = record(bench, merger("m")).await;
        let codes: Vec<&str> = reply.practices.iter().map(|practice| practice.ods_code.as_str()).collect();
        assert_eq!(codes, ["A81001", "A81002", "B82001"]);
        let succession = reply.succession.unwrap();
        assert_eq!((succession.kind(), succession.in_effect), (SuccessionKind::Merge, true));
        assert_eq!((succession.recorded_by.as_str(), reply.affected_count), ("alice", 3));

        let old = practice(bench, "A81001").await;
        assert_eq!((old.status(), old.close_date.as_str()), (PracticeStatus::Closed, "2031-06-02"));
        assert_eq!(old.successors, ["practices/B82001"]);
        assert_eq!(old.list_size, 4_000);
        let new = practice(bench, "B82001").await;
        assert_eq!(new.predecessors, ["practices/A81001", "practices/A81002"]);
        assert_eq!(new.successions, [succession]);
        let list = (new.list_size, new.list_size_source.as_str(), new.list_size_date.as_str());
        assert_eq!(list, (13_000, "GP_PRAC_PAT_LIST, carried over", "2031-06-02"));
        let held = &new.pauses[0];
        assert_eq!(held.inherited_from, "practices/A81001/pauses/1");
        assert_eq!((held.receipt_state(), held.in_force), (ReceiptState::Prevented, true));

        assert_eq!(bench.acquire(vec![enable(1)]).await[0].refusal(), PermitRefusal::PracticeNotOpen);
        let answer = check(bench, "A81001", None).await;
        let told = answer.reasons.iter().find(|reason| reason.code() == AccessReasonCode::Succeeded).unwrap();
        assert_eq!((told.resource.as_str(), &told.since), ("practices/B82001", &moment("2031-06-01T23:00:00Z")));
        let before = check(bench, "A81001", moment("2031-06-01T22:59:59Z")).await;
        assert!(before.reasons.iter().all(|reason| reason.code() != AccessReasonCode::Succeeded));
    })
    .await;
}

#[tokio::test]
async fn a_closed_code_reads_as_it_was_at_any_moment_and_as_was_known_then() {
    everywhere(async |bench| {
        import_both(bench).await;
        bench.wait(jiff::SignedDuration::from_hours(24 * 10));
        record(bench, merger("m")).await;
        let mut read = async |effective_at: &str, known_at: Option<prost_types::Timestamp>| {
            let request = wire::GetPracticeRequest {
                name: PRACTICE.to_owned(),
                effective_at: moment(effective_at),
                known_at,
                ..Default::default()
            };
            let read = bench.client.get_practice(request).await.unwrap().into_inner().practice.unwrap();
            (read.status(), read.successors, read.successions.len())
        };
        let (open, closed) = (PracticeStatus::Active, PracticeStatus::Closed);
        assert_eq!(read("2031-06-01T22:00:00Z", None).await, (open, vec![], 1));
        assert_eq!(read("2031-06-03T00:00:00Z", None).await, (closed, vec!["practices/B82001".to_owned()], 1));
        let unknown = moment("2031-06-11T00:00:00Z");
        assert_eq!(read("2031-06-03T00:00:00Z", unknown).await, (open, vec![], 0), "nobody had told of it");
    })
    .await;
}

#[tokio::test]
async fn a_watch_tells_of_every_practice_that_a_succession_touches_in_one_step() {
    everywhere(async |bench| {
        import_both(bench).await;
        let mut changes =
            bench.client.watch_practices(wire::WatchPracticesRequest::default()).await.unwrap().into_inner();
        let snapshot = changes.message().await.unwrap().unwrap();
        assert!(snapshot.bookmark);
        record(bench, merger("m")).await;
        let message = changes.message().await.unwrap().unwrap();
        let told: Vec<_> = message.changes.iter().filter_map(|change| change.practice.as_ref()).collect();
        let told: Vec<_> = told.iter().map(|one| (one.ods_code.as_str(), one.status(), one.list_size)).collect();
        let (open, closed) = (PracticeStatus::Active, PracticeStatus::Closed);
        assert_eq!(told, [("A81001", closed, 4_000), ("A81002", closed, 9_000), ("B82001", open, 13_000)]);
    })
    .await;
}

#[tokio::test]
async fn the_history_tells_both_sides_when_it_held_and_when_it_was_recorded() {
    everywhere(async |bench| {
        bench.import_map().await;
        bench.wait(jiff::SignedDuration::from_hours(24 * 10));
        record(bench, merger("m")).await;
        for (code, words) in [
            ("A81001", "closed by merger of A81001 and A81002 into B82001"),
            ("B82001", "succeeds by merger of A81001 and A81002 into B82001"),
        ] {
            let name = format!("practices/{code}");
            let request = wire::ListPracticeChangesRequest { name, ..Default::default() };
            let changes = bench.client.list_practice_changes(request).await.unwrap().into_inner().changes;
            let told = changes.iter().find(|change| change.summary.starts_with(words));
            let told = told.unwrap_or_else(|| panic!("{code}: {changes:?}"));
            assert_eq!((told.actor.as_str(), told.reason_code.as_str()), ("alice", "MERGER"));
            assert_eq!(told.effective_at, moment("2031-06-01T23:00:00Z"));
            assert_eq!(told.recorded_at, moment("2031-06-12T08:00:00Z"));
        }
    })
    .await;
}

#[tokio::test]
async fn a_dry_run_says_what_would_be_inherited_and_a_replay_gets_the_first_reply() {
    everywhere(async |bench| {
        import_both(bench).await;
        let mut dry = merger("d");
        dry.dry_run = true;
        let foreseen = record(bench, dry).await;
        assert_eq!(foreseen.practices[2].list_size, 13_000);
        assert_eq!(practice(bench, "A81001").await.successions, []);

        let mut confirmed = merger("m");
        confirmed.confirm_count = foreseen.affected_count;
        confirmed.confirm_hash = foreseen.affected_hash;
        let first = record(bench, confirmed.clone()).await;
        bench.wait(jiff::SignedDuration::from_hours(1));
        assert_eq!(record(bench, confirmed).await, first);
        let again = refusal(bench.client.record_succession(merger("other")).await);
        assert_eq!((again.0, again.1.reason.as_str()), (Code::FailedPrecondition, "PRACTICE_SUCCEEDED_ALREADY"));
        assert_eq!(again.1.metadata["successors"], "practices/B82001");
    })
    .await;
}

#[tokio::test]
async fn a_lost_reply_is_asked_for_again_and_records_one_succession() {
    let mut bench = Bench::with_practices().await;
    bench.fail_next_commit(MemoryFault::AfterCommit).await;
    record(&mut bench, merger("m")).await;
    assert_eq!(practice(&mut bench, "B82001").await.successions.len(), 1);
}

#[tokio::test]
async fn what_the_caller_saw_or_confirms_must_be_so() {
    let mut bench = Bench::with_practices().await;
    let etag = practice(&mut bench, "A81001").await.etag;
    bench.pause("p").await;
    let stale = wire::PracticeEtag { practice: PRACTICE.to_owned(), etag };
    let request = wire::RecordSuccessionRequest { etags: vec![stale], ..merger("e") };
    assert_eq!(reason(bench.client.record_succession(request).await), (Code::Aborted, "ETAG_MISMATCH".to_owned()));
    let request = wire::RecordSuccessionRequest { confirm_count: 2, ..merger("c") };
    let (code, explained) = refusal(bench.client.record_succession(request).await);
    assert_eq!((code, explained.reason.as_str()), (Code::Aborted, "AFFECTED_DIFFERS"));
    assert_eq!(explained.metadata["count"], "3");
}

#[tokio::test]
async fn what_cannot_be_a_succession_is_refused_and_says_what_to_do() {
    let mut bench = Bench::with_practices().await;
    let names = |codes: &[&str]| codes.iter().map(|code| format!("practices/{code}")).collect::<Vec<_>>();
    let with = |change: &dyn Fn(&mut wire::RecordSuccessionRequest)| {
        let mut request = merger("r");
        change(&mut request);
        request
    };
    let invalid = |reason: &str| (Code::InvalidArgument, reason.to_owned());
    for (request, expected) in [
        (with(&|request| request.kind = 0), invalid("FIELD_REQUIRED")),
        (with(&|request| request.effective_date.clear()), invalid("FIELD_REQUIRED")),
        (with(&|request| request.predecessors.clear()), invalid("FIELD_REQUIRED")),
        (with(&|request| request.predecessors = names(&["A81001"; 51])), invalid("TOO_MANY_ITEMS")),
        (with(&|request| request.successors.clear()), invalid("SUCCESSION_SHAPE_INVALID")),
        (with(&|request| request.successors = names(&["A81001"])), invalid("PRACTICE_NAMED_TWICE")),
        (with(&|request| request.effective_date = "2131-06-02".to_owned()), invalid("EFFECTIVE_DATE_TOO_FAR")),
        (
            with(&|request| request.successors = names(&["Z99999"])),
            (Code::FailedPrecondition, "SUCCESSOR_NOT_IN_DIRECTORY".to_owned()),
        ),
        (with(&|request| request.predecessors = names(&["Z99999"])), (Code::NotFound, "PRACTICE_NOT_FOUND".to_owned())),
    ] {
        assert_eq!(reason(bench.client.record_succession(request).await), expected);
    }
    let mut practice = bench.client_as("manager;roles=practice;organisation=practices/A81001");
    let refused = reason(practice.record_succession(merger("r")).await);
    assert_eq!(refused.0, Code::PermissionDenied);
}

#[tokio::test]
async fn a_succession_survives_a_restart() {
    let mut bench = Bench::with_practices().await;
    record(&mut bench, merger("m")).await;
    let before = practice(&mut bench, "B82001").await;
    let mut bench = bench.reopened().await;
    assert_eq!(practice(&mut bench, "B82001").await, before);
    assert_eq!(check(&mut bench, "A81001", None).await.reasons.len(), 3, "never observed, closed, succeeded");
}

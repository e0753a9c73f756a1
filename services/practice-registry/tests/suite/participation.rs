//! PausePractice, ResumePractice, SetPauseOutcome, GetReceipt, RequestSwitchOff.

use journal::MemoryFault;
use proto::registry::v1 as wire;
use proto::registry::v1::{PauseOutcome, PermitRefusal, ReceiptState};
use tonic::Code;

use crate::bench::{Bench, PRACTICE, disable, enable, everywhere, moment, pause, reason, refusal};

fn resume(request_id: &str) -> wire::ResumePracticeRequest {
    wire::ResumePracticeRequest { name: PRACTICE.to_owned(), request_id: request_id.to_owned(), ..Default::default() }
}

fn judge(request_id: &str, outcome: PauseOutcome) -> wire::SetPauseOutcomeRequest {
    wire::SetPauseOutcomeRequest {
        name: format!("{PRACTICE}/pauses/1"),
        outcome: outcome.into(),
        request_id: request_id.to_owned(),
        ..Default::default()
    }
}

async fn receipt(bench: &mut Bench) -> wire::Receipt {
    let request = wire::GetReceiptRequest { name: format!("{PRACTICE}/receipts/1"), ..Default::default() };
    bench.client.get_receipt(request).await.unwrap().into_inner().receipt.unwrap()
}

#[tokio::test]
async fn a_pause_is_answered_with_a_receipt_and_holds_until_it_is_lifted() {
    everywhere(async |bench| {
        bench.import_map().await;
        let paused = bench.pause("p").await;
        let (placed, given) = (paused.pause.unwrap(), paused.receipt.unwrap());
        assert_eq!((placed.name.as_str(), placed.placed_by.as_str()), ("practices/A81001/pauses/1", "alice"));
        assert_eq!((placed.in_force, placed.reason_code.as_str()), (true, "staff-not-trained"));
        assert_eq!((given.state(), given.final_at), (ReceiptState::Prevented, placed.recorded_at));
        assert_eq!(receipt(bench).await, given);
        assert_eq!(bench.acquire(vec![enable(1)]).await[0].refusal(), PermitRefusal::Paused);

        let lifted = bench.client.resume_practice(resume("r")).await.unwrap().into_inner();
        assert_eq!(lifted.lifted[0].ending(), wire::PauseEnding::Lifted);
        assert!(lifted.practice.unwrap().pauses.is_empty());
        assert_eq!(bench.acquire(vec![enable(1)]).await[0].refusal(), PermitRefusal::Unspecified);
    })
    .await;
}

#[tokio::test]
async fn a_receipt_is_pending_while_a_permit_is_open_and_becomes_reversed() {
    everywhere(async |bench| {
        bench.import_map().await;
        bench.acquire(vec![enable(1)]).await;
        let given = bench.pause("p").await.receipt.unwrap();
        assert_eq!((given.state(), given.final_at), (ReceiptState::Pending, None));
        let key = given.parts[0].command_key.clone().unwrap();
        assert_eq!((key.generation, key.action()), (1, wire::CommandAction::Enable));

        let on = bench.settle(enable(1), wire::CommandOutcome::Applied).await;
        assert!(on.receipts_final.is_empty());
        bench.acquire(vec![disable(2)]).await;
        let off = bench.settle(disable(2), wire::CommandOutcome::Applied).await;
        assert_eq!(off.receipts_final, ["practices/A81001/receipts/1"]);
        assert_eq!(receipt(bench).await.state(), ReceiptState::Reversed);
    })
    .await;
}

#[tokio::test]
async fn a_repeated_pause_gets_the_first_receipt_and_another_body_is_refused() {
    everywhere(async |bench| {
        bench.import_map().await;
        let first = bench.pause("p").await;
        bench.client.resume_practice(resume("r")).await.unwrap();
        assert_eq!(bench.pause("p").await, first, "although it was lifted meanwhile");
        assert!(bench.practice().await.pauses.is_empty());

        let other = wire::PausePracticeRequest { capability: "capabilities/historic-records".to_owned(), ..pause("p") };
        let (code, explained) = refusal(bench.client.pause_practice(other).await);
        assert_eq!((code, explained.reason.as_str()), (Code::AlreadyExists, "REQUEST_ID_REUSED"));
        assert_eq!(explained.metadata["request_id"], "p");
    })
    .await;
}

#[tokio::test]
async fn a_pause_whose_acknowledgement_was_lost_is_placed_once() {
    let mut bench = Bench::with_practices().await;
    bench.fail_next_commit(MemoryFault::AfterCommit).await;
    // The peer repeats what was UNAVAILABLE, with the same request id.
    assert_eq!(bench.pause("p").await.receipt.unwrap().state(), ReceiptState::Prevented);
    assert_eq!(bench.practice().await.pauses.len(), 1);
}

#[tokio::test]
async fn a_dry_run_says_what_the_receipt_would_be_and_changes_nothing() {
    let mut bench = Bench::with_practices().await;
    let dry = wire::PausePracticeRequest { dry_run: true, ..pause("p") };
    let reply = bench.client.pause_practice(dry).await.unwrap().into_inner();
    assert_eq!(reply.receipt.unwrap().state(), ReceiptState::Prevented);
    assert!(bench.practice().await.pauses.is_empty());
}

#[tokio::test]
async fn a_pause_that_is_malformed_is_refused_by_field() {
    let mut bench = Bench::with_practices().await;
    let until = wire::PauseEnd::Until.into();
    let cases = [
        (
            wire::PausePracticeRequest { name: "practices/Z99999".to_owned(), ..on_behalf("p") },
            "PRACTICE_NOT_FOUND",
            "",
        ),
        (wire::PausePracticeRequest { request_id: String::new(), ..pause("p") }, "REQUEST_ID_REQUIRED", "request_id"),
        (wire::PausePracticeRequest { end: 0, ..pause("p") }, "FIELD_REQUIRED", "end"),
        (wire::PausePracticeRequest { end: until, ..pause("p") }, "FIELD_REQUIRED", "until"),
        (
            wire::PausePracticeRequest { end: until, until: moment("2031-06-02T08:00:00Z"), ..pause("p") },
            "PAUSE_ENDS_IN_PAST",
            "until",
        ),
        (
            wire::PausePracticeRequest { until: moment("2031-07-02T08:00:00Z"), ..pause("p") },
            "FIELD_NOT_APPLICABLE",
            "until",
        ),
        (
            wire::PausePracticeRequest { on_behalf_of: "the practice".to_owned(), ..pause("p") },
            "FIELD_REQUIRED",
            "evidence",
        ),
        (
            wire::PausePracticeRequest { note: "patient 943 476 5919".to_owned(), ..pause("p") },
            "NHS_NUMBER_IN_TEXT",
            "note",
        ),
        (
            wire::PausePracticeRequest { reason_code: "943-476-5919".to_owned(), ..pause("p") },
            "NHS_NUMBER_IN_TEXT",
            "reason_code",
        ),
        (
            wire::PausePracticeRequest {
                on_behalf_of: "the practice".to_owned(),
                evidence: "letter about 943 476 5919".to_owned(),
                ..pause("p")
            },
            "NHS_NUMBER_IN_TEXT",
            "evidence",
        ),
    ];
    for (request, expected, field) in cases {
        let (_, explained) = refusal(bench.client.pause_practice(request).await);
        assert_eq!(explained.reason, expected);
        assert_eq!(explained.fields.first().map_or("", |(path, _)| path.as_str()), field, "{expected}");
    }
}

fn on_behalf(request_id: &str) -> wire::PausePracticeRequest {
    wire::PausePracticeRequest {
        on_behalf_of: PRACTICE.to_owned(),
        evidence: "letter of 1 June".to_owned(),
        ..pause(request_id)
    }
}

#[tokio::test]
async fn whoever_pauses_for_a_practice_says_for_whom_and_by_what_evidence() {
    let bench = Bench::with_practices().await;
    let mut icb = bench.client_as("bob;roles=icb;organisation=icbs/QHM");
    let (on_behalf_of, evidence) = (String::new(), String::new());
    for (request, field) in [
        (wire::PausePracticeRequest { on_behalf_of, ..on_behalf("p") }, "on_behalf_of"),
        (wire::PausePracticeRequest { evidence, ..on_behalf("p") }, "evidence"),
    ] {
        let (code, explained) = refusal(icb.pause_practice(request).await);
        assert_eq!((code, explained.reason.as_str()), (Code::InvalidArgument, "FIELD_REQUIRED"));
        assert_eq!(explained.fields[0].0, field);
    }
    // Whoever manages a practice of their own and leads besides is nobody at another practice.
    let mut manager = bench.client_as("mo;roles=practice,programme-lead;organisation=practices/A81002");
    let other = wire::PausePracticeRequest { on_behalf_of: String::new(), evidence: String::new(), ..on_behalf("m") };
    assert_eq!(refusal(manager.pause_practice(other.clone()).await).1.fields[0].0, "on_behalf_of");
    let own = wire::PausePracticeRequest { name: "practices/A81002".to_owned(), ..other };
    manager.pause_practice(own).await.unwrap();
    let placed = icb.pause_practice(on_behalf("p")).await.unwrap().into_inner().pause.unwrap();
    assert_eq!((placed.placed_by.as_str(), placed.on_behalf_of.as_str()), ("bob", PRACTICE));
    assert_eq!(placed.evidence, "letter of 1 June");
    let name = PRACTICE.to_owned();
    let off = wire::RequestSwitchOffRequest { name, request_id: "off".to_owned(), ..Default::default() };
    let mut lead = bench.client_as("ann;roles=programme-lead");
    assert_eq!(refusal(lead.request_switch_off(off.clone()).await).1.fields[0].0, "on_behalf_of");
    bench.client_as("manager;roles=practice;organisation=practices/A81001").request_switch_off(off).await.unwrap();
}

/// Issue of two capabilities at once: what one waits for is nothing to the other.
#[tokio::test]
async fn a_pause_of_one_capability_leaves_the_other_with_its_permits_receipts_and_answers() {
    let historic = "capabilities/historic-records";
    everywhere(async |bench| {
        bench.import_map().await;
        let other = |key: wire::CommandKey| wire::CommandKey { capability: historic.to_owned(), ..key };
        let granted = bench.acquire(vec![enable(1), other(enable(1))]).await;
        assert!(granted.iter().all(|grant| grant.refusal() == PermitRefusal::Unspecified));
        let one = wire::PausePracticeRequest { capability: historic.to_owned(), ..pause("p") };
        let receipt = bench.client.pause_practice(one).await.unwrap().into_inner().receipt.unwrap();
        let parts: Vec<_> = receipt.parts.iter().map(|part| (part.capability.as_str(), part.state())).collect();
        assert_eq!(parts, [(historic, ReceiptState::Pending)]);

        assert!(bench.settle(enable(1), wire::CommandOutcome::Applied).await.receipts_final.is_empty());
        let settled = wire::SettlePermitsRequest {
            settlements: vec![wire::Settlement {
                key: Some(other(enable(1))),
                outcome: wire::CommandOutcome::NotApplied.into(),
                ..Default::default()
            }],
            request_id: "other".to_owned(),
            ..Default::default()
        };
        let settled = bench.client.settle_permits(settled).await.unwrap().into_inner().results.remove(0);
        assert_eq!(settled.receipts_final, ["practices/A81001/receipts/1"]);

        for (capability, live, paused) in [("", true, false), (historic, false, true)] {
            let check = wire::CheckAccessRequest {
                ods_code: "A81001".to_owned(),
                capability: capability.to_owned(),
                ..Default::default()
            };
            let checked = bench.client.check_access(check).await.unwrap().into_inner();
            let is_paused = |reason: &wire::AccessReason| reason.code() == wire::AccessReasonCode::Paused;
            assert_eq!((checked.live, checked.reasons.iter().any(is_paused)), (live, paused), "{capability}");
        }
        let again = bench.acquire(vec![other(enable(2)), disable(2)]).await;
        assert_eq!((again[0].refusal(), again[1].refusal()), (PermitRefusal::Paused, PermitRefusal::Unspecified));
        bench.settle(disable(2), wire::CommandOutcome::Applied).await;
        assert_eq!(bench.acquire(vec![enable(3)]).await[0].refusal(), PermitRefusal::Unspecified);
    })
    .await;
}

#[tokio::test]
async fn only_the_practice_may_lift_a_pause() {
    let bench = Bench::with_practices().await;
    for (roles, organisation) in [
        ("programme-lead", "suppliers/EMIS"),
        ("service", "suppliers/EMIS"),
        ("icb", "icbs/QHM"),
        ("region", "regions/Y63"),
    ] {
        let mut client = bench.client_as(&format!("bob;roles={roles};organisation={organisation}"));
        client.pause_practice(on_behalf(&format!("p-{roles}"))).await.unwrap();
        let (code, _) = reason(client.resume_practice(resume("r")).await);
        assert_eq!(code, Code::PermissionDenied, "{roles}");
    }
    for another in ["bob;roles=practice", "bob;roles=practice;organisation=practices/A81002"] {
        let (code, _) = reason(bench.client_as(another).resume_practice(resume("r")).await);
        assert_eq!(code, Code::PermissionDenied, "{another}");
    }
    bench.client_as("manager;roles=practice;organisation=practices/A81001").resume_practice(resume("r")).await.unwrap();
}

#[tokio::test]
async fn a_stale_etag_is_rejected() {
    let mut bench = Bench::with_practices().await;
    bench.pause("p").await;
    let seen = bench.practice().await.etag;
    bench.pause("q").await;
    let stale = wire::ResumePracticeRequest { etag: seen, ..resume("r") };
    let (code, explained) = refusal(bench.client.resume_practice(stale).await);
    assert_eq!((code, explained.reason.as_str()), (Code::Aborted, "ETAG_MISMATCH"));
    let current = wire::ResumePracticeRequest { etag: explained.metadata["current"].clone(), ..resume("s") };
    assert_eq!(bench.client.resume_practice(current).await.unwrap().into_inner().lifted.len(), 2);

    let foreign = wire::ResumePracticeRequest { etag: "not an etag".to_owned(), ..resume("t") };
    assert_eq!(reason(bench.client.resume_practice(foreign).await), (Code::Aborted, "ETAG_MISMATCH".to_owned()));
}

#[tokio::test]
async fn lifting_what_does_not_hold_is_a_failed_precondition() {
    let mut bench = Bench::with_practices().await;
    let (code, explained) = refusal(bench.client.resume_practice(resume("r")).await);
    assert_eq!((code, explained.reason.as_str()), (Code::FailedPrecondition, "PRACTICE_NOT_PAUSED"));
    assert_eq!(explained.preconditions[0].1, PRACTICE);
    let other = wire::ResumePracticeRequest { pause: "practices/A81002/pauses/1".to_owned(), ..resume("s") };
    let refused = reason(bench.client.resume_practice(other).await);
    assert_eq!(refused, (Code::InvalidArgument, "PAUSE_OF_ANOTHER_PRACTICE".to_owned()));
    let missing = wire::ResumePracticeRequest { pause: format!("{PRACTICE}/pauses/7"), ..resume("t") };
    assert_eq!(reason(bench.client.resume_practice(missing).await), (Code::NotFound, "PAUSE_NOT_FOUND".to_owned()));
}

#[tokio::test]
async fn the_scheduler_judges_pauses_by_the_programmes_default_and_no_others() {
    everywhere(async |bench| {
        bench.import_map().await;
        let by_default = wire::PausePracticeRequest { end: wire::PauseEnd::ProgrammeDefault.into(), ..pause("p") };
        bench.client.pause_practice(by_default).await.unwrap();
        let in_time = wire::SetPauseOutcomeRequest {
            deferred_to: "programmes/autumn/waves/2".to_owned(),
            until: moment("2031-07-01T08:00:00Z"),
            ..judge("in-time", PauseOutcome::InTime)
        };
        let judged = bench.client.set_pause_outcome(in_time).await.unwrap().into_inner().pause.unwrap();
        assert_eq!((judged.outcome(), judged.until), (PauseOutcome::InTime, moment("2031-07-01T08:00:00Z")));
        let late = bench.client.set_pause_outcome(judge("late", PauseOutcome::Late)).await.unwrap().into_inner();
        let judged = late.pause.unwrap();
        assert_eq!((judged.outcome(), judged.until, judged.in_force), (PauseOutcome::Late, None, true));

        let in_time = wire::SetPauseOutcomeRequest {
            deferred_to: "programmes/autumn/waves/2".to_owned(),
            ..judge("again", PauseOutcome::InTime)
        };
        let refused = reason(bench.client.set_pause_outcome(in_time).await);
        assert_eq!(refused, (Code::FailedPrecondition, "PAUSE_JUDGED_LATE".to_owned()));

        bench.pause("q").await;
        let other =
            wire::SetPauseOutcomeRequest { name: format!("{PRACTICE}/pauses/2"), ..judge("x", PauseOutcome::Late) };
        let refused = reason(bench.client.set_pause_outcome(other).await);
        assert_eq!(refused, (Code::FailedPrecondition, "PAUSE_NOT_BY_PROGRAMME_DEFAULT".to_owned()));
        let refused = reason(bench.client.set_pause_outcome(judge("y", PauseOutcome::InTime)).await);
        assert_eq!(refused, (Code::InvalidArgument, "FIELD_REQUIRED".to_owned()), "deferred to where?");
    })
    .await;
}

#[tokio::test]
async fn a_receipt_that_is_not_there_is_not_found() {
    let mut bench = Bench::with_practices().await;
    for (name, expected) in [
        ("practices/A81001/receipts/1", "RECEIPT_NOT_FOUND"),
        ("practices/Z99999/receipts/1", "PRACTICE_NOT_FOUND"),
        ("practices/A81001/pauses/1", "RESOURCE_NAME_INVALID"),
    ] {
        let request = wire::GetReceiptRequest { name: name.to_owned(), ..Default::default() };
        assert_eq!(reason(bench.client.get_receipt(request).await).1, expected);
    }
}

#[tokio::test]
async fn a_request_to_switch_off_pauses_and_shows_until_a_command_has_taken_effect() {
    everywhere(async |bench| {
        bench.import_map().await;
        bench.switch_on().await;
        let (name, request_id) = (PRACTICE.to_owned(), "off".to_owned());
        let request = wire::RequestSwitchOffRequest { name, request_id, ..Default::default() };
        let reply = bench.client.request_switch_off(request).await.unwrap().into_inner();
        assert_eq!(reply.pause.unwrap().receipt_state(), ReceiptState::AlreadyOn);
        let asked = reply.practice.unwrap().access[0].switch_off_request.clone().unwrap();
        assert_eq!(asked.requested_by, "alice");

        bench.acquire(vec![disable(2)]).await;
        bench.settle(disable(2), wire::CommandOutcome::Applied).await;
        let access = bench.practice().await.access.remove(0);
        assert_eq!((access.state(), access.switch_off_request), (wire::ObservedState::Off, None));
    })
    .await;
}

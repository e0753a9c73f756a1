//! What callers ask and get: documents, plans, approvals, replays, figures as known at a moment, watches.

use proto::scheduler::v1 as wire;
use tonic::Code;

use crate::acts::{ONE_WAVE, PROGRAMME, prompt, reason};
use crate::files::surgeries;
use crate::world::{Setup, World};

async fn world() -> World {
    World::new(Setup::new(surgeries(81_001, 4, "EMIS"), vec![prompt("EMIS"), prompt("TPP")])).await
}

fn create(specification: &str, request_id: &str) -> wire::CreateProgrammeRequest {
    wire::CreateProgrammeRequest {
        programme_id: "spring".to_owned(),
        specification: specification.to_owned(),
        request_id: request_id.to_owned(),
        ..Default::default()
    }
}

/// The fields that a refusal names.
fn fields(status: &tonic::Status) -> Vec<String> {
    api::Explained::from(status).fields.into_iter().map(|(field, _)| field).collect()
}

#[tokio::test]
async fn an_unknown_field_of_a_document_is_refused_with_line_and_column() {
    let world = world().await;
    let document = ONE_WAVE.replace("waves:\n  - { wave: 1, title", "waves:\n  - { wave: 1, titel");
    let refused = world.programmes("alice").create_programme(create(&document, "r-1")).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    let explained = api::Explained::from(&refused);
    assert_eq!((explained.reason.as_str(), explained.metadata["line"].as_str()), ("DOCUMENT_INVALID", "13"));
    assert!(refused.message().contains("titel"), "{}", refused.message());
}

/// I8: what can never work is refused when it is written or planned, with the field that is wrong.
#[tokio::test]
async fn i08_a_document_that_cannot_work_is_refused_with_the_path_of_each_mistake() {
    let world = world().await;
    let cases = [
        ("cohort: 'practice.list_size > 0'", "cohort: 'practice.supplier == \"Nobody\"'", "specification.cohort"),
        ("days: [monday, tuesday, wednesday, thursday, friday]", "days: [saturday]", "specification.waves[0].from"),
        ("from: 2031-06-02, until: 2031-06-03", "from: 2031-05-08", "specification.waves[0].from"),
        ("cohort: 'practice.list_size > 0'", "cohort: 'practice.sise > 0'", "specification.cohort"),
    ];
    for (right, wrong, field) in cases {
        let request = wire::PreviewPlanRequest {
            name: PROGRAMME.to_owned(),
            specification: ONE_WAVE.replace(right, wrong),
            ..Default::default()
        };
        let refused = world.programmes("alice").preview_plan(request).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument, "{wrong}: {refused}");
        assert!(fields(&refused).iter().any(|named| named.starts_with(field)), "{wrong}: {:?}", fields(&refused));
    }
}

#[tokio::test]
async fn a_preview_changes_nothing_and_has_the_hash_that_the_plan_will_have() {
    let mut world = world().await;
    world.create(ONE_WAVE).await;
    let position = world.position();
    let request = wire::PreviewPlanRequest { name: PROGRAMME.to_owned(), moves_count_max: 2, ..Default::default() };
    let preview = world.programmes("alice").preview_plan(request).await.unwrap().into_inner();
    assert_eq!(world.position(), position);
    assert_eq!((preview.practices_count, preview.moves_count, preview.moves.len()), (4, 4, 2));
    assert_eq!(preview.moves[0].to_wave, "programmes/spring/waves/1");
    let submit =
        wire::SubmitPlanRequest { name: PROGRAMME.to_owned(), request_id: "s-1".to_owned(), ..Default::default() };
    let plan = world.programmes("alice").submit_plan(submit).await.unwrap().into_inner().plan.unwrap();
    assert_eq!(plan.plan_hash, preview.plan_hash);
}

/// Rule 7: what an approver is shown is what was submitted, whatever the registry has recorded since, and says what widens.
#[tokio::test]
async fn a_version_under_review_is_shown_as_it_was_submitted_against_the_one_before() {
    let mut world = world().await;
    world.approve(ONE_WAVE).await;
    let looser = ONE_WAVE.replace("min_success: 0.8", "min_success: 0.7");
    let update = wire::UpdateProgrammeRequest {
        name: PROGRAMME.to_owned(),
        specification: looser,
        request_id: "u-2".to_owned(),
        ..Default::default()
    };
    world.programmes("alice").update_programme(update).await.unwrap();
    let submit =
        wire::SubmitPlanRequest { name: PROGRAMME.to_owned(), request_id: "s-2".to_owned(), ..Default::default() };
    let plan = world.programmes("alice").submit_plan(submit).await.unwrap().into_inner().plan.unwrap();
    assert_eq!(plan.parent, "programmes/spring/plans/1");
    world.pause("A81002", proto::registry::v1::PauseEnd::FurtherNotice).await;
    let review = wire::PreviewPlanRequest { name: PROGRAMME.to_owned(), plan: plan.name, ..Default::default() };
    let shown = world.programmes("bob").preview_plan(review.clone()).await.unwrap().into_inner();
    assert_eq!((shown.plan_hash, shown.practices_count, shown.moves_count), (plan.plan_hash, 4, 0));
    let difference = shown.difference.unwrap();
    assert_eq!(difference.bearing(), wire::PlanBearing::Widens);
    let changes: Vec<_> =
        difference.changes.iter().map(|one| [&one.wave, &one.field, &one.before, &one.after]).collect();
    assert_eq!(changes, [["programmes/spring/waves/1", "gate.min_success", "80%", "70%"]]);
    let unknown = wire::PreviewPlanRequest { plan: "programmes/spring/plans/9".to_owned(), ..review.clone() };
    let unknown = world.programmes("bob").preview_plan(unknown).await;
    assert_eq!(reason(unknown), (Code::NotFound, "PLAN_NOT_FOUND".to_owned()));
    for (plan, named) in
        [("programmes/summer/plans/1", "PLAN_OF_OTHER_PROGRAMME"), (&*review.plan, "PLAN_AND_DOCUMENT")]
    {
        let specification = if named == "PLAN_AND_DOCUMENT" { ONE_WAVE.to_owned() } else { String::new() };
        let wrong = wire::PreviewPlanRequest { plan: plan.to_owned(), specification, ..review.clone() };
        let refused = world.programmes("bob").preview_plan(wrong).await;
        assert_eq!(reason(refused), (Code::InvalidArgument, named.to_owned()));
    }
}

/// Rule 7.
#[tokio::test]
async fn a_plan_is_approved_by_somebody_else_and_as_it_was_looked_at() {
    let mut world = world().await;
    world.create(ONE_WAVE).await;
    let submit =
        wire::SubmitPlanRequest { name: PROGRAMME.to_owned(), request_id: "s-1".to_owned(), ..Default::default() };
    let plan = world.programmes("alice").submit_plan(submit).await.unwrap().into_inner().plan.unwrap();
    let approve = wire::ApprovePlanRequest {
        name: plan.name,
        plan_hash: plan.plan_hash,
        request_id: "a-1".to_owned(),
        ..Default::default()
    };
    let own = world.programmes("alice").approve_plan(approve.clone()).await;
    assert_eq!(reason(own), (Code::PermissionDenied, "APPROVER_IS_EDITOR".to_owned()));
    let other = wire::ApprovePlanRequest { plan_hash: "0".repeat(64), ..approve.clone() };
    let other = world.programmes("bob").approve_plan(other).await;
    assert_eq!(reason(other), (Code::Aborted, "PLAN_HASH_MISMATCH".to_owned()));
    let no_role = world.programmes("eve;roles=practice").approve_plan(approve.clone()).await;
    assert_eq!(reason(no_role).0, Code::PermissionDenied);
    let plan = world.programmes("bob").approve_plan(approve).await.unwrap().into_inner().plan.unwrap();
    assert_eq!((plan.state(), plan.decided_by.as_str()), (wire::PlanState::InForce, "bob"));
}

#[tokio::test]
async fn a_replayed_request_gets_its_first_reply_and_another_body_is_refused() {
    let world = world().await;
    let mut client = world.programmes("alice");
    let first = client.create_programme(create(ONE_WAVE, "r-1")).await.unwrap().into_inner();
    let again = client.create_programme(create(ONE_WAVE, "r-1")).await.unwrap().into_inner();
    assert_eq!(first, again);
    let other = client.create_programme(create(&ONE_WAVE.replace("Spring opening", "Other"), "r-1")).await;
    assert_eq!(reason(other), (Code::AlreadyExists, "REQUEST_ID_REUSED".to_owned()));
    let anew = client.create_programme(create(ONE_WAVE, "r-2")).await;
    assert_eq!(reason(anew), (Code::AlreadyExists, "PROGRAMME_EXISTS".to_owned()));
}

#[tokio::test]
async fn a_stale_etag_is_rejected() {
    let mut world = world().await;
    world.create(ONE_WAVE).await;
    let read = wire::GetProgrammeRequest { name: PROGRAMME.to_owned(), ..Default::default() };
    let etag = world.programmes("alice").get_programme(read).await.unwrap().into_inner().programme.unwrap().etag;
    let update = |request_id: &str, title: &str| wire::UpdateProgrammeRequest {
        name: PROGRAMME.to_owned(),
        specification: ONE_WAVE.replace("Spring opening", title),
        etag: etag.clone(),
        request_id: request_id.to_owned(),
        ..Default::default()
    };
    world.programmes("alice").update_programme(update("u-1", "First")).await.unwrap();
    let stale = world.programmes("alice").update_programme(update("u-2", "Second")).await;
    assert_eq!(reason(stale), (Code::Aborted, "ETAG_MISMATCH".to_owned()));
}

#[tokio::test]
async fn what_was_signed_up_and_the_deadline_are_told_as_known_at_a_moment() {
    let mut world = world().await;
    let before = world.clock.now();
    world.until("2031-05-07T08:00:00Z").await;
    world.approve(ONE_WAVE).await;
    world.until("2031-06-10T08:00:00Z").await;
    let ask = |moment: &str| wire::GetProgrammeRequest {
        name: PROGRAMME.to_owned(),
        known_at: Some(api::time::to_wire(moment.parse().unwrap())),
        ..Default::default()
    };
    let mut client = world.programmes("alice");
    let approved = client.get_programme(ask("2031-05-07T09:00:00Z")).await.unwrap().into_inner();
    let figures = approved.figures.unwrap();
    assert_eq!((figures.signed_up_next_three_months, figures.signed_up_by_month.len()), (4, 1));
    assert_eq!(figures.signed_up_by_month[0].month, "2031-06");
    assert_eq!(approved.programme.unwrap().deadline, "2031-10-31");
    let now = wire::GetProgrammeRequest { name: PROGRAMME.to_owned(), ..Default::default() };
    let now = client.get_programme(now).await.unwrap().into_inner();
    assert_eq!(now.figures.unwrap().signed_up_next_three_months, 0);
    let unknown = client.get_programme(ask(&before.to_string())).await;
    assert_eq!(reason(unknown), (Code::NotFound, "PROGRAMME_NOT_FOUND".to_owned()));
    let ahead = client.get_programme(ask("2032-01-01T00:00:00Z")).await;
    assert_eq!(reason(ahead), (Code::InvalidArgument, "KNOWN_AT_IN_FUTURE".to_owned()));
}

#[tokio::test]
async fn a_watch_tells_all_then_what_changes_and_resumes() {
    let mut world = world().await;
    world.approve(ONE_WAVE).await;
    let request = wire::WatchProgrammeRequest { name: PROGRAMME.to_owned(), resume_token: String::new() };
    let mut stream = world.programmes("alice").watch_programme(request.clone()).await.unwrap().into_inner();
    let first = stream.message().await.unwrap().unwrap();
    assert!(first.snapshot && first.programme.is_some());
    assert_eq!(first.waves.len(), 1);
    let hold = wire::RescheduleWaveRequest {
        name: first.waves[0].name.clone(),
        opens_on: "2031-06-09".to_owned(),
        request_id: world.request_id(),
        ..Default::default()
    };
    world.programmes("alice").reschedule_wave(hold).await.unwrap();
    let second = loop {
        let message = stream.message().await.unwrap().unwrap();
        if message.waves.iter().any(|wave| wave.opens_on == "2031-06-09") {
            break message;
        }
    };
    assert!(!second.snapshot);
    let resumed = wire::WatchProgrammeRequest { resume_token: first.resume_token, ..request };
    let mut stream = world.programmes("alice").watch_programme(resumed).await.unwrap().into_inner();
    let missed = stream.message().await.unwrap().unwrap();
    assert!(!missed.snapshot);
    assert_eq!(missed.waves[0].opens_on, "2031-06-09");
}

/// Rule 17.
#[tokio::test]
async fn a_watch_does_not_go_on_in_another_journal() {
    let mut world = world().await;
    world.approve(ONE_WAVE).await;
    let request = wire::WatchProgrammeRequest { name: PROGRAMME.to_owned(), resume_token: String::new() };
    let mut stream = world.programmes("alice").watch_programme(request.clone()).await.unwrap().into_inner();
    let resume_token = stream.message().await.unwrap().unwrap().resume_token;
    let resumed = wire::WatchProgrammeRequest { resume_token, ..request };
    assert!(world.programmes("alice").watch_programme(resumed.clone()).await.is_ok());

    let mut other = self::world().await;
    // Longer, and yet another one.
    other.approve(&ONE_WAVE.replace("min_success: 0.8", "min_success: 0.7")).await;
    other.until("2031-06-02T08:00:30Z").await;
    let refused = other.programmes("alice").watch_programme(resumed).await.map(drop);
    assert_eq!(reason(refused), (Code::FailedPrecondition, "JOURNAL_REWOUND".to_owned()));
}

#[tokio::test]
async fn the_calendar_says_which_windows_open_and_what_became_of_due_moments() {
    let mut world = world().await;
    let frozen = "TPP: {mode: push, freezes: [{first: 2031-05-30, last: 2031-06-02, why: new version}, \
                  {first: 2031-07-01, last: 2031-07-02, why: after the wave}]}";
    let document = ONE_WAVE.replace("TPP: { mode: push }", frozen);
    assert_ne!(document, ONE_WAVE);
    world.approve(&document).await;
    let freeze = wire::UpdateCalendarRequest {
        freezes: vec![wire::Freeze {
            from: "2031-06-03".to_owned(),
            to: "2031-06-03".to_owned(),
            reason: "release week".to_owned(),
        }],
        replace_freezes: true,
        request_id: world.request_id(),
        ..Default::default()
    };
    world.calendar().update_calendar(freeze).await.unwrap();
    let windows = wire::ListOpenWindowsRequest {
        programme: PROGRAMME.to_owned(),
        from: "2031-06-01".to_owned(),
        to: "2031-06-30".to_owned(),
        min_position: 0,
    };
    let windows = world.calendar().list_open_windows(windows).await.unwrap().into_inner();
    assert_eq!(windows.windows.iter().map(|window| window.date.as_str()).collect::<Vec<_>>(), ["2031-06-02"]);
    assert_eq!(
        (windows.closed_days[0].date.as_str(), windows.closed_days[0].reason.as_str()),
        ("2031-06-03", "FREEZE")
    );
    // The second one lies on no day of the wave.
    let days = wire::Freeze { from: "2031-05-30".into(), to: "2031-06-02".into(), reason: "new version".into() };
    let waves = vec![format!("{PROGRAMME}/waves/1")];
    let freeze = wire::SupplierFreeze { supplier: "TPP".into(), freeze: Some(days), waves };
    assert_eq!(windows.supplier_freezes, [freeze]);
    let calendar = world.calendar().get_calendar(wire::GetCalendarRequest::default()).await.unwrap().into_inner();
    assert_eq!(calendar.calendar.unwrap().known_until, "2031-12-26");
    world.until("2031-06-02T09:00:00Z").await;
    let due = wire::ListDueMomentsRequest { programme: PROGRAMME.to_owned(), ..Default::default() };
    let due = world.calendar().list_due_moments(due).await.unwrap().into_inner().moments;
    let opened = due.iter().find(|due| due.kind == "WINDOW_OPENS").unwrap();
    assert_eq!(opened.outcome(), wire::DueOutcome::Started);
}

/// What was sealed in it settles, and it comes to its own gate (rule 7), which somebody may have to decide.
#[tokio::test]
async fn a_wave_that_a_later_plan_left_out_is_listed_until_it_has_ended() {
    let mut world = world().await;
    world.approve(ONE_WAVE).await;
    world.until("2031-06-02T12:00:00Z").await;
    let specification =
        ONE_WAVE.replace("wave: 1, title: Everybody", "wave: 2, title: Others").replace("06-03", "06-24");
    let specification = specification.replace("06-02", "06-23");
    let request_id = world.request_id();
    let update =
        wire::UpdateProgrammeRequest { name: PROGRAMME.to_owned(), specification, request_id, ..Default::default() };
    world.programmes("alice").update_programme(update).await.unwrap();
    world.approve_latest().await;

    let names = |waves: &[wire::Wave]| waves.iter().map(|wave| wave.name.clone()).collect::<Vec<_>>();
    let (first, second) = (format!("{PROGRAMME}/waves/1"), format!("{PROGRAMME}/waves/2"));
    assert_eq!(names(&world.waves().await), [first.clone(), second.clone()]);
    world.until("2031-06-06T12:00:00Z").await;
    assert_eq!(names(&world.waves().await), [second]);
    let all = wire::ListWavesRequest { parent: PROGRAMME.to_owned(), show_superseded: true, ..Default::default() };
    let all = world.programmes("alice").list_waves(all).await.unwrap().into_inner().waves;
    assert_eq!((&all[0].name, all[0].state()), (&first, wire::WaveState::Closed));
}

#[tokio::test]
async fn lists_page_and_unknown_things_are_said_to_be_unknown() {
    let mut world = world().await;
    world.approve(ONE_WAVE).await;
    let mut request = wire::ListEnrolmentsRequest {
        parent: "programmes/spring/waves/-".to_owned(),
        page_size: 3,
        ..Default::default()
    };
    let first = world.enrolments().list_enrolments(request.clone()).await.unwrap().into_inner();
    request.page_token = first.next_page_token;
    let second = world.enrolments().list_enrolments(request.clone()).await.unwrap().into_inner();
    assert_eq!((first.enrolments.len(), second.enrolments.len()), (3, 1));
    assert!(second.next_page_token.is_empty());
    request.filter = "enrolment.sate == \"INVITED\"".to_owned();
    request.page_token.clear();
    let refused = world.enrolments().list_enrolments(request).await;
    assert_eq!(reason(refused), (Code::InvalidArgument, "FILTER_INVALID".to_owned()));

    let unknown = wire::GetWaveRequest { name: format!("{PROGRAMME}/waves/9"), ..Default::default() };
    assert_eq!(reason(world.programmes("alice").get_wave(unknown).await).0, Code::NotFound);
    let unknown = wire::ExplainPracticeRequest { practice: "practices/Z99999".to_owned(), ..Default::default() };
    assert_eq!(reason(world.enrolments().explain_practice(unknown).await).0, Code::NotFound);
    let malformed = wire::GetWaveRequest { name: "spring/3".to_owned(), ..Default::default() };
    assert_eq!(reason(world.programmes("alice").get_wave(malformed).await).0, Code::InvalidArgument);
}

//! Concerns: reported by whoever notices, kept without a patient in them, and counted at the gate.

use proto::scheduler::v1 as wire;
use proto::scheduler::v1::report_concern_request::About;
use tonic::Code;

use crate::acts::{ONE_WAVE, prompt, reason};
use crate::files::surgeries;
use crate::world::{Setup, World};

const WAVE: &str = "programmes/spring/waves/1";

/// One wave, at whose gate one concern that is significant or worse is too many.
async fn world() -> World {
    let mut world = World::new(Setup::new(surgeries(81_001, 4, "EMIS"), vec![prompt("EMIS")])).await;
    let guarded = ONE_WAVE.replace("min_success: 0.8", "concerns: {significant: 0}, min_success: 0.8");
    assert_ne!(guarded, ONE_WAVE);
    world.approve(&guarded).await;
    world
}

fn about(about: About) -> wire::ReportConcernRequest {
    wire::ReportConcernRequest {
        severity: wire::ConcernSeverity::Considerable.into(),
        about: Some(about),
        reason_code: "WRONG_RECORD_SHOWN".to_owned(),
        request_id: "c-1".to_owned(),
        note: "a patient saw somebody else's results".to_owned(),
        ..Default::default()
    }
}

#[tokio::test]
async fn a_concern_about_a_practice_fails_the_gate_of_its_wave() {
    let mut world = world().await;
    world.until("2031-06-02T10:00:00Z").await;
    let request = about(About::Practice("practices/A81002".to_owned()));
    let dry = wire::ReportConcernRequest { dry_run: true, request_id: "c-0".to_owned(), ..request.clone() };
    let dry = world.holds("eve;roles=practice").report_concern(dry).await.unwrap().into_inner().concern.unwrap();
    let position = world.position();
    let reported = world.holds("eve;roles=practice").report_concern(request.clone()).await.unwrap().into_inner();
    let again = world.holds("eve;roles=practice").report_concern(request).await.unwrap().into_inner();
    assert_eq!((reported.position, &again), (position + 1, &reported));
    let concern = reported.concern.unwrap();
    assert_eq!((&dry.waves, &concern.waves), (&vec![WAVE.to_owned()], &vec![WAVE.to_owned()]));
    assert_eq!((concern.name.as_str(), concern.about.as_str()), ("concerns/1", "practices/A81002"));
    assert_eq!((concern.reported_by.as_str(), concern.severity()), ("eve", wire::ConcernSeverity::Considerable));

    world.until("2031-06-20T10:00:00Z").await;
    let gate = world.wave(1).await.gate.unwrap();
    assert_eq!(gate.verdict(), wire::GateVerdict::Fail);
    let kinds: Vec<_> = gate.conditions.iter().map(|one| (one.kind(), one.verdict(), one.count)).collect();
    let live = (wire::GateConditionKind::Live, wire::GateVerdict::Pass, 4);
    assert_eq!(kinds, [live, (wire::GateConditionKind::Concerns, wire::GateVerdict::Fail, 1)]);
    assert!(gate.evidence.iter().any(|one| one == "concerns that are significant or worse: 1; allowed: 0"), "{gate:?}");

    let list = wire::ListConcernsRequest { wave: WAVE.to_owned(), ..Default::default() };
    let listed = world.holds("bob").list_concerns(list).await.unwrap().into_inner().concerns;
    assert_eq!(listed, [concern]);
    // The gate is behind: it is kept, and counts nowhere.
    let late = wire::ReportConcernRequest { request_id: "c-2".to_owned(), ..about(About::Wave(WAVE.to_owned())) };
    let late = world.holds("carol").report_concern(late).await.unwrap().into_inner().concern.unwrap();
    assert_eq!((late.name.as_str(), late.waves.len()), ("concerns/2", 0));
}

/// Rule 16.
#[tokio::test]
async fn a_concern_names_no_patient_and_something_that_there_is() {
    let world = world().await;
    let position = world.position();
    let good = about(About::Wave(WAVE.to_owned()));
    for (wrong, code, named) in [
        (
            wire::ReportConcernRequest { note: "patient 943 476 5919 called".to_owned(), ..good.clone() },
            Code::InvalidArgument,
            "NHS_NUMBER_IN_TEXT",
        ),
        (wire::ReportConcernRequest { severity: 0, ..good.clone() }, Code::InvalidArgument, "FIELD_REQUIRED"),
        (wire::ReportConcernRequest { about: None, ..good.clone() }, Code::InvalidArgument, "FIELD_REQUIRED"),
        (about(About::Wave("programmes/spring/waves/9".to_owned())), Code::NotFound, "WAVE_NOT_FOUND"),
        (about(About::Practice("practices/Z99999".to_owned())), Code::NotFound, "PRACTICE_NOT_FOUND"),
    ] {
        assert_eq!(reason(world.holds("carol").report_concern(wrong).await), (code, named.to_owned()));
    }
    let nobody = world.holds("ann;roles=statistician").report_concern(good).await;
    assert_eq!(reason(nobody).0, Code::PermissionDenied);
    assert_eq!(world.position(), position);
}

//! What a programme demands that practices have ready, and what is told of them besides: by the real registry.

use proto::registry::v1 as registry;
use proto::scheduler::v1 as wire;

use crate::acts::{ONE_WAVE, PROGRAMME, prompt, reason};
use crate::files::surgeries;
use crate::world::{Setup, World};

/// One item of the catalogue, and one of the programme's own.
const TEMPLATE: &str = "\
readiness:
  staff-training: { valid_for_days: 365 }
  imaging-review: { title: Review of images, description: Images have been looked through., usual_owner: clinical lead }
";

async fn world() -> World {
    World::new(Setup::new(surgeries(81_001, 3, "EMIS"), vec![prompt("EMIS"), prompt("TPP")])).await
}

impl World {
    async fn complete(&mut self, practice: &str, item: &str) -> Result<(), tonic::Status> {
        let done = registry::ReadinessItem {
            item: item.to_owned(),
            state: registry::ReadinessState::Complete.into(),
            evidence: "minutes of May".to_owned(),
            ..Default::default()
        };
        let request = registry::UpdateReadinessRequest {
            name: format!("practices/{practice}"),
            items: vec![done],
            request_id: self.request_id(),
            ..Default::default()
        };
        self.practices().update_readiness(request).await.map(drop)
    }

    async fn lacks(&self, practice: &str) -> Vec<String> {
        let blockers = self.explain(practice).await.blockers;
        let lacking = blockers.into_iter().filter(|blocker| blocker.code == "NOT_READY");
        lacking.map(|blocker| format!("{}: {}", blocker.owner, blocker.clears_by)).collect()
    }
}

#[tokio::test]
async fn a_template_keeps_back_whoever_lacks_an_item_and_its_own_items_can_be_recorded_once_it_is_in_force() {
    let mut world = world().await;
    assert_eq!(reason(world.complete("A81001", "imaging-review").await).1, "READINESS_ITEM_UNKNOWN");
    world.approve(&format!("{ONE_WAVE}{TEMPLATE}")).await;
    world.until("2031-05-07T08:00:00Z").await;
    let items = registry::ListReadinessItemsRequest::default();
    let items = world.practices().list_readiness_items(items).await.unwrap().into_inner().items;
    let own = items.last().unwrap();
    assert_eq!((own.item.as_str(), own.declared_by.as_str()), ("imaging-review", PROGRAMME));

    for item in ["staff-training", "imaging-review"] {
        world.complete("A81001", item).await.unwrap();
    }
    world.complete("A81002", "staff-training").await.unwrap();
    world.until("2031-06-02T08:00:00Z").await;
    assert_eq!((world.live_count().await, world.is_live("A81001").await), (1, true));
    assert_eq!(world.lacks("A81002").await, ["practices/A81002: The practice completes imaging-review."]);
    assert_eq!(world.lacks("A81003").await.len(), 2);

    world.complete("A81002", "imaging-review").await.unwrap();
    world.until("2031-06-02T08:00:01Z").await;
    assert!(world.is_live("A81002").await, "what clears it does");
}

#[tokio::test]
async fn a_template_with_a_misspelt_item_is_refused_with_its_field() {
    let mut world = world().await;
    let request = wire::CreateProgrammeRequest {
        programme_id: "spring".to_owned(),
        specification: format!("{ONE_WAVE}{}", TEMPLATE.replace("staff-training", "staff-trianing")),
        request_id: world.request_id(),
        ..Default::default()
    };
    let refused = world.programmes("alice").create_programme(request).await.unwrap_err();
    assert!(format!("{refused:?}").contains("readiness.staff-trianing"), "{refused:?}");
}

/// Only pauses and holds stop a go-live.
#[tokio::test]
async fn advice_to_wait_is_told_for_information_and_stops_nothing() {
    let mut world = world().await;
    world.approve(ONE_WAVE).await;
    let advice = registry::RecordAdviceRequest {
        name: "practices/A81001".to_owned(),
        kind: registry::AdviceKind::Wait.into(),
        source: "organisations/QHM".to_owned(),
        evidence: "minutes of May".to_owned(),
        review_on: "2031-07-01".to_owned(),
        request_id: world.request_id(),
        ..Default::default()
    };
    world.practices().record_advice(advice).await.unwrap();
    world.until("2031-05-07T08:00:00Z").await;
    let told = world.explain("A81001").await.information;
    let told: Vec<_> = told.iter().map(|one| (one.code.as_str(), one.resource.as_str())).collect();
    assert_eq!(told, [("ADVICE_TO_WAIT", "practices/A81001/advice/1")]);
    world.until("2031-06-02T08:00:00Z").await;
    assert_eq!(world.live_count().await, 3);
}

/// Two programmes with two capabilities over the same practices at once: a pause of one leaves the other.
#[tokio::test]
async fn two_programmes_with_two_capabilities_go_their_own_ways_over_the_same_practices() {
    let historic = "capabilities/historic-records";
    let mut world = world().await;
    world.approve(ONE_WAVE).await;
    let other = ONE_WAVE.replace("name: spring", &format!("name: autumn\ncapability: {historic}"));
    let create = wire::CreateProgrammeRequest {
        programme_id: "autumn".to_owned(),
        specification: other,
        request_id: world.request_id(),
        ..Default::default()
    };
    world.programmes("alice").create_programme(create).await.unwrap();
    let name = "programmes/autumn".to_owned();
    let submit = wire::SubmitPlanRequest { name, request_id: world.request_id(), ..Default::default() };
    let plan = world.programmes("alice").submit_plan(submit).await.unwrap().into_inner().plan.unwrap();
    let approve = wire::ApprovePlanRequest {
        name: plan.name,
        plan_hash: plan.plan_hash,
        request_id: world.request_id(),
        ..Default::default()
    };
    world.programmes("bob").approve_plan(approve).await.unwrap();
    world.give_notice("programmes/autumn/waves/1").await;

    for (practice, capability) in [("A81001", historic), ("A81002", "capabilities/prospective-records")] {
        let pause = registry::PausePracticeRequest {
            name: format!("practices/{practice}"),
            capability: capability.to_owned(),
            end: registry::PauseEnd::FurtherNotice.into(),
            request_id: world.request_id(),
            ..Default::default()
        };
        world.practice_itself(practice).pause_practice(pause).await.unwrap();
    }
    world.until("2031-06-02T09:00:00Z").await;
    let mut live = Vec::new();
    for practice in ["A81001", "A81002", "A81003"] {
        for capability in ["", historic] {
            let check = registry::CheckAccessRequest {
                ods_code: practice.to_owned(),
                capability: capability.to_owned(),
                ..Default::default()
            };
            live.push(world.practices().check_access(check).await.unwrap().into_inner().live);
        }
    }
    assert_eq!(live, [true, false, false, true, true, true]);
    let explain = wire::ExplainPracticeRequest {
        practice: "practices/A81001".to_owned(),
        capability: historic.to_owned(),
        ..Default::default()
    };
    let explained = world.enrolments().explain_practice(explain).await.unwrap().into_inner();
    assert_eq!(explained.blockers[0].code, "PAUSED_BY_PRACTICE");
    assert!(explained.enrolment.unwrap().name.starts_with("programmes/autumn/"));
}

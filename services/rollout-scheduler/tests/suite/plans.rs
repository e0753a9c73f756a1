//! Plans from the document to the last practice, by call: a strategy's waves, who may approve them, who joins too late.

use proto::scheduler::v1 as wire;
use tonic::Code;

use crate::acts::{ONE_WAVE, PROGRAMME, prompt, reason};
use crate::files::{Surgery, surgeries};
use crate::world::{Setup, World};

/// Four practices on Monday 2 June, twelve on the 6th and 9th, then everybody else, six a day.
fn staged() -> String {
    let head = ONE_WAVE.split("gate:").next().unwrap();
    let strategy = "
  first_wave: 1
  from: 2031-06-02
  canary: { practices: 4, days: 1, apart_days: 3 }
  sample: { practices: 12, days: 2, apart_days: 3 }
  rest: { days: 5 }
";
    format!(
        "{head}caps: {{ daily: {{ national: {{ practices: 6 }} }} }}
gate: {{ min_success: 0.8, min_sample: 2, soak: 24h, timeout: 48h }}
suppliers:
  EMIS: {{ mode: push }}
  TPP: {{ mode: push }}
strategy:{strategy}"
    )
}

fn practices() -> Vec<Surgery> {
    let mut practices = surgeries(81_001, 30, "EMIS");
    practices.extend(surgeries(82_001, 10, "TPP"));
    practices
}

async fn world() -> World {
    World::new(Setup::new(practices(), vec![prompt("EMIS"), prompt("TPP")])).await
}

async fn preview(world: &World, request: wire::PreviewPlanRequest) -> wire::PreviewPlanResponse {
    let request = wire::PreviewPlanRequest { name: PROGRAMME.to_owned(), ..request };
    world.programmes("alice").preview_plan(request).await.unwrap().into_inner()
}

async fn submit(world: &mut World) -> wire::Plan {
    let request =
        wire::SubmitPlanRequest { name: PROGRAMME.to_owned(), request_id: world.request_id(), ..Default::default() };
    world.programmes("alice").submit_plan(request).await.unwrap().into_inner().plan.unwrap()
}

async fn approve(world: &mut World, by: &str, plan: &wire::Plan) -> Result<wire::Plan, tonic::Status> {
    let request = wire::ApprovePlanRequest {
        name: plan.name.clone(),
        plan_hash: plan.plan_hash.clone(),
        request_id: world.request_id(),
        ..Default::default()
    };
    Ok(world.programmes(by).approve_plan(request).await?.into_inner().plan.unwrap())
}

async fn tell_everybody(world: &mut World) {
    for wave in world.waves().await {
        world.give_notice(&wave.name).await;
    }
}

#[tokio::test]
async fn a_strategy_is_looked_at_approved_by_somebody_else_and_runs_to_its_end() {
    let mut world = world().await;
    let document = wire::PreviewPlanRequest { specification: staged(), ..Default::default() };
    let shown = preview(&world, document).await;
    let sizes: Vec<i64> = shown.waves.iter().map(|wave| wave.practices_count).collect();
    assert_eq!(sizes, [4, 12, 24]);
    // Three in four are EMIS's, so that four can be just like all of them.
    let distance = |wave: usize| shown.waves[wave].distance_from_england;
    assert_eq!((distance(0).unwrap().suppliers_ten_thousandths, distance(2)), (0, None));
    let difference = shown.difference.unwrap();
    assert_eq!(difference.bearing(), wire::PlanBearing::Widens);
    assert_eq!(difference.added.unwrap().practices_count, 40);
    assert_eq!(difference.added.unwrap().patients_count, shown.patients_count);
    // One network, in three waves.
    assert_eq!((shown.pcns_apart_count, shown.pcns_apart[0].suppliers.len()), (1, 2));

    world.create(&staged()).await;
    let shown = preview(&world, wire::PreviewPlanRequest::default()).await;
    let plan = submit(&mut world).await;
    assert_eq!(plan.plan_hash, shown.plan_hash, "who approves approves what was looked at");
    let own = approve(&mut world, "alice", &plan).await;
    assert_eq!(reason(own), (Code::PermissionDenied, "APPROVER_IS_EDITOR".to_owned()));
    approve(&mut world, "bob", &plan).await.unwrap();
    tell_everybody(&mut world).await;
    world.until("2031-06-02T12:00:00Z").await;
    assert_eq!(world.live_count().await, 4);
    world.until("2031-06-09T12:00:00Z").await;
    assert_eq!(world.live_count().await, 16);
    world.until("2031-07-01T00:00:00Z").await;
    assert_eq!(world.live_count().await, 40);
}

/// Rule 7.
#[tokio::test]
async fn a_plan_that_nobody_approved_never_runs() {
    let mut world = world().await;
    world.create(&staged()).await;
    let plan = submit(&mut world).await;
    world.until("2031-07-01T00:00:00Z").await;
    assert_eq!((world.live_count().await, world.effects()), (0, Vec::new()));
    // By then its days have passed, and nobody was told.
    let late = approve(&mut world, "bob", &plan).await.unwrap_err();
    assert_eq!(late.code(), Code::InvalidArgument, "{late}");
}

/// Rule 7: who joins the cohort after the approval waits for the next version, which widens the one before by just that.
#[tokio::test]
async fn who_joins_late_waits_for_the_next_version() {
    let mut world = world().await;
    world.create(&staged()).await;
    let plan = submit(&mut world).await;
    approve(&mut world, "bob", &plan).await.unwrap();
    tell_everybody(&mut world).await;
    world.until("2031-06-05T12:00:00Z").await;
    let mut all = practices();
    all.extend(surgeries(83_001, 1, "TPP"));
    world.import(&all).await;
    world.until("2031-06-10T12:00:00Z").await;
    let next = preview(&world, wire::PreviewPlanRequest::default()).await;
    let difference = next.difference.unwrap();
    assert_eq!(difference.base_plan_hash, plan.plan_hash);
    assert_eq!(difference.added.unwrap().practices_count, 1);
    assert_eq!(difference.bearing(), wire::PlanBearing::Widens);
    let late: Vec<_> = next.moves.iter().filter(|one| one.practice == "practices/A83001").collect();
    assert_eq!((late.len(), late[0].bearing()), (1, wire::PlanBearing::Widens));
    assert_eq!(world.explain("A83001").await.blockers[0].code, "NOT_IN_PLAN");
    world.until("2031-07-01T00:00:00Z").await;
    assert_eq!((world.live_count().await, world.is_live("A83001").await), (40, false));
}

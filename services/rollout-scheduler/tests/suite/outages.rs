//! A registry that is down, sheds calls or refuses them: what it is yet to be told waits, and nothing else does.

use jiff::SignedDuration;
use proto::registry::v1::{GetPracticeRequest, ObservationSource, ObservedState, Pause, PauseEnd, PauseOutcome};
use proto::scheduler::v1 as wire;
use proto::scheduler::v1::hold_scope::Scope;
use rollout::state::PauseRef;
use supplier_simulator::{Delay, SupplierProfile};
use tonic::Code;

use crate::acts::{ONE_WAVE, prompt};
use crate::files::surgeries;
use crate::world::{Setup, World};

fn after(supplier: &str, minutes: i64) -> SupplierProfile {
    let delay = SignedDuration::from_mins(minutes);
    SupplierProfile { delay: Delay { min: delay, max: delay }, ..prompt(supplier) }
}

/// Whoever objects by 17:00 on Friday 30 May goes live three weeks later than the others.
fn deferring() -> String {
    ONE_WAVE.replace("until: 2031-06-03 }", "until: 2031-06-03, objections_until: 2031-05-30T17:00, deferred_to: 2 }")
        + "  - { wave: 2, cohort: 'false', from: 2031-06-23, until: 2031-06-24 }\n"
}

async fn world_of_objectors() -> World {
    let mut world = World::new(Setup::new(surgeries(81_001, 3, "EMIS"), vec![prompt("EMIS"), prompt("TPP")])).await;
    world.approve(&deferring()).await;
    world.pause("A81001", PauseEnd::ProgrammeDefault).await;
    world
}

async fn pause_of(world: &World, practice: &str) -> Pause {
    let request = GetPracticeRequest { name: format!("practices/{practice}"), ..Default::default() };
    let practice = world.practices().get_practice(request).await.unwrap().into_inner().practice.unwrap();
    practice.pauses.into_iter().next().unwrap()
}

fn is_told(world: &World) -> bool {
    let state = &world.replicas[0].scheduler.engine().published().state.rollout;
    state.judgements[&PauseRef { practice: "A81001".parse().unwrap(), number: 1 }].told
}

#[tokio::test]
async fn a_judgement_that_was_turned_away_is_told_again() {
    for code in [Code::ResourceExhausted, Code::PermissionDenied, Code::Unauthenticated, Code::FailedPrecondition] {
        let mut world = world_of_objectors().await;
        world.faults.fail("SetPauseOutcome", code);
        world.until("2031-05-30T17:00:00Z").await;
        assert!(!is_told(&world), "{code:?}");
        world.faults.heal();
        world.until("2031-05-30T17:02:00Z").await;
        assert!(is_told(&world), "{code:?}");
        assert_eq!(pause_of(&world, "A81001").await.outcome(), PauseOutcome::InTime);
        world.until("2031-06-23T12:00:00Z").await;
        assert!(world.is_live("A81001").await, "{code:?}: its pause ended with the opening of the later wave");
    }
}

#[tokio::test]
async fn a_judgement_of_a_pause_that_was_lifted_meanwhile_is_told_no_more() {
    let mut world = world_of_objectors().await;
    world.faults.fail("SetPauseOutcome", Code::Unavailable);
    world.until("2031-05-30T17:00:00Z").await;
    world.resume("A81001").await;
    world.faults.heal();
    world.until("2031-05-30T17:02:00Z").await;
    assert!(is_told(&world));
}

#[tokio::test]
async fn i21_a_judgement_that_cannot_be_told_stops_no_wave() {
    let mut world = world_of_objectors().await;
    world.faults.fail("SetPauseOutcome", Code::Unavailable);
    world.until("2031-06-02T08:00:00Z").await;
    assert!(!is_told(&world));
    assert_eq!(world.live_count().await, 2);
}

/// I10: TPP's practices are on and the registry cannot be told; EMIS is still at it when everything is stopped.
#[tokio::test]
async fn a_stop_reaches_the_supplier_while_the_registry_is_down() {
    let both = [surgeries(81_001, 3, "EMIS"), surgeries(82_001, 3, "TPP")].concat();
    let mut world = World::new(Setup::new(both, vec![after("EMIS", 60), after("TPP", 15)])).await;
    world.approve(ONE_WAVE).await;
    world.until("2031-06-02T08:10:00Z").await;
    world.faults.fail("", Code::Unavailable);
    world.until("2031-06-02T08:30:00Z").await;
    let hold = wire::PlaceHoldRequest {
        brake: wire::Brake::Stop.into(),
        scope: Some(wire::HoldScope { scope: Some(Scope::National(true)) }),
        hold_class: wire::HoldClass::Safety.into(),
        ..Default::default()
    };
    world.hold(hold).await;
    world.until("2031-06-02T10:00:00Z").await;
    assert_eq!(world.effects(), ["A82001 ENABLE 1", "A82002 ENABLE 1", "A82003 ENABLE 1"]);
    assert_eq!(world.live_count().await, 0);
    world.faults.heal();
    world.until("2031-06-02T10:02:00Z").await;
    assert_eq!(world.live_count().await, 3, "what was to be told is told");
}

/// The registry was restored without its permits: what took effect all the same is observed, under the command's key.
#[tokio::test]
async fn what_took_effect_without_a_permit_is_told_as_an_observation() {
    let mut world = World::new(Setup::new(surgeries(81_001, 3, "EMIS"), vec![after("EMIS", 60), prompt("TPP")])).await;
    world.approve(ONE_WAVE).await;
    world.until("2031-06-02T07:59:59Z").await;
    let before = world.registry_engine.published().position;
    world.until("2031-06-02T08:30:00Z").await;
    let permits = world.registry_engine.published().position - before;
    assert!(permits > 0);
    world.crash_scheduler().await;
    world.restore_registry(permits).await;
    world.start_scheduler("one").await;
    world.until("2031-06-02T10:00:00Z").await;
    assert_eq!(world.effects().len(), 3);
    for practice in ["A81001", "A81002", "A81003"] {
        let access = world.access(practice).await;
        assert_eq!((access.state(), access.source()), (ObservedState::On, ObservationSource::SupplierConfirmation));
    }
}

//! Holds, stops, and who may lift them.

use jiff::SignedDuration;
use proto::scheduler::v1 as wire;
use proto::scheduler::v1::hold_scope::Scope;
use supplier_simulator::{Delay, SupplierProfile};
use tonic::Code;

use crate::acts::{ONE_WAVE, prompt, reason};
use crate::files::{Surgery, surgeries};
use crate::world::{Setup, World};

fn both() -> Vec<Surgery> {
    [surgeries(81_001, 3, "EMIS"), surgeries(82_001, 3, "TPP")].concat()
}

async fn world_of(emis: SupplierProfile) -> World {
    let mut world = World::new(Setup::new(both(), vec![emis, prompt("TPP")])).await;
    world.approve(ONE_WAVE).await;
    world
}

fn on(scope: Scope, class: wire::HoldClass) -> wire::PlaceHoldRequest {
    wire::PlaceHoldRequest {
        scope: Some(wire::HoldScope { scope: Some(scope) }),
        hold_class: class.into(),
        ..Default::default()
    }
}

fn on_emis() -> wire::PlaceHoldRequest {
    on(Scope::Supplier("suppliers/EMIS".to_owned()), wire::HoldClass::Supplier)
}

async fn lift(world: &mut World, account: &str, hold: &wire::Hold) -> Result<wire::LiftHoldResponse, tonic::Status> {
    let request = wire::LiftHoldRequest {
        name: hold.name.clone(),
        etag: hold.etag.clone(),
        request_id: world.request_id(),
        reason_code: "LOOKED_AT".to_owned(),
        ..Default::default()
    };
    Ok(world.holds(account).lift_hold(request).await?.into_inner())
}

#[tokio::test]
async fn a_hold_withholds_whom_it_covers_and_they_go_on_when_it_is_lifted() {
    let mut world = world_of(prompt("EMIS")).await;
    world.until("2031-06-02T07:59:59Z").await;
    let placed = world.hold(on_emis()).await;
    assert_eq!(placed.affected_count, 3);
    assert_eq!(placed.patients_count, 5_001 + 5_002 + 5_003);
    world.until("2031-06-02T10:00:00Z").await;
    assert_eq!(world.live_count().await, 3);
    assert!(!world.is_live("A81001").await);
    assert!(world.wave(1).await.stuck_reasons.iter().any(|stuck| stuck.contains("holds/1")));
    lift(&mut world, "carol", &placed.hold.unwrap()).await.unwrap();
    world.until("2031-06-02T10:00:01Z").await;
    assert_eq!(world.live_count().await, 6);
}

#[tokio::test]
async fn a_stop_has_the_supplier_close_what_was_sent_and_not_done() {
    let hour = SignedDuration::from_hours(1);
    let slow = SupplierProfile { delay: Delay { min: hour, max: hour }, ..prompt("EMIS") };
    let mut world = world_of(slow).await;
    world.until("2031-06-02T08:30:00Z").await;
    world.hold(wire::PlaceHoldRequest { brake: wire::Brake::Stop.into(), ..on_emis() }).await;
    world.until("2031-06-02T16:00:00Z").await;
    let enabled: Vec<_> = world.effects().into_iter().filter(|effect| effect.contains("ENABLE")).collect();
    assert_eq!(enabled, ["A82001 ENABLE 1", "A82002 ENABLE 1", "A82003 ENABLE 1"]);
    assert_eq!(world.enrolment(1, "A81001").await.state(), wire::EnrolmentState::NotApplied);
}

/// I10.
#[tokio::test]
async fn a_safety_hold_takes_two_people_to_lift() {
    let mut world = world_of(prompt("EMIS")).await;
    let hold = world.hold(on(Scope::National(true), wire::HoldClass::Safety)).await.hold.unwrap();
    let asked = lift(&mut world, "carol", &hold).await.unwrap();
    let waiting = asked.hold.unwrap();
    assert_eq!(waiting.state(), wire::HoldState::AwaitingSecondPerson);
    assert!(asked.second_person_until.is_some());
    let (code, _) = reason(lift(&mut world, "carol", &waiting).await);
    assert_eq!(code, Code::PermissionDenied);
    let (code, _) = reason(lift(&mut world, "dave", &hold).await);
    assert_eq!(code, Code::Aborted);
    let lifted = lift(&mut world, "dave", &waiting).await.unwrap().hold.unwrap();
    assert_eq!((lifted.state(), lifted.lifted_by.as_str()), (wire::HoldState::Lifted, "dave"));
}

/// I11.
#[tokio::test]
async fn lifting_one_hold_leaves_the_others() {
    let mut world = world_of(prompt("EMIS")).await;
    world.hold(on(Scope::Practice("practices/A81001".to_owned()), wire::HoldClass::Legal)).await;
    let wide = world.hold(on_emis()).await.hold.unwrap();
    lift(&mut world, "carol", &wide).await.unwrap();
    world.until("2031-06-02T10:00:00Z").await;
    assert!(!world.is_live("A81001").await);
    assert_eq!(world.live_count().await, 5);
    let request = wire::ListHoldsRequest::default();
    let holds = world.holds("alice").list_holds(request).await.unwrap().into_inner().holds;
    assert_eq!(holds.iter().map(|hold| hold.name.as_str()).collect::<Vec<_>>(), ["holds/1"]);
}

#[tokio::test]
async fn i23_a_selection_is_held_as_confirmed_or_not_at_all() {
    let mut world = world_of(prompt("EMIS")).await;
    let selection = wire::Selection { filter: "practice.list_size > 5001".to_owned(), practices: Vec::new() };
    let request = on(Scope::Selection(selection), wire::HoldClass::Capacity);
    let dry = world.hold(wire::PlaceHoldRequest { dry_run: true, ..request.clone() }).await;
    assert_eq!(dry.affected_count, 4);
    let confirmed = wire::PlaceHoldRequest {
        confirm_count: dry.affected_count,
        confirm_hash: dry.affected_hash,
        request_id: world.request_id(),
        reason_code: "TEST".to_owned(),
        ..request
    };
    let unconfirmed = wire::PlaceHoldRequest { confirm_count: 0, confirm_hash: String::new(), ..confirmed.clone() };
    let refused = world.holds("carol").place_hold(unconfirmed).await;
    assert_eq!(reason(refused), (Code::InvalidArgument, "CONFIRMATION_REQUIRED".to_owned()));
    let wrong = wire::PlaceHoldRequest { confirm_count: 3, request_id: "other".to_owned(), ..confirmed.clone() };
    let refused = world.holds("carol").place_hold(wrong).await;
    assert_eq!(reason(refused), (Code::Aborted, "SELECTION_CHANGED".to_owned()));
    let first = world.holds("carol").place_hold(confirmed.clone()).await.unwrap().into_inner();
    world.until("2031-06-02T10:00:00Z").await;
    assert_eq!(world.live_count().await, 2);
    // A replay gets the first reply, also when the filter selects others by now.
    world.import(&surgeries(81_007, 1, "EMIS")).await;
    world.until("2031-06-02T10:01:00Z").await;
    let again = wire::PlaceHoldRequest { request_id: "another".to_owned(), ..confirmed.clone() };
    let refused = world.holds("carol").place_hold(again).await;
    assert_eq!(reason(refused), (Code::Aborted, "SELECTION_CHANGED".to_owned()));
    assert_eq!(world.holds("carol").place_hold(confirmed).await.unwrap().into_inner(), first);
}

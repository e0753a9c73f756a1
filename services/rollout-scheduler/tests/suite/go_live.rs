//! A wave goes live by itself, and what a practice's own decision does to it.

use jiff::SignedDuration;
use proto::registry::v1::{ObservedState, PauseEnd, ReceiptState};
use proto::scheduler::v1 as wire;
use supplier_simulator::{Delay, SupplierProfile};

use crate::acts::{ONE_WAVE, prompt};
use crate::files::surgeries;
use crate::world::{Setup, World};

async fn world_of(profile: SupplierProfile) -> World {
    let mut world = World::new(Setup::new(surgeries(81_001, 5, "EMIS"), vec![profile, prompt("TPP")])).await;
    world.approve(ONE_WAVE).await;
    world
}

fn slow() -> SupplierProfile {
    let hour = SignedDuration::from_hours(1);
    SupplierProfile { delay: Delay { min: hour, max: hour }, ..prompt("EMIS") }
}

#[tokio::test]
async fn a_wave_goes_live_by_itself_when_its_window_opens() {
    let mut world = world_of(prompt("EMIS")).await;
    world.until("2031-06-02T07:59:59.999999Z").await;
    assert_eq!(world.live_count().await, 0);
    assert_eq!(world.wave(1).await.state(), wire::WaveState::Notice);
    world.until("2031-06-02T08:00:00Z").await;
    assert_eq!(world.live_count().await, 5);
    assert_eq!(world.effects().len(), 5);
    assert_eq!(world.enrolment(1, "A81001").await.state(), wire::EnrolmentState::Verified);
    assert!(world.explain("A81001").await.live);
    world.until("2031-06-30T08:00:00Z").await;
    let wave = world.wave(1).await;
    assert_eq!(wave.state(), wire::WaveState::Closed);
    assert_eq!(wave.gate.unwrap().verdict(), wire::GateVerdict::Pass);
}

#[tokio::test]
async fn a_pause_before_the_permit_withholds_its_practice_and_no_other() {
    let mut world = world_of(prompt("EMIS")).await;
    world.until("2031-06-02T07:59:59Z").await;
    let receipt = world.pause("A81003", PauseEnd::FurtherNotice).await;
    assert_eq!(receipt.state(), ReceiptState::Prevented);
    world.until("2031-06-02T09:00:00Z").await;
    assert_eq!(world.live_count().await, 4);
    assert!(!world.is_live("A81003").await);
    let blockers = world.explain("A81003").await.blockers;
    assert!(blockers.iter().any(|blocker| blocker.code == "PAUSED_BY_PRACTICE"), "{blockers:?}");
}

/// I4.
#[tokio::test]
async fn a_pause_while_its_permit_is_open_is_reversed_exactly_once() {
    let mut world = world_of(slow()).await;
    world.until("2031-06-02T08:30:00Z").await;
    let receipt = world.pause("A81003", PauseEnd::FurtherNotice).await;
    assert_eq!(receipt.state(), ReceiptState::Pending);
    world.until("2031-06-02T12:00:00Z").await;
    assert_eq!(world.receipt(&receipt).await, ReceiptState::Reversed);
    assert_eq!(world.live_count().await, 4);
    let of_the_practice: Vec<_> = world.effects().into_iter().filter(|effect| effect.starts_with("A81003")).collect();
    assert_eq!(of_the_practice, ["A81003 ENABLE 1", "A81003 DISABLE 2"]);
}

#[tokio::test]
async fn a_practice_that_asks_for_it_is_switched_off_outside_any_window() {
    let mut world = world_of(prompt("EMIS")).await;
    // A Saturday night.
    world.until("2031-06-07T23:00:00Z").await;
    world.switch_off("A81002").await;
    world.until("2031-06-07T23:00:01Z").await;
    assert_eq!(world.access("A81002").await.state(), ObservedState::Off);
    assert_eq!(world.live_count().await, 4);
    assert_eq!(world.effects().last().unwrap(), "A81002 DISABLE 2");
}

#[tokio::test]
async fn nobody_goes_live_without_notice() {
    let mut world = World::new(Setup::new(surgeries(81_001, 3, "EMIS"), vec![prompt("EMIS"), prompt("TPP")])).await;
    world.create(ONE_WAVE).await;
    world.approve_latest().await;
    world.until("2031-06-04T00:00:00Z").await;
    assert_eq!(world.effects(), Vec::<String>::new());
    assert_eq!(world.enrolment(1, "A81001").await.reason, "NOTICE_NOT_DELIVERED");
}

#[tokio::test]
async fn i28_access_that_is_observed_off_shows_as_drift_and_is_never_switched_on_again_by_itself() {
    let mut world = world_of(prompt("EMIS")).await;
    world.until("2031-06-02T09:00:00Z").await;
    assert_eq!(world.enrolment(1, "A81002").await.state(), wire::EnrolmentState::Verified);
    let effects = world.effects();
    world.look("A81002", ObservedState::Off).await;
    world.until("2031-06-02T15:59:00Z").await;
    assert!(!world.is_live("A81002").await);
    let blockers = world.explain("A81002").await.blockers;
    let codes: Vec<_> = blockers.iter().map(|blocker| blocker.code.as_str()).collect();
    assert_eq!(codes, ["DRIFTED"]);
    assert_eq!(world.effects(), effects, "nothing was sent although the window was open all day");
    assert_eq!(world.drifted().await, [("A81002".to_owned(), "OFF".to_owned())]);
    world.look("A81002", ObservedState::On).await;
    world.until("2031-06-02T16:30:00Z").await;
    assert_eq!(world.drifted().await, []);
}

/// I4, rule 8.
#[tokio::test]
async fn a_paused_practice_that_goes_live_by_itself_shows_as_drift_and_is_not_switched_off() {
    let mut world = world_of(prompt("EMIS")).await;
    world.until("2031-06-02T07:59:59Z").await;
    world.pause("A81003", PauseEnd::FurtherNotice).await;
    world.until("2031-06-02T09:00:00Z").await;
    assert_eq!(world.enrolment(1, "A81003").await.state(), wire::EnrolmentState::Withdrawn);
    let effects = world.effects();
    world.look("A81003", ObservedState::On).await;
    world.until("2031-06-02T12:00:00Z").await;
    assert_eq!(world.drifted().await, [("A81003".to_owned(), "ON".to_owned())]);
    assert_eq!(world.effects(), effects);
}

/// A pause that came too late for a practice is no drift, whoever looks again.
#[tokio::test]
async fn who_was_on_before_its_pause_has_not_drifted() {
    let mut world = world_of(prompt("EMIS")).await;
    world.until("2031-06-02T07:00:00Z").await;
    world.look("A81003", ObservedState::On).await;
    world.pause("A81003", PauseEnd::FurtherNotice).await;
    world.until("2031-06-02T09:00:00Z").await;
    world.look("A81003", ObservedState::On).await;
    world.until("2031-06-02T12:00:00Z").await;
    assert!(world.is_live("A81003").await);
    assert_eq!(world.drifted().await, []);
}

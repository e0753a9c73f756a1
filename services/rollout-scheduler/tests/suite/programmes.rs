//! Two programmes for two capabilities over the same practices.

use jiff::SignedDuration;
use proto::registry::v1::{PauseEnd, ReceiptState};
use supplier_simulator::{Delay, SupplierProfile};

use crate::acts::{ONE_WAVE, prompt};
use crate::files::surgeries;
use crate::world::{Setup, World};

const HISTORIC: &str = "capabilities/historic-records";

/// Both switch everybody on at nine on 2 June, and the supplier takes an hour for each.
async fn world() -> World {
    let hour = SignedDuration::from_hours(1);
    let slow = SupplierProfile { delay: Delay { min: hour, max: hour }, ..prompt("EMIS") };
    let mut world = World::new(Setup::new(surgeries(81_001, 3, "EMIS"), vec![slow, prompt("TPP")])).await;
    world.approve(ONE_WAVE).await;
    world.approve(&ONE_WAVE.replace("name: spring", &format!("name: summer\ncapability: {HISTORIC}"))).await;
    world.until("2031-06-02T08:30:00Z").await;
    world
}

/// What took effect at a practice, by capability, in order.
fn effects_at(world: &World, practice: &str) -> Vec<String> {
    let effects = world.simulator.effects().into_iter().filter(|effect| effect.practice.to_string() == practice);
    let mut texts: Vec<String> =
        effects.map(|effect| format!("{} {:?} {:?}", effect.capability, effect.direction, effect.generation)).collect();
    texts.sort();
    texts
}

/// I4.
#[tokio::test]
async fn a_pause_of_both_capabilities_reverses_both() {
    let mut world = world().await;
    let receipt = world.pause("A81002", PauseEnd::FurtherNotice).await;
    assert_eq!(receipt.state(), ReceiptState::Pending);
    assert_eq!(receipt.parts.iter().filter(|part| part.state() == ReceiptState::Pending).count(), 2);
    world.until("2031-06-02T12:00:00Z").await;
    assert_eq!(
        effects_at(&world, "A81002"),
        [
            "capabilities/historic-records Disable Some(2)",
            "capabilities/historic-records Enable Some(1)",
            "capabilities/prospective-records Disable Some(2)",
            "capabilities/prospective-records Enable Some(1)",
        ]
    );
    assert_eq!(world.receipt(&receipt).await, ReceiptState::Reversed);
    assert_eq!(effects_at(&world, "A81001").len(), 2);
}

#[tokio::test]
async fn a_pause_of_one_capability_leaves_the_other_on() {
    let mut world = world().await;
    let receipt = world.pause_of(HISTORIC, "A81002", PauseEnd::FurtherNotice).await;
    world.until("2031-06-02T12:00:00Z").await;
    assert_eq!(
        effects_at(&world, "A81002"),
        [
            "capabilities/historic-records Disable Some(2)",
            "capabilities/historic-records Enable Some(1)",
            "capabilities/prospective-records Enable Some(1)",
        ]
    );
    assert_eq!(world.receipt(&receipt).await, ReceiptState::Reversed);
    assert!(world.is_live("A81002").await);
}

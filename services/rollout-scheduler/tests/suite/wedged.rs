//! Brakes while planning is wedged: a look at everything that does not end.

use std::sync::{Condvar, Mutex};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use proto::scheduler::v1 as wire;
use proto::scheduler::v1::hold_scope::Scope;
use rollout::{Command, RegistryView, Report, State};
use rollout_scheduler::Planning;
use supplier_simulator::{Delay, SupplierProfile};

use crate::acts::{ONE_WAVE, prompt};
use crate::files::surgeries;
use crate::world::{Setup, World};

/// Whether looks end; asked by the one world of this file.
static IS_WEDGED: Mutex<bool> = Mutex::new(false);
static FREED: Condvar = Condvar::new();

fn look(state: &State, view: &RegistryView, now: Timestamp) -> (Vec<Command>, Report) {
    drop(FREED.wait_while(IS_WEDGED.lock().unwrap(), |is_wedged| *is_wedged).unwrap());
    rollout::step(state, view, now)
}

/// No look ends before this is dropped, also where the test fails.
struct Wedge;

impl Wedge {
    fn driven() -> Self {
        *IS_WEDGED.lock().unwrap() = true;
        Self
    }
}

impl Drop for Wedge {
    fn drop(&mut self) {
        *IS_WEDGED.lock().unwrap() = false;
        FREED.notify_all();
    }
}

#[tokio::test]
async fn i10_one_person_stops_everybody_while_planning_is_wedged() {
    let hour = SignedDuration::from_hours(1);
    let slow = SupplierProfile { delay: Delay { min: hour, max: hour }, ..prompt("EMIS") };
    let setup = Setup::new(surgeries(81_001, 3, "EMIS"), vec![slow, prompt("TPP")]);
    let planning = Planning { look, look_time_max: Duration::from_millis(50) };
    let mut world = World::new(Setup { planning, ..setup }).await;
    world.approve(ONE_WAVE).await;
    world.until("2031-06-02T08:30:00Z").await;
    assert_eq!(world.enrolment(1, "A81001").await.state(), wire::EnrolmentState::Commanded);
    let wedge = Wedge::driven();
    let national = wire::PlaceHoldRequest {
        scope: Some(wire::HoldScope { scope: Some(Scope::National(true)) }),
        hold_class: wire::HoldClass::Capacity.into(),
        brake: wire::Brake::Stop.into(),
        ..Default::default()
    };
    world.hold(national).await;
    world.until("2031-06-02T16:00:00Z").await;
    assert_eq!(world.effects(), [] as [String; 0], "what was sent was called back");
    assert_eq!(world.enrolment(1, "A81001").await.state(), wire::EnrolmentState::NotApplied);
    // What only a look brings about waits for one that ends.
    world.until("2031-06-09T16:00:00Z").await;
    let state = world.wave(1).await.state();
    assert_eq!(state, wire::WaveState::Open);
    drop(wedge);
    world.until("2031-06-10T16:00:00Z").await;
    assert_ne!(world.wave(1).await.state(), state);
}

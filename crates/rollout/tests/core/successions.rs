//! Practices that others have succeeded: nothing is triggered under their codes (rule 9).

use rollout::state::{EnrolmentStage, Supersession, WaveStage};
use rollout::{Blocker, Observed, explain};

use crate::world::{Behaviour, World, code, moment, one_wave, supplier, target, wave};

/// The registry says that practice 2 has succeeded practice 1.
fn succeed(world: &mut World) {
    world.registry.change(code(1), |facts| {
        facts.open = false;
        facts.successors = vec![code(2)];
    });
    world.settle();
}

fn stage(world: &World, number: u32) -> EnrolmentStage {
    world.state.wave(&wave(1)).unwrap().enrolment(code(number)).unwrap().stage.clone()
}

fn superseded() -> EnrolmentStage {
    EnrolmentStage::Superseded { reason: Supersession::Succeeded { by: vec![code(2)] } }
}

#[test]
fn a_predecessor_is_superseded_as_soon_as_the_registry_says_so_and_is_never_switched_on() {
    let mut world = World::running(12, &one_wave(""));
    assert_eq!(world.stage(1), WaveStage::Notice);
    succeed(&mut world);
    assert_eq!(stage(&world, 1), superseded());
    assert_eq!(world.stage(1), WaveStage::Notice, "before the wave's members are settled");
    world.run_until("2031-05-06T12:00:00Z");
    assert_eq!(world.count_on(), 11);
    assert!(!world.is_on(code(1)));
}

#[test]
fn a_command_under_way_under_a_closed_code_settles_as_any_other() {
    let mut world = World::running(12, &one_wave(""));
    for name in ["EMIS", "TPP"] {
        let slowly = Behaviour::AppliesAfter(jiff::SignedDuration::from_hours(2));
        world.suppliers.insert(supplier(name), slowly);
    }
    world.run_until("2031-05-06T07:30:00Z");
    assert_eq!(stage(&world, 1), EnrolmentStage::Commanded);
    succeed(&mut world);
    assert_eq!(stage(&world, 1), EnrolmentStage::Commanded);
    world.run_until("2031-05-06T12:00:00Z");
    assert!(matches!(stage(&world, 1), EnrolmentStage::Confirmed | EnrolmentStage::Verified));
}

#[test]
fn the_explanation_names_the_successor() {
    let mut world = World::running(12, &one_wave(""));
    succeed(&mut world);
    let explained = explain(&world.state, &world.registry.view, &target(code(1)), moment("2031-04-02T08:00:00Z"));
    let told = explained.blockers.iter().find(|blocker| matches!(blocker, Blocker::Succeeded { .. })).unwrap();
    assert_eq!(told.to_string(), format!("practices/{} is succeeded by practices/{}", code(1), code(2)));
    assert_eq!(explained.observed, Observed::Unknown);
}

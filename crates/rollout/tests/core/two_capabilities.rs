//! Two programmes with two capabilities over the same practices at once: each goes its own way.

use ods::Capability;
use rollout::state::{Brake, HoldClass, HoldScope};
use rollout::{Direction, PauseEnd, ProgrammeId, Target, explain};

use crate::world::{World, code, one_wave, practice};

const OPENS: &str = "2031-05-06T07:00:00Z";

fn historic() -> Capability {
    "capabilities/historic-records".parse().unwrap()
}

fn world() -> World {
    let mut world = World::new((1..=6).map(practice));
    world.put_in_force(&one_wave("")).unwrap();
    let other = one_wave("").replace("name: spring", "name: autumn\ncapability: capabilities/historic-records");
    world.put_in_force(&other).unwrap();
    world.settle();
    world.tell_everybody();
    world.settle();
    world
}

/// Which capabilities are on at a practice, by the suppliers' own log.
fn on(world: &World, number: u32) -> (bool, bool) {
    let is_on = |capability: Capability| {
        let last = world.effects.iter().rfind(|(_, key)| key.practice == code(number) && key.capability == capability);
        last.is_some_and(|(_, key)| key.direction == Direction::Enable)
    };
    (is_on(Capability::default()), is_on(historic()))
}

fn blockers(world: &World, number: u32, capability: Capability) -> Vec<&'static str> {
    let target = Target { practice: code(number), capability };
    let explanation = explain(&world.state, &world.registry.view, &target, world.now);
    explanation.blockers.iter().map(rollout::Blocker::code).collect()
}

#[test]
fn a_pause_of_one_capability_leaves_the_other_and_a_pause_of_all_stops_both() {
    let mut world = world();
    world.registry.pause_of(code(1), Some(historic()), PauseEnd::FurtherNotice, world.now);
    world.registry.pause_of(code(2), Some(Capability::default()), PauseEnd::FurtherNotice, world.now);
    world.pause(3, PauseEnd::FurtherNotice);
    world.settle();
    let paused = |capability| blockers(&world, 1, capability).contains(&"PAUSED_BY_PRACTICE");
    assert_eq!((paused(Capability::default()), paused(historic())), (false, true));
    world.run_until(OPENS);
    assert_eq!(
        [1, 2, 3, 4].map(|number| on(&world, number)),
        [(true, false), (false, true), (false, false), (true, true)]
    );
    assert_eq!(world.folded(), world.state);
}

/// I1: each capability has keys of its own.
#[test]
fn a_pause_after_the_go_live_of_both_takes_neither_away_and_a_hold_on_one_programme_leaves_the_other() {
    let mut world = world();
    let autumn = HoldScope::Programme(ProgrammeId::new("autumn").unwrap());
    let hold = world.hold(autumn, HoldClass::Capacity, Brake::Hold);
    world.run_until(OPENS);
    assert_eq!(on(&world, 1), (true, false));
    assert!(blockers(&world, 1, historic()).contains(&"HELD"));
    world.lift(hold);
    world.settle();
    assert_eq!(on(&world, 1), (true, true));
    world.registry.pause_of(code(1), Some(historic()), PauseEnd::FurtherNotice, world.now);
    world.settle();
    assert_eq!(on(&world, 1), (true, true), "ALREADY_ON: it stops future switch-ons");
    let keys: Vec<_> = world.effects.iter().map(|(_, key)| key).filter(|key| key.practice == code(1)).collect();
    assert_eq!((keys.len(), keys[0].generation, keys[1].generation), (2, 1, 1));
}

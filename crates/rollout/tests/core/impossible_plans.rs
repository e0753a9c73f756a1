//! A plan that an earlier build let through and this one knows to be impossible (I8): its programme halts and says why.

use std::sync::Arc;

use rollout::state::{Brake, HoldClass, HoldScope, WaveStage};
use rollout::{Act, Event, HoldId, PlanVersion, Rejection, explain};
use serde_json::{Value, json};

use crate::world::{World, bob, code, moment, one_wave, programme, target, wave};

/// A world whose journal has a plan in force that nobody could write today; nothing has looked at it yet.
fn stored(change: impl Fn(&mut Value)) -> World {
    let mut world = World::running(20, &one_wave(""));
    for (_, event) in &mut world.history {
        if let Event::PlanSubmitted { plan, .. } = event {
            let mut text = serde_json::to_value(&**plan).unwrap();
            change(&mut text);
            *plan = Arc::new(serde_json::from_value(text).unwrap());
        }
    }
    world.state = world.folded();
    world
}

fn anything_passes(plan: &mut Value) {
    plan["waves"][0]["rules"]["gate"]["min_success"] = json!(0);
}

fn halts(world: &World) -> Vec<(HoldId, String)> {
    world.state.active_holds().map(|hold| (hold.id, hold.reason_code.clone())).collect()
}

#[test]
fn i08_a_stored_plan_that_is_found_impossible_halts_with_a_reason() {
    let mut world = stored(anything_passes);
    world.settle();
    let hold = world.state.active_holds().next().expect("it is halted").clone();
    assert_eq!((hold.reason_code.as_str(), hold.class), ("PLAN_IMPOSSIBLE", HoldClass::AutomaticGate));
    assert_eq!((hold.scope, hold.halted_plan), (HoldScope::Programme(programme()), Some(PlanVersion(1))));
    let explanation = explain(&world.state, &world.registry.view, &target(code(1)), world.now);
    let told: Vec<_> = explanation.blockers.iter().map(|one| (one.code(), one.sentence(), one.clears_by())).collect();
    let halted = (
        "HALTED",
        "The plan in force cannot be carried out, and halted the programme on 1 April 2031 at 09:00 (automatic gate \
         hold holds/1: plan impossible)."
            .to_owned(),
        "A named person acknowledges holds/1 and lifts it.".to_owned(),
    );
    let impossible = (
        "PLAN_IMPOSSIBLE",
        "programmes/spring/plans/1 cannot be carried out: waves[0].gate.min_success: anything would pass: must be above 0."
            .to_owned(),
        "A later version of the plan is right, and is approved.".to_owned(),
    );
    assert!(told.contains(&halted) && told.contains(&impossible), "{told:#?}");
    assert_eq!(explanation.earliest_at, None);
    world.run_until("2031-05-12T12:00:00Z");
    assert_eq!((world.count_on(), halts(&world).len()), (0, 1));
}

#[test]
fn i08_a_persons_hold_on_the_programme_does_not_stand_for_its_halt() {
    let mut world = stored(anything_passes);
    let placed = world.hold(HoldScope::Programme(programme()), HoldClass::Capacity, Brake::Hold);
    world.settle();
    let reasons: Vec<_> = halts(&world).into_iter().map(|(hold, reason)| (hold == placed, reason)).collect();
    assert_eq!(reasons, [(true, "TEST".to_owned()), (false, "PLAN_IMPOSSIBLE".to_owned())]);
}

/// Rule 8: who lifts it is not overruled by another halt. What cannot be right is acted on no more for that.
#[test]
fn i08_lifting_the_halt_of_an_impossible_plan_lets_nobody_in_and_another_plan_does() {
    let mut world = stored(anything_passes);
    world.settle();
    let [(halt, _)] = &halts(&world)[..] else { panic!("{:?}", halts(&world)) };
    let refused = world.act(&bob(), Act::LiftHold { hold: *halt, etag: None });
    assert_eq!(refused, Err(Rejection::NotAcknowledged(*halt)));
    world.act(&bob(), Act::AcknowledgeHalt { hold: *halt }).unwrap();
    world.lift(*halt);
    let mut lifted = world.clone();
    lifted.run_until("2031-05-12T12:00:00Z");
    assert_eq!((lifted.count_on(), halts(&lifted).len()), (0, 0));

    world.put_in_force(&one_wave("")).unwrap();
    world.run_until("2031-05-06T12:00:00Z");
    assert_eq!((world.count_on(), halts(&world).len()), (20, 0));
}

/// A wave that ran under a gate that anything passes is not closed by it.
#[test]
fn i08_a_gate_that_is_found_impossible_is_not_judged() {
    let mut sound = World::running(20, &one_wave(""));
    sound.run_until("2031-05-06T12:00:00Z");
    let mut world = stored(anything_passes);
    let (plans, rest) = (world.history.clone(), &sound.history[world.history.len()..]);
    world.history = plans;
    world.history.extend(rest.iter().cloned());
    world.state = world.folded();
    world.registry = sound.registry.clone();
    world.now = moment("2031-05-09T12:00:00Z");
    let evaluate = world.gate_proposal(1);
    let mut judged = sound.clone();
    judged.now = world.now;
    assert_eq!(judged.submit(&evaluate), Ok(true));
    assert_eq!(world.submit(&evaluate), Ok(false), "not by a proposal of an earlier build either");
    world.settle();
    assert_eq!((world.stage(1), world.count_events("gate-evaluated")), (WaveStage::Soaking, 0));
    assert_eq!(halts(&world), [(HoldId(1), "PLAN_IMPOSSIBLE".to_owned())]);
    sound.run_until("2031-05-09T12:00:00Z");
    assert_eq!(sound.stage(1), WaveStage::Closed);
}

#[test]
fn each_thing_that_cannot_be_is_found_with_its_field() {
    type Break = fn(&mut Value);
    let broken: [(Break, &str); 7] = [
        (|plan| plan["waves"][0]["rules"]["gate"]["min_sample"] = json!(0), "waves[0].gate.min_sample"),
        (|plan| plan["waves"][0]["rules"]["until"] = json!("2031-05-01"), "waves[0].until"),
        (|plan| plan["waves"][0]["rules"]["windows"] = json!([]), "waves[0].windows"),
        (|plan| plan["waves"][0]["rules"]["attempts"]["TPP"] = json!(0), "suppliers.TPP.attempts"),
        (|plan| plan["spec"]["caps"]["daily"]["national"]["practices"] = json!(0), "caps.daily.national"),
        (|plan| plan["spec"]["caps"]["in_flight"]["each_icb"]["patients"] = json!(0), "caps.in_flight.each_icb"),
        (|plan| plan["spec"]["readiness"] = json!({ "smart-cards": {} }), "readiness.smart-cards"),
    ];
    for (change, field) in broken {
        let world = stored(change);
        let violations = world.state.programme(&programme()).unwrap().plan().unwrap().violations();
        let fields: Vec<_> = violations.iter().map(|one| one.field.as_str()).collect();
        assert_eq!(fields, [field]);
    }
    let sound = stored(|_| {});
    assert!(sound.state.wave(&wave(1)).is_some_and(|wave| wave.stage == WaveStage::Notice));
}

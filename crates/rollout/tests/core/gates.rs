//! Gates: complete and fresh evidence, everything unsettled against, a person after every halt (rules 5 and 6, I6, I9).

use proptest::prelude::*;
use rollout::spec::{Share, SmallSampleSpec};
use rollout::state::{EnrolmentState, Evidence, HoldClass, Verdict, WaveStage};
use rollout::{Account, Act, HoldId, Rejection};

use crate::world::{Behaviour, SPRING, World, alice, bob, code, one_wave, supplier, wave};

fn halt(world: &World) -> HoldId {
    let halts: Vec<_> = world.state.active_holds().filter(|hold| hold.class == HoldClass::AutomaticGate).collect();
    assert_eq!(halts.len(), 1);
    halts[0].id
}

#[test]
fn a_wave_that_shows_its_share_passes_by_itself() {
    let mut world = World::running(30, SPRING);
    world.run_until("2031-05-07T06:59:59Z");
    assert_eq!(world.stage(1), WaveStage::Soaking);
    world.run_until("2031-05-07T07:00:00Z");
    let gate = world.state.wave(&wave(1)).unwrap().gate.clone().unwrap();
    assert_eq!((gate.verdict, gate.evidence.commanded, gate.evidence.live), (Verdict::Pass, 10, 10));
    assert_eq!((gate.halt, gate.decision), (None, None));
    assert_eq!(world.stage(1), WaveStage::Closed);
}

#[test]
fn i09_a_wave_that_fails_halts_its_programme_until_a_person_has_decided_acknowledged_and_lifted() {
    let mut world = World::running(30, SPRING);
    world.suppliers.insert(supplier("TPP"), Behaviour::Refuses { retryable: false });
    world.run_until("2031-05-12T12:00:00Z");
    assert_eq!((world.stage(1), world.stage(2)), (WaveStage::Gate, WaveStage::Fixed));
    assert_eq!(world.state.wave(&wave(1)).unwrap().gate.as_ref().unwrap().verdict, Verdict::Fail);
    let hold = halt(&world);
    let acknowledge = Act::AcknowledgeHalt { hold };
    let lift = Act::LiftHold { hold, etag: None };
    let decide = |verdict| Act::DecideGate { wave: wave(1), verdict };

    assert_eq!(world.act(&alice(), lift.clone()), Err(Rejection::NotAcknowledged(hold)));
    assert_eq!(world.act(&alice(), acknowledge.clone()), Err(Rejection::GateUndecided { hold, wave: wave(1) }));
    assert_eq!(world.act(&Account::scheduler(), decide(Verdict::Pass)), Err(Rejection::NotAPerson));
    assert_eq!(world.act(&alice(), decide(Verdict::Inconclusive)), Err(Rejection::VerdictNotAllowed));
    world.act(&alice(), decide(Verdict::Pass)).unwrap();
    world.settle();
    assert_eq!((world.stage(1), world.stage(2)), (WaveStage::Closed, WaveStage::Fixed));
    world.act(&bob(), acknowledge.clone()).unwrap();
    assert_eq!(world.act(&bob(), acknowledge), Err(Rejection::AlreadyAcknowledged(hold)));
    world.settle();
    assert_eq!(world.stage(2), WaveStage::Fixed);
    world.act(&bob(), lift).unwrap();
    world.settle();
    assert_eq!(world.stage(2), WaveStage::Open);
}

#[test]
fn a_persons_fail_keeps_later_waves_shut_also_when_the_halt_is_lifted() {
    let mut world = World::running(30, SPRING);
    world.suppliers.insert(supplier("TPP"), Behaviour::Refuses { retryable: false });
    world.run_until("2031-05-12T12:00:00Z");
    let on = world.count_on();
    let hold = halt(&world);
    world.act(&alice(), Act::DecideGate { wave: wave(1), verdict: Verdict::Fail }).unwrap();
    world.act(&alice(), Act::AcknowledgeHalt { hold }).unwrap();
    world.act(&alice(), Act::LiftHold { hold, etag: None }).unwrap();
    world.run_until("2031-06-30T12:00:00Z");
    assert_eq!((world.stage(2), world.count_on()), (WaveStage::Cancelled, on));
}

#[test]
fn a_persons_fail_keeps_later_waves_shut_that_do_not_ask_for_it() {
    let mut world = World::running(30, &SPRING.replace("    after: [1]\n", ""));
    world.suppliers.insert(supplier("TPP"), Behaviour::Refuses { retryable: false });
    world.run_until("2031-05-09T12:00:00Z");
    let hold = halt(&world);
    world.act(&alice(), Act::DecideGate { wave: wave(1), verdict: Verdict::Fail }).unwrap();
    world.act(&alice(), Act::AcknowledgeHalt { hold }).unwrap();
    world.act(&alice(), Act::LiftHold { hold, etag: None }).unwrap();
    world.run_until("2031-05-12T12:00:00Z");
    assert_eq!(world.stage(2), WaveStage::Fixed);
}

#[test]
fn too_small_a_sample_is_inconclusive() {
    let mut world = World::running(4, &one_wave(""));
    world.run_until("2031-05-08T12:00:00Z");
    let gate = world.state.wave(&wave(1)).unwrap().gate.clone().unwrap();
    assert_eq!((gate.verdict, gate.evidence.commanded, gate.evidence.live), (Verdict::Inconclusive, 4, 4));
    halt(&world);
}

#[test]
fn what_has_not_settled_is_waited_for_and_then_counts_against() {
    let mut world = World::running(20, &one_wave(""));
    world.suppliers.insert(supplier("TPP"), Behaviour::Silent);
    world.run_until("2031-05-09T06:59:59Z");
    assert_eq!((world.stage(1), world.count(1, EnrolmentState::Unknown)), (WaveStage::Draining, 10));
    world.run_until("2031-05-09T07:00:00Z");
    let gate = world.state.wave(&wave(1)).unwrap().gate.clone().unwrap();
    let Evidence { commanded, live, unsettled, .. } = gate.evidence;
    assert_eq!((gate.verdict, commanded, live, unsettled), (Verdict::Fail, 20, 10, 10));
}

#[test]
fn a_practice_that_the_registry_does_not_see_live_counts_against() {
    let mut world = World::running(20, &one_wave(""));
    world.run_until("2031-05-06T12:00:00Z");
    for number in 1..=3 {
        world.observe(number, rollout::Observed::Partial);
    }
    world.run_until("2031-05-08T12:00:00Z");
    let gate = world.state.wave(&wave(1)).unwrap().gate.clone().unwrap();
    assert_eq!((gate.verdict, gate.evidence.live), (Verdict::Fail, 17));
    assert_eq!(world.enrolment(1, code(1)), EnrolmentState::Verified);
}

#[test]
fn evidence_from_before_the_last_action_is_not_enough() {
    let mut world = World::running(20, &one_wave(""));
    world.run_until("2031-05-06T12:00:00Z");
    // The view falls behind the registry: the position of the last settlement is not in it.
    let position = world.registry.view.position;
    world.registry.view.position = 1;
    world.run_until("2031-05-08T12:00:00Z");
    assert_eq!(world.stage(1), WaveStage::Soaking);
    world.registry.view.position = position;
    world.settle();
    assert_eq!(world.stage(1), WaveStage::Closed);
}

#[test]
fn evidence_that_never_comes_is_inconclusive() {
    let mut world = World::running(20, &one_wave(""));
    world.run_until("2031-05-06T12:00:00Z");
    world.registry.view.position = 1;
    world.run_until("2031-05-10T07:00:00Z");
    let gate = world.state.wave(&wave(1)).unwrap().gate.clone().unwrap();
    assert_eq!((gate.verdict, gate.evidence.complete), (Verdict::Inconclusive, false));
}

fn evidence() -> impl Strategy<Value = Evidence> {
    (0_u32..60, 0_u32..60, 0_u32..20, any::<bool>(), 2_u32..=100, 1_u32..90, any::<bool>()).prop_map(
        |(live, failed, unsettled, complete, share, min_sample, test)| Evidence {
            members: live + failed + unsettled,
            commanded: live + failed + unsettled,
            live,
            unsettled,
            complete,
            min_success: Share::try_from(f64::from(share) / 100.0).unwrap(),
            min_sample,
            small_sample: test.then(|| SmallSampleSpec {
                unacceptable: Share::try_from(f64::from(share / 2) / 100.0).unwrap(),
                risk: Share::try_from(0.1).unwrap(),
            }),
            registry_position: 1,
        },
    )
}

proptest! {
    /// I6: removing evidence never yields PASS where there was none, adding a failure never turns FAIL into PASS.
    #[test]
    fn i06_less_evidence_and_more_failures_never_pass(evidence in evidence(), taken in 0_u32..60) {
        let verdict = evidence.verdict();
        let mut fewer = evidence.clone();
        fewer.live = evidence.live.saturating_sub(taken);
        let mut failure = evidence.clone();
        failure.commanded += 1;
        failure.members += 1;
        let mut incomplete = evidence.clone();
        incomplete.complete = false;
        prop_assert_eq!(incomplete.verdict(), Verdict::Inconclusive);
        if verdict != Verdict::Pass {
            prop_assert_ne!(fewer.verdict(), Verdict::Pass);
        }
        if verdict == Verdict::Fail {
            prop_assert_eq!(failure.verdict(), Verdict::Fail);
        }
        if verdict == Verdict::Pass {
            let sampled = evidence.commanded >= evidence.min_sample || evidence.small_sample.is_some();
            prop_assert!(evidence.commanded > 0 && sampled && evidence.complete);
            prop_assert!(evidence.min_success.reached_by(evidence.live.into(), evidence.commanded.into()));
        }
    }
}

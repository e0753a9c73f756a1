//! Suppliers that refuse, delay, lose and forget: one key for one decision, UNKNOWN only resolved by asking (I1, I2, I17,
//! I21).

use jiff::SignedDuration;
use rollout::effects::{Call, supplier_calls};
use rollout::state::{ActivationState, CapScope, EnrolmentStage, EnrolmentState, WaveStage};
use rollout::{Act, Fact, Rejection, SupplierAnswer};

use crate::world::{Behaviour, World, alice, begun, code, moment, one_wave, programme, supplier, wave};

fn days(text: &str) -> String {
    one_wave(&format!("    until: {text}"))
}

#[test]
fn a_refusal_that_may_pass_is_tried_again_with_another_generation_and_no_more_often_than_allowed() {
    let mut world = World::running(10, &days("2031-05-16"));
    world.suppliers.insert(supplier("TPP"), Behaviour::Refuses { retryable: true });
    world.run_until("2031-05-16T12:00:00Z");
    assert_eq!(world.count(1, EnrolmentState::Failed), 5);
    let enrolment = world.state.wave(&wave(1)).unwrap().enrolment(code(1)).unwrap().clone();
    assert_eq!((enrolment.refusals, enrolment.generation), (3, Some(3)));
    assert_eq!(enrolment.stage, EnrolmentStage::Failed { code: "NOT_CONFIGURED".into() });
    // I21: one supplier's refusals are its own.
    assert_eq!(world.count(1, EnrolmentState::Verified), 5);
}

#[test]
fn a_wave_stays_open_for_whoever_may_come_back_refused_and_no_longer() {
    // Everybody is sealed at once, and the answers come an hour later.
    let mut world = World::running(10, &days("2031-05-16"));
    let slow = Behaviour::RefusesAfter(SignedDuration::from_hours(1));
    world.suppliers.insert(supplier("TPP"), slow);
    world.run_until("2031-05-06T07:30:00Z");
    assert_eq!((world.count(1, EnrolmentState::Commanded), world.stage(1)), (5, WaveStage::Open));
    world.run_until("2031-05-06T08:10:00Z");
    assert_eq!(world.count(1, EnrolmentState::Enrolled), 5);
    // On the third try there is none left, so the wave need not wait for its answer.
    world.run_until("2031-05-16T12:00:00Z");
    let enrolment = world.state.wave(&wave(1)).unwrap().enrolment(code(1)).unwrap().clone();
    assert_eq!((enrolment.stage.state(), enrolment.refusals), (EnrolmentState::Failed, 3));
    let drained = world.history.iter().find(|(_, event)| event.kind() == "wave-draining").unwrap().0;
    let sealed_last = world.history.iter().rfind(|(_, event)| event.kind() == "sealed").unwrap().0;
    assert_eq!(drained, sealed_last);
}

#[test]
fn a_refusal_that_will_not_pass_is_not_tried_again_unless_a_person_says_so() {
    let mut world = World::running(10, &days("2031-05-16"));
    world.suppliers.insert(supplier("TPP"), Behaviour::Refuses { retryable: false });
    world.registry.change(code(2), |facts| facts.readiness = vec![begun("dpia")]);
    world.run_until("2031-05-07T12:00:00Z");
    assert_eq!((world.count(1, EnrolmentState::Refused), world.stage(1)), (5, WaveStage::Open));
    world.suppliers.insert(supplier("TPP"), Behaviour::Applies);
    world.run_until("2031-05-08T12:00:00Z");
    assert_eq!(world.count(1, EnrolmentState::Refused), 5);
    let retry = |number| Act::RetryActivation { wave: wave(1), practice: code(number) };
    world.act(&alice(), retry(1)).unwrap();
    world.settle();
    assert!(world.is_on(code(1)) && !world.is_on(code(3)));
    let (wave, practice, state) = (wave(1), code(1), EnrolmentState::Verified);
    assert_eq!(world.act(&alice(), retry(1)), Err(Rejection::EnrolmentInState { wave, practice, state }));
}

#[test]
fn a_lost_reply_is_asked_about_and_the_switch_is_done_once() {
    let mut world = World::running(10, &one_wave(""));
    world.suppliers.insert(supplier("TPP"), Behaviour::LosesReplies);
    world.run_until("2031-05-06T07:00:30Z");
    assert_eq!(world.count(1, EnrolmentState::Unknown), 5);
    world.run_until("2031-05-06T07:05:00Z");
    assert_eq!((world.count_on(), world.effects.len()), (10, 10));
}

#[test]
fn a_request_that_never_arrived_is_sent_again_under_the_same_key() {
    let mut world = World::running(10, &one_wave(""));
    world.suppliers.insert(supplier("TPP"), Behaviour::LosesRequests);
    world.run_until("2031-05-06T07:05:00Z");
    assert_eq!((world.count_on(), world.effects.len()), (10, 10));
    assert!(world.effects.iter().all(|(_, key)| key.generation == 1));
}

#[test]
fn i17_unknown_is_only_ever_resolved_by_the_suppliers_answer_and_counts_in_flight() {
    let mut world = World::running(10, &one_wave(""));
    world.suppliers.insert(supplier("TPP"), Behaviour::Silent);
    world.run_until("2031-06-20T12:00:00Z");
    assert_eq!(world.state.activations_count(ActivationState::Unknown), 5);
    assert_eq!(world.state.programme(&programme()).unwrap().in_flight.of(&CapScope::National).practices, 5);
    // It is asked, and never requested again.
    world.jump(moment("2031-06-21T12:00:00Z"));
    assert!(supplier_calls(&world.state, world.now, 10).iter().all(|call| call.call == Call::Ask));
    world.suppliers.insert(supplier("TPP"), Behaviour::Applies);
    world.run_until("2031-06-22T12:00:00Z");
    assert_eq!((world.count_on(), world.state.activations().count()), (10, 0));
}

#[test]
fn a_second_answer_about_a_key_changes_nothing() {
    let mut world = World::running(10, &one_wave(""));
    world.run_until("2031-05-06T12:00:00Z");
    let key = world.effects[0].1.clone();
    let answers = [(key, SupplierAnswer::Refused { code: "LATE".into(), retryable: true })].into();
    assert!(!world.learn(Fact::Answers { answers }));
}

#[test]
fn an_answer_that_takes_hours_is_asked_for_ever_more_rarely() {
    let mut world = World::running(2, &one_wave(""));
    let slow = Behaviour::AppliesAfter(SignedDuration::from_hours(30));
    world.suppliers.insert(supplier("TPP"), slow);
    world.run_until("2031-05-08T12:00:00Z");
    assert_eq!(world.count_on(), 2);
    assert!(world.count_events("answered") < 20, "{}", world.count_events("answered"));
}

#[test]
fn a_wave_of_thousands_is_a_few_records() {
    let mut world = World::running(3_000, &one_wave(""));
    let before = world.history.len();
    world.run_until("2031-05-08T12:00:00Z");
    assert_eq!(world.count_on(), 3_000);
    assert!(world.history.len() - before < 60, "{}", world.history.len() - before);
}

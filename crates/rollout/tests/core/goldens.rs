//! Plans, differences, reports and explanations as people read them.

use jiff::civil::date;
use rollout::plan::diff;
use rollout::state::{Brake, HoldClass, HoldScope};
use rollout::{Act, Observed, PauseEnd, explain};

use crate::world::{
    Behaviour, SPRING, World, begun, carol, code, moment, one_wave, practice, programme, supplier, target,
};

#[test]
fn a_plan_with_everything_in_it() {
    let mut world = World::new((1..=36).map(practice));
    world.pause(1, PauseEnd::FurtherNotice);
    world.observe(2, Observed::On);
    world.registry.change(code(3), |facts| facts.supplier = None);
    world.hold(HoldScope::Practice(code(5)), HoldClass::Legal, Brake::Hold);
    let text = SPRING
        .replace("  TPP: {mode: push}", "  TPP: {mode: booked-dates, dates: [2031-05-06, 2031-05-13, 2031-05-20], cut_off: {days_before: 5, at: \"17:00\"}}")
        .replace("    after: [1]\n", "    after: [1]\n    cohort: practice.icb_code == \"QHM\"\n    objections_until: 2031-05-02T17:00\n    deferred_to: 3\n")
        + "  - wave: 3\n    title: Those who objected\n    cohort: \"false\"\n    from: 2031-06-10\n    until: 2031-06-11\n";
    insta::assert_snapshot!(world.expand(&text).unwrap());
}

#[test]
fn a_difference_between_two_plans() {
    let mut world = World::running(16, SPRING);
    world.pause(7, PauseEnd::FurtherNotice);
    let in_force = world.state.programme(&programme()).unwrap().plan().unwrap();
    let text = SPRING
        .replace("take: {practices: 10}", "practices: [A00001, A00002, A00003]")
        .replace("2031-05-12", "2031-05-13");
    insta::assert_snapshot!(diff(Some(in_force), &world.expand(&text).unwrap()));
}

#[test]
fn a_report_of_why_nothing_moves() {
    let mut world = World::running(60, &SPRING.replace("    after: [1]\n", ""));
    world.registry.change(code(8), |facts| facts.readiness = vec![begun("dpia"), begun("staff-training")]);
    world.hold(HoldScope::Region("Y60".parse().unwrap()), HoldClass::Capacity, Brake::Hold);
    insta::assert_snapshot!("before_the_first_wave", world.settle());
    world.run_until("2031-05-11T12:00:00Z");
    world.suppliers.insert(supplier("TPP"), Behaviour::Refuses { retryable: true });
    insta::assert_snapshot!("in_the_second_wave", world.run_until("2031-05-12T07:00:00Z"));
    world.act(&carol(), Act::LiftHold { hold: rollout::HoldId(1), etag: None }).unwrap();
    world.settle();
    let hold = HoldScope::Supplier(supplier("EMIS"));
    let (brake, class, owner) = (Brake::Hold, HoldClass::Supplier, rollout::Account::new("emis-desk"));
    let review_on = Some(date(2031, 5, 20));
    world.act(&carol(), Act::PlaceHold { brake, scope: hold, class, owner, review_on }).unwrap();
    insta::assert_snapshot!("under_a_supplier_hold", world.run_until("2031-05-13T12:00:00Z"));
}

#[test]
fn explanations_read_as_sentences() {
    let text = one_wave("    until: 2031-05-09\n    objections_until: 2031-04-30T17:00\n    deferred_to: 2\n  - wave: 2\n    from: 2031-06-03\n    cohort: \"false\"")
        .replace("gate:", "caps: {daily: {national: {practices: 4}}}\ngate:")
        .replace("  - wave: 1\n", "  - wave: 1\n    take: by-capacity\n");
    let mut world = World::running(30, &text);
    let mut explained = String::new();
    let mut tell = |world: &World, numbers: &[u32]| {
        for number in numbers {
            let explanation = explain(&world.state, &world.registry.view, &target(code(*number)), world.now);
            explained += &format!("{} {explanation}\n", world.now);
        }
    };
    let members: Vec<u32> = (1..=30)
        .filter(|number| world.state.wave(&crate::world::wave(1)).unwrap().enrolment(code(*number)).is_some())
        .collect();
    let outside = (1..=30).find(|number| !members.contains(number)).unwrap();
    tell(&world, &[members[0], outside, 99]);
    world.pause(members[1], PauseEnd::ProgrammeDefault);
    world.run_until("2031-05-05T12:00:00Z");
    world.pause(members[2], PauseEnd::Until(moment("2031-08-01T00:00:00Z")));
    world.settle();
    world.hold(HoldScope::Practice(code(members[3])), HoldClass::Safety, Brake::Hold);
    world.registry.change(code(members[4]), |facts| facts.readiness = vec![begun("dpia")]);
    world.run_until("2031-05-06T12:00:00Z");
    tell(&world, &members[1..8]);
    world.run_until("2031-06-30T12:00:00Z");
    tell(&world, &members[2..6]);
    insta::assert_snapshot!(explained);
}

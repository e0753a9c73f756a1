//! Caps at every instant (rule 4, I5), and nobody starved by those who are smaller (rule 12).

use jiff::SignedDuration;
use rollout::effects::permits_to_acquire;
use rollout::state::{CapScope, EnrolmentState};
use rollout::{Fact, PracticeFacts, step};

use crate::world::{Behaviour, World, code, moment, one_wave, practice, programme, supplier};

fn capped(caps: &str) -> String {
    one_wave("    until: 2031-05-09\n    take: by-capacity\n    order: code")
        .replace("gate:", &format!("caps: {caps}\ngate:"))
}

/// Small practices but for the third, which is nearly as large as the cap.
fn one_large(number: u32) -> PracticeFacts {
    let mut facts = practice(number);
    facts.list_size = if number == 3 { 11_000 } else { 4_000 };
    facts.icb = "QHM".parse().ok();
    facts
}

#[test]
fn a_large_practice_is_not_starved_by_small_ones_that_take_turns() {
    let mut world = World::new((1..=40).map(one_large));
    world.put_in_force(&capped("{in_flight: {each_icb: {patients: 12000}}}")).unwrap();
    world.settle();
    world.tell_everybody();
    // At different paces, so that something small is always under way.
    world.suppliers.insert(supplier("EMIS"), Behaviour::AppliesAfter(SignedDuration::from_mins(10)));
    world.suppliers.insert(supplier("TPP"), Behaviour::AppliesAfter(SignedDuration::from_mins(40)));
    world.run_until("2031-05-09T17:00:00Z");
    assert_eq!(world.count_on(), 40);
    let place = world.effects.iter().position(|(_, key)| key.practice == code(3)).unwrap();
    assert_eq!(place, 2, "the third in order was number {}", place + 1);
}

#[test]
fn a_slot_taken_on_one_day_and_sealed_on_the_next_counts_on_the_next() {
    let mut world = World::running(40, &capped("{daily: {national: {practices: 5}}}"));
    world.run_until("2031-05-06T06:59:59Z");
    world.jump(moment("2031-05-06T07:00:00Z"));
    while world.count(1, EnrolmentState::Admitted) == 0 {
        for command in step(&world.state, &world.registry.view, world.now).0 {
            world.submit(&command).unwrap();
        }
    }
    // The registry does not answer until the next morning.
    let keys = permits_to_acquire(&world.state, 10);
    let answers = keys.into_iter().map(|key| (key.clone(), world.registry.acquire(key))).collect();
    world.jump(moment("2031-05-07T07:00:00Z"));
    world.learn(Fact::Permits { answers, registry_position: world.registry.view.position });
    world.settle();
    assert_eq!(world.count_on(), 5);
    world.run_until("2031-05-07T17:00:00Z");
    assert_eq!(world.count_on(), 5);
    world.run_until("2031-05-09T17:00:00Z");
    assert_eq!(world.count_on(), 15);
}

/// I5: a slot counts from when it is given, whenever its permit comes.
#[test]
fn i05_slots_that_wait_for_a_permit_use_up_the_cap_of_the_day() {
    let mut world = World::running(40, &capped("{daily: {national: {practices: 5}}}"));
    world.run_until("2031-05-06T06:59:59Z");
    world.jump(moment("2031-05-06T07:00:00Z"));
    // The registry does not answer, and the day goes on.
    for _ in 0..10 {
        for command in step(&world.state, &world.registry.view, world.now).0 {
            world.submit(&command).unwrap();
        }
        assert!(world.count(1, EnrolmentState::Admitted) <= 5);
    }
    assert_eq!(world.count(1, EnrolmentState::Admitted), 5);
}

#[test]
fn a_tighter_cap_of_a_later_plan_holds_also_for_slots_given_before() {
    let text = capped("{daily: {national: {practices: 5}}}");
    let mut world = World::running(40, &text);
    world.run_until("2031-05-06T06:59:59Z");
    world.jump(moment("2031-05-06T07:00:00Z"));
    while world.count(1, EnrolmentState::Admitted) == 0 {
        for command in step(&world.state, &world.registry.view, world.now).0 {
            world.submit(&command).unwrap();
        }
    }
    world.put_in_force(&text.replace("practices: 5", "practices: 2")).unwrap();
    assert_eq!(world.count(1, EnrolmentState::Admitted), 5);
    world.ask_permits();
    assert_eq!(world.count(1, EnrolmentState::Commanded), 2);
    world.run_until("2031-05-06T17:00:00Z");
    assert_eq!(world.count_on(), 2);
}

#[test]
fn caps_of_the_nation_a_supplier_and_an_icb_hold_together() {
    let caps = "{daily: {national: {practices: 9}, suppliers: {TPP: {practices: 3}}, each_icb: {practices: 7, patients: 40000}}}";
    let mut world = World::running(60, &capped(caps));
    world.run_until("2031-05-06T17:00:00Z");
    let loads = &world.state.programme(&programme()).unwrap().daily[&jiff::civil::date(2031, 5, 6)];
    let practices = |scope: CapScope| loads.of(&scope).practices;
    assert_eq!(practices(CapScope::Supplier(supplier("TPP"))), 3);
    assert!(practices(CapScope::Icb("QHM".parse().unwrap())) <= 7);
    assert!(loads.of(&CapScope::Icb("QHM".parse().unwrap())).patients <= 40_000);
    assert!(world.count_on() > 6 && world.count_on() <= 9);
}

#[test]
fn what_is_not_known_to_have_ended_keeps_its_place_in_flight() {
    let mut world = World::running(12, &capped("{in_flight: {each_supplier: {practices: 2}}}"));
    world.suppliers.insert(supplier("TPP"), Behaviour::Silent);
    world.run_until("2031-05-09T17:00:00Z");
    // Six of the one, and of the other nothing but the two that nobody knows of.
    assert_eq!((world.count_on(), world.count_events("sealed")), (6, 3));
    assert_eq!(world.count(1, EnrolmentState::Unknown), 2);
}

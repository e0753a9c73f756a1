//! Holds: a set of anybody's brakes, effective before the next seal (I9, I10, I11, rule 6).

use assent::Refusal;
use imbl::OrdSet;
use rollout::effects::{permits_to_acquire, permits_to_release, withheld_by};
use rollout::state::{ActivationState, Brake, DueOutcome, EnrolmentState, HoldClass, HoldScope, MissReason, WaveStage};
use rollout::{Account, Act, Command, Event, Fact, PermitAnswer, Proposal, Rejection, SupplierAnswer, step};

use crate::world::{Behaviour, SPRING, World, alice, bob, carol, code, moment, one_wave, programme, supplier, wave};

/// A world in which everything waits for permits: admitted, and nothing sealed.
fn queued() -> World {
    queued_of(20)
}

fn queued_of(count: u32) -> World {
    let mut world = World::running(count, &one_wave(""));
    world.run_until("2031-05-06T06:59:59Z");
    world.jump(moment("2031-05-06T07:00:00Z"));
    for _ in 0..5 {
        for command in step(&world.state, &world.registry.view, world.now).0 {
            world.submit(&command).unwrap();
        }
    }
    assert_eq!(world.count(1, EnrolmentState::Admitted), count);
    world
}

/// The journal takes no record of more than three megabytes.
#[test]
fn a_hold_on_very_many_is_several_records_of_one_decision() {
    let mut world = queued_of(2_300);
    let before = world.history.len();
    world.hold(HoldScope::National, HoldClass::Safety, Brake::Stop);
    let since: Vec<_> = world.history[before..].iter().map(|(_, event)| event.kind()).collect();
    assert_eq!(since, ["hold-placed", "voided", "voided", "voided"]);
    assert_eq!(world.count(1, EnrolmentState::Enrolled), 2_300);
}

#[test]
fn a_stop_of_very_many_asks_to_cancel_them_in_several_records() {
    let mut world = queued_of(1_100);
    world.suppliers.insert(supplier("TPP"), Behaviour::Silent);
    world.suppliers.insert(supplier("EMIS"), Behaviour::Silent);
    world.ask_permits();
    world.ask_permits();
    let before = world.history.len();
    world.hold(HoldScope::National, HoldClass::Safety, Brake::Stop);
    let since: Vec<_> = world.history[before..].iter().map(|(_, event)| event.kind()).collect();
    assert_eq!(since, ["hold-placed", "cancel-asked", "cancel-asked"]);
}

#[test]
fn a_supplier_hold_withholds_every_queued_command_in_one_decision() {
    let mut world = queued();
    world.hold(HoldScope::Supplier(supplier("TPP")), HoldClass::Supplier, Brake::Hold);
    assert_eq!(world.count(1, EnrolmentState::Admitted), 10);
    assert_eq!(world.count(1, EnrolmentState::Enrolled), 10);
    assert_eq!(permits_to_release(&world.state, 100).len(), 10);
    world.settle();
    assert_eq!(world.count_on(), 10);
    assert!((1..=20).all(|number| world.is_on(code(number)) == (number % 2 == 0)));
}

#[test]
fn i10_a_hold_placed_while_permits_are_asked_for_comes_before_the_seal() {
    let mut world = queued();
    let keys = permits_to_acquire(&world.state, 100);
    let answers = keys.into_iter().map(|key| (key.clone(), world.registry.acquire(key))).collect();
    world.hold(HoldScope::National, HoldClass::Safety, Brake::Hold);
    let registry_position = world.registry.view.position;
    world.learn(Fact::Permits { answers, registry_position });
    assert_eq!(world.count_events("sealed"), 0);
    // The permits that came too late are given back.
    assert_eq!(permits_to_release(&world.state, 100).len(), 20);
    world.settle();
    assert_eq!((world.count_on(), permits_to_release(&world.state, 100).len()), (0, 0));
}

#[test]
fn a_permit_that_arrives_after_it_was_given_back_is_given_back_again() {
    let mut world = queued();
    let keys = permits_to_acquire(&world.state, 100);
    let answers = keys.iter().map(|key| (key.clone(), PermitAnswer::Granted)).collect();
    world.hold(HoldScope::National, HoldClass::Safety, Brake::Hold);
    world.learn(Fact::PermitsReleased { keys: permits_to_release(&world.state, 100) });
    assert_eq!(permits_to_release(&world.state, 100), []);
    world.learn(Fact::Permits { answers, registry_position: 9 });
    assert_eq!(permits_to_release(&world.state, 100), keys);
}

#[test]
fn every_scope_covers_its_practices_and_no_others() {
    let wave_one = HoldScope::Wave(wave(1));
    let of = |scope: &HoldScope| withheld_by(&World::running(30, SPRING).state, scope).0;
    let all: Vec<_> = (1..=30).map(code).collect();
    assert_eq!(of(&HoldScope::National), all);
    assert_eq!(of(&HoldScope::Programme(programme())), all);
    assert_eq!(of(&HoldScope::Supplier(supplier("EMIS"))), (1..=15).map(|n| code(2 * n)).collect::<Vec<_>>());
    assert_eq!(of(&HoldScope::Icb("QOC".parse().unwrap())), (1..=10).map(|n| code(3 * n)).collect::<Vec<_>>());
    assert_eq!(of(&HoldScope::Region("Y60".parse().unwrap())), (1..=10).map(|n| code(3 * n)).collect::<Vec<_>>());
    assert_eq!(of(&HoldScope::Practice(code(5))), [code(5)]);
    assert_eq!(of(&HoldScope::Selection(OrdSet::from_iter([code(7), code(9), code(999)]))), [code(7), code(9)]);
    assert_eq!(of(&wave_one).len(), 10);
}

#[test]
fn i11_lifting_one_hold_leaves_the_others() {
    let mut world = World::running(20, &one_wave("    until: 2031-05-09"));
    let one = world.hold(HoldScope::Supplier(supplier("TPP")), HoldClass::Supplier, Brake::Hold);
    let other = world.hold(HoldScope::Region("Y60".parse().unwrap()), HoldClass::Legal, Brake::Hold);
    world.run_until("2031-05-06T12:00:00Z");
    let free = (1..=20).filter(|number| number % 2 == 0 && number % 3 != 0).count();
    assert_eq!(world.count_on(), free);
    world.lift(one);
    world.settle();
    assert_eq!(world.count_on(), (1..=20).filter(|number| number % 3 != 0).count());
    world.lift(other);
    world.settle();
    assert_eq!(world.count_on(), 20);
    let refused = world.act(&carol(), Act::LiftHold { hold: one, etag: None });
    assert_eq!(refused, Err(Rejection::HoldLifted(one)));
}

#[test]
fn the_members_of_a_selection_are_fixed_when_it_is_placed() {
    let mut world = World::running(20, &one_wave(""));
    let members = OrdSet::from_iter((1..=5).map(code));
    world.hold(HoldScope::Selection(members), HoldClass::Legal, Brake::Hold);
    // Whatever a practice becomes, it stays covered.
    world.registry.change(code(1), |facts| facts.list_size = 1);
    world.run_until("2031-05-06T12:00:00Z");
    assert_eq!(world.count_on(), 15);
    assert!((1..=5).all(|number| !world.is_on(code(number))));
}

#[test]
fn a_hold_over_the_whole_wave_leaves_its_window_missed() {
    let mut world = World::running(10, &one_wave(""));
    let hold = world.hold(HoldScope::Programme(programme()), HoldClass::Capacity, Brake::Hold);
    world.run_until("2031-05-07T12:00:00Z");
    assert_eq!(world.stage(1), WaveStage::Cancelled);
    assert_eq!(world.count(1, EnrolmentState::Deferred), 10);
    let due = &world.state.programme(&programme()).unwrap().due;
    let window = due.iter().find(|(due, _)| due.kind.as_str() == "WINDOW_OPENS").unwrap();
    assert_eq!(window.1.outcome, DueOutcome::Missed { reason: MissReason::Held { hold } });
    // Nothing is caught up when it is lifted.
    world.lift(hold);
    world.run_until("2031-05-30T12:00:00Z");
    assert_eq!(world.count_on(), 0);
}

#[test]
fn a_safety_hold_takes_two_people_to_lift() {
    let mut world = World::running(10, &one_wave(""));
    let hold = world.hold(HoldScope::National, HoldClass::Safety, Brake::Hold);
    let lift = |etag| Act::LiftHold { hold, etag };
    let etag = |world: &World| world.state.holds[&hold].changed_at_position;

    world.act(&alice(), lift(None)).unwrap();
    assert!(world.state.holds[&hold].is_active());
    let now = etag(&world);
    let refused = |refusal| Err(Rejection::SecondPerson { of: hold.to_string(), refusal });
    let same = Refusal::SamePerson { account: alice().to_string() };
    assert_eq!(world.act(&alice(), lift(Some(now))), refused(same));
    assert_eq!(world.act(&bob(), lift(None)), refused(Refusal::OtherWish { given: 0, actual: now }));
    assert_eq!(world.act(&bob(), lift(Some(now - 1))), refused(Refusal::OtherWish { given: now - 1, actual: now }));
    world.act(&bob(), lift(Some(now))).unwrap();
    assert!(!world.state.holds[&hold].is_active());
}

#[test]
fn the_first_persons_wish_to_lift_lapses_after_a_day() {
    let mut world = World::running(10, &one_wave(""));
    let hold = world.hold(HoldScope::National, HoldClass::Safety, Brake::Hold);
    world.act(&alice(), Act::LiftHold { hold, etag: None }).unwrap();
    let etag = Some(world.state.holds[&hold].changed_at_position);
    world.jump(moment("2031-04-02T08:00:00Z"));
    // Bob's is the first wish again: the etag is the hold's.
    world.act(&bob(), Act::LiftHold { hold, etag }).unwrap();
    assert!(world.state.holds[&hold].is_active());
    assert_eq!(world.state.holds[&hold].lift_asked.as_ref().unwrap().by, bob());
}

#[test]
fn a_hold_needs_a_reason_and_a_halt_is_never_placed_by_hand() {
    let mut world = World::running(10, &one_wave(""));
    let place = |class, scope| {
        let (brake, owner, review_on) = (Brake::Hold, carol(), None);
        Act::PlaceHold { brake, scope, class, owner, review_on }
    };
    let act = place(HoldClass::Legal, HoldScope::National);
    let unreasoned = Command::Person { by: carol(), reason_code: " ".into(), act };
    assert_eq!(world.submit(&unreasoned), Err(Rejection::ReasonRequired));
    let halt = place(HoldClass::AutomaticGate, HoldScope::National);
    assert_eq!(world.act(&carol(), halt), Err(Rejection::HaltByHand));
    let nobody = place(HoldClass::Legal, HoldScope::Selection(OrdSet::new()));
    assert_eq!(world.act(&carol(), nobody), Err(Rejection::EmptySelection));
}

#[test]
fn a_stop_asks_the_supplier_to_cancel_what_was_sent() {
    let mut world = queued();
    world.suppliers.insert(supplier("TPP"), Behaviour::AppliesAfter(jiff::SignedDuration::from_hours(1)));
    world.settle();
    assert_eq!((world.count_on(), world.state.activations_count(ActivationState::Acked)), (10, 10));
    world.hold(HoldScope::National, HoldClass::Safety, Brake::Stop);
    world.run_until("2031-05-06T16:00:00Z");
    assert_eq!(world.count_on(), 10);
    assert_eq!(world.count(1, EnrolmentState::NotApplied), 10);
}

#[test]
fn a_stop_calls_back_what_is_under_way_in_its_scope_once_and_nothing_else() {
    let mut world = queued();
    for name in ["TPP", "EMIS"] {
        world.suppliers.insert(supplier(name), Behaviour::Silent);
    }
    world.ask_permits();
    let sealed: Vec<_> = world.state.activations_in(ActivationState::Sealed).map(|one| one.key.clone()).collect();
    assert_eq!(sealed.len(), 20);
    world.learn(Fact::Sent { keys: sealed });
    let of_tpp = world.state.activations().filter(|one| one.supplier == supplier("TPP"));
    let of_tpp: Vec<_> = of_tpp.map(|one| one.key.clone()).collect();
    // Settled, and the registry has not been told of it.
    let applied = SupplierAnswer::Applied { at: world.now };
    world.learn(Fact::Answers { answers: [(of_tpp[0].clone(), applied)].into() });
    world.hold(HoldScope::Supplier(supplier("TPP")), HoldClass::Supplier, Brake::Stop);
    let called_back = world.state.activations().filter(|one| one.cancel).map(|one| one.key.clone());
    assert_eq!(called_back.collect::<Vec<_>>(), of_tpp[1..]);
    let asked = |world: &World| -> Vec<usize> {
        let keys = world.history.iter().filter_map(|(_, event)| match event {
            Event::CancelAsked { keys } => Some(keys.len()),
            _ => None,
        });
        keys.collect()
    };
    assert_eq!(asked(&world), [9]);
    world.hold(HoldScope::National, HoldClass::Safety, Brake::Stop);
    assert_eq!(asked(&world), [9, 10], "those of the other supplier, and nobody twice");
}

#[test]
fn a_hold_lets_settle_what_was_sealed() {
    let mut world = queued();
    world.suppliers.insert(supplier("TPP"), Behaviour::AppliesAfter(jiff::SignedDuration::from_hours(1)));
    world.settle();
    world.hold(HoldScope::National, HoldClass::Safety, Brake::Hold);
    world.run_until("2031-05-06T16:00:00Z");
    assert_eq!(world.count_on(), 20);
}

#[test]
fn an_overtaken_proposal_is_dropped_without_an_error() {
    let mut world = World::running(10, &one_wave(""));
    world.run_until("2031-05-06T06:59:59Z");
    world.jump(moment("2031-05-06T07:00:00Z"));
    let mut admission = None;
    while admission.is_none() {
        for command in step(&world.state, &world.registry.view, world.now).0 {
            if matches!(command, Command::Propose(Proposal::Admit { .. })) {
                admission = Some(command);
            } else {
                world.submit(&command).unwrap();
            }
        }
    }
    world.hold(HoldScope::Programme(programme()), HoldClass::Capacity, Brake::Hold);
    assert_eq!(world.submit(&admission.unwrap()), Ok(false));
}

#[test]
fn a_wave_does_not_open_under_a_hold_that_came_after_the_proposal() {
    let mut world = World::running(10, &one_wave(""));
    world.run_until("2031-05-06T06:59:59Z");
    world.jump(moment("2031-05-06T07:00:00Z"));
    let mut opening = None;
    while opening.is_none() {
        for command in step(&world.state, &world.registry.view, world.now).0 {
            if matches!(command, Command::Propose(Proposal::OpenWave { .. })) {
                opening = Some(command);
            } else {
                world.submit(&command).unwrap();
            }
        }
    }
    let hold = world.hold(HoldScope::Wave(wave(1)), HoldClass::Capacity, Brake::Hold);
    assert_eq!(world.submit(opening.as_ref().unwrap()), Ok(false));
    world.lift(hold);
    assert_eq!(world.submit(opening.as_ref().unwrap()), Ok(true));
}

#[test]
fn only_a_person_lifts_a_hold() {
    let mut world = World::running(10, &one_wave(""));
    let hold = world.hold(HoldScope::National, HoldClass::Capacity, Brake::Hold);
    let refused = world.act(&Account::scheduler(), Act::LiftHold { hold, etag: None });
    assert_eq!(refused, Err(Rejection::NotAPerson));
}

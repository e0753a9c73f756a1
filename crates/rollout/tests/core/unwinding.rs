//! UNWIND takes two people and touches only what its wave switched on; a revert takes one and one practice. Nothing holds
//! either back, and nobody but people gives access back (rule 8, I22).

use assent::Refusal;
use jiff::SignedDuration;
use proptest::prelude::*;
use rollout::state::{
    Brake, ClinicalReason, EnrolmentStage, EnrolmentState, HoldClass, HoldScope, Supersession, WaveStage,
};
use rollout::{Act, Blocker, Command, Direction, Drift, Observed, Proposal, Rejection, explain, step};

use crate::world::{Behaviour, SPRING, World, bob, carol, code, moment, one_wave, supplier, target, wave};

/// Both waves at once, with nothing between them but the order.
fn side_by_side() -> String {
    SPRING.replace("    after: [1]\n", "").replace("from: 2031-05-12", "from: 2031-05-06")
}

fn ask(world: &mut World, number: u32, by: &rollout::Account, etag: Option<u64>) -> Result<bool, Rejection> {
    world.act(by, Act::UnwindWave { wave: wave(number), reason: ClinicalReason::InformationDisclosed, etag })
}

fn etag(world: &World, number: u32) -> Option<u64> {
    world.state.wave(&wave(number)).unwrap().unwinding.as_ref().map(|one| one.asked_at_position)
}

/// Carol asks for it, Bob begins it.
fn unwind(world: &mut World, number: u32) {
    ask(world, number, &carol(), None).unwrap();
    let etag = etag(world, number);
    ask(world, number, &bob(), etag).unwrap();
}

/// How often each practice was switched on and off.
fn switches(world: &World, number: u32) -> (usize, usize) {
    let of_it = |direction| {
        world.effects.iter().filter(|(_, key)| key.practice == code(number) && key.direction == direction).count()
    };
    (of_it(Direction::Enable), of_it(Direction::Disable))
}

fn members(world: &World, number: u32) -> Vec<u32> {
    let wave = world.state.wave(&wave(number)).unwrap();
    (1..=60).filter(|practice| wave.enrolment(code(*practice)).is_some()).collect()
}

#[test]
fn an_unwinding_takes_two_people_a_reason_and_the_first_ones_etag() {
    let mut world = World::running(30, SPRING);
    world.run_until("2031-05-06T12:00:00Z");
    let without = Command::Person {
        by: carol(),
        reason_code: String::new(),
        act: Act::UnwindWave { wave: wave(1), reason: ClinicalReason::RiskOfHarm, etag: None },
    };
    assert_eq!(world.submit(&without), Err(Rejection::ReasonRequired));
    let machine = Command::Person {
        by: rollout::Account::scheduler(),
        reason_code: "TEST".into(),
        act: Act::UnwindWave { wave: wave(1), reason: ClinicalReason::RiskOfHarm, etag: None },
    };
    assert_eq!(world.submit(&machine), Err(Rejection::NotAPerson));

    ask(&mut world, 1, &carol(), None).unwrap();
    world.settle();
    assert_eq!((world.stage(1), world.count_on()), (WaveStage::Soaking, 10), "one person alone changes nothing");
    let given = etag(&world, 1);
    let refused = |refusal| Err(Rejection::SecondPerson { of: wave(1).to_string(), refusal });
    let (actual, same) = (given.unwrap(), Refusal::SamePerson { account: carol().to_string() });
    assert_eq!(ask(&mut world, 1, &carol(), given), refused(same));
    assert_eq!(ask(&mut world, 1, &bob(), None), refused(Refusal::OtherWish { given: 0, actual }));
    assert_eq!(ask(&mut world, 1, &bob(), Some(1)), refused(Refusal::OtherWish { given: 1, actual }));
    ask(&mut world, 1, &bob(), given).unwrap();
    world.settle();
    assert_eq!((world.stage(1), world.count_on()), (WaveStage::Unwound, 0));
    let unwinding = world.state.wave(&wave(1)).unwrap().unwinding.clone().unwrap();
    assert_eq!((unwinding.asked.by, unwinding.begun.unwrap().by), (carol(), bob()));
    assert!(matches!(ask(&mut world, 1, &carol(), None), Err(Rejection::WaveInStage { .. })));
}

#[test]
fn the_first_persons_wish_to_unwind_lapses_after_a_day_and_until_then_the_wave_is_not_judged() {
    let mut world = World::running(30, SPRING);
    world.run_until("2031-05-07T06:00:00Z");
    assert_eq!(world.stage(1), WaveStage::Soaking);
    ask(&mut world, 1, &carol(), None).unwrap();
    // The gate is due at seven in the morning, and the wish stands until six the day after.
    world.run_until("2031-05-08T05:59:59Z");
    assert_eq!(world.stage(1), WaveStage::Soaking);
    let mut in_time = world.clone();
    let given = etag(&in_time, 1);
    ask(&mut in_time, 1, &bob(), given).unwrap();
    in_time.settle();
    assert_eq!(in_time.stage(1), WaveStage::Unwound);
    world.run_until("2031-05-08T06:00:00Z");
    assert_eq!((world.stage(1), world.count_on()), (WaveStage::Closed, 10));

    // Lapsed in a wave that goes on, it takes two people anew.
    let mut world = World::running(60, &one_wave("    until: 2031-05-30"));
    world.hold(HoldScope::Practice(code(1)), HoldClass::Capacity, Brake::Hold);
    world.run_until("2031-05-06T12:00:00Z");
    ask(&mut world, 1, &carol(), None).unwrap();
    let given = etag(&world, 1);
    world.run_until("2031-05-07T12:00:00Z");
    let late = Rejection::SecondPerson { of: wave(1).to_string(), refusal: Refusal::NothingAwaits };
    assert_eq!(ask(&mut world, 1, &bob(), given), Err(late));
    ask(&mut world, 1, &bob(), None).unwrap();
    assert_eq!(world.stage(1), WaveStage::Open);
}

/// What was proposed a moment before the wish is decided after it.
#[test]
fn a_wave_that_somebody_wants_unwound_is_not_judged_by_an_earlier_proposal_either() {
    let mut world = World::running(30, SPRING);
    world.run_until("2031-05-07T06:00:00Z");
    let evaluate = world.gate_proposal(1);
    let ripe = moment("2031-05-07T08:00:00Z");
    let mut judged = world.clone();
    judged.now = ripe;
    assert_eq!(judged.submit(&evaluate), Ok(true));
    ask(&mut world, 1, &carol(), None).unwrap();
    world.now = ripe;
    assert_eq!((world.submit(&evaluate), world.stage(1)), (Ok(false), WaveStage::Soaking));
}

#[test]
fn only_what_its_own_wave_switched_on_is_switched_off_and_each_exactly_once() {
    let mut world = World::running(30, &side_by_side().replace("{practices: 10}\ngate", "{practices: 40}\ngate"));
    let (own, others) = (members(&world, 2), members(&world, 1));
    // One is not the wave's doing: it was on before its turn came.
    let by_itself = own[3];
    world.hold(HoldScope::Practice(code(by_itself)), HoldClass::Capacity, Brake::Hold);
    world.run_until("2031-05-06T12:00:00Z");
    world.observe(by_itself, Observed::On);
    world.settle();
    unwind(&mut world, 2);
    world.settle();
    assert_eq!(world.stage(2), WaveStage::Unwound);
    for number in others {
        assert_eq!(switches(&world, number), (1, 0), "{number} is in the other wave");
    }
    for number in own {
        let expected = if number == by_itself { (0, 0) } else { (1, 1) };
        assert_eq!(switches(&world, number), expected, "{number}");
        let facts = world.registry.view.get(code(number)).unwrap();
        let observed = facts.observed(&ods::Capability::default());
        assert_eq!(observed, if number == by_itself { Observed::On } else { Observed::Off });
    }
    let generations: Vec<u32> = world
        .effects
        .iter()
        .filter(|(_, key)| key.direction == Direction::Disable)
        .map(|(_, key)| key.generation)
        .collect();
    assert!(generations.iter().all(|generation| *generation == 2), "{generations:?}");
}

#[test]
fn no_hold_window_cap_or_notice_keeps_a_switch_off_back() {
    let mut world = World::running(30, &side_by_side());
    world.run_until("2031-05-06T12:00:00Z");
    assert_eq!(world.count_on(), 10, "the day's cap is used up");
    // At night, under a stop of everything.
    world.run_until("2031-05-08T22:00:00Z");
    world.hold(HoldScope::National, HoldClass::Safety, Brake::Stop);
    let on_by_2 = members(&world, 2).into_iter().filter(|number| world.is_on(code(*number))).count();
    assert!(on_by_2 > 10);
    unwind(&mut world, 2);
    world.settle();
    assert_eq!(world.stage(2), WaveStage::Unwound);
    assert_eq!(members(&world, 2).into_iter().filter(|number| world.is_on(code(*number))).count(), 0);
    assert!(
        world.effects.iter().filter(|(_, key)| key.direction == Direction::Disable).all(|(at, _)| *at == world.now)
    );
}

#[test]
fn what_is_not_sealed_is_given_up_and_what_was_sent_is_asked_back_before_anything_is_switched_off() {
    let slow = Behaviour::AppliesAfter(SignedDuration::from_mins(30));
    let mut world = World::running(30, &side_by_side().replace("{practices: 10}\ngate", "{practices: 40}\ngate"));
    world.suppliers.insert(supplier("TPP"), slow);
    world.suppliers.insert(supplier("EMIS"), Behaviour::LosesReplies);
    world.run_until("2031-05-06T07:00:00Z");
    assert!(world.count(2, EnrolmentState::Commanded) > 0 && world.count(2, EnrolmentState::Unknown) > 0);
    unwind(&mut world, 2);
    assert_eq!(world.stage(2), WaveStage::Unwinding);
    world.settle();
    // TPP had not done it and closes the keys; EMIS had, says so when it is asked, and is told to switch off.
    world.run_until("2031-05-06T12:00:00Z");
    assert_eq!(world.stage(2), WaveStage::Unwound);
    for number in members(&world, 2) {
        let expected =
            if number % 2 == 0 { ((1, 1), EnrolmentState::Reverted) } else { ((0, 0), EnrolmentState::NotApplied) };
        assert_eq!((switches(&world, number), world.enrolment(2, code(number))), expected, "{number}");
    }

    // Admitted, and the permit not asked for yet.
    let mut world = World::running(30, &side_by_side());
    world.run_until("2031-05-06T06:59:59Z");
    world.jump(moment("2031-05-06T07:00:00Z"));
    for _ in 0..3 {
        for command in step(&world.state, &world.registry.view, world.now).0 {
            world.submit(&command).unwrap();
        }
    }
    assert_eq!(world.count(1, EnrolmentState::Admitted), 10);
    unwind(&mut world, 1);
    assert_eq!(world.state.activations().count(), 0);
    world.settle();
    assert_eq!(
        (
            world.stage(1),
            world
                .effects
                .iter()
                .filter(|(_, key)| members(&world, 1).iter().any(|one| code(*one) == key.practice))
                .count()
        ),
        (WaveStage::Unwound, 0)
    );
    let gone = EnrolmentStage::Superseded { reason: Supersession::Unwound };
    assert!(world.state.wave(&wave(1)).unwrap().enrolments().all(|one| one.stage == gone));
}

/// I4: also where its wave never came to its turn. Who switched it on is not known, and nobody mends it.
#[test]
fn a_practice_of_an_unwound_wave_that_goes_live_by_itself_has_drifted() {
    let mut world = World::running(30, &side_by_side());
    // The day's cap is used up, and others wait.
    world.run_until("2031-05-06T12:00:00Z");
    unwind(&mut world, 2);
    world.settle();
    let gone = EnrolmentStage::Superseded { reason: Supersession::Unwound };
    let unwound = world.state.wave(&wave(2)).unwrap();
    let waited = |number: &u32| unwound.enrolment(code(*number)).unwrap().stage == gone;
    let practice = members(&world, 2).into_iter().find(waited).expect("somebody waited");
    assert_eq!(world.drifted(2, code(practice)), None);
    world.run_until("2031-05-07T12:00:00Z");
    world.observe(practice, Observed::On);
    world.run_until("2031-05-08T12:00:00Z");
    assert_eq!((world.drifted(2, code(practice)), switches(&world, practice)), (Some(Drift::On), (0, 0)));
}

#[test]
fn a_supplier_that_refuses_to_switch_off_is_asked_until_it_does() {
    let mut world = World::running(12, &one_wave("    until: 2031-05-09"));
    world.run_until("2031-05-06T12:00:00Z");
    world.suppliers.insert(supplier("TPP"), Behaviour::Refuses { retryable: true });
    unwind(&mut world, 1);
    world.run_until("2031-05-06T13:00:00Z");
    assert_eq!((world.stage(1), world.count(1, EnrolmentState::Reverting)), (WaveStage::Unwinding, 6));
    world.suppliers.insert(supplier("TPP"), Behaviour::Applies);
    world.run_until("2031-05-06T13:10:00Z");
    assert_eq!((world.stage(1), world.count_on()), (WaveStage::Unwound, 0));
}

#[test]
fn later_waves_of_the_plan_stay_shut_after_one_that_was_unwound() {
    let mut world = World::running(30, &SPRING.replace("    after: [1]\n", ""));
    world.run_until("2031-05-06T12:00:00Z");
    unwind(&mut world, 1);
    world.run_until("2031-05-30T17:00:00Z");
    assert_eq!((world.stage(2), world.count_on()), (WaveStage::Cancelled, 0));
    // A plan without it goes on.
    let later = SPRING.split("  - wave: 1").next().unwrap().to_owned()
        + "  - wave: 3\n    take: by-capacity\n    from: 2031-06-17\n    until: 2031-06-27\n";
    world.put_in_force(&later).unwrap();
    world.run_until("2031-06-27T17:00:00Z");
    assert_eq!(world.count_on(), 20);
}

#[test]
fn i22_who_was_reverted_is_taken_by_no_later_wave_but_one_that_names_it() {
    let mut world = World::running(12, &one_wave("    until: 2031-05-09"));
    world.run_until("2031-05-06T12:00:00Z");
    world.act(&carol(), Act::RevertPractice { wave: wave(1), practice: code(1) }).unwrap();
    world.settle();
    assert_eq!(
        (world.enrolment(1, code(1)), world.count_on(), switches(&world, 1)),
        (EnrolmentState::Reverted, 11, (1, 1))
    );
    let why = explain(&world.state, &world.registry.view, &target(code(1)), world.now);
    assert!(matches!(&why.blockers[..], [Blocker::Reverted { by, .. }] if *by == carol()), "{why}");
    assert_eq!(why.earliest_at, None);

    world.run_until("2031-05-14T12:00:00Z");
    let everybody = one_wave("    until: 2031-06-05\n    take: by-capacity")
        .replace("wave: 1", "wave: 2")
        .replace("2031-05-06", "2031-06-03");
    let plan = world.expand(&everybody).unwrap();
    let left_out = |reason: &rollout::plan::Unplaced, practice| {
        plan.unplaced.iter().any(|(why, all)| why == reason && all.contains(&practice))
    };
    assert!(left_out(&rollout::plan::Unplaced::Reverted, code(1)), "{plan}");
    world.put_in_force(&everybody).unwrap();
    world.run_until("2031-06-10T12:00:00Z");
    assert!(!world.is_on(code(1)));

    // A list that names it is people's decision: its author's, and its approver's.
    let named = one_wave("    until: 2031-07-03\n    practices: [A00001]")
        .replace("wave: 1", "wave: 3")
        .replace("2031-05-06", "2031-07-01");
    world.put_in_force(&named).unwrap();
    world.run_until("2031-07-03T12:00:00Z");
    assert_eq!((world.is_on(code(1)), switches(&world, 1)), (true, (2, 1)));
    assert_eq!((world.drifted(1, code(1)), world.drifted(3, code(1))), (None, None), "it is on as was decided last");
    // On again, nothing is left of it: it can be reverted anew.
    world.act(&carol(), Act::RevertPractice { wave: wave(3), practice: code(1) }).unwrap();
    world.settle();
    assert!(!world.is_on(code(1)));
}

#[test]
fn i22_a_plan_of_before_the_revert_does_not_take_it_up_whatever_it_lists() {
    // Another programme for the same capability has it on its list for later.
    let mut world = World::running(12, &one_wave("    until: 2031-05-09"));
    let other = one_wave("    until: 2031-06-05\n    practices: [A00001, A00002]")
        .replace("name: spring", "name: summer")
        .replace("2031-05-06", "2031-06-03");
    world.put_in_force(&other).unwrap();
    world.settle();
    world.tell_everybody();
    world.hold(HoldScope::Practice(code(2)), HoldClass::Capacity, Brake::Hold);
    world.run_until("2031-05-06T12:00:00Z");
    assert!(world.is_on(code(1)) && !world.is_on(code(2)));
    world.act(&carol(), Act::RevertPractice { wave: wave(1), practice: code(1) }).unwrap();
    world.run_until("2031-05-20T12:00:00Z");
    let hold = world.state.active_holds().next().unwrap().id;
    world.lift(hold);
    world.run_until("2031-06-10T12:00:00Z");
    assert!(!world.is_on(code(1)) && world.is_on(code(2)));
}

#[test]
fn a_revert_takes_a_person_a_reason_and_a_practice_that_is_on() {
    let mut world = World::running(12, &one_wave("    until: 2031-05-09"));
    world.hold(HoldScope::Practice(code(2)), HoldClass::Capacity, Brake::Hold);
    world.run_until("2031-05-06T12:00:00Z");
    let revert = |by: rollout::Account, reason: &str, practice| Command::Person {
        by,
        reason_code: reason.into(),
        act: Act::RevertPractice { wave: wave(1), practice },
    };
    assert_eq!(world.submit(&revert(rollout::Account::scheduler(), "TEST", code(1))), Err(Rejection::NotAPerson));
    assert_eq!(world.submit(&revert(carol(), "", code(1))), Err(Rejection::ReasonRequired));
    let stranger = Rejection::NotAMember { wave: wave(1), practice: code(99) };
    assert_eq!(world.submit(&revert(carol(), "TEST", code(99))), Err(stranger));
    let state = EnrolmentState::Enrolled;
    let not_on = Rejection::EnrolmentInState { wave: wave(1), practice: code(2), state };
    assert_eq!(world.submit(&revert(carol(), "TEST", code(2))), Err(not_on));
    world.submit(&revert(carol(), "TEST", code(1))).unwrap();
    let state = EnrolmentState::Reverting;
    let twice = Rejection::EnrolmentInState { wave: wave(1), practice: code(1), state };
    assert_eq!(world.submit(&revert(carol(), "TEST", code(1))), Err(twice));
    // A closed wave's practice can be reverted as well.
    world.run_until("2031-06-10T12:00:00Z");
    world.act(&carol(), Act::RevertPractice { wave: wave(1), practice: code(3) }).unwrap();
    world.settle();
    assert_eq!((world.stage(1), switches(&world, 3)), (WaveStage::Closed, (1, 1)));
}

/// A pause and people's order may ask for the same at once.
#[test]
fn a_practice_is_switched_off_once_whoever_asked_for_it() {
    let mut world = World::running(12, &one_wave("    until: 2031-05-09"));
    world.suppliers.insert(supplier("TPP"), Behaviour::AppliesAfter(SignedDuration::from_mins(30)));
    world.run_until("2031-05-06T07:00:00Z");
    world.pause(1, rollout::PauseEnd::FurtherNotice);
    world.registry.ask_off(code(2));
    world.pause(2, rollout::PauseEnd::FurtherNotice);
    unwind(&mut world, 1);
    world.run_until("2031-05-06T12:00:00Z");
    assert_eq!(world.stage(1), WaveStage::Unwound);
    for number in 1..=12 {
        let (on, off) = switches(&world, number);
        assert_eq!(on, off, "{number}");
    }
    let keys: std::collections::BTreeSet<_> = world.effects.iter().map(|(_, key)| key).collect();
    assert_eq!(keys.len(), world.effects.len());
}

#[test]
fn nobody_can_be_switched_off_by_a_proposal_that_no_order_stands_behind() {
    let mut world = World::running(12, &one_wave("    until: 2031-05-09"));
    world.run_until("2031-05-06T12:00:00Z");
    let candidate = rollout::DisableCandidate {
        target: target(code(1)),
        supplier: supplier("TPP"),
        mode: rollout::spec::Mode::Push,
        cause: rollout::state::Cause::Unwind { wave: wave(1) },
        generation_highest: 1,
    };
    let proposal = Proposal::Disable { practices: vec![candidate], registry_position: 1 };
    assert_eq!(world.submit(&Command::Propose(proposal)), Ok(false));
    assert_eq!(world.submit(&Command::Propose(Proposal::EndUnwinding { wave: wave(1) })), Ok(false));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases / 8, ..ProptestConfig::default() })]

    /// Whenever it is unwound, under whatever suppliers and holds: nobody is switched on by the wave afterwards, everybody
    /// it had switched on is off in the end, each by one DISABLE, and everybody else is as they were.
    #[test]
    fn an_unwinding_leaves_nobody_on_and_touches_nobody_else(
        minutes in -30_i64..4_000,
        tpp in 0_u8..5,
        emis in 0_u8..5,
        held in any::<bool>(),
        which in 1_u32..3,
        paused in prop::collection::btree_set(1_u32..=40, 0..6),
    ) {
        let behaviour = |how: u8| match how {
            0 => Behaviour::Applies,
            1 => Behaviour::AppliesAfter(SignedDuration::from_mins(95)),
            2 => Behaviour::LosesReplies,
            3 => Behaviour::LosesRequests,
            _ => Behaviour::RefusesAfter(SignedDuration::from_mins(20)),
        };
        let mut world = World::running(40, &side_by_side());
        world.suppliers.insert(supplier("TPP"), behaviour(tpp));
        world.suppliers.insert(supplier("EMIS"), behaviour(emis));
        world.run_until("2031-05-06T06:59:00Z");
        let at = world.now.checked_add(SignedDuration::from_mins(minutes.max(1))).unwrap();
        world.run_until(&at.to_string());
        for number in paused {
            world.pause(number, rollout::PauseEnd::FurtherNotice);
        }
        if held {
            world.hold(HoldScope::National, HoldClass::Legal, Brake::Stop);
        }
        prop_assume!(matches!(world.stage(which), WaveStage::Open | WaveStage::Draining | WaveStage::Soaking | WaveStage::Gate));
        let before = world.effects.len();
        unwind(&mut world, which);
        let begun = world.history.len();
        for name in ["TPP", "EMIS"] {
            let answers = matches!(world.suppliers[&supplier(name)], Behaviour::LosesReplies | Behaviour::LosesRequests);
            if !answers {
                world.suppliers.insert(supplier(name), Behaviour::Applies);
            }
        }
        let until = world.now.checked_add(SignedDuration::from_hours(24 * 3)).unwrap();
        world.run_until(&until.to_string());
        prop_assert_eq!(world.stage(which), WaveStage::Unwound);
        prop_assert!(world.state.ordered_off.is_empty());
        let own = members(&world, which);
        for (_, event) in &world.history[begun..] {
            if let rollout::Event::Sealed { keys, .. } = event {
                for (key, _) in keys {
                    let of_it = own.iter().any(|one| code(*one) == key.practice);
                    prop_assert!(!of_it || key.direction == Direction::Disable, "{} was sealed after", key);
                }
            }
        }
        for number in &own {
            let (on, off) = switches(&world, *number);
            prop_assert_eq!(on, off, "{}", number);
            let state = world.enrolment(which, code(*number));
            prop_assert!(on == 0 || state == EnrolmentState::Reverted, "{} is {}", number, state);
        }
        for (_, key) in &world.effects[before..] {
            let of_it = own.iter().any(|one| code(*one) == key.practice);
            prop_assert!(of_it || key.direction == Direction::Enable || !world.registry.view.get(key.practice).unwrap().pauses.is_empty(), "{} is in another wave", key);
        }
        prop_assert_eq!(world.folded(), world.state.clone());
    }
}

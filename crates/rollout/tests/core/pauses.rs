//! Pauses: whether one came in time is the permit's to say; objections decide a default; switch-offs pass everything
//! (I4, I22, rule 8, and the objections of `domain.md`).

use proptest::prelude::*;
use rollout::effects::pauses_to_tell;
use rollout::state::{
    Brake, Deferral, Desired, EnrolmentStage, EnrolmentState, HoldClass, HoldScope, PauseRef, Ruling, WaveStage,
    Withdrawal,
};
use rollout::{Command, Direction, Event, PauseEnd, Proposal, step};

use crate::world::{Behaviour, World, code, moment, one_wave, programme, supplier, target, wave};

/// Everybody on 6 May unless they object by 17:00 on 30 April; those go live on 3 June.
fn deferring() -> String {
    one_wave(
        "    objections_until: 2031-04-30T17:00
    deferred_to: 2
  - wave: 2
    cohort: \"false\"
    from: 2031-06-03
    until: 2031-06-05",
    )
}

/// 17:00 on 30 April in London.
const OBJECTIONS_END: &str = "2031-04-30T16:00:00Z";

#[test]
fn an_objection_at_the_last_moment_is_in_time_and_a_microsecond_later_is_late() {
    let mut world = World::running(12, &deferring());
    let end = moment(OBJECTIONS_END);
    let after = end.checked_add(jiff::SignedDuration::from_micros(1)).unwrap();
    world.registry.pause(code(1), PauseEnd::ProgrammeDefault, end);
    world.registry.pause(code(2), PauseEnd::ProgrammeDefault, after);
    world.run_until("2031-05-06T12:00:00Z");

    let stage =
        |world: &World, number| world.state.wave(&wave(1)).unwrap().enrolment(code(number)).unwrap().stage.clone();
    assert_eq!(stage(&world, 1), EnrolmentStage::Deferred { reason: Deferral::Objected { to: wave(2).wave } });
    assert_eq!(stage(&world, 2), EnrolmentStage::Withdrawn { reason: Withdrawal::Paused { number: 1, late: true } });
    assert_eq!(world.count_on(), 10);

    // The one in time goes live with the later wave; the late one is honoured until the practice lifts it.
    world.run_until("2031-06-30T12:00:00Z");
    assert_eq!(world.count_on(), 11);
    assert!(world.is_on(code(1)) && !world.is_on(code(2)));
}

#[test]
fn nobody_is_judged_before_objections_have_ended() {
    let mut world = World::running(12, &deferring());
    world.pause(1, PauseEnd::ProgrammeDefault);
    world.run_until("2031-04-30T16:00:00Z");
    assert_eq!((world.stage(1), world.count_events("pauses-judged")), (WaveStage::Notice, 0));
    // Whoever takes it back in time has not objected.
    world.registry.resume(code(1));
    world.run_until("2031-05-06T12:00:00Z");
    assert_eq!(world.count_on(), 12);
}

#[test]
fn the_registry_is_told_each_judgement_and_then_the_end_of_the_pause() {
    let mut world = World::running(12, &deferring());
    world.pause(1, PauseEnd::ProgrammeDefault);
    world.run_until("2031-04-30T16:00:00Z");
    world.jump(moment("2031-04-30T16:00:00.000001Z"));
    for command in step(&world.state, &world.registry.view, world.now).0 {
        world.submit(&command).unwrap();
    }
    let told = pauses_to_tell(&world.state, 10);
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].ruling, Ruling::InTime { deferred_to: wave(2).wave, until: None });
    assert_eq!(told[0].deferred_to, Some(wave(2)));
    world.settle();
    assert_eq!(pauses_to_tell(&world.state, 10), []);

    world.run_until("2031-06-03T12:00:00Z");
    let rulings: Vec<&Ruling> = world
        .history
        .iter()
        .filter_map(|(_, event)| match event {
            Event::PausesJudged { rulings, .. } => Some(rulings),
            _ => None,
        })
        .flatten()
        .map(|(_, ruling)| ruling)
        .collect();
    let opened = Some(moment("2031-06-03T07:00:00Z"));
    assert_eq!(rulings[1], &Ruling::InTime { deferred_to: wave(2).wave, until: opened });
    assert!(world.is_on(code(1)));
}

#[test]
fn each_pause_is_judged_also_behind_one_until_further_notice() {
    let mut world = World::running(12, &deferring());
    world.pause(1, PauseEnd::FurtherNotice);
    world.pause(1, PauseEnd::ProgrammeDefault);
    world.pause(2, PauseEnd::ProgrammeDefault);
    world.pause(2, PauseEnd::FurtherNotice);
    world.pause(3, PauseEnd::FurtherNotice);
    let late = moment("2031-04-30T16:00:00.000001Z");
    world.registry.pause(code(3), PauseEnd::ProgrammeDefault, late);
    world.run_until("2031-05-06T12:00:00Z");
    let ruling = |practice, number| &world.state.judgements[&PauseRef { practice, number }].ruling;
    let in_time = Ruling::InTime { deferred_to: wave(2).wave, until: None };
    assert_eq!((ruling(code(1), 2), ruling(code(2), 1), ruling(code(3), 2)), (&in_time, &in_time, &Ruling::Late));
    // Whoever has a pause until further notice goes nowhere.
    for (number, pause) in [(1, 1), (2, 2), (3, 1)] {
        let enrolment = world.state.wave(&wave(1)).unwrap().enrolment(code(number)).unwrap();
        let reason = Withdrawal::Paused { number: pause, late: false };
        assert_eq!(enrolment.stage, EnrolmentStage::Withdrawn { reason });
    }
    assert!(world.state.wave(&wave(2)).unwrap().enrolments().next().is_none());
    world.run_until("2031-06-30T12:00:00Z");
    assert_eq!(world.count_on(), 9);
}

#[test]
fn a_hold_on_the_later_wave_keeps_the_pause() {
    let mut world = World::running(12, &deferring());
    world.pause(1, PauseEnd::ProgrammeDefault);
    world.run_until("2031-06-02T12:00:00Z");
    world.hold(HoldScope::Wave(wave(2)), HoldClass::Safety, Brake::Hold);
    world.run_until("2031-06-30T12:00:00Z");
    assert!(!world.is_on(code(1)));
    assert!(world.registry.view.get(code(1)).unwrap().pauses[0].in_force);
}

#[test]
fn a_wave_to_which_nobody_was_deferred_ends_without_a_gate() {
    let mut world = World::running(12, &deferring());
    world.run_until("2031-06-30T12:00:00Z");
    assert_eq!((world.stage(1), world.stage(2)), (WaveStage::Closed, WaveStage::Cancelled));
    assert_eq!(world.state.active_holds().count(), 0);
}

#[test]
fn i22_a_practice_that_paused_is_not_admitted_again_when_it_resumes() {
    let mut world = World::running(12, &one_wave("    until: 2031-05-09"));
    let hold = world.hold(HoldScope::Programme(programme()), HoldClass::Capacity, Brake::Hold);
    world.run_until("2031-05-05T12:00:00Z");
    world.lift(hold);
    let hold = world.hold(HoldScope::Practice(code(1)), HoldClass::Capacity, Brake::Hold);
    world.run_until("2031-05-06T12:00:00Z");
    world.pause(1, PauseEnd::FurtherNotice);
    world.settle();
    assert_eq!(world.enrolment(1, code(1)), EnrolmentState::Withdrawn);
    world.registry.resume(code(1));
    world.lift(hold);
    world.run_until("2031-05-30T12:00:00Z");
    assert!(!world.is_on(code(1)));
    assert_eq!(world.count_on(), 11);
}

#[test]
fn a_pause_that_ends_before_the_wave_does_not_withdraw() {
    let mut world = World::running(12, &deferring());
    world.pause(1, PauseEnd::Until(moment("2031-05-03T00:00:00Z")));
    world.run_until("2031-05-06T12:00:00Z");
    assert_eq!(world.count_on(), 12);
}

#[test]
fn a_pause_with_an_open_permit_is_reversed_by_exactly_one_switch_off() {
    let mut world = World::running(12, &one_wave(""));
    world.suppliers.insert(supplier("TPP"), Behaviour::AppliesAfter(jiff::SignedDuration::from_hours(3)));
    world.run_until("2031-05-06T08:00:00Z");
    world.pause(1, PauseEnd::FurtherNotice);
    // Nothing holds a switch-off: neither a hold, nor the night.
    world.hold(HoldScope::National, HoldClass::Safety, Brake::Hold);
    world.run_until("2031-05-06T20:00:00Z");
    assert!(!world.is_on(code(1)));
    let of_one: Vec<_> = world.effects.iter().filter(|(_, key)| key.practice == code(1)).collect();
    assert_eq!(
        of_one.iter().map(|(_, key)| key.direction).collect::<Vec<_>>(),
        [Direction::Enable, Direction::Disable]
    );
    assert_eq!(of_one.iter().map(|(_, key)| key.generation).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(world.enrolment(1, code(1)), EnrolmentState::Reverted);
    assert_eq!(world.state.access(&target(code(1))).unwrap().desired, Desired::Off);
    assert!(world.registry.view.get(code(1)).unwrap().pauses[0].pending_on.is_empty());
}

#[test]
fn an_overtaken_switch_off_is_dropped() {
    let mut world = World::running(12, &one_wave(""));
    world.suppliers.insert(supplier("TPP"), Behaviour::AppliesAfter(jiff::SignedDuration::from_mins(3)));
    world.run_until("2031-05-06T07:01:00Z");
    world.pause(1, PauseEnd::FurtherNotice);
    world.run_until("2031-05-06T07:02:59Z");
    world.jump(moment("2031-05-06T07:03:00Z"));
    world.perform();
    let commands = step(&world.state, &world.registry.view, world.now).0;
    let disable = commands.into_iter().find(|one| matches!(one, Command::Propose(Proposal::Disable { .. }))).unwrap();
    assert_eq!(world.submit(&disable), Ok(true));
    assert_eq!(world.submit(&disable), Ok(false));
    world.run_until("2031-05-06T12:00:00Z");
    assert!(!world.is_on(code(1)));
    assert_eq!(world.submit(&disable), Ok(false));
}

#[test]
fn a_switch_off_is_tried_until_it_succeeds() {
    let mut world = World::running(12, &one_wave(""));
    world.suppliers.insert(supplier("TPP"), Behaviour::AppliesAfter(jiff::SignedDuration::from_hours(3)));
    world.run_until("2031-05-06T08:00:00Z");
    world.pause(1, PauseEnd::FurtherNotice);
    world.run_until("2031-05-06T09:59:59Z");
    world.suppliers.insert(supplier("TPP"), Behaviour::Refuses { retryable: false });
    world.run_until("2031-05-06T11:30:00Z");
    assert!(world.is_on(code(1)));
    world.suppliers.insert(supplier("TPP"), Behaviour::Applies);
    world.run_until("2031-05-06T11:40:00Z");
    assert!(!world.is_on(code(1)));
    assert_eq!(world.effects.iter().filter(|(_, key)| key.direction == Direction::Disable).count(), 1);
}

#[test]
fn a_request_to_take_access_away_switches_off_what_is_on() {
    let mut world = World::running(12, &one_wave(""));
    world.run_until("2031-05-06T12:00:00Z");
    world.registry.ask_off(code(4));
    world.pause(4, PauseEnd::FurtherNotice);
    world.settle();
    assert!(!world.is_on(code(4)));
    assert_eq!(world.count_on(), 11);
    // A practice that is off already has nothing taken away.
    world.registry.ask_off(code(4));
    world.settle();
    assert_eq!(world.effects.iter().filter(|(_, key)| key.direction == Direction::Disable).count(), 1);
}

#[test]
fn a_pause_gives_the_slot_of_an_admitted_practice_back() {
    let mut world = World::running(12, &one_wave(""));
    world.run_until("2031-05-06T06:59:59Z");
    world.jump(moment("2031-05-06T07:00:00Z"));
    while world.count(1, EnrolmentState::Admitted) == 0 {
        for command in step(&world.state, &world.registry.view, world.now).0 {
            world.submit(&command).unwrap();
        }
    }
    world.pause(1, PauseEnd::FurtherNotice);
    for command in step(&world.state, &world.registry.view, world.now).0 {
        world.submit(&command).unwrap();
    }
    assert_eq!(world.enrolment(1, code(1)), EnrolmentState::Withdrawn);
    assert_eq!(
        world.state.programme(&programme()).unwrap().in_flight.of(&rollout::state::CapScope::National).practices,
        11
    );
    world.settle();
    assert_eq!(world.count_on(), 11);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases / 6, ..ProptestConfig::default() })]

    /// I4 and I1: wherever between two calls a pause falls, a practice whose pause was answered PREVENTED or PENDING is
    /// off at rest, and what was switched on is switched off exactly once.
    #[test]
    fn i04_at_rest_no_practice_is_on_whose_pause_came_before_it_was(
        moves in prop::collection::vec(0_u8..6, 0..40),
        pauses in prop::collection::vec((0_usize..40, 1_u32..9), 1..6),
        slow in any::<bool>(),
    ) {
        let mut world = World::running(8, &one_wave("    until: 2031-05-09"));
        if slow {
            let after = Behaviour::AppliesAfter(jiff::SignedDuration::from_mins(7));
            world.suppliers.insert(supplier("TPP"), after);
        }
        world.run_until("2031-05-06T06:59:59Z");
        world.jump(moment("2031-05-06T07:00:00Z"));
        let mut answered = std::collections::BTreeMap::new();
        for (round, kind) in moves.into_iter().enumerate() {
            for (_, number) in pauses.iter().filter(|(at, _)| *at == round) {
                let on = world.registry.view.get(code(*number)).unwrap().observed(&target(code(1)).capability);
                world.pause(*number, PauseEnd::FurtherNotice);
                answered.entry(*number).or_insert(on != rollout::Observed::On);
            }
            match kind {
                0 => { world.ask_permits(); }
                1 => { world.perform(); }
                _ => {
                    for command in step(&world.state, &world.registry.view, world.now).0 {
                        prop_assert!(matches!(command, Command::Propose(_)));
                        world.submit(&command).unwrap();
                    }
                }
            }
        }
        world.run_until("2031-05-06T18:00:00Z");
        for (number, came_before) in answered {
            prop_assert!(!came_before || !world.is_on(code(number)), "A{number:05} is on");
        }
        for number in 1..9 {
            let of_one = world.effects.iter().filter(|(_, key)| key.practice == code(number));
            let enables = of_one.clone().filter(|(_, key)| key.direction == Direction::Enable).count();
            prop_assert!(enables <= 1 && of_one.count() <= 2);
        }
    }
}

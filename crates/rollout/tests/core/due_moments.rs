//! Due moments: each has exactly one outcome, nothing is caught up, closed days stay closed (rules 1 to 3, I12 to I16).

use jiff::civil::date;
use rollout::calendar::Freeze;
use rollout::state::{Due, DueOutcome, EnrolmentState, MissReason, SkipPolicy, WaveStage};
use rollout::{Act, explain, next_due, step};

use crate::world::{
    Behaviour, SPRING, World, alice, begun, calendar, moment, one_wave, programme, supplier, target, wave,
};

fn outcomes(world: &World, kind: &str) -> Vec<(String, String)> {
    let due = &world.state.programme(&programme()).unwrap().due;
    let of_kind = due.iter().filter(|(due, _)| due.kind.as_str() == kind);
    of_kind.map(|(due, record)| (due.at.to_string(), record.outcome.to_string())).collect()
}

fn named(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(at, outcome)| ((*at).to_owned(), (*outcome).to_owned())).collect()
}

#[test]
fn i12_each_window_of_a_wave_has_its_outcome() {
    let mut world = World::running(25, SPRING);
    world.run_until("2031-06-10T00:00:00Z");
    let outcomes = outcomes(&world, "WINDOW_OPENS");
    assert_eq!(
        outcomes,
        named(&[
            ("2031-05-06T07:00:00Z", "STARTED"),
            ("2031-05-07T07:00:00Z", "SKIPPED (nobody was waiting)"),
            ("2031-05-12T07:00:00Z", "STARTED"),
            ("2031-05-13T07:00:00Z", "STARTED"),
            ("2031-05-14T07:00:00Z", "SKIPPED (nobody was waiting)"),
        ])
    );
    assert!(world.state.programme(&programme()).unwrap().due_pending.is_empty());
}

#[test]
fn i13_after_an_outage_nothing_is_caught_up_and_the_next_window_takes_no_more_than_its_own() {
    let mut world = World::running(60, SPRING);
    world.run_until("2031-05-12T06:00:00Z");
    // Asleep from Monday morning to Wednesday night.
    world.jump(moment("2031-05-14T20:00:00Z"));
    world.settle();
    assert_eq!(world.count_on(), 10);
    world.run_until("2031-05-15T12:00:00Z");
    assert_eq!(world.count_on(), 20);
    let missed = outcomes(&world, "WINDOW_OPENS")
        .into_iter()
        .filter(|(_, outcome)| outcome.starts_with("MISSED"))
        .collect::<Vec<_>>();
    assert_eq!(
        missed,
        named(&[
            ("2031-05-12T07:00:00Z", "MISSED (the scheduler was not running)"),
            ("2031-05-13T07:00:00Z", "MISSED (the scheduler was not running)"),
            ("2031-05-14T07:00:00Z", "MISSED (the scheduler was not running)"),
        ])
    );
}

#[test]
fn i14_time_going_backwards_repeats_nothing_and_forwards_skips_nothing_silently() {
    let mut world = World::running(60, SPRING);
    world.run_until("2031-05-12T12:00:00Z");
    let done = (world.effects.len(), outcomes(&world, "WINDOW_OPENS"));
    // Before today's window, before yesterday's wave, and again through both.
    for earlier in ["2031-05-12T06:59:00Z", "2031-05-06T06:59:00Z"] {
        world.jump(moment(earlier));
        world.settle();
        world.run_until("2031-05-12T17:30:00Z");
        assert_eq!((world.effects.len(), outcomes(&world, "WINDOW_OPENS")), done, "back at {earlier}");
    }
    world.jump(moment("2031-05-15T20:00:00Z"));
    world.settle();
    let skipped = outcomes(&world, "WINDOW_OPENS").split_off(done.1.len());
    let days = ["2031-05-13T07:00:00Z", "2031-05-14T07:00:00Z", "2031-05-15T07:00:00Z"];
    assert_eq!(skipped, named(&days.map(|day| (day, "MISSED (the scheduler was not running)"))));
    assert_eq!(world.effects.len(), done.0);
}

#[test]
fn a_start_after_an_outage_within_the_window_is_late() {
    let mut world = World::running(20, &one_wave(""));
    world.run_until("2031-05-06T06:00:00Z");
    world.jump(moment("2031-05-06T16:59:59Z"));
    world.settle();
    assert_eq!(world.count_on(), 20);
    assert_eq!(outcomes(&world, "WINDOW_OPENS"), named(&[("2031-05-06T07:00:00Z", "LATE_STARTED")]));
}

#[test]
fn an_outage_over_the_whole_wave_ends_it_unopened() {
    let mut world = World::running(20, &one_wave(""));
    world.run_until("2031-05-06T06:00:00Z");
    world.jump(moment("2031-05-06T17:00:00Z"));
    world.settle();
    assert_eq!((world.stage(1), world.count_on()), (WaveStage::Cancelled, 0));
    assert_eq!(world.count(1, EnrolmentState::Deferred), 20);
}

#[test]
fn i16_a_holiday_announced_after_approval_takes_effect() {
    let mut world = World::running(40, SPRING);
    world.run_until("2031-05-12T12:00:00Z");
    let mut calendar = calendar();
    calendar.bank_holidays.announce(date(2031, 5, 13), "Day of mourning");
    world.act(&alice(), Act::UpdateCalendar { calendar }).unwrap();
    world.run_until("2031-05-13T20:00:00Z");
    assert_eq!(world.count_on(), 20);
    let due = &world.state.programme(&programme()).unwrap().due;
    let skipped: Vec<(&Due, &DueOutcome)> = due
        .iter()
        .filter(|(_, record)| matches!(record.outcome, DueOutcome::Skipped { reason: SkipPolicy::Closed { .. } }))
        .map(|(due, record)| (due, &record.outcome))
        .collect();
    assert_eq!(skipped.len(), 1);
    assert_eq!(skipped[0].1.to_string(), "SKIPPED (bank holiday: Day of mourning)");
    world.run_until("2031-05-14T20:00:00Z");
    assert_eq!(world.count_on(), 30);
}

#[test]
fn a_national_freeze_stops_a_window_that_is_open() {
    let mut world = World::running(40, SPRING);
    world.suppliers.insert(supplier("TPP"), Behaviour::Refuses { retryable: true });
    world.run_until("2031-05-06T07:10:00Z");
    let before = world.count_on();
    let mut calendar = calendar();
    calendar.freeze_days.add(Freeze::new(date(2031, 5, 6), date(2031, 5, 7), "incident").unwrap());
    world.act(&alice(), Act::UpdateCalendar { calendar }).unwrap();
    world.suppliers.insert(supplier("TPP"), Behaviour::Applies);
    world.run_until("2031-05-08T20:00:00Z");
    assert_eq!(world.count_on(), before);
}

#[test]
fn a_permit_that_comes_after_the_window_has_closed_is_given_back() {
    let mut world = World::running(20, &one_wave("    until: 2031-05-07"));
    world.run_until("2031-05-06T06:59:59Z");
    world.jump(moment("2031-05-06T16:59:59Z"));
    while world.count(1, EnrolmentState::Admitted) == 0 {
        for command in step(&world.state, &world.registry.view, world.now).0 {
            world.submit(&command).unwrap();
        }
    }
    world.jump(moment("2031-05-06T17:00:00Z"));
    world.settle();
    assert_eq!((world.count_on(), world.count(1, EnrolmentState::Enrolled)), (0, 20));
    world.run_until("2031-05-07T12:00:00Z");
    assert_eq!(world.count_on(), 20);
}

#[test]
fn weekends_and_holidays_take_nobody() {
    // From Thursday 22 May over a bank holiday Monday.
    let text = SPRING.replace("2031-05-12", "2031-05-22").replace("2031-05-30", "2031-05-28");
    let mut world = World::running(50, &text);
    world.run_until("2031-05-23T18:00:00Z");
    assert_eq!(world.count_on(), 30);
    world.run_until("2031-05-27T06:59:59Z");
    assert_eq!(world.count_on(), 30);
    world.run_until("2031-05-28T18:00:00Z");
    assert_eq!(world.count_on(), 50);
}

#[test]
fn a_wave_can_be_moved_to_a_later_date_only() {
    let mut world = World::running(20, &one_wave(""));
    let move_to = |from| Act::RescheduleWave { wave: wave(1), from };
    assert!(world.act(&alice(), move_to(date(2031, 5, 5))).is_err());
    assert!(world.act(&alice(), move_to(date(2031, 5, 6))).is_err());
    // A Saturday has no window.
    assert!(world.act(&alice(), move_to(date(2031, 5, 10))).is_err());
    world.act(&alice(), move_to(date(2031, 5, 15))).unwrap();
    world.settle();
    world.run_until("2031-05-14T20:00:00Z");
    assert_eq!(world.count_on(), 0);
    world.run_until("2031-05-15T12:00:00Z");
    assert_eq!(world.count_on(), 20);
    assert!(outcomes(&world, "WINDOW_OPENS").contains(&("2031-05-06T07:00:00Z".into(), "SUPERSEDED".into())));
}

#[test]
fn a_wave_that_was_cancelled_takes_nobody() {
    let mut world = World::running(20, &one_wave(""));
    world.act(&alice(), Act::CancelWave { wave: wave(1) }).unwrap();
    world.run_until("2031-05-30T12:00:00Z");
    assert_eq!((world.count_on(), world.stage(1)), (0, WaveStage::Cancelled));
    assert!(world.act(&alice(), Act::CancelWave { wave: wave(1) }).is_err());
}

#[test]
fn the_next_due_moment_lies_ahead_and_names_the_next_window() {
    let mut world = World::running(20, &one_wave(""));
    let next = next_due(&world.state, &world.registry.view, world.now);
    assert_eq!(next, Some(moment("2031-05-06T07:00:00Z")));
    world.run_until("2031-06-30T12:00:00Z");
    assert_eq!(next_due(&world.state, &world.registry.view, world.now), None);
}

#[test]
fn nobody_ready_is_said_of_a_window_that_nobody_could_use() {
    let mut world = World::running(6, &one_wave(""));
    for number in 1..=6 {
        world.registry.change(crate::world::code(number), |facts| facts.readiness = vec![begun("staff-training")]);
    }
    world.run_until("2031-05-07T12:00:00Z");
    let missed = DueOutcome::Missed { reason: MissReason::NobodyReady };
    assert_eq!(outcomes(&world, "WINDOW_OPENS"), named(&[("2031-05-06T07:00:00Z", &missed.to_string())]));
}

#[test]
fn a_supplier_that_has_frozen_a_day_lets_only_its_own_practices_wait() {
    let release = "TPP: {mode: push, freezes: [{first: 2031-05-06, last: 2031-05-07, why: TPP release 9}]}";
    let mut world = World::running(10, &one_wave("    until: 2031-05-09").replace("TPP: {mode: push}", release));
    let of_tpp = |world: &World| {
        let wave = world.state.wave(&wave(1)).unwrap();
        wave.enrolments().filter(|one| one.supplier == supplier("TPP")).map(|one| one.practice).collect::<Vec<_>>()
    };
    world.run_until("2031-05-06T10:00:00Z");
    assert_eq!((world.count_on(), of_tpp(&world).len()), (5, 5));
    let told = explain(&world.state, &world.registry.view, &target(of_tpp(&world)[0]), world.now);
    let said: Vec<String> = told.blockers.iter().map(ToString::to_string).collect();
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].contains("freeze day: TPP release 9"), "{said:?}");
    assert_eq!(told.earliest_at, Some(moment("2031-05-08T07:00:00Z")));
    world.run_until("2031-05-07T20:00:00Z");
    assert_eq!(world.count_on(), 5);
    world.run_until("2031-05-08T07:30:00Z");
    assert_eq!(world.count_on(), 10);
    world.run_until("2031-05-10T20:00:00Z");
    assert_eq!(
        outcomes(&world, "WINDOW_OPENS"),
        named(&[
            ("2031-05-06T07:00:00Z", "STARTED"),
            ("2031-05-07T07:00:00Z", "SKIPPED (frozen by the suppliers of all who waited: TPP release 9)"),
            ("2031-05-08T07:00:00Z", "STARTED"),
            ("2031-05-09T07:00:00Z", "SKIPPED (nobody was waiting)"),
        ])
    );
}

#[test]
fn somebody_whose_supplier_has_not_frozen_the_day_makes_it_one_that_was_missed() {
    let release = "TPP: {mode: push, freezes: [{first: 2031-05-06, last: 2031-05-06, why: TPP release 9}]}";
    let mut world = World::running(4, &one_wave("    until: 2031-05-07").replace("TPP: {mode: push}", release));
    for number in 1..=4 {
        world.registry.change(crate::world::code(number), |facts| facts.readiness = vec![begun("staff-training")]);
    }
    world.run_until("2031-05-06T20:00:00Z");
    assert_eq!(outcomes(&world, "WINDOW_OPENS"), named(&[("2031-05-06T07:00:00Z", "MISSED (nobody was ready)")]));
}

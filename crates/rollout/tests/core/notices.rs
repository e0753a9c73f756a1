//! Notice of N working days, delivered (rule 11).

use jiff::civil::date;
use rollout::spec::Wrong;
use rollout::state::{Deferral, EnrolmentStage, EnrolmentState};
use rollout::{Fact, Rejection, effects};

use crate::world::{SPRING, World, code, moment, one_wave, practice, wave};

fn tell(world: &mut World, practices: Vec<u32>) {
    let practices = practices.into_iter().map(code).collect();
    let (wave, channel) = (wave(1), "letter".to_owned());
    world.learn(Fact::NoticeDelivered { wave, practices, delivered_at: world.now, channel });
}

fn untold() -> World {
    let mut world = World::new((1..=6).map(practice));
    world.put_in_force(&one_wave("    until: 2031-05-08")).unwrap();
    world.settle();
    world
}

#[test]
fn nobody_goes_live_without_delivered_notice() {
    let mut world = untold();
    assert_eq!(effects::notices_to_give(&world.state, &wave(1)).len(), 6);
    tell(&mut world, vec![1, 2]);
    assert_eq!(effects::notices_to_give(&world.state, &wave(1)).len(), 4);
    world.run_until("2031-05-30T12:00:00Z");
    assert_eq!(world.count_on(), 2);
    let stage = world.state.wave(&wave(1)).unwrap().enrolment(code(3)).unwrap().stage.clone();
    assert_eq!(stage, EnrolmentStage::Deferred { reason: Deferral::NoNotice });
}

#[test]
fn ten_working_days_are_counted_over_a_bank_holiday_and_the_day_of_go_live_does_not_count() {
    // To Tuesday 6 May, over the holiday of the 5th, ten working days reach back to Monday 21 April.
    for (delivered, on_the_first_day, in_all) in
        [("2031-04-21T22:59:59Z", 6, 6), ("2031-04-21T23:00:00Z", 0, 6), ("2031-04-23T23:00:00Z", 0, 0)]
    {
        let mut world = untold();
        world.run_until(delivered);
        tell(&mut world, Vec::new());
        world.run_until("2031-05-06T17:00:00Z");
        assert_eq!(world.count_on(), on_the_first_day, "{delivered}");
        world.run_until("2031-05-09T00:00:00Z");
        assert_eq!(world.count_on(), in_all, "{delivered}");
    }
}

#[test]
fn a_later_date_needs_no_new_notice_and_an_earlier_one_does() {
    let mut world = World::running(60, SPRING);
    // Wave 2, told of 12 May, moves to 14 May: that notice holds.
    world.put_in_force(&SPRING.replace("2031-05-12", "2031-05-14")).unwrap();
    world.settle();
    assert_eq!(world.count(2, EnrolmentState::Notified), 50);
    // And to 8 May, with too few working days left to tell anybody again.
    world.run_until("2031-04-28T12:00:00Z");
    let earlier = SPRING.replace("2031-05-12", "2031-05-08");
    let refused = world.put_in_force(&earlier).unwrap_err();
    let wrong = Wrong::NoticeTooShort { working_days: 10, earliest: date(2031, 5, 13) };
    assert!(
        matches!(&refused, Rejection::Invalid(all) if all.len() == 1 && all[0].field == "waves[1].from" && all[0].wrong == wrong),
        "{refused:?}"
    );
}

#[test]
fn an_earlier_date_with_time_to_tell_everybody_again_takes_whom_the_new_notice_reached() {
    let mut world = World::running(60, SPRING);
    world.put_in_force(&SPRING.replace("2031-05-12", "2031-05-08")).unwrap();
    world.settle();
    assert_eq!(world.count(2, EnrolmentState::Candidate), 50);
    let practice = world.state.wave(&wave(2)).unwrap().enrolments().next().unwrap().practice;
    let (wave, channel) = (wave(2), "e-mail".to_owned());
    let delivered_at = world.now;
    world.learn(Fact::NoticeDelivered { wave, practices: vec![practice], delivered_at, channel });
    world.run_until("2031-05-08T17:00:00Z");
    assert_eq!(world.count_on(), 11);
    assert!(world.is_on(practice));
}

/// Rule 2: nobody knows whether days after the last known bank holiday, 26 December, are working days.
#[test]
fn notice_that_reaches_beyond_the_known_holidays_is_refused_when_it_is_planned() {
    let wrong = Wrong::NoticeUncountable { working_days: 10, last_known: Some(date(2031, 12, 26)) };
    let is_refused = |refused: Result<(), Rejection>, field: &str| {
        let found = match &refused {
            Err(Rejection::Invalid(all)) => all.iter().any(|one| one.field == field && one.wrong == wrong),
            _ => false,
        };
        assert!(found, "{refused:?}");
    };
    // Where nobody was told of anything yet.
    let mut world = World::new((1..=6).map(practice));
    world.jump(moment("2031-12-15T09:00:00Z"));
    is_refused(
        world.put_in_force(&one_wave("    until: 2031-12-23").replace("2031-05-06", "2031-12-22")),
        "waves[0].from",
    );
    // Where some were told of an earlier wave, and the others were not.
    let mut world = untold();
    tell(&mut world, vec![1, 2]);
    world.run_until("2031-12-15T09:00:00Z");
    assert_eq!(world.count_on(), 2);
    let later = one_wave("    until: 2031-12-23").replace("wave: 1", "wave: 2").replace("2031-05-06", "2031-12-22");
    is_refused(world.put_in_force(&later), "waves[0].from");
    // A day later than the last working day on which there was time, it is too short; on that day it is not.
    let told_on = |day: &str| {
        let mut world = World::new((1..=6).map(practice));
        world.jump(moment(day));
        world.put_in_force(&one_wave("    until: 2031-12-23").replace("2031-05-06", "2031-12-22"))
    };
    assert_eq!(told_on("2031-12-08T09:00:00Z"), Ok(()));
    assert!(told_on("2031-12-09T09:00:00Z").is_err());
}

#[test]
fn notice_cannot_be_delivered_in_the_future_or_to_strangers() {
    let mut world = untold();
    let ahead = moment("2031-04-01T08:00:00.000001Z");
    let notice = |practices, delivered_at| {
        let (wave, channel) = (wave(1), "letter".to_owned());
        rollout::Command::Learn(Fact::NoticeDelivered { wave, practices, delivered_at, channel })
    };
    let refused = world.submit(&notice(Vec::new(), ahead));
    assert_eq!(refused, Err(Rejection::NoticeInFuture { delivered_at: ahead }));
    let now = world.now;
    let refused = world.submit(&notice(vec![code(99)], now));
    assert_eq!(refused, Err(Rejection::NotAMember { wave: wave(1), practice: code(99) }));
}

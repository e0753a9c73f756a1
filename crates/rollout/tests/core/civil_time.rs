//! Days on which civil time is odd, and outages of any length (rules 1 to 3, I12, I13, I16).

use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;
use jiff::civil::{Date, date};
use rollout::calendar::{BankHolidays, Calendar, civil_date};
use rollout::state::DueKind;
use rollout::{Act, ActivationKey};

use crate::world::{Behaviour, SPRING, World, alice, moment, practice, programme, supplier, wave};

/// A world that begins at another moment than the others, with everybody told of waves under a cap of ten a day.
fn begun_at(start: &str, holidays: &[(Date, &str)], wave: &str) -> World {
    let mut world = World::new((1..=60).map(practice));
    world.now = moment(start);
    let bank_holidays = holidays.iter().map(|(day, title)| (*day, *title)).collect::<BankHolidays>();
    world.act(&alice(), Act::UpdateCalendar { calendar: Calendar { bank_holidays, ..Calendar::default() } }).unwrap();
    let head = SPRING.split("waves:").next().unwrap();
    world.put_in_force(&format!("{head}waves:\n{wave}")).unwrap();
    world.settle();
    world.tell_everybody();
    world.settle();
    world
}

fn live_by_day(world: &World) -> BTreeMap<Date, usize> {
    let mut by_day = BTreeMap::new();
    for (at, _) in &world.effects {
        *by_day.entry(civil_date(*at)).or_default() += 1;
    }
    by_day
}

/// The windows of the first wave, each with its outcome.
fn windows(world: &World) -> Vec<(jiff::Timestamp, String)> {
    let due = &world.state.programme(&programme()).unwrap().due;
    let windows = due.iter().filter(|(due, _)| matches!(due.kind, DueKind::WindowOpens { .. }));
    windows.map(|(due, record)| (due.at, record.outcome.to_string())).collect()
}

#[test]
fn i16_the_holiday_of_september_2022_takes_effect_though_it_was_announced_a_week_before() {
    let known = [(date(2022, 8, 29), "Summer bank holiday"), (date(2022, 12, 27), "Christmas Day (substitute day)")];
    let wave = "  - wave: 1\n    from: 2022-09-15\n    until: 2022-09-22\n";
    let mut world = begun_at("2022-08-25T08:00:00Z", &known, wave);
    world.run_until("2022-09-10T12:00:00Z");
    let mut calendar = world.state.calendar.clone();
    calendar.bank_holidays.announce(date(2022, 9, 19), "Bank Holiday for the State Funeral of Queen Elizabeth II");
    world.act(&alice(), Act::UpdateCalendar { calendar }).unwrap();
    world.run_until("2022-09-25T12:00:00Z");
    let days = [15, 16, 20, 21, 22].map(|day| (date(2022, 9, day), 10));
    assert_eq!(live_by_day(&world), BTreeMap::from(days));
    let skipped: Vec<_> = windows(&world).into_iter().filter(|(_, outcome)| outcome.starts_with("SKIPPED")).collect();
    let why = "SKIPPED (bank holiday: Bank Holiday for the State Funeral of Queen Elizabeth II)";
    assert_eq!(skipped, [(moment("2022-09-19T07:00:00Z"), why.to_owned())]);
}

/// Rule 1: the windows are civil time's, so in universal time they move when the clocks do.
#[test]
fn a_wave_over_a_change_of_the_clocks_keeps_to_its_civil_hours() {
    let changes = [
        // The clocks go back on 30 October 2022, and forward on 26 March 2023.
        ("2022-10-10T08:00:00Z", "from: 2022-10-27\n    until: 2022-11-03", "2022-10-30T01:00:00Z", (7, 8)),
        ("2023-03-06T08:00:00Z", "from: 2023-03-23\n    until: 2023-03-30", "2023-03-26T01:00:00Z", (8, 7)),
    ];
    for (start, days, change, (before, after)) in changes {
        let known = [(date(2022, 12, 27), "Christmas Day (substitute day)"), (date(2023, 4, 7), "Good Friday")];
        let mut world = begun_at(start, &known, &format!("  - wave: 1\n    {days}\n"));
        world.run_until("2023-04-05T12:00:00Z");
        let windows = windows(&world);
        assert_eq!(windows.len(), 6, "{windows:?}");
        for (opens, outcome) in &windows {
            let hour = if *opens < moment(change) { before } else { after };
            assert_eq!((opens.as_second() / 3_600 % 24, opens.as_second() % 3_600), (hour, 0), "{opens}: {outcome}");
            assert_eq!(outcome, "STARTED");
        }
        assert!(windows[0].0 < moment(change) && moment(change) < windows[5].0);
        let by_day: Vec<usize> = live_by_day(&world).into_values().collect();
        assert_eq!(by_day, [10; 6]);
    }
}

/// However long nobody looks, and from whatever moment on: nothing is caught up, nothing done twice, each window has one
/// outcome, and the waves end.
#[test]
fn i13_an_outage_of_any_length_leads_to_no_burst() {
    let lengths = [
        SignedDuration::ZERO,
        SignedDuration::from_micros(1),
        SignedDuration::from_secs(1),
        SignedDuration::from_mins(1),
        SignedDuration::from_mins(61),
        SignedDuration::from_hours(9),
        SignedDuration::from_hours(24),
        SignedDuration::from_hours(3 * 24),
        SignedDuration::from_hours(10 * 24),
        SignedDuration::from_hours(31 * 24),
        SignedDuration::from_hours(90 * 24),
    ];
    // Before the first wave is fixed, as it opens, while suppliers are at it, in the last minute of a window, at its end, while
    // a gate ripens, within the second wave.
    let begins = [
        "2031-05-05T12:00:00Z",
        "2031-05-06T07:00:00Z",
        "2031-05-06T07:20:00Z",
        "2031-05-06T16:59:30Z",
        "2031-05-06T17:00:00Z",
        "2031-05-08T03:00:00Z",
        "2031-05-13T09:00:00Z",
    ];
    let unbroken = after_outage(begins[0], None);
    for begin in begins {
        for length in lengths {
            let world = after_outage(begin, Some(length));
            let what = format!("{length:#} from {begin}");
            assert!(live_by_day(&world).values().all(|count| *count <= 10), "{what}: {:?}", live_by_day(&world));
            let keys: BTreeSet<&ActivationKey> = world.effects.iter().map(|(_, key)| key).collect();
            assert_eq!(keys.len(), world.effects.len(), "{what}: something was done twice");
            let programme = world.state.programme(&programme()).unwrap();
            assert!(programme.due_pending.is_empty(), "{what}: {:?}", programme.due_pending);
            assert!(programme.waves.values().all(|wave| wave.stage.has_ended()), "{what}: a wave goes on");
            assert!(world.state.wave(&wave(2)).is_some());
            if length.is_zero() {
                assert_eq!(world.effects, unbroken.effects, "{what}: an outage of nothing is none");
            }
        }
    }
}

/// Whoever holds the lease decides by its own clock, and which of the two that is changes all the time.
#[test]
fn schedulers_whose_clocks_are_ten_minutes_apart_do_nothing_twice_and_keep_to_each_day() {
    let mut world = World::running(30, SPRING);
    for name in ["EMIS", "TPP"] {
        world.suppliers.insert(supplier(name), Behaviour::AppliesAfter(SignedDuration::from_mins(20)));
    }
    world.run_until("2031-05-06T06:00:00Z");
    let (apart, step) = (SignedDuration::from_mins(10), SignedDuration::from_mins(4));
    let mut now = world.now;
    while now < moment("2031-05-16T00:00:00Z") {
        for at in [now + apart, now] {
            world.jump(at);
            world.settle();
        }
        now += step;
    }
    world.run_until("2031-06-10T00:00:00Z");
    assert_eq!(world.count_on(), 30);
    assert!(live_by_day(&world).values().all(|count| *count <= 10), "{:?}", live_by_day(&world));
    let keys: BTreeSet<&ActivationKey> = world.effects.iter().map(|(_, key)| key).collect();
    assert_eq!(keys.len(), world.effects.len(), "something was done twice");
    let programme = world.state.programme(&programme()).unwrap();
    assert!(programme.due_pending.is_empty() && programme.waves.values().all(|wave| wave.stage.has_ended()));
}

/// A world of thirty, at the end of summer, in which nobody looked for a while.
fn after_outage(begin: &str, length: Option<SignedDuration>) -> World {
    let mut world = World::running(30, SPRING);
    world.suppliers.insert(supplier("TPP"), Behaviour::AppliesAfter(SignedDuration::from_mins(40)));
    world.run_until(begin);
    if let Some(length) = length {
        world.jump(world.now.checked_add(length).unwrap());
        world.settle();
    }
    world.run_until("2031-08-20T12:00:00Z");
    world
}

//! Laws of the calendar, on random calendars: each answer agrees with every other, and with counting day by day.

use jiff::civil::{Date, Weekday, date};
use jiff::{Timestamp, ToSpan};
use proptest::prelude::*;

use super::goldens::WEEK;
use super::*;

/// A little more than a year, so that random holidays and freezes meet random windows.
const FIRST: Date = date(2031, 1, 1);

fn day() -> impl Strategy<Value = Date> {
    (0_i64..400).prop_map(|days| FIRST.saturating_add(days.days()))
}

fn moment() -> impl Strategy<Value = Timestamp> {
    // Mostly on quarters of an hour, where windows begin and end; else one microsecond before.
    (day(), 0_i64..96, any::<bool>()).prop_map(|(day, quarter, before)| {
        let quarter = day_bounds(day).0.saturating_add((quarter * 15).minutes()).unwrap();
        if before { quarter.saturating_add(-(1.microsecond())).unwrap() } else { quarter }
    })
}

fn calendar() -> impl Strategy<Value = Calendar> {
    let freeze = (day(), 0_i64..10).prop_map(|(first, days)| {
        Freeze::new(first, first.saturating_add(days.days()), "freeze").expect("it ends on its first day or later")
    });
    (prop::collection::vec(day(), 0..20), prop::collection::vec(freeze, 0..3)).prop_map(|(holidays, freezes)| {
        Calendar {
            bank_holidays: holidays.into_iter().map(|day| (day, "holiday")).collect(),
            freeze_days: freezes.into_iter().collect(),
        }
    })
}

/// Windows cut out of days at quarters of an hour: sorted cuts in pairs never overlap.
fn windows() -> impl Strategy<Value = Windows> {
    let of_day = prop::collection::btree_set(0_u16..=96, 0..7);
    prop::collection::vec(of_day, 7).prop_map(|week| {
        let time = |quarter: u16| format!("{:02}:{:02}", quarter / 4, quarter % 4 * 15).parse::<TimeOfDay>().unwrap();
        let mut windows = Vec::new();
        for (weekday, cuts) in WEEK.iter().zip(week) {
            let cuts: Vec<u16> = cuts.into_iter().collect();
            for pair in cuts.chunks_exact(2) {
                windows.push(Window::new(*weekday, time(pair[0]), time(pair[1])).unwrap());
            }
        }
        Windows::new(windows).unwrap()
    })
}

/// Working days in [from, to), one by one; none where one of them is not known.
fn counted(calendar: &Calendar, from: Date, to: Date) -> Option<u32> {
    let mut count = 0;
    let mut day = from;
    while day < to {
        match calendar.working_day(day) {
            Ok(()) => count += 1,
            Err(ClosedReason::BeyondKnownHolidays { .. }) => return None,
            Err(_) => {}
        }
        day = day.tomorrow().unwrap();
    }
    Some(count)
}

proptest! {
    #[test]
    fn a_moment_is_open_exactly_when_a_window_not_skipped_holds_it(
        calendar in calendar(), windows in windows(), moment in moment(),
    ) {
        let freeze_days = FreezeDays::default();
        let timetable = Timetable { calendar: &calendar, freeze_days: &freeze_days, windows: &windows };
        let (from, until) = (moment.saturating_add((-48).hours()).unwrap(), moment.saturating_add(1.hour()).unwrap());
        let holding = timetable
            .windows_between(from, until)
            .find(|window| window.skipped.is_none() && window.opens <= moment && moment < window.closes);
        prop_assert_eq!(timetable.open_window(moment).ok(), holding);
    }

    #[test]
    fn the_next_open_moment_is_open_and_none_before_it_is(
        calendar in calendar(), windows in windows(), moment in moment(),
    ) {
        let freeze_days = FreezeDays::default();
        let timetable = Timetable { calendar: &calendar, freeze_days: &freeze_days, windows: &windows };
        let far = moment.saturating_add((500 * 24).hours()).unwrap();
        let first_to_open = timetable.windows_between(moment, far).find(|window| window.skipped.is_none());
        match timetable.next_open(moment) {
            Ok(next) if next == moment => prop_assert!(timetable.is_open(moment)),
            Ok(next) => {
                prop_assert!(!timetable.is_open(moment));
                prop_assert!(timetable.is_open(next));
                prop_assert_eq!(Some(next), first_to_open.map(|window| window.opens));
            }
            Err(_) => {
                prop_assert!(!timetable.is_open(moment));
                prop_assert_eq!(first_to_open, None);
            }
        }
    }

    /// I12: however the time is cut, each due moment is met once, in order, under one name.
    #[test]
    fn i12_due_moments_are_neither_repeated_nor_missed(
        calendar in calendar(), windows in windows(), cuts in prop::collection::btree_set(moment(), 2..6),
    ) {
        let freeze_days = FreezeDays::default();
        let timetable = Timetable { calendar: &calendar, freeze_days: &freeze_days, windows: &windows };
        let cuts: Vec<Timestamp> = cuts.into_iter().collect();
        let (first, last) = (cuts[0], cuts[cuts.len() - 1]);
        let whole: Vec<DueMoment> = timetable.due_moments(first, last).collect();
        let pieces: Vec<DueMoment> =
            cuts.windows(2).flat_map(|pair| timetable.due_moments(pair[0], pair[1])).collect();
        prop_assert_eq!(&whole, &pieces);
        if let Some(met) = whole.get(whole.len() / 2) {
            let (before, after) = (timetable.due_moments(first, met.moment), timetable.due_moments(met.moment, last));
            prop_assert_eq!(&whole, &before.chain(after).collect::<Vec<_>>());
            prop_assert!(timetable.windows_between(first, met.moment).all(|window| window.opens < met.moment));
        }
        prop_assert!(whole.windows(2).all(|pair| pair[0].moment <= pair[1].moment));
        let names: std::collections::BTreeSet<String> = whole.iter().map(DueMoment::name).collect();
        prop_assert_eq!(names.len(), whole.len());
        let openings: Vec<Occurrence> = whole
            .into_iter()
            .filter(|due| due.edge == WindowEdge::Opens)
            .map(|due| due.window)
            .collect();
        prop_assert_eq!(openings, timetable.windows_between(first, last).collect::<Vec<_>>());
        prop_assert_eq!(timetable.due_moments(last, first).count(), 0);
    }

    /// Rule 2 and I16.
    #[test]
    fn nothing_is_open_on_a_closed_day(calendar in calendar(), windows in windows(), moment in moment()) {
        let freeze_days = FreezeDays::default();
        let timetable = Timetable { calendar: &calendar, freeze_days: &freeze_days, windows: &windows };
        let day = civil_date(moment);
        let closed = matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday)
            || calendar.bank_holidays.iter().any(|(holiday, _)| holiday == day)
            || calendar.freeze_days.iter().any(|freeze| freeze.first() <= day && day <= freeze.last())
            || calendar.bank_holidays.iter().all(|(holiday, _)| holiday < day);
        prop_assert_eq!(timetable.go_live_day(day).is_err(), closed);
        prop_assert!(!(closed && timetable.is_open(moment)));
    }

    /// Rule 11.
    #[test]
    fn working_days_are_those_counted_one_by_one(calendar in calendar(), from in day(), to in day()) {
        prop_assert_eq!(calendar.working_days_between(from, to).ok(), counted(&calendar, from, to));
    }

    /// Rule 11: the last day for notice, the first day after it, and the count say the same.
    #[test]
    fn notice_is_enough_exactly_up_to_the_last_day_for_it(
        calendar in calendar(), delivered in day(), go_live in day(), count in 0_u16..30,
    ) {
        let enough = counted(&calendar, delivered, go_live).map(|days| days >= u32::from(count));
        if let (Ok(last), Some(enough), true) =
            (calendar.working_days_before(go_live, count), enough, delivered <= go_live)
        {
            prop_assert_eq!(delivered <= last, enough);
        }
        if let (Ok(first), Ok(())) = (calendar.working_days_after(delivered, count), calendar.working_day(go_live)) {
            prop_assert_eq!(go_live >= first, enough == Some(true) && delivered <= go_live);
        }
    }
}

#[test]
fn notice_beyond_the_known_holidays_is_refused_with_that_reason() {
    let calendar = goldens::calendar();
    let last_known = Some(date(2031, 12, 26));
    let beyond = ClosedReason::BeyondKnownHolidays { last_known };
    assert_eq!(calendar.working_days_between(date(2031, 12, 22), date(2031, 12, 29)), Ok(3));
    assert_eq!(calendar.working_days_between(date(2031, 12, 22), date(2031, 12, 30)), Err(beyond.clone()));
    assert_eq!(
        calendar.working_days_between(date(2032, 1, 3), date(2032, 1, 5)),
        Ok(0),
        "a weekend has none, known or not"
    );
    assert_eq!(calendar.working_days_after(date(2031, 12, 24), 1), Err(beyond.clone()));
    assert_eq!(calendar.working_days_before(date(2032, 1, 5), 1), Err(beyond));
    assert_eq!(calendar.working_days_before(date(2031, 6, 9), 5), Ok(date(2031, 6, 2)));
    assert_eq!(calendar.working_days_before(date(2031, 4, 15), 3), Ok(date(2031, 4, 8)), "over Easter");
}

//! A year of the calendar as text, to be read by eye: the days, the windows on the days when clocks change, a week of
//! due moments round a holiday.

use std::fmt::Write;

use jiff::ToSpan;
use jiff::civil::{Date, Weekday, date};

use super::*;

/// The bank holidays of a year, up to its last.
pub(super) fn holidays() -> BankHolidays {
    [
        (date(2031, 1, 1), "New Year's Day"),
        (date(2031, 4, 11), "Good Friday"),
        (date(2031, 4, 14), "Easter Monday"),
        (date(2031, 5, 5), "Early May bank holiday"),
        (date(2031, 5, 26), "Spring bank holiday"),
        (date(2031, 8, 25), "Summer bank holiday"),
        (date(2031, 12, 25), "Christmas Day"),
        (date(2031, 12, 26), "Boxing Day"),
    ]
    .into_iter()
    .collect()
}

/// That year with a freeze over Christmas.
pub(super) fn calendar() -> Calendar {
    let freeze = Freeze::new(date(2031, 12, 19), date(2032, 1, 4), "Christmas freeze").unwrap();
    Calendar { bank_holidays: holidays(), freeze_days: FreezeDays::from_iter([freeze]) }
}

pub(super) const WEEK: [Weekday; 7] = [
    Weekday::Monday,
    Weekday::Tuesday,
    Weekday::Wednesday,
    Weekday::Thursday,
    Weekday::Friday,
    Weekday::Saturday,
    Weekday::Sunday,
];

/// The same windows on each day of the week.
pub(super) fn daily(windows: &[(&str, &str)]) -> Windows {
    let of_day = |day: &Weekday| {
        let day = *day;
        windows.iter().map(move |(from, to)| Window::new(day, from.parse().unwrap(), to.parse().unwrap()).unwrap())
    };
    Windows::new(WEEK.iter().flat_map(of_day).collect::<Vec<_>>()).unwrap()
}

fn start_of(day: Date) -> jiff::Timestamp {
    day_bounds(day).0
}

#[test]
fn the_days_of_a_year() {
    let calendar = calendar();
    let mut shown = String::from("o open, w weekend, h bank holiday, f freeze day, ? not known\n");
    for month in 1..=12 {
        write!(shown, "{month:02}  ").unwrap();
        let first = date(2031, month, 1);
        for day in 1..=first.days_in_month() {
            shown.push(match calendar.go_live_day(date(2031, month, day)) {
                Ok(()) => 'o',
                Err(ClosedReason::Weekend) => 'w',
                Err(ClosedReason::BankHoliday { .. }) => 'h',
                Err(ClosedReason::FreezeDay { .. }) => 'f',
                Err(ClosedReason::BeyondKnownHolidays { .. }) => '?',
            });
        }
        shown.push('\n');
    }
    for day in [date(2031, 5, 5), date(2031, 12, 19), date(2031, 12, 29)] {
        writeln!(shown, "{day}: {}", calendar.go_live_day(day).unwrap_err()).unwrap();
    }
    let nothing_known = Calendar::default().go_live_day(date(2031, 6, 2)).unwrap_err();
    writeln!(shown, "with no holiday known, 2031-06-02: {nothing_known}").unwrap();
    insta::assert_snapshot!(shown);
}

#[test]
fn windows_on_the_days_when_clocks_change() {
    // Not under a calendar's closed days, which all these Sundays are: only what the clocks do to each window.
    let windows =
        daily(&[("00:30", "01:00"), ("01:00", "01:30"), ("01:30", "02:00"), ("02:00", "02:30"), ("22:00", "24:00")]);
    let mut shown = String::new();
    for day in [date(2031, 3, 29), date(2031, 3, 30), date(2031, 3, 31), date(2031, 10, 26)] {
        writeln!(shown, "{day}").unwrap();
        for window in windows.of_day(day) {
            let (opens, closes) = window.on(day);
            let minutes = opens.duration_until(closes).as_mins();
            writeln!(shown, "  {}-{}  {opens} to {closes}  {minutes} min", window.from(), window.to()).unwrap();
        }
    }
    insta::assert_snapshot!(shown);
}

#[test]
fn due_moments_of_a_fortnight_with_a_holiday_and_the_clocks_going_forward() {
    let mut calendar = calendar();
    calendar.bank_holidays.announce(date(2031, 4, 2), "Day of national thanksgiving");
    let windows = daily(&[("01:00", "02:00"), ("09:00", "17:00")]);
    let freeze = Freeze::new(date(2031, 4, 3), date(2031, 4, 3), "supplier's release").unwrap();
    let freeze_days = FreezeDays::from_iter([freeze]);
    let timetable = Timetable { calendar: &calendar, freeze_days: &freeze_days, windows: &windows };

    let mut shown = String::new();
    let (from, until) = (start_of(date(2031, 3, 28)), start_of(date(2031, 4, 5)));
    for due in timetable.due_moments(from, until) {
        let skipped = due.window.skipped.as_ref().map(|reason| format!("  SKIPPED {reason}")).unwrap_or_default();
        writeln!(shown, "{}  {}{skipped}", due.moment, due.name()).unwrap();
    }
    insta::assert_snapshot!(shown);
}

#[test]
fn the_next_open_moment_from_moments_of_many_kinds() {
    let calendar = calendar();
    let windows = daily(&[("09:00", "12:00"), ("13:00", "17:00")]);
    let freeze_days = FreezeDays::default();
    let timetable = Timetable { calendar: &calendar, freeze_days: &freeze_days, windows: &windows };
    let mut shown = String::new();
    for civil in [
        date(2031, 3, 28).at(8, 59, 59, 999_999_000),
        date(2031, 3, 28).at(9, 0, 0, 0),
        date(2031, 3, 28).at(11, 59, 59, 999_999_000),
        date(2031, 3, 28).at(12, 0, 0, 0),
        date(2031, 3, 28).at(17, 0, 0, 0),
        date(2031, 4, 10).at(17, 0, 0, 0),
        date(2031, 12, 18).at(16, 59, 0, 0),
        date(2031, 12, 18).at(17, 0, 0, 0),
        date(2040, 1, 1).at(0, 0, 0, 0),
    ] {
        let moment = instant(civil);
        let now = match timetable.open_window(moment) {
            Ok(occurrence) => format!("open until {}", civil_datetime(occurrence.closes)),
            Err(shut) => shut.to_string(),
        };
        let next = match timetable.next_open(moment) {
            Ok(next) => format!("next open {}", civil_datetime(next)),
            Err(never) => never.to_string(),
        };
        writeln!(shown, "{civil}: {now}; {next}").unwrap();
    }
    insta::assert_snapshot!(shown);
}

#[test]
fn windows_only_at_weekends_never_open() {
    let calendar = calendar();
    let at = |text: &str| text.parse().unwrap();
    let windows = Windows::on_days(&[Weekday::Saturday, Weekday::Sunday], at("00:00"), at("24:00")).unwrap();
    let freeze_days = FreezeDays::default();
    let timetable = Timetable { calendar: &calendar, freeze_days: &freeze_days, windows: &windows };
    assert_eq!(timetable.next_open(start_of(date(2031, 6, 2))), Err(NeverOpens::NoWindow));
    let none = Windows::default();
    let timetable = Timetable { windows: &none, ..timetable };
    assert_eq!(timetable.next_open(start_of(date(2031, 6, 2))), Err(NeverOpens::NoWindow));
}

/// I16: what is announced later closes days that were open when a plan was approved; nothing is kept from before.
#[test]
fn a_holiday_announced_after_approval_takes_effect() {
    let mut calendar = calendar();
    let (freeze_days, windows) = (FreezeDays::default(), daily(&[("09:00", "17:00")]));
    let day = date(2031, 6, 3);
    let nine = instant(day.at(9, 0, 0, 0));
    let open_on_the_day = |calendar: &Calendar| {
        let timetable = Timetable { calendar, freeze_days: &freeze_days, windows: &windows };
        (timetable.is_open(nine), timetable.next_open(nine).unwrap())
    };
    assert_eq!(open_on_the_day(&calendar), (true, nine));
    assert_eq!(calendar.working_days_before(date(2031, 6, 4), 2), Ok(date(2031, 6, 2)));

    calendar.bank_holidays.announce(day, "Bank holiday for the coronation");

    assert_eq!(open_on_the_day(&calendar), (false, instant(day.saturating_add(1.day()).at(9, 0, 0, 0))));
    assert_eq!(calendar.working_days_before(date(2031, 6, 4), 2), Ok(date(2031, 5, 30)));
    assert_eq!(
        calendar.go_live_day(day),
        Err(ClosedReason::BankHoliday { title: "Bank holiday for the coronation".to_owned() })
    );
}

/// I16, the same for a freeze.
#[test]
fn a_freeze_placed_after_approval_takes_effect() {
    let mut calendar = calendar();
    let day = date(2031, 6, 3);
    assert_eq!(calendar.go_live_day(day), Ok(()));
    calendar.freeze_days.add(Freeze::new(day, day, "incident").unwrap());
    assert_eq!(calendar.go_live_day(day), Err(ClosedReason::FreezeDay { why: "incident".to_owned() }));
    assert_eq!(calendar.working_day(day), Ok(()), "people still work and read their notices");
}

#[test]
fn a_calendar_survives_its_journal() {
    let calendar = calendar();
    let stored = serde_json::to_string(&calendar).unwrap();
    assert_eq!(serde_json::from_str::<Calendar>(&stored).unwrap(), calendar);
    let inverted = r#"{"bank_holidays":{},"freeze_days":[{"first":"2031-06-02","last":"2031-06-01","why":"x"}]}"#;
    let error = serde_json::from_str::<Calendar>(inverted).unwrap_err().to_string();
    assert!(error.contains("ends before it begins"), "{error}");
}

#[test]
fn reasons_survive_their_journal() {
    let closed = [
        ClosedReason::Weekend,
        ClosedReason::BankHoliday { title: "Boxing Day".to_owned() },
        ClosedReason::FreezeDay { why: "incident".to_owned() },
        ClosedReason::BeyondKnownHolidays { last_known: None },
        ClosedReason::BeyondKnownHolidays { last_known: Some(date(2031, 12, 26)) },
    ];
    for closed in closed {
        let skipped = SkipReason::Closed(closed.clone());
        let stored = serde_json::to_string(&skipped).unwrap();
        assert_eq!(serde_json::from_str::<SkipReason>(&stored).unwrap(), skipped, "{stored}");
        let shut = Shut::Closed(closed);
        let stored = serde_json::to_string(&shut).unwrap();
        assert_eq!(serde_json::from_str::<Shut>(&stored).unwrap(), shut, "{stored}");
    }
    let stored = serde_json::to_string(&SkipReason::Empty).unwrap();
    assert_eq!(stored, r#"{"skipped":"empty"}"#);
    assert_eq!(serde_json::from_str::<SkipReason>(&stored).unwrap(), SkipReason::Empty);
}

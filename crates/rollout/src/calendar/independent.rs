//! I15: window membership agrees with an independent time-zone library over 1996–2100.
//!
//! The reference knows neither gaps nor folds, nor how to turn civil time into moments. It only asks tz-rs, with a zone
//! database of its own, what London's clocks show at a moment, and keeps the latest they have shown so far. By rule 1 a
//! window [from, to) begins when the clocks first show `from` or later and ends when they first show `to` or later; so a
//! moment is in it exactly when the latest shown so far is in [from, to).

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use tz::UtcDateTime;
use tzdb_data::time_zone::europe::LONDON;

use super::goldens::daily;
use super::{TimeOfDay, Windows, civil_date, civil_datetime};

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// How far the clocks are ahead of UTC, in seconds, by tz-rs.
fn ahead(second: i64) -> i64 {
    i64::from(LONDON.find_local_time_type(second).unwrap().ut_offset())
}

/// What the clocks show, by tz-rs.
fn shown(second: i64) -> DateTime {
    let local = UtcDateTime::from_timespec(second + ahead(second), 0).unwrap();
    let part = |value: u8| i8::try_from(value).unwrap();
    let year = i16::try_from(local.year()).unwrap();
    let (month, day) = (part(local.month()), part(local.month_day()));
    DateTime::constant(year, month, day, part(local.hour()), part(local.minute()), part(local.second()), 0)
}

fn first_second(year: i32) -> i64 {
    UtcDateTime::new(year, 1, 1, 0, 0, 0, 0).unwrap().unix_time()
}

/// The moments at which the clocks change, by tz-rs alone: all are on whole hours of UTC.
fn transitions() -> Vec<i64> {
    let mut transitions = Vec::new();
    let (mut second, end) = (first_second(1996), first_second(2101));
    while second < end {
        if ahead(second) != ahead(second + DAY) {
            let hour = (1..=24).map(|hour| second + hour * HOUR).find(|after| ahead(*after) != ahead(second)).unwrap();
            transitions.push(hour);
        }
        second += DAY;
    }
    transitions
}

/// Windows that touch the hours in which clocks change in every way, and none that overlap.
fn windows() -> Vec<Windows> {
    vec![
        daily(&[("00:00", "01:00"), ("01:00", "02:00"), ("02:00", "24:00")]),
        daily(&[("00:00", "00:30"), ("00:30", "01:15"), ("01:15", "01:45"), ("01:45", "02:30"), ("02:30", "03:00")]),
        daily(&[("00:59", "01:01"), ("01:59", "02:01"), ("23:59", "24:00")]),
        daily(&[("01:30", "09:00"), ("09:00", "17:00")]),
        daily(&[("00:00", "24:00")]),
    ]
}

/// A window of the week on a date.
type Named = (Date, TimeOfDay);

/// The windows on those dates, with their moments by us.
fn ours(windows: &Windows, days: &[Date]) -> Vec<(Named, Timestamp, Timestamp)> {
    let on_day = |day: &Date| {
        let day = *day;
        windows.of_day(day).map(move |window| {
            let (opens, closes) = window.on(day);
            ((day, window.from()), opens, closes)
        })
    };
    days.iter().flat_map(on_day).collect()
}

/// The one of those windows that a moment is in.
fn holding(windows: &[(Named, Timestamp, Timestamp)], moment: Timestamp) -> Option<Named> {
    let mut found = windows.iter().filter(|(_, opens, closes)| *opens <= moment && moment < *closes);
    let first = found.next().map(|(name, ..)| *name);
    assert_eq!(found.next(), None, "a moment is in at most one of windows that do not overlap");
    first
}

/// The window that a moment is in, where `latest` is the latest that clocks have shown up to it.
fn by_reference(windows: &Windows, latest: DateTime) -> Option<Named> {
    let time: TimeOfDay = format!("{:02}:{:02}", latest.hour(), latest.minute()).parse().unwrap();
    let within = windows.of_day(latest.date()).find(|window| window.from() <= time && time < window.to());
    within.map(|window| (latest.date(), window.from()))
}

fn at(second: i64, microsecond: i64) -> Timestamp {
    Timestamp::from_microsecond(second * 1_000_000 + microsecond).unwrap()
}

#[test]
fn i15_membership_in_every_minute_round_each_change_of_the_clocks_agrees_with_another_library() {
    let transitions = transitions();
    assert_eq!(transitions.len(), 210, "two a year over 105 years");
    let windows = windows();
    for transition in transitions {
        let start = transition - 2 * HOUR;
        let day = civil_date(at(transition, 0));
        // The neighbours too: no window of theirs may reach into the day.
        let days = [day.yesterday().unwrap(), day, day.tomorrow().unwrap()];
        let ours: Vec<_> = windows.iter().map(|windows| ours(windows, &days)).collect();
        let mut latest = shown(start);
        for second in (start..transition + 2 * HOUR).step_by(60) {
            latest = latest.max(shown(second));
            for (windows, ours) in windows.iter().zip(&ours) {
                let expected = by_reference(windows, latest);
                for moment in [at(second, 0), at(second + 59, 999_999)] {
                    assert_eq!(holding(ours, moment), expected, "{moment}");
                }
            }
        }
    }
}

#[test]
fn i15_membership_on_every_day_agrees_with_another_library() {
    let transitions = transitions();
    let windows = windows();
    // Of no common measure with a day, so that each day is asked at other minutes.
    let step = 23 * HOUR + 11 * MINUTE;
    let mut second = first_second(1996);
    while second < first_second(2101) {
        let near_a_change = transitions.iter().any(|transition| (second - transition).abs() <= 2 * HOUR);
        if !near_a_change {
            let latest = shown(second);
            assert_eq!(civil_datetime(at(second, 0)), latest);
            for windows in &windows {
                let holding = holding(&ours(windows, &[latest.date()]), at(second, 0));
                assert_eq!(holding, by_reference(windows, latest), "{latest}");
            }
        }
        second += step;
    }
}

//! Civil time in England (rule 1): the one place that turns a date and a time on the wall into a moment and back.
//!
//! The zone is Europe/London out of jiff's bundled database, so that neither the machine's zone nor the age of its zone
//! files changes a decision. There is no other zone here, on purpose.

use std::sync::LazyLock;

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::{AmbiguousOffset, TimeZone, TimeZoneDatabase};
use jiff::{Timestamp, ToSpan as _, Zoned};

static LONDON: LazyLock<TimeZone> = LazyLock::new(|| {
    TimeZoneDatabase::bundled()
        .get("Europe/London")
        .expect("jiff's bundled database, compiled into this program, has Europe/London")
});

/// The moment at which clocks in London show `civil`.
///
/// Where they never show it (the spring gap), the first instant after the gap; where they show it twice (the autumn
/// fold), the first occurrence (rule 1). So a later civil moment is never an earlier instant, and a window whose ends
/// both lie in the gap is empty rather than negative. Beyond the range of [`Timestamp`] it is clamped to the range.
#[must_use]
pub fn instant(civil: DateTime) -> Timestamp {
    match LONDON.to_ambiguous_timestamp(civil).offset() {
        AmbiguousOffset::Unambiguous { offset } | AmbiguousOffset::Fold { before: offset, .. } => {
            offset.to_timestamp(civil).unwrap_or_else(|_| clamped(civil))
        }
        // jiff's own choices inside a gap keep the minutes (01:20 becomes 02:20 or 00:20); ours is the transition.
        AmbiguousOffset::Gap { after, .. } => {
            let before_the_gap = after.to_timestamp(civil).unwrap_or_else(|_| clamped(civil));
            LONDON.following(before_the_gap).next().map_or(before_the_gap, |transition| transition.timestamp())
        }
    }
}

/// What clocks in London show at this moment.
#[must_use]
pub fn civil_datetime(moment: Timestamp) -> DateTime {
    LONDON.to_datetime(moment)
}

/// The moment with London's zone, for those who print it.
#[must_use]
pub fn in_london(moment: Timestamp) -> Zoned {
    moment.to_zoned(LONDON.clone())
}

/// The day in London to which this moment belongs: the day of caps and of notice (rule 1).
#[must_use]
pub fn civil_date(moment: Timestamp) -> Date {
    civil_datetime(moment).date()
}

/// The first moment of a day in London and the first one after it: 23, 24 or 25 hours.
#[must_use]
pub fn day_bounds(date: Date) -> (Timestamp, Timestamp) {
    (day_start(date), date.tomorrow().map_or(Timestamp::MAX, day_start))
}

/// The first moment of a day in London.
#[must_use]
pub fn day_start(date: Date) -> Timestamp {
    instant(date.to_datetime(Time::midnight()))
}

/// The last moment of a day in London, by the microsecond that stores keep.
#[must_use]
pub fn day_end(date: Date) -> Timestamp {
    let next = day_bounds(date).1;
    if next == Timestamp::MAX { next } else { next.checked_sub(1.microsecond()).unwrap_or(next) }
}

fn clamped(civil: DateTime) -> Timestamp {
    if civil.year() > 0 { Timestamp::MAX } else { Timestamp::MIN }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    fn moment(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_civil_moment_in_the_spring_gap_is_the_first_instant_after_it() {
        let transition = moment("2031-03-30T01:00:00Z");
        for minute in 0..60 {
            assert_eq!(instant(date(2031, 3, 30).at(1, minute, 0, 0)), transition);
        }
        assert_eq!(instant(date(2031, 3, 30).at(0, 59, 59, 999_999_000)), moment("2031-03-30T00:59:59.999999Z"));
        assert_eq!(instant(date(2031, 3, 30).at(2, 0, 0, 0)), transition);
        assert_eq!(instant(date(2031, 3, 30).at(2, 1, 0, 0)), moment("2031-03-30T01:01:00Z"));
    }

    #[test]
    fn a_civil_moment_in_the_autumn_fold_is_its_first_occurrence() {
        assert_eq!(instant(date(2031, 10, 26).at(1, 0, 0, 0)), moment("2031-10-26T00:00:00Z"));
        assert_eq!(instant(date(2031, 10, 26).at(1, 59, 0, 0)), moment("2031-10-26T00:59:00Z"));
        assert_eq!(instant(date(2031, 10, 26).at(2, 0, 0, 0)), moment("2031-10-26T02:00:00Z"));
    }

    #[test]
    fn days_have_23_24_or_25_hours() {
        let hours = |day| {
            let (start, end) = day_bounds(day);
            start.duration_until(end).as_hours()
        };
        assert_eq!(hours(date(2031, 3, 30)), 23);
        assert_eq!(hours(date(2031, 6, 2)), 24);
        assert_eq!(hours(date(2031, 10, 26)), 25);
    }

    #[test]
    fn a_summer_day_begins_an_hour_before_midnight_in_greenwich() {
        assert_eq!(day_start(date(2031, 7, 1)), moment("2031-06-30T23:00:00Z"));
        assert_eq!(day_end(date(2031, 6, 30)), moment("2031-06-30T22:59:59.999999Z"));
    }

    #[test]
    fn the_civil_date_of_a_summer_evening_is_a_day_ahead_of_utc() {
        assert_eq!(civil_date(moment("2031-06-02T22:59:59.999999Z")), date(2031, 6, 2));
        assert_eq!(civil_date(moment("2031-06-02T23:00:00Z")), date(2031, 6, 3));
    }

    #[test]
    fn the_ends_of_time_are_clamped() {
        assert_eq!(instant(DateTime::MAX), Timestamp::MAX);
        assert_eq!(instant(DateTime::MIN), Timestamp::MIN);
        assert_eq!(day_bounds(Date::MAX).1, Timestamp::MAX);
        assert!(day_start(Date::MAX) <= day_end(Date::MAX));
    }
}

//! Days and hours: what moments are counted by.
//!
//! A day is a civil day in Europe/London (rule 1). An hour is an hour of UTC: London's offset is a whole number of hours,
//! so each hour lies in one day.

use std::fmt;
use std::str::FromStr;

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use ods::civil::{civil_date, day_end, day_start};
use serde::{Deserialize, Serialize};

const EPOCH: Date = jiff::civil::date(1970, 1, 1);
const SECONDS_PER_HOUR: i64 = 3_600;

/// A civil day in Europe/London.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Day(Date);

impl Day {
    /// The last of the calendar: what is known by it is all there is.
    pub const LAST: Self = Self(Date::MAX);

    /// The day that clocks in London show at this moment.
    #[must_use]
    pub fn of(moment: Timestamp) -> Self {
        Self(civil_date(moment))
    }

    /// The day as a date.
    #[must_use]
    pub fn date(self) -> Date {
        self.0
    }

    /// The number under which stores keep it: days since 1970-01-01.
    #[must_use]
    pub fn number(self) -> i64 {
        let span = self.0.since((jiff::Unit::Day, EPOCH)).expect("any two dates differ by a number of days that fits");
        i64::from(span.get_days())
    }

    /// The day with this number; None beyond the calendar (years −9999 to 9999).
    #[must_use]
    pub fn from_number(number: i64) -> Option<Self> {
        let span = jiff::Span::new().try_days(number).ok()?;
        EPOCH.checked_add(span).ok().map(Self)
    }

    /// The first moment of the day.
    #[must_use]
    pub fn start(self) -> Timestamp {
        day_start(self.0)
    }

    /// The last moment of the day, by the microsecond that stores keep.
    #[must_use]
    pub fn end(self) -> Timestamp {
        day_end(self.0)
    }

    /// The first day of its month.
    #[must_use]
    pub fn month_start(self) -> Self {
        Self(self.0.first_of_month())
    }

    /// The last day of its month.
    #[must_use]
    pub fn month_end(self) -> Self {
        Self(self.0.last_of_month())
    }

    /// The day so many days later (earlier, if negative); the last or first day of the calendar where there is none.
    #[must_use]
    pub fn plus(self, days: i32) -> Self {
        Self(self.0.saturating_add(jiff::Span::new().days(days)))
    }
}

impl From<Date> for Day {
    fn from(date: Date) -> Self {
        Self(date)
    }
}

impl FromStr for Day {
    type Err = jiff::Error;

    fn from_str(text: &str) -> Result<Self, jiff::Error> {
        text.parse().map(Self)
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Day({})", self.0)
    }
}

/// An hour of UTC, counted from 1970-01-01T00:00Z.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hour(pub u32);

impl Hour {
    /// A day of UTC's has always as many.
    pub const PER_UTC_DAY: u32 = 24;

    /// The hour in which the second lies; None before 1970 and after the year 9999, where nothing can have happened.
    #[must_use]
    pub fn of_second(second: i64) -> Option<Self> {
        if second > Timestamp::MAX.as_second() {
            return None;
        }
        u32::try_from(second.div_euclid(SECONDS_PER_HOUR)).ok().map(Self)
    }

    /// Its first moment.
    #[must_use]
    pub fn start(self) -> Timestamp {
        Timestamp::from_second(i64::from(self.0) * SECONDS_PER_HOUR).unwrap_or(Timestamp::MAX)
    }

    /// Its last moment, by the microsecond that stores keep.
    #[must_use]
    pub fn end(self) -> Timestamp {
        let next = Self(self.0.saturating_add(1)).start();
        next.checked_sub(SignedDuration::from_micros(1)).unwrap_or(next)
    }

    /// The day in which it lies.
    #[must_use]
    pub fn day(self) -> Day {
        Day::of(self.start())
    }

    /// The day of UTC's in which it lies, counted from 1970-01-01, and which of its 24 hours it is, from 0.
    #[must_use]
    pub fn in_utc_day(self) -> (u32, usize) {
        (self.0 / Self::PER_UTC_DAY, (self.0 % Self::PER_UTC_DAY) as usize)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn day(text: &str) -> Day {
        text.parse().unwrap()
    }

    #[test]
    fn a_day_begins_and_ends_by_the_clocks_in_london() {
        assert_eq!(day("2031-07-01").start().to_string(), "2031-06-30T23:00:00Z");
        assert_eq!(day("2031-07-01").end().to_string(), "2031-07-01T22:59:59.999999Z");
        assert_eq!(Day::of("2031-07-01T22:59:59.999999Z".parse().unwrap()), day("2031-07-01"));
        assert_eq!(Day::of("2031-07-01T23:00:00Z".parse().unwrap()), day("2031-07-02"));
    }

    #[test]
    fn an_hour_lies_in_the_day_that_london_shows() {
        let hour = Hour::of_second("2031-07-01T23:30:00Z".parse::<Timestamp>().unwrap().as_second()).unwrap();
        assert_eq!(hour.day(), day("2031-07-02"));
        assert_eq!(hour.start().to_string(), "2031-07-01T23:00:00Z");
        assert_eq!(hour.end().to_string(), "2031-07-01T23:59:59.999999Z");
        assert_eq!(Hour::of_second(-1), None);
        assert_eq!(Hour::of_second(i64::MAX), None);
    }

    proptest! {
        #[test]
        fn days_survive_their_number(number in -1_000_000_i64..2_500_000) {
            prop_assert_eq!(Day::from_number(number).map(Day::number), Some(number));
        }

        #[test]
        fn both_ends_of_an_hour_lie_in_the_same_day(hour in 0_u32..1_500_000) {
            let last = Hour(hour).start() + SignedDuration::from_micros(3_599_999_999);
            prop_assert_eq!(Day::of(last), Hour(hour).day());
        }
    }
}

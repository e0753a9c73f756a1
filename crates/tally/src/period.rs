//! Periods of whole days, and how a series cuts them into intervals.

use jiff::Timestamp;
use jiff::civil::Weekday;
use thiserror::Error;

use crate::day::{Day, Hour};

/// Longest period that a figure is worked out over: ten years.
pub const PERIOD_DAYS_MAX: i64 = 3_660;

/// Days over which viewers and views are counted when no period is named.
pub const PERIOD_DAYS_DEFAULT: i32 = 30;

/// Whole days, both ends included; never empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Period {
    start: Day,
    end: Day,
}

/// Two days that are no period.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum PeriodError {
    /// It ends before it begins.
    #[error("the period ends on {end}, before it begins on {start}")]
    Reversed {
        /// First day.
        start: Day,
        /// Last day.
        end: Day,
    },
    /// It is too long.
    #[error("the period has {days} days; {PERIOD_DAYS_MAX} are allowed")]
    TooLong {
        /// So many.
        days: i64,
    },
}

/// How long each point of a series is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interval {
    /// A civil day.
    Day,
    /// Monday to Sunday.
    Week,
    /// A calendar month.
    Month,
}

impl Period {
    /// The same with so many days more at its beginning.
    #[must_use]
    pub fn begun_earlier(self, days: i32) -> Self {
        Self { start: self.start.plus(-days.max(0)), ..self }
    }

    /// From a first to a last day.
    ///
    /// # Errors
    /// Where they are the wrong way round or too far apart.
    pub fn new(start: Day, end: Day) -> Result<Self, PeriodError> {
        let days = end.number() - start.number() + 1;
        if days < 1 {
            return Err(PeriodError::Reversed { start, end });
        }
        if days > PERIOD_DAYS_MAX {
            return Err(PeriodError::TooLong { days });
        }
        Ok(Self { start, end })
    }

    /// The [`PERIOD_DAYS_DEFAULT`] days to `end`, which is the last of them.
    #[must_use]
    pub fn default_to(end: Day) -> Self {
        Self { start: end.plus(1 - PERIOD_DAYS_DEFAULT), end }
    }

    /// First day.
    #[must_use]
    pub fn start(self) -> Day {
        self.start
    }

    /// Last day.
    #[must_use]
    pub fn end(self) -> Day {
        self.end
    }

    /// How many days.
    #[must_use]
    pub fn days(self) -> i64 {
        self.end.number() - self.start.number() + 1
    }

    /// Its days, in order.
    pub fn each_day(self) -> impl Iterator<Item = Day> {
        (self.start.number()..=self.end.number()).filter_map(Day::from_number)
    }

    /// Its hours, in order: 23 of a day on which the clocks go forward, 25 of one on which they go back. Before 1970 there are
    /// none.
    pub fn each_hour(self) -> impl Iterator<Item = Hour> {
        let number = |moment: Timestamp| Hour::of_second(moment.as_second()).map(|hour| hour.0);
        let first = number(self.start.start()).unwrap_or(0);
        let below = number(self.end.end()).map_or(0, |last| last + 1);
        (first..below).map(Hour)
    }

    /// Whether the day is in it.
    #[must_use]
    pub fn contains(self, day: Day) -> bool {
        self.start <= day && day <= self.end
    }

    /// Whether what of it lies before `day`, the first of a month, is whole months.
    #[must_use]
    pub fn is_of_months_before(self, day: Day) -> bool {
        let begins_well = day <= self.start || self.start == self.start.month_start();
        let ends_well = day <= self.end || self.end == self.end.month_end();
        begins_well && ends_well
    }

    /// The period cut at the ends of days, weeks or months; the first and the last part may be shorter.
    #[must_use]
    pub fn intervals(self, interval: Interval) -> Vec<Self> {
        let mut parts = Vec::new();
        let mut start = self.start;
        while start <= self.end {
            let end = last_day(start, interval).min(self.end);
            parts.push(Self { start, end });
            start = end.plus(1);
        }
        parts
    }
}

fn last_day(day: Day, interval: Interval) -> Day {
    match interval {
        Interval::Day => day,
        Interval::Week => day.plus(i32::from(day.date().weekday().until(Weekday::Sunday))),
        Interval::Month => day.date().last_of_month().into(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn period(start: &str, end: &str) -> Period {
        Period::new(start.parse().unwrap(), end.parse().unwrap()).unwrap()
    }

    fn text(parts: &[Period]) -> Vec<String> {
        parts.iter().map(|part| format!("{}..{}", part.start(), part.end())).collect()
    }

    #[test]
    fn weeks_end_on_sundays_and_months_on_their_last_day() {
        let parts = period("2031-01-30", "2031-02-11");
        assert_eq!(
            text(&parts.intervals(Interval::Week)),
            ["2031-01-30..2031-02-02", "2031-02-03..2031-02-09", "2031-02-10..2031-02-11"]
        );
        assert_eq!(text(&parts.intervals(Interval::Month)), ["2031-01-30..2031-01-31", "2031-02-01..2031-02-11"]);
        assert_eq!(parts.intervals(Interval::Day).len(), 13);
    }

    #[test]
    fn a_day_has_the_hours_that_pass_in_london() {
        let hours =
            |day: &str| -> Vec<String> { period(day, day).each_hour().map(|hour| hour.start().to_string()).collect() };
        let (spring, autumn) = (hours("2031-03-30"), hours("2031-10-26"));
        assert_eq!((spring.len(), autumn.len(), hours("2031-07-01").len()), (23, 25, 24));
        assert_eq!((spring[0].as_str(), spring[22].as_str()), ("2031-03-30T00:00:00Z", "2031-03-30T22:00:00Z"));
        assert_eq!((autumn[0].as_str(), autumn[24].as_str()), ("2031-10-25T23:00:00Z", "2031-10-26T23:00:00Z"));
        assert_eq!(hours("1969-12-31"), Vec::<String>::new(), "of what was before 1970 nothing is counted");
    }

    #[test]
    fn the_default_is_the_thirty_days_to_the_moment() {
        let parts = Period::default_to("2031-03-31".parse().unwrap());
        assert_eq!((parts, parts.days()), (period("2031-03-02", "2031-03-31"), 30));
    }

    #[test]
    fn a_period_backwards_or_of_centuries_is_refused() {
        let day = |text: &str| -> Day { text.parse().unwrap() };
        assert!(matches!(Period::new(day("2031-01-02"), day("2031-01-01")), Err(PeriodError::Reversed { .. })));
        assert!(matches!(Period::new(day("1931-01-02"), day("2031-01-01")), Err(PeriodError::TooLong { .. })));
    }

    proptest! {
        #[test]
        fn intervals_cover_the_period_without_gap_or_overlap(start in 0_i64..30_000, days in 1_i64..800) {
            let start = Day::from_number(start).unwrap();
            let whole = Period::new(start, start.plus(days as i32 - 1)).unwrap();
            for interval in [Interval::Day, Interval::Week, Interval::Month] {
                let parts = whole.intervals(interval);
                prop_assert_eq!(parts[0].start(), whole.start());
                prop_assert_eq!(parts[parts.len() - 1].end(), whole.end());
                for pair in parts.windows(2) {
                    prop_assert_eq!(pair[0].end().plus(1), pair[1].start());
                }
            }
            let hours: Vec<Hour> = whole.each_hour().collect();
            prop_assert!(hours.windows(2).all(|pair| pair[0].0 + 1 == pair[1].0));
            prop_assert!(hours.iter().all(|hour| whole.contains(hour.day())));
            let (first, last) = (hours[0], hours[hours.len() - 1]);
            prop_assert_eq!(last.end(), whole.end().end());
            // London was an hour ahead of UTC all the winter of 1970.
            prop_assert_eq!(first.start(), whole.start().start().max(Timestamp::UNIX_EPOCH));
        }
    }
}

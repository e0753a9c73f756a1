//! Civil days in England (rule 1).

use std::sync::LazyLock;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};

// From jiff's bundled database: what the machine has installed must not decide on which day a practice closes.
static LONDON: LazyLock<TimeZone> =
    LazyLock::new(|| TimeZone::get("Europe/London").expect("Europe/London is in the bundled database"));

/// The civil day of `moment` in England.
#[must_use]
pub fn day_of(moment: Timestamp) -> Date {
    LONDON.to_datetime(moment).date()
}

/// The first instant of `day` in England; the last representable moment where it would lie beyond.
#[must_use]
pub fn start_of(day: Date) -> Timestamp {
    day.to_zoned(LONDON.clone()).map_or(Timestamp::MAX, |zoned| zoned.timestamp())
}

/// The last microsecond of `day` in England.
#[must_use]
pub fn end_of(day: Date) -> Timestamp {
    match day.tomorrow() {
        Ok(next) => start_of(next) - 1.microsecond(),
        Err(_) => Timestamp::MAX,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn a_summer_day_begins_an_hour_before_midnight_in_greenwich() {
        assert_eq!(start_of(date(2031, 7, 1)).to_string(), "2031-06-30T23:00:00Z");
        assert_eq!(day_of("2031-06-30T23:00:00Z".parse().unwrap()), date(2031, 7, 1));
        assert_eq!(day_of("2031-06-30T22:59:59.999999Z".parse().unwrap()), date(2031, 6, 30));
        assert_eq!(end_of(date(2031, 6, 30)).to_string(), "2031-06-30T22:59:59.999999Z");
    }

    #[test]
    fn the_last_day_there_is_has_a_start_and_an_end() {
        assert!(start_of(Date::MAX) <= end_of(Date::MAX));
    }
}

//! Civil time as suppliers keep it: Europe/London, from jiff's bundled database.

use std::sync::LazyLock;

use jiff::Timestamp;
use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;

static LONDON: LazyLock<TimeZone> =
    LazyLock::new(|| TimeZone::get("Europe/London").expect("jiff is built with its own time zone database"));

/// The moment of a civil time on a date; in the spring gap the first one after it.
pub(crate) fn moment(date: Date, time: Time) -> Timestamp {
    let in_zone = LONDON.to_ambiguous_zoned(date.to_datetime(time)).compatible();
    // Only at the very end of jiff's range of years is there none.
    in_zone.map_or(Timestamp::MAX, |zoned| zoned.timestamp())
}

/// The first moment after `now` at which clocks show `time`.
pub(crate) fn next(now: Timestamp, time: Time) -> Timestamp {
    let today = LONDON.to_datetime(now).date();
    let today_at = moment(today, time);
    if today_at > now { today_at } else { today.tomorrow().map_or(Timestamp::MAX, |date| moment(date, time)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_reading_is_today_or_tomorrow_by_london_clocks() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let nine = jiff::civil::time(9, 0, 0, 0);
        assert_eq!(next(at("2031-07-01T07:59:59Z"), nine), at("2031-07-01T08:00:00Z"));
        assert_eq!(next(at("2031-07-01T08:00:00Z"), nine), at("2031-07-02T08:00:00Z"));
        assert_eq!(next(at("2031-01-01T08:00:00Z"), nine), at("2031-01-01T09:00:00Z"));
    }
}

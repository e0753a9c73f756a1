//! What suppliers do at the same time each day, by the clocks in London.

use jiff::civil::{Date, Time};
use jiff::{SignedDuration, Timestamp};
use ods::civil::{civil_date, instant};

/// The moment of a civil time on a date (rule 1).
pub(crate) fn moment(date: Date, time: Time) -> Timestamp {
    instant(date.to_datetime(time))
}

/// The first moment after `now` at which clocks show `time`.
pub(crate) fn next(now: Timestamp, time: Time) -> Timestamp {
    let today = civil_date(now);
    let today_at = moment(today, time);
    if today_at > now { today_at } else { today.tomorrow().map_or(Timestamp::MAX, |date| moment(date, time)) }
}

/// The first moment at or after `now` at which clocks show `time`: what a process that begins at `now` has yet to do.
pub(crate) fn next_or_now(now: Timestamp, time: Time) -> Timestamp {
    next(now - SignedDuration::from_micros(1), time)
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
        assert_eq!(next_or_now(at("2031-07-01T08:00:00Z"), nine), at("2031-07-01T08:00:00Z"));
        assert_eq!(next(at("2031-01-01T08:00:00Z"), nine), at("2031-01-01T09:00:00Z"));
        // On the last Sunday of March no clock shows 01:20.
        let in_the_gap = jiff::civil::time(1, 20, 0, 0);
        assert_eq!(next(at("2031-03-30T00:10:00Z"), in_the_gap), at("2031-03-30T01:00:00Z"));
    }
}

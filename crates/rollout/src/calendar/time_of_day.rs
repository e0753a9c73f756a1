//! A time on the clock, to the minute, in which midnight at the end of the day can be said.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use jiff::civil::{Date, Time};
use ods::civil::{day_bounds, instant};
use serde::{Deserialize, Serialize};

use super::CalendarError;

const MINUTES_IN_DAY: u16 = 24 * 60;

/// Minutes of the civil day, from `00:00` to `24:00` (the end of the day, which `jiff::civil::Time` cannot express and
/// without which a window could not last to midnight).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TimeOfDay {
    minutes: u16,
}

impl TimeOfDay {
    /// The moment at which London's clocks show it on that day, by rule 1.
    #[must_use]
    pub fn on(self, date: Date) -> Timestamp {
        if self.minutes == MINUTES_IN_DAY {
            return day_bounds(date).1;
        }
        let hour = i8::try_from(self.minutes / 60).expect("a time of day other than 24:00 is below 24 hours");
        let minute = i8::try_from(self.minutes % 60).expect("a remainder of 60 is below 60");
        instant(date.to_datetime(Time::constant(hour, minute, 0, 0)))
    }
}

impl FromStr for TimeOfDay {
    type Err = CalendarError;

    fn from_str(text: &str) -> Result<Self, CalendarError> {
        parse(text).ok_or_else(|| CalendarError::NotATimeOfDay { text: text.to_owned() })
    }
}

fn parse(text: &str) -> Option<TimeOfDay> {
    let (hours, minutes) = text.split_once(':')?;
    let two_digits = |part: &str| {
        (part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit())).then(|| part.parse::<u16>().ok())?
    };
    let (hours, minutes) = (two_digits(hours)?, two_digits(minutes)?);
    let total = hours * 60 + minutes;
    (minutes < 60 && total <= MINUTES_IN_DAY).then_some(TimeOfDay { minutes: total })
}

impl fmt::Display for TimeOfDay {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:02}:{:02}", self.minutes / 60, self.minutes % 60)
    }
}

impl TryFrom<String> for TimeOfDay {
    type Error = CalendarError;

    fn try_from(text: String) -> Result<Self, CalendarError> {
        text.parse()
    }
}

impl From<TimeOfDay> for String {
    fn from(time: TimeOfDay) -> Self {
        time.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_day_are_read_back_as_written() {
        for text in ["00:00", "08:00", "17:59", "24:00"] {
            assert_eq!(text.parse::<TimeOfDay>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_is_not_a_time_of_day_is_refused() {
        for text in ["", "8:00", "08:60", "24:01", "25:00", "08:00:00", "+8:00", "０8:00", "99:99", "0800", ":"] {
            assert_eq!(text.parse::<TimeOfDay>(), Err(CalendarError::NotATimeOfDay { text: text.to_owned() }));
        }
    }
}

//! The weekly windows in which go-lives happen.

use jiff::Timestamp;
use jiff::civil::{Date, Weekday};
use serde::{Deserialize, Serialize};

use super::{CalendarError, TimeOfDay};

/// More than an hourly window on each day is a mistake in the configuration, not a policy.
const WINDOWS_MAX: usize = 7 * 24;

/// One window of the week, within one civil day: a window over midnight is written as two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "WindowAsWritten")]
pub struct Window {
    #[serde(with = "weekday_name")]
    weekday: Weekday,
    from: TimeOfDay,
    to: TimeOfDay,
}

/// The shape of a [`Window`] before it is checked.
#[derive(Deserialize)]
struct WindowAsWritten {
    #[serde(with = "weekday_name")]
    weekday: Weekday,
    from: TimeOfDay,
    to: TimeOfDay,
}

impl TryFrom<WindowAsWritten> for Window {
    type Error = CalendarError;

    fn try_from(written: WindowAsWritten) -> Result<Self, CalendarError> {
        Self::new(written.weekday, written.from, written.to)
    }
}

impl Window {
    /// The window [from, to) on that day of each week.
    ///
    /// # Errors
    /// Where it does not end after it begins.
    pub fn new(weekday: Weekday, from: TimeOfDay, to: TimeOfDay) -> Result<Self, CalendarError> {
        if to <= from {
            return Err(CalendarError::EmptyWindow { weekday, from, to });
        }
        Ok(Self { weekday, from, to })
    }

    /// The day of the week.
    #[must_use]
    pub fn weekday(&self) -> Weekday {
        self.weekday
    }

    /// The civil time at which it opens.
    #[must_use]
    pub fn from(&self) -> TimeOfDay {
        self.from
    }

    /// The civil time at which it closes.
    #[must_use]
    pub fn to(&self) -> TimeOfDay {
        self.to
    }

    /// [start moment, end moment) on that date. The two are equal where the whole window lies in the spring gap.
    #[must_use]
    pub fn on(&self, date: Date) -> (Timestamp, Timestamp) {
        (self.from.on(date), self.to.on(date))
    }
}

/// The windows of a week, in order and without overlap.
///
/// No window at all is allowed here and never opens; whether that is a mistake is for the reader to say, who knows
/// which days are closed as well ([`next_open`](super::Timetable::next_open)).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<Window>", into = "Vec<Window>")]
pub struct Windows {
    windows: Vec<Window>,
}

impl Windows {
    /// The given windows in order of weekday and time.
    ///
    /// # Errors
    /// Where two overlap, or there are too many. Windows may touch: [09:00, 12:00) and [12:00, 17:00) are two.
    pub fn new(windows: impl Into<Vec<Window>>) -> Result<Self, CalendarError> {
        let mut windows = windows.into();
        if windows.len() > WINDOWS_MAX {
            return Err(CalendarError::TooManyWindows { count: windows.len(), most: WINDOWS_MAX });
        }
        windows.sort_by_key(|window| (window.weekday.to_monday_zero_offset(), window.from));
        for pair in windows.windows(2) {
            if pair[0].weekday == pair[1].weekday && pair[1].from < pair[0].to {
                return Err(CalendarError::OverlappingWindows {
                    weekday: pair[0].weekday,
                    first: pair[0].from,
                    second: pair[1].from,
                });
            }
        }
        Ok(Self { windows })
    }

    /// The same window on each of several days.
    ///
    /// # Errors
    /// Where it is empty, or a day is named twice.
    pub fn on_days(weekdays: &[Weekday], from: TimeOfDay, to: TimeOfDay) -> Result<Self, CalendarError> {
        let windows: Result<Vec<_>, _> = weekdays.iter().map(|day| Window::new(*day, from, to)).collect();
        Self::new(windows?)
    }

    /// Those of the date's weekday, in order of time.
    pub fn of_day(&self, date: Date) -> impl Iterator<Item = &Window> {
        let weekday = date.weekday();
        self.windows.iter().filter(move |window| window.weekday == weekday)
    }

    /// All of them, from Monday on.
    pub fn iter(&self) -> impl Iterator<Item = &Window> {
        self.windows.iter()
    }
}

impl TryFrom<Vec<Window>> for Windows {
    type Error = CalendarError;

    fn try_from(windows: Vec<Window>) -> Result<Self, CalendarError> {
        Self::new(windows)
    }
}

impl From<Windows> for Vec<Window> {
    fn from(windows: Windows) -> Self {
        windows.windows
    }
}

/// Weekdays as lower-case English words, since jiff has no serialised form of them.
mod weekday_name {
    use jiff::civil::Weekday;
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    const NAMES: [(Weekday, &str); 7] = [
        (Weekday::Monday, "monday"),
        (Weekday::Tuesday, "tuesday"),
        (Weekday::Wednesday, "wednesday"),
        (Weekday::Thursday, "thursday"),
        (Weekday::Friday, "friday"),
        (Weekday::Saturday, "saturday"),
        (Weekday::Sunday, "sunday"),
    ];

    pub(super) fn serialize<S: Serializer>(weekday: &Weekday, out: S) -> Result<S::Ok, S::Error> {
        let (_, name) = NAMES[usize::from(weekday.to_monday_zero_offset().unsigned_abs())];
        out.serialize_str(name)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(input: D) -> Result<Weekday, D::Error> {
        let text = String::deserialize(input)?;
        match NAMES.iter().find(|(_, name)| *name == text) {
            Some((weekday, _)) => Ok(*weekday),
            None => Err(D::Error::custom(format_args!("{text:?} is not a day of the week, monday to sunday"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> TimeOfDay {
        text.parse().unwrap()
    }

    #[test]
    fn an_empty_or_inverted_window_is_refused() {
        for (from, to) in [("09:00", "09:00"), ("17:00", "09:00"), ("24:00", "24:00")] {
            let refused = Window::new(Weekday::Monday, at(from), at(to));
            assert!(matches!(refused, Err(CalendarError::EmptyWindow { .. })), "{from} to {to}");
        }
    }

    #[test]
    fn overlapping_windows_are_refused_and_touching_ones_are_not() {
        let morning = Window::new(Weekday::Monday, at("09:00"), at("12:00")).unwrap();
        let afternoon = Window::new(Weekday::Monday, at("12:00"), at("17:00")).unwrap();
        let lunch = Window::new(Weekday::Monday, at("11:59"), at("12:30")).unwrap();
        let another_day = Window::new(Weekday::Tuesday, at("11:00"), at("12:30")).unwrap();
        assert!(Windows::new([afternoon, another_day, morning]).is_ok());
        assert_eq!(
            Windows::new([lunch, morning]),
            Err(CalendarError::OverlappingWindows {
                weekday: Weekday::Monday,
                first: at("09:00"),
                second: at("11:59")
            })
        );
    }

    #[test]
    fn stored_windows_are_checked_again_when_read() {
        let stored = r#"[{"weekday":"monday","from":"09:00","to":"12:00"}]"#;
        let windows: Windows = serde_json::from_str(stored).unwrap();
        assert_eq!(serde_json::to_string(&windows).unwrap(), stored);
        for (broken, complaint) in [
            (r#"[{"weekday":"monday","from":"12:00","to":"09:00"}]"#, "is empty"),
            (r#"[{"weekday":"Montag","from":"09:00","to":"12:00"}]"#, "not a day of the week"),
            (
                r#"[{"weekday":"monday","from":"09:00","to":"12:00"},{"weekday":"monday","from":"09:00","to":"10:00"}]"#,
                "overlap",
            ),
        ] {
            let error = serde_json::from_str::<Windows>(broken).unwrap_err().to_string();
            assert!(error.contains(complaint), "{error}");
        }
    }
}

//! Which publication: of which month or week, and of which capability.

use std::fmt;
use std::str::FromStr;

use jiff::civil::{Date, ISOWeekDate, Weekday};
use ods::Capability;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::day::Day;
use crate::period::Period;

/// The collection that all publications are in.
const COLLECTION: &str = "publications/";

/// What figures are published for. Others would overlap in more ways than anybody could look through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PublicationPeriod {
    /// A calendar month, by its first day.
    Month(Date),
    /// A week, by its Monday.
    Week(Date),
}

/// A publication's resource name: `publications/2031-02` and `publications/2031-W09` of the default capability, else with the
/// capability before it, `publications/historic-records-2031-02`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PublicationName {
    /// Whose figures.
    pub capability: Capability,
    /// Of when.
    pub period: PublicationPeriod,
}

/// Not the name of a publication.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("it is no publication: expected publications/ and a month or week, such as 2031-02 or 2031-W09")]
pub struct PublicationNameError;

impl PublicationPeriod {
    /// Its days.
    #[must_use]
    pub fn days(self) -> Period {
        let (start, end) = match self {
            Self::Month(start) => (start, start.last_of_month()),
            Self::Week(start) => (start, Day::from(start).plus(6).date()),
        };
        Period::new(start.into(), end.into()).expect("a month or a week ends after it begins")
    }

    /// People who viewed, and views by app, are counted over months alone: a week's are among the month's, and what both tell
    /// together disclosure control does not look through.
    #[must_use]
    pub fn counts_viewers(self) -> bool {
        matches!(self, Self::Month(_))
    }
}

impl FromStr for PublicationPeriod {
    type Err = PublicationNameError;

    fn from_str(text: &str) -> Result<Self, PublicationNameError> {
        let parsed = match text.split_once("-W") {
            None => format!("{text}-01").parse().ok().map(Self::Month),
            Some((year, week)) => {
                let monday = |year, week| ISOWeekDate::new(year, week, Weekday::Monday).ok().map(ISOWeekDate::date);
                year.parse().ok().zip(week.parse().ok()).and_then(|(year, week)| monday(year, week)).map(Self::Week)
            }
        };
        // One name for each: what would be printed otherwise is not taken.
        parsed.filter(|period: &Self| period.to_string() == text).ok_or(PublicationNameError)
    }
}

impl fmt::Display for PublicationPeriod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Month(start) => write!(f, "{:04}-{:02}", start.year(), start.month()),
            Self::Week(start) => {
                let week = start.iso_week_date();
                write!(f, "{:04}-W{:02}", week.year(), week.week())
            }
        }
    }
}

impl PublicationName {
    /// The last part of the resource name, `2031-02`.
    #[must_use]
    pub fn id(&self) -> String {
        let period = self.period;
        if self.capability == Capability::default() {
            period.to_string()
        } else {
            format!("{}-{period}", self.capability.id())
        }
    }

    /// The last day: its figures are as at the end of it.
    #[must_use]
    pub fn as_at(&self) -> Day {
        self.period.days().end()
    }
}

impl FromStr for PublicationName {
    type Err = PublicationNameError;

    /// The resource name; its last part alone is taken too.
    fn from_str(text: &str) -> Result<Self, PublicationNameError> {
        let id = text.strip_prefix(COLLECTION).unwrap_or(text);
        for period_bytes in ["2031-02".len(), "2031-W09".len()] {
            let Some((before, period)) = id.len().checked_sub(period_bytes).and_then(|at| id.split_at_checked(at))
            else {
                continue;
            };
            let Ok(period) = period.parse() else { continue };
            let capability = match before.strip_suffix('-') {
                None if before.is_empty() => Capability::default(),
                Some(capability) => format!("capabilities/{capability}").parse().map_err(|_| PublicationNameError)?,
                None => return Err(PublicationNameError),
            };
            let name = Self { capability, period };
            return if name.id() == id { Ok(name) } else { Err(PublicationNameError) };
        }
        Err(PublicationNameError)
    }
}

impl fmt::Display for PublicationName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{COLLECTION}{}", self.id())
    }
}

impl TryFrom<String> for PublicationName {
    type Error = PublicationNameError;

    fn try_from(text: String) -> Result<Self, PublicationNameError> {
        text.parse()
    }
}

impl From<PublicationName> for String {
    fn from(name: PublicationName) -> Self {
        name.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_printed() {
        for (id, days) in [
            ("2031-02", "2031-02-01 to 2031-02-28"),
            ("2020-W53", "2020-12-28 to 2021-01-03"),
            ("historic-records-2031-12", "2031-12-01 to 2031-12-31"),
            ("historic-records-2031-W01", "2030-12-30 to 2031-01-05"),
        ] {
            let name: PublicationName = id.parse().unwrap();
            assert_eq!(name.to_string(), format!("publications/{id}"));
            assert_eq!(name.to_string().parse(), Ok(name.clone()));
            let period = name.period.days();
            assert_eq!(format!("{} to {}", period.start(), period.end()), days);
        }
    }

    #[test]
    fn what_is_no_name_is_refused() {
        for id in ["", "2031", "2031-13", "2031-2", "2031-W54", "2031-W9", "2031-02-03", "x2031-02", "-2031-02"] {
            assert_eq!(id.parse::<PublicationName>(), Err(PublicationNameError), "{id:?}");
        }
        let twice_named = "publications/prospective-records-2031-02".parse::<PublicationName>();
        assert_eq!(twice_named, Err(PublicationNameError), "one publication has one name");
    }
}

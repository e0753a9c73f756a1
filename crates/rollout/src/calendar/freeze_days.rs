//! Days without go-lives by somebody's decision: the Christmas freeze, a supplier's release week.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::CalendarError;

/// An unbroken run of freeze days.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "FreezeAsWritten")]
pub struct Freeze {
    first: Date,
    last: Date,
    why: String,
}

/// The shape of a [`Freeze`] before it is checked.
#[derive(Deserialize)]
struct FreezeAsWritten {
    first: Date,
    last: Date,
    why: String,
}

impl TryFrom<FreezeAsWritten> for Freeze {
    type Error = CalendarError;

    fn try_from(written: FreezeAsWritten) -> Result<Self, CalendarError> {
        Self::new(written.first, written.last, written.why)
    }
}

impl Freeze {
    /// The days from `first` to `last`, both included.
    ///
    /// # Errors
    /// Where it ends before it begins.
    pub fn new(first: Date, last: Date, why: impl Into<String>) -> Result<Self, CalendarError> {
        if last < first {
            return Err(CalendarError::FreezeEndsBeforeItBegins { first, last });
        }
        Ok(Self { first, last, why: why.into() })
    }

    /// The first frozen day.
    #[must_use]
    pub fn first(&self) -> Date {
        self.first
    }

    /// The last frozen day.
    #[must_use]
    pub fn last(&self) -> Date {
        self.last
    }

    /// Why, as the one who froze the days wrote.
    #[must_use]
    pub fn why(&self) -> &str {
        &self.why
    }
}

/// All freezes of a calendar or of a programme. They may overlap: each is somebody's own decision.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FreezeDays {
    // A handful a year: a scan is quicker than an index, and keeps the order in which they were written.
    freezes: imbl::Vector<Freeze>,
}

impl FreezeDays {
    /// Why the day is frozen, by the first freeze that covers it; none where it is not frozen.
    #[must_use]
    pub fn why(&self, date: Date) -> Option<&str> {
        self.freezes.iter().find(|freeze| freeze.first <= date && date <= freeze.last).map(Freeze::why)
    }

    /// Adds a freeze.
    pub fn add(&mut self, freeze: Freeze) {
        self.freezes.push_back(freeze);
    }

    /// All of them in the order written.
    pub fn iter(&self) -> impl Iterator<Item = &Freeze> {
        self.freezes.iter()
    }
}

impl FromIterator<Freeze> for FreezeDays {
    fn from_iter<I: IntoIterator<Item = Freeze>>(freezes: I) -> Self {
        Self { freezes: freezes.into_iter().collect() }
    }
}

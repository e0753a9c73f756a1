//! How a supplier is driven, as written.

use std::fmt;

use jiff::Timestamp;
use jiff::ToSpan;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::FreezeSpec;
use crate::calendar::{CalendarError, FreezeDays, TimeOfDay};

/// How often a practice is tried where the document does not say: enough for a bad day at a supplier, few enough that a
/// practice which cannot be switched on is reported within the week.
pub const ATTEMPTS_DEFAULT: u8 = 3;

/// One supplier.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SupplierSpec {
    /// How its practices are switched on, unless a wave says otherwise.
    pub mode: Mode,
    /// How often a practice is tried while refusals are retryable.
    #[serde(default = "attempts_default")]
    pub attempts: u8,
    /// With booked dates: the dates.
    #[serde(default)]
    pub dates: Vec<Date>,
    /// With booked dates: when the list for a date is taken.
    #[serde(default)]
    pub cut_off: Option<CutOff>,
    /// Days on which none of its practices goes live, such as those of a release.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub freezes: Vec<FreezeSpec>,
}

impl SupplierSpec {
    /// Its own freeze days.
    ///
    /// # Errors
    /// Where one ends before it begins.
    pub fn freeze_days(&self) -> Result<FreezeDays, CalendarError> {
        super::freeze_days(&self.freezes)
    }
}

/// How a practice is switched on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// We call the supplier for each practice.
    Push,
    /// The supplier takes a list at a cut-off and switches on a fixed date.
    BookedDates,
    /// The practice does it; we ask and observe.
    SelfService,
}

impl fmt::Display for Mode {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Push => "push",
            Self::BookedDates => "booked dates",
            Self::SelfService => "self-service",
        })
    }
}

/// The last moment at which a supplier takes the list for a date.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CutOff {
    /// So many calendar days before the date.
    pub days_before: u8,
    /// At this time of that day.
    pub at: TimeOfDay,
}

impl CutOff {
    /// The first moment at which the list for `date` can no longer be claimed.
    #[must_use]
    pub fn for_date(self, date: Date) -> Timestamp {
        let day = date.checked_sub(i32::from(self.days_before).days()).unwrap_or(date);
        self.at.on(day)
    }
}

fn attempts_default() -> u8 {
    ATTEMPTS_DEFAULT
}

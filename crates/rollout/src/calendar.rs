//! When a practice may be switched on: civil time, working days, weekly windows, bank holidays and freeze days.
//!
//! ```text
//! moment ──civil_date──▶ day ── Calendar::go_live_day ──▶ open, or a ClosedReason        rule 2
//!                         │
//!                         └──── Windows of that weekday ──▶ [start moment, end moment)    rule 1
//!                                      └── Timetable: both together: is_open, next_open, windows_between, due_moments
//! ```
//!
//! The national [`Calendar`] changes when a holiday is announced; a programme has its own [`FreezeDays`] and
//! [`Windows`]. A [`Timetable`] borrows all three and computes nothing ahead, so that a holiday announced after
//! approval takes effect with the next question asked (I16).
//!
//! What this deliberately does not do: it reads no file (the publishers' formats are `ods`'s), holds no moment of its
//! own, and records no outcome: it only says which moments are due and which of them are skipped, and why (rule 3).
//! Nor does it hold back a switch-off: windows and closed days are for ENABLE only.

mod bank_holidays;
mod due;
mod freeze_days;
mod notice;
mod time_of_day;
mod timetable;
mod windows;

#[cfg(test)]
mod goldens;
#[cfg(test)]
mod independent;
#[cfg(test)]
mod laws;

use jiff::civil::{Date, Weekday};
use serde::{Deserialize, Serialize};

pub use bank_holidays::BankHolidays;
pub use due::{DueMoment, WindowEdge};
pub use freeze_days::{Freeze, FreezeDays};
pub use ods::civil::{civil_date, civil_datetime, day_bounds, instant};
pub use time_of_day::TimeOfDay;
pub use timetable::{NeverOpens, Occurrence, Shut, SkipReason, Timetable};
pub use windows::{Window, Windows};

/// The national calendar: which days are bank holidays, and on which nobody goes live.
///
/// Cheap to clone.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Calendar {
    /// The bank holidays of England and Wales as far as they are known.
    pub bank_holidays: BankHolidays,
    /// National freeze days; a programme adds its own in its [`Timetable`].
    pub freeze_days: FreezeDays,
}

/// Why a day takes no go-live (rule 2).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(tag = "reason", rename_all = "kebab-case")]
pub enum ClosedReason {
    /// A Saturday or a Sunday.
    #[error("weekend")]
    Weekend,
    /// A bank holiday.
    #[error("bank holiday: {title}")]
    BankHoliday {
        /// The holiday's published name.
        title: String,
    },
    /// A day somebody has frozen.
    #[error("freeze day: {why}")]
    FreezeDay {
        /// Why it is frozen, as the one who froze it wrote.
        why: String,
    },
    /// Nobody knows yet whether it is a bank holiday, so it is closed (fail closed).
    #[error("{}", beyond(*last_known))]
    BeyondKnownHolidays {
        /// The last bank holiday known; none when no holiday is known at all.
        last_known: Option<Date>,
    },
}

/// What is wrong with a calendar as configured; refused when it is written (I8).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CalendarError {
    /// Not of the form `HH:MM`, from `00:00` to `24:00`.
    #[error("{text:?} is not a time of day: it is written HH:MM, from 00:00 to 24:00")]
    NotATimeOfDay {
        /// What was given.
        text: String,
    },
    /// A window that ends when it begins, or before.
    #[error(
        "the window on {weekday:?} from {from} to {to} is empty: it must end after it begins, on the same day (24:00 is midnight)"
    )]
    EmptyWindow {
        /// The day of the week.
        weekday: Weekday,
        /// Its start.
        from: TimeOfDay,
        /// Its end.
        to: TimeOfDay,
    },
    /// Two windows share a moment; each due moment must belong to exactly one.
    #[error("the windows on {weekday:?} from {first} and from {second} overlap")]
    OverlappingWindows {
        /// The day of the week.
        weekday: Weekday,
        /// The start of the earlier one.
        first: TimeOfDay,
        /// The start of the later one.
        second: TimeOfDay,
    },
    /// More windows than anybody means.
    #[error("{count} weekly windows are more than the {most} allowed")]
    TooManyWindows {
        /// How many were given.
        count: usize,
        /// How many may be.
        most: usize,
    },
    /// A range of freeze days that ends before it begins.
    #[error("the freeze from {first} to {last} ends before it begins")]
    FreezeEndsBeforeItBegins {
        /// The first day given.
        first: Date,
        /// The last day given.
        last: Date,
    },
}

impl Calendar {
    /// Whether practices may go live on this day (rule 2), by the national calendar alone.
    ///
    /// # Errors
    /// The first reason that holds, in the order weekend, bank holiday, beyond what is known, freeze day.
    pub fn go_live_day(&self, date: Date) -> Result<(), ClosedReason> {
        self.working_day(date)?;
        match self.freeze_days.why(date) {
            Some(why) => Err(ClosedReason::FreezeDay { why: why.to_owned() }),
            None => Ok(()),
        }
    }

    /// Whether people are at work on this day: not on weekends and bank holidays. A freeze day is a working day: staff
    /// read their notices on it, only no go-live happens.
    ///
    /// # Errors
    /// Weekend, bank holiday, or not known since no bank holiday beyond it is known.
    pub fn working_day(&self, date: Date) -> Result<(), ClosedReason> {
        if is_weekend(date) {
            return Err(ClosedReason::Weekend);
        }
        if let Some(title) = self.bank_holidays.title(date) {
            return Err(ClosedReason::BankHoliday { title: title.to_owned() });
        }
        if self.bank_holidays.last_known().is_none_or(|last| date > last) {
            return Err(ClosedReason::BeyondKnownHolidays { last_known: self.bank_holidays.last_known() });
        }
        Ok(())
    }
}

fn beyond(last_known: Option<Date>) -> String {
    match last_known {
        Some(last_known) => format!("beyond the last known bank holiday ({last_known})"),
        None => "no bank holidays are known".to_owned(),
    }
}

fn is_weekend(date: Date) -> bool {
    matches!(date.weekday(), Weekday::Saturday | Weekday::Sunday)
}

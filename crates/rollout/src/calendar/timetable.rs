//! A programme's windows laid over the calendar: when it is open, when next, and which windows are skipped.

use jiff::Timestamp;
use jiff::civil::Date;
use ods::civil::civil_date;
use serde::{Deserialize, Serialize};

use super::{Calendar, ClosedReason, FreezeDays, Window, Windows};

/// The national calendar with one programme's freeze days and windows.
#[derive(Debug, Clone, Copy)]
pub struct Timetable<'a> {
    /// The national calendar.
    pub calendar: &'a Calendar,
    /// The programme's own freeze days.
    pub freeze_days: &'a FreezeDays,
    /// The programme's weekly windows.
    pub windows: &'a Windows,
}

/// One window on one date.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Occurrence {
    /// The civil date.
    pub date: Date,
    /// The weekly window.
    pub window: Window,
    /// Its first moment.
    pub opens: Timestamp,
    /// The first moment after it; equal to `opens` where it is empty.
    pub closes: Timestamp,
    /// Why nothing starts in it; none where it opens.
    pub skipped: Option<SkipReason>,
}

/// Why a window of the week does not open on a date: the policy of the outcome SKIPPED (rule 3).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(tag = "skipped", rename_all = "kebab-case")]
pub enum SkipReason {
    /// Clocks never show any moment of it: it lies in the spring gap (rule 1).
    #[error("no moment of the window exists on this day, on which the clocks go forward")]
    Empty,
    /// The day is closed (rule 2).
    #[error("{0}")]
    Closed(ClosedReason),
}

/// Why nobody can go live at a moment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(tag = "shut", rename_all = "kebab-case")]
pub enum Shut {
    /// The whole day is closed.
    #[error("{0}")]
    Closed(ClosedReason),
    /// The day is open, but no window is at this moment.
    #[error("outside the windows")]
    OutsideWindows,
}

/// Why there is no next open moment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(tag = "never_opens", rename_all = "kebab-case")]
pub enum NeverOpens {
    /// There is no window on any weekday from Monday to Friday.
    #[error("no window lies on a day from Monday to Friday")]
    NoWindow,
    /// No open window begins on or before the last day of which it is known whether it is a holiday.
    #[error("no window opens{}", last_known.map_or(": no bank holidays are known".to_owned(), |date| format!(" up to the last known bank holiday ({date})")))]
    BeyondKnownHolidays {
        /// The last bank holiday known.
        last_known: Option<Date>,
    },
}

impl<'a> Timetable<'a> {
    /// Whether this programme's practices may go live on this day (rule 2).
    ///
    /// # Errors
    /// As [`Calendar::go_live_day`], with the programme's freeze days after the nation's.
    pub fn go_live_day(&self, date: Date) -> Result<(), ClosedReason> {
        self.calendar.go_live_day(date)?;
        match self.freeze_days.why(date) {
            Some(why) => Err(ClosedReason::FreezeDay { why: why.to_owned() }),
            None => Ok(()),
        }
    }

    /// Whether a go-live may start at this moment.
    #[must_use]
    pub fn is_open(&self, moment: Timestamp) -> bool {
        self.open_window(moment).is_ok()
    }

    /// The open window to which the moment belongs.
    ///
    /// # Errors
    /// Why it is shut.
    pub fn open_window(&self, moment: Timestamp) -> Result<Occurrence, Shut> {
        let date = civil_date(moment);
        self.go_live_day(date).map_err(Shut::Closed)?;
        self.of_day(date)
            .find(|occurrence| occurrence.opens <= moment && moment < occurrence.closes)
            .ok_or(Shut::OutsideWindows)
    }

    /// The first open moment at or after this one: the moment itself where it is open already.
    ///
    /// # Errors
    /// Where no window opens before the last day of which it is known whether it is a bank holiday.
    pub fn next_open(&self, moment: Timestamp) -> Result<Timestamp, NeverOpens> {
        if !self.windows.iter().any(|window| window.weekday().to_monday_zero_offset() < 5) {
            return Err(NeverOpens::NoWindow);
        }
        let last_known = self.calendar.bank_holidays.last_known();
        let mut date = civil_date(moment);
        while last_known.is_some_and(|last| date <= last) {
            let open = self.of_day(date).find(|occurrence| occurrence.skipped.is_none() && moment < occurrence.closes);
            if let Some(occurrence) = open {
                return Ok(occurrence.opens.max(moment));
            }
            let Ok(tomorrow) = date.tomorrow() else { break };
            date = tomorrow;
        }
        Err(NeverOpens::BeyondKnownHolidays { last_known })
    }

    /// Every window that begins in [from, until), in order, with the reason where it is skipped. Consecutive calls
    /// neither repeat nor miss one, so each gets exactly one outcome (rule 3, I12).
    pub fn windows_between(&self, from: Timestamp, until: Timestamp) -> impl Iterator<Item = Occurrence> + use<'a> {
        let timetable = *self;
        days_between(from, until)
            .flat_map(move |date| timetable.of_day(date))
            .filter(move |occurrence| from <= occurrence.opens && occurrence.opens < until)
    }

    /// The windows of a date in order of time.
    pub(super) fn of_day(&self, date: Date) -> impl Iterator<Item = Occurrence> + use<'a> {
        let closed = self.go_live_day(date).err().map(SkipReason::Closed);
        let windows = self.windows;
        windows.of_day(date).map(move |window| {
            let (opens, closes) = window.on(date);
            let skipped = if opens == closes { Some(SkipReason::Empty) } else { closed.clone() };
            Occurrence { date, window: *window, opens, closes, skipped }
        })
    }
}

/// The civil dates that have a moment in [from, until).
pub(super) fn days_between(from: Timestamp, until: Timestamp) -> impl Iterator<Item = Date> {
    let last = civil_date(until);
    let first = (from < until).then(|| civil_date(from));
    std::iter::successors(first, move |date| date.tomorrow().ok().filter(|next| *next <= last))
}

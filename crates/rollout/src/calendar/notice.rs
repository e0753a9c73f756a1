//! Working days, in which notice is counted (rule 11).
//!
//! A notice delivered on day `d` for a go-live on day `g` gives as many working days' notice as there are working days
//! in [d, g): the day of go-live does not count. With both on working days that is the usual "N working days before".

use jiff::civil::Date;

use super::{Calendar, ClosedReason, is_weekend};

impl Calendar {
    /// How many working days lie in [from, to); 0 where `to` is not after `from`.
    ///
    /// # Errors
    /// Where not all holidays of that time are known.
    pub fn working_days_between(&self, from: Date, to: Date) -> Result<u32, ClosedReason> {
        let Ok(days) = u32::try_from(from.duration_until(to).as_hours() / 24) else {
            return Ok(0);
        };
        if days == 0 {
            return Ok(0);
        }
        self.holidays_known_until(from, to)?;
        // Each full week has five, whatever day it begins on; the rest is less than a week.
        let mut working = days / 7 * 5;
        let mut day = to;
        for _ in 0..days % 7 {
            day = day.yesterday().unwrap_or(Date::MIN);
            working += u32::from(!is_weekend(day));
        }
        let holidays = self.bank_holidays.range(from, to).filter(|holiday| !is_weekend(*holiday)).count();
        Ok(working - u32::try_from(holidays).expect("there are fewer holidays than days, and the days fit"))
    }

    /// The last day on which a notice may be delivered for a go-live on `date`: the latest with `count` working days
    /// in [that day, `date`). With 0 it is `date` itself.
    ///
    /// # Errors
    /// Where not all holidays of that time are known.
    pub fn working_days_before(&self, date: Date, count: u16) -> Result<Date, ClosedReason> {
        let mut missing = count;
        let mut day = date;
        while missing > 0 {
            let Ok(yesterday) = day.yesterday() else { return Ok(Date::MIN) };
            day = yesterday;
            missing -= u16::from(self.known_working_day(day)?);
        }
        Ok(day)
    }

    /// The first working day with `count` working days in [`date`, that day): the earliest go-live day, freezes
    /// aside, after a notice delivered on `date`. With 0 it is `date` itself where that is a working day.
    ///
    /// # Errors
    /// Where not all holidays up to that day are known.
    pub fn working_days_after(&self, date: Date, count: u16) -> Result<Date, ClosedReason> {
        let mut missing = count;
        let mut day = date;
        loop {
            if self.known_working_day(day)? {
                if missing == 0 {
                    return Ok(day);
                }
                missing -= 1;
            }
            day = day
                .tomorrow()
                .map_err(|_| ClosedReason::BeyondKnownHolidays { last_known: self.bank_holidays.last_known() })?;
        }
    }

    /// That the last day from Monday to Friday in [from, to), where there is one, is not beyond the known holidays.
    fn holidays_known_until(&self, from: Date, to: Date) -> Result<(), ClosedReason> {
        let mut day = to;
        while day > from {
            day = day.yesterday().unwrap_or(Date::MIN);
            if !is_weekend(day) {
                return self.known_working_day(day).map(|_| ());
            }
        }
        Ok(())
    }

    /// Whether a day is a working day, or an error where nobody knows yet.
    fn known_working_day(&self, date: Date) -> Result<bool, ClosedReason> {
        match self.working_day(date) {
            Ok(()) => Ok(true),
            Err(beyond @ ClosedReason::BeyondKnownHolidays { .. }) => Err(beyond),
            Err(_) => Ok(false),
        }
    }
}

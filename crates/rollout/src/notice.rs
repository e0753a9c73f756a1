//! Notice: no go-live without delivered notice of so many working days (rule 11).
//!
//! A notice names a date before which the practice does not go live. It holds for that date and any later one: a go-live
//! that moves later needs no new notice, one that moves earlier does. So nothing has to be reset, and nothing can be
//! forgotten to be.

use jiff::civil::Date;
use ods::PracticeCode;

use crate::calendar::{Calendar, civil_date};
use crate::state::{Notice, Programme};

impl Notice {
    /// Whether it gives so many working days before a go-live on `date`. Where not all bank holidays in between are
    /// known it does not (rule 2: fail closed).
    #[must_use]
    pub fn covers(&self, calendar: &Calendar, date: Date, working_days: u16) -> bool {
        let delivered_on = civil_date(self.delivered_at);
        self.not_before <= date
            && delivered_on <= date
            && calendar.working_days_between(delivered_on, date).is_ok_and(|days| days >= u32::from(working_days))
    }
}

impl Programme {
    /// Whether a practice had its notice for a go-live on `date`. Where none is owed it always had.
    #[must_use]
    pub fn is_noticed(&self, calendar: &Calendar, practice: PracticeCode, date: Date, working_days: u16) -> bool {
        working_days == 0 || self.notices_of(practice).iter().any(|notice| notice.covers(calendar, date, working_days))
    }

    /// The first day on which a practice has had its notice, by what was delivered; none where nothing was.
    #[must_use]
    pub fn noticed_from(&self, calendar: &Calendar, practice: PracticeCode, working_days: u16) -> Option<Date> {
        let first = |notice: &Notice| {
            let after = calendar.working_days_after(civil_date(notice.delivered_at), working_days).ok()?;
            Some(after.max(notice.not_before))
        };
        self.notices_of(practice).iter().filter_map(first).min()
    }

    /// The notices delivered to a practice, oldest first.
    #[must_use]
    pub fn notices_of(&self, practice: PracticeCode) -> &[Notice] {
        self.notices.get(&practice).map_or(&[], |notices| notices.as_slice())
    }
}

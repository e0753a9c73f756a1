//! The bank holidays of England and Wales, and how far ahead they are known.

use imbl::OrdMap;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// Published bank holidays by date.
///
/// The last of them is the horizon: of no later day can it be said that it is not a holiday (rule 2). GOV.UK announces
/// whole years, and drops past ones from its file after some time; days before the first known holiday are judged by
/// weekday alone. Announcements change the list (a holiday is added, or moved, at short notice): the whole list is
/// replaced, or one is [announced](Self::announce).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BankHolidays {
    titles: OrdMap<Date, String>,
}

impl BankHolidays {
    /// Adds a holiday, or renames the one on that date.
    pub fn announce(&mut self, date: Date, title: impl Into<String>) {
        self.titles.insert(date, title.into());
    }

    /// The published name, if the day is a bank holiday.
    #[must_use]
    pub fn title(&self, date: Date) -> Option<&str> {
        self.titles.get(&date).map(String::as_str)
    }

    /// The last bank holiday known, beyond which every day is closed; none when no holiday is known.
    #[must_use]
    pub fn last_known(&self) -> Option<Date> {
        self.titles.get_max().map(|(date, _)| *date)
    }

    /// All of them in order of date.
    pub fn iter(&self) -> impl Iterator<Item = (Date, &str)> {
        self.titles.iter().map(|(date, title)| (*date, title.as_str()))
    }

    /// Those from `first` up to and excluding `end`, in order of date.
    pub fn range(&self, first: Date, end: Date) -> impl Iterator<Item = Date> {
        // An inverted range is a panic to an ordered map; here it is simply empty.
        self.titles.range(first..end.max(first)).map(|(date, _)| *date)
    }
}

impl<T: Into<String>> FromIterator<(Date, T)> for BankHolidays {
    fn from_iter<I: IntoIterator<Item = (Date, T)>>(holidays: I) -> Self {
        Self { titles: holidays.into_iter().map(|(date, title)| (date, title.into())).collect() }
    }
}

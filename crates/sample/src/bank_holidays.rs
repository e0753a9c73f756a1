//! Bank holidays of England and Wales by the rules of law: which days they are, and their substitutes on working days.
//!
//! Days that were proclaimed for once (a jubilee, a funeral), or moved for once, follow no rule: whoever asks brings
//! them along as [`OneOff`]s.

use crate::Error;
use jiff::civil::{Date, Weekday, date};
use ods::{BankHoliday, BankHolidays};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::ops::RangeInclusive;

/// The first year in which all eight bank holidays were kept as they are now: the early May one was new in it.
pub const FIRST_YEAR: i16 = 1978;

/// A bank holiday of one year only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OneOff {
    /// When it is.
    pub date: Date,
    /// What it is called.
    pub title: String,
    /// The bank holiday by the rules that is not kept, since this one is kept for it; None where it is one more.
    #[serde(default)]
    pub replaces: Option<Date>,
}

/// The bank holidays of `years`, with the one-offs.
///
/// # Errors
/// Where the rules do not hold for the years, or a one-off does not fit in.
pub fn bank_holidays(years: RangeInclusive<i16>, one_offs: &[OneOff]) -> Result<BankHolidays, Error> {
    let no_years = || Error::Years { from: *years.start(), to: *years.end() };
    let mut days = BTreeMap::new();
    for year in years.clone() {
        days.extend(of_year(year).ok_or_else(no_years)?);
    }
    for one_off in one_offs {
        let title = one_off.title.clone();
        if let Some(replaces) = one_off.replaces
            && days.remove(&replaces).is_none()
        {
            return Err(Error::ReplacesNothing { title, replaces });
        }
        let date = one_off.date;
        if !years.contains(&date.year()) {
            return Err(Error::OtherYear { title, date });
        }
        if days.contains_key(&date) {
            return Err(Error::DayTaken { title, date });
        }
        days.insert(date, BankHoliday { title, notes: String::new(), bunting: true });
    }
    BankHolidays::new(days).ok_or_else(no_years)
}

/// The eight days of a year; None where the rules did not hold yet, or the calendar ends before it.
fn of_year(year: i16) -> Option<[(Date, BankHoliday); 8]> {
    if year < FIRST_YEAR {
        return None;
    }
    let day = |month, day| Date::new(year, month, day).ok();
    let monday = |month, nth| date(year, month, 1).nth_weekday_of_month(nth, Weekday::Monday).ok();
    let easter = easter_sunday(year)?;
    let new_year = day(1, 1)?;
    let christmas = day(12, 25)?;
    let boxing = day(12, 26)?;
    // Both keep their names: where Christmas is a Sunday, Boxing Day is its own Monday and Christmas the Tuesday after.
    let christmas_kept = if is_weekend(christmas) { day(12, 27)? } else { christmas };
    let boxing_kept = if is_weekend(boxing) { day(12, 28)? } else { boxing };
    let new_year_kept = match new_year.weekday() {
        Weekday::Saturday => day(1, 3)?,
        Weekday::Sunday => day(1, 2)?,
        _ => new_year,
    };
    Some([
        named("New Year’s Day", new_year, new_year_kept),
        named("Good Friday", plus(easter, -2), plus(easter, -2)),
        named("Easter Monday", plus(easter, 1), plus(easter, 1)),
        named("Early May bank holiday", monday(5, 1)?, monday(5, 1)?),
        named("Spring bank holiday", monday(5, -1)?, monday(5, -1)?),
        named("Summer bank holiday", monday(8, -1)?, monday(8, -1)?),
        named("Christmas Day", christmas, christmas_kept),
        named("Boxing Day", boxing, boxing_kept),
    ])
}

/// The day as it is kept, with the publisher's note where that is not the day itself.
fn named(title: &str, day: Date, kept: Date) -> (Date, BankHoliday) {
    let notes = if day == kept { "" } else { "Substitute day" };
    // No flags on the day of the Crucifixion.
    let bunting = title != "Good Friday";
    (kept, BankHoliday { title: title.into(), notes: notes.into(), bunting })
}

fn is_weekend(day: Date) -> bool {
    matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday)
}

fn plus(day: Date, days: i32) -> Date {
    day.saturating_add(jiff::Span::new().days(days))
}

/// The Gregorian Easter, by the "anonymous" algorithm of Nature, 20 April 1876, in Meeus's form.
fn easter_sunday(year: i16) -> Option<Date> {
    let year_number = i32::from(year);
    let (century, in_century) = (year_number / 100, year_number % 100);
    let golden = year_number % 19;
    let moon_correction = (century - (century + 8) / 25 + 1) / 3;
    let epact = (19 * golden + century - century / 4 - moon_correction + 15) % 30;
    let to_sunday = (32 + 2 * (century % 4) + 2 * (in_century / 4) - epact - in_century % 4) % 7;
    let late_moon = (golden + 11 * epact + 22 * to_sunday) / 451;
    let days = epact + to_sunday - 7 * late_moon + 114;
    Date::new(year, i8::try_from(days / 31).ok()?, i8::try_from(days % 31 + 1).ok()?).ok()
}

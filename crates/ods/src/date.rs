//! Dates in the publishers' notations.

use crate::fault::Reason;
use jiff::civil::Date;

/// How a publisher writes dates.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Notation {
    /// `01Aug2031` or `2031-08-01`: one publication uses both, in different files and years.
    Extract,
    /// `20310801`.
    Compact,
    /// `2031-08-01`.
    Iso,
    /// `01/08/2031` or `2031-08-01`: one publication uses the one, and its later layout does not say.
    Civil,
}

/// Years that a date of this domain can lie in. Before and after it is a slip of the keyboard (`0203`, `20310`), which a
/// calendar would take for a date.
const YEARS: std::ops::RangeInclusive<i16> = 1900..=2199;

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

impl Notation {
    pub(crate) fn parse(self, text: &str) -> Result<Date, Reason> {
        let date = match self {
            Self::Extract => named_month(text).or_else(|| iso(text)),
            Self::Compact => compact(text),
            Self::Iso => iso(text),
            Self::Civil => slashed(text).or_else(|| iso(text)),
        };
        date.filter(|date| YEARS.contains(&date.year())).ok_or_else(|| Reason::impossible_date(text, self.example()))
    }

    fn example(self) -> &'static str {
        match self {
            Self::Extract => "01Aug2031 or 2031-08-01",
            Self::Compact => "20310801",
            Self::Iso => "2031-08-01",
            Self::Civil => "01/08/2031 or 2031-08-01",
        }
    }
}

/// `date` as `01Aug2031`.
pub(crate) fn with_named_month(date: Date) -> String {
    let month = MONTHS[usize::from(date.month().unsigned_abs()) - 1];
    format!("{:02}{month}{:04}", date.day(), date.year())
}

/// `date` as `20310801`.
pub(crate) fn without_separators(date: Date) -> String {
    format!("{:04}{:02}{:02}", date.year(), date.month(), date.day())
}

fn named_month(text: &str) -> Option<Date> {
    let (day, rest) = text.split_at_checked(2)?;
    let (month, year) = rest.split_at_checked(3)?;
    let month = MONTHS.iter().position(|name| name.eq_ignore_ascii_case(month))? + 1;
    date(digits(year, 4)?, month as u16, digits(day, 2)?)
}

fn slashed(text: &str) -> Option<Date> {
    let mut parts = text.split('/');
    let (day, month) = (digits(parts.next()?, 2)?, digits(parts.next()?, 2)?);
    let date = date(digits(parts.next()?, 4)?, month, day)?;
    if parts.next().is_some() { None } else { Some(date) }
}

fn compact(text: &str) -> Option<Date> {
    let (year, rest) = text.split_at_checked(4)?;
    let (month, day) = rest.split_at_checked(2)?;
    date(digits(year, 4)?, digits(month, 2)?, digits(day, 2)?)
}

fn iso(text: &str) -> Option<Date> {
    let mut parts = text.split('-');
    let date = date(digits(parts.next()?, 4)?, digits(parts.next()?, 2)?, digits(parts.next()?, 2)?);
    if parts.next().is_some() { None } else { date }
}

/// Exactly `count` digits, no sign, no space.
fn digits(text: &str, count: usize) -> Option<u16> {
    let plain = text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit());
    if plain { text.parse().ok() } else { None }
}

fn date(year: u16, month: u16, day: u16) -> Option<Date> {
    Date::new(i16::try_from(year).ok()?, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn impossible_dates_are_refused_in_every_notation() {
        for text in ["30Feb2031", "1Aug2031", "01Aux2031", "01Aug31", "2031-02-29", "2031-2-01", "", "01Aug+031"] {
            assert!(Notation::Extract.parse(text).is_err(), "{text}");
        }
        for text in ["20310229", "20311301", "2031081", "203108011", "2031-08-01", "00000000", "02030801", "22000101"] {
            assert!(Notation::Compact.parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_remedy_shows_the_notation() {
        let reason = Notation::Compact.parse("31 April").unwrap_err();
        assert_eq!(reason.to_string(), "`31 April` is no date");
        assert_eq!(reason.remedy(), "give a date as 20310801");
    }

    #[test]
    fn capitals_in_the_month_are_read() {
        assert_eq!(Notation::Extract.parse("01AUG2031").unwrap(), jiff::civil::date(2031, 8, 1));
    }

    proptest! {
        #[test]
        fn every_date_is_read_back_in_its_notation(days in 0_i32..100_000) {
            let date = jiff::civil::date(1900, 1, 1).saturating_add(jiff::Span::new().days(days));
            prop_assert_eq!(Notation::Extract.parse(&with_named_month(date)).unwrap(), date);
            prop_assert_eq!(Notation::Extract.parse(&date.to_string()).unwrap(), date);
            prop_assert_eq!(Notation::Iso.parse(&date.to_string()).unwrap(), date);
            prop_assert_eq!(Notation::Civil.parse(&date.to_string()).unwrap(), date);
            prop_assert_eq!(Notation::Civil.parse(&date.strftime("%d/%m/%Y").to_string()).unwrap(), date);
            prop_assert_eq!(Notation::Compact.parse(&without_separators(date)).unwrap(), date);
        }

        #[test]
        fn any_text_is_a_date_or_refused(text in "\\PC{0,12}") {
            for notation in [Notation::Extract, Notation::Compact, Notation::Iso, Notation::Civil] {
                let _: Result<Date, Reason> = notation.parse(&text);
            }
        }
    }
}

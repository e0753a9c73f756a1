//! The kinds of file that can be read, and telling them apart by their beginning.

use crate::fault::{Fault, Reason, Refusal};
use crate::{epraccur, rows, text};
use std::fmt;
use std::str::FromStr;

/// How many bytes from the beginning of a file [`Format::detect`] wants to see: more than the longest known first line.
pub const DETECT_BYTES: usize = 1_024;

/// A publisher's file format, named as on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// `map`: practices with their PCN, sub-ICB, ICB, region and supplier (gp-reg-pat-prac-map).
    Map,
    /// `list-sizes`: registered patients by practice (gp-reg-pat-prac-all).
    ListSizes,
    /// `epraccur`: the Organisation Data Service's practices, in the old or the new layout.
    Epraccur,
    /// `bank-holidays`: GOV.UK's bank holidays, of which those of England and Wales are read.
    BankHolidays,
    /// `pomi-wide`: suppliers' returns in the layout of POMI that has a row for each practice.
    PomiWide,
    /// `pomi-long`: suppliers' returns in the layout of POMI that has a row for each practice and field.
    PomiLong,
    /// `totals`: registered patients by region, ICB, sub-ICB and PCN.
    Totals,
}

impl Format {
    /// All formats.
    pub const ALL: [Self; 7] =
        [Self::Map, Self::ListSizes, Self::Epraccur, Self::BankHolidays, Self::PomiWide, Self::PomiLong, Self::Totals];

    /// The name on the command line and in the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Map => "map",
            Self::ListSizes => "list-sizes",
            Self::Epraccur => "epraccur",
            Self::BankHolidays => "bank-holidays",
            Self::PomiWide => "pomi-wide",
            Self::PomiLong => "pomi-long",
            Self::Totals => "totals",
        }
    }

    /// What the publisher calls the file, and who that is.
    #[must_use]
    pub fn describe(self) -> &'static str {
        match self {
            Self::Map => "gp-reg-pat-prac-map.csv of NHS England's Patients Registered at a GP Practice",
            Self::ListSizes => "gp-reg-pat-prac-all.csv of NHS England's Patients Registered at a GP Practice",
            Self::Epraccur => "epraccur.csv of NHS England's Organisation Data Service",
            Self::BankHolidays => "bank-holidays.json of GOV.UK",
            Self::PomiWide => {
                "a file of NHS England's Patient Online Management Information with a row for each practice"
            }
            Self::PomiLong => "a file of NHS England's Patient Online Management Information with a row for each field",
            Self::Totals => "totals of NHS England's Patients Registered at a GP Practice by organisation",
        }
    }

    /// The format of a file that begins with these bytes ([`DETECT_BYTES`] of them, or all), or None where it is none
    /// of ours. What is detected may still turn out to be broken.
    #[must_use]
    pub fn detect(beginning: &[u8]) -> Option<Self> {
        // A chunk may end within a character; what precedes it is enough.
        let beginning = text::without_byte_order_mark(beginning);
        let beginning = beginning.utf8_chunks().next().map_or("", |chunk| chunk.valid());
        let first_line = beginning.lines().next().unwrap_or_default();
        if first_line.starts_with("PUBLICATION,EXTRACT_DATE,PRACTICE_CODE,") {
            Some(Self::Map)
        } else if first_line.starts_with("PUBLICATION,EXTRACT_DATE,TYPE,") {
            Some(Self::ListSizes)
        } else if first_line.starts_with("PeriodStart,PeriodEnd,") {
            Some(Self::PomiWide)
        } else if first_line.starts_with("report_period_end,practice_code,") {
            Some(Self::PomiLong)
        } else if first_line.starts_with("org_type,org_code,") {
            Some(Self::Totals)
        } else if beginning.trim_start().starts_with('{') {
            Some(Self::BankHolidays)
        } else if epraccur::is_row(&rows::split(first_line).unwrap_or_default()) {
            Some(Self::Epraccur)
        } else {
            None
        }
    }

    /// The file as text, if as far as its beginning tells it is of this format.
    pub(crate) fn text(self, bytes: &[u8]) -> Result<&str, Refusal> {
        let text = text::decode(bytes).map_err(|fault| Refusal::of(self, fault))?;
        let first_line = text.lines().next().unwrap_or_default();
        let reason = match Self::detect(text.as_bytes()) {
            Some(found) if found == self => return Ok(text),
            Some(found) => Reason::OtherFormat { expected: self, found },
            None if self.may_be_a_damaged(first_line) => return Ok(text),
            None => Reason::UnknownFormat { expected: self, beginning: crate::code::excerpt(first_line) },
        };
        Err(Refusal::of(self, Fault::at(1, 1, reason)))
    }

    /// Is it worth saying which columns of this first line are wrong, rather than that all of it is?
    fn may_be_a_damaged(self, first_line: &str) -> bool {
        match self {
            Self::Map | Self::ListSizes => first_line.starts_with("PUBLICATION,"),
            Self::Epraccur => {
                first_line.split_once(',').is_some_and(|(cell, _)| epraccur::is_code(cell.trim_matches('"')))
            }
            Self::PomiWide => first_line.starts_with("PeriodStart,"),
            Self::PomiLong => first_line.starts_with("report_period_end,"),
            Self::Totals => first_line.starts_with("org_type,"),
            Self::BankHolidays => false,
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Text that names no format.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{given}` is not a format: expected map, list-sizes, epraccur, bank-holidays, pomi-wide, pomi-long or totals")]
pub struct FormatError {
    /// What was given.
    pub given: String,
}

impl FromStr for Format {
    type Err = FormatError;

    fn from_str(text: &str) -> Result<Self, FormatError> {
        Self::ALL
            .into_iter()
            .find(|format| format.as_str() == text)
            .ok_or_else(|| FormatError { given: crate::code::excerpt(text) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_named_as_on_the_command_line() {
        for format in Format::ALL {
            assert_eq!(format.to_string().parse::<Format>().unwrap(), format);
            assert_eq!(serde_json::to_string(&format).unwrap(), format!("\"{format}\""));
        }
        assert!("Map".parse::<Format>().is_err());
    }

    #[test]
    fn formats_are_told_apart_by_their_beginning() {
        assert_eq!(Format::detect(b"PUBLICATION,EXTRACT_DATE,PRACTICE_CODE,PRA"), Some(Format::Map));
        assert_eq!(Format::detect(b"\xEF\xBB\xBFPUBLICATION,EXTRACT_DATE,TYPE,"), Some(Format::ListSizes));
        assert_eq!(Format::detect(b"\n {\"england-and-wales\": \xC3"), Some(Format::BankHolidays));
        let row = format!("\"A81001\",\"THE, SURGERY\"{}\r\n\"A81", ",\"\"".repeat(25));
        assert_eq!(Format::detect(row.as_bytes()), Some(Format::Epraccur));
        assert_eq!(Format::detect(b"PeriodStart,PeriodEnd,Period"), Some(Format::PomiWide));
        assert_eq!(Format::detect(b"report_period_end,practice_code,"), Some(Format::PomiLong));
        assert_eq!(Format::detect(b"org_type,org_code,"), Some(Format::Totals));
        for other in [&b""[..], b"PeriodStart;PeriodEnd", b"<!DOCTYPE html>", b"\x1F\x8B", b"\"A81001\",\"THE\"\n"] {
            assert_eq!(Format::detect(other), None);
        }
    }
}

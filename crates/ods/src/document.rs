//! Any file of ours, by its format.

use crate::bank_holidays::{self, BankHolidays};
use crate::directory::{Directory, Reference};
use crate::epraccur::{self, Epraccur};
use crate::fault::{Fault, Reading, Reason, Refusal};
use crate::format::Format;
use crate::list_sizes::{self, ListSizes};
use crate::map::{self, PracticeMap};
use crate::pomi::{self, Pomi};
use crate::totals::{self, Totals};

/// What a file holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Document {
    /// A practice map.
    Map(PracticeMap),
    /// List sizes.
    ListSizes(ListSizes),
    /// English GP practices of epraccur.
    Epraccur(Epraccur),
    /// Bank holidays.
    BankHolidays(BankHolidays),
    /// Suppliers' returns.
    Pomi(Pomi),
    /// Published totals.
    Totals(Totals),
}

/// Reads a whole file as the format that it is said to be.
///
/// # Errors
/// Where the file as a whole is not sound, or is of another format; then nothing of it is read.
pub fn read(format: Format, bytes: &[u8]) -> Result<Reading<Document>, Refusal> {
    match format {
        Format::Map => map::parse(bytes).map(|reading| reading.map(Document::Map)),
        Format::ListSizes => list_sizes::parse(bytes).map(|reading| reading.map(Document::ListSizes)),
        Format::Epraccur => epraccur::parse(bytes).map(|reading| reading.map(Document::Epraccur)),
        Format::BankHolidays => bank_holidays::parse(bytes).map(|reading| reading.map(Document::BankHolidays)),
        Format::PomiWide => pomi::wide::parse(bytes).map(|reading| reading.map(Document::Pomi)),
        Format::PomiLong => pomi::long::parse(bytes).map(|reading| reading.map(Document::Pomi)),
        Format::Totals => totals::parse(bytes).map(|reading| reading.map(Document::Totals)),
    }
}

/// [`read`], for files about practices.
///
/// # Errors
/// As [`read`]; also where the format is not about practices.
pub fn read_directory(format: Format, bytes: &[u8]) -> Result<Reading<Directory>, Refusal> {
    match format {
        Format::Map => map::parse(bytes).map(|reading| reading.map(Directory::from)),
        Format::ListSizes => list_sizes::parse(bytes).map(|reading| reading.map(Directory::from)),
        Format::Epraccur => epraccur::parse(bytes).map(|reading| reading.map(Directory::from)),
        Format::BankHolidays => Err(Refusal::of(format, Fault::at(1, 1, Reason::NotAboutPractices))),
        Format::PomiWide | Format::PomiLong | Format::Totals => {
            Err(Refusal::of(format, Fault::at(1, 1, Reason::ForStatistics { found: format })))
        }
    }
}

/// The column, from 1, and its name, of what a row refers to. A reference that a format lacks stands at the practice.
pub(crate) fn place_of(format: Format, reference: Reference) -> (u64, &'static str) {
    let (columns, [practice, icb, region]) = match format {
        Format::Map => (map::COLUMNS, [map::PRACTICE, map::ICB, map::REGION]),
        Format::ListSizes => (list_sizes::COLUMNS, [list_sizes::PRACTICE; 3]),
        Format::Epraccur => (epraccur::COLUMNS, [epraccur::PRACTICE, epraccur::ICB, epraccur::REGION]),
        Format::PomiWide => (pomi::wide::COLUMNS, [pomi::wide::PRACTICE; 3]),
        Format::PomiLong => (pomi::long::COLUMNS, [pomi::long::PRACTICE; 3]),
        Format::BankHolidays | Format::Totals => return (1, ""),
    };
    let column = match reference {
        Reference::Practice => practice,
        Reference::Icb => icb,
        Reference::Region => region,
    };
    (column as u64 + 1, columns.get(column).copied().unwrap_or_default())
}

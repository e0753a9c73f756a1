//! What the files say of practices, in one form for all of them: what an importer compares with what it knows.
//!
//! Addresses and telephone numbers are left out on purpose, since nothing here needs them.

use crate::fault::{Fault, Reason};
use crate::format::Format;
use crate::organisation::Organisations;
use crate::{IcbCode, PcnCode, PracticeCode, RegionCode, SubIcbCode, Supplier};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The content of one file about practices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Directory {
    /// The kind of file.
    pub format: Format,
    /// Which publication; names the denominator of every figure that is taken from it.
    pub source: Source,
    /// The organisations that the file names, by code alone where it gives no names; none where it is not about them.
    pub organisations: Organisations,
    /// In the order of the file, each code once.
    pub practices: Vec<PracticeRow>,
}

/// The publication that a file belongs to. Displays as `GP_PRAC_PAT_LIST of 2031-08-01`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Source {
    /// The publisher's name for it.
    pub publication: String,
    /// The day that it describes; None where the file does not say.
    pub extract_date: Option<Date>,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.publication)?;
        self.extract_date.map_or(Ok(()), |date| write!(f, " of {date}"))
    }
}

/// What a file says of one practice. None where this kind of file says nothing of it, which is not the same as saying
/// that there is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PracticeRow {
    /// Its line in the file, from 1.
    pub line: u64,
    /// Its code.
    pub code: PracticeCode,
    /// Its name.
    pub name: Option<String>,
    /// Its postcode.
    pub postcode: Option<String>,
    /// Its PCN; [`PcnCode::UNALLOCATED`] where the file says that it is in none.
    pub pcn: Option<PcnCode>,
    /// Its sub-ICB location.
    pub sub_icb: Option<SubIcbCode>,
    /// Its ICB.
    pub icb: Option<IcbCode>,
    /// Its region.
    pub region: Option<RegionCode>,
    /// The maker of its GP system.
    pub supplier: Option<Supplier>,
    /// When it opened.
    pub opened: Option<Date>,
    /// When it closed, or will.
    pub closed: Option<Date>,
    /// Its standing.
    pub status: Option<Status>,
    /// Its registered patients.
    pub list_size: Option<u32>,
}

impl PracticeRow {
    /// A row that says nothing but the code.
    #[must_use]
    pub fn new(line: u64, code: PracticeCode) -> Self {
        Self {
            line,
            code,
            name: None,
            postcode: None,
            pcn: None,
            sub_icb: None,
            icb: None,
            region: None,
            supplier: None,
            opened: None,
            closed: None,
            status: None,
            list_size: None,
        }
    }
}

/// A practice's standing with the Organisation Data Service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Status {
    /// Open, or to be opened at its future open date.
    Active,
    /// Closed.
    Closed,
    /// Neither closed nor seeing patients.
    Dormant,
    /// Announced, in the old layout of epraccur only.
    Proposed,
}

/// A cell of a practice's row that only the importer can judge, since it takes other files to know what exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reference {
    /// The practice itself.
    Practice,
    /// Its ICB.
    Icb,
    /// Its region.
    Region,
}

impl Directory {
    /// The fault of a row that names something which the importer does not know, at its place in the file.
    #[must_use]
    pub fn unknown(&self, row: &PracticeRow, reference: Reference) -> Fault {
        let (kind, code) = match reference {
            Reference::Practice => ("practice", row.code.to_string()),
            Reference::Icb => ("ICB", row.icb.map(|code| code.to_string()).unwrap_or_default()),
            Reference::Region => ("region", row.region.map(|code| code.to_string()).unwrap_or_default()),
        };
        let (column, name) = crate::document::place_of(self.format, reference);
        Fault::new(row.line, column, name, Reason::Unknown { kind, code })
    }

    /// The sum of the list sizes that the file gives.
    #[must_use]
    pub fn patients(&self) -> u64 {
        self.practices.iter().filter_map(|row| row.list_size).map(u64::from).sum()
    }
}

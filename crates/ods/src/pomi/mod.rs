//! Suppliers' returns as NHS England publishes them: Patient Online Management Information, POMI.
//!
//! Two layouts: [`wide`], a row for each practice, in which the file of one service does not say which service it is of; and
//! [`long`], a row for each practice and field, which is also written. What a field counts is said by the publisher's
//! dictionary: `Total_Pat_Enbld` are the patients with an online account of any kind, `Pat_DetCodeRec_Enbld` those who can see
//! elements of the detailed coded record, which is a capability of its own and not the prospective record. Fields of which no
//! figure is made are counted in [`Pomi::not_kept`]; none is dropped unsaid.

pub mod long;
pub mod wide;

use std::collections::BTreeMap;

use jiff::civil::Date;

use crate::fault::{Fault, Reason};
use crate::rows::Row;
use crate::{Capability, PracticeCode, Supplier};

/// What the publisher writes where a practice's supplier is not known.
const SUPPLIER_NOT_KNOWN: &str = "NK";

/// What the publisher writes where nothing was counted.
const NOTHING_COUNTED: &str = "NULL";

/// Returns of one file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pomi {
    /// By period, supplier, capability and practice, each once.
    pub returns: Vec<PracticeReturn>,
    /// Fields, or columns, of which no figure is made, with how many practices' values of each were passed over.
    pub not_kept: BTreeMap<String, u64>,
}

/// What a supplier counted at one practice by the end of a period.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PracticeReturn {
    /// First day of the period.
    pub period_start: Date,
    /// Last day of the period.
    pub period_end: Date,
    /// Who counted.
    pub supplier: Supplier,
    /// Access to what; None where the layout does not say, as the wide one does not.
    pub capability: Option<Capability>,
    /// Where.
    pub practice: PracticeCode,
    /// How many.
    pub counts: Counts,
    /// What else the file says of the practice.
    pub labels: Labels,
}

/// The counts of a return.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Accounts that can see the record.
    pub accounts_with_access: u64,
    /// Accounts of any kind, where given.
    pub online_accounts: Option<u64>,
    /// Patients on the list, where given.
    pub patients_registered: Option<u64>,
    /// Patients excluded by the code for enhanced review.
    pub excluded_by_review_code: u64,
    /// Patients given access all the same.
    pub exclusions_overridden: u64,
}

/// What a file says of a practice besides its counts. Only to be written again: the registry knows better.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Labels {
    /// Its name.
    pub practice_name: String,
    /// The name of its commissioner: a CCG, later a sub-ICB.
    pub commissioner_name: String,
    /// The code of its region.
    pub region_code: String,
}

impl PracticeReturn {
    /// What the returns of a file are ordered by.
    fn key(&self) -> (Date, &Supplier, Option<&Capability>, PracticeCode) {
        (self.period_end, &self.supplier, self.capability.as_ref(), self.practice)
    }
}

/// The cell as a number of patients; a fault where it is none, or nothing was counted.
fn count(row: &Row<'_>, column: usize, faults: &mut Vec<Fault>) -> Option<u64> {
    row.read(column, faults, |cell| match cell.parse::<u32>() {
        _ if cell == NOTHING_COUNTED => Err(Reason::Missing),
        // `parse` also takes a leading plus sign.
        Ok(count) if cell.bytes().all(|byte| byte.is_ascii_digit()) => Ok(u64::from(count)),
        _ => Err(Reason::NotACount { given: crate::code::excerpt(cell) }),
    })
}

fn supplier(row: &Row<'_>, column: usize, faults: &mut Vec<Fault>) -> Option<Supplier> {
    row.read(column, faults, |cell| match cell {
        SUPPLIER_NOT_KNOWN => Err(Reason::SupplierNotKnown),
        name => Ok(name.parse()?),
    })
}

/// A part that is larger than its whole, by their names in the file, where there is one.
fn contradiction(counts: &Counts, names: [&'static str; 3]) -> Option<Reason> {
    let [accounts, online, list] = names;
    let pairs = [
        (accounts, counts.accounts_with_access, online, counts.online_accounts),
        (accounts, counts.accounts_with_access, list, counts.patients_registered),
        ("patients excluded", counts.excluded_by_review_code, list, counts.patients_registered),
    ];
    pairs.into_iter().find_map(|(part, part_count, whole, whole_count)| {
        let whole_count = whole_count.filter(|whole_count| part_count > *whole_count)?;
        Some(Reason::PartAboveWhole { part, part_count, whole, whole_count })
    })
}

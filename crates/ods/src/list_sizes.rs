//! List sizes: registered patients by practice (gp-reg-pat-prac-all of NHS England's Patients Registered at a GP
//! Practice).
//!
//! Only the totals of practices are read: rows of type GP for all sexes and ages. Others are passed over, not refused.

use crate::directory::{Directory, PracticeRow, Source};
use crate::fault::{Fault, Reading, Reason, Refusal};
use crate::format::Format;
use crate::organisation::Organisations;
use crate::rows::{self, Columns, Header, Quotes, Row, Writer};
use crate::{OnsCode, PracticeCode, SubIcbCode, map};
use std::collections::BTreeMap;

pub(crate) const COLUMNS: Columns = &[
    "PUBLICATION",
    "EXTRACT_DATE",
    "TYPE",
    "SUB_ICB_LOCATION_CODE",
    "ONS_SUB_ICB_LOCATION_CODE",
    "CODE",
    "POSTCODE",
    "SEX",
    "AGE",
    "NUMBER_OF_PATIENTS",
];

const WITH_CCGS: Columns = &[
    "PUBLICATION",
    "EXTRACT_DATE",
    "TYPE",
    "CCG_CODE",
    "ONS_CCG_CODE",
    "CODE",
    "POSTCODE",
    "SEX",
    "AGE",
    "NUMBER_OF_PATIENTS",
];

// Places in both layouts, from 0.
const PUBLICATION: usize = 0;
const EXTRACT_DATE: usize = 1;
const TYPE: usize = 2;
const SUB_ICB: usize = 3;
const SUB_ICB_ONS: usize = 4;
pub(crate) const PRACTICE: usize = 5;
const POSTCODE: usize = 6;
const SEX: usize = 7;
const AGE: usize = 8;
const PATIENTS: usize = 9;

/// Registered patients by practice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListSizes {
    /// The publication that the file belongs to: the name of the denominator.
    pub source: Source,
    /// In the order of the file, each code once.
    pub practices: Vec<ListSize>,
}

/// The registered patients of one practice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListSize {
    /// Its line in the file, from 1; writing ignores it.
    pub line: u64,
    /// Its code.
    pub code: PracticeCode,
    /// Registered patients of every sex and age.
    pub patients: u32,
    /// The sub-ICB at the day of the extract.
    pub sub_icb: SubIcbCode,
    /// The sub-ICB's ONS code, where given.
    pub sub_icb_ons_code: Option<OnsCode>,
    /// The practice's postcode, where given.
    pub postcode: Option<String>,
}

/// Reads list sizes.
///
/// # Errors
/// Where the file as a whole is no sound list of sizes; rows with a bad or duplicate code, or without a number of
/// patients, are rejections.
pub fn parse(bytes: &[u8]) -> Result<Reading<ListSizes>, Refusal> {
    let format = Format::ListSizes;
    let text = format.text(bytes)?;
    let columns = *rows::check_header(format, text, &[COLUMNS, WITH_CCGS], |columns| *columns)?;
    let mut draft = Draft::default();
    let rejections = rows::each(format, text, Header::Checked(columns), |row, faults| draft.take(row, faults))?;
    // Whatever was taken has a source, and something was.
    let source = draft.source.ok_or_else(|| Refusal::of(format, Fault::at(1, 1, Reason::NoRows)))?;
    Ok(Reading { document: ListSizes { source, practices: draft.practices }, rejections })
}

/// The list as far as it was read.
#[derive(Default)]
struct Draft {
    source: Option<Source>,
    practices: Vec<ListSize>,
    lines: BTreeMap<PracticeCode, u64>,
}

impl Draft {
    fn take(&mut self, row: &Row<'_>, faults: &mut Vec<Fault>) -> bool {
        if (row.cell(TYPE), row.cell(SEX), row.cell(AGE)) != ("GP", "ALL", "ALL") {
            return false;
        }
        let clean = faults.len();
        let source = map::source(row, PUBLICATION, EXTRACT_DATE, self.source.as_ref(), faults);
        let code = row.new_code(PRACTICE, &self.lines, faults);
        let sub_icb = row.code(SUB_ICB, faults);
        let sub_icb_ons_code = row.code_or_nothing(SUB_ICB_ONS, faults);
        let postcode = row.text_or_nothing(POSTCODE, faults);
        let patients = row.read(PATIENTS, faults, count);
        let (Some(source), Some(code), Some(sub_icb), Some(patients), true) =
            (source, code, sub_icb, patients, faults.len() == clean)
        else {
            return false;
        };
        self.source.get_or_insert(source);
        self.lines.insert(code, row.line);
        self.practices.push(ListSize { line: row.line, code, patients, sub_icb, sub_icb_ons_code, postcode });
        true
    }
}

fn count(cell: &str) -> Result<u32, Reason> {
    let given = || crate::code::excerpt(cell);
    match cell.parse() {
        // `parse` also takes a leading plus sign.
        Ok(count) if cell.bytes().all(|byte| byte.is_ascii_digit()) => Ok(count),
        _ if cell.strip_prefix('-').is_some_and(|rest| rest.parse::<u64>().is_ok()) => {
            Err(Reason::NegativeListSize { given: given() })
        }
        _ => Err(Reason::NotACount { given: given() }),
    }
}

impl ListSizes {
    /// All registered patients: with [`ListSizes::source`], a denominator.
    #[must_use]
    pub fn patients(&self) -> u64 {
        self.practices.iter().map(|practice| u64::from(practice.patients)).sum()
    }

    /// The file, in the newer layout.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::new(Quotes::WhereNeeded);
        writer.row(COLUMNS.iter().copied());
        let extract_date = self.source.extract_date.map(|date| date.to_string()).unwrap_or_default();
        for practice in &self.practices {
            writer.row([
                self.source.publication.as_str(),
                &extract_date,
                "GP",
                practice.sub_icb.as_str(),
                practice.sub_icb_ons_code.as_ref().map_or("", OnsCode::as_str),
                practice.code.as_str(),
                practice.postcode.as_deref().unwrap_or_default(),
                "ALL",
                "ALL",
                &practice.patients.to_string(),
            ]);
        }
        writer.finish()
    }
}

impl From<ListSizes> for Directory {
    /// Of the practices only their list sizes: their sub-ICB and postcode may be older than what a map says, and the
    /// file is not there to move practices.
    fn from(list: ListSizes) -> Self {
        let row = |practice: ListSize| PracticeRow {
            list_size: Some(practice.patients),
            ..PracticeRow::new(practice.line, practice.code)
        };
        let practices = list.practices.into_iter().map(row).collect();
        Self { format: Format::ListSizes, source: list.source, organisations: Organisations::default(), practices }
    }
}

//! The old wide layout: a row for each practice and month, of one service that the file does not name.
//!
//! Kept are the period, the practice, its supplier, `NoPatients` and `PatientsEnabled`. `PatientsUsed` and `SystemEnabled` are
//! not: the publisher's dictionary does not define them, and no figure is made of them.

use std::collections::BTreeMap;

use jiff::civil::Date;

use super::{Counts, Labels, Pomi, PracticeReturn, contradiction, count, supplier};
use crate::PracticeCode;
use crate::date::Notation;
use crate::fault::{Fault, Reading, Reason, Refusal};
use crate::format::Format;
use crate::rows::{self, Columns, Header, Row};

pub(crate) const COLUMNS: Columns = &[
    "PeriodStart",
    "PeriodEnd",
    "Period",
    "CommissioningRegionCode",
    "CommissioningRegionName",
    "RegionGeographyCode",
    "RegionGeographyName",
    "CCGCode",
    "CCGName",
    "GPPracticeCode",
    "GPPracticeName",
    "Supplier",
    "NoPatients",
    "SystemEnabled",
    "PatientsEnabled",
    "PatientsUsed",
];

// Places, from 0.
const PERIOD_START: usize = 0;
const PERIOD_END: usize = 1;
const REGION: usize = 3;
const CCG_NAME: usize = 8;
pub(crate) const PRACTICE: usize = 9;
const PRACTICE_NAME: usize = 10;
const SUPPLIER: usize = 11;
const LIST: usize = 12;
const STATUS: usize = 13;
const ENABLED: usize = 14;
const USED: usize = 15;

/// Reads returns in the wide layout.
///
/// # Errors
/// Where the file as a whole is none; rows without a known supplier or a count, with a bad or duplicate practice, or that
/// contradict themselves are rejections.
pub fn parse(bytes: &[u8]) -> Result<Reading<Pomi>, Refusal> {
    let format = Format::PomiWide;
    let text = format.text(bytes)?;
    let columns = *rows::check_header(format, text, &[COLUMNS], |columns| *columns)?;
    let mut draft = Draft::default();
    let rejections = rows::each(format, text, Header::Checked(columns), |row, faults| draft.take(row, faults))?;
    draft.pomi.returns.sort_by(|one, other| one.key().cmp(&other.key()));
    Ok(Reading { document: draft.pomi, rejections })
}

/// The returns as far as they were read.
#[derive(Default)]
struct Draft {
    pomi: Pomi,
    lines: BTreeMap<(Date, PracticeCode), u64>,
}

impl Draft {
    fn take(&mut self, row: &Row<'_>, faults: &mut Vec<Fault>) -> bool {
        let clean = faults.len();
        let period_start = row.date(PERIOD_START, Notation::Civil, faults);
        let period_end = row.date(PERIOD_END, Notation::Civil, faults);
        let practice: Option<PracticeCode> = row.code(PRACTICE, faults);
        let supplier = supplier(row, SUPPLIER, faults);
        let list = count(row, LIST, faults);
        let enabled = count(row, ENABLED, faults);
        let (Some(period_start), Some(period_end), Some(practice), Some(supplier), Some(list), Some(enabled)) =
            (period_start, period_end, practice, supplier, list, enabled)
        else {
            return false;
        };
        let counts = Counts { accounts_with_access: enabled, patients_registered: Some(list), ..Counts::default() };
        if period_end < period_start {
            let given = row.cell(PERIOD_END).to_owned();
            faults.push(row.fault(PERIOD_END, Reason::PeriodReversed { given }));
        }
        if let Some(&first_line) = self.lines.get(&(period_end, practice)) {
            faults.push(row.fault(PRACTICE, Reason::Duplicate { what: practice.to_string(), first_line }));
        }
        let names = [COLUMNS[ENABLED], "", COLUMNS[LIST]];
        faults.extend(contradiction(&counts, names).map(|reason| row.fault(ENABLED, reason)));
        if faults.len() > clean {
            return false;
        }
        self.lines.insert((period_end, practice), row.line);
        for column in [STATUS, USED] {
            *self.pomi.not_kept.entry(COLUMNS[column].to_owned()).or_default() += 1;
        }
        let labels = Labels {
            practice_name: row.cell(PRACTICE_NAME).to_owned(),
            commissioner_name: row.cell(CCG_NAME).to_owned(),
            region_code: row.cell(REGION).to_owned(),
        };
        let capability = None;
        let kept = PracticeReturn { period_start, period_end, supplier, capability, practice, counts, labels };
        self.pomi.returns.push(kept);
        true
    }
}

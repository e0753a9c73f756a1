//! The long layout: a row for each practice, month and field.
//!
//! The publisher has fields for the detailed coded record alone. Of any other capability this software writes fields of the same
//! pattern with the capability's id (`Pat_prospective-records_Enbld`), and, of each, the patients excluded by the review code
//! (`…_Excl`) and those given access all the same (`…_Overr`), which the publisher does not ask for. A period is the month to its
//! `report_period_end`. Rows of a practice and month belong together: where one is rejected, the others are left out as well,
//! since a return that lacks a field says that it was not given.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use jiff::civil::Date;

use super::{Counts, Labels, Pomi, PracticeReturn, contradiction, count, supplier};
use crate::date::Notation;
use crate::fault::{Fault, Reading, Reason, Refusal};
use crate::format::Format;
use crate::rows::{self, Columns, Header, Quotes, Row, Writer, plain};
use crate::{Capability, PracticeCode, Supplier};

pub(crate) const COLUMNS: Columns = &[
    "report_period_end",
    "practice_code",
    "practice_name",
    "system_supplier",
    "ccg_name",
    "region_code",
    "field",
    "value",
];

// Places, from 0.
const PERIOD_END: usize = 0;
pub(crate) const PRACTICE: usize = 1;
const PRACTICE_NAME: usize = 2;
const SUPPLIER: usize = 3;
const CCG_NAME: usize = 4;
const REGION: usize = 5;
const FIELD: usize = 6;
const VALUE: usize = 7;

const LIST_SIZE: &str = "Patient_List_Size";
const ONLINE_ACCOUNTS: &str = "Total_Pat_Enbld";

/// The capability that the publisher's fields of the detailed coded record count.
const DETAILED_CODED_RECORD: &str = "capabilities/detailed-coded-record";

/// What the publisher calls it within the name of a field.
const DETAILED_CODED_RECORD_KEY: &str = "DetCodeRec";

/// Fields of the publisher's dictionary of which no figure is made: other services' accounts, functionality, transactions, and
/// accounts that are new in the month.
const NOT_KEPT: [&str; 10] = [
    "Sys_Appts_Enbld",
    "Pat_Appts_Enbld",
    "Pat_Appts_Use",
    "Sys_Presc_Enbld",
    "Pat_Presc_Enbld",
    "Pat_Presc_Use",
    "Sys_DetCodeRec_Enbld",
    "Pat_DetCodeRec_Use",
    "New_Pat_Enbld",
    "Total_Use",
];

/// What a field counts.
enum Field {
    ListSize,
    OnlineAccounts,
    Enabled(Capability),
    Excluded(Capability),
    Overridden(Capability),
    NotKept,
}

/// Reads returns in the long layout.
///
/// # Errors
/// Where the file as a whole is none; fields that nobody knows, and whatever is wrong with a row, are rejections.
pub fn parse(bytes: &[u8]) -> Result<Reading<Pomi>, Refusal> {
    let format = Format::PomiLong;
    let text = format.text(bytes)?;
    let columns = *rows::check_header(format, text, &[COLUMNS], |columns| *columns)?;
    let mut draft = Draft::default();
    let mut rejections = rows::each(format, text, Header::Checked(columns), |row, faults| draft.take(row, faults))?;
    let mut document = Pomi { returns: Vec::new(), not_kept: draft.not_kept };
    for ((period_end, practice), month) in draft.months {
        month.finish(period_end, practice, &mut document.returns, &mut rejections);
    }
    document.returns.sort_by(|one, other| one.key().cmp(&other.key()));
    rejections.sort_by_key(|fault| (fault.line, fault.column));
    Ok(Reading { document, rejections })
}

/// The returns as far as they were read.
#[derive(Default)]
struct Draft {
    months: BTreeMap<(Date, PracticeCode), Month>,
    not_kept: BTreeMap<String, u64>,
}

/// The rows of one practice and month.
struct Month {
    first_line: u64,
    supplier: Supplier,
    labels: Labels,
    patients_registered: Option<u64>,
    online_accounts: Option<u64>,
    by_capability: BTreeMap<Capability, Access>,
    /// Where each field was.
    lines: BTreeMap<String, u64>,
    /// The first row of it that was rejected.
    rejected_line: Option<u64>,
}

/// What is counted of one capability.
#[derive(Default)]
struct Access {
    enabled: Option<u64>,
    excluded: u64,
    overridden: u64,
}

impl Draft {
    fn take(&mut self, row: &Row<'_>, faults: &mut Vec<Fault>) -> bool {
        let clean = faults.len();
        let period_end = row.date(PERIOD_END, Notation::Civil, faults);
        let practice: Option<PracticeCode> = row.code(PRACTICE, faults);
        let supplier = supplier(row, SUPPLIER, faults);
        let field = row.read(FIELD, faults, field);
        if let Some(Field::NotKept) = field {
            *self.not_kept.entry(row.cell(FIELD).to_owned()).or_default() += 1;
            return false;
        }
        let value = count(row, VALUE, faults);
        let (Some(period_end), Some(practice), Some(supplier)) = (period_end, practice, supplier) else {
            return false;
        };
        let month = match self.months.entry((period_end, practice)) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => new.insert(Month::new(row, supplier.clone())),
        };
        month.check(row, &supplier, faults);
        let (Some(field), Some(value), true) = (field, value, faults.len() == clean) else {
            month.rejected_line.get_or_insert(row.line);
            return false;
        };
        month.lines.insert(row.cell(FIELD).to_owned(), row.line);
        month.keep(field, value);
        true
    }
}

impl Month {
    fn new(row: &Row<'_>, supplier: Supplier) -> Self {
        let text = |column| plain(row.cell(column)).unwrap_or_default();
        Self {
            first_line: row.line,
            supplier,
            labels: Labels {
                practice_name: text(PRACTICE_NAME),
                commissioner_name: text(CCG_NAME),
                region_code: text(REGION),
            },
            patients_registered: None,
            online_accounts: None,
            by_capability: BTreeMap::new(),
            lines: BTreeMap::new(),
            rejected_line: None,
        }
    }

    /// Finds what a row has that rows before it contradict.
    fn check(&self, row: &Row<'_>, supplier: &Supplier, faults: &mut Vec<Fault>) {
        if *supplier != self.supplier {
            let (here, before) = (supplier.to_string(), self.supplier.to_string());
            let subject = format!("practice {}", row.cell(PRACTICE));
            let reason = Reason::Contradiction { subject, attribute: "the supplier", here, before };
            faults.push(row.fault(SUPPLIER, reason));
        }
        let field = row.cell(FIELD);
        if let Some(&first_line) = self.lines.get(field) {
            let what = format!("{field} of {}", row.cell(PRACTICE));
            faults.push(row.fault(FIELD, Reason::Duplicate { what, first_line }));
        }
    }

    fn keep(&mut self, field: Field, value: u64) {
        match field {
            Field::ListSize => self.patients_registered = Some(value),
            Field::OnlineAccounts => self.online_accounts = Some(value),
            Field::Enabled(capability) => self.by_capability.entry(capability).or_default().enabled = Some(value),
            Field::Excluded(capability) => self.by_capability.entry(capability).or_default().excluded = value,
            Field::Overridden(capability) => self.by_capability.entry(capability).or_default().overridden = value,
            Field::NotKept => {}
        }
    }

    /// The returns that its rows make, or why they make none.
    fn finish(
        self,
        period_end: Date,
        practice: PracticeCode,
        returns: &mut Vec<PracticeReturn>,
        rejections: &mut Vec<Fault>,
    ) {
        let mut left_out = |column: usize, reason| {
            rejections.push(Fault::new(self.first_line, column as u64 + 1, COLUMNS[column], reason));
        };
        if let Some(line) = self.rejected_line {
            // Where all of them were rejected, each has its reason.
            if !self.lines.is_empty() {
                left_out(PRACTICE, Reason::LeftOut { what: practice.to_string(), line });
            }
            return;
        }
        if self.by_capability.is_empty() {
            left_out(FIELD, Reason::NoAccounts { what: practice.to_string() });
        }
        for (capability, access) in self.by_capability {
            let Some(accounts_with_access) = access.enabled else {
                left_out(FIELD, Reason::NoAccounts { what: format!("{practice}, {capability}") });
                continue;
            };
            let counts = Counts {
                accounts_with_access,
                online_accounts: self.online_accounts,
                patients_registered: self.patients_registered,
                excluded_by_review_code: access.excluded,
                exclusions_overridden: access.overridden,
            };
            if let Some(reason) = contradiction(&counts, ["accounts with access", ONLINE_ACCOUNTS, LIST_SIZE]) {
                left_out(PRACTICE, reason);
                continue;
            }
            returns.push(PracticeReturn {
                period_start: period_end.first_of_month(),
                period_end,
                supplier: self.supplier.clone(),
                capability: Some(capability),
                practice,
                counts,
                labels: self.labels.clone(),
            });
        }
    }
}

/// What the field of this name counts.
fn field(name: &str) -> Result<Field, Reason> {
    match name {
        LIST_SIZE => return Ok(Field::ListSize),
        ONLINE_ACCOUNTS => return Ok(Field::OnlineAccounts),
        name if NOT_KEPT.contains(&name) => return Ok(Field::NotKept),
        _ => {}
    }
    let parts = name.strip_prefix("Pat_").and_then(|rest| rest.rsplit_once('_'));
    let known = parts.and_then(|(key, what)| {
        let capability = capability(key)?;
        match what {
            "Enbld" => Some(Field::Enabled(capability)),
            "Excl" => Some(Field::Excluded(capability)),
            "Overr" => Some(Field::Overridden(capability)),
            _ => None,
        }
    });
    known.ok_or_else(|| Reason::UnknownField { given: crate::code::excerpt(name) })
}

fn capability(key: &str) -> Option<Capability> {
    let id = if key == DETAILED_CODED_RECORD_KEY { "detailed-coded-record" } else { key };
    let capability: Capability = format!("capabilities/{id}").parse().ok()?;
    // One name for one field: the id itself is none for the one that the publisher has a name for.
    (key_of(&capability) == key).then_some(capability)
}

fn key_of(capability: &Capability) -> &str {
    if capability.as_str() == DETAILED_CODED_RECORD { DETAILED_CODED_RECORD_KEY } else { capability.id() }
}

impl Pomi {
    /// The file, in the long layout. Of a practice and month only one capability may be there, and of each that is not said,
    /// the prospective record is meant.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::new(Quotes::WhereNeeded);
        writer.row(COLUMNS.iter().copied());
        for kept in &self.returns {
            let capability = kept.capability.clone().unwrap_or_default();
            let key = key_of(&capability);
            let period_end = kept.period_end.to_string();
            let mut field = |name: &str, value: u64| {
                writer.row([
                    period_end.as_str(),
                    kept.practice.as_str(),
                    &kept.labels.practice_name,
                    kept.supplier.as_str(),
                    &kept.labels.commissioner_name,
                    &kept.labels.region_code,
                    name,
                    &value.to_string(),
                ]);
            };
            let counts = &kept.counts;
            counts.patients_registered.into_iter().for_each(|value| field(LIST_SIZE, value));
            counts.online_accounts.into_iter().for_each(|value| field(ONLINE_ACCOUNTS, value));
            field(&format!("Pat_{key}_Enbld"), counts.accounts_with_access);
            // None is what a file says that does not have the field.
            for (what, value) in [("Excl", counts.excluded_by_review_code), ("Overr", counts.exclusions_overridden)] {
                if value > 0 {
                    field(&format!("Pat_{key}_{what}"), value);
                }
            }
        }
        writer.finish()
    }
}

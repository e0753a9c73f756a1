//! Published totals: registered patients by region, ICB, sub-ICB and PCN, exact, as sums that a publisher answers for.
//!
//! A denominator for figures of areas, where the lists of single practices of that day are not at hand. The file says neither its
//! publication nor its day; whoever imports it does.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::code::CodeError;
use crate::fault::{Fault, Reading, Reason, Refusal};
use crate::format::Format;
use crate::rows::{self, Columns, Header, Quotes, Row, Writer};
use crate::{IcbCode, PcnCode, RegionCode, SubIcbCode};

pub(crate) const COLUMNS: Columns = &["org_type", "org_code", "registered_patients", "registered_16_plus"];

// Places, from 0.
const LEVEL: usize = 0;
const CODE: usize = 1;
const PATIENTS: usize = 2;
const AGED_16: usize = 3;

/// An organisation with a total, written as a resource name. Ordered as totals are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Organisation {
    /// `regions/Y56`
    Region(RegionCode),
    /// `icbs/QWE`
    Icb(IcbCode),
    /// `sub-icbs/36L`
    SubIcb(SubIcbCode),
    /// `pcns/U12345`; `pcns/U` are the practices in none.
    Pcn(PcnCode),
}

/// What the totals of an organisation are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Total {
    /// Registered patients.
    pub patients: u64,
    /// Of them, those aged 16 and over.
    pub aged_16_and_over: u64,
}

/// The totals of one file, by organisation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Totals(pub BTreeMap<Organisation, Total>);

/// Reads published totals.
///
/// # Errors
/// Where the file as a whole is none, any row of it is wrong, or its levels have different sums: of exact totals that only hold
/// together, none is used alone.
pub fn parse(bytes: &[u8]) -> Result<Reading<Totals>, Refusal> {
    let format = Format::Totals;
    let text = format.text(bytes)?;
    let columns = *rows::check_header(format, text, &[COLUMNS], |columns| *columns)?;
    let mut totals = Totals::default();
    let mut lines = BTreeMap::new();
    let mut faults =
        rows::each(format, text, Header::Checked(columns), |row, faults| take(row, &mut totals, &mut lines, faults))?;
    if faults.is_empty() {
        let shown = |total: Total| format!("{} and {}", total.patients, total.aged_16_and_over);
        let reason = |(one, other)| Reason::LevelsDisagree { one: shown(one), other: shown(other) };
        faults.extend(totals.disagreement().map(|sums| Fault::at(1, 1, reason(sums))));
    }
    if faults.is_empty() {
        Ok(Reading { document: totals, rejections: Vec::new() })
    } else {
        Err(Refusal::of_all(format, faults))
    }
}

fn take(row: &Row<'_>, totals: &mut Totals, lines: &mut BTreeMap<Organisation, u64>, faults: &mut Vec<Fault>) -> bool {
    let clean = faults.len();
    let organisation = match row.cell(LEVEL) {
        "Comm Region" => row.code(CODE, faults).map(Organisation::Region),
        "ICB" => row.code(CODE, faults).map(Organisation::Icb),
        "SUB_ICB_LOCATION_CODE" => row.code(CODE, faults).map(Organisation::SubIcb),
        "PCN" => row.code(CODE, faults).map(Organisation::Pcn),
        other => {
            faults.push(row.fault(LEVEL, Reason::UnknownField { given: crate::code::excerpt(other) }));
            None
        }
    };
    let count = |column, faults: &mut Vec<Fault>| row.read(column, faults, number);
    let (patients, aged_16) = (count(PATIENTS, faults), count(AGED_16, faults));
    let (Some(organisation), Some(patients), Some(aged_16_and_over)) = (organisation, patients, aged_16) else {
        return false;
    };
    if let Some(&first_line) = lines.get(&organisation) {
        faults.push(row.fault(CODE, Reason::Duplicate { what: organisation.to_string(), first_line }));
    }
    if aged_16_and_over > patients {
        let (part, whole) = (COLUMNS[AGED_16], COLUMNS[PATIENTS]);
        let reason = Reason::PartAboveWhole { part, part_count: aged_16_and_over, whole, whole_count: patients };
        faults.push(row.fault(AGED_16, reason));
    }
    lines.insert(organisation, row.line);
    totals.0.insert(organisation, Total { patients, aged_16_and_over });
    faults.len() == clean
}

fn number(cell: &str) -> Result<u64, Reason> {
    match cell.parse::<u32>() {
        Ok(count) if cell.bytes().all(|byte| byte.is_ascii_digit()) => Ok(u64::from(count)),
        _ => Err(Reason::NotACount { given: crate::code::excerpt(cell) }),
    }
}

impl Totals {
    /// The totals of everybody: what the regions sum to, or else the level that is there.
    #[must_use]
    pub fn england(&self) -> Total {
        self.sums().into_iter().flatten().next().unwrap_or(Total { patients: 0, aged_16_and_over: 0 })
    }

    /// The sum of each level that is there: regions, ICBs, sub-ICBs, PCNs.
    fn sums(&self) -> [Option<Total>; 4] {
        let mut sums: [Option<Total>; 4] = [None; 4];
        for (organisation, total) in &self.0 {
            let sum = sums[organisation.level()].get_or_insert(Total { patients: 0, aged_16_and_over: 0 });
            sum.patients += total.patients;
            sum.aged_16_and_over += total.aged_16_and_over;
        }
        sums
    }

    /// The sums of two levels that do not sum to the same, where there are some.
    #[must_use]
    pub fn disagreement(&self) -> Option<(Total, Total)> {
        let england = self.england();
        let other = self.sums().into_iter().flatten().find(|sum| *sum != england)?;
        Some((england, other))
    }

    /// The file.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::new(Quotes::WhereNeeded);
        writer.row(COLUMNS.iter().copied());
        for (organisation, total) in &self.0 {
            let (level, code) = organisation.cells();
            writer.row([level, code, &total.patients.to_string(), &total.aged_16_and_over.to_string()]);
        }
        writer.finish()
    }
}

impl Organisation {
    fn level(self) -> usize {
        match self {
            Self::Region(_) => 0,
            Self::Icb(_) => 1,
            Self::SubIcb(_) => 2,
            Self::Pcn(_) => 3,
        }
    }

    fn cells(&self) -> (&'static str, &str) {
        match self {
            Self::Region(code) => ("Comm Region", code.as_str()),
            Self::Icb(code) => ("ICB", code.as_str()),
            Self::SubIcb(code) => ("SUB_ICB_LOCATION_CODE", code.as_str()),
            Self::Pcn(code) => ("PCN", code.as_str()),
        }
    }
}

impl fmt::Display for Organisation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let collection = ["regions", "icbs", "sub-icbs", "pcns"][self.level()];
        write!(f, "{collection}/{}", self.cells().1)
    }
}

impl FromStr for Organisation {
    type Err = CodeError;

    fn from_str(text: &str) -> Result<Self, CodeError> {
        let wrong = || {
            let expected = "regions/…, icbs/…, sub-icbs/… or pcns/… and a code, such as icbs/QWE";
            CodeError::new("an organisation", text, expected)
        };
        match text.split_once('/').ok_or_else(wrong)? {
            ("regions", code) => code.parse().map(Self::Region),
            ("icbs", code) => code.parse().map(Self::Icb),
            ("sub-icbs", code) => code.parse().map(Self::SubIcb),
            ("pcns", code) => code.parse().map(Self::Pcn),
            _ => Err(wrong()),
        }
    }
}

impl From<Organisation> for String {
    fn from(organisation: Organisation) -> Self {
        organisation.to_string()
    }
}

impl TryFrom<String> for Organisation {
    type Error = CodeError;

    fn try_from(text: String) -> Result<Self, CodeError> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn organisations_are_read_from_the_names_they_print() {
        for name in ["regions/Y56", "icbs/QWE", "icbs/Z9B2Z", "sub-icbs/36L", "pcns/U12345", "pcns/U"] {
            assert_eq!(name.parse::<Organisation>().unwrap().to_string(), name);
        }
        for name in ["Y56", "wards/Y56", "icbs/", "regions/QWE", "pcns/12345"] {
            assert!(name.parse::<Organisation>().is_err(), "{name}");
        }
    }
}

//! What can be wrong with a file, where, and what to do about it.
//!
//! Two kinds of outcome are kept apart. A file that is not what it claims to be (another publication, a changed layout,
//! cut short, not text) is a [`Refusal`]: nothing of it is used, since what is left cannot be trusted. In a file that
//! is sound as a whole a single bad row is a rejection: a [`Fault`] in [`Reading::rejections`], and the rest is used.

use crate::code::{CodeError, excerpt};
use crate::format::Format;
use std::fmt;

/// Faults that a [`Refusal`] lists; more are only counted. A thousand are more than anyone reads, and a wrong file of a
/// million rows has a million.
pub const FAULTS_LISTED_MAX: usize = 1_000;

/// One thing wrong at one place of a file. Displays as a sentence with place, reason and remedy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The line, from 1.
    pub line: u64,
    /// In a table the number of the column, from 1; elsewhere the character in the line, from 1.
    pub column: u64,
    /// The name of the column or field; empty where the fault concerns no particular one.
    pub column_name: &'static str,
    /// What is wrong.
    pub reason: Reason,
}

impl Fault {
    pub(crate) fn new(line: u64, column: u64, column_name: &'static str, reason: Reason) -> Self {
        Self { line, column, column_name, reason }
    }

    /// At a place that has no column name.
    pub(crate) fn at(line: u64, column: u64, reason: Reason) -> Self {
        Self::new(line, column, "", reason)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)?;
        if !self.column_name.is_empty() {
            write!(f, " ({})", self.column_name)?;
        }
        write!(f, ": {}; {}", self.reason, self.reason.remedy())
    }
}

impl std::error::Error for Fault {}

/// What is wrong, with the facts of the case.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "each variant's message is its documentation")]
pub enum Reason {
    #[error("the file is empty")]
    Empty,
    #[error("this is {looks_like}, not a text file")]
    NotText { looks_like: &'static str },
    #[error("the byte 0x{byte:02X} is not UTF-8")]
    NotUtf8 { byte: u8 },
    #[error("this is a {found} file, and a {expected} file was asked for")]
    OtherFormat { expected: Format, found: Format },
    #[error("this is not a {expected} file: it begins `{beginning}`")]
    UnknownFormat { expected: Format, beginning: String },
    #[error("the column is headed `{found}` where `{expected}` belongs")]
    WrongHeader { expected: &'static str, found: String },
    #[error("{found} columns where {expected} belong")]
    WrongColumnCount { expected: usize, found: usize },
    #[error("a quotation mark is opened and not closed on the same line")]
    UnclosedQuote,
    #[error("text follows a closing quotation mark")]
    TextAfterQuote,
    #[error("the file ends in the middle of a line")]
    Truncated,
    #[error("the file holds no row that could be used")]
    NoRows,
    #[error("the JSON is broken: {message}")]
    Json { message: String },
    #[error("there is no `england-and-wales` in it")]
    NoDivision,
    #[error("bank holidays say nothing of practices")]
    NotAboutPractices,
    #[error("a {found} file is for the statistics and says nothing that the registry keeps")]
    ForStatistics { found: Format },
    #[error("{0}")]
    Code(#[from] CodeError),
    #[error("nothing is given")]
    Missing,
    #[error("`{given}` is longer than {chars_max} characters or holds control characters")]
    NotPlainText { given: String, chars_max: usize },
    #[error("there is an NHS number in it, or ten digits that could be one")]
    NhsNumber,
    #[error("{what} is here a second time, after line {first_line}")]
    Duplicate { what: String, first_line: u64 },
    #[error("`{given}` is no date")]
    ImpossibleDate { given: String, expected: &'static str },
    #[error("it closed on {closed}, before it opened on {opened}")]
    ClosedBeforeOpened { opened: jiff::civil::Date, closed: jiff::civil::Date },
    #[error("the list size {given} is negative")]
    NegativeListSize { given: String },
    #[error("`{given}` is not a number of patients")]
    NotACount { given: String },
    #[error("`{given}` is not a status of the {layout} layout")]
    UnknownStatus { given: String, layout: &'static str, expected: &'static str },
    #[error("{subject} has {attribute} `{here}` here and `{before}` in a row before")]
    Contradiction { subject: String, attribute: &'static str, here: String, before: String },
    #[error("the publisher does not know the supplier, so nobody answers for the counts")]
    SupplierNotKnown,
    #[error("the period ends on {given}, before it begins")]
    PeriodReversed { given: String },
    #[error("`{given}` is nothing that is known to be counted")]
    UnknownField { given: String },
    #[error("{part}, {part_count}, is more than {whole}, {whole_count}")]
    PartAboveWhole { part: &'static str, part_count: u64, whole: &'static str, whole_count: u64 },
    #[error("no row says how many accounts of {what} have access")]
    NoAccounts { what: String },
    #[error("all rows of {what} in this period are left out, since that of line {line} was rejected")]
    LeftOut { what: String, line: u64 },
    #[error("organisations of one level sum to {one}, those of another to {other}")]
    LevelsDisagree { one: String, other: String },
    #[error("{kind} {code} is not known")]
    Unknown { kind: &'static str, code: String },
}

impl Reason {
    /// What whoever has the file can do about it, as a clause in the imperative.
    #[must_use]
    pub fn remedy(&self) -> String {
        match self {
            Self::Empty | Self::Truncated => {
                "download it again, and if you edited it end its last line with a line break".into()
            }
            Self::NotText { .. } => "unpack it, or download the CSV or JSON file itself".into(),
            Self::NotUtf8 { .. } => "save it as UTF-8".into(),
            Self::OtherFormat { found, .. } => format!("import it as `{found}`, or choose the other file"),
            Self::UnknownFormat { expected, .. } => format!("choose {}", expected.describe()),
            Self::WrongHeader { .. } | Self::WrongColumnCount { .. } => {
                "choose the publisher's file unchanged; if the publisher changed its layout, this version cannot read it"
                    .into()
            }
            Self::UnclosedQuote | Self::TextAfterQuote => {
                "put the whole cell in quotation marks and double those inside it".into()
            }
            Self::NoRows => "check that the download is complete and of the right month".into(),
            Self::Json { .. } | Self::NoDivision => "download it again from the publisher".into(),
            Self::NotAboutPractices => "give it to the scheduler's calendar".into(),
            Self::ForStatistics { .. } => "import it into the statistics".into(),
            Self::SupplierNotKnown => "ask the supplier of the practice's system for its return".into(),
            Self::UnknownField { .. } => "check that the file is of this publication, and its name".into(),
            Self::PeriodReversed { .. } | Self::PartAboveWhole { .. } => "correct one of the two".into(),
            Self::NoAccounts { .. } => "choose the file that has them".into(),
            Self::LeftOut { .. } => "correct that line".into(),
            Self::LevelsDisagree { .. } => "download it again; if it is the publisher's, ask which level is right".into(),
            Self::Code(_) | Self::Missing | Self::NotPlainText { .. } => "correct the cell".into(),
            Self::NhsNumber => "take the number out; nobody's is kept here".into(),
            Self::Duplicate { .. } => "keep one of the two".into(),
            Self::ImpossibleDate { expected, .. } => format!("give a date as {expected}"),
            Self::ClosedBeforeOpened { .. } => "correct one of the two dates".into(),
            Self::NegativeListSize { .. } | Self::NotACount { .. } => {
                format!("give a whole number from 0 to {}", u32::MAX)
            }
            Self::UnknownStatus { expected, .. } => format!("give one of {expected}"),
            Self::Contradiction { .. } => "make the two rows agree".into(),
            Self::Unknown { .. } => "import the practice map that names it first".into(),
        }
    }

    /// A stable word for the reason, for programs: `IMPOSSIBLE_DATE`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Empty => "EMPTY",
            Self::NotText { .. } => "NOT_TEXT",
            Self::NotUtf8 { .. } => "NOT_UTF8",
            Self::OtherFormat { .. } => "OTHER_FORMAT",
            Self::UnknownFormat { .. } => "UNKNOWN_FORMAT",
            Self::WrongHeader { .. } => "WRONG_HEADER",
            Self::WrongColumnCount { .. } => "WRONG_COLUMN_COUNT",
            Self::UnclosedQuote => "UNCLOSED_QUOTE",
            Self::TextAfterQuote => "TEXT_AFTER_QUOTE",
            Self::Truncated => "TRUNCATED",
            Self::NoRows => "NO_ROWS",
            Self::Json { .. } => "BROKEN_JSON",
            Self::NoDivision => "NO_DIVISION",
            Self::NotAboutPractices => "NOT_ABOUT_PRACTICES",
            Self::ForStatistics { .. } => "FOR_STATISTICS",
            Self::SupplierNotKnown => "SUPPLIER_NOT_KNOWN",
            Self::PeriodReversed { .. } => "PERIOD_REVERSED",
            Self::UnknownField { .. } => "UNKNOWN_FIELD",
            Self::PartAboveWhole { .. } => "PART_ABOVE_WHOLE",
            Self::NoAccounts { .. } => "NO_ACCOUNTS",
            Self::LeftOut { .. } => "LEFT_OUT",
            Self::LevelsDisagree { .. } => "LEVELS_DISAGREE",
            Self::Code(_) => "BAD_CODE",
            Self::Missing => "MISSING",
            Self::NotPlainText { .. } => "NOT_PLAIN_TEXT",
            Self::NhsNumber => "NHS_NUMBER",
            Self::Duplicate { .. } => "DUPLICATE",
            Self::ImpossibleDate { .. } => "IMPOSSIBLE_DATE",
            Self::ClosedBeforeOpened { .. } => "CLOSED_BEFORE_OPENED",
            Self::NegativeListSize { .. } => "NEGATIVE_LIST_SIZE",
            Self::NotACount { .. } => "NOT_A_COUNT",
            Self::UnknownStatus { .. } => "UNKNOWN_STATUS",
            Self::Contradiction { .. } => "CONTRADICTION",
            Self::Unknown { .. } => "UNKNOWN",
        }
    }

    pub(crate) fn impossible_date(given: &str, expected: &'static str) -> Self {
        Self::ImpossibleDate { given: excerpt(given), expected }
    }
}

/// A file of which nothing was used, and everything that was found wrong with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What the file was read as.
    pub format: Format,
    /// Never empty; in the order of the file, the first [`FAULTS_LISTED_MAX`] of them.
    pub faults: Vec<Fault>,
    /// All that were found, listed or not.
    pub faults_total: u64,
}

impl Refusal {
    /// Of a file with a single fault.
    pub(crate) fn of(format: Format, fault: Fault) -> Self {
        Self { format, faults: vec![fault], faults_total: 1 }
    }

    /// `faults` must hold at least one.
    pub(crate) fn of_all(format: Format, mut faults: Vec<Fault>) -> Self {
        debug_assert!(!faults.is_empty(), "a refusal gives its reason");
        let faults_total = faults.len() as u64;
        faults.truncate(FAULTS_LISTED_MAX);
        Self { format, faults, faults_total }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "nothing was read from this {} file", self.format)?;
        if let Some(first) = self.faults.first() {
            write!(f, ": {first}")?;
        }
        match self.faults_total {
            0 | 1 => Ok(()),
            2 => f.write_str(" (and one more fault)"),
            total => write!(f, " (and {} more faults)", total - 1),
        }
    }
}

impl std::error::Error for Refusal {}

/// What was read from a sound file, and which of its rows were not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading<T> {
    /// The rows that were accepted.
    pub document: T,
    /// Everything wrong in rows that were left out, in the order of the file; a row may have several.
    pub rejections: Vec<Fault>,
}

impl<T> Reading<T> {
    /// How many rows were left out.
    #[must_use]
    pub fn rejected_rows(&self) -> u64 {
        let mut lines: Vec<u64> = self.rejections.iter().map(|fault| fault.line).collect();
        lines.dedup();
        lines.len() as u64
    }

    /// The same with another form of the document.
    pub fn map<U>(self, form: impl FnOnce(T) -> U) -> Reading<U> {
        Reading { document: form(self.document), rejections: self.rejections }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_reads_as_place_reason_and_remedy() {
        let fault = Fault::new(7, 10, "NUMBER_OF_PATIENTS", Reason::NegativeListSize { given: "-5".into() });
        assert_eq!(
            fault.to_string(),
            "line 7, column 10 (NUMBER_OF_PATIENTS): the list size -5 is negative; \
             give a whole number from 0 to 4294967295"
        );
    }

    #[test]
    fn a_refusal_lists_at_most_its_bound_and_counts_the_rest() {
        let faults = vec![Fault::at(1, 1, Reason::UnclosedQuote); FAULTS_LISTED_MAX + 5];
        let refusal = Refusal::of_all(Format::Map, faults);
        assert_eq!(refusal.faults.len(), FAULTS_LISTED_MAX);
        assert_eq!(refusal.faults_total, FAULTS_LISTED_MAX as u64 + 5);
        assert!(refusal.to_string().ends_with("(and 1004 more faults)"), "{refusal}");
    }

    #[test]
    fn a_row_with_two_faults_is_one_rejected_row() {
        let rejections = [3, 3, 9].map(|line| Fault::at(line, 1, Reason::Missing)).to_vec();
        assert_eq!(Reading { document: (), rejections }.rejected_rows(), 2);
    }
}

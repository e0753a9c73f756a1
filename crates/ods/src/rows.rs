//! Rows of a comma-separated table in which a row is a line.
//!
//! The `csv` crate forgives: an unclosed quotation mark swallows the lines after it, `"a"b` is read as `ab`, and after
//! CRLF it counts lines wrong. Whoever must point at line and column cannot forgive, so reading is done here. Writing
//! is the `csv` crate's, and a test holds the two against each other.

use crate::code::{CodeError, excerpt};
use crate::fault::{Fault, Reason, Refusal};
use crate::format::Format;
use crate::{PracticeCode, date};
use jiff::civil::Date;
use pseudonym::in_text;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::str::FromStr;

/// Longest name or other free text of a cell, in characters: four times the longest published.
pub(crate) const TEXT_CHARS_MAX: usize = 200;

/// Names of a table's columns, from the header or, where there is none, from the publisher's specification.
pub(crate) type Columns = &'static [&'static str];

/// One row with its place.
pub(crate) struct Row<'a> {
    pub(crate) line: u64,
    cells: Vec<Cow<'a, str>>,
    columns: Columns,
}

/// Goes through the rows of `text` after the header, if there is one. `take` gets each row of the right length, returns
/// false for one that it left out, and adds to the faults what was wrong with it. Returns those faults.
///
/// # Errors
/// If any row is malformed, has the wrong number of columns or is cut short, or if no row was taken at all: then the
/// whole file is refused, whatever `take` made of other rows.
pub(crate) fn each(
    format: Format,
    text: &str,
    header: Header,
    mut take: impl FnMut(&Row<'_>, &mut Vec<Fault>) -> bool,
) -> Result<Vec<Fault>, Refusal> {
    let (columns, header_lines) = match header {
        Header::Checked(columns) => (columns, 1),
        Header::None(columns) => (columns, 0),
    };
    let mut refused = Vec::new();
    let mut rejected = Vec::new();
    let mut taken = false;
    let mut last_line = 1;
    for (number, line) in text.split_inclusive('\n').enumerate() {
        last_line = number as u64 + 1;
        let content = line.trim_end_matches(['\n', '\r']);
        if !line.ends_with('\n') {
            let column = content.chars().count() as u64 + 1;
            refused.push(Fault::at(last_line, column, Reason::Truncated));
        }
        if number < header_lines || content.trim().is_empty() {
            continue;
        }
        match split(content) {
            Err((column, reason)) => {
                let name = columns.get(column).copied().unwrap_or_default();
                refused.push(Fault::new(last_line, column as u64 + 1, name, reason));
            }
            Ok(cells) if cells.len() != columns.len() => refused.push(wrong_count(last_line, columns, cells.len())),
            Ok(cells) => {
                let row = Row { line: last_line, cells, columns };
                taken |= take(&row, &mut rejected);
            }
        }
    }
    if !refused.is_empty() {
        return Err(Refusal::of_all(format, refused));
    }
    if !taken {
        rejected.push(Fault::at(last_line, 1, Reason::NoRows));
        return Err(Refusal::of_all(format, rejected));
    }
    Ok(rejected)
}

/// What is before the rows.
#[derive(Clone, Copy)]
pub(crate) enum Header {
    /// A line that [`check_header`] has approved.
    Checked(Columns),
    /// Nothing.
    None(Columns),
}

/// The layout among `layouts` that the first line of `text` names.
///
/// # Errors
/// Each column that differs from the layout that comes nearest.
pub(crate) fn check_header<'l, L>(
    format: Format,
    text: &str,
    layouts: &'l [L],
    columns: impl Fn(&L) -> Columns,
) -> Result<&'l L, Refusal> {
    let first_line = text.lines().next().unwrap_or_default();
    let found =
        split(first_line).map_err(|(column, reason)| Refusal::of(format, Fault::at(1, column as u64 + 1, reason)))?;
    let matching = |layout: &&L| columns(layout).iter().zip(&found).filter(|(name, cell)| *name == cell).count();
    let Some(nearest) = layouts.iter().max_by_key(matching) else {
        return Err(Refusal::of(format, Fault::at(1, 1, Reason::NoRows)));
    };
    let expected = columns(nearest);
    let mut faults = Vec::new();
    for (index, (name, cell)) in expected.iter().zip(&found).enumerate() {
        if name != cell {
            let reason = Reason::WrongHeader { expected: name, found: excerpt(cell) };
            faults.push(Fault::new(1, index as u64 + 1, name, reason));
        }
    }
    if !text.contains('\n') {
        faults.push(Fault::at(1, first_line.chars().count() as u64 + 1, Reason::Truncated));
    }
    if found.len() != expected.len() {
        faults.push(wrong_count(1, expected, found.len()));
    }
    if faults.is_empty() { Ok(nearest) } else { Err(Refusal::of_all(format, faults)) }
}

/// The fault stands at the first column that is missing or too many.
fn wrong_count(line: u64, columns: Columns, found: usize) -> Fault {
    let first = found.min(columns.len());
    let name = columns.get(first).copied().unwrap_or_default();
    Fault::new(line, first as u64 + 1, name, Reason::WrongColumnCount { expected: columns.len(), found })
}

/// The cells of one line, without its line break; or the number of the broken cell, from 0, and what is wrong with it.
pub(crate) fn split(line: &str) -> Result<Vec<Cow<'_, str>>, (usize, Reason)> {
    let mut cells = Vec::with_capacity(32);
    let mut rest = line;
    loop {
        let (cell, after) = match rest.strip_prefix('"') {
            Some(quoted) => unquote(quoted).map_err(|reason| (cells.len(), reason))?,
            None => {
                let end = rest.find(',').unwrap_or(rest.len());
                (Cow::Borrowed(&rest[..end]), &rest[end..])
            }
        };
        cells.push(cell);
        match after.strip_prefix(',') {
            Some(next) => rest = next,
            None => return Ok(cells),
        }
    }
}

/// `quoted` follows an opening quotation mark. Returns the cell and what follows it: nothing, or from the comma on.
fn unquote(quoted: &str) -> Result<(Cow<'_, str>, &str), Reason> {
    let mut end = 0;
    let mut doubled = false;
    loop {
        end += quoted[end..].find('"').ok_or(Reason::UnclosedQuote)?;
        let after = &quoted[end + 1..];
        if after.is_empty() || after.starts_with(',') {
            let cell = &quoted[..end];
            return Ok((if doubled { Cow::Owned(cell.replace("\"\"", "\"")) } else { Cow::Borrowed(cell) }, after));
        }
        if !after.starts_with('"') {
            return Err(Reason::TextAfterQuote);
        }
        doubled = true;
        end += 2;
    }
}

impl Row<'_> {
    /// The cell without the white space around it; `column` counts from 0 and lies within the table's columns.
    pub(crate) fn cell(&self, column: usize) -> &str {
        self.cells.get(column).map_or("", |cell| cell.trim())
    }

    /// A fault in that cell.
    pub(crate) fn fault(&self, column: usize, reason: Reason) -> Fault {
        Fault::new(self.line, column as u64 + 1, self.columns.get(column).copied().unwrap_or_default(), reason)
    }

    /// The cell as a code; None, and a fault, where it is none.
    pub(crate) fn code<T: FromStr<Err = CodeError>>(&self, column: usize, faults: &mut Vec<Fault>) -> Option<T> {
        self.read(column, faults, |cell| Ok(cell.parse()?))
    }

    /// The cell as a practice's code that no row before has; `lines` says where those that were accepted are.
    pub(crate) fn new_code(
        &self,
        column: usize,
        lines: &BTreeMap<PracticeCode, u64>,
        faults: &mut Vec<Fault>,
    ) -> Option<PracticeCode> {
        let code = self.code(column, faults)?;
        match lines.get(&code) {
            None => Some(code),
            Some(&first_line) => {
                faults.push(self.fault(column, Reason::Duplicate { what: code.to_string(), first_line }));
                None
            }
        }
    }

    /// The cell as a code, or None where it is empty; None, and a fault, where it is something else.
    pub(crate) fn code_or_nothing<T: FromStr<Err = CodeError>>(
        &self,
        column: usize,
        faults: &mut Vec<Fault>,
    ) -> Option<T> {
        if self.cell(column).is_empty() { None } else { self.code(column, faults) }
    }

    /// The cell as text that must not be empty.
    pub(crate) fn text(&self, column: usize, faults: &mut Vec<Fault>) -> Option<String> {
        self.read(column, faults, plain)
    }

    /// The cell as text, or None where it is empty.
    pub(crate) fn text_or_nothing(&self, column: usize, faults: &mut Vec<Fault>) -> Option<String> {
        if self.cell(column).is_empty() { None } else { self.text(column, faults) }
    }

    /// The cell as a date in this notation.
    pub(crate) fn date(&self, column: usize, notation: date::Notation, faults: &mut Vec<Fault>) -> Option<Date> {
        self.read(column, faults, |cell| notation.parse(cell))
    }

    /// The cell as a date, or None where it is empty.
    pub(crate) fn date_or_nothing(
        &self,
        column: usize,
        notation: date::Notation,
        faults: &mut Vec<Fault>,
    ) -> Option<Date> {
        if self.cell(column).is_empty() { None } else { self.date(column, notation, faults) }
    }

    /// The cell through `parse`, which gets it only where it is not empty, and has no NHS number in it: whatever is read may be
    /// kept (rule 16).
    pub(crate) fn read<T>(
        &self,
        column: usize,
        faults: &mut Vec<Fault>,
        parse: impl FnOnce(&str) -> Result<T, Reason>,
    ) -> Option<T> {
        let cell = self.cell(column);
        let result = match cell {
            "" => Err(Reason::Missing),
            cell if in_text::contains(cell) => Err(Reason::NhsNumber),
            cell => parse(cell),
        };
        result.map_err(|reason| faults.push(self.fault(column, reason))).ok()
    }
}

/// Text that every store can hold and every terminal can show, and that is nobody's number (rule 16).
pub(crate) fn plain(cell: &str) -> Result<String, Reason> {
    if in_text::contains(cell) {
        return Err(Reason::NhsNumber);
    }
    if cell.chars().any(char::is_control) || cell.chars().nth(TEXT_CHARS_MAX).is_some() {
        return Err(Reason::NotPlainText {
            given: excerpt(&cell.escape_debug().to_string()),
            chars_max: TEXT_CHARS_MAX,
        });
    }
    Ok(cell.to_owned())
}

/// Writes rows as the publisher does. Cells must be free of line breaks, as all values of this crate are.
pub(crate) struct Writer(csv::Writer<Vec<u8>>);

/// Which cells stand in quotation marks.
#[derive(Clone, Copy)]
pub(crate) enum Quotes {
    WhereNeeded,
    Everywhere,
}

impl Writer {
    pub(crate) fn new(quotes: Quotes) -> Self {
        let style = match quotes {
            Quotes::WhereNeeded => csv::QuoteStyle::Necessary,
            Quotes::Everywhere => csv::QuoteStyle::Always,
        };
        let terminator = csv::Terminator::CRLF;
        Self(csv::WriterBuilder::new().quote_style(style).terminator(terminator).from_writer(Vec::new()))
    }

    pub(crate) fn row<'c>(&mut self, cells: impl IntoIterator<Item = &'c str>) {
        self.0.write_record(cells).expect("rows of equal length are written to memory without error");
    }

    pub(crate) fn finish(self) -> Vec<u8> {
        self.0.into_inner().expect("memory is flushed without error")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn cells(line: &str) -> Vec<String> {
        split(line).unwrap().into_iter().map(Cow::into_owned).collect()
    }

    #[test]
    fn quotation_marks_commas_and_empty_cells_are_read() {
        assert_eq!(cells(r#"a,"b, ""c""",,"","#), ["a", r#"b, "c""#, "", "", ""]);
        assert_eq!(cells("5\" pipe,x"), ["5\" pipe", "x"]);
    }

    #[test]
    fn broken_quotation_is_found_in_its_cell() {
        assert_eq!(split(r#"a,"b"#), Err((1, Reason::UnclosedQuote)));
        assert_eq!(split(r#"a,b,"c"d,e"#), Err((2, Reason::TextAfterQuote)));
        for (quotes, cell) in [(1, None), (2, Some("")), (3, None), (4, Some("\"")), (5, None), (6, Some("\"\""))] {
            let found = split(&"\"".repeat(quotes)).map(|cells| cells.concat());
            assert_eq!(found, cell.map(str::to_owned).ok_or((0, Reason::UnclosedQuote)), "{quotes} quotation marks");
        }
    }

    /// Rule 16.
    #[test]
    fn a_cell_with_an_nhs_number_is_read_as_nothing_and_not_repeated() {
        const COLUMNS: Columns = &["Name", "Size"];
        let mut texts = Vec::new();
        let take = |row: &Row<'_>, faults: &mut Vec<Fault>| {
            texts.push(row.text(0, faults));
            row.read(1, faults, |_| Ok(())).is_some()
        };
        let file = "Dr 943 476 5919,1\nThe Surgery,9434765919\nThe Surgery,2\n";
        let faults = each(Format::Map, file, Header::None(COLUMNS), take).unwrap();
        assert_eq!(texts, [None, Some("The Surgery".to_owned()), Some("The Surgery".to_owned())]);
        let places: Vec<_> = faults.iter().map(|fault| (fault.line, fault.column, fault.reason.code())).collect();
        assert_eq!(places, [(1, 1, "NHS_NUMBER"), (2, 2, "NHS_NUMBER")]);
        assert!(!format!("{faults:?}").contains("5919"));
    }

    #[test]
    fn lines_are_counted_alike_with_either_line_break_and_blank_lines() {
        const COLUMNS: Columns = &["a", "b"];
        for text in ["h,h\r\n1,2\r\n\r\n3,4\r\n", "h,h\n1,2\n\n3,4\n"] {
            let mut lines = Vec::new();
            let take = |row: &Row<'_>, _: &mut Vec<Fault>| {
                lines.push(row.line);
                true
            };
            each(Format::Map, text, Header::Checked(COLUMNS), take).unwrap();
            assert_eq!(lines, [2, 4]);
        }
    }

    #[test]
    fn every_row_of_the_wrong_length_is_listed() {
        const COLUMNS: Columns = &["a", "b"];
        let refusal = each(Format::Map, "1\n1,2\n1,2,3\n", Header::None(COLUMNS), |_, _| true).unwrap_err();
        let places: Vec<_> = refusal.faults.iter().map(|fault| (fault.line, fault.column, fault.column_name)).collect();
        assert_eq!(places, [(1, 2, "b"), (3, 3, "")]);
    }

    proptest! {
        #[test]
        fn what_the_csv_crate_writes_is_read_back(row in prop::collection::vec("[^\r\n]*", 2..6)) {
            for quotes in [Quotes::WhereNeeded, Quotes::Everywhere] {
                let mut writer = Writer::new(quotes);
                writer.row(row.iter().map(String::as_str));
                let bytes = writer.finish();
                let line = std::str::from_utf8(&bytes).unwrap().strip_suffix("\r\n").unwrap();
                prop_assert_eq!(&cells(line), &row);
            }
        }

        #[test]
        fn any_line_is_split_or_refused(line in "[a\",é]*") {
            if let Ok(cells) = split(&line) {
                prop_assert!(!cells.is_empty());
            }
        }
    }
}

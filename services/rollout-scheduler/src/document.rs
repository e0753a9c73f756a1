//! A programme's document: YAML as people keep it under version control, read into what `rollout` plans from.
//!
//! Only the form is judged here (an unknown field, a wrong type, with line and column); what it says is judged by
//! [`rollout::spec::ProgrammeSpec::check`], against calendar and registry.

use rollout::spec::ProgrammeSpec;
use rollout::state::Document;

/// Longest document: a programme of a thousand waves with its comments is well below, and it goes into the journal whole.
pub(crate) const DOCUMENT_BYTES_MAX: usize = 256 * 1024;

/// What is wrong with a document's form.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum DocumentError {
    /// Longer than [`DOCUMENT_BYTES_MAX`].
    #[error("the document has {bytes} bytes; at most {DOCUMENT_BYTES_MAX} are read")]
    TooLong {
        /// How long it is.
        bytes: usize,
    },
    /// A line with an NHS number in it (rule 16), which is not repeated.
    #[error("line {line} has an NHS number in it, or ten digits that could be one; the document is kept for ever")]
    NhsNumber {
        /// From 1.
        line: usize,
    },
    /// No programme in YAML.
    #[error("line {line}, column {column}: {problem}")]
    Form {
        /// From 1; 0 where it concerns the whole.
        line: u64,
        /// From 1; 0 where it concerns the whole.
        column: u64,
        /// What is wrong there.
        problem: String,
    },
}

/// Reads a document.
///
/// # Errors
/// The first thing that is wrong with its form.
pub(crate) fn read(text: &str) -> Result<Document, DocumentError> {
    if text.len() > DOCUMENT_BYTES_MAX {
        return Err(DocumentError::TooLong { bytes: text.len() });
    }
    let spec: ProgrammeSpec = serde_saphyr::from_str(text).map_err(|error| {
        let location = error.location();
        DocumentError::Form {
            line: location.map_or(0, |location| location.line()),
            column: location.map_or(0, |location| location.column()),
            problem: error.without_snippet().to_string(),
        }
    })?;
    // A seed is a number by itself, and no text.
    let suspect = |line: &str| !line.trim_start().starts_with("seed:") && api::nhs_number::contains(line);
    if let Some(index) = text.lines().position(suspect) {
        return Err(DocumentError::NhsNumber { line: index + 1 });
    }
    Ok(Document { text: text.to_owned(), spec })
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINIMAL: &str = "\
name: spring
cohort: 'practice.list_size > 0'
windows:
  - days: [monday, tuesday]
    from: 09:00
    to: 17:00
notice_working_days: 10
gate: { min_success: 0.9, min_sample: 5, soak: 24h, timeout: 72h }
suppliers:
  EMIS: { mode: push }
waves:
  - wave: 1
    from: 2031-06-02
";

    fn refused(text: &str) -> (u64, u64, String) {
        match read(text) {
            Err(DocumentError::Form { line, column, problem }) => (line, column, problem),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_minimal_programme_is_read_and_kept_as_written() {
        let document = read(MINIMAL).unwrap();
        assert_eq!(document.spec.name.as_str(), "spring");
        assert_eq!(document.text, MINIMAL);
    }

    #[test]
    fn an_unknown_field_is_refused_with_its_line_and_column() {
        let (line, column, problem) = refused(&MINIMAL.replace("    from: 2031", "    form: 2031"));
        assert_eq!((line, column), (13, 5), "{problem}");
        assert!(problem.contains("form"), "{problem}");
    }

    #[test]
    fn a_wrong_type_and_an_impossible_date_are_refused_where_they_stand() {
        let (line, _, problem) = refused(&MINIMAL.replace("notice_working_days: 10", "notice_working_days: ten"));
        assert_eq!(line, 7, "{problem}");
        let (line, _, problem) = refused(&MINIMAL.replace("2031-06-02", "2031-02-30"));
        assert_eq!(line, 13, "{problem}");
    }

    /// Rule 16.
    #[test]
    fn a_document_with_an_nhs_number_in_it_is_refused_even_in_a_comment() {
        let named = MINIMAL.replace("waves:\n", "# as patient 943 476 5919 asked\nwaves:\n");
        assert_eq!(read(&named), Err(DocumentError::NhsNumber { line: 11 }));
        assert!(read(&MINIMAL.replace("notice_", "seed: 9434765919\nnotice_")).is_ok(), "a seed is no text");
    }

    #[test]
    fn what_is_no_yaml_or_too_long_is_refused() {
        assert!(read("name: [").is_err());
        assert!(read("").is_err());
        let long = format!("{MINIMAL}#{}", "x".repeat(DOCUMENT_BYTES_MAX));
        assert!(matches!(read(&long), Err(DocumentError::TooLong { .. })));
    }
}

//! A JSON document of an API, read element by element, so that whatever is wrong can be said with its path:
//! `Organisation.Rels.Rel[3].Target.OrgId.extension`.
//!
//! Elements that nobody asks for are passed over: publishers add fields, and that is no fault.

use crate::CodeError;
use crate::date::Notation;
use crate::fault::Reason;
use crate::{code, rows};
use jiff::civil::Date;
use serde_json::Value;
use std::str::FromStr;

/// What is wrong with a document, and where in it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("at {path}: {problem}")]
pub struct DocumentFault {
    /// The path from the document's root; `$` is the root itself.
    pub path: String,
    /// What is wrong there.
    pub problem: Problem,
}

/// What can be wrong with an element of a document.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "each variant's message is its documentation")]
pub enum Problem {
    #[error("the JSON ends in the middle")]
    Truncated,
    #[error("this is no JSON (line {line}, column {column}): {message}")]
    Broken { line: usize, column: usize, message: String },
    #[error("nothing is given")]
    Missing,
    #[error("there is {found} where {expected} belongs")]
    WrongKind { expected: &'static str, found: &'static str },
    #[error("`{given}` is no date; a date is such as 2031-08-01")]
    NoDate { given: String },
    #[error("{0}")]
    Code(#[from] CodeError),
    #[error("`{given}` is longer than {chars_max} characters or holds control characters")]
    NotPlainText { given: String, chars_max: usize },
    #[error("there is an NHS number in it, or ten digits that could be one")]
    NhsNumber,
    #[error("`{given}` is neither {expected}")]
    UnknownWord { given: String, expected: &'static str },
    #[error("this is {found}, and {expected} was asked for")]
    OtherDocument { expected: &'static str, found: String },
    #[error("the end, {end}, lies before the beginning, {start}")]
    EndsBeforeItBegins { start: Date, end: Date },
}

impl DocumentFault {
    /// Was the document cut short on its way? Then it helps to ask for it again.
    #[must_use]
    pub fn is_truncation(&self) -> bool {
        self.problem == Problem::Truncated
    }
}

/// Reads the whole text as one JSON value.
pub(crate) fn document(bytes: &[u8]) -> Result<Value, DocumentFault> {
    serde_json::from_slice(bytes).map_err(|error| {
        let problem = if error.is_eof() {
            Problem::Truncated
        } else {
            let (line, column) = (error.line(), error.column());
            Problem::Broken { line, column, message: without_place(&error) }
        };
        DocumentFault { path: "$".to_owned(), problem }
    })
}

/// serde_json ends its messages with the place, which is said beside it.
fn without_place(error: &serde_json::Error) -> String {
    let message = error.to_string();
    message.rfind(" at line ").map_or(message.clone(), |end| message[..end].to_owned())
}

/// An element with its path.
#[derive(Clone, Debug)]
pub(crate) struct Node<'a> {
    value: &'a Value,
    path: String,
}

impl<'a> Node<'a> {
    pub(crate) fn root(value: &'a Value) -> Self {
        Self { value, path: String::new() }
    }

    pub(crate) fn fault(&self, problem: Problem) -> DocumentFault {
        let path = if self.path.is_empty() { "$".to_owned() } else { self.path.clone() };
        DocumentFault { path, problem }
    }

    /// The field; None where it is not there or null.
    pub(crate) fn get(&self, name: &str) -> Option<Self> {
        let value = self.value.get(name).filter(|value| !value.is_null())?;
        Some(Self { value, path: self.path_of(name) })
    }

    /// The field, which must be there.
    pub(crate) fn need(&self, name: &str) -> Result<Self, DocumentFault> {
        self.get(name).ok_or_else(|| DocumentFault { path: self.path_of(name), problem: Problem::Missing })
    }

    /// The element at the end of a way of fields that must all be there.
    pub(crate) fn need_at(&self, way: &[&str]) -> Result<Self, DocumentFault> {
        way.iter().try_fold(self.clone(), |node, name| node.need(name))
    }

    /// The elements of the field; none where it is not there. Where a publisher writes a list of one as the one itself,
    /// it is that one.
    pub(crate) fn items(&self, name: &str) -> Vec<Self> {
        let Some(field) = self.get(name) else { return Vec::new() };
        let Some(items) = field.value.as_array() else { return vec![field] };
        let item = |(index, value)| Self { value, path: format!("{}[{index}]", field.path) };
        items.iter().enumerate().map(item).collect()
    }

    pub(crate) fn text(&self) -> Result<&'a str, DocumentFault> {
        self.value.as_str().ok_or_else(|| self.wrong_kind("a text"))
    }

    /// A text of the kind that names are, without spaces around it; None where nothing is left.
    pub(crate) fn plain(&self) -> Result<Option<String>, DocumentFault> {
        let text = self.text()?.trim();
        if text.is_empty() {
            return Ok(None);
        }
        let problem = |reason| match reason {
            Reason::NhsNumber => Problem::NhsNumber,
            _ => Problem::NotPlainText { given: code::excerpt(text), chars_max: rows::TEXT_CHARS_MAX },
        };
        rows::plain(text).map(Some).map_err(|reason| self.fault(problem(reason)))
    }

    pub(crate) fn boolean(&self) -> Result<bool, DocumentFault> {
        self.value.as_bool().ok_or_else(|| self.wrong_kind("true or false"))
    }

    pub(crate) fn count(&self) -> Result<u32, DocumentFault> {
        let count = self.value.as_u64().and_then(|count| u32::try_from(count).ok());
        count.ok_or_else(|| self.wrong_kind("a count"))
    }

    /// A date; of a moment, its date as written.
    pub(crate) fn date(&self) -> Result<Date, DocumentFault> {
        let text = self.text()?;
        let day = text.split_once('T').map_or(text, |(day, _)| day);
        Notation::Iso.parse(day).map_err(|_| self.fault(Problem::NoDate { given: code::excerpt(text) }))
    }

    /// A code of ours.
    pub(crate) fn code<T: FromStr<Err = CodeError>>(&self) -> Result<T, DocumentFault> {
        self.text()?.parse().map_err(|error: CodeError| self.fault(error.into()))
    }

    fn wrong_kind(&self, expected: &'static str) -> DocumentFault {
        let found = match self.value {
            Value::Null => "nothing",
            Value::Bool(_) => "true or false",
            Value::Number(_) => "a number",
            Value::String(_) => "a text",
            Value::Array(_) => "a list",
            Value::Object(_) => "an object",
        };
        self.fault(Problem::WrongKind { expected, found })
    }

    fn path_of(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }
}

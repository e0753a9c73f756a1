//! What a row shows of itself to a filter.

use jiff::Timestamp;
use jiff::civil::Date;

use crate::FieldId;

/// A resource that can be filtered: it gives the value of each declared field without allocating.
pub trait Fields {
    /// The value of a field of the schema for which the filter was parsed. It must be of the declared type, or
    /// [`Value::Missing`]; another type is an [`EvaluationError::Mistyped`](crate::EvaluationError::Mistyped).
    fn value(&self, field: FieldId) -> Value<'_>;
}

/// One field's value, borrowed from its row.
#[derive(Clone, Copy)]
pub enum Value<'a> {
    /// There is none.
    Missing,
    /// Text.
    Text(&'a str),
    /// A whole number.
    Int(i64),
    /// True or false.
    Bool(bool),
    /// A civil date.
    Date(Date),
    /// A moment.
    Timestamp(Timestamp),
    /// A list of text.
    TextList(&'a dyn TextList),
}

/// A list of text in whatever form a row holds it.
pub trait TextList {
    /// How many entries it has.
    fn count(&self) -> usize;

    /// Whether one of them is this text.
    fn has(&self, text: &str) -> bool;
}

impl<T: AsRef<str>> TextList for Vec<T> {
    fn count(&self) -> usize {
        self.len()
    }

    fn has(&self, text: &str) -> bool {
        self.iter().any(|entry| entry.as_ref() == text)
    }
}

impl<T: AsRef<str>> TextList for &[T] {
    fn count(&self) -> usize {
        self.len()
    }

    fn has(&self, text: &str) -> bool {
        self.iter().any(|entry| entry.as_ref() == text)
    }
}

impl<'a, T: Into<Value<'a>>> From<Option<T>> for Value<'a> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Value::Missing, Into::into)
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Value::Text(text)
    }
}

impl From<i64> for Value<'_> {
    fn from(number: i64) -> Self {
        Value::Int(number)
    }
}

impl From<bool> for Value<'_> {
    fn from(truth: bool) -> Self {
        Value::Bool(truth)
    }
}

impl From<Date> for Value<'_> {
    fn from(date: Date) -> Self {
        Value::Date(date)
    }
}

impl From<Timestamp> for Value<'_> {
    fn from(moment: Timestamp) -> Self {
        Value::Timestamp(moment)
    }
}

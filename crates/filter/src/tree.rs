//! The typed tree: a filter after all checks, in which nothing of a wrong type can be said.
//!
//! Each kind of operand is its own enum, so that evaluation has no type to test and no value to box; that is what makes
//! a row cost tens of nanoseconds where an interpreter of the general language takes microseconds.

use jiff::Timestamp;
use jiff::civil::Date;

use crate::FieldId;

/// A condition: true, false, or without an answer.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Condition {
    Constant(bool),
    Field(FieldId),
    Has(FieldId),
    Not(Box<Condition>),
    /// All of at least two.
    All(Box<[Condition]>),
    /// Any of at least two.
    Any(Box<[Condition]>),
    /// Two conditions with the same, or with different answers.
    Bools(Equality, Box<(Condition, Condition)>),
    Ints(Comparison, Int, Int),
    Texts(Comparison, Text, Text),
    Dates(Comparison, Day, Day),
    Timestamps(Comparison, Moment, Moment),
    IntIn(Int, Among<i64>),
    TextIn(Text, Among<Box<str>>),
    DateIn(Day, Among<Date>),
    TimestampIn(Moment, Among<Timestamp>),
    /// Text that is one of the entries of a field.
    TextInField(Text, FieldId),
    /// `whole.startsWith(part)` and its like.
    TextPart(Part, Text, Text),
}

/// A comparison of things that have an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// A comparison of things that have none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Equality {
    Equal,
    NotEqual,
}

/// Which part of a text is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Start,
    End,
    Anywhere,
}

/// A literal or a field of one type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Operand<T> {
    Constant(T),
    Field(FieldId),
}

pub(crate) type Text = Operand<Box<str>>;
pub(crate) type Day = Operand<Date>;
pub(crate) type Moment = Operand<Timestamp>;

/// A whole number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Int {
    Constant(i64),
    Field(FieldId),
    Negated(Box<Int>),
    Arithmetic(Arithmetic, Box<(Int, Int)>),
    /// Characters, as CEL counts them.
    SizeOfText(Box<Text>),
    SizeOfList(FieldId),
}

/// An operation on two whole numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Arithmetic {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

/// The literals of a list after `in`: sorted, each once, so that a thousand practice codes cost ten comparisons.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Among<T>(Box<[T]>);

impl<T: Ord> Among<T> {
    pub(crate) fn new(mut literals: Vec<T>) -> Self {
        literals.sort_unstable();
        literals.dedup();
        Self(literals.into())
    }

    pub(crate) fn has(&self, value: &T) -> bool {
        self.0.binary_search(value).is_ok()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.0.iter()
    }
}

impl Among<Box<str>> {
    pub(crate) fn has_text(&self, text: &str) -> bool {
        self.0.binary_search_by(|entry| (**entry).cmp(text)).is_ok()
    }
}

//! Judging one row, without allocation, by CEL's rules for values that are missing and for arithmetic.

use std::cmp::Ordering;

use jiff::Timestamp;
use jiff::civil::Date;

use crate::tree::{Arithmetic, Comparison, Condition, Day, Equality, Int, Moment, Operand, Part, Text};
use crate::{FieldId, Fields, TextList, Value};

/// Why a filter has no answer for a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EvaluationError {
    /// The row has no value for a field that decides.
    #[error("a field has no value")]
    Missing(FieldId),
    /// The row gave a value that is not of the declared type: a mistake in the program.
    #[error("a field's value is not of its declared type")]
    Mistyped(FieldId),
    /// A whole number beyond 64 bits.
    #[error("a whole number is too large")]
    Overflow,
    /// Division by zero, or its remainder.
    #[error("division by zero")]
    DivisionByZero,
}

type Answer<T> = Result<T, EvaluationError>;

impl Condition {
    pub(crate) fn evaluate<F: Fields + ?Sized>(&self, row: &F) -> Answer<bool> {
        match self {
            Self::Constant(truth) => Ok(*truth),
            Self::Field(field) => match row.value(*field) {
                Value::Bool(truth) => Ok(truth),
                other => Err(unfit(*field, other)),
            },
            Self::Has(field) => Ok(!matches!(row.value(*field), Value::Missing)),
            Self::Not(condition) => condition.evaluate(row).map(|truth| !truth),
            Self::All(conditions) => decided_by(false, conditions, row),
            Self::Any(conditions) => decided_by(true, conditions, row),
            Self::Bools(equality, pair) => {
                let equal = pair.0.evaluate(row)? == pair.1.evaluate(row)?;
                Ok(equal == (*equality == Equality::Equal))
            }
            Self::Ints(comparison, left, right) => Ok(comparison.holds(left.evaluate(row)?.cmp(&right.evaluate(row)?))),
            Self::Texts(comparison, left, right) => Ok(comparison.holds(text(left, row)?.cmp(text(right, row)?))),
            Self::Dates(comparison, left, right) => Ok(comparison.holds(date(left, row)?.cmp(&date(right, row)?))),
            Self::Timestamps(comparison, left, right) => {
                Ok(comparison.holds(timestamp(left, row)?.cmp(&timestamp(right, row)?)))
            }
            Self::IntIn(item, among) => Ok(among.has(&item.evaluate(row)?)),
            Self::TextIn(item, among) => Ok(among.has_text(text(item, row)?)),
            Self::DateIn(item, among) => Ok(among.has(&date(item, row)?)),
            Self::TimestampIn(item, among) => Ok(among.has(&timestamp(item, row)?)),
            Self::TextInField(item, field) => {
                let item = text(item, row)?;
                Ok(text_list(*field, row)?.has(item))
            }
            Self::TextPart(part, whole, looked_for) => {
                let (whole, looked_for) = (text(whole, row)?, text(looked_for, row)?);
                Ok(match part {
                    Part::Start => whole.starts_with(looked_for),
                    Part::End => whole.ends_with(looked_for),
                    Part::Anywhere => whole.contains(looked_for),
                })
            }
        }
    }
}

/// CEL's `&&` (decided by false) and `||` (decided by true): one deciding answer decides, whatever has no answer before
/// or after it; without one, a missing answer makes the whole missing.
fn decided_by<F: Fields + ?Sized>(deciding: bool, conditions: &[Condition], row: &F) -> Answer<bool> {
    let mut answer = Ok(!deciding);
    for condition in conditions {
        match condition.evaluate(row) {
            Ok(truth) if truth == deciding => return Ok(deciding),
            Ok(_) => {}
            Err(error) => answer = answer.and(Err(error)),
        }
    }
    answer
}

impl Comparison {
    fn holds(self, order: Ordering) -> bool {
        match self {
            Self::Equal => order.is_eq(),
            Self::NotEqual => order.is_ne(),
            Self::Less => order.is_lt(),
            Self::LessOrEqual => order.is_le(),
            Self::Greater => order.is_gt(),
            Self::GreaterOrEqual => order.is_ge(),
        }
    }
}

impl Int {
    fn evaluate<F: Fields + ?Sized>(&self, row: &F) -> Answer<i64> {
        match self {
            Self::Constant(number) => Ok(*number),
            Self::Field(field) => match row.value(*field) {
                Value::Int(number) => Ok(number),
                other => Err(unfit(*field, other)),
            },
            Self::Negated(number) => number.evaluate(row)?.checked_neg().ok_or(EvaluationError::Overflow),
            Self::Arithmetic(operation, pair) => operation.result(pair.0.evaluate(row)?, pair.1.evaluate(row)?),
            Self::SizeOfText(whole) => counted(text(whole, row)?.chars().count()),
            Self::SizeOfList(field) => counted(text_list(*field, row)?.count()),
        }
    }
}

impl Arithmetic {
    fn result(self, left: i64, right: i64) -> Answer<i64> {
        if right == 0 && matches!(self, Self::Divide | Self::Remainder) {
            return Err(EvaluationError::DivisionByZero);
        }
        let result = match self {
            Self::Add => left.checked_add(right),
            Self::Subtract => left.checked_sub(right),
            Self::Multiply => left.checked_mul(right),
            Self::Divide => left.checked_div(right),
            Self::Remainder => left.checked_rem(right),
        };
        result.ok_or(EvaluationError::Overflow)
    }
}

fn counted(count: usize) -> Answer<i64> {
    i64::try_from(count).map_err(|_| EvaluationError::Overflow)
}

fn text<'a, F: Fields + ?Sized>(operand: &'a Text, row: &'a F) -> Answer<&'a str> {
    match operand {
        Operand::Constant(text) => Ok(text),
        Operand::Field(field) => match row.value(*field) {
            Value::Text(text) => Ok(text),
            other => Err(unfit(*field, other)),
        },
    }
}

fn date<F: Fields + ?Sized>(operand: &Day, row: &F) -> Answer<Date> {
    match operand {
        Operand::Constant(date) => Ok(*date),
        Operand::Field(field) => match row.value(*field) {
            Value::Date(date) => Ok(date),
            other => Err(unfit(*field, other)),
        },
    }
}

fn timestamp<F: Fields + ?Sized>(operand: &Moment, row: &F) -> Answer<Timestamp> {
    match operand {
        Operand::Constant(moment) => Ok(*moment),
        Operand::Field(field) => match row.value(*field) {
            Value::Timestamp(moment) => Ok(moment),
            other => Err(unfit(*field, other)),
        },
    }
}

fn text_list<F: Fields + ?Sized>(field: FieldId, row: &F) -> Answer<&dyn TextList> {
    match row.value(field) {
        Value::TextList(list) => Ok(list),
        other => Err(unfit(field, other)),
    }
}

/// Why a value is not the one wanted: there is none, or it is of another type.
#[cold]
fn unfit(field: FieldId, value: Value<'_>) -> EvaluationError {
    match value {
        Value::Missing => EvaluationError::Missing(field),
        _ => EvaluationError::Mistyped(field),
    }
}

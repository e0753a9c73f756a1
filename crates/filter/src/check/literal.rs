//! Literals, and lists of them.

use cel::IdedExpr;
use cel::common::ast::{Expr, LiteralValue};
use jiff::Timestamp;
use jiff::civil::Date;

use super::{Checker, Typed};
use crate::Type;
use crate::error::{FilterError, FilterErrorKind};
use crate::tree::{Condition, Int, Operand};

impl Checker<'_> {
    pub(super) fn literal(&self, at: &IdedExpr, literal: &LiteralValue) -> Result<Typed, FilterError> {
        match literal {
            LiteralValue::Boolean(truth) => Ok(Typed::Bool(Condition::Constant(*truth.inner()))),
            LiteralValue::Int(number) => Ok(Typed::Int(Int::Constant(*number.inner()))),
            LiteralValue::String(text) => Ok(Typed::Text(Operand::Constant(text.inner().into()))),
            LiteralValue::Null => Err(self.unsupported(at, "null", "; ask for presence with has()")),
            LiteralValue::Double(_) => Err(self.unsupported(at, "fractions", "; numbers are whole")),
            LiteralValue::UInt(_) => Err(self.unsupported(at, "unsigned numbers", "; leave out the `u`")),
            LiteralValue::Bytes(_) => Err(self.unsupported(at, "bytes", "; leave out the `b`")),
        }
    }

    /// The date that a text literal stands for. Exactly ISO's ten characters, of which the order as text is the order in
    /// time: so a filter means the same to any CEL that sees the field as the text that it is on the wire.
    pub(super) fn date(&self, at: &IdedExpr, text: &str) -> Result<Date, FilterError> {
        match text.parse::<Date>() {
            Ok(date) if date.to_string() == text => Ok(date),
            _ => Err(self.source.error_at(at, FilterErrorKind::NotADate { text: text.to_owned() })),
        }
    }

    /// The moment that a text literal stands for: RFC 3339, as CEL's `timestamp` takes it.
    pub(super) fn timestamp(&self, at: &IdedExpr, text: &str) -> Result<Timestamp, FilterError> {
        match text.parse::<Timestamp>() {
            // jiff also reads what comes of its own zoned moments, which CEL does not.
            Ok(moment) if !text.contains('[') => Ok(moment),
            _ => Err(self.source.error_at(at, FilterErrorKind::NotATimestamp { text: text.to_owned() })),
        }
    }

    pub(super) fn int_literals(&mut self, list: &[IdedExpr]) -> Result<Vec<i64>, FilterError> {
        self.each(list, Type::Int, |_, _, typed| match typed {
            Typed::Int(Int::Constant(number)) => Ok(Ok(number)),
            other => Ok(Err(other)),
        })
    }

    pub(super) fn text_literals(&mut self, list: &[IdedExpr]) -> Result<Vec<Box<str>>, FilterError> {
        self.each(list, Type::Text, |_, _, typed| match typed {
            Typed::Text(Operand::Constant(text)) => Ok(Ok(text)),
            other => Ok(Err(other)),
        })
    }

    pub(super) fn date_literals(&mut self, list: &[IdedExpr]) -> Result<Vec<Date>, FilterError> {
        self.each(list, Type::Date, |checker, at, typed| match typed {
            Typed::Text(Operand::Constant(text)) => checker.date(at, &text).map(Ok),
            other => Ok(Err(other)),
        })
    }

    pub(super) fn timestamp_literals(&mut self, list: &[IdedExpr]) -> Result<Vec<Timestamp>, FilterError> {
        self.each(list, Type::Timestamp, |_, _, typed| match typed {
            Typed::Timestamp(Operand::Constant(moment)) => Ok(Ok(moment)),
            other => Ok(Err(other)),
        })
    }

    /// Each literal of a list by `read`, which gives back what is no literal of the type.
    fn each<T>(
        &mut self,
        list: &[IdedExpr],
        wanted: Type,
        read: impl Fn(&Self, &IdedExpr, Typed) -> Result<Result<T, Typed>, FilterError>,
    ) -> Result<Vec<T>, FilterError> {
        let mut literals = Vec::with_capacity(list.len());
        for element in list {
            // A literal costs a row next to nothing, since the list is searched by halves: it is no step.
            let steps = self.steps;
            let typed = match element.expr {
                Expr::List(_) => return Err(self.unsupported(element, "lists in lists", "")),
                _ => self.typed(element)?,
            };
            self.steps = steps;
            match read(self, element, typed)? {
                Ok(literal) => literals.push(literal),
                Err(other) if other.r#type() == wanted => {
                    return Err(self.unsupported(element, "fields or calculations in a list", "; write literals"));
                }
                Err(other) => return Err(self.not_comparable(element, "in", wanted, other.r#type())),
            }
        }
        Ok(literals)
    }
}

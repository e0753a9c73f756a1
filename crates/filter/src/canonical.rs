//! The one spelling of a filter.
//!
//! It has parentheses only where CEL's precedence needs them, so that it is never nested deeper than the text that was
//! read, and what was admitted is admitted again.

use std::fmt::Write;

use crate::tree::{Among, Arithmetic, Comparison, Condition, Equality, Int, Operand, Part, Text};
use crate::{FieldId, Schema};

pub(crate) fn text(condition: &Condition, schema: &Schema) -> String {
    let mut writer = Writer { text: String::new(), schema };
    writer.condition(condition);
    writer.text
}

/// CEL's levels of precedence, from what binds least.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Precedence {
    Or,
    And,
    Relation,
    Sum,
    Product,
    Unary,
    Member,
    /// Above all: in parentheses always.
    Never,
}

fn precedence_of_condition(condition: &Condition) -> Precedence {
    match condition {
        Condition::Any(_) => Precedence::Or,
        Condition::All(_) => Precedence::And,
        Condition::Not(_) => Precedence::Unary,
        Condition::Constant(_) | Condition::Field(_) | Condition::Has(_) | Condition::TextPart(..) => {
            Precedence::Member
        }
        Condition::Bools(..)
        | Condition::Ints(..)
        | Condition::Texts(..)
        | Condition::Dates(..)
        | Condition::Timestamps(..)
        | Condition::IntIn(..)
        | Condition::TextIn(..)
        | Condition::DateIn(..)
        | Condition::TimestampIn(..)
        | Condition::TextInField(..) => Precedence::Relation,
    }
}

fn precedence_of_int(int: &Int) -> Precedence {
    match int {
        Int::Arithmetic(Arithmetic::Add | Arithmetic::Subtract, _) => Precedence::Sum,
        Int::Arithmetic(Arithmetic::Multiply | Arithmetic::Divide | Arithmetic::Remainder, _) => Precedence::Product,
        Int::Negated(_) => Precedence::Unary,
        Int::Constant(_) | Int::Field(_) | Int::SizeOfText(_) | Int::SizeOfList(_) => Precedence::Member,
    }
}

struct Writer<'a> {
    text: String,
    schema: &'a Schema,
}

impl Writer<'_> {
    fn condition(&mut self, condition: &Condition) {
        match condition {
            Condition::Constant(truth) => self.push(if *truth { "true" } else { "false" }),
            Condition::Field(field) => self.field(*field),
            Condition::Has(field) => {
                self.push("has(");
                self.field(*field);
                self.push(")");
            }
            Condition::Not(inner) => {
                self.push("!");
                self.condition_from(Precedence::Member, inner);
            }
            Condition::All(conditions) => self.joined(" && ", conditions, Precedence::Relation),
            Condition::Any(conditions) => self.joined(" || ", conditions, Precedence::And),
            Condition::Bools(equality, pair) => {
                // Relations group from the left.
                self.condition_from(Precedence::Relation, &pair.0);
                self.push(match equality {
                    Equality::Equal => " == ",
                    Equality::NotEqual => " != ",
                });
                self.condition_from(Precedence::Sum, &pair.1);
            }
            Condition::Ints(comparison, left, right) => {
                self.int(left);
                self.comparison(*comparison);
                self.int(right);
            }
            Condition::Texts(comparison, left, right) => {
                self.text(left);
                self.comparison(*comparison);
                self.text(right);
            }
            Condition::Dates(comparison, left, right) => {
                self.operand(left, |writer, date| writer.date(*date));
                self.comparison(*comparison);
                self.operand(right, |writer, date| writer.date(*date));
            }
            Condition::Timestamps(comparison, left, right) => {
                self.operand(left, |writer, moment| writer.timestamp(*moment));
                self.comparison(*comparison);
                self.operand(right, |writer, moment| writer.timestamp(*moment));
            }
            Condition::IntIn(item, among) => {
                self.int(item);
                self.among(among, |writer, number| writer.display(number));
            }
            Condition::TextIn(item, among) => {
                self.text(item);
                self.among(among, |writer, text| writer.quoted(text));
            }
            Condition::DateIn(item, among) => {
                self.operand(item, |writer, date| writer.date(*date));
                self.among(among, |writer, date| writer.date(*date));
            }
            Condition::TimestampIn(item, among) => {
                self.operand(item, |writer, moment| writer.timestamp(*moment));
                self.among(among, |writer, moment| writer.timestamp(*moment));
            }
            Condition::TextInField(item, field) => {
                self.text(item);
                self.push(" in ");
                self.field(*field);
            }
            Condition::TextPart(part, whole, looked_for) => {
                self.text(whole);
                self.push(match part {
                    Part::Start => ".startsWith(",
                    Part::End => ".endsWith(",
                    Part::Anywhere => ".contains(",
                });
                self.text(looked_for);
                self.push(")");
            }
        }
    }

    fn joined(&mut self, operator: &str, conditions: &[Condition], least: Precedence) {
        for (index, condition) in conditions.iter().enumerate() {
            if index > 0 {
                self.push(operator);
            }
            self.condition_from(least, condition);
        }
    }

    /// A condition, in parentheses where it binds less than its place demands.
    fn condition_from(&mut self, least: Precedence, condition: &Condition) {
        let needed = precedence_of_condition(condition) < least;
        self.push(if needed { "(" } else { "" });
        self.condition(condition);
        self.push(if needed { ")" } else { "" });
    }

    /// A whole number, in parentheses where it binds less than its place demands.
    fn int_from(&mut self, least: Precedence, int: &Int) {
        let needed = precedence_of_int(int) < least;
        self.push(if needed { "(" } else { "" });
        self.int(int);
        self.push(if needed { ")" } else { "" });
    }

    fn int(&mut self, int: &Int) {
        match int {
            Int::Constant(number) => self.display(number),
            Int::Field(field) => self.field(*field),
            Int::Negated(inner) => {
                self.push("-");
                // `-5` would be read as the number, and `--x` as x.
                let least = if matches!(**inner, Int::Constant(_)) { Precedence::Never } else { Precedence::Member };
                self.int_from(least, inner);
            }
            Int::Arithmetic(operation, pair) => {
                let (sign, least, least_right) = match operation {
                    Arithmetic::Add => (" + ", Precedence::Sum, Precedence::Product),
                    Arithmetic::Subtract => (" - ", Precedence::Sum, Precedence::Product),
                    Arithmetic::Multiply => (" * ", Precedence::Product, Precedence::Unary),
                    Arithmetic::Divide => (" / ", Precedence::Product, Precedence::Unary),
                    Arithmetic::Remainder => (" % ", Precedence::Product, Precedence::Unary),
                };
                self.int_from(least, &pair.0);
                self.push(sign);
                self.int_from(least_right, &pair.1);
            }
            Int::SizeOfText(whole) => {
                self.push("size(");
                self.text(whole);
                self.push(")");
            }
            Int::SizeOfList(field) => {
                self.push("size(");
                self.field(*field);
                self.push(")");
            }
        }
    }

    fn text(&mut self, text: &Text) {
        self.operand(text, |writer, literal| writer.quoted(literal));
    }

    fn operand<T>(&mut self, operand: &Operand<T>, literal: impl Fn(&mut Self, &T)) {
        match operand {
            Operand::Constant(value) => literal(self, value),
            Operand::Field(field) => self.field(*field),
        }
    }

    fn among<T: Ord>(&mut self, among: &Among<T>, literal: impl Fn(&mut Self, &T)) {
        self.push(" in [");
        for (index, value) in among.iter().enumerate() {
            if index > 0 {
                self.push(", ");
            }
            literal(self, value);
        }
        self.push("]");
    }

    fn comparison(&mut self, comparison: Comparison) {
        self.push(match comparison {
            Comparison::Equal => " == ",
            Comparison::NotEqual => " != ",
            Comparison::Less => " < ",
            Comparison::LessOrEqual => " <= ",
            Comparison::Greater => " > ",
            Comparison::GreaterOrEqual => " >= ",
        });
    }

    fn field(&mut self, field: FieldId) {
        self.push(self.schema.field(field).name);
    }

    fn date(&mut self, date: jiff::civil::Date) {
        self.display(format_args!("\"{date}\""));
    }

    fn timestamp(&mut self, moment: jiff::Timestamp) {
        self.display(format_args!("timestamp(\"{moment}\")"));
    }

    /// A literal in double quotes, with no character in it that could be lost on the way through a file.
    fn quoted(&mut self, text: &str) {
        self.push("\"");
        for letter in text.chars() {
            match letter {
                '"' => self.push("\\\""),
                '\\' => self.push("\\\\"),
                '\n' => self.push("\\n"),
                letter if letter.is_control() => self.display(format_args!("\\u{:04x}", u32::from(letter))),
                letter => self.text.push(letter),
            }
        }
        self.push("\"");
    }

    fn push(&mut self, text: &str) {
        self.text.push_str(text);
    }

    fn display(&mut self, value: impl std::fmt::Display) {
        // Writing to a String cannot fail.
        let _ = write!(self.text, "{value}");
    }
}

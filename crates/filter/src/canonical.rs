//! The one spelling of a filter.
//!
//! Conditions are joined by `&&` and `||` with parentheses only where CEL needs them; everything that has a subtle
//! precedence (arithmetic, negation, comparisons of booleans) is put in parentheses always.

use std::fmt::Write;

use crate::tree::{Arithmetic, Among, Comparison, Condition, Equality, Int, Operand, Part, Text};
use crate::{FieldId, Schema};

pub(crate) fn text(condition: &Condition, schema: &Schema) -> String {
    let mut writer = Writer { text: String::new(), schema };
    writer.condition(condition);
    writer.text
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
                self.push("!(");
                self.condition(inner);
                self.push(")");
            }
            Condition::All(conditions) => self.joined(conditions, " && ", |inner| matches!(inner, Condition::Any(_))),
            Condition::Any(conditions) => self.joined(conditions, " || ", |_| false),
            Condition::Bools(equality, pair) => {
                self.parenthesised(&pair.0);
                self.push(match equality {
                    Equality::Equal => " == ",
                    Equality::NotEqual => " != ",
                });
                self.parenthesised(&pair.1);
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
                self.among(among, |writer, number| writer.number(*number));
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

    fn joined(&mut self, conditions: &[Condition], separator: &str, needs_parentheses: fn(&Condition) -> bool) {
        for (index, condition) in conditions.iter().enumerate() {
            if index > 0 {
                self.push(separator);
            }
            if needs_parentheses(condition) {
                self.parenthesised(condition);
            } else {
                self.condition(condition);
            }
        }
    }

    fn parenthesised(&mut self, condition: &Condition) {
        self.push("(");
        self.condition(condition);
        self.push(")");
    }

    fn int(&mut self, int: &Int) {
        match int {
            Int::Constant(number) => self.number(*number),
            Int::Field(field) => self.field(*field),
            Int::Negated(inner) => {
                self.push("-(");
                self.int(inner);
                self.push(")");
            }
            Int::Arithmetic(operation, pair) => {
                self.push("(");
                self.int(&pair.0);
                self.push(match operation {
                    Arithmetic::Add => " + ",
                    Arithmetic::Subtract => " - ",
                    Arithmetic::Multiply => " * ",
                    Arithmetic::Divide => " / ",
                    Arithmetic::Remainder => " % ",
                });
                self.int(&pair.1);
                self.push(")");
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

    fn number(&mut self, number: i64) {
        self.display(number);
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

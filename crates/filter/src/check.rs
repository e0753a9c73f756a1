//! From the parser's tree to the typed one: every name, type and function is checked here, and nowhere later.
//!
//! The `cel` crate has no type checker; ours is as narrow as the subset. An error stands at the operand at fault, not at
//! the operator.

mod call;
mod literal;
mod name;

use cel::IdedExpr;
use cel::common::ast::{CallExpr, Expr, operators};

use crate::bounds::STEPS_MAX;
use crate::error::{FilterError, FilterErrorKind};
use crate::syntax::Source;
use crate::tree::{Among, Arithmetic, Comparison, Condition, Day, Equality, Int, Moment, Operand, Text};
use crate::{FieldId, Schema, Type};

/// The typed condition of a parsed filter.
pub(crate) fn condition(source: &Source<'_>, schema: &Schema) -> Result<Condition, FilterError> {
    Checker { source, schema, steps: 0 }.condition(&source.root, "the filter", "must be a condition")
}

struct Checker<'a> {
    source: &'a Source<'a>,
    schema: &'a Schema,
    steps: usize,
}

/// An expression with its type.
enum Typed {
    Bool(Condition),
    Int(Int),
    Text(Text),
    Date(Day),
    Timestamp(Moment),
    TextList(FieldId),
}

impl Typed {
    fn r#type(&self) -> Type {
        match self {
            Self::Bool(_) => Type::Bool,
            Self::Int(_) => Type::Int,
            Self::Text(_) => Type::Text,
            Self::Date(_) => Type::Date,
            Self::Timestamp(_) => Type::Timestamp,
            Self::TextList(_) => Type::TextList,
        }
    }
}

impl Checker<'_> {
    fn typed(&mut self, expression: &IdedExpr) -> Result<Typed, FilterError> {
        self.steps += 1;
        if self.steps > STEPS_MAX {
            return Err(self.source.error_at(expression, FilterErrorKind::TooCostly));
        }
        match &expression.expr {
            Expr::Literal(literal) => self.literal(expression, literal),
            Expr::Ident(_) => self.field(expression),
            Expr::Select(select) if select.test => {
                Ok(Typed::Bool(Condition::Has(self.name(&select.operand, Some(&select.field))?)))
            }
            Expr::Select(_) => self.field(expression),
            Expr::Call(call) => self.call(expression, call),
            Expr::Comprehension(_) => {
                let name = self.source.called_name(expression).to_owned();
                let at = self.source.method_name_start(expression);
                Err(self.source.error_at_byte(at, FilterErrorKind::UnknownFunction { name }))
            }
            Expr::List(_) => Err(self.unsupported(expression, "lists except after `in`", "")),
            Expr::Map(_) | Expr::Struct(_) => Err(self.unsupported(expression, "maps or messages", "")),
            Expr::Unspecified => {
                let message = "this cannot be read".to_owned();
                Err(self.source.error_at(expression, FilterErrorKind::Syntax { message }))
            }
        }
    }

    fn condition(
        &mut self,
        expression: &IdedExpr,
        taker: &str,
        wanted: &'static str,
    ) -> Result<Condition, FilterError> {
        match self.typed(expression)? {
            Typed::Bool(condition) => Ok(condition),
            other => Err(self.wrong_type(expression, taker, wanted, &other)),
        }
    }

    fn operand(&mut self, expression: &IdedExpr, operator: &str) -> Result<Condition, FilterError> {
        self.condition(expression, operator, "takes conditions")
    }

    fn int(&mut self, expression: &IdedExpr, taker: &str) -> Result<Int, FilterError> {
        match self.typed(expression)? {
            Typed::Int(int) => Ok(int),
            other => Err(self.wrong_type(expression, taker, "takes whole numbers", &other)),
        }
    }

    fn text(&mut self, expression: &IdedExpr, taker: &str) -> Result<Text, FilterError> {
        match self.typed(expression)? {
            Typed::Text(text) => Ok(text),
            other => Err(self.wrong_type(expression, taker, "takes text", &other)),
        }
    }

    /// An operator or a function.
    fn call(&mut self, expression: &IdedExpr, call: &CallExpr) -> Result<Typed, FilterError> {
        if let (None, [left, right]) = (&call.target, call.args.as_slice()) {
            if let Some((comparison, operator)) = comparison(&call.func_name) {
                return self.comparison(comparison, operator, left, right).map(Typed::Bool);
            }
            if let Some((arithmetic, operator)) = arithmetic(&call.func_name) {
                let pair = (self.int(left, operator)?, self.int(right, operator)?);
                return Ok(Typed::Int(Int::Arithmetic(arithmetic, Box::new(pair))));
            }
        }
        match (&call.target, call.func_name.as_str(), call.args.as_slice()) {
            (None, operators::LOGICAL_AND, [left, right]) => {
                let (left, right) = (self.operand(left, "`&&`")?, self.operand(right, "`&&`")?);
                Ok(Typed::Bool(Condition::All(flat(left, right, |condition| match condition {
                    Condition::All(inner) => Ok(inner),
                    other => Err(other),
                }))))
            }
            (None, operators::LOGICAL_OR, [left, right]) => {
                let (left, right) = (self.operand(left, "`||`")?, self.operand(right, "`||`")?);
                Ok(Typed::Bool(Condition::Any(flat(left, right, |condition| match condition {
                    Condition::Any(inner) => Ok(inner),
                    other => Err(other),
                }))))
            }
            (None, operators::LOGICAL_NOT, [operand]) => {
                Ok(Typed::Bool(Condition::Not(Box::new(self.operand(operand, "`!`")?))))
            }
            (None, operators::NEGATE, [operand]) => Ok(Typed::Int(Int::Negated(Box::new(self.int(operand, "`-`")?)))),
            (None, operators::IN, [item, list]) => self.membership(item, list).map(Typed::Bool),
            (None, operators::INDEX, _) => Err(self.unsupported(expression, "`[…]` after a value", "")),
            _ => self.function(expression, call),
        }
    }

    fn comparison(
        &mut self,
        comparison: Comparison,
        operator: &'static str,
        left: &IdedExpr,
        right: &IdedExpr,
    ) -> Result<Condition, FilterError> {
        match (self.typed(left)?, self.typed(right)?) {
            (Typed::Int(left), Typed::Int(right)) => Ok(Condition::Ints(comparison, left, right)),
            (Typed::Text(left), Typed::Text(right)) => Ok(Condition::Texts(comparison, left, right)),
            (Typed::Timestamp(left), Typed::Timestamp(right)) => Ok(Condition::Timestamps(comparison, left, right)),
            (Typed::Date(left), Typed::Date(right)) => Ok(Condition::Dates(comparison, left, right)),
            (Typed::Date(left), Typed::Text(Operand::Constant(text))) => {
                Ok(Condition::Dates(comparison, left, Operand::Constant(self.date(right, &text)?)))
            }
            (Typed::Text(Operand::Constant(text)), Typed::Date(date)) => {
                Ok(Condition::Dates(comparison, Operand::Constant(self.date(left, &text)?), date))
            }
            (Typed::Bool(left_condition), Typed::Bool(right_condition)) => {
                let equality = match comparison {
                    Comparison::Equal => Equality::Equal,
                    Comparison::NotEqual => Equality::NotEqual,
                    _ => return Err(self.not_comparable(right, operator, Type::Bool, Type::Bool)),
                };
                Ok(Condition::Bools(equality, Box::new((left_condition, right_condition))))
            }
            (left_typed, right_typed) => {
                Err(self.not_comparable(right, operator, left_typed.r#type(), right_typed.r#type()))
            }
        }
    }

    /// `item in list`.
    fn membership(&mut self, item: &IdedExpr, list: &IdedExpr) -> Result<Condition, FilterError> {
        let item_typed = self.typed(item)?;
        let Expr::List(literals) = &list.expr else {
            return match (item_typed, self.typed(list)?) {
                (Typed::Text(text), Typed::TextList(field)) => Ok(Condition::TextInField(text, field)),
                (other, Typed::TextList(_)) => Err(self.wrong_type(item, "`in` a list of text", "takes text", &other)),
                (_, other) => Err(self.wrong_type(list, "`in`", "takes a list", &other)),
            };
        };
        let literals = &literals.elements;
        match item_typed {
            Typed::Int(int) => Ok(Condition::IntIn(int, Among::new(self.int_literals(literals)?))),
            Typed::Text(text) => Ok(Condition::TextIn(text, Among::new(self.text_literals(literals)?))),
            Typed::Date(date) => Ok(Condition::DateIn(date, Among::new(self.date_literals(literals)?))),
            Typed::Timestamp(moment) => {
                Ok(Condition::TimestampIn(moment, Among::new(self.timestamp_literals(literals)?)))
            }
            other => Err(self.wrong_type(
                item,
                "`in` a list of literals",
                "takes text, a number, a date or a moment",
                &other,
            )),
        }
    }

    fn wrong_type(&self, at: &IdedExpr, taker: &str, wanted: &'static str, found: &Typed) -> FilterError {
        let kind = FilterErrorKind::WrongType { taker: taker.to_owned(), wanted, found: found.r#type() };
        self.source.error_at(at, kind)
    }

    fn not_comparable(&self, at: &IdedExpr, operator: &'static str, left: Type, right: Type) -> FilterError {
        self.source.error_at(at, FilterErrorKind::NotComparable { operator, left, right })
    }

    fn unsupported(&self, at: &IdedExpr, what: &'static str, instead: &'static str) -> FilterError {
        self.source.error_at(at, FilterErrorKind::Unsupported { what, instead })
    }
}

fn comparison(function: &str) -> Option<(Comparison, &'static str)> {
    match function {
        operators::EQUALS => Some((Comparison::Equal, "==")),
        operators::NOT_EQUALS => Some((Comparison::NotEqual, "!=")),
        operators::LESS => Some((Comparison::Less, "<")),
        operators::LESS_EQUALS => Some((Comparison::LessOrEqual, "<=")),
        operators::GREATER => Some((Comparison::Greater, ">")),
        operators::GREATER_EQUALS => Some((Comparison::GreaterOrEqual, ">=")),
        _ => None,
    }
}

fn arithmetic(function: &str) -> Option<(Arithmetic, &'static str)> {
    match function {
        operators::ADD => Some((Arithmetic::Add, "`+`")),
        operators::SUBSTRACT => Some((Arithmetic::Subtract, "`-`")),
        operators::MULTIPLY => Some((Arithmetic::Multiply, "`*`")),
        operators::DIVIDE => Some((Arithmetic::Divide, "`/`")),
        operators::MODULO => Some((Arithmetic::Remainder, "`%`")),
        _ => None,
    }
}

/// Two conditions joined by an operator, with those that the same operator has joined before taken apart: it is
/// associative, missing answers included, so `a && (b && c)` and `(a && b) && c` are one filter.
fn flat(
    left: Condition,
    right: Condition,
    joined_before: impl Fn(Condition) -> Result<Box<[Condition]>, Condition>,
) -> Box<[Condition]> {
    let mut conditions = Vec::new();
    for side in [left, right] {
        match joined_before(side) {
            Ok(inner) => conditions.extend(inner),
            Err(single) => conditions.push(single),
        }
    }
    conditions.into()
}

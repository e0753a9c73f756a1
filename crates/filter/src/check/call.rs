//! The functions: few, and each with one way to use it.

use cel::IdedExpr;
use cel::common::ast::{CallExpr, Expr, LiteralValue};

use super::{Checker, Typed};
use crate::error::{FilterError, FilterErrorKind};
use crate::tree::{Condition, Int, Operand, Part};

impl Checker<'_> {
    pub(super) fn function(&mut self, expression: &IdedExpr, call: &CallExpr) -> Result<Typed, FilterError> {
        match (call.func_name.as_str(), call.target.as_deref(), call.args.as_slice()) {
            ("startsWith", Some(whole), [part]) => self.part("`startsWith`", Part::Start, whole, part),
            ("endsWith", Some(whole), [part]) => self.part("`endsWith`", Part::End, whole, part),
            ("contains", Some(whole), [part]) => self.part("`contains`", Part::Anywhere, whole, part),
            ("size", Some(sized), []) | ("size", None, [sized]) => self.size(sized),
            ("timestamp", None, [argument]) => self.moment(argument),
            ("startsWith", ..) => Err(self.misused(expression, "startsWith", "text.startsWith(\"part\")")),
            ("endsWith", ..) => Err(self.misused(expression, "endsWith", "text.endsWith(\"part\")")),
            ("contains", ..) => Err(self.misused(expression, "contains", "text.contains(\"part\")")),
            ("size", ..) => Err(self.misused(expression, "size", "size(field)")),
            ("timestamp", ..) => Err(self.misused(expression, "timestamp", "timestamp(\"2031-04-01T09:00:00Z\")")),
            ("has", ..) => Err(self.misused(expression, "has", "has(group.field)")),
            (name, ..) => {
                let kind = FilterErrorKind::UnknownFunction { name: name.to_owned() };
                Err(self.source.error_at_byte(self.source.method_name_start(expression), kind))
            }
        }
    }

    fn part(&mut self, name: &str, part: Part, whole: &IdedExpr, of: &IdedExpr) -> Result<Typed, FilterError> {
        let (whole, of) = (self.text(whole, name)?, self.text(of, name)?);
        Ok(Typed::Bool(Condition::TextPart(part, whole, of)))
    }

    fn size(&mut self, sized: &IdedExpr) -> Result<Typed, FilterError> {
        match self.typed(sized)? {
            Typed::Text(text) => Ok(Typed::Int(Int::SizeOfText(Box::new(text)))),
            Typed::TextList(field) => Ok(Typed::Int(Int::SizeOfList(field))),
            other => Err(self.wrong_type(sized, "`size`", "takes text or a list of text", &other)),
        }
    }

    /// `timestamp("…")`, read once here, never for each row.
    fn moment(&mut self, argument: &IdedExpr) -> Result<Typed, FilterError> {
        match &argument.expr {
            Expr::Literal(LiteralValue::String(text)) => {
                Ok(Typed::Timestamp(Operand::Constant(self.timestamp(argument, text.inner())?)))
            }
            _ => Err(self.misused(argument, "timestamp", "timestamp(\"2031-04-01T09:00:00Z\"), with a literal")),
        }
    }

    fn misused(&self, at: &IdedExpr, name: &'static str, usage: &'static str) -> FilterError {
        self.source.error_at(at, FilterErrorKind::Misused { name, usage })
    }
}

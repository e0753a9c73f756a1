//! Dotted names and the fields they name.

use cel::IdedExpr;
use cel::common::ast::Expr;

use super::{Checker, Typed};
use crate::error::{FilterError, FilterErrorKind};
use crate::tree::{Condition, Int, Operand};
use crate::{FieldId, Type};

/// A name of a dotted name, and the byte at which it begins.
type Segment<'a> = (&'a str, usize);

impl Checker<'_> {
    /// The value of the field that an expression names.
    pub(super) fn field(&self, expression: &IdedExpr) -> Result<Typed, FilterError> {
        let id = self.name(expression, None)?;
        Ok(match self.schema.field(id).r#type {
            Type::Bool => Typed::Bool(Condition::Field(id)),
            Type::Int => Typed::Int(Int::Field(id)),
            Type::Text => Typed::Text(Operand::Field(id)),
            Type::Date => Typed::Date(Operand::Field(id)),
            Type::Timestamp => Typed::Timestamp(Operand::Field(id)),
            Type::TextList => Typed::TextList(id),
        })
    }

    /// The field that an expression names; with `last`, the field of that name below it, as in `has(a.b)`, of which the
    /// parser gives `a` as expression and `b` apart.
    pub(super) fn name(&self, expression: &IdedExpr, last: Option<&str>) -> Result<FieldId, FilterError> {
        let mut segments = self.segments(expression)?;
        if let Some(name) = last {
            // The place of the dot is not noted; the name is what follows the group's.
            let end = segments.last().map_or(0, |(group, start)| start + group.len());
            segments.push((name, self.source.place_of(name, end)));
        }
        let name = segments.iter().map(|(segment, _)| *segment).collect::<Vec<_>>().join(".");
        self.schema.id(&name).ok_or_else(|| self.not_a_field(name, &segments))
    }

    fn segments<'e>(&self, expression: &'e IdedExpr) -> Result<Vec<Segment<'e>>, FilterError> {
        match &expression.expr {
            Expr::Ident(name) => Ok(vec![(name, self.source.start(expression))]),
            Expr::Select(select) if !select.test => {
                let mut segments = self.segments(&select.operand)?;
                segments.push((&select.field, self.source.selected_name_start(expression)));
                Ok(segments)
            }
            _ => Err(self.unsupported(expression, "`.name` after a literal or a result", "")),
        }
    }

    /// Why a name is no field, at the first of its segments from which on none fits.
    fn not_a_field(&self, name: String, segments: &[Segment<'_>]) -> FilterError {
        if let Some(example) = self.schema.first_in_group(&name) {
            let start = segments.first().map_or(0, |(_, start)| *start);
            return self.source.error_at_byte(start, FilterErrorKind::GroupOfFields { name, example });
        }
        let mut group = String::new();
        let mut at = 0;
        for (segment, start) in segments {
            at = *start;
            if !group.is_empty() {
                group.push('.');
            }
            group.push_str(segment);
            if self.schema.first_in_group(&group).is_none() && self.schema.id(&group).is_none() {
                break;
            }
        }
        let nearest = self.schema.nearest(&name);
        self.source.error_at_byte(at, FilterErrorKind::UnknownField { name, nearest })
    }
}

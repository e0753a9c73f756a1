//! CEL for lists and cohorts: parsed by the `cel` crate, checked against declared fields, a closed subset of bounded
//! cost, evaluated without allocation.
//!
//! ```text
//! text ──bounds──▶ cel's parser ──▶ its syntax tree ──check against Schema──▶ typed tree ──▶ matches(row)
//!      too long,    syntax error                       unknown field,            └──────▶ canonical text
//!      too deep                                        wrong type, …
//! ```
//!
//! The language is a subset of [CEL](https://cel.dev) with its meaning; a differential test compares each with the
//! `cel` crate's interpreter on random expressions and rows. There is
//! - `==` `!=` `<` `<=` `>` `>=` on text, whole numbers, dates and moments; `==` and `!=` on booleans;
//! - `&&` `||` `!`, literals, parentheses, `//` comments;
//! - `in` a list of literals, and text `in` a field that is a list of text;
//! - `+` `-` `*` `/` `%` on whole numbers, all checked;
//! - `text.startsWith(…)`, `.endsWith(…)`, `.contains(…)`, `size(…)` of text (in characters) or of a list;
//! - `has(field)`; `timestamp("2031-04-01T09:00:00Z")`; a date is written as text, `"2031-04-01"`.
//!
//! And nothing else, on purpose: no macros (`exists`, `map`, …), no conditional, no maps, no fractions, no regular
//! expressions, so that a row costs at most what its text promises.
//!
//! **Values that are missing.** An optional field without a value is, as in CEL, an error to all but `has`, and errors
//! are absorbed as in CEL: `false && error` is false, `true || error` is true, in either order. A row matches only
//! where the result is true; so where the supplier is not known neither `supplier == "TPP"` nor its negation matches.
//! The same goes for overflow and for division by zero.
//!
//! What this deliberately does not do: it knows no resource (who lists something declares its [`Schema`] and
//! implements [`Fields`]), reads no store, and keeps no result.

mod bounds;
mod canonical;
mod check;
mod error;
mod evaluate;
mod position;
mod schema;
mod syntax;
mod tree;
mod value;

pub use bounds::{DEPTH_MAX, STEPS_MAX, TEXT_BYTES_MAX};
pub use error::{FilterError, FilterErrorKind};
pub use evaluate::EvaluationError;
pub use schema::{Field, FieldId, Schema, SchemaError, Type};
pub use value::{Fields, TextList, Value};

/// A checked filter, ready to judge rows of the schema it was parsed for.
#[derive(Debug, Clone, PartialEq)]
pub struct Filter {
    condition: tree::Condition,
}

impl Filter {
    /// Reads a filter and checks it against the declared fields.
    ///
    /// # Errors
    /// The first thing that is wrong with it, with its line and column.
    pub fn parse(text: &str, schema: &Schema) -> Result<Self, FilterError> {
        bounds::admit(text)?;
        let source = syntax::parse(text)?;
        Ok(Self { condition: check::condition(&source, schema)? })
    }

    /// The filter that lets every row pass: what an omitted `filter` argument means. As text it is `true`.
    #[must_use]
    pub fn everything() -> Self {
        Self { condition: tree::Condition::Constant(true) }
    }

    /// Whether the row is one of those wanted. Where the question has no answer, it is not.
    pub fn matches<F: Fields + ?Sized>(&self, row: &F) -> bool {
        self.evaluate(row) == Ok(true)
    }

    /// The answer, or why there is none.
    ///
    /// # Errors
    /// Where a value that decides is missing, or arithmetic has no result.
    pub fn evaluate<F: Fields + ?Sized>(&self, row: &F) -> Result<bool, EvaluationError> {
        self.condition.evaluate(row)
    }

    /// The one spelling of all texts that mean the same tree: without comments, in one style of spaces, quotes and
    /// parentheses, with lists after `in` sorted and without duplicates. It is CEL again, and reads back as an equal filter.
    /// Hash this, not what somebody typed, to say whether a cohort has changed.
    #[must_use]
    pub fn canonical(&self, schema: &Schema) -> String {
        canonical::text(&self.condition, schema)
    }
}

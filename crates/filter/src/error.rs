//! What is wrong with a filter, and where.

use std::fmt;

use crate::Type;
use crate::bounds::{DEPTH_MAX, STEPS_MAX, TEXT_BYTES_MAX};
use crate::position::Position;

/// The first thing that is wrong with a filter's text.
///
/// It displays as one line, `unknown field …; did you mean …? (column 10)`; [`caret`](Self::caret) shows the place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilterError {
    position: Position,
    kind: FilterErrorKind,
}

/// The ways in which a filter can be wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FilterErrorKind {
    /// The text is longer than [`TEXT_BYTES_MAX`].
    #[error("the filter has {bytes} bytes; {TEXT_BYTES_MAX} are the most")]
    TooLong {
        /// How long it is.
        bytes: usize,
    },
    /// It is nested deeper than [`DEPTH_MAX`].
    #[error("the filter is nested too deeply; {DEPTH_MAX} levels of parentheses and operators are the most")]
    TooDeep,
    /// It does more than [`STEPS_MAX`] things to each row.
    #[error(
        "the filter takes more than {STEPS_MAX} steps for each row; many alternatives are better written as `in [...]`"
    )]
    TooCostly,
    /// It is not CEL.
    #[error("{message}")]
    Syntax {
        /// What was found, and perhaps what was expected.
        message: String,
    },
    /// A name that no field has.
    #[error("unknown field `{name}`{}", nearest.map(|nearest| format!("; did you mean `{nearest}`?")).unwrap_or_default())]
    UnknownField {
        /// The name as written.
        name: String,
        /// The declared name nearest to it, where one is near.
        nearest: Option<&'static str>,
    },
    /// A name that is the beginning of fields' names.
    #[error("`{name}` is a group of fields; name one of them, such as `{example}`")]
    GroupOfFields {
        /// The name as written.
        name: String,
        /// The first field of the group.
        example: &'static str,
    },
    /// An operator or function was given something of a type that it does not take.
    #[error("{taker} {wanted}, and this is {found}")]
    WrongType {
        /// The operator, the function, or "the filter".
        taker: String,
        /// What it does or must do with what: "takes text".
        wanted: &'static str,
        /// What was given.
        found: Type,
    },
    /// The two sides of a comparison, or a value and the list it is looked for in, have different types.
    #[error("{left} cannot be compared with {right} by `{operator}`")]
    NotComparable {
        /// The operator.
        operator: &'static str,
        /// The type on the left.
        left: Type,
        /// The type on the right.
        right: Type,
    },
    /// Text that stands for a date, and is none.
    #[error("{text:?} is not a date; it is written as in \"2031-04-01\"")]
    NotADate {
        /// The text.
        text: String,
    },
    /// Text that stands for a moment, and is none.
    #[error("{text:?} is not a moment; it is written as in \"2031-04-01T09:00:00Z\"")]
    NotATimestamp {
        /// The text.
        text: String,
    },
    /// A function that there is not.
    #[error(
        "there is no function `{name}` in filters; there are startsWith, endsWith, contains, size, has and timestamp"
    )]
    UnknownFunction {
        /// Its name.
        name: String,
    },
    /// A function used in another way than it is.
    #[error("`{name}` is used as {usage}")]
    Misused {
        /// The function.
        name: &'static str,
        /// How it is used.
        usage: &'static str,
    },
    /// A part of CEL that filters leave out.
    #[error("filters have no {what}{instead}")]
    Unsupported {
        /// What is left out.
        what: &'static str,
        /// What there is instead, beginning with a semicolon; may be empty.
        instead: &'static str,
    },
}

impl FilterError {
    pub(crate) fn new(position: Position, kind: FilterErrorKind) -> Self {
        Self { position, kind }
    }

    /// What is wrong.
    #[must_use]
    pub fn kind(&self) -> &FilterErrorKind {
        &self.kind
    }

    /// The line, from 1.
    #[must_use]
    pub fn line(&self) -> usize {
        self.position.line
    }

    /// The column in characters, from 1.
    #[must_use]
    pub fn column(&self) -> usize {
        self.position.column
    }

    /// The line at fault, and below it a caret under the column; of a long line, the part around it.
    #[must_use]
    pub fn caret(&self) -> String {
        self.position.shown()
    }
}

impl fmt::Display for FilterError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} (", self.kind)?;
        if self.position.line > 1 {
            write!(out, "line {}, ", self.position.line)?;
        }
        write!(out, "column {})", self.position.column)
    }
}

// The kind is displayed in full above, so it is no source: it would be said twice.
impl std::error::Error for FilterError {}

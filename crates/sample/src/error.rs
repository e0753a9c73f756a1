//! What can be wrong with what was asked for.

use crate::{FIRST_YEAR, PRACTICES_COUNT_MAX};
use jiff::civil::Date;
use ods::{CodeError, Supplier};

/// A world that cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The number of practices is out of bounds.
    #[error("{practices_count} practices cannot be had: give from 1 to {PRACTICES_COUNT_MAX}")]
    PracticesCount {
        /// What was asked for.
        practices_count: u32,
    },
    /// A part of a mix of suppliers is not `NAME=WEIGHT`.
    #[error("`{given}` is not a supplier and its weight: expected, for example, EMIS=3581,TPP=2540")]
    NotAWeight {
        /// The part.
        given: String,
    },
    /// The name in a mix is not one of a supplier.
    #[error(transparent)]
    Supplier(#[from] CodeError),
    /// A supplier is in a mix twice.
    #[error("{supplier} is in the mix twice")]
    SupplierTwice {
        /// Which one.
        supplier: Supplier,
    },
    /// A mix has nobody in it.
    #[error("a mix needs at least one supplier with a weight above 0")]
    NoSupplier,
    /// There is no year, or one in which the rules of bank holidays do not hold.
    #[error("there are no years from {from} to {to} in which the rules hold, which is from {FIRST_YEAR} on")]
    Years {
        /// The first year asked for.
        from: i16,
        /// The last year asked for.
        to: i16,
    },
    /// What a one-off is to replace is no bank holiday.
    #[error("`{title}` cannot replace {replaces}, which is no bank holiday")]
    ReplacesNothing {
        /// What the one-off is called.
        title: String,
        /// The day in question.
        replaces: Date,
    },
    /// The day of a one-off is a bank holiday already.
    #[error("`{title}` falls on {date}, which is a bank holiday already")]
    DayTaken {
        /// What the one-off is called.
        title: String,
        /// The day in question.
        date: Date,
    },
    /// The day of a one-off lies outside the years asked for.
    #[error("`{title}` falls on {date}, outside the years asked for")]
    OtherYear {
        /// What the one-off is called.
        title: String,
        /// The day in question.
        date: Date,
    },
}

//! Who must act for something to be out of the way.

use std::fmt;

use ods::{PracticeCode, Supplier};

use crate::id::Account;

/// Who must act.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Owner {
    /// The practice.
    Practice(PracticeCode),
    /// A supplier.
    Supplier(Supplier),
    /// Whoever answers for a hold.
    Account(Account),
    /// The people who run the programme.
    Programme,
    /// Nobody: it passes.
    Time,
}

/// `practices/A81001`, `suppliers/EMIS`, an account, `programme`, `time`.
impl fmt::Display for Owner {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Practice(practice) => write!(out, "practices/{practice}"),
            Self::Supplier(supplier) => write!(out, "suppliers/{supplier}"),
            Self::Account(account) => write!(out, "{account}"),
            Self::Programme => out.write_str("programme"),
            Self::Time => out.write_str("time"),
        }
    }
}

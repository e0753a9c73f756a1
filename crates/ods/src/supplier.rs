//! Suppliers of GP systems, by the name that the publishers' files give them.
//!
//! The list of suppliers is not closed: a new one is a row in a file, not a release of this software.

use crate::code::{CodeError, text_impls};
use std::str::FromStr;
use std::sync::Arc;

/// The maker of a practice's GP system, named as in the publishers' files: `EMIS`, `TPP`, `Medicus`.
///
/// Compared exactly, letter case included, since the publishers are consistent and a silent correction could join two
/// makers. Cheap to clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Supplier(Arc<str>);

/// Longest supplier name, in bytes: several times the longest known.
pub const SUPPLIER_BYTES_MAX: usize = 64;

impl Supplier {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Supplier {
    type Err = CodeError;

    fn from_str(text: &str) -> Result<Self, CodeError> {
        // No comma, quote or slash: the name stands unquoted in CSV, in filters and in resource names.
        let plain = |c: char| c.is_alphanumeric() || " .-_&()+'".contains(c);
        let well_formed =
            !text.is_empty() && text.len() <= SUPPLIER_BYTES_MAX && text.trim() == text && text.chars().all(plain);
        if well_formed {
            Ok(Self(text.into()))
        } else {
            Err(CodeError::new("a supplier's name", text, "1 to 64 letters, digits, spaces and .-_&()+', such as EMIS"))
        }
    }
}

text_impls!(Supplier);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_names_are_suppliers() {
        for name in ["EMIS", "TPP", "Medicus", "In Practice Systems (INPS)"] {
            assert_eq!(name.parse::<Supplier>().unwrap().as_str(), name);
        }
    }

    #[test]
    fn names_that_would_break_a_row_a_filter_or_a_path_are_refused() {
        let long = "x".repeat(SUPPLIER_BYTES_MAX + 1);
        for name in ["", " EMIS", "EMIS ", "a,b", "a\"b", "a/b", "a\nb", &long] {
            assert!(name.parse::<Supplier>().is_err(), "{name:?}");
        }
    }

    #[test]
    fn letter_case_counts() {
        assert_ne!("EMIS".parse::<Supplier>().unwrap(), "Emis".parse::<Supplier>().unwrap());
    }
}

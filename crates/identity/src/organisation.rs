//! The organisation that somebody acts for.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use pseudonym::in_text;

/// The organisation that a caller acts for, by its resource name: `practices/A81001`, `icbs/QWE`, `regions/Y56`,
/// `suppliers/EMIS`. Cheap to clone. Whether it exists, and what lies in it now, is the registry's to know.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Organisation {
    /// A practice, by ODS code.
    Practice(Arc<str>),
    /// An integrated care board, by ODS code.
    Icb(Arc<str>),
    /// A region of NHS England, by ODS code.
    Region(Arc<str>),
    /// A maker of GP systems, by the name that the registry knows it by.
    Supplier(Arc<str>),
}

impl Organisation {
    /// Longest code or name: the suppliers' names are the longest.
    pub const CODE_BYTES_MAX: usize = 32;

    /// The code or name without its collection.
    pub fn code(&self) -> &str {
        match self {
            Self::Practice(code) | Self::Icb(code) | Self::Region(code) | Self::Supplier(code) => code,
        }
    }

    /// The collection: `practices`, `icbs`, `regions`, `suppliers`.
    pub fn collection(&self) -> &'static str {
        match self {
            Self::Practice(_) => "practices",
            Self::Icb(_) => "icbs",
            Self::Region(_) => "regions",
            Self::Supplier(_) => "suppliers",
        }
    }
}

impl fmt::Display for Organisation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.collection(), self.code())
    }
}

impl FromStr for Organisation {
    /// The text that names no organisation.
    type Err = String;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let unread = || name.to_owned();
        let (collection, code) = name.split_once('/').ok_or_else(unread)?;
        let is_plain = code.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
        if code.is_empty() || code.len() > Self::CODE_BYTES_MAX || !is_plain || in_text::contains(code) {
            return Err(unread());
        }
        let of_collection = match collection {
            "practices" => Self::Practice,
            "icbs" => Self::Icb,
            "regions" => Self::Region,
            "suppliers" => Self::Supplier,
            _ => return Err(unread()),
        };
        Ok(of_collection(code.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_read_as_it_is_written() {
        for name in ["practices/A81001", "icbs/QWE", "regions/Y56", "suppliers/EMIS"] {
            assert_eq!(name.parse::<Organisation>().unwrap().to_string(), name);
        }
        assert_eq!("practices/A81001".parse(), Ok(Organisation::Practice("A81001".into())));
    }

    #[test]
    fn what_names_no_organisation_is_returned_as_it_was() {
        for name in [
            "",
            "A81001",
            "practices/",
            "practices/A8 001",
            "practices/A81001/x",
            "nations/E92000001",
            "suppliers/é",
            "suppliers/943-476-5919",
        ] {
            assert_eq!(name.parse::<Organisation>(), Err(name.to_owned()));
        }
        let long = format!("suppliers/{}", "a".repeat(Organisation::CODE_BYTES_MAX + 1));
        assert_eq!(long.parse::<Organisation>(), Err(long.clone()));
    }
}

//! Areas: what a figure is counted over.

use std::fmt;
use std::str::FromStr;

use ods::{IcbCode, PcnCode, PracticeCode, RegionCode, SubIcbCode, Supplier};
use thiserror::Error;

/// What a figure is counted over, written as a resource name. Ordered as series are listed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Area {
    /// The whole country.
    England,
    /// An NHS England region.
    Region(RegionCode),
    /// An integrated care board.
    Icb(IcbCode),
    /// A sub-ICB location.
    SubIcb(SubIcbCode),
    /// A primary care network.
    Pcn(PcnCode),
    /// The practices that a supplier serves.
    Supplier(Supplier),
    /// One practice.
    Practice(PracticeCode),
}

/// Not the name of an area.
#[derive(Debug, PartialEq, Eq, Error)]
#[error(
    "`{given}` is not an area: expected england, regions/…, icbs/…, sub-icbs/…, pcns/…, suppliers/… or practices/…"
)]
pub struct AreaError {
    /// What was given, cut to 80 characters.
    pub given: String,
}

/// Longest part of an unusable name that its error repeats.
const GIVEN_CHARS_MAX: usize = 80;

/// Kinds of areas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AreaKind {
    /// [`Area::England`]
    England,
    /// [`Area::Region`]
    Region,
    /// [`Area::Icb`]
    Icb,
    /// [`Area::SubIcb`]
    SubIcb,
    /// [`Area::Pcn`]
    Pcn,
    /// [`Area::Supplier`]
    Supplier,
    /// [`Area::Practice`]
    Practice,
}

/// What is kept of what happens in an area.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keeping {
    /// Counts, and by the day for ever the people: few areas, of which figures of any past day are asked.
    CountsAndPeople,
    /// Counts. Its people are those of its practices, while those are kept.
    Counts,
    /// Nothing: what its few practices have is added up where it is asked for.
    Nothing,
}

impl Area {
    /// What is kept of it, besides what is kept of its practices.
    #[must_use]
    pub fn keeping(&self) -> Keeping {
        match self {
            Self::England | Self::Region(_) | Self::Icb(_) | Self::Supplier(_) => Keeping::CountsAndPeople,
            Self::SubIcb(_) => Keeping::Counts,
            Self::Pcn(_) | Self::Practice(_) => Keeping::Nothing,
        }
    }
}

impl FromStr for Area {
    type Err = AreaError;

    /// Empty text means England.
    fn from_str(text: &str) -> Result<Self, AreaError> {
        let area = match text.split_once('/') {
            None if text.is_empty() || text == "england" => Some(Self::England),
            Some(("regions", code)) => code.parse().ok().map(Self::Region),
            Some(("icbs", code)) => code.parse().ok().map(Self::Icb),
            Some(("sub-icbs", code)) => code.parse().ok().map(Self::SubIcb),
            Some(("pcns", code)) => code.parse().ok().map(Self::Pcn),
            Some(("suppliers", name)) => name.parse().ok().map(Self::Supplier),
            Some(("practices", code)) => code.parse().ok().map(Self::Practice),
            _ => None,
        };
        area.ok_or_else(|| AreaError { given: text.chars().take(GIVEN_CHARS_MAX).collect() })
    }
}

impl fmt::Display for Area {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::England => f.write_str("england"),
            Self::Region(code) => write!(f, "regions/{code}"),
            Self::Icb(code) => write!(f, "icbs/{code}"),
            Self::SubIcb(code) => write!(f, "sub-icbs/{code}"),
            Self::Pcn(code) => write!(f, "pcns/{code}"),
            Self::Supplier(name) => write!(f, "suppliers/{name}"),
            Self::Practice(code) => write!(f, "practices/{code}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn areas_are_read_from_the_names_they_print() {
        let wide = ["england", "regions/Y63", "icbs/QHM", "icbs/Z9B2Z", "suppliers/EMIS"];
        for name in wide.into_iter().chain(["sub-icbs/16C", "pcns/U12345", "practices/A81001"]) {
            assert_eq!(name.parse::<Area>().unwrap().to_string(), name);
        }
        assert_eq!("".parse::<Area>(), Ok(Area::England));
    }

    #[test]
    fn what_is_no_area_is_refused() {
        for name in ["England", "QHM", "icbs/", "practices/A8100", "regions/QHM", "pcns/16C", "waves/1"] {
            assert!(name.parse::<Area>().is_err(), "{name}");
        }
    }
}

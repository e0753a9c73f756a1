//! Caps as written: how much may go live at once; and shares.

use std::collections::BTreeMap;
use std::fmt;

use ods::{IcbCode, Supplier};
use serde::{Deserialize, Serialize};

/// Rule 4: what may go live in one civil day, and what may be under way at any instant.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Caps {
    /// By the civil date of the seal; for booked dates by the booked date.
    #[serde(default)]
    pub daily: CapSet,
    /// From the slot to the settlement, UNKNOWN included.
    #[serde(default)]
    pub in_flight: CapSet,
}

/// Caps for the nation, each supplier and each ICB. All of them hold together; one left out does not bind.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CapSet {
    /// All practices together.
    #[serde(default)]
    pub national: Cap,
    /// Each supplier that `suppliers` does not name.
    #[serde(default)]
    pub each_supplier: Cap,
    /// One supplier's own.
    #[serde(default)]
    pub suppliers: BTreeMap<Supplier, Cap>,
    /// Each ICB that `icbs` does not name.
    #[serde(default)]
    pub each_icb: Cap,
    /// One ICB's own.
    #[serde(default)]
    pub icbs: BTreeMap<IcbCode, Cap>,
}

/// At most so many; a figure left out does not bind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cap {
    /// Practices.
    #[serde(default)]
    pub practices: Option<u32>,
    /// Their registered patients.
    #[serde(default)]
    pub patients: Option<u64>,
}

/// A share from 0 to 1, kept as ten-thousandths so that a gate compares whole numbers: 0.95 is 9,500.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Share {
    ten_thousandths: u16,
}

pub(crate) const WHOLE: u16 = 10_000;

/// What is not a share.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{given} is not a share: from 0 to 1, to at most four decimals")]
pub struct NotAShare {
    /// What was given.
    pub given: f64,
}

impl Share {
    /// Whether `part` of `whole` is at least this share. Of nothing it never is.
    #[must_use]
    pub fn reached_by(self, part: u64, whole: u64) -> bool {
        whole > 0 && u128::from(part) * u128::from(WHOLE) >= u128::from(whole) * u128::from(self.ten_thousandths)
    }

    /// Whether `part` of `whole` is at most this share. Of nothing it never is.
    #[must_use]
    pub fn kept_by(self, part: u64, whole: u64) -> bool {
        whole > 0 && u128::from(part) * u128::from(WHOLE) <= u128::from(whole) * u128::from(self.ten_thousandths)
    }

    /// The share that `part` is of `whole`, to the nearest ten-thousandth; the whole where `part` is more. `whole` is above 0.
    pub(crate) fn nearest(part: u64, whole: u64) -> Self {
        let whole = u128::from(whole.max(1));
        let rounded = (u128::from(part) * u128::from(WHOLE) + whole / 2) / whole;
        Self { ten_thousandths: u16::try_from(rounded).unwrap_or(WHOLE).min(WHOLE) }
    }

    /// From 0 to 10,000.
    #[must_use]
    pub fn ten_thousandths(self) -> u16 {
        self.ten_thousandths
    }

    /// Whether any result at all would reach it.
    #[must_use]
    pub fn is_zero(self) -> bool {
        self.ten_thousandths == 0
    }

    /// Whether it is all there is.
    #[must_use]
    pub fn is_whole(self) -> bool {
        self.ten_thousandths == WHOLE
    }
}

impl TryFrom<f64> for Share {
    type Error = NotAShare;

    fn try_from(given: f64) -> Result<Self, NotAShare> {
        let scaled = given * f64::from(WHOLE);
        // A float such as 0.95 is not exact; more than this away from a whole number, the digits were meant.
        let exact = (scaled - scaled.round()).abs() < 1e-6;
        if !(0.0..=1.0).contains(&given) || !exact {
            return Err(NotAShare { given });
        }
        // In 0..=10,000 by the check above.
        let ten_thousandths = scaled.round() as u16;
        Ok(Self { ten_thousandths })
    }
}

impl From<Share> for f64 {
    fn from(share: Share) -> Self {
        Self::from(share.ten_thousandths) / Self::from(WHOLE)
    }
}

impl fmt::Display for Share {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, hundredths) = (self.ten_thousandths / 100, self.ten_thousandths % 100);
        if hundredths == 0 { write!(out, "{whole}%") } else { write!(out, "{whole}.{hundredths:02}%") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_compared_exactly() {
        let share = Share::try_from(0.95).unwrap();
        assert!(share.reached_by(95, 100));
        assert!(!share.reached_by(949_999, 1_000_000));
        assert!(share.reached_by(19, 20));
        assert!(!share.reached_by(0, 0));
        assert_eq!(share.to_string(), "95%");
        assert_eq!(Share::try_from(0.9995).unwrap().to_string(), "99.95%");
    }

    #[test]
    fn what_is_not_a_share_is_refused() {
        for given in [-0.1, 1.01, 95.0, 0.12345, f64::NAN, f64::INFINITY] {
            assert!(Share::try_from(given).is_err(), "{given}");
        }
    }
}

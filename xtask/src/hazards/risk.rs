//! DCB0129's scales: how bad, how likely, and what both come to.

use std::fmt;

use serde::Deserialize;

/// How bad the harm would be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Severity {
    Minor,
    Significant,
    Considerable,
    Major,
    Catastrophic,
}

/// How likely it is that the hazard leads to the harm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Likelihood {
    VeryLow,
    Low,
    Medium,
    High,
    VeryHigh,
}

/// A severity and a likelihood.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Risk {
    pub(crate) severity: Severity,
    pub(crate) likelihood: Likelihood,
}

/// From here on a risk is taken only where it is said why no less is practicable.
pub(crate) const RATING_TO_BE_ACCEPTED: u8 = 3;
/// Beyond this no risk is taken.
pub(crate) const RATING_MAX: u8 = 3;

/// The matrix of DCB0129's implementation guidance: a row for each likelihood, a column for each severity.
const MATRIX: [[u8; 5]; 5] = [[1, 1, 2, 2, 3], [1, 2, 2, 3, 4], [2, 2, 3, 3, 4], [2, 3, 3, 4, 5], [3, 4, 4, 5, 5]];

impl Risk {
    /// From 1 (acceptable) to 5 (unacceptable).
    pub(crate) fn rating(self) -> u8 {
        MATRIX[self.likelihood as usize][self.severity as usize]
    }
}

/// `major × low = 3`.
impl fmt::Display for Risk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Minor => "minor",
            Severity::Significant => "significant",
            Severity::Considerable => "considerable",
            Severity::Major => "major",
            Severity::Catastrophic => "catastrophic",
        };
        let likelihood = match self.likelihood {
            Likelihood::VeryLow => "very low",
            Likelihood::Low => "low",
            Likelihood::Medium => "medium",
            Likelihood::High => "high",
            Likelihood::VeryHigh => "very high",
        };
        write!(f, "{severity} × {likelihood} = {}", self.rating())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rating_never_falls_where_either_scale_rises() {
        for row in MATRIX {
            assert!(row.is_sorted(), "{row:?}");
        }
        for rows in MATRIX.windows(2) {
            assert!(rows[0].iter().zip(rows[1]).all(|(less, more)| *less <= more), "{rows:?}");
        }
        let risk = Risk { severity: Severity::Major, likelihood: Likelihood::Low };
        assert_eq!(risk.to_string(), "major × low = 3");
    }
}

//! What the public sees of one count (rule 13).

use std::fmt;

/// From this count on a cell is rounded; below it, and above 0, it is `*`. By 1 to 7 a person might be recognised.
pub const EXACT_BELOW: u64 = 8;

/// Counts are rounded to the nearest multiple of this.
pub const ROUNDED_TO: u64 = 5;

/// A cell as it is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// Nobody.
    Zero,
    /// `*`: 1 to 7, or withheld.
    Star,
    /// About so many.
    Rounded(u64),
}

impl Shown {
    /// How a count is shown where nothing more is withheld.
    #[must_use]
    pub fn of(count: u64) -> Self {
        match count {
            0 => Self::Zero,
            1..EXACT_BELOW => Self::Star,
            _ => Self::Rounded((count + ROUNDED_TO / 2) / ROUNDED_TO * ROUNDED_TO),
        }
    }

    /// The smallest and the largest count that are shown so, while nothing is withheld.
    pub(crate) fn range(self) -> (i64, i64) {
        let signed = |count: u64| i64::try_from(count).expect("a count of patients is far below 2^63");
        match self {
            Self::Zero => (0, 0),
            Self::Star => (1, signed(EXACT_BELOW) - 1),
            Self::Rounded(about) => {
                let half = signed(ROUNDED_TO / 2);
                ((signed(about) - half).max(signed(EXACT_BELOW)), signed(about) + half)
            }
        }
    }

    /// In a hundred of an exact whole, from the number shown, in tenths of one per cent; None where the cell is `*`, or there is
    /// no whole.
    #[must_use]
    pub fn permille_of(self, whole: u64) -> Option<u64> {
        let part = match self {
            Self::Star => return None,
            Self::Zero => 0,
            Self::Rounded(about) => about,
        };
        (part * 1_000 + whole / 2).checked_div(whole)
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Zero => f.write_str("0"),
            Self::Star => f.write_str("*"),
            Self::Rounded(about) => write!(f, "{about}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_is_zero_few_are_starred_and_others_are_rounded() {
        let shown = |count| Shown::of(count).to_string();
        assert_eq!([0, 1, 7, 8, 12, 13, 17, 18].map(shown), ["0", "*", "*", "10", "10", "15", "15", "20"]);
        for count in 0..200 {
            let (least, most) = Shown::of(count).range();
            for other in 0..200 {
                let inside = (least..=most).contains(&i64::try_from(other).unwrap());
                assert_eq!(inside, Shown::of(other) == Shown::of(count), "{other} is shown as {count} is");
            }
        }
    }

    #[test]
    fn percentages_come_from_what_is_shown() {
        assert_eq!(Shown::of(12).permille_of(100), Some(100), "of 10, not of 12");
        assert_eq!(Shown::of(7).permille_of(100), None);
        assert_eq!(Shown::of(0).permille_of(100), Some(0));
        assert_eq!(Shown::of(12).permille_of(0), None);
    }
}

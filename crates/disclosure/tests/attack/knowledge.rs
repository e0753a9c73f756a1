//! What an attacker knows: everything but the counts.

use disclosure::Shown;

/// A number nobody published, with what bounds it.
#[derive(Clone, Debug)]
pub(crate) struct Unknown {
    /// Patients on the list.
    pub(crate) most: i64,
    /// Where the attack may begin to look; it must find the others all the same.
    pub(crate) hint: i64,
}

/// A cell that was published.
#[derive(Clone, Debug)]
pub(crate) struct Cell {
    pub(crate) name: String,
    pub(crate) unknowns: Vec<usize>,
    pub(crate) shown: Shown,
    /// By how much less it is than the sum of its numbers, since people are counted at several of them: taken to be known.
    pub(crate) shared: i64,
    /// Cells of one number stand side by side: no `*` of them is more than one that is rounded.
    pub(crate) group: usize,
}

/// England's total.
#[derive(Clone, Debug)]
pub(crate) struct Total {
    pub(crate) unknowns: Vec<usize>,
    /// What was published.
    pub(crate) count: i64,
    /// What the numbers come to together: more where people are counted at several practices.
    pub(crate) sum: i64,
}

/// Everything published.
#[derive(Debug, Default)]
pub(crate) struct Knowledge {
    pub(crate) unknowns: Vec<Unknown>,
    pub(crate) totals: Vec<Total>,
    pub(crate) cells: Vec<Cell>,
}

impl Cell {
    /// Between what the sum of its numbers lies.
    pub(crate) fn sum_range(&self) -> (i64, i64) {
        let (least, most) = self.range();
        (least + self.shared, most + self.shared)
    }

    /// Between what it lies. By rule 13 alone: a `*` is 1 to 7, or withheld and then anything.
    fn range(&self) -> (i64, i64) {
        match self.shown {
            Shown::Zero => (0, 0),
            Shown::Star => (1, i64::MAX / 4),
            Shown::Rounded(about) => {
                let about = i64::try_from(about).expect("a small count");
                ((about - 2).max(8), about + 2)
            }
        }
    }
}

//! What an attacker knows: everything but the counts.

use std::collections::BTreeMap;

use disclosure::{Issue, Shown};

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
    /// Cells of one number stand side by side: no `*` of them is more than one that is rounded.
    pub(crate) group: usize,
}

/// Everything published.
#[derive(Debug, Default)]
pub(crate) struct Knowledge {
    pub(crate) unknowns: Vec<Unknown>,
    /// England's totals.
    pub(crate) totals: Vec<(Vec<usize>, i64)>,
    pub(crate) cells: Vec<Cell>,
}

impl Cell {
    /// By rule 13 alone: a `*` is 1 to 7, or withheld and then anything.
    pub(crate) fn range(&self) -> (i64, i64) {
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

impl Knowledge {
    pub(crate) fn of<'a>(issues: impl IntoIterator<Item = &'a Issue>) -> Self {
        let mut known = Self::default();
        let mut same: BTreeMap<(String, String, u64), usize> = BTreeMap::new();
        let mut groups = 0;
        for (number, issue) in issues.into_iter().enumerate() {
            let total = i64::try_from(issue.table.total).expect("a small count");
            let mut unknowns = Vec::new();
            for part in &issue.table.parts {
                // That a number rests on the same return is known; the count is in the key since returns are revised.
                let next = known.unknowns.len();
                let index = *same.entry((part.name.clone(), part.source.clone(), part.count)).or_insert(next);
                let list = part
                    .list
                    .filter(|list| *list >= part.count)
                    .map_or(total, |list| i64::try_from(list).expect("a small count"));
                if index == next {
                    known.unknowns.push(Unknown {
                        most: list.min(total),
                        hint: i64::try_from(part.count).expect("a small count"),
                    });
                }
                let most = &mut known.unknowns[index].most;
                *most = (*most).min(list).min(total);
                unknowns.push(index);
            }
            let mut group_of: BTreeMap<(&str, Option<&str>), usize> = BTreeMap::new();
            for row in issue.rows() {
                let breakdown = issue
                    .table
                    .breakdowns
                    .iter()
                    .find(|known| known.name == row.breakdown)
                    .expect("a row of a breakdown");
                let area = breakdown.areas.iter().position(|area| area.name == row.area);
                let members = breakdown.area_of.iter().zip(&unknowns).filter(|(of, _)| **of == area);
                let group = *group_of.entry((row.breakdown, row.group)).or_insert_with(|| {
                    groups += 1;
                    groups
                });
                known.cells.push(Cell {
                    name: format!("{} {} of issue {number}", row.breakdown, row.area),
                    unknowns: members.map(|(_, unknown)| *unknown).collect(),
                    shown: row.shown,
                    group,
                });
            }
            known.totals.push((unknowns, total));
        }
        known
    }
}

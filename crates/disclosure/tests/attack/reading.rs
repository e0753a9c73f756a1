//! What issues tell, as they come from the check.

use std::collections::BTreeMap;

use disclosure::Issue;

use crate::knowledge::{Cell, Knowledge, Total, Unknown};

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
                let members = || (0..unknowns.len()).filter(|part| breakdown.area_of[*part] == area);
                let sum: u64 = members().map(|part| issue.table.parts[part].count).sum();
                let count = area.map_or(sum, |area| breakdown.areas[area].count);
                let group = *group_of.entry((row.breakdown, row.group)).or_insert_with(|| {
                    groups += 1;
                    groups
                });
                known.cells.push(Cell {
                    name: format!("{} {} of issue {number}", row.breakdown, row.area),
                    unknowns: members().map(|part| unknowns[part]).collect(),
                    shown: row.shown,
                    shared: i64::try_from(sum - count).expect("a small count"),
                    group,
                });
            }
            let sum: u64 = issue.table.parts.iter().map(|part| part.count).sum();
            known.totals.push(Total { unknowns, count: total, sum: i64::try_from(sum).expect("a small count") });
        }
        known
    }
}

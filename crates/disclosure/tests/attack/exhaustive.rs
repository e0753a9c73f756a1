//! The attacker who tries everything: every assignment of numbers to practices under which all issues look as they do.

use std::collections::{BTreeMap, BTreeSet};

use disclosure::Shown;

use crate::knowledge::Knowledge;

/// So many possible values of a cell are enough (rule 13).
const ENOUGH: usize = 3;

struct Attack<'a> {
    known: &'a Knowledge,
    /// Every bounded sum: its unknowns, and between what it lies.
    sums: Vec<(&'a [usize], i64, i64)>,
    /// By unknown.
    sums_of: Vec<Vec<usize>>,
    values: Vec<i64>,
    /// By sum: what is assigned of it, and how many of its unknowns are not.
    so_far: Vec<(i64, usize)>,
    possible: Vec<BTreeSet<i64>>,
}

/// The cells of which fewer than [`ENOUGH`] values are possible, with those that are.
pub(crate) fn disclosed(known: &Knowledge) -> BTreeMap<String, BTreeSet<i64>> {
    let mut sums: Vec<(&[usize], i64, i64)> = Vec::new();
    sums.extend(known.totals.iter().map(|total| (total.unknowns.as_slice(), total.sum, total.sum)));
    sums.extend(known.cells.iter().map(|cell| (cell.unknowns.as_slice(), cell.sum_range().0, cell.sum_range().1)));
    let mut sums_of = vec![Vec::new(); known.unknowns.len()];
    for (index, (unknowns, ..)) in sums.iter().enumerate() {
        unknowns.iter().for_each(|unknown| sums_of[*unknown].push(index));
    }
    let so_far = sums.iter().map(|(unknowns, ..)| (0, unknowns.len())).collect();
    let possible = vec![BTreeSet::new(); known.cells.len()];
    let mut attack = Attack { known, sums, sums_of, values: Vec::new(), so_far, possible };
    attack.assign();
    let cells = known.cells.iter().zip(attack.possible);
    cells
        .filter(|(cell, possible)| cell.shown != Shown::Zero && possible.len() < ENOUGH)
        .map(|(cell, possible)| (cell.name.clone(), possible))
        .collect()
}

impl Attack<'_> {
    /// Goes through all assignments of what is not assigned yet. True once it need not go on.
    fn assign(&mut self) -> bool {
        let next = self.values.len();
        if next == self.known.unknowns.len() {
            return self.found();
        }
        let unknown = &self.known.unknowns[next];
        // What is the last of a sum has to fit it.
        let (mut least, mut most) = (0, unknown.most);
        for &sum in &self.sums_of[next] {
            let (so_far, left) = self.so_far[sum];
            most = most.min(self.sums[sum].2 - so_far);
            if left == 1 {
                least = least.max(self.sums[sum].1 - so_far);
            }
        }
        let mut values: Vec<i64> = (least..=most).collect();
        values.sort_by_key(|value| (value - unknown.hint).abs());
        for value in values {
            self.values.push(value);
            for &sum in &self.sums_of[next] {
                let (so_far, left) = &mut self.so_far[sum];
                *so_far += value;
                *left -= 1;
            }
            let is_over = self.assign();
            for &sum in &self.sums_of[next] {
                let (so_far, left) = &mut self.so_far[sum];
                *so_far -= value;
                *left += 1;
            }
            self.values.pop();
            if is_over {
                return true;
            }
        }
        false
    }

    /// An assignment that fits all sums.
    fn found(&mut self) -> bool {
        let of_cell = |unknowns: &[usize]| unknowns.iter().map(|unknown| self.values[*unknown]).sum::<i64>();
        let values: Vec<i64> = self.known.cells.iter().map(|cell| of_cell(&cell.unknowns) - cell.shared).collect();
        // By group: the largest `*` and the smallest rounded cell.
        let mut edges: BTreeMap<usize, (i64, i64)> = BTreeMap::new();
        for (cell, value) in self.known.cells.iter().zip(&values) {
            let (star, rounded) = edges.entry(cell.group).or_insert((0, i64::MAX));
            match cell.shown {
                Shown::Zero => {}
                Shown::Star => *star = (*star).max(*value),
                Shown::Rounded(_) => *rounded = (*rounded).min(*value),
            }
        }
        if edges.values().any(|(star, rounded)| star > rounded) || !self.is_of_people(&values) {
            return false;
        }
        for (possible, value) in self.possible.iter_mut().zip(values) {
            possible.insert(value);
        }
        let mut cells = self.known.cells.iter().zip(&self.possible);
        cells.all(|(cell, possible)| cell.shown == Shown::Zero || possible.len() >= ENOUGH)
    }

    /// Whether each area has as many people at least as each practice within it. Of areas within areas he cannot say that: a correction
    /// has their people as first counted, also where practices have moved since.
    fn is_of_people(&self, values: &[i64]) -> bool {
        let most = |unknowns: &[usize]| unknowns.iter().map(|unknown| self.values[*unknown]).max();
        let mut cells = self.known.cells.iter().zip(values);
        cells.all(|(cell, value)| most(&cell.unknowns).is_none_or(|most| most <= *value))
            && self.known.totals.iter().all(|total| most(&total.unknowns).is_none_or(|most| most <= total.count))
    }
}

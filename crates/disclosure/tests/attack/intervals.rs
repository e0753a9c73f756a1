//! The attacker who cannot try everything: he propagates intervals over every sum, and every difference of two sums that
//! overlap, until nothing gets narrower.

use std::collections::{BTreeMap, BTreeSet};

use disclosure::Shown;

use crate::knowledge::Knowledge;

/// Differences are drawn where the two sides differ in no more numbers than these: larger ones tell nothing.
const DIFFERENCE_MAX: usize = 12;

/// Variables with their signs, of which the sum is 0.
struct Relation(Vec<(usize, i64)>);

/// The cells left with fewer than three values, with their intervals.
pub(crate) fn disclosed(known: &Knowledge) -> BTreeMap<String, (i64, i64)> {
    let mut ranges: Vec<(i64, i64)> = known.unknowns.iter().map(|unknown| (0, unknown.most)).collect();
    // Each sum becomes a variable of its own, with its published range.
    let mut sums: Vec<(BTreeSet<usize>, usize)> = Vec::new();
    let mut relations = Vec::new();
    let mut add = |unknowns: &[usize], range: (i64, i64), ranges: &mut Vec<(i64, i64)>| {
        let variable = ranges.len();
        ranges.push(range);
        let mut terms: Vec<(usize, i64)> = unknowns.iter().map(|unknown| (*unknown, 1)).collect();
        terms.push((variable, -1));
        relations.push(Relation(terms));
        // A single number is no sum: what can be had by subtracting it, its own variable has.
        if unknowns.len() > 1 {
            sums.push((unknowns.iter().copied().collect(), variable));
        }
        variable
    };
    for total in &known.totals {
        add(&total.unknowns, (total.sum, total.sum), &mut ranges);
    }
    let cells: Vec<usize> = known.cells.iter().map(|cell| add(&cell.unknowns, cell.sum_range(), &mut ranges)).collect();
    for (index, (one, one_variable)) in sums.iter().enumerate() {
        for (other, other_variable) in &sums[..index] {
            let apart: Vec<usize> = one.symmetric_difference(other).copied().take(DIFFERENCE_MAX + 1).collect();
            if apart.len() > DIFFERENCE_MAX || one.is_disjoint(other) {
                continue;
            }
            let mut terms = vec![(*one_variable, 1), (*other_variable, -1)];
            terms.extend(apart.into_iter().map(|unknown| (unknown, if one.contains(&unknown) { -1 } else { 1 })));
            relations.push(Relation(terms));
        }
    }
    let mut is_narrowed = true;
    while is_narrowed {
        is_narrowed = false;
        for relation in &relations {
            is_narrowed |= relation.narrow(&mut ranges);
        }
    }
    let cells = known.cells.iter().zip(cells);
    cells
        .filter(|(cell, variable)| cell.shown != Shown::Zero && ranges[*variable].1 - ranges[*variable].0 < 2)
        .map(|(cell, variable)| (cell.name.clone(), ranges[variable]))
        .collect()
}

impl Relation {
    /// Narrows each variable to what the others leave it. True where any got narrower.
    fn narrow(&self, ranges: &mut [(i64, i64)]) -> bool {
        let ends = |(least, most): (i64, i64), sign: i64| if sign > 0 { (least, most) } else { (-most, -least) };
        let (mut least, mut most) = (0_i64, 0_i64);
        for (variable, sign) in &self.0 {
            let term = ends(ranges[*variable], *sign);
            least += term.0;
            most += term.1;
        }
        let mut is_narrowed = false;
        for (variable, sign) in &self.0 {
            let before = ranges[*variable];
            let term = ends(before, *sign);
            // All terms together are 0.
            let left = ends((term.1 - most, term.0 - least), *sign);
            let range = (before.0.max(left.0), before.1.min(left.1));
            assert!(range.0 <= range.1, "what was published contradicts itself");
            if range != before {
                let narrowed = ends(range, *sign);
                least += narrowed.0 - term.0;
                most += narrowed.1 - term.1;
                ranges[*variable] = range;
                is_narrowed = true;
            }
        }
        is_narrowed
    }
}

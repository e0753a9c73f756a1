//! An issue: a table, and what was done so that it may be shown.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::shown::Shown;
use crate::table::Table;

/// What was done, in the order of rule 13. It is kept with the issue and not shown: by it a `*` that stands for more than 7
/// could be told from one that does not.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "remedy", rename_all = "kebab-case")]
pub enum Remedy {
    /// A further cell, the smallest of its group, is `*`.
    Withheld {
        /// Of which breakdown.
        breakdown: String,
        /// Which row.
        area: String,
    },
    /// The rows of a group are gone; the area that they are in stands for them.
    Merged {
        /// Of which breakdown.
        breakdown: String,
        /// The area, of the breakdown that this one is within.
        into: String,
    },
    /// A breakdown is left out.
    LeftOut {
        /// Which.
        breakdown: String,
    },
}

/// A table as it was published.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Issue {
    /// The exact numbers.
    pub table: Table,
    /// What was done to it.
    pub remedies: BTreeSet<Remedy>,
}

/// A row that is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row<'a> {
    /// Of which breakdown.
    pub breakdown: &'a str,
    /// The area of the breakdown that this one is within; None: England.
    pub group: Option<&'a str>,
    /// Which area.
    pub area: &'a str,
    /// How many patients.
    pub shown: Shown,
}

/// The rows of a breakdown that are shown side by side under one heading.
#[derive(Clone, Debug)]
pub(crate) struct Group {
    pub(crate) breakdown: usize,
    /// The area that they are in, of the breakdown that theirs is within; None: England.
    pub(crate) into: Option<usize>,
    /// Its rows, with how they are shown.
    pub(crate) rows: Vec<(usize, Shown)>,
}

impl Issue {
    /// Its rows, breakdown by breakdown.
    #[must_use]
    pub fn rows(&self) -> Vec<Row<'_>> {
        let breakdowns = &self.table.breakdowns;
        let mut rows = Vec::new();
        for group in self.groups() {
            let breakdown = &breakdowns[group.breakdown];
            let name = |into: usize| breakdown.within.map(|outer| breakdowns[outer].areas[into].name.as_str());
            rows.extend(group.rows.iter().map(|(area, shown)| Row {
                breakdown: &breakdown.name,
                group: group.into.and_then(name),
                area: &breakdown.areas[*area].name,
                shown: *shown,
            }));
        }
        rows
    }

    /// What is shown, group by group. Rows that lie in no area of the outer breakdown are a group of their own.
    pub(crate) fn groups(&self) -> Vec<Group> {
        let mut groups: Vec<Group> = Vec::new();
        for (index, breakdown) in self.table.breakdowns.iter().enumerate() {
            if self.remedies.contains(&Remedy::LeftOut { breakdown: breakdown.name.clone() }) {
                continue;
            }
            let outer = breakdown.within.map(|outer| &self.table.breakdowns[outer]);
            let first = groups.len();
            for (area, members) in breakdown.members().iter().enumerate() {
                // An area lies where its first practice lies: areas that lie in several are not told apart by rule 13.
                let into = outer.and_then(|outer| members.first().and_then(|part| outer.area_of[*part]));
                let row = (area, self.shown(index, area));
                match groups[first..].iter_mut().find(|group| group.into == into) {
                    Some(group) => group.rows.push(row),
                    None => groups.push(Group { breakdown: index, into, rows: vec![row] }),
                }
            }
        }
        groups.retain(|group| !self.remedies.contains(&self.merging(group)));
        groups
    }

    /// The remedy that takes a group's rows away: the group is merged, or, where it is all there is below England, its breakdown
    /// is left out.
    pub(crate) fn merging(&self, group: &Group) -> Remedy {
        let breakdown = &self.table.breakdowns[group.breakdown];
        let name = breakdown.name.clone();
        match (breakdown.within, group.into) {
            (Some(outer), Some(into)) => {
                Remedy::Merged { breakdown: name, into: self.table.breakdowns[outer].areas[into].name.clone() }
            }
            _ => Remedy::LeftOut { breakdown: name },
        }
    }

    /// Drops the remedies of rows that later ones took away.
    pub(crate) fn forget_what_is_gone(&mut self) {
        let left_out = self.remedies.clone();
        let is_left_out = |name: &String| left_out.contains(&Remedy::LeftOut { breakdown: name.clone() });
        let shown: BTreeSet<Remedy> = self
            .groups()
            .iter()
            .flat_map(|group| group.rows.iter().map(|(area, _)| self.withholding(group.breakdown, *area)))
            .collect();
        self.remedies.retain(|remedy| match remedy {
            Remedy::Withheld { .. } => shown.contains(remedy),
            Remedy::Merged { breakdown, .. } => !is_left_out(breakdown),
            Remedy::LeftOut { .. } => true,
        });
    }

    pub(crate) fn withholding(&self, breakdown: usize, area: usize) -> Remedy {
        let breakdown = &self.table.breakdowns[breakdown];
        Remedy::Withheld { breakdown: breakdown.name.clone(), area: breakdown.areas[area].name.clone() }
    }

    fn shown(&self, breakdown: usize, area: usize) -> Shown {
        match Shown::of(self.table.breakdowns[breakdown].areas[area].count) {
            Shown::Rounded(_) if self.remedies.contains(&self.withholding(breakdown, area)) => Shown::Star,
            shown => shown,
        }
    }
}

impl Group {
    /// The most that a `*` of the group stands for, and the least that a number shown in it does: since the smallest cells are
    /// withheld first, no `*` is more than what is shown. Where they part is taken to be known, by the exact counts.
    pub(crate) fn star_most(&self, counts: impl Fn(usize) -> u64) -> i64 {
        let (_, few) = Shown::Star.range();
        let count = |area: usize| i64::try_from(counts(area)).expect("a count of patients is far below 2^63");
        let stars = self.rows.iter().filter(|(_, shown)| *shown == Shown::Star);
        let largest_star = stars.map(|(area, _)| count(*area)).max().unwrap_or(0);
        if largest_star <= few {
            return few;
        }
        let rounded = self.rows.iter().filter(|(_, shown)| matches!(shown, Shown::Rounded(_)));
        let least_rounded = rounded.map(|(area, shown)| (count(*area), shown.range().0)).min();
        // Half of what is between is left to either side, and to the `*` all that the other side's rounding leaves anyhow.
        least_rounded.map_or(i64::MAX, |(least, shown)| shown.max(largest_star.midpoint(least)))
    }
}

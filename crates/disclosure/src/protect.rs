//! The remedies, in the order of rule 13: a further cell is withheld, a group is merged upwards, a breakdown is left out, and
//! where nothing helps the publication is refused.

use std::collections::BTreeSet;

use thiserror::Error;

use crate::release::{Group, Issue, Remedy};
use crate::shown::Shown;
use crate::table::Table;
use crate::worlds::{Placed, ShownCell, Subject, Worlds, sights};

/// Cells withheld of a group for the sake of one.
const WITHHELD_MAX: usize = 3;

/// Why a table cannot be published in any form: even England's total would tell something of an earlier issue.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{breakdown} {area} of issue {} could be found out, by England's total alone", issue + 1)]
pub struct Disclosure {
    /// The earlier issue, by its place in the history.
    pub issue: usize,
    /// Which breakdown of it.
    pub breakdown: String,
    /// Which cell.
    pub area: String,
}

/// Says how a table may be published, given everything that was.
///
/// The same table and history always give the same issue. Earlier issues must have been made by this function, each with those
/// before it.
///
/// # Errors
/// Where no remedy helps.
pub fn protect(table: Table, history: &[&Issue]) -> Result<Issue, Disclosure> {
    protect_while(table, history, &|| true).expect("nobody gave it up")
}

/// The same for as long as somebody waits for it; None once nobody does. Where practices have moved between many issues it may take
/// minutes.
pub fn protect_while(
    table: Table,
    history: &[&Issue],
    is_wanted: &dyn Fn() -> bool,
) -> Option<Result<Issue, Disclosure>> {
    let mut worlds = Worlds::of(history);
    let placed = worlds.place(&table);
    worlds.find_leads();
    let mut draft = Draft { issue: Issue { table, remedies: BTreeSet::new() }, worlds, placed };
    draft.see();
    // A remedy for one cell can be felt by another, since it says something itself. So until all are safe at once.
    loop {
        let mut is_changed = false;
        for subject in draft.subjects() {
            if !is_wanted() {
                return None;
            }
            while draft.needs_remedy(subject) {
                if let Err(cell) = draft.remedy(subject) {
                    let breakdown = &history[cell.issue].table.breakdowns[cell.breakdown];
                    let area = breakdown.areas[cell.area].name.clone();
                    return Some(Err(Disclosure { issue: cell.issue, breakdown: breakdown.name.clone(), area }));
                }
                is_changed = true;
            }
        }
        if !is_changed {
            draft.issue.forget_what_is_gone();
            return Some(Ok(draft.issue));
        }
    }
}

/// An issue in the making.
struct Draft {
    issue: Issue,
    worlds: Worlds,
    placed: Placed,
}

impl Draft {
    /// Every cell that must be safe.
    fn subjects(&self) -> BTreeSet<Subject> {
        let before = self.worlds.cells_before().keys().copied();
        let shown = sights(&self.issue, &self.placed);
        before.chain(shown.iter().filter_map(|sight| Some(sight.cell()?.1))).collect()
    }

    fn is_cell(&self, subject: Subject) -> bool {
        self.worlds.cells_before().contains_key(&subject)
            || sights(&self.issue, &self.placed).iter().any(|sight| sight.cell().is_some_and(|cell| cell.1 == subject))
    }

    fn needs_remedy(&mut self, subject: Subject) -> bool {
        !self.worlds.is_safe(subject) && self.is_cell(subject)
    }

    fn see(&mut self) {
        let sights = sights(&self.issue, &self.placed);
        self.worlds.see(&sights);
    }

    /// Whether a cell would be safe, or gone, with these remedies as well.
    fn would_help(&mut self, remedies: &[Remedy], subject: Subject) -> bool {
        let before = self.issue.remedies.clone();
        self.issue.remedies.extend(remedies.iter().cloned());
        self.see();
        let helps = !self.needs_remedy(subject);
        self.issue.remedies = before;
        self.see();
        helps
    }

    /// Takes one remedy for a cell that is not safe: the first of the first kind by which it can be made safe, one that does it
    /// by itself before one that needs others. Where none helps: the earlier cell that it is about.
    fn remedy(&mut self, subject: Subject) -> Result<(), ShownCell> {
        let groups = self.groups_about(subject);
        let by_group: Vec<Vec<Remedy>> = groups.iter().map(|group| self.withholdings(group)).collect();
        if self.withhold_some(&by_group, subject) {
            return Ok(());
        }
        // Those first that take the fewest rows.
        let mut by_rows: Vec<&Group> = groups.iter().collect();
        by_rows.sort_by_key(|group| group.rows.len());
        let merging: Vec<Remedy> = by_rows.into_iter().map(|group| self.issue.merging(group)).collect();
        let (left_out, merged): (Vec<_>, Vec<_>) =
            merging.iter().cloned().partition(|remedy| matches!(remedy, Remedy::LeftOut { .. }));
        // Both kinds, where the same sum is a row of several breakdowns.
        for choices in [merged, left_out, merging] {
            if self.take_one(&choices, &choices, subject) {
                return Ok(());
            }
        }
        if self.merge_some(subject) {
            return Ok(());
        }
        let breakdowns = self.issue.table.breakdowns.iter().rev().filter(|breakdown| !breakdown.areas.is_empty());
        let every: Vec<Remedy> = breakdowns
            .map(|breakdown| Remedy::LeftOut { breakdown: breakdown.name.clone() })
            .filter(|remedy| !self.issue.remedies.contains(remedy))
            .collect();
        if self.take_one(&every, &every, subject) {
            return Ok(());
        }
        let cell = self.worlds.cells_before().get(&subject);
        Err(*cell.expect("a cell of the issue itself is gone once every breakdown is"))
    }

    /// Withholds the smallest cells of one group, where some of them are enough: as few as possible, of the first group in which so
    /// few are. More than [`WITHHELD_MAX`] are not: since the smallest come first, a group would be withheld nearly to its end for
    /// the sake of one large cell.
    fn withhold_some(&mut self, by_group: &[Vec<Remedy>], subject: Subject) -> bool {
        for count in 1..=WITHHELD_MAX {
            for group in by_group.iter().filter(|group| count <= group.len()) {
                if self.would_help(&group[..count], subject) {
                    self.issue.remedies.extend(group[..count].iter().cloned());
                    self.see();
                    return true;
                }
            }
        }
        false
    }

    /// Merges groups whether or not they say something of the cell itself, where some are enough: as few as halving finds, of those
    /// first that have most in common with it. What they leave open, the cell's neighbours can take up.
    fn merge_some(&mut self, subject: Subject) -> bool {
        let nearness = self.worlds.nearness(subject);
        let mut groups = self.issue.groups();
        groups.sort_by_cached_key(|group| {
            let rows = group.rows.iter().map(|(area, _)| self.placed.areas[group.breakdown][*area]);
            let nearest = rows.flat_map(|row| self.worlds.parts(&row).iter().map(|part| nearness[*part]).min()).min();
            (nearest, std::cmp::Reverse(group.breakdown))
        });
        let remedies = groups.iter().map(|group| self.issue.merging(group));
        let merged: Vec<Remedy> = remedies.filter(|remedy| matches!(remedy, Remedy::Merged { .. })).collect();
        if merged.is_empty() || !self.would_help(&merged, subject) {
            return false;
        }
        let (mut too_few, mut enough) = (0, merged.len());
        while enough - too_few > 1 {
            let middle = usize::midpoint(too_few, enough);
            if self.would_help(&merged[..middle], subject) {
                enough = middle;
            } else {
                too_few = middle;
            }
        }
        self.issue.remedies.extend(merged[..enough].iter().cloned());
        self.see();
        true
    }

    /// Takes one of `choices` if `all` of the kind would help.
    fn take_one(&mut self, all: &[Remedy], choices: &[Remedy], subject: Subject) -> bool {
        if choices.is_empty() || !self.would_help(all, subject) {
            return false;
        }
        let alone = choices.iter().position(|remedy| self.would_help(std::slice::from_ref(remedy), subject));
        self.issue.remedies.insert(choices[alone.unwrap_or(0)].clone());
        self.see();
        true
    }

    /// The groups that say something of a cell: its own first, then those with a row that shares a practice with it, the
    /// finest breakdowns first.
    fn groups_about(&self, subject: Subject) -> Vec<Group> {
        let parts: BTreeSet<usize> = self.worlds.parts(&subject).iter().copied().collect();
        let row = |group: &Group, area: usize| self.placed.areas[group.breakdown][area];
        let is_own = |group: &Group| group.rows.iter().any(|(area, _)| row(group, *area) == subject);
        let mut groups = self.issue.groups();
        groups.retain(|group| {
            let mut rows = group.rows.iter().map(|(area, _)| row(group, *area));
            rows.any(|row| self.worlds.parts(&row).iter().any(|part| parts.contains(part)))
        });
        groups.sort_by_key(|group| (!is_own(group), std::cmp::Reverse(group.breakdown)));
        groups
    }

    /// What can still be withheld of a group, the smallest first.
    fn withholdings(&self, group: &Group) -> Vec<Remedy> {
        let areas = &self.issue.table.breakdowns[group.breakdown].areas;
        let rounded = group.rows.iter().filter(|(_, shown)| matches!(shown, Shown::Rounded(_)));
        let mut cells: Vec<(u64, usize)> = rounded.map(|(area, _)| (areas[*area].count, *area)).collect();
        cells.sort_unstable();
        cells.into_iter().map(|(_, area)| self.issue.withholding(group.breakdown, area)).collect()
    }
}

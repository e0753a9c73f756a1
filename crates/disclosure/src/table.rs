//! The table that is to be published, with the exact numbers.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A practice has a row only if its list is above 100 (rule 13).
pub const LIST_FOR_ROW_MIN: u64 = 101;

/// A number that all others are sums of: that of one practice. Practices of which it is known that they contribute nothing
/// are left out; those that have no row of their own are in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Whose it is.
    pub name: String,
    /// So many patients.
    pub count: u64,
    /// Patients registered, where that is published exactly: nobody can count more, and a short list has no row.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub list: Option<u64>,
    /// What it rests on, such as a return's period. In two issues the same number of the same practice by the same source is
    /// taken to be known to be the same.
    pub source: String,
}

/// A row of a breakdown, before anything is taken from it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Area {
    /// Its name.
    pub name: String,
    /// So many patients: the sum of its parts; less where some are counted at several of them.
    pub count: u64,
}

/// One way to divide the total.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Breakdown {
    /// `region`, `icb`, …
    pub name: String,
    /// The breakdown whose areas gather the rows of this one into groups; None: all rows are one group, England's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within: Option<usize>,
    /// Its rows, by name.
    pub areas: Vec<Area>,
    /// In which of them each part lies, by part; None: in none that is shown.
    pub area_of: Vec<Option<usize>>,
}

/// A figure's exact numbers as at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Table {
    /// England: shown exactly.
    pub total: u64,
    /// What it is the sum of, by name.
    pub parts: Vec<Part>,
    /// From the coarsest to the finest: a breakdown comes after the one that it is within.
    pub breakdowns: Vec<Breakdown>,
}

impl Table {
    /// A table without breakdowns.
    #[must_use]
    pub fn new(mut parts: Vec<Part>) -> Self {
        parts.sort_by(|one, other| one.name.cmp(&other.name));
        Self { total: parts.iter().map(|part| part.count).sum(), parts, breakdowns: Vec::new() }
    }

    /// Adds a breakdown within another one, or within England: `area_of` says where a part lies.
    #[must_use]
    pub fn by(mut self, name: &str, within: Option<&str>, area_of: impl Fn(&Part) -> Option<String>) -> Self {
        let names: Vec<Option<String>> = self.parts.iter().map(area_of).collect();
        let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
        for (part, area) in self.parts.iter().zip(&names) {
            if let Some(area) = area {
                *counts.entry(area).or_default() += part.count;
            }
        }
        let index: BTreeMap<&str, usize> = counts.keys().enumerate().map(|(index, area)| (*area, index)).collect();
        let breakdown = Breakdown {
            name: name.to_owned(),
            within: within.and_then(|outer| self.breakdowns.iter().position(|known| known.name == outer)),
            areas: counts.iter().map(|(area, count)| Area { name: (*area).to_owned(), count: *count }).collect(),
            area_of: names.iter().map(|area| area.as_deref().and_then(|area| index.get(area).copied())).collect(),
        };
        self.breakdowns.push(breakdown);
        self
    }

    /// Adds a row for each part whose list is long enough; a list of which nothing is known is not.
    #[must_use]
    pub fn by_part(self, name: &str, within: Option<&str>) -> Self {
        self.by(name, within, |part| part.list.is_some_and(|list| list >= LIST_FOR_ROW_MIN).then(|| part.name.clone()))
    }
}

impl Breakdown {
    /// The parts in each area.
    pub(crate) fn members(&self) -> Vec<Vec<usize>> {
        let mut members = vec![Vec::new(); self.areas.len()];
        for (part, area) in self.area_of.iter().enumerate() {
            if let Some(area) = area {
                members[*area].push(part);
            }
        }
        members
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_list_has_no_row_and_still_counts() {
        let part = |name: &str, count, list| Part { name: name.into(), count, list, source: String::new() };
        let parts = vec![part("C", 9, None), part("B", 3, Some(101)), part("A", 50, Some(100))];
        let table = Table::new(parts).by("icb", None, |_| Some("Q".into())).by_part("practice", Some("icb"));
        assert_eq!(table.total, 62);
        assert_eq!(table.breakdowns[0].areas, [Area { name: "Q".into(), count: 62 }]);
        assert_eq!(table.breakdowns[1].areas, [Area { name: "B".into(), count: 3 }]);
        assert_eq!((table.breakdowns[1].within, &table.breakdowns[1].area_of), (Some(0), &vec![None, Some(0), None]));
    }
}

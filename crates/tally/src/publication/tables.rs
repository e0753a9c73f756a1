//! The tables of a content that disclosure control looks at: one for each figure that counts patients.

use std::collections::BTreeMap;
use std::fmt;

use disclosure::{Part, Table};
use serde::{Deserialize, Serialize};

use super::content::{Content, Level, PracticeContent};
use super::name::PublicationPeriod;
use crate::definition::Measure;

/// A figure that counts patients, and so is protected (rule 13). Views are not among them: by areas they would tell of viewers
/// (a single view is one viewer's), so only England's are published.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProtectedFigure {
    /// [`Measure::PatientsWithAccess`]
    PatientsWithAccess,
    /// [`Measure::Viewers`]
    Viewers,
}

impl ProtectedFigure {
    /// All that a publication of the period has.
    pub fn all(period: PublicationPeriod) -> impl Iterator<Item = Self> {
        let viewers = period.counts_viewers().then_some(Self::Viewers);
        [Some(Self::PatientsWithAccess), viewers].into_iter().flatten()
    }

    /// What it is.
    #[must_use]
    pub fn measure(self) -> Measure {
        match self {
            Self::PatientsWithAccess => Measure::PatientsWithAccess,
            Self::Viewers => Measure::Viewers,
        }
    }

    /// The figure that a definition names, where it is one of these.
    #[must_use]
    pub fn defined_by(measure: Measure) -> Option<Self> {
        [Self::PatientsWithAccess, Self::Viewers].into_iter().find(|figure| figure.measure() == measure)
    }

    /// Its table, with the exact numbers.
    pub(super) fn table(self, content: &Content, period: PublicationPeriod) -> Table {
        match self {
            Self::PatientsWithAccess => patients_with_access(content),
            Self::Viewers => viewers(content, period),
        }
    }
}

/// The definition's resource name.
impl fmt::Display for ProtectedFigure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.measure().fmt(f)
    }
}

/// Practices without a return are known to contribute nothing: how many they are is said of every area.
fn patients_with_access(content: &Content) -> Table {
    by_level(content, |practice| {
        let accounts = practice.accounts.as_ref()?;
        // The same return in two issues is the same number.
        Some((accounts.count, accounts.period_end.to_string()))
    })
}

/// Areas have fewer than their practices together. By how many is taken to be known (decision 59): it only bounds more.
fn viewers(content: &Content, period: PublicationPeriod) -> Table {
    let mut table = by_level(content, |practice| Some((practice.viewers?, period.to_string())));
    let counted = content.viewers.as_ref();
    table.total = counted.map_or(0, |counted| counted.england);
    for breakdown in table.breakdowns.iter_mut().filter(|breakdown| breakdown.name != Level::Practice.name()) {
        for area in &mut breakdown.areas {
            area.count = counted.and_then(|counted| counted.by_area.get(&area.name)).copied().unwrap_or(0);
        }
    }
    table
}

/// A table of what `number` says of practices, with what it rests on.
fn by_level(content: &Content, number: impl Fn(&PracticeContent) -> Option<(u64, String)>) -> Table {
    let mut parts = Vec::new();
    let mut practices: BTreeMap<String, &PracticeContent> = BTreeMap::new();
    for practice in &content.practices {
        let Some((count, source)) = number(practice) else { continue };
        let name = practice.area(Level::Practice).expect("a practice is an area").to_string();
        let list = practice.list.as_ref().map(|list| list.patients);
        parts.push(Part { name: name.clone(), count, list, source });
        practices.insert(name, practice);
    }
    let area = |part: &Part, level| practices.get(&part.name)?.area(level).map(|area| area.to_string());
    let mut table = Table::new(parts);
    for level in [Level::Region, Level::Icb, Level::Supplier] {
        let within = level.within().filter(|outer| *outer != Level::England).map(Level::name);
        table = table.by(level.name(), within, |part| area(part, level));
    }
    table.by_part(Level::Practice.name(), Some(Level::Icb.name()))
}

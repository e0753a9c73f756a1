//! The tables of a content that disclosure control looks at: one for each figure that counts patients.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use disclosure::{Part, Table};
use serde::{Deserialize, Serialize};

use super::content::{Content, PracticeContent};
use super::level::{Level, PublishedArea};
use super::name::PublicationPeriod;
use crate::definition::Measure;

/// A figure that counts patients, or what few patients did, and so is protected (rule 13). Views by areas are not among them: they
/// would tell of viewers (a single view is one viewer's), so only England's are published, and of those how many came by which app.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProtectedFigure {
    /// [`Measure::PatientsWithAccess`]
    PatientsWithAccess,
    /// [`Measure::Viewers`]
    Viewers,
    /// [`Measure::RecordViews`] in England, by app.
    ViewsByChannel,
}

impl ProtectedFigure {
    /// All that a publication of the period has.
    pub fn all(period: PublicationPeriod) -> impl Iterator<Item = Self> {
        let of_flows = period.counts_viewers().then_some([Self::Viewers, Self::ViewsByChannel]);
        std::iter::once(Self::PatientsWithAccess).chain(of_flows.into_iter().flatten())
    }

    /// What it is.
    #[must_use]
    pub fn measure(self) -> Measure {
        match self {
            Self::PatientsWithAccess => Measure::PatientsWithAccess,
            Self::Viewers => Measure::Viewers,
            Self::ViewsByChannel => Measure::RecordViews,
        }
    }

    /// The figure that a definition names, where it is one of these.
    #[must_use]
    pub fn defined_by(measure: Measure) -> Option<Self> {
        let all = [Self::PatientsWithAccess, Self::Viewers, Self::ViewsByChannel];
        all.into_iter().find(|figure| figure.measure() == measure)
    }

    /// Its table, with the exact numbers.
    pub(super) fn table(self, content: &Content, period: PublicationPeriod) -> Table {
        match self {
            Self::PatientsWithAccess => patients_with_access(content),
            Self::Viewers => viewers(content, period),
            Self::ViewsByChannel => views_by_channel(content, period),
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
    let number = |practice: &PracticeContent| {
        let accounts = practice.accounts.as_ref()?;
        // The same return in two issues is the same number.
        Some((accounts.count, accounts.period_end.to_string()))
    };
    by_level(content, number, |_, _| true)
}

/// Areas have fewer than their practices together. By how many is taken to be known (decision 59): it only bounds more.
fn viewers(content: &Content, period: PublicationPeriod) -> Table {
    let counted = content.viewers.as_ref();
    let count_of = |area: &str| counted.and_then(|counted| counted.by_area.get(area)).copied();
    let uncounted = areas_not_counted(content, |area| count_of(area).is_some());
    let number = |practice: &PracticeContent| Some((practice.viewers?, period.to_string()));
    let is_uncounted = |level, area: String| {
        counted.is_some_and(|counted| counted.uncounted.contains(&area)) || uncounted.contains(&(level, area))
    };
    let mut table = by_level(content, number, |level, area| !is_uncounted(level, area.to_string()));
    table.total = counted.map_or(0, |counted| counted.england);
    for breakdown in table.breakdowns.iter_mut().filter(|breakdown| breakdown.name != Level::Practice.name()) {
        for area in &mut breakdown.areas {
            area.count = count_of(&area.name).unwrap_or(0);
        }
    }
    table
}

/// The sub-ICBs, PCNs and waves that had viewers, of whom nobody knows how many distinct people they were: a correction takes who
/// viewed from its first issue, which may have been made before there were such rows. They are left out, and not shown as nobody.
fn areas_not_counted(content: &Content, is_counted: impl Fn(&str) -> bool) -> BTreeSet<(Level, String)> {
    let mut areas = BTreeSet::new();
    for practice in content.practices.iter().filter(|practice| practice.viewers.is_some_and(|viewers| viewers > 0)) {
        for level in [Level::SubIcb, Level::Pcn, Level::Wave] {
            let area = content.area(practice, level).map(|area| area.to_string());
            areas.extend(area.filter(|area| !is_counted(area)).map(|area| (level, area)));
        }
    }
    areas
}

/// What came by each app is a number of its own, and England's total is all of them.
fn views_by_channel(content: &Content, period: PublicationPeriod) -> Table {
    let counted = content.views_by_channel.iter().flat_map(|counted| &counted.by_channel);
    let part = |(channel, count): (&String, &u64)| Part {
        name: format!("channels/{channel}"),
        count: *count,
        list: None,
        source: period.to_string(),
    };
    Table::new(counted.map(part).collect()).by(Level::Channel.name(), None, |part| Some(part.name.clone()))
}

/// A table of what `number` says of practices, with what it rests on; of the areas for which `has_row` says so.
fn by_level(
    content: &Content,
    number: impl Fn(&PracticeContent) -> Option<(u64, String)>,
    has_row: impl Fn(Level, &PublishedArea) -> bool,
) -> Table {
    let mut parts = Vec::new();
    let mut practices: BTreeMap<String, &PracticeContent> = BTreeMap::new();
    for practice in &content.practices {
        let Some((count, source)) = number(practice) else { continue };
        let name = content.area(practice, Level::Practice).expect("a practice is an area").to_string();
        let list = practice.list.as_ref().map(|list| list.patients);
        parts.push(Part { name: name.clone(), count, list, source });
        practices.insert(name, practice);
    }
    let area = |part: &Part, level| {
        let area = content.area(practices.get(&part.name)?, level)?;
        has_row(level, &area).then(|| area.to_string())
    };
    let mut table = Table::new(parts);
    let between = |level: &Level| !matches!(level, Level::England | Level::Practice);
    for level in Level::OF_PRACTICES.into_iter().filter(between) {
        let within = level.within().filter(|outer| *outer != Level::England).map(Level::name);
        table = table.by(level.name(), within, |part| area(part, level));
    }
    table.by_part(Level::Practice.name(), Some(Level::Icb.name()))
}

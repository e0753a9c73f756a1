//! What is shown of an issue: every figure with its definition, area, denominator and how exact it is (rules 13 and 14).

use std::collections::BTreeMap;
use std::fmt;

use disclosure::{LIST_FOR_ROW_MIN, Shown};
use jiff::Timestamp;
use jiff::civil::Date;

use super::content::{Content, CountedViews, PracticeContent};
use super::issue::Issue;
use super::level::{Level, PublishedArea};
use super::tables::ProtectedFigure;
use crate::area::Area;
use crate::definition::Measure;
use crate::summary::{Denominator, Sum};

/// A number as everybody sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FigureValue {
    /// As it was counted.
    Exact(u64),
    /// Of patients, by rule 13.
    Protected(Shown),
}

/// How exact a number is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exactness {
    /// As it was counted, or estimated.
    Exact,
    /// To the nearest 5.
    Rounded,
    /// `*`.
    Withheld,
}

/// One figure of one area.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublishedFigure {
    /// The breakdown that it is a row of.
    pub level: Level,
    /// Of what.
    pub area: PublishedArea,
    /// The area, of the next coarser breakdown, that this one lies in; None of England, and where that is not known.
    pub within: Option<PublishedArea>,
    /// Which figure.
    pub measure: Measure,
    /// How many.
    pub value: FigureValue,
    /// By what was known at this moment.
    pub known_at: Timestamp,
    /// Between which the truth rarely is not, where the value is an estimate that is shown exactly.
    pub bounds: Option<(u64, u64)>,
    /// What it is a part of, where that is shown.
    pub denominator: Option<PublishedDenominator>,
    /// In a thousand of the denominator, from the numbers shown; None where either is not shown as a number.
    pub permille: Option<u64>,
    /// Live practices of which nothing is known; None where the figure does not depend on such.
    pub practices_without_data: Option<u64>,
}

/// What a figure is a part of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublishedDenominator {
    /// Which figure.
    pub measure: Measure,
    /// The whole, as it is shown.
    pub value: FigureValue,
    /// Who counted it.
    pub source: String,
    /// The day of which it is, the earliest where practices differ.
    pub as_at: Option<Date>,
}

/// `*`, or the number.
impl fmt::Display for FigureValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(value) => value.fmt(f),
            Self::Protected(shown) => shown.fmt(f),
        }
    }
}

impl FigureValue {
    /// The number that is shown; None for `*`.
    #[must_use]
    pub fn number(self) -> Option<u64> {
        match self {
            Self::Exact(value) | Self::Protected(Shown::Rounded(value)) => Some(value),
            Self::Protected(Shown::Zero) => Some(0),
            Self::Protected(Shown::Star) => None,
        }
    }

    /// How exact it is.
    #[must_use]
    pub fn exactness(self) -> Exactness {
        match self {
            Self::Exact(_) | Self::Protected(Shown::Zero) => Exactness::Exact,
            Self::Protected(Shown::Rounded(_)) => Exactness::Rounded,
            Self::Protected(Shown::Star) => Exactness::Withheld,
        }
    }

    fn permille_of(self, whole: Self) -> Option<u64> {
        let whole = whole.number()?;
        (self.number()? * 1_000 + whole / 2).checked_div(whole)
    }
}

impl Issue {
    /// All figures, from England down to practices, and by area; then England's views by app.
    #[must_use]
    pub fn figures(&self) -> Vec<PublishedFigure> {
        let accounts = Cells::of(self, ProtectedFigure::PatientsWithAccess);
        let viewers = Cells::of(self, ProtectedFigure::Viewers);
        let mut figures = Vec::new();
        for level in Level::OF_PRACTICES {
            for (area, practices) in areas(&self.content, level) {
                let row = Row::new(self, level, &area, &practices);
                figures.push(row.practices_live());
                let with_access = accounts.as_ref().and_then(|cells| cells.value(level, &area));
                figures.extend(with_access.map(|value| row.patients_with_access(value)));
                let viewed = viewers.as_ref().and_then(|cells| cells.value(level, &area));
                figures.extend(viewed.map(|value| row.viewers(value, with_access)));
                if level == Level::England {
                    figures.push(row.figure(Measure::RecordViews, FigureValue::Exact(self.content.record_views)));
                }
            }
        }
        figures.extend(self.content.views_by_channel.iter().flat_map(|counted| self.views_by_channel(counted)));
        figures
    }

    fn views_by_channel(&self, counted: &CountedViews) -> Vec<PublishedFigure> {
        let Some(cells) = Cells::of(self, ProtectedFigure::ViewsByChannel) else { return Vec::new() };
        let figure = |channel: &String| {
            let area = PublishedArea::Channel(channel.parse().ok()?);
            let value = cells.value(Level::Channel, &area)?;
            let whole = FigureValue::Exact(cells.england);
            Some(PublishedFigure {
                level: Level::Channel,
                area,
                within: Some(PublishedArea::Area(Area::England)),
                measure: Measure::RecordViews,
                value,
                known_at: counted.known_at,
                bounds: None,
                denominator: Some(PublishedDenominator {
                    measure: Measure::RecordViews,
                    value: whole,
                    source: "access statistics".to_owned(),
                    as_at: Some(self.name.publication.as_at().date()),
                }),
                permille: value.permille_of(whole),
                practices_without_data: None,
            })
        };
        counted.by_channel.keys().filter_map(figure).collect()
    }
}

/// How a protected figure is shown, by breakdown and area.
struct Cells {
    england: u64,
    shown: BTreeMap<(String, String), Shown>,
}

impl Cells {
    fn of(issue: &Issue, figure: ProtectedFigure) -> Option<Self> {
        let judged = issue.judged(figure)?;
        let rows = judged.rows().into_iter();
        let shown = rows.map(|row| ((row.breakdown.to_owned(), row.area.to_owned()), row.shown)).collect();
        Some(Self { england: judged.table.total, shown })
    }

    fn value(&self, level: Level, area: &PublishedArea) -> Option<FigureValue> {
        if level == Level::England {
            return Some(FigureValue::Exact(self.england));
        }
        self.shown.get(&(level.name().to_owned(), area.to_string())).copied().map(FigureValue::Protected)
    }
}

/// The areas of a level with their practices. A practice has a row only if its list is long enough.
fn areas(content: &Content, level: Level) -> BTreeMap<PublishedArea, Vec<&PracticeContent>> {
    let mut areas: BTreeMap<PublishedArea, Vec<&PracticeContent>> = BTreeMap::new();
    for practice in &content.practices {
        let has_row =
            level != Level::Practice || practice.list.as_ref().is_some_and(|list| list.patients >= LIST_FOR_ROW_MIN);
        if let Some(area) = content.area(practice, level).filter(|_| has_row) {
            areas.entry(area).or_default().push(practice);
        }
    }
    areas
}

/// What the figures of one area have in common.
struct Row<'a> {
    issue: &'a Issue,
    level: Level,
    area: &'a PublishedArea,
    within: Option<PublishedArea>,
    practices: u64,
    live: u64,
    lists: Sum<'a>,
    accounts: Sum<'a>,
}

impl<'a> Row<'a> {
    fn new(issue: &'a Issue, level: Level, area: &'a PublishedArea, practices: &[&'a PracticeContent]) -> Self {
        let (mut lists, mut accounts) = (Sum::default(), Sum::default());
        let mut live = 0;
        for practice in practices {
            let sources = &issue.content.list_sources;
            let source = |index: usize| sources.get(index).map_or("", String::as_str);
            lists.add(practice.list.as_ref().map(|list| (list.patients, source(list.source), list.as_at)));
            if practice.live {
                live += 1;
                let counted = practice.accounts.as_ref();
                accounts
                    .add(counted.map(|counted| (counted.count, counted.supplier.as_str(), Some(counted.period_end))));
            }
        }
        // As disclosure control groups them: where its first practice lies.
        let within = level.within().and_then(|outer| issue.content.area(practices.first()?, outer));
        Self { issue, level, area, within, practices: practices.len() as u64, live, lists, accounts }
    }

    fn figure(&self, measure: Measure, value: FigureValue) -> PublishedFigure {
        let counted = self.issue.content.viewers.as_ref().filter(|_| measure == Measure::Viewers);
        PublishedFigure {
            level: self.level,
            area: self.area.clone(),
            within: self.within.clone(),
            measure,
            value,
            known_at: counted.map_or(self.issue.known_at, |counted| counted.known_at),
            bounds: None,
            denominator: None,
            permille: None,
            practices_without_data: None,
        }
    }

    fn part_of(&self, measure: Measure, value: FigureValue, whole: PublishedDenominator) -> PublishedFigure {
        let permille = value.permille_of(whole.value);
        PublishedFigure { denominator: Some(whole), permille, ..self.figure(measure, value) }
    }

    /// Counts of practices are exact. A single practice is 1 or 0, of nothing.
    fn practices_live(&self) -> PublishedFigure {
        if self.level == Level::Practice {
            return self.figure(Measure::PracticesLive, FigureValue::Exact(self.live));
        }
        let whole = PublishedDenominator {
            measure: Measure::PracticesTotal,
            value: FigureValue::Exact(self.practices),
            source: "practice registry".to_owned(),
            as_at: Some(self.issue.name.publication.as_at().date()),
        };
        self.part_of(Measure::PracticesLive, FigureValue::Exact(self.live), whole)
    }

    fn patients_with_access(&self, value: FigureValue) -> PublishedFigure {
        // Lists are published exactly by those who count them.
        let lists = self.lists.denominator(Measure::PatientsRegistered);
        let whole = denominator(FigureValue::Exact(lists.value), lists);
        let figure = self.part_of(Measure::PatientsWithAccess, value, whole);
        PublishedFigure { practices_without_data: Some(self.accounts.missing()), ..figure }
    }

    fn viewers(&self, value: FigureValue, with_access: Option<FigureValue>) -> PublishedFigure {
        let whole = |value| denominator(value, self.accounts.denominator(Measure::PatientsWithAccess));
        let figure = match with_access {
            Some(with_access) => self.part_of(Measure::Viewers, value, whole(with_access)),
            None => self.figure(Measure::Viewers, value),
        };
        // Bounds of what is rounded would tell the estimate.
        let counted = self.issue.content.viewers.as_ref().filter(|_| self.level == Level::England);
        PublishedFigure { bounds: counted.map(|counted| (counted.lower_bound, counted.upper_bound)), ..figure }
    }
}

/// A denominator with its value as it is shown.
fn denominator(value: FigureValue, counted: Denominator) -> PublishedDenominator {
    let Denominator { measure, source, as_at, .. } = counted;
    PublishedDenominator { measure, value, source, as_at }
}

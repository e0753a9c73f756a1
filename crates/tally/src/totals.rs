//! Published totals: denominators of areas that a publisher answers for, exact, by publication and day, in both times.
//!
//! Part of the journal of returns. The totals of one publication and day are one issue: they hold together, are recorded together,
//! and a later issue of the same day takes the place of all of them.

use std::collections::BTreeSet;

use imbl::OrdMap;
use jiff::Timestamp;
use jiff::civil::Date;
use ods::Totals;
use ods::totals::{Organisation, Total};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::area::Area;
use crate::day::Day;
use crate::definition::Measure;
use crate::summary::Denominator;

/// Most totals in one issue: several times England's organisations.
pub const TOTALS_MAX: usize = 10_000;

/// Longest name of a publication, in characters.
pub const SOURCE_CHARS_MAX: usize = 80;

/// Asks for an issue to be recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubmitTotals {
    /// The publication.
    pub source: String,
    /// The day at which its totals held.
    pub as_at: Date,
    /// The totals, each organisation once.
    pub totals: Vec<(Organisation, Total)>,
}

/// Why an issue is refused, as a whole.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum TotalsRejection {
    /// Its publication has no name, or one that is too long.
    #[error("the publication's name has {chars} characters; 1 to {SOURCE_CHARS_MAX} are allowed")]
    Source {
        /// So many.
        chars: usize,
    },
    /// It is of a day to come.
    #[error("the totals are of {as_at}, which is after today, {today}")]
    NotYet {
        /// Their day.
        as_at: Date,
        /// Today in London.
        today: Date,
    },
    /// Nothing in it.
    #[error("there is no total in it")]
    Empty,
    /// Too much in it.
    #[error("there are {count} totals in it; {TOTALS_MAX} are allowed")]
    TooMany {
        /// So many.
        count: usize,
    },
    /// One organisation twice.
    #[error("{organisation} is in it twice")]
    Duplicate {
        /// Which.
        organisation: Organisation,
        /// Index of the second.
        index: usize,
    },
    /// More grown-ups than people.
    #[error("{organisation}: {part} are aged 16 and over, of {whole}")]
    PartAboveWhole {
        /// Which.
        organisation: Organisation,
        /// Its index.
        index: usize,
        /// Aged 16 and over.
        part: u64,
        /// Registered.
        whole: u64,
    },
    /// Two levels that do not sum to the same.
    #[error("organisations of one level sum to {one}, those of another to {other}")]
    LevelsDisagree {
        /// All and those aged 16 and over, of one level.
        one: String,
        /// The same of another.
        other: String,
    },
}

/// One issue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TotalsIssue {
    /// When it was recorded.
    pub recorded_at: Timestamp,
    /// What it says.
    pub totals: OrdMap<Organisation, Total>,
}

/// How an issue compares with the last one of its publication and day.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TotalsComparison {
    /// No total was known.
    pub first: Vec<Organisation>,
    /// Another one was.
    pub revised: Vec<Organisation>,
    /// The same was.
    pub unchanged: Vec<Organisation>,
    /// It is not in it any more.
    pub removed: Vec<Organisation>,
}

/// All published totals. Cheap to clone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishedTotals {
    /// By publication and day; each day's issues in order, never empty.
    by_source: OrdMap<String, OrdMap<Date, Vec<TotalsIssue>>>,
}

impl PublishedTotals {
    /// Judges an issue: what is to be recorded, or nothing where the last issue says the same.
    pub(crate) fn decide(
        &self,
        command: &SubmitTotals,
        now: Timestamp,
    ) -> Result<Option<Vec<(Organisation, Total)>>, TotalsRejection> {
        check(command, now)?;
        let comparison = self.compare(command);
        let news = [&comparison.first, &comparison.revised, &comparison.removed];
        if news.into_iter().all(Vec::is_empty) {
            return Ok(None);
        }
        let mut totals = command.totals.clone();
        totals.sort_by_key(|(organisation, _)| *organisation);
        Ok(Some(totals))
    }

    /// Records an issue.
    pub(crate) fn apply(
        &mut self,
        source: &str,
        as_at: Date,
        totals: &[(Organisation, Total)],
        recorded_at: Timestamp,
    ) {
        let issue = TotalsIssue { recorded_at, totals: totals.iter().copied().collect() };
        self.by_source.entry(source.to_owned()).or_default().entry(as_at).or_default().push(issue);
    }

    /// What an issue would change.
    #[must_use]
    pub fn compare(&self, command: &SubmitTotals) -> TotalsComparison {
        let known = self.by_source.get(&command.source).and_then(|days| days.get(&command.as_at)?.last());
        let mut comparison = TotalsComparison::default();
        for (organisation, total) in &command.totals {
            match known.and_then(|issue| issue.totals.get(organisation)) {
                None => comparison.first.push(*organisation),
                Some(known) if known == total => comparison.unchanged.push(*organisation),
                Some(_) => comparison.revised.push(*organisation),
            }
        }
        let named: BTreeSet<Organisation> = command.totals.iter().map(|(organisation, _)| *organisation).collect();
        let before = known.into_iter().flat_map(|issue| issue.totals.keys().copied());
        comparison.removed = before.filter(|organisation| !named.contains(organisation)).collect();
        comparison
    }

    /// Each publication's issue of its latest day at or before `day`, as known at `known_at`.
    pub fn latest(&self, day: Day, known_at: Timestamp) -> impl Iterator<Item = (&str, Date, &TotalsIssue)> {
        self.by_source.iter().filter_map(move |(source, days)| {
            days.range(..=day.date()).rev().find_map(|(as_at, issues)| {
                let known = issues.iter().rev().find(|issue| issue.recorded_at <= known_at)?;
                Some((source.as_str(), *as_at, known))
            })
        })
    }

    /// The published totals of an area, one for each publication that has it.
    #[must_use]
    pub fn of_area(&self, area: &Area, day: Day, known_at: Timestamp) -> Vec<Denominator> {
        let denominator = |(source, as_at, issue): (&str, Date, &TotalsIssue)| {
            let total = issue.of_area(area)?;
            let (measure, source) = (Measure::PatientsPublished, source.to_owned());
            Some(Denominator { measure, value: total.patients, source, as_at: Some(as_at) })
        };
        self.latest(day, known_at).filter_map(denominator).collect()
    }
}

impl TotalsIssue {
    /// The sum of its regions; None where it has none.
    #[must_use]
    pub fn england(&self) -> Option<Total> {
        let regions = self.totals.iter().filter(|(organisation, _)| matches!(organisation, Organisation::Region(_)));
        regions.map(|(_, total)| *total).reduce(|one, other| Total {
            patients: one.patients + other.patients,
            aged_16_and_over: one.aged_16_and_over + other.aged_16_and_over,
        })
    }

    fn of_area(&self, area: &Area) -> Option<Total> {
        match area {
            Area::England => self.england(),
            Area::Region(code) => self.totals.get(&Organisation::Region(*code)).copied(),
            Area::Icb(code) => self.totals.get(&Organisation::Icb(*code)).copied(),
            Area::SubIcb(code) => self.totals.get(&Organisation::SubIcb(*code)).copied(),
            Area::Pcn(code) => self.totals.get(&Organisation::Pcn(*code)).copied(),
            Area::Supplier(_) | Area::Practice(_) => None,
        }
    }
}

fn check(command: &SubmitTotals, now: Timestamp) -> Result<(), TotalsRejection> {
    let chars = command.source.chars().count();
    if !(1..=SOURCE_CHARS_MAX).contains(&chars) {
        return Err(TotalsRejection::Source { chars });
    }
    let today = Day::of(now).date();
    if command.as_at > today {
        return Err(TotalsRejection::NotYet { as_at: command.as_at, today });
    }
    if command.totals.is_empty() {
        return Err(TotalsRejection::Empty);
    }
    if command.totals.len() > TOTALS_MAX {
        return Err(TotalsRejection::TooMany { count: command.totals.len() });
    }
    let mut totals = Totals::default();
    for (index, (organisation, total)) in command.totals.iter().enumerate() {
        let organisation = *organisation;
        if totals.0.insert(organisation, *total).is_some() {
            return Err(TotalsRejection::Duplicate { organisation, index });
        }
        let (part, whole) = (total.aged_16_and_over, total.patients);
        if part > whole {
            return Err(TotalsRejection::PartAboveWhole { organisation, index, part, whole });
        }
    }
    match totals.disagreement() {
        None => Ok(()),
        Some((one, other)) => {
            let shown = |total: Total| format!("{} and {}", total.patients, total.aged_16_and_over);
            Err(TotalsRejection::LevelsDisagree { one: shown(one), other: shown(other) })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{date, moment};

    fn total(patients: u64) -> Total {
        Total { patients, aged_16_and_over: patients / 2 }
    }

    fn command(day: i32, totals: &[(&str, u64)]) -> SubmitTotals {
        let totals = totals.iter().map(|(name, patients)| (name.parse().unwrap(), total(*patients))).collect();
        SubmitTotals { source: "GP_PRAC_PAT_LIST".to_owned(), as_at: date(day), totals }
    }

    fn submit(published: &mut PublishedTotals, command: &SubmitTotals, days: i64) {
        let issue = published.decide(command, moment(24 * days)).unwrap().expect("it is news");
        published.apply(&command.source, command.as_at, &issue, moment(24 * days));
    }

    fn patients(published: &PublishedTotals, area: &str, day: i32, known_days: i64) -> Vec<(u64, Option<Date>)> {
        let known = published.of_area(&area.parse().unwrap(), date(day).into(), moment(24 * known_days));
        known.into_iter().map(|whole| (whole.value, whole.as_at)).collect()
    }

    #[test]
    fn an_area_has_the_total_of_the_latest_day_as_it_was_known() {
        let mut published = PublishedTotals::default();
        submit(&mut published, &command(10, &[("regions/Y63", 6), ("regions/Y56", 4)]), 11);
        submit(&mut published, &command(20, &[("regions/Y63", 10), ("icbs/QHM", 10)]), 21);
        submit(&mut published, &command(10, &[("regions/Y63", 8), ("regions/Y56", 4)]), 30);
        assert_eq!(patients(&published, "england", 9, 99), []);
        assert_eq!(patients(&published, "england", 19, 29), [(10, Some(date(10)))]);
        assert_eq!(patients(&published, "england", 19, 30), [(12, Some(date(10)))]);
        assert_eq!(patients(&published, "icbs/QHM", 20, 99), [(10, Some(date(20)))]);
        assert_eq!(patients(&published, "regions/Y56", 20, 99), [], "the later issue does not have it");
        assert_eq!(patients(&published, "practices/A00001", 20, 99), []);
    }

    #[test]
    fn an_issue_that_says_the_same_is_not_recorded_and_one_that_lacks_something_is() {
        let mut published = PublishedTotals::default();
        let first = command(10, &[("regions/Y63", 6), ("regions/Y56", 4)]);
        submit(&mut published, &first, 11);
        assert_eq!(published.decide(&first, moment(24 * 12)), Ok(None));
        let fewer = command(10, &[("regions/Y63", 6)]);
        assert_eq!(published.compare(&fewer).removed, ["regions/Y56".parse().unwrap()]);
        assert!(published.decide(&fewer, moment(24 * 12)).unwrap().is_some());
    }

    #[test]
    fn an_issue_that_cannot_be_right_is_refused_whole() {
        let refused = |command: &SubmitTotals| PublishedTotals::default().decide(command, moment(24 * 30)).unwrap_err();
        assert_eq!(refused(&command(10, &[])), TotalsRejection::Empty);
        let (as_at, today) = (date(31), date(30));
        assert_eq!(refused(&command(31, &[("regions/Y63", 6)])), TotalsRejection::NotYet { as_at, today });
        let twice = refused(&command(10, &[("regions/Y63", 6), ("regions/Y63", 6)]));
        assert!(matches!(twice, TotalsRejection::Duplicate { index: 1, .. }), "{twice}");
        let disagreeing = refused(&command(10, &[("regions/Y63", 6), ("icbs/QHM", 5)]));
        assert!(matches!(disagreeing, TotalsRejection::LevelsDisagree { .. }), "{disagreeing}");
        let nameless = SubmitTotals { source: String::new(), ..command(10, &[("regions/Y63", 6)]) };
        assert_eq!(refused(&nameless), TotalsRejection::Source { chars: 0 });
        let mut older = command(10, &[("regions/Y63", 6)]);
        older.totals[0].1.aged_16_and_over = 7;
        assert!(matches!(refused(&older), TotalsRejection::PartAboveWhole { index: 0, part: 7, whole: 6, .. }));
    }
}

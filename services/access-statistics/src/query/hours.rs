//! Views by the hour, added up from practices.
//!
//! As in [`super::flows`] the tables and what was folded since the last checkpoint are read at one position of the log. Hours
//! go after some weeks, since days hold the same events. What went is told as gone and never as no views: by the age that hours
//! are kept to, and, since an operator may have set that anew, by what the days themselves come to.

use std::collections::{BTreeMap, BTreeSet};

use ods::PracticeCode;
use tally::{Column, Day, Dictionary, EventKind, Hour, Part, Parts, Split};

use super::QueryError;
use super::flows::{Begun, FlowReader};
use super::groups::members;
use crate::ingest::Pending;
use crate::store::flows::FlowQuery;
use crate::store::{StoreError, groups, hours};

/// Counts by group, part and hour; what is none is not there.
#[derive(Debug)]
pub(super) struct HourlyViews {
    pub(super) views: BTreeMap<(usize, Part), BTreeMap<Hour, u64>>,
    /// Up to where the log is counted.
    pub(super) position: u64,
}

type Views = BTreeMap<(usize, usize), BTreeMap<Hour, u64>>;

impl FlowReader {
    /// Records viewed at groups of practices by the hour, told apart as asked for: all that is known of them, whatever day the query
    /// names, since of hours it is not kept when their events arrived.
    ///
    /// # Errors
    /// Also where of one of the days only the day is kept.
    pub(super) async fn views_by_hour(
        &self,
        query: &FlowQuery,
        of: &[BTreeSet<PracticeCode>],
        split: Option<Split>,
    ) -> Result<HourlyViews, QueryError> {
        let parts_of =
            |dictionary: &Dictionary| Parts::of(split, EventKind::RecordViewed, &query.capability, dictionary);
        let pending = |pending: &Pending, dictionary: &Dictionary| {
            pending_views(pending, query, of, &parts_of(dictionary), dictionary)
        };
        let Begun { mut tx, pending: mut views, dictionary, position } = self.begin_with(pending).await?;
        let parts = parts_of(&dictionary);
        let practices = members(of, &dictionary);
        let mut by_hours: BTreeMap<Hour, u64> = BTreeMap::new();
        let counted = hours::views_of_groups(&mut tx, query.period, practices.iter().copied(), parts.strands()).await?;
        for counted in counted {
            *by_hours.entry(counted.hour).or_default() += counted.count;
            add(&mut views, (counted.group, counted.part), counted.hour, counted.count);
        }
        let mut by_days: BTreeMap<Day, u64> = BTreeMap::new();
        let of_days = FlowQuery { known: Day::LAST, ..query.clone() };
        for counted in groups::views_of_groups(&mut tx, &of_days, practices.into_iter(), parts.strands()).await? {
            *by_days.entry(counted.day).or_default() += counted.count;
        }
        tx.rollback().await.map_err(StoreError::from)?;
        if let Some(day) = last_without_hours(by_days, &by_hours) {
            return Err(QueryError::HoursByDayOnly { hours_from: day.plus(1) });
        }
        let named = |((group, part), hours)| Some(((group, parts.list().get::<usize>(part)?.clone()), hours));
        Ok(HourlyViews { views: views.into_iter().filter_map(named).collect(), position })
    }
}

/// The last day that has more than its hours.
fn last_without_hours(mut by_days: BTreeMap<Day, u64>, by_hours: &BTreeMap<Hour, u64>) -> Option<Day> {
    for (hour, count) in by_hours {
        let left = by_days.entry(hour.day()).or_default();
        *left = left.saturating_sub(*count);
    }
    by_days.into_iter().rev().find(|(_, left)| *left > 0).map(|(day, _)| day)
}

/// What is to be added to the tables.
fn pending_views(
    pending: &Pending,
    query: &FlowQuery,
    groups: &[BTreeSet<PracticeCode>],
    parts: &Parts,
    dictionary: &Dictionary,
) -> Views {
    let mut views = Views::new();
    let members = members(groups, dictionary);
    let part = |column: &Column<'_>| parts.number(column.strand).filter(|_| query.period.contains(column.day));
    for column in pending.practice_columns() {
        let Some(part) = part(&column) else { continue };
        for (practice, group) in &members {
            let count = column.at_practice(*practice);
            if count > 0 {
                add(&mut views, (*group, part), column.hour, count);
            }
        }
    }
    views
}

fn add(views: &mut Views, of: (usize, usize), hour: Hour, count: u64) {
    *views.entry(of).or_default().entry(hour).or_default() += count;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hour(at: &str) -> Hour {
        Hour::of_second(at.parse::<jiff::Timestamp>().unwrap().as_second()).unwrap()
    }

    #[test]
    fn a_day_without_some_of_its_hours_is_found_and_one_with_all_of_them_is_not() {
        let day = |text: &str| -> Day { text.parse().unwrap() };
        let by_days = BTreeMap::from([(day("2031-03-01"), 3), (day("2031-03-02"), 3), (day("2031-03-03"), 3)]);
        let mut by_hours = BTreeMap::from([(hour("2031-03-02T10:00:00Z"), 2), (hour("2031-03-03T10:00:00Z"), 3)]);
        assert_eq!(last_without_hours(by_days.clone(), &by_hours), Some(day("2031-03-02")));
        by_hours.insert(hour("2031-03-02T11:00:00Z"), 1);
        assert_eq!(last_without_hours(by_days.clone(), &by_hours), Some(day("2031-03-01")));
        by_hours.insert(hour("2031-03-01T23:00:00Z"), 3);
        assert_eq!(last_without_hours(by_days, &by_hours), None);
    }
}

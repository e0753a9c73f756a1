//! Views and viewers of groups of practices, and views told apart by channel or section: added up where they are asked for,
//! from what is kept of practices, or of areas by strand.
//!
//! As in [`super::flows`] the tables and what was folded since the last checkpoint are read at one position of the log.

use std::collections::{BTreeMap, BTreeSet};

use ods::PracticeCode;
use tally::{
    Area, AreaIndex, Column, Day, Dictionary, Estimate, EventKind, Part, Parts, Period, PracticeOrdinal, Sketch, Split,
    Union,
};

use super::QueryError;
use super::flows::{Begun, FlowReader};
use crate::ingest::Pending;
use crate::store::StoreError;
use crate::store::flows::FlowQuery;
use crate::store::groups::{sketches_of_practices, views_of_areas_by_part, views_of_groups};

/// Whose views are counted; answers name them by their numbers.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Whose<'a> {
    /// Of areas of which counts are kept.
    Areas(&'a [Area]),
    /// Of groups of practices; a practice may be in several.
    Groups(&'a [BTreeSet<PracticeCode>]),
}

/// Counts by whose they are, part and day; what is none is not there.
#[derive(Debug)]
pub(crate) struct PartedViews {
    pub(crate) views: BTreeMap<(usize, Part), BTreeMap<Day, u64>>,
    /// Up to where the log is counted.
    pub(crate) position: u64,
}

type Views = BTreeMap<(usize, usize), BTreeMap<Day, u64>>;

impl FlowReader {
    /// Records viewed, told apart as asked for.
    pub(crate) async fn views_by_part(
        &self,
        query: &FlowQuery,
        whose: Whose<'_>,
        split: Option<Split>,
    ) -> Result<PartedViews, QueryError> {
        let parts_of =
            |dictionary: &Dictionary| Parts::of(split, EventKind::RecordViewed, &query.capability, dictionary);
        let pending = |pending: &Pending, dictionary: &Dictionary| {
            pending_views(pending, query, whose, &parts_of(dictionary), dictionary, &self.ingest.shared().areas())
        };
        let Begun { mut tx, pending: mut views, dictionary, position } = self.begin_with(pending).await?;
        let parts = parts_of(&dictionary);
        let strands = parts.strands();
        match whose {
            Whose::Areas(areas) => {
                let numbers: BTreeMap<String, usize> =
                    areas.iter().enumerate().map(|(number, area)| (area.to_string(), number)).collect();
                for counted in views_of_areas_by_part(&mut tx, query, areas, strands).await? {
                    let Some(number) = numbers.get(&counted.of) else { continue };
                    add(&mut views, (*number, counted.part), counted.day, counted.count);
                }
            }
            Whose::Groups(groups) => {
                let members = members(groups, &dictionary);
                for counted in views_of_groups(&mut tx, query, members.into_iter(), strands).await? {
                    add(&mut views, (counted.of, counted.part), counted.day, counted.count);
                }
            }
        }
        tx.rollback().await.map_err(StoreError::from)?;
        let named = |((number, part), days)| Some(((number, parts.list().get::<usize>(part)?.clone()), days));
        Ok(PartedViews { views: views.into_iter().filter_map(named).collect(), position })
    }

    /// Distinct people who viewed at practices, each in a period of its own; and the position up to which the log is counted. The
    /// caller has seen to it that the practices' people are kept for these periods, which the query's period covers.
    pub(crate) async fn viewers_together(
        &self,
        query: &FlowQuery,
        windows: &[(&BTreeSet<PracticeCode>, Period)],
    ) -> Result<(Estimate, u64), QueryError> {
        let groups: Vec<BTreeSet<PracticeCode>> = windows.iter().map(|(practices, _)| (*practices).clone()).collect();
        let pending = |pending: &Pending, dictionary: &Dictionary| pending_viewers(pending, query, &groups, dictionary);
        let Begun { mut tx, pending, dictionary, position } = self.begin_with(pending).await?;
        let mut everybody = Union::for_practice();
        for (practices, period) in windows {
            let known = practices.iter().filter_map(|code| dictionary.practice_ordinal(code.as_str()));
            let known: Vec<i64> = known.map(|practice| i64::from(practice.0)).collect();
            for day in period.each_day() {
                for (_, bytes) in sketches_of_practices(&mut tx, query, day, &known).await? {
                    everybody.add_bytes(&bytes).map_err(StoreError::from)?;
                }
            }
        }
        for (_, _, sketch) in pending.iter().filter(|(window, day, _)| windows[*window].1.contains(*day)) {
            everybody.add(sketch);
        }
        tx.rollback().await.map_err(StoreError::from)?;
        Ok((everybody.estimate(), position))
    }

    /// Distinct people who viewed, by group and interval, and the position up to which the log is counted. The caller has seen
    /// to it that the practices' people are kept for these intervals.
    pub(crate) async fn viewers_of_groups(
        &self,
        query: &FlowQuery,
        groups: &[BTreeSet<PracticeCode>],
        intervals: &[Period],
    ) -> Result<(Vec<Vec<Estimate>>, u64), QueryError> {
        let pending = |pending: &Pending, dictionary: &Dictionary| pending_viewers(pending, query, groups, dictionary);
        let Begun { mut tx, pending, dictionary, position } = self.begin_with(pending).await?;
        let mut groups_of: BTreeMap<PracticeOrdinal, Vec<usize>> = BTreeMap::new();
        for (practice, group) in members(groups, &dictionary) {
            groups_of.entry(practice).or_default().push(group);
        }
        let practices: Vec<i64> = groups_of.keys().map(|practice| i64::from(practice.0)).collect();
        let mut estimates = vec![Vec::with_capacity(intervals.len()); groups.len()];
        for interval in intervals {
            let mut unions: Vec<Union> = groups.iter().map(|_| Union::for_practice()).collect();
            // A day at a time: a nation's practices have some megabytes of sketches a day.
            for day in interval.each_day() {
                for (practice, bytes) in sketches_of_practices(&mut tx, query, day, &practices).await? {
                    for group in groups_of.get(&practice).into_iter().flatten() {
                        unions[*group].add_bytes(&bytes).map_err(StoreError::from)?;
                    }
                }
            }
            for (group, _, sketch) in pending.iter().filter(|(_, day, _)| interval.contains(*day)) {
                unions[*group].add(sketch);
            }
            for (estimates, union) in estimates.iter_mut().zip(unions) {
                estimates.push(union.estimate());
            }
        }
        tx.rollback().await.map_err(StoreError::from)?;
        Ok((estimates, position))
    }
}

/// Each practice that any event named, with each group that it is in.
pub(super) fn members(groups: &[BTreeSet<PracticeCode>], dictionary: &Dictionary) -> Vec<(PracticeOrdinal, usize)> {
    let mut members = Vec::new();
    for (number, group) in groups.iter().enumerate() {
        let known = group.iter().filter_map(|code| dictionary.practice_ordinal(code.as_str()));
        members.extend(known.map(|practice| (practice, number)));
    }
    members
}

fn add(views: &mut Views, of: (usize, usize), day: Day, count: u64) {
    *views.entry(of).or_default().entry(day).or_default() += count;
}

/// What is to be added to the tables.
fn pending_views(
    pending: &Pending,
    query: &FlowQuery,
    whose: Whose<'_>,
    parts: &Parts,
    dictionary: &Dictionary,
    index: &AreaIndex,
) -> Views {
    let mut views = Views::new();
    let part = |column: &Column<'_>| {
        let is_wanted = column.arrived <= query.known && query.period.contains(column.day);
        parts.number(column.strand).filter(|_| is_wanted)
    };
    match whose {
        Whose::Areas(areas) => {
            for column in pending.area_columns() {
                let Some(part) = part(&column) else { continue };
                for (number, area) in areas.iter().enumerate() {
                    let count = index.ordinal(area).map_or(0, |ordinal| column.in_area(ordinal, index));
                    add_some(&mut views, (number, part), column.day, count);
                }
            }
        }
        Whose::Groups(groups) => {
            let members = members(groups, dictionary);
            for column in pending.practice_columns() {
                let Some(part) = part(&column) else { continue };
                for (practice, number) in &members {
                    add_some(&mut views, (*number, part), column.day, column.at_practice(*practice));
                }
            }
        }
    }
    views
}

fn add_some(views: &mut Views, of: (usize, usize), day: Day, count: u64) {
    if count > 0 {
        add(views, of, day, count);
    }
}

/// Who is to be added to the tables, by group and day.
fn pending_viewers(
    pending: &Pending,
    query: &FlowQuery,
    groups: &[BTreeSet<PracticeCode>],
    dictionary: &Dictionary,
) -> Vec<(usize, Day, Sketch)> {
    let Some(capability) = dictionary.capability_ordinal(&query.capability) else { return Vec::new() };
    let mut viewers = Vec::new();
    for people in pending.people_by_practice() {
        if people.capability != capability || people.arrived > query.known || !query.period.contains(people.day) {
            continue;
        }
        let Some(code) = dictionary.practice(people.place) else { continue };
        for (number, _) in groups.iter().enumerate().filter(|(_, group)| group.contains(&code)) {
            viewers.push((number, people.day, people.sketch.clone()));
        }
    }
    viewers
}

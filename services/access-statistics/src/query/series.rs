//! One figure over time, for every area of a kind or for sets of practices.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use ods::PracticeCode;
use tally::{
    Area, AreaKind, Day, Directory, Estimate, Hour, Keeping, Measure, Part, Period, PracticeSet, Returns, Split,
    StockQuery, Union, Whole, practices_by_area, stock_series, stock_series_of_sets, whole_series,
    whole_series_of_sets,
};

use super::flows::FlowRead;
use super::groups::{PartedViews, Whose};
use super::hours::HourlyViews;
use super::points::{Points, Step};
use super::{Frame, Positions, QueryError};
use crate::AccessStatistics;
use crate::follow::Picture;
use crate::store::flows::FlowQuery;

/// Points in one reply: some 45 bytes each, so that it stays below the limit of a message.
pub(crate) const POINTS_MAX: usize = 50_000;

/// Which series.
#[derive(Clone, Debug)]
pub(crate) struct SeriesQuery {
    pub(crate) measure: Measure,
    pub(crate) grouping: Grouping,
    /// Only for record views.
    pub(crate) split: Option<Split>,
    pub(crate) within: Area,
    pub(crate) step: Step,
    pub(crate) period: Period,
    /// Which practice lies where: as at this moment; else of stocks as at each point's end, of flows where they were counted, as
    /// far as that is kept.
    pub(crate) placed_at: Option<Timestamp>,
    pub(crate) now: Timestamp,
    /// Only what comes after this one.
    pub(crate) after: Option<Subject>,
    pub(crate) series_max: usize,
    pub(crate) frame: Frame,
}

/// One series for each of what.
#[derive(Clone, Debug)]
pub(crate) enum Grouping {
    /// Areas of a kind.
    Areas(AreaKind),
    /// The caller's sets, by name.
    Sets(Vec<PracticeSet>),
}

/// What a series is of. Ordered as series are listed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Subject {
    Area(Area),
    /// A set of the caller's, by its name.
    Set(String),
}

/// A value for each point.
#[derive(Clone, Debug)]
pub(crate) struct Series {
    pub(crate) subject: Subject,
    pub(crate) part: Part,
    pub(crate) values: Vec<Estimate>,
}

/// A page of series.
#[derive(Clone, Debug)]
pub(crate) struct SeriesPage {
    pub(crate) points: Points,
    /// By subject and part.
    pub(crate) series: Vec<Series>,
    /// What they are parts of; empty where the figure is of nothing.
    pub(crate) wholes: BTreeMap<Subject, Whole>,
    /// The last subject of the page, where another page follows.
    pub(crate) goes_on_after: Option<Subject>,
    pub(crate) positions: Positions,
}

/// Where the flows of a question come from.
enum Source {
    /// What is kept of these areas.
    Kept(Vec<Area>),
    /// What is kept of the practices of these groups.
    Practices(Vec<BTreeSet<PracticeCode>>),
}

impl AccessStatistics {
    pub(crate) async fn series(&self, query: &SeriesQuery) -> Result<SeriesPage, QueryError> {
        let picture = self.picture_at(query.frame.min_position).await?;
        let returns = self.returns.published();
        let points = Points::of(query.period, query.step, query.now);
        let moments = points.ends(query.now);
        let stocks = StockQuery {
            measure: query.measure,
            within: &query.within,
            moments: &moments,
            known_at: query.frame.known_at,
            placed_at: query.placed_at,
            capability: &query.frame.capability,
        };
        // Which areas there are is told by their practices, also for flows.
        let mut values: BTreeMap<Subject, Vec<u64>> = match &query.grouping {
            Grouping::Areas(kind) => {
                let series = stock_series(&stocks, *kind, &picture.directory, &returns.state);
                series.into_iter().map(|(area, values)| (Subject::Area(area), values)).collect()
            }
            Grouping::Sets(sets) => {
                let series = stock_series_of_sets(&stocks, sets, &picture.directory, &returns.state);
                sets.iter().map(|set| Subject::Set(set.name.clone())).zip(series).collect()
            }
        };

        values.retain(|subject, _| query.after.as_ref() < Some(subject));
        let parts = match query.split {
            None => 1,
            Some(_) => self.parts_count(query),
        };
        let page = query.series_max.min(POINTS_MAX / points.count().max(1)).div_euclid(parts).max(1);
        let rest = values.keys().nth(page).cloned().map(|first| values.split_off(&first));
        let goes_on_after = rest.and_then(|_| values.keys().next_back().cloned());

        let wholes = query.wholes(&stocks, &picture.directory, &returns.state);
        let mut positions = Positions { registry: picture.followed.position, returns: returns.position, events: 0 };
        let series = if matches!(query.measure, Measure::RecordViews | Measure::Viewers) {
            let subjects: Vec<Subject> = values.into_keys().collect();
            let (series, events) = self.flow_series(query, &picture, subjects, &points).await?;
            positions.events = events;
            series
        } else {
            positions.events = self.flows.ingest.shared().pending().head.position;
            let exact = |(subject, values): (Subject, Vec<u64>)| Series {
                subject,
                part: Part::Whole,
                values: values.into_iter().map(Estimate::exact).collect(),
            };
            values.into_iter().map(exact).collect()
        };
        Ok(SeriesPage { points, series, wholes, goes_on_after, positions })
    }

    /// How many series a subject may have.
    fn parts_count(&self, query: &SeriesQuery) -> usize {
        let kind = tally::EventKind::RecordViewed;
        let parts = tally::Parts::of(query.split, kind, &query.frame.capability, &self.flows.ingest.dictionary());
        parts.list().len().max(1)
    }

    async fn flow_series(
        &self,
        query: &SeriesQuery,
        picture: &Picture,
        subjects: Vec<Subject>,
        points: &Points,
    ) -> Result<(Vec<Series>, u64), QueryError> {
        let flow_query = FlowQuery {
            capability: query.frame.capability.clone(),
            period: query.period,
            known: Day::of(query.frame.known_at),
        };
        let intervals = match points {
            Points::Hours(hours) => return self.hourly_series(query, picture, flow_query, subjects, hours).await,
            Points::Periods(intervals) => intervals,
        };
        let source = query.source(picture, &subjects);
        if query.measure == Measure::Viewers {
            let (values, position) = match source {
                Source::Kept(areas) => self.viewers_of_areas(flow_query, &areas, intervals).await?,
                Source::Practices(groups) => {
                    intervals
                        .iter()
                        .try_for_each(|interval| self.practice_viewers_kept(*interval, flow_query.known))?;
                    self.flows.viewers_of_groups(&flow_query, &groups, intervals).await?
                }
            };
            let whole = |(subject, values)| Series { subject, part: Part::Whole, values };
            return Ok((subjects.into_iter().zip(values).map(whole).collect(), position));
        }
        let PartedViews { views, position } = match &source {
            // Ready sums, which are a tenth as many rows.
            Source::Kept(areas) if query.split.is_none() => self.views_of_areas(flow_query, areas).await?,
            Source::Kept(areas) => self.flows.views_by_part(&flow_query, Whose::Areas(areas), query.split).await?,
            Source::Practices(groups) => {
                self.flows.views_by_part(&flow_query, Whose::Groups(groups), query.split).await?
            }
        };
        let series = query.counted_series(&subjects, views, |days| {
            let sum = |interval: &Period| days.range(interval.start()..=interval.end()).map(|(_, count)| count).sum();
            intervals.iter().map(|interval| Estimate::exact(sum(interval))).collect()
        });
        Ok((series, position))
    }

    /// Of hours only views are counted, and nothing is kept but what practices have.
    async fn hourly_series(
        &self,
        query: &SeriesQuery,
        picture: &Picture,
        flow_query: FlowQuery,
        subjects: Vec<Subject>,
        hours: &[Hour],
    ) -> Result<(Vec<Series>, u64), QueryError> {
        if query.measure != Measure::RecordViews {
            return Err(QueryError::NotByTheHour { measure: query.measure });
        }
        self.hours_kept(query.period)?;
        let groups = query.groups(picture, &subjects);
        let HourlyViews { views, position } = self.flows.views_by_hour(&flow_query, &groups, query.split).await?;
        let series = query.counted_series(&subjects, views, |counts| {
            hours.iter().map(|hour| Estimate::exact(counts.get(hour).copied().unwrap_or(0))).collect()
        });
        Ok((series, position))
    }

    pub(super) async fn views_of_areas(&self, query: FlowQuery, areas: &[Area]) -> Result<PartedViews, QueryError> {
        let all: BTreeSet<Area> = areas.iter().cloned().collect();
        let mut read = self.flows.begin(query, &all).await?;
        let mut counted = read.views(&all).await?;
        let position = read.position;
        read.end().await?;
        let numbered = areas.iter().enumerate().filter_map(|(number, area)| {
            let days = counted.remove(area)?;
            Some(((number, Part::Whole), days))
        });
        Ok(PartedViews { views: numbered.collect(), position })
    }

    async fn viewers_of_areas(
        &self,
        query: FlowQuery,
        areas: &[Area],
        intervals: &[Period],
    ) -> Result<(Vec<Vec<Estimate>>, u64), QueryError> {
        let mut read = self.flows.begin(query, &areas.iter().cloned().collect()).await?;
        let mut values = Vec::with_capacity(areas.len());
        // Area by area: the sketches of all of them, of a year, would be a hundred megabytes.
        for area in areas {
            values.push(viewers(&mut read, area, intervals).await?);
        }
        let position = read.position;
        read.end().await?;
        Ok((values, position))
    }
}

impl SeriesQuery {
    /// What each subject's figure is a part of, at the same moments and of the same practices (rule 14).
    fn wholes(&self, stocks: &StockQuery<'_>, directory: &Directory, returns: &Returns) -> BTreeMap<Subject, Whole> {
        let Some(measure) = self.measure.definition().denominator else { return BTreeMap::new() };
        let stocks = StockQuery { measure, ..stocks.clone() };
        match &self.grouping {
            Grouping::Areas(kind) => {
                let series = whole_series(&stocks, *kind, directory, returns);
                series.into_iter().map(|(area, whole)| (Subject::Area(area), whole)).collect()
            }
            Grouping::Sets(sets) => {
                let series = whole_series_of_sets(&stocks, sets, directory, returns);
                sets.iter().map(|set| Subject::Set(set.name.clone())).zip(series).collect()
            }
        }
    }

    /// Counts as series. Without a split each subject has one, also where nothing was counted.
    fn counted_series<T>(
        &self,
        subjects: &[Subject],
        mut counted: BTreeMap<(usize, Part), BTreeMap<T, u64>>,
        values: impl Fn(&BTreeMap<T, u64>) -> Vec<Estimate>,
    ) -> Vec<Series> {
        if self.split.is_none() {
            for number in 0..subjects.len() {
                counted.entry((number, Part::Whole)).or_default();
            }
        }
        let series = counted.into_iter().filter_map(|((number, part), counts)| {
            Some(Series { subject: subjects.get(number)?.clone(), part, values: values(&counts) })
        });
        series.collect()
    }

    /// Areas of which enough is kept are asked for themselves, unless practices are to lie elsewhere than they did; all else is
    /// added up from practices.
    fn source(&self, picture: &Picture, subjects: &[Subject]) -> Source {
        let areas = subjects.iter().filter_map(|subject| match subject {
            Subject::Area(area) => Some(area.clone()),
            Subject::Set(_) => None,
        });
        let areas: Vec<Area> = areas.collect();
        let is_kept = |area: &Area| match area.keeping() {
            Keeping::CountsAndPeople => true,
            Keeping::Counts => self.measure == Measure::RecordViews && self.split.is_none(),
            Keeping::Nothing => false,
        };
        if self.placed_at.is_none() && areas.len() == subjects.len() && areas.iter().all(is_kept) {
            return Source::Kept(areas);
        }
        Source::Practices(self.groups(picture, subjects))
    }

    /// The practices of each subject.
    fn groups(&self, picture: &Picture, subjects: &[Subject]) -> Vec<BTreeSet<PracticeCode>> {
        let placed_at = self.placed_at.unwrap_or_else(|| self.period.end().end().min(self.now));
        let places = (placed_at, self.frame.known_at);
        match &self.grouping {
            Grouping::Areas(AreaKind::Practice) => subjects.iter().map(of_one).collect(),
            Grouping::Areas(kind) => {
                let mut practices = practices_by_area(*kind, &self.within, places, &picture.directory);
                let mut inside = |subject: &Subject| match subject {
                    Subject::Area(area) => practices.remove(area),
                    Subject::Set(_) => None,
                };
                subjects.iter().map(|subject| inside(subject).unwrap_or_default()).collect()
            }
            Grouping::Sets(sets) => {
                let mut inside = practices_by_area(AreaKind::England, &self.within, places, &picture.directory);
                let inside = inside.remove(&Area::England).unwrap_or_default();
                let named: BTreeMap<&str, &PracticeSet> = sets.iter().map(|set| (set.name.as_str(), set)).collect();
                let members = |subject: &Subject| match subject {
                    Subject::Set(name) => named.get(name.as_str()).map(|set| &set.practices & &inside),
                    Subject::Area(_) => None,
                };
                subjects.iter().map(|subject| members(subject).unwrap_or_default()).collect()
            }
        }
    }
}

fn of_one(subject: &Subject) -> BTreeSet<PracticeCode> {
    match subject {
        Subject::Area(Area::Practice(code)) => BTreeSet::from([*code]),
        Subject::Area(_) | Subject::Set(_) => BTreeSet::new(),
    }
}

async fn viewers(read: &mut FlowRead, area: &Area, intervals: &[Period]) -> Result<Vec<Estimate>, QueryError> {
    let days = read.viewers(area).await?;
    let estimate = |interval: &Period| {
        let mut inside = days.range(interval.start()..=interval.end()).map(|(_, union)| union);
        let Some(first) = inside.next() else { return Estimate::ZERO };
        let mut everybody: Union = first.clone();
        for day in inside {
            everybody.merge(day);
        }
        everybody.estimate()
    };
    Ok(intervals.iter().map(estimate).collect())
}

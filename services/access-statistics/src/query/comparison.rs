//! Chosen practices before and after their first day, beside the others.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

use jiff::Timestamp;
use ods::PracticeCode;
use tally::{
    Area, AreaKind, Day, Estimate, Measure, Part, Period, PracticeSet, Returns, StockQuery, Viewpoint, Window,
    by_first_day, practices_by_area, stock_series_of_sets,
};

use super::groups::Whose;
use super::{Frame, Positions, QueryError};
use crate::AccessStatistics;
use crate::follow::Picture;
use crate::store::flows::FlowQuery;

/// What is compared.
#[derive(Clone, Debug)]
pub(crate) struct ComparisonQuery {
    pub(crate) measure: Measure,
    pub(crate) set: PracticeSet,
    pub(crate) within: Area,
    pub(crate) days: i32,
    /// For all of them; None for each its own, since it is live.
    pub(crate) first_day: Option<Day>,
    pub(crate) now: Timestamp,
    pub(crate) frame: Frame,
}

/// Both sides.
#[derive(Clone, Debug)]
pub(crate) struct Comparison {
    pub(crate) chosen: Side,
    pub(crate) others: Side,
    pub(crate) left_out: usize,
    pub(crate) earliest: Day,
    pub(crate) latest: Day,
    pub(crate) window: Window,
    pub(crate) positions: Positions,
}

/// One side.
#[derive(Clone, Debug, Default)]
pub(crate) struct Side {
    pub(crate) practices: usize,
    pub(crate) registered: u64,
    /// None where it is not known, or there is no such day.
    pub(crate) before: Option<Estimate>,
    pub(crate) after: Option<Estimate>,
    /// Day by day; empty where it is not known.
    pub(crate) days: Vec<Estimate>,
}

/// The practices of a comparison, and what is looked at.
struct Sides {
    /// The chosen ones by their first days; at least one.
    chosen: BTreeMap<Day, BTreeSet<PracticeCode>>,
    others: BTreeSet<PracticeCode>,
    window: Window,
    /// All days of all windows.
    span: Period,
}

/// Values by group and day: the chosen ones by first day, then the others.
type Values = Vec<BTreeMap<Day, u64>>;

impl AccessStatistics {
    pub(crate) async fn comparison(&self, query: &ComparisonQuery) -> Result<Comparison, QueryError> {
        let picture = self.picture_at(query.frame.min_position).await?;
        let returns = self.returns.published();
        let sides = query.sides(&picture)?;
        let count = sides.chosen.values().map(BTreeSet::len).sum();
        let mut positions = Positions {
            registry: picture.followed.position,
            returns: returns.position,
            events: self.flows.ingest.shared().pending().head.position,
        };
        let (mut chosen, mut others) = if query.measure == Measure::Viewers {
            self.viewers_of_sides(query, &sides).await?
        } else {
            let values = if query.measure == Measure::RecordViews {
                let (values, position) = self.views_of_sides(query, &sides).await?;
                positions.events = position;
                values
            } else {
                sides.stocks(query, query.measure, &picture, &returns.state)
            };
            sides.aligned(query.measure, &values)
        };
        let registered = sides.registered(query, &picture, &returns.state);
        (chosen.practices, chosen.registered) = (count, registered.0);
        (others.practices, others.registered) = (sides.others.len(), registered.1);
        Ok(Comparison {
            chosen,
            others,
            left_out: query.set.practices.len() - count,
            earliest: sides.earliest(),
            latest: sides.latest(),
            window: sides.window,
            positions,
        })
    }

    async fn views_of_sides(&self, query: &ComparisonQuery, sides: &Sides) -> Result<(Values, u64), QueryError> {
        let flow_query = query.flows(sides.span);
        let groups = sides.groups();
        let found = self.flows.views_by_part(&flow_query, Whose::Groups(&groups), None).await?;
        let mut values = Values::new();
        values.resize_with(groups.len(), BTreeMap::new);
        for ((group, part), days) in found.views {
            if part == Part::Whole {
                values[group] = days;
            }
        }
        Ok((values, found.position))
    }

    async fn viewers_of_sides(&self, query: &ComparisonQuery, sides: &Sides) -> Result<(Side, Side), QueryError> {
        let flow_query = query.flows(sides.span);
        for day in sides.span.each_day() {
            self.practice_viewers_kept(Period::new(day, day)?, flow_query.known)?;
        }
        let chosen: Vec<(Day, &BTreeSet<PracticeCode>)> = sides.chosen.iter().map(|(first, of)| (*first, of)).collect();
        let others = [(sides.earliest(), &sides.others)];
        let chosen = self.viewers_of_side(&flow_query, sides.window, &chosen).await?;
        // Seen from several first days the others' people would be those of no set of days.
        let others = match sides.chosen.len() {
            1 => self.viewers_of_side(&flow_query, sides.window, &others).await?,
            _ => Side::default(),
        };
        Ok((chosen, others))
    }

    async fn viewers_of_side(
        &self,
        query: &FlowQuery,
        window: Window,
        side: &[(Day, &BTreeSet<PracticeCode>)],
    ) -> Result<Side, QueryError> {
        let mut of_side = Side::default();
        for day in window.days() {
            of_side.days.push(self.viewers_in(query, side, day..=day).await?);
        }
        of_side.before = Some(self.viewers_in(query, side, -window.days_before..=-1).await?);
        if window.days_after > 0 {
            of_side.after = Some(self.viewers_in(query, side, 0..=window.days_after - 1).await?);
        }
        Ok(of_side)
    }

    /// Everybody who viewed in these days, counted from each practice's first day.
    async fn viewers_in(
        &self,
        query: &FlowQuery,
        side: &[(Day, &BTreeSet<PracticeCode>)],
        days: RangeInclusive<i32>,
    ) -> Result<Estimate, QueryError> {
        let period = |first: Day| Period::new(first.plus(*days.start()), first.plus(*days.end()));
        let mut windows = Vec::with_capacity(side.len());
        for (first, practices) in side {
            windows.push((*practices, period(*first)?));
        }
        Ok(self.flows.viewers_together(query, &windows).await?.0)
    }
}

impl ComparisonQuery {
    fn flows(&self, period: Period) -> FlowQuery {
        FlowQuery { capability: self.frame.capability.clone(), period, known: Day::of(self.frame.known_at) }
    }

    fn viewpoint(&self, as_at: Timestamp) -> Viewpoint {
        Viewpoint { as_at, known_at: self.frame.known_at, capability: self.frame.capability.clone() }
    }

    fn sides(&self, picture: &Picture) -> Result<Sides, QueryError> {
        let places = (self.now, self.frame.known_at);
        let mut inside = practices_by_area(AreaKind::England, &self.within, places, &picture.directory);
        let inside = &self.set.practices & &inside.remove(&Area::England).unwrap_or_default();
        let chosen = match self.first_day {
            Some(first) if !inside.is_empty() => BTreeMap::from([(first, inside)]),
            _ => by_first_day(&inside, &self.viewpoint(self.now), &picture.directory),
        };
        let (Some(earliest), Some(latest)) = (chosen.keys().next(), chosen.keys().next_back()) else {
            return Err(QueryError::NothingToCompare { count: self.set.practices.len() });
        };
        let window = Window::over_by(self.days, *latest, self.now);
        let span = Period::new(earliest.plus(-window.days_before), latest.plus(window.days_after - 1))?;
        let from = self.viewpoint(earliest.plus(-1).end());
        let open = picture.directory.open_in(&self.within, &from).map(|practice| practice.code);
        let others = open.filter(|code| !self.set.practices.contains(code)).collect();
        Ok(Sides { chosen, others, window, span })
    }
}

impl Sides {
    fn earliest(&self) -> Day {
        *self.chosen.keys().next().expect("made with at least one")
    }

    fn latest(&self) -> Day {
        *self.chosen.keys().next_back().expect("made with at least one")
    }

    /// The chosen ones by first day, then the others.
    fn groups(&self) -> Vec<BTreeSet<PracticeCode>> {
        self.chosen.values().chain([&self.others]).cloned().collect()
    }

    fn stocks(&self, query: &ComparisonQuery, measure: Measure, picture: &Picture, returns: &Returns) -> Values {
        let days: Vec<Day> = self.span.each_day().collect();
        let moments: Vec<Timestamp> = days.iter().map(|day| day.end()).collect();
        let stocks = StockQuery {
            measure,
            within: &Area::England,
            moments: &moments,
            known_at: query.frame.known_at,
            placed_at: None,
            capability: &query.frame.capability,
        };
        let set = |practices| PracticeSet { name: String::new(), practices };
        let sets: Vec<PracticeSet> = self.groups().into_iter().map(set).collect();
        let series = stock_series_of_sets(&stocks, &sets, &picture.directory, returns);
        series.into_iter().map(|values| days.iter().copied().zip(values).collect()).collect()
    }

    /// Patients registered on the day before: at the chosen ones, and at the others.
    fn registered(&self, query: &ComparisonQuery, picture: &Picture, returns: &Returns) -> (u64, u64) {
        let values = self.stocks(query, Measure::PatientsRegistered, picture, returns);
        let at = |first: Day, values: &BTreeMap<Day, u64>| values.get(&first.plus(-1)).copied().unwrap_or_default();
        let chosen = self.chosen.keys().zip(&values).map(|(first, values)| at(*first, values)).sum();
        (chosen, values.last().map_or(0, |others| at(self.earliest(), others)))
    }

    /// Both sides of an exact figure.
    fn aligned(&self, measure: Measure, values: &Values) -> (Side, Side) {
        let of_chosen: Vec<(Day, &BTreeMap<Day, u64>)> = self.chosen.keys().copied().zip(values).collect();
        let firsts = self.chosen.iter().map(|(first, practices)| (*first, practices.len() as u64)).collect();
        let none = BTreeMap::new();
        let chosen = self.window.sums(&of_chosen);
        let others = self.window.means(values.last().unwrap_or(&none), &firsts);
        (self.side(measure, &chosen), self.side(measure, &others))
    }

    fn side(&self, measure: Measure, days: &[u64]) -> Side {
        let before_count = usize::try_from(self.window.days_before).unwrap_or_default();
        let (before, after) = days.split_at(before_count.min(days.len()));
        let together = |days: &[u64]| match measure {
            Measure::RecordViews => (!days.is_empty()).then(|| days.iter().sum()),
            _ => days.last().copied(),
        };
        Side {
            before: together(before).map(Estimate::exact),
            after: together(after).map(Estimate::exact),
            days: days.iter().copied().map(Estimate::exact).collect(),
            ..Side::default()
        }
    }
}

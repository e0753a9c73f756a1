//! Stocks over time, for every area of a kind at once, or for sets of practices; and which practices lie in which area.
//!
//! Figures of a moment follow from facts that change rarely, so each practice is looked at once per change, not once per
//! point: a year of days over six thousand practices would otherwise be two million look-ups.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use jiff::Timestamp;
use ods::{Capability, PracticeCode};

use crate::area::{Area, AreaKind};
use crate::day::Day;
use crate::definition::Measure;
use crate::directory::{Directory, PracticeRecord, Viewpoint};
use crate::place::Place;
use crate::practice_set::{PracticeSet, memberships};
use crate::returns::Returns;
use crate::summary::{Counted, Denominator, REGISTRY, Sum};

/// Which series of stocks.
#[derive(Clone, Debug)]
pub struct StockQuery<'a> {
    /// Which figure; one that holds at a moment.
    pub measure: Measure,
    /// Only practices that lie in this area.
    pub within: &'a Area,
    /// The moments, ascending.
    pub moments: &'a [Timestamp],
    /// By what had been recorded at this moment.
    pub known_at: Timestamp,
    /// Which practice lies where: as at this moment, or as at each moment.
    pub placed_at: Option<Timestamp>,
    /// Which capability's.
    pub capability: &'a Capability,
}

/// Values by area of a kind, one for each moment. An area that no open practice lay in at any moment is not there.
#[must_use]
pub fn stock_series(
    query: &StockQuery<'_>,
    group_by: AreaKind,
    directory: &Directory,
    returns: &Returns,
) -> BTreeMap<Area, Vec<u64>> {
    let mut series: BTreeMap<Area, Vec<u64>> = BTreeMap::new();
    for (code, record) in directory.records() {
        each_part(query, code, record, returns, |place, moments, value| {
            let Some(area) = place.area(group_by, code) else { return };
            let values = series.entry(area).or_insert_with(|| vec![0; query.moments.len()]);
            values[moments].iter_mut().for_each(|sum| *sum += value);
        });
    }
    series
}

/// Values by set, in their order, one for each moment; those of practices that nobody knows, or not within the area, are 0.
#[must_use]
pub fn stock_series_of_sets(
    query: &StockQuery<'_>,
    sets: &[PracticeSet],
    directory: &Directory,
    returns: &Returns,
) -> Vec<Vec<u64>> {
    let mut series = vec![vec![0; query.moments.len()]; sets.len()];
    for (code, numbers) in memberships(sets) {
        let Some(record) = directory.record(code) else { continue };
        each_part(query, code, record, returns, |_, moments, value| {
            for number in &numbers {
                series[*number][moments.clone()].iter_mut().for_each(|sum| *sum += value);
            }
        });
    }
    series
}

/// What a series is a part of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Whole {
    /// At each moment.
    pub values: Vec<u64>,
    /// At the last one, with who counted it; None where there is no moment.
    pub last: Option<Denominator>,
}

/// The same as [`stock_series`], with who counted.
#[must_use]
pub fn whole_series(
    query: &StockQuery<'_>,
    group_by: AreaKind,
    directory: &Directory,
    returns: &Returns,
) -> BTreeMap<Area, Whole> {
    let mut sums: BTreeMap<Area, Sum<'_>> = BTreeMap::new();
    for (code, record) in directory.records() {
        let Some((place, counted)) = at_last(query, code, record, returns) else { continue };
        let Some(area) = place.area(group_by, code) else { continue };
        sums.entry(area).or_default().add(counted);
    }
    let series = stock_series(query, group_by, directory, returns).into_iter();
    series
        .map(|(area, values)| {
            let sum = sums.remove(&area).unwrap_or_default();
            (area, Whole { values, last: query.denominator(&sum) })
        })
        .collect()
}

/// The same as [`stock_series_of_sets`], with who counted.
#[must_use]
pub fn whole_series_of_sets(
    query: &StockQuery<'_>,
    sets: &[PracticeSet],
    directory: &Directory,
    returns: &Returns,
) -> Vec<Whole> {
    let mut sums: Vec<Sum<'_>> = vec![Sum::default(); sets.len()];
    for (code, numbers) in memberships(sets) {
        let Some(record) = directory.record(code) else { continue };
        let Some((_, counted)) = at_last(query, code, record, returns) else { continue };
        for number in numbers {
            sums[number].add(counted);
        }
    }
    let series = stock_series_of_sets(query, sets, directory, returns).into_iter().zip(sums);
    series.map(|(values, sum)| Whole { values, last: query.denominator(&sum) }).collect()
}

impl StockQuery<'_> {
    /// A sum at the last moment.
    fn denominator(&self, sum: &Sum<'_>) -> Option<Denominator> {
        let day = Day::of(*self.moments.last()?);
        Some(match self.measure {
            Measure::PracticesTotal => Denominator::practices(sum.value(), day),
            measure => sum.denominator(measure),
        })
    }
}

/// What a practice adds at the last moment, and where it lies; None where it adds nothing whoever counts.
fn at_last<'a>(
    query: &StockQuery<'_>,
    code: PracticeCode,
    record: &'a PracticeRecord,
    returns: &'a Returns,
) -> Option<(&'a Place, Option<Counted<'a>>)> {
    let part = contribution(query, code, record, returns, *query.moments.last()?)?;
    part.is_counted.then_some((part.place, part.counted))
}

/// The practices that lay in the areas of a kind at a moment, open or not: events are counted for them whenever they were.
#[must_use]
pub fn practices_by_area(
    group_by: AreaKind,
    within: &Area,
    (placed_at, known_at): (Timestamp, Timestamp),
    directory: &Directory,
) -> BTreeMap<Area, BTreeSet<PracticeCode>> {
    let mut practices: BTreeMap<Area, BTreeSet<PracticeCode>> = BTreeMap::new();
    for (code, record) in directory.records() {
        let place = record.place_at(placed_at, known_at).filter(|place| place.lies_in(within, code));
        if let Some(area) = place.and_then(|place| place.area(group_by, code)) {
            practices.entry(area).or_default().insert(code);
        }
    }
    practices
}

/// Tells what a practice adds to the moments, piece by piece: where it lies, in which of them, how much.
fn each_part(
    query: &StockQuery<'_>,
    code: PracticeCode,
    record: &PracticeRecord,
    returns: &Returns,
    mut add: impl FnMut(&Place, Range<usize>, u64),
) {
    let mut index = 0;
    while let Some(&moment) = query.moments.get(index) {
        let change = next_change(query, code, record, returns, moment);
        let unchanged = |later: &Timestamp| change.is_none_or(|change| *later < change);
        let end = index + query.moments[index..].partition_point(unchanged).max(1);
        if let Some(part) = contribution(query, code, record, returns, moment) {
            add(part.place, index..end, part.counted.map_or(0, |(value, ..)| value));
        }
        index = end;
    }
}

/// What a practice adds.
struct Part<'a> {
    place: &'a Place,
    /// Whether it should: accounts of a practice that is not live are nobody's.
    is_counted: bool,
    /// None where nobody counted.
    counted: Option<Counted<'a>>,
}

/// What a practice adds at a moment, and where it lies; None where it is not open or not within the area asked for.
fn contribution<'a>(
    query: &StockQuery<'_>,
    code: PracticeCode,
    record: &'a PracticeRecord,
    returns: &'a Returns,
    moment: Timestamp,
) -> Option<Part<'a>> {
    let from = Viewpoint { as_at: moment, known_at: query.known_at, capability: query.capability.clone() };
    let practice = record.view(code, &from)?;
    let place = match query.placed_at {
        None => practice.place,
        Some(placed_at) => record.place_at(placed_at, query.known_at)?,
    };
    if !place.lies_in(query.within, code) {
        return None;
    }
    let is_counted = query.measure != Measure::PatientsWithAccess || practice.is_live;
    let counted = match query.measure {
        // Of the moment's day: `denominator` says so, once for all.
        Measure::PracticesTotal => Some((1, REGISTRY, None)),
        Measure::PracticesLive => Some((u64::from(practice.is_live), REGISTRY, None)),
        Measure::PatientsRegistered => practice.list_size.map(|list| (list.patients, list.source.as_str(), list.as_at)),
        Measure::PatientsWithAccess if is_counted => returns
            .latest(query.capability, code, Day::of(moment), query.known_at)
            .map(|(end, revision)| (revision.figures.accounts_with_access, revision.supplier.as_str(), Some(end))),
        // Flows do not hold at a moment, callers ask the store for them; of the others there are no series.
        _ => None,
    };
    Some(Part { place, is_counted, counted })
}

/// The first moment after `moment` at which the practice may contribute otherwise.
fn next_change(
    query: &StockQuery<'_>,
    code: PracticeCode,
    record: &PracticeRecord,
    returns: &Returns,
    moment: Timestamp,
) -> Option<Timestamp> {
    let next_return = match query.measure {
        Measure::PatientsWithAccess => returns.next_period_end(query.capability, code, Day::of(moment)),
        _ => None,
    };
    let next_return = next_return.map(|end| Day::from(end).start());
    record.next_change(query.capability, moment).into_iter().chain(next_return).min()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::summary::Stocks;
    use crate::testing::{self, moment};

    proptest! {
        #[test]
        fn a_series_says_at_each_moment_what_the_summary_says(
            world in testing::world(),
            mut hours in prop::collection::vec(0_i64..24 * 100, 1..12),
            known in 0_i64..24 * 120,
        ) {
            let (directory, returns) = world;
            hours.sort_unstable();
            let moments: Vec<Timestamp> = hours.iter().map(|hour| moment(*hour)).collect();
            let capability = Capability::default();
            for measure in
                [Measure::PracticesLive, Measure::PracticesTotal, Measure::PatientsRegistered, Measure::PatientsWithAccess]
            {
                for group_by in [AreaKind::England, AreaKind::Icb, AreaKind::SubIcb, AreaKind::Practice] {
                    let query = StockQuery {
                        measure, within: &Area::England, moments: &moments, known_at: moment(known),
                        placed_at: None, capability: &capability,
                    };
                    for (area, values) in stock_series(&query, group_by, &directory, &returns) {
                        for (at, value) in moments.iter().zip(values) {
                            let from = Viewpoint { as_at: *at, known_at: moment(known), capability: capability.clone() };
                            let stocks = Stocks::of(&area, &from, &directory, &returns);
                            let figure = match measure {
                                Measure::PracticesLive => stocks.practices_live,
                                Measure::PracticesTotal => stocks.practices_total,
                                Measure::PatientsRegistered => stocks.patients_registered,
                                _ => stocks.patients_with_access,
                            };
                            prop_assert_eq!(figure.value, value, "{} of {} at {}", measure, area, at);
                        }
                    }
                    for (area, whole) in whole_series(&query, group_by, &directory, &returns) {
                        let last = *moments.last().expect("one at least");
                        let from = Viewpoint { as_at: last, known_at: moment(known), capability: capability.clone() };
                        let stocks = Stocks::of(&area, &from, &directory, &returns);
                        let denominator = match measure {
                            Measure::PracticesTotal => stocks.practices_live.denominator,
                            Measure::PatientsRegistered => stocks.patients_with_access.denominator,
                            Measure::PatientsWithAccess => Some(stocks.viewers_of),
                            _ => continue,
                        };
                        prop_assert_eq!(whole.values.last().copied(), denominator.as_ref().map(|whole| whole.value));
                        prop_assert_eq!(whole.last, denominator, "{} of {}", measure, area);
                    }
                }
            }
        }

        /// Against a naive sum over the series of single practices.
        #[test]
        fn a_sets_series_is_the_sum_of_its_practices(
            world in testing::world(),
            members in prop::collection::vec(prop::collection::btree_set(0_u32..8, 0..8), 1..4),
            mut hours in prop::collection::vec(0_i64..24 * 100, 1..8),
            placed in prop::option::of(0_i64..24 * 100),
        ) {
            let (directory, returns) = world;
            hours.sort_unstable();
            let moments: Vec<Timestamp> = hours.iter().map(|hour| moment(*hour)).collect();
            let capability = Capability::default();
            let sets: Vec<PracticeSet> = members
                .iter()
                .map(|members| PracticeSet {
                    name: String::new(),
                    practices: members.iter().map(|number| testing::code(*number)).collect(),
                })
                .collect();
            let within = "icbs/QHM".parse().unwrap();
            for measure in [Measure::PracticesLive, Measure::PracticesTotal, Measure::PatientsWithAccess] {
                let query = StockQuery {
                    measure, within: &within, moments: &moments, known_at: moment(24 * 120),
                    placed_at: placed.map(moment), capability: &capability,
                };
                let single = stock_series(&query, AreaKind::Practice, &directory, &returns);
                let of_sets = stock_series_of_sets(&query, &sets, &directory, &returns);
                let wholes = whole_series_of_sets(&query, &sets, &directory, &returns);
                prop_assert_eq!(wholes.iter().map(|whole| &whole.values).collect::<Vec<_>>(), of_sets.iter().collect::<Vec<_>>());
                for whole in &wholes {
                    let last = whole.last.as_ref().map(|whole| (whole.measure, whole.value));
                    prop_assert_eq!(last, whole.values.last().map(|value| (measure, *value)));
                }
                prop_assert_eq!(of_sets.len(), sets.len());
                for (set, values) in sets.iter().zip(of_sets) {
                    for (index, value) in values.iter().enumerate() {
                        let of_practice = |code: &PracticeCode| single.get(&Area::Practice(*code)).map_or(0, |one| one[index]);
                        prop_assert_eq!(set.practices.iter().map(of_practice).sum::<u64>(), *value);
                    }
                }
            }
        }

        /// Every practice lies in one area of a kind at most, and in that which its own series says.
        #[test]
        fn practices_lie_where_the_series_of_their_area_has_them(world in testing::world(), at in 0_i64..24 * 100) {
            let (directory, returns) = world;
            let (moments, capability) = ([moment(at)], Capability::default());
            let query = StockQuery {
                measure: Measure::PracticesTotal, within: &Area::England, moments: &moments, known_at: moment(24 * 200),
                placed_at: None, capability: &capability,
            };
            let places = (moment(at), moment(24 * 200));
            let lying = practices_by_area(AreaKind::Icb, &Area::England, places, &directory);
            let listed: usize = lying.values().map(BTreeSet::len).sum();
            let all: BTreeSet<PracticeCode> = lying.values().flatten().copied().collect();
            prop_assert_eq!(listed, all.len());
            for (area, open) in stock_series(&query, AreaKind::Icb, &directory, &returns) {
                let from = Viewpoint { as_at: moment(at), known_at: moment(24 * 200), capability: capability.clone() };
                let of_area = directory.open_in(&area, &from).filter(|practice| lying[&area].contains(&practice.code));
                prop_assert_eq!(of_area.count() as u64, open[0]);
            }
        }
    }
}

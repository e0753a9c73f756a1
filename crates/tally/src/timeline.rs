//! Stocks over time, for every area of a kind at once.
//!
//! Figures of a moment follow from facts that change rarely, so each practice is looked at once per change, not once per
//! point: a year of days over six thousand practices would otherwise be two million look-ups.

use std::collections::BTreeMap;

use jiff::Timestamp;
use ods::{Capability, PracticeCode};

use crate::area::{Area, AreaKind};
use crate::day::Day;
use crate::definition::Measure;
use crate::directory::{Directory, PracticeRecord, Viewpoint};
use crate::returns::Returns;

/// Which series of stocks.
#[derive(Clone, Debug)]
pub struct StockQuery<'a> {
    /// Which figure; one that holds at a moment.
    pub measure: Measure,
    /// One series for each area of this kind.
    pub group_by: AreaKind,
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

/// Values by area, one for each moment. An area that no open practice lay in at any moment is not there.
#[must_use]
pub fn stock_series(query: &StockQuery<'_>, directory: &Directory, returns: &Returns) -> BTreeMap<Area, Vec<u64>> {
    let mut series = BTreeMap::new();
    for (code, record) in directory.records() {
        add_practice(&mut series, query, code, record, returns);
    }
    series
}

fn add_practice(
    series: &mut BTreeMap<Area, Vec<u64>>,
    query: &StockQuery<'_>,
    code: PracticeCode,
    record: &PracticeRecord,
    returns: &Returns,
) {
    let mut index = 0;
    while let Some(&moment) = query.moments.get(index) {
        let change = next_change(query, code, record, returns, moment);
        let unchanged = |later: &Timestamp| change.is_none_or(|change| *later < change);
        let end = index + query.moments[index..].partition_point(unchanged).max(1);
        if let Some((area, value)) = contribution(query, code, record, returns, moment) {
            let values = series.entry(area).or_insert_with(|| vec![0; query.moments.len()]);
            for sum in &mut values[index..end] {
                *sum += value;
            }
        }
        index = end;
    }
}

/// What a practice adds at a moment, and to which series; None where it is not open or not within the area asked for.
fn contribution(
    query: &StockQuery<'_>,
    code: PracticeCode,
    record: &PracticeRecord,
    returns: &Returns,
    moment: Timestamp,
) -> Option<(Area, u64)> {
    let from = Viewpoint { as_at: moment, known_at: query.known_at, capability: query.capability.clone() };
    let practice = record.view(code, &from)?;
    let place = match query.placed_at {
        None => practice.place,
        Some(placed_at) => record.place_at(placed_at, query.known_at)?,
    };
    if !place.lies_in(query.within, code) {
        return None;
    }
    let area = place.area(query.group_by, code)?;
    let value = match query.measure {
        Measure::PracticesTotal => 1,
        Measure::PracticesLive => u64::from(practice.is_live),
        Measure::PatientsRegistered => practice.list_size.map_or(0, |list| list.patients),
        Measure::PatientsWithAccess if practice.is_live => returns
            .latest(query.capability, code, Day::of(moment), query.known_at)
            .map_or(0, |(_, revision)| revision.figures.accounts_with_access),
        // Flows do not hold at a moment, callers ask the store for them; of the others there are no series.
        _ => 0,
    };
    Some((area, value))
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
                for group_by in [AreaKind::England, AreaKind::Icb, AreaKind::Practice] {
                    let query = StockQuery {
                        measure, group_by, within: &Area::England, moments: &moments, known_at: moment(known),
                        placed_at: None, capability: &capability,
                    };
                    for (area, values) in stock_series(&query, &directory, &returns) {
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
                }
            }
        }
    }
}

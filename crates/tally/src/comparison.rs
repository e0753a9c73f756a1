//! Before and after: figures of practices by days counted from each one's own first day, beside those of other practices.
//!
//! What is compared is only laid side by side. That one came of the other is not said here, nor whether the others are alike.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use ods::PracticeCode;

use crate::day::Day;
use crate::directory::{Directory, Viewpoint};

/// The days that are compared, counted from a first day: before it, and from it on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// So many before.
    pub days_before: i32,
    /// So many after, the first day among them.
    pub days_after: i32,
}

impl Window {
    /// The window of `days` on either side, of which only days that are over count: for all, so to the latest first day.
    #[must_use]
    pub fn over_by(days: i32, latest: Day, now: Timestamp) -> Self {
        let over = Day::of(now).number() - latest.number();
        let days_after = i32::try_from(over).unwrap_or(i32::MAX).clamp(0, days);
        Self { days_before: days, days_after }
    }

    /// The days by their numbers: −1 is the last before, 0 the first after.
    pub fn days(self) -> impl Iterator<Item = i32> {
        -self.days_before..self.days_after
    }

    /// Adds up series of practices that have first days of their own: the value of each day is the sum of theirs.
    #[must_use]
    pub fn sums(self, series: &[(Day, &BTreeMap<Day, u64>)]) -> Vec<u64> {
        let value = |day: i32| series.iter().map(|(first, values)| at(values, first.plus(day))).sum();
        self.days().map(value).collect()
    }

    /// One series seen from many first days, each as often as it is there: the mean of what it has, to the nearest whole.
    #[must_use]
    pub fn means(self, series: &BTreeMap<Day, u64>, firsts: &BTreeMap<Day, u64>) -> Vec<u64> {
        let weight: u128 = firsts.values().map(|count| u128::from(*count)).sum();
        let mean = |day: i32| {
            let seen = firsts.iter().map(|(first, count)| u128::from(*count) * u128::from(at(series, first.plus(day))));
            let sum: u128 = seen.sum();
            u64::try_from((sum + weight / 2).checked_div(weight).unwrap_or_default()).unwrap_or(u64::MAX)
        };
        self.days().map(mean).collect()
    }
}

fn at(values: &BTreeMap<Day, u64>, day: Day) -> u64 {
    values.get(&day).copied().unwrap_or_default()
}

/// Practices by the day since which they are live; those that are not are left out.
#[must_use]
pub fn by_first_day(
    practices: &BTreeSet<PracticeCode>,
    from: &Viewpoint,
    directory: &Directory,
) -> BTreeMap<Day, BTreeSet<PracticeCode>> {
    let mut firsts: BTreeMap<Day, BTreeSet<PracticeCode>> = BTreeMap::new();
    for practice in practices {
        let since = directory.record(*practice).and_then(|record| record.live_since(from));
        if let Some(since) = since {
            firsts.entry(Day::of(since)).or_default().insert(*practice);
        }
    }
    firsts
}

#[cfg(test)]
mod tests {
    use ods::Capability;
    use proptest::prelude::*;

    use super::*;
    use crate::directory::Told;
    use crate::fact::Fact;
    use crate::testing::{access, code, date, moment, place};

    fn day(days: i32) -> Day {
        date(days).into()
    }

    #[test]
    fn only_days_that_are_over_for_all_are_after() {
        let after = |latest| Window::over_by(7, latest, moment(24 * 10 + 12)).days_after;
        assert_eq!([day(0), day(4), day(9), day(10), day(20)].map(after), [7, 6, 1, 0, 0]);
        let window = Window { days_before: 2, days_after: 1 };
        assert_eq!(window.days().collect::<Vec<_>>(), [-2, -1, 0]);
    }

    #[test]
    fn a_practice_counts_from_the_day_on_which_it_went_live() {
        let mut directory = Directory::default();
        let mut tell = |practice, hours, value| {
            directory.tell(code(practice), Fact { effective_from: moment(hours), recorded_at: moment(hours), value });
        };
        for practice in 1..4 {
            tell(practice, 0, Told::Place(place("QHM", "TPP")));
        }
        tell(1, 24 * 5 + 9, access(true));
        tell(2, 24 * 3, access(true));
        tell(2, 24 * 6, access(false));
        tell(2, 24 * 8, access(true));
        let asked = [1, 2, 3, 9].map(code).into();
        let from = |at: i64| Viewpoint { as_at: moment(at), known_at: moment(at), capability: Capability::default() };
        let firsts = by_first_day(&asked, &from(24 * 20), &directory);
        assert_eq!(firsts, BTreeMap::from([(day(5), [code(1)].into()), (day(8), [code(2)].into())]));
        assert_eq!(by_first_day(&asked, &from(24 * 7), &directory).len(), 1, "2 was off again by then");
    }

    proptest! {
        /// Against sums over the practices one by one.
        #[test]
        fn days_are_counted_from_each_practices_own_first_day(
            series in prop::collection::vec((0_i32..20, prop::collection::btree_map(-10_i32..40, 0_u64..100, 0..20)), 1..6),
            before in 0_i32..9,
            after in 0_i32..9,
        ) {
            let window = Window { days_before: before, days_after: after };
            let by_day: Vec<(Day, BTreeMap<Day, u64>)> = series
                .iter()
                .map(|(first, values)| (day(*first), values.iter().map(|(at, value)| (day(*at), *value)).collect()))
                .collect();
            let borrowed: Vec<(Day, &BTreeMap<Day, u64>)> = by_day.iter().map(|(first, values)| (*first, values)).collect();
            let naive = |offset: i32| series.iter().map(|(first, values)| values.get(&(first + offset)).unwrap_or(&0)).sum::<u64>();
            prop_assert_eq!(window.sums(&borrowed), (-before..after).map(naive).collect::<Vec<_>>());

            // One series seen from every first day: the sum over the days, over how many they are.
            let mut firsts = BTreeMap::new();
            for (first, _) in &by_day {
                *firsts.entry(*first).or_insert(0) += 1;
            }
            let one = &by_day[0].1;
            let seen: Vec<(Day, &BTreeMap<Day, u64>)> = by_day.iter().map(|(first, _)| (*first, one)).collect();
            let count = by_day.len() as f64;
            for (sum, mean) in window.sums(&seen).into_iter().zip(window.means(one, &firsts)) {
                prop_assert!((sum as f64 / count - mean as f64).abs() <= 0.5);
            }
        }
    }
}

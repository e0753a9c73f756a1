//! Medians, quantiles and spreads.

use std::time::Duration;

/// Where the middle of some figures is, and how far they lie apart.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) lowest: f64,
    pub(crate) highest: f64,
}

impl Spread {
    /// Of at least one figure; None of none.
    pub(crate) fn of(figures: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut figures: Vec<f64> = figures.into_iter().collect();
        figures.sort_by(f64::total_cmp);
        let (lowest, highest) = (*figures.first()?, *figures.last()?);
        let middle = figures.len() / 2;
        let median =
            if figures.len() % 2 == 1 { figures[middle] } else { f64::midpoint(figures[middle - 1], figures[middle]) };
        Some(Self { median, lowest, highest })
    }
}

/// The latency that 99 of 100 do not exceed; None of none.
pub(crate) fn p99(latencies: &mut [Duration]) -> Option<Duration> {
    latencies.sort_unstable();
    let place = (latencies.len() * 99).div_ceil(100).checked_sub(1)?;
    latencies.get(place).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_an_even_number_lies_between_the_two_in_the_middle() {
        let spread = Spread::of([4.0, 1.0, 2.0, 8.0]).unwrap();
        assert_eq!(spread, Spread { median: 3.0, lowest: 1.0, highest: 8.0 });
        assert_eq!(Spread::of([5.0]).unwrap().median, 5.0);
        assert_eq!(Spread::of([]), None);
    }

    #[test]
    fn one_latency_in_a_hundred_may_exceed_the_p99() {
        let mut latencies: Vec<Duration> = (1..=100).rev().map(Duration::from_millis).collect();
        assert_eq!(p99(&mut latencies), Some(Duration::from_millis(99)));
        assert_eq!(p99(&mut [Duration::from_millis(7)]), Some(Duration::from_millis(7)));
        assert_eq!(p99(&mut []), None);
    }
}

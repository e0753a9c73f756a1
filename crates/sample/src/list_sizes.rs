//! How many patients each practice has.
//!
//! The shape is that of the real lists: nearly log-normal in the middle, with the few very large practices that a
//! log-normal would not have. It is given by its quantiles and filled evenly, not drawn at random: so 300 practices have
//! the same spread as 6,000, and the total is exact.

use ods::{PracticeCode, draw};

/// Patients per practice on average, so that 6,129 practices have 63.2 million.
pub const LIST_SIZE_MEAN: u64 = 10_318;

/// Practices in 10,000 that have fewer patients than this. Rounded from published lists, with the smallest left out: a
/// practice of one patient is a practice that is closing.
const QUANTILES: [(u64, u64); 17] = [
    (0, 150),
    (20, 500),
    (50, 1_100),
    (100, 1_700),
    (200, 2_300),
    (500, 3_100),
    (1_000, 4_000),
    (2_500, 5_900),
    (5_000, 8_800),
    (7_500, 12_800),
    (9_000, 17_800),
    (9_500, 21_900),
    (9_800, 29_800),
    (9_900, 37_700),
    (9_950, 47_000),
    (9_990, 63_000),
    (10_000, 145_000),
];

/// A practice that is to get patients.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Practice {
    pub(crate) code: PracticeCode,
    /// Its region's patients per practice, in thousandths of England's.
    pub(crate) per_mille: u64,
}

/// The list size of each practice, in the order given; together [`LIST_SIZE_MEAN`] times their number.
pub(crate) fn list_sizes(seed: u64, practices: &[Practice]) -> Vec<u32> {
    let count = practices.len() as u64;
    let mut by_chance: Vec<(u64, usize)> = practices
        .iter()
        .enumerate()
        .map(|(index, practice)| (draw(seed, "list-size", practice.code, 0, 0).bits(), index))
        .collect();
    by_chance.sort_unstable();
    let mut sizes = vec![0; practices.len()];
    for (rank, (_, index)) in by_chance.iter().enumerate() {
        sizes[*index] = quantile(2 * rank as u64 + 1, 2 * count) * practices[*index].per_mille;
    }
    scaled(&sizes, count * LIST_SIZE_MEAN)
}

/// In proportion, adding up to `total`: what rounding leaves over goes one by one to the first.
fn scaled(sizes: &[u64], total: u64) -> Vec<u32> {
    let sum: u128 = sizes.iter().map(|size| u128::from(*size)).sum::<u128>().max(1);
    let floor = |size: u64| (u128::from(size) * u128::from(total) / sum) as u64;
    let left = total - sizes.iter().map(|size| floor(*size)).sum::<u64>();
    let size = |(index, size): (usize, &u64)| floor(*size) + u64::from((index as u64) < left);
    sizes.iter().enumerate().map(size).map(|size| u32::try_from(size).unwrap_or(u32::MAX)).collect()
}

/// The size that `part` of `whole` practices lie below, linear between the quantiles.
fn quantile(part: u64, whole: u64) -> u64 {
    let mut below = QUANTILES[0];
    for above in QUANTILES {
        if part * 10_000 <= above.0 * whole && above.0 > below.0 {
            let step = part * 10_000 - below.0 * whole;
            return below.1 + (above.1 - below.1) * step / ((above.0 - below.0) * whole);
        }
        below = above;
    }
    below.1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_met_and_joined_by_lines() {
        assert_eq!(quantile(0, 10), 150);
        assert_eq!(quantile(5, 10), 8_800);
        assert_eq!(quantile(10, 10), 145_000);
        assert_eq!(quantile(7, 10), 5_900 + 2_900 + (12_800 - 8_800) * 2_000 / 2_500);
    }

    #[test]
    fn the_total_is_exact_for_any_number_of_practices() {
        for count in [1, 2, 7, 300] {
            let practices: Vec<Practice> = (0..count)
                .map(|number| Practice {
                    code: format!("A{number:05}").parse().unwrap(),
                    per_mille: 900 + number % 3 * 100,
                })
                .collect();
            let sizes = list_sizes(5, &practices);
            assert_eq!(sizes.iter().map(|size| u64::from(*size)).sum::<u64>(), count * LIST_SIZE_MEAN);
        }
    }
}

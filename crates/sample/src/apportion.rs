//! Sharing a whole number out in proportion, without loss.

/// `total` in proportion to `weights` by largest remainder, the earlier first among equals; then whoever has a weight and
/// got nothing gets one, as long as there are as many as weights. The shares add up to `total` exactly, unless all
/// weights are 0: then nobody gets anything.
pub(crate) fn apportion(total: u64, weights: &[u64]) -> Vec<u64> {
    let sum: u128 = weights.iter().map(|weight| u128::from(*weight)).sum();
    if sum == 0 {
        return vec![0; weights.len()];
    }
    let exact = |weight: u64| u128::from(total) * u128::from(weight);
    let mut shares: Vec<u64> = weights.iter().map(|weight| (exact(*weight) / sum) as u64).collect();
    let left = total - shares.iter().sum::<u64>();
    let mut by_remainder: Vec<usize> = (0..weights.len()).collect();
    by_remainder.sort_by_key(|index| std::cmp::Reverse(exact(weights[*index]) % sum));
    for index in by_remainder.into_iter().take(left as usize) {
        shares[index] += 1;
    }
    give_to_the_empty(&mut shares, weights);
    shares
}

/// Whoever has most gives, so that no other comes to have nothing.
fn give_to_the_empty(shares: &mut [u64], weights: &[u64]) {
    for index in 0..shares.len() {
        if shares[index] > 0 || weights[index] == 0 {
            continue;
        }
        let richest = (0..shares.len()).max_by_key(|other| (shares[*other], std::cmp::Reverse(*other)));
        if let Some(richest) = richest.filter(|richest| shares[*richest] > 1) {
            shares[richest] -= 1;
            shares[index] += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_largest_remainder_gets_what_is_left() {
        assert_eq!(apportion(10, &[1, 1, 1]), [4, 3, 3]);
        assert_eq!(apportion(300, &[3_581, 2_540, 8]), [175, 124, 1]);
        assert_eq!(apportion(3, &[0, 0]), [0, 0]);
    }

    #[test]
    fn nobody_with_a_weight_goes_without_while_there_is_enough() {
        assert_eq!(apportion(100, &[3_581, 2_540, 8]), [57, 42, 1]);
        assert_eq!(apportion(5, &[1_000, 0, 1, 1]), [3, 0, 1, 1]);
        assert_eq!(apportion(2, &[5, 5, 5]), [1, 1, 0]);
    }

    proptest! {
        #[test]
        fn nothing_is_lost_and_nobody_with_a_weight_is_left_out(
            total in 0..2_000_000_u64,
            weights in prop::collection::vec(0..10_000_u64, 1..50),
        ) {
            prop_assume!(weights.iter().any(|weight| *weight > 0));
            let shares = apportion(total, &weights);
            prop_assert_eq!(shares.iter().sum::<u64>(), total);
            prop_assert!(shares.iter().zip(&weights).all(|(share, weight)| *share == 0 || *weight > 0));
            if total >= weights.len() as u64 {
                prop_assert!(shares.iter().zip(&weights).all(|(share, weight)| *share > 0 || *weight == 0));
            }
        }

        #[test]
        fn where_there_is_plenty_nobody_is_a_whole_one_off(
            total in 1_000_000..2_000_000_u64,
            weights in prop::collection::vec(1..10_000_u64, 1..50),
        ) {
            let sum: u64 = weights.iter().sum();
            for (share, weight) in apportion(total, &weights).iter().zip(&weights) {
                prop_assert!((share * sum).abs_diff(total * weight) < sum);
            }
        }
    }
}

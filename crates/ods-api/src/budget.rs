//! How many retries a run may cost in all, and how long each waits.

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use crate::config::ApiConfig;

/// A retry, in shares: each page earns some, each retry costs this many. In the long run one page in five may be asked
/// for twice; beyond that an interface is out of order, and hammering it helps nobody.
const SHARES_OF_A_RETRY: i64 = 5;

/// What a quiet time leaves for a burst.
const RETRIES_SAVED_MAX: i64 = 20;

#[derive(Debug)]
pub(crate) struct Budget {
    shares: AtomicI64,
    hasher: RandomState,
}

impl Budget {
    pub(crate) fn new() -> Self {
        Self { shares: AtomicI64::new(RETRIES_SAVED_MAX * SHARES_OF_A_RETRY), hasher: RandomState::new() }
    }

    pub(crate) fn earn(&self) {
        let full = RETRIES_SAVED_MAX * SHARES_OF_A_RETRY;
        let _ = self.shares.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |shares| Some((shares + 1).min(full)));
    }

    /// True where a retry may be made; it is paid for then.
    pub(crate) fn spend(&self) -> bool {
        let paid = self.shares.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |shares| {
            (shares >= SHARES_OF_A_RETRY).then_some(shares - SHARES_OF_A_RETRY)
        });
        paid.is_ok()
    }

    /// The pause before the attempt after `failed` failed ones at `page`: a function of the two, and another in each
    /// process, so that replicas do not come back in step. No decision of the domain depends on it.
    pub(crate) fn pause(&self, config: &ApiConfig, page: &str, failed: u32) -> Duration {
        let doublings = failed.saturating_sub(1).min(16);
        let longest = config.backoff_first.saturating_mul(1 << doublings).min(config.backoff_max);
        let chance = (self.hasher.hash_one((page, failed)) >> 11) as f64 / (1_u64 << 53) as f64;
        longest.mul_f64(chance)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retries_are_bounded_by_what_pages_earn() {
        let budget = Budget::new();
        assert_eq!((0..100).filter(|_| budget.spend()).count(), 20);
        for _ in 0..4 {
            budget.earn();
            assert!(!budget.spend());
        }
        budget.earn();
        assert!(budget.spend());
    }

    #[test]
    fn a_pause_doubles_up_to_its_maximum_and_is_jittered_over_all_of_it() {
        let config = ApiConfig {
            backoff_first: Duration::from_millis(100),
            backoff_max: Duration::from_millis(300),
            ..ApiConfig::new("http://localhost".parse().unwrap())
        };
        let budget = Budget::new();
        for (failed, longest_ms) in [(1, 100), (2, 200), (3, 300), (40, 300)] {
            let longest = Duration::from_millis(longest_ms);
            let pauses: Vec<_> = (0..400).map(|page| budget.pause(&config, &format!("/{page}"), failed)).collect();
            assert!(pauses.iter().all(|pause| *pause <= longest));
            assert!(pauses.iter().any(|pause| *pause > longest.mul_f64(0.95)));
            assert!(pauses.iter().any(|pause| *pause < longest.mul_f64(0.05)));
        }
    }
}

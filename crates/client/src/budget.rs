//! How many retries a peer may cost, and how long each waits.

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use crate::config::PeerConfig;

/// Shares of one retry.
const SHARES: i64 = 1_000;

/// Each call earns a share of a retry, each retry costs a whole one.
#[derive(Debug)]
pub(crate) struct Budget {
    shares: AtomicI64,
    shares_max: i64,
    shares_per_call: i64,
}

impl Budget {
    pub(crate) fn new(config: &PeerConfig) -> Self {
        let shares_max = i64::from(config.retries_saved_max) * SHARES;
        Self {
            shares: AtomicI64::new(shares_max),
            shares_max,
            shares_per_call: (config.retries_per_call * SHARES as f64) as i64,
        }
    }

    pub(crate) fn earn(&self) {
        // Two at once may overshoot by a share; the next call puts it right.
        if self.shares.fetch_add(self.shares_per_call, Ordering::Relaxed) > self.shares_max {
            self.shares.store(self.shares_max, Ordering::Relaxed);
        }
    }

    /// True where a retry may be made; it is paid for then.
    pub(crate) fn spend(&self) -> bool {
        if self.shares.fetch_sub(SHARES, Ordering::Relaxed) >= SHARES {
            return true;
        }
        self.shares.fetch_add(SHARES, Ordering::Relaxed);
        false
    }
}

/// The pause before the attempt after `failed` failed ones.
pub(crate) fn pause(config: &PeerConfig, failed: u32) -> Duration {
    let doublings = failed.saturating_sub(1).min(16);
    let longest = config.backoff_first.saturating_mul(1 << doublings).min(config.backoff_max);
    longest.mul_f64(next_fraction())
}

/// The next of a sequence that fills 0 to 1 evenly and begins elsewhere in each process. No decision of the domain
/// depends on it.
fn next_fraction() -> f64 {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    static START: std::sync::LazyLock<u64> = std::sync::LazyLock::new(|| RandomState::new().hash_one(0u64));
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let place = START.wrapping_add(count.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    (place >> 11) as f64 / (1u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retries_are_bounded_by_what_calls_earn() {
        let config = PeerConfig { retries_per_call: 0.5, retries_saved_max: 3, ..PeerConfig::default() };
        let budget = Budget::new(&config);
        assert_eq!((0..10).filter(|_| budget.spend()).count(), 3);
        budget.earn();
        assert!(!budget.spend());
        budget.earn();
        assert!(budget.spend());
        for _ in 0..100 {
            budget.earn();
        }
        assert_eq!((0..10).filter(|_| budget.spend()).count(), 3, "no more than was to be saved");
    }

    #[test]
    fn a_pause_doubles_up_to_its_maximum_and_is_jittered_over_all_of_it() {
        let config = PeerConfig {
            backoff_first: Duration::from_millis(100),
            backoff_max: Duration::from_millis(300),
            ..PeerConfig::default()
        };
        for (failed, longest_ms) in [(1, 100), (2, 200), (3, 300), (40, 300)] {
            let pauses: Vec<Duration> = (0..200).map(|_| pause(&config, failed)).collect();
            let longest = Duration::from_millis(longest_ms);
            assert!(pauses.iter().all(|pause| *pause <= longest));
            assert!(pauses.iter().any(|pause| *pause > longest.mul_f64(0.95)));
            assert!(pauses.iter().any(|pause| *pause < longest.mul_f64(0.05)));
        }
    }
}

//! How many calls each account may make in a second.
//!
//! A bucket for each account that called lately: it fills at the rate, up to the burst, and each call takes one out. It is about
//! one account that runs away, never about the server's capacity: that is what the limit of calls under way is for.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Buckets are spread over so many locks, so that accounts do not wait for each other.
const SHARDS: usize = 16;
/// Buckets in a shard before those that are full again, and so say nothing, are dropped.
const SHARD_BUCKETS_MAX: usize = 1_024;

/// The buckets of all accounts.
#[derive(Debug)]
pub(crate) struct Rates {
    per_second: f64,
    burst: f64,
    hasher: RandomState,
    shards: [Mutex<HashMap<u64, Bucket>>; SHARDS],
}

#[derive(Clone, Copy, Debug)]
struct Bucket {
    calls: f64,
    at: Instant,
}

impl Rates {
    /// None where any number of calls is allowed.
    pub(crate) fn new(per_second: u32, burst: u32) -> Option<Self> {
        (per_second > 0).then(|| Self {
            per_second: per_second.into(),
            burst: burst.max(1).into(),
            hasher: RandomState::new(),
            shards: std::array::from_fn(|_| Mutex::default()),
        })
    }

    /// Takes a call of `account` out of its bucket; an error says when there will be one.
    pub(crate) fn take(&self, account: &str, now: Instant) -> Result<(), Duration> {
        let account = self.hasher.hash_one(account);
        let shard = &self.shards[(account as usize) % SHARDS];
        let mut buckets = shard.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= SHARD_BUCKETS_MAX && !buckets.contains_key(&account) {
            buckets.retain(|_, bucket| self.filled(bucket, now) < self.burst);
            // Whoever makes up so many accounts in a burst's time gets no second one out of forgetting: all begin anew.
            if buckets.len() >= SHARD_BUCKETS_MAX {
                buckets.clear();
            }
        }
        let bucket = buckets.entry(account).or_insert(Bucket { calls: self.burst, at: now });
        *bucket = Bucket { calls: self.filled(bucket, now), at: now };
        if bucket.calls < 1.0 {
            return Err(Duration::from_secs_f64((1.0 - bucket.calls) / self.per_second));
        }
        bucket.calls -= 1.0;
        Ok(())
    }

    fn filled(&self, bucket: &Bucket, now: Instant) -> f64 {
        let passed = now.saturating_duration_since(bucket.at).as_secs_f64();
        (bucket.calls + passed * self.per_second).min(self.burst)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_has_its_burst_and_then_its_rate_and_no_other_is_touched() {
        let rates = Rates::new(10, 3).unwrap();
        let start = Instant::now();
        let served = (0..10).filter(|_| rates.take("alice", start).is_ok()).count();
        assert_eq!(served, 3);
        assert_eq!(rates.take("alice", start), Err(Duration::from_millis(100)));
        assert_eq!(rates.take("bob", start), Ok(()));
        let later = start + Duration::from_millis(250);
        let served = (0..10).filter(|_| rates.take("alice", later).is_ok()).count();
        assert_eq!(served, 2, "two and a half have been saved since");
        let much_later = start + Duration::from_secs(3_600);
        let served = (0..10).filter(|_| rates.take("alice", much_later).is_ok()).count();
        assert_eq!(served, 3, "no more than a burst is ever saved");
        assert_eq!(rates.take("alice", start), Err(Duration::from_millis(100)), "time that goes back saves nothing");
    }

    #[test]
    fn no_rate_is_no_limit_and_no_number_of_accounts_fills_memory() {
        assert!(Rates::new(0, 5).is_none());
        let rates = Rates::new(1, 1).unwrap();
        let now = Instant::now();
        for account in 0..50_000 {
            assert_eq!(rates.take(&format!("account-{account}"), now), Ok(()));
        }
        let kept: usize = rates.shards.iter().map(|shard| shard.lock().unwrap().len()).sum();
        assert!(kept <= SHARDS * SHARD_BUCKETS_MAX, "{kept}");
    }
}

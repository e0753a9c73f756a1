//! Which RPCs are recorded, decided before any span of them exists.

use std::cell::Cell;
use std::hash::{BuildHasher, RandomState};
use std::sync::OnceLock;

use http::HeaderMap;

use crate::config::Sampling;
use crate::propagation;

/// What an RPC or a piece of work means for the record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Importance {
    /// It changes nothing: recorded by ratio, or as its caller decided.
    Read,
    /// It changes something, here or outside (a mutation, an effect, all of a wave): always recorded.
    Change,
}

/// Set once by `init`; without it nothing is recorded, since nobody would receive it.
static SAMPLING: OnceLock<Sampling> = OnceLock::new();

pub(crate) fn set(sampling: Sampling) {
    // `init` runs once a process: a second one is refused before it comes here.
    let _ = SAMPLING.set(sampling);
}

/// True where an RPC with these headers is to be recorded. A few nanoseconds, no lock, no allocation.
pub fn is_recorded(importance: Importance, headers: &HeaderMap) -> bool {
    let Some(sampling) = SAMPLING.get() else { return false };
    if sampling.off || importance == Importance::Change {
        return !sampling.off;
    }
    match propagation::incoming(headers) {
        Some(parent) if sampling.parent_decides => parent.is_sampled(),
        // Every service that sees this trace decides alike.
        Some(parent) => is_below(u64::from_be_bytes(last_half(parent.trace_id.to_bytes())), sampling.reads_ratio),
        None => is_below(next_hash(), sampling.reads_ratio),
    }
}

fn last_half(trace_id: [u8; 16]) -> [u8; 8] {
    let mut half = [0; 8];
    half.copy_from_slice(&trace_id[8..]);
    half
}

/// True for the share `ratio` of all hashes.
fn is_below(hash: u64, ratio: f64) -> bool {
    // 53 bits, so that the comparison is exact.
    ((hash >> 11) as f64) < ratio * (1u64 << 53) as f64
}

thread_local! {
    /// A counter that begins elsewhere on each thread. No decision of the domain depends on it.
    static COUNT: Cell<u64> = Cell::new(RandomState::new().hash_one(0u64));
}

/// The counter through the finaliser of SplitMix64: spread evenly, and cheap.
fn next_hash() -> u64 {
    let count = COUNT.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
    COUNT.set(count);
    let mut hash = count;
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_recorded_is_the_ratio() {
        for ratio in [0.0, 0.01, 0.5, 1.0] {
            let calls = 100_000;
            let recorded = (0..calls).filter(|_| is_below(next_hash(), ratio)).count();
            let share = recorded as f64 / f64::from(calls);
            assert!((share - ratio).abs() < 0.01, "{share} of {ratio}");
        }
        assert_eq!((0..100_000).filter(|_| is_below(next_hash(), 0.0)).count(), 0);
        assert!(is_below(u64::MAX, 1.0));
    }
}

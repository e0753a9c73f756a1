//! Chance, as a function of what it concerns.
//!
//! A stream of random numbers gives each taker what its place in the queue happens to be; then a figure depends on the
//! number of threads. Here every chance is looked up instead: the same question always has the same answer, whoever
//! asks, in whatever order, in this run and after a restart. Nothing here is secret and nothing here may guard one.

use crate::PracticeCode;
use sha2::{Digest, Sha256};

/// The answer to one question of chance: 64 bits, evenly distributed, independent between different questions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Draw(u64);

/// Draws for a practice: `purpose` says what is decided (`supplier-delay`), `generation` and `attempt` tell the
/// occasions apart. Equal arguments give equal draws, in every version of this software.
#[must_use]
pub fn draw(seed: u64, purpose: &str, practice: PracticeCode, generation: u64, attempt: u64) -> Draw {
    draw_for(seed, purpose, practice.as_str(), generation, attempt)
}

/// [`draw`], where what it concerns is not a practice.
#[must_use]
pub fn draw_for(seed: u64, purpose: &str, subject: &str, generation: u64, attempt: u64) -> Draw {
    let mut hash = Sha256::new();
    hash.update(seed.to_be_bytes());
    // Each text is led by its length: ("ab", "c") and ("a", "bc") are different questions.
    for text in [purpose, subject] {
        hash.update((text.len() as u64).to_be_bytes());
        hash.update(text);
    }
    hash.update(generation.to_be_bytes());
    hash.update(attempt.to_be_bytes());
    let digest = hash.finalize();
    let (head, _) = digest.split_first_chunk::<8>().expect("a SHA-256 digest has 32 bytes");
    Draw(u64::from_be_bytes(*head))
}

impl Draw {
    /// All 64 bits; for ordering by chance.
    #[must_use]
    pub fn bits(self) -> u64 {
        self.0
    }

    /// A number in `[0, 1)`.
    #[must_use]
    pub fn unit(self) -> f64 {
        // 53 bits are what an f64 holds exactly; more would round up to 1.
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// A whole number in `[0, bound)`; 0 where `bound` is 0.
    #[must_use]
    pub fn below(self, bound: u64) -> u64 {
        // Multiply and take the high half: as even as modulo, and exact in integers.
        ((u128::from(self.0) * u128::from(bound)) >> 64) as u64
    }

    /// Does something of this probability happen? Never at 0 or less, always at 1 or more.
    #[must_use]
    pub fn happens(self, probability: f64) -> bool {
        self.unit() < probability
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn practice() -> PracticeCode {
        "A81001".parse().unwrap()
    }

    #[test]
    fn the_answers_are_those_of_every_earlier_version() {
        // Recorded runs are replayed: a change here changes the past. Computed with Python's hashlib.
        assert_eq!(draw(1, "supplier-delay", practice(), 1, 0).bits(), 15_661_422_980_151_234_320);
        assert_eq!(draw(2, "supplier-delay", practice(), 1, 0).bits(), 4_893_757_291_155_435_350);
    }

    #[test]
    fn every_argument_counts() {
        let questions = [
            draw(1, "a", practice(), 1, 1),
            draw(2, "a", practice(), 1, 1),
            draw(1, "b", practice(), 1, 1),
            draw(1, "a", "A81002".parse().unwrap(), 1, 1),
            draw(1, "a", practice(), 2, 1),
            draw(1, "a", practice(), 1, 2),
            draw_for(1, "aA", "81001", 1, 1),
        ];
        let answers: std::collections::BTreeSet<u64> = questions.iter().map(|draw| draw.bits()).collect();
        assert_eq!(answers.len(), questions.len());
    }

    #[test]
    fn units_are_even_over_many_questions() {
        let units: Vec<f64> = (0..4_000).map(|n| draw(7, "evenness", practice(), n, 0).unit()).collect();
        assert!(units.iter().all(|unit| (0.0..1.0).contains(unit)));
        let mean = units.iter().sum::<f64>() / units.len() as f64;
        // Five standard errors of the mean of 4,000 even draws.
        assert!((mean - 0.5).abs() < 5.0 / (12.0 * 4_000.0_f64).sqrt(), "{mean}");
        for tenth in 0..10 {
            let share = units.iter().filter(|unit| (**unit * 10.0) as u32 == tenth).count();
            assert!((300..=500).contains(&share), "{share} of 4000 in tenth {tenth}");
        }
    }

    #[test]
    fn bounds_are_kept() {
        assert_eq!(Draw(u64::MAX).below(0), 0);
        assert_eq!(Draw(u64::MAX).below(3), 2);
        assert_eq!(Draw(0).below(3), 0);
        assert!(Draw(u64::MAX).unit() < 1.0);
        assert!(!Draw(0).happens(0.0));
        assert!(Draw(u64::MAX).happens(1.0));
    }
}

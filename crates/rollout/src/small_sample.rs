//! Small samples: Wald's sequential probability ratio test, in whole numbers.
//!
//! A wave is as large as caps, pauses and refusals let it be, so a test for a sample of a size that was fixed beforehand says
//! nothing of it. The likelihood ratio of the share that is required to the share that is unacceptable may be looked at after
//! any number of practices: that it ever exceeds 1/`risk` although the share is unacceptable has at most the probability `risk`
//! (Wald 1945; Ville's inequality), and likewise the other way round. It rises with every practice that is live and falls with
//! every one that is not, as I6 wants, and between its two limits it says by itself that it cannot tell.
//!
//! Compared are products of whole numbers, not logarithms: what passes on one machine passes on every other.

use std::cmp::Ordering;

use crate::spec::{Share, SmallSampleSpec, WHOLE};
use crate::state::Verdict;

/// The largest sample that is judged so: of a larger one the share itself says enough.
pub(crate) const SMALL_SAMPLE_MAX: u32 = 1_000;

/// What so many live practices of so many that were commanded say.
pub(crate) fn verdict(test: SmallSampleSpec, required: Share, live: u32, commanded: u32) -> Verdict {
    let failed = commanded.saturating_sub(live);
    let likelihood = |share: Share, times: u16| {
        let mut product = Natural::from(times);
        product.multiply(share.ten_thousandths(), live);
        product.multiply(WHOLE - share.ten_thousandths(), failed);
        product
    };
    let risk = test.risk.ten_thousandths();
    if likelihood(required, risk) >= likelihood(test.unacceptable, WHOLE) {
        Verdict::Pass
    } else if likelihood(required, WHOLE) <= likelihood(test.unacceptable, risk) {
        Verdict::Fail
    } else {
        Verdict::Inconclusive
    }
}

/// A natural number of any size: its digits to the base 2³², the lowest first, none of them leading noughts.
#[derive(Debug, PartialEq, Eq)]
struct Natural(Vec<u32>);

impl From<u16> for Natural {
    fn from(number: u16) -> Self {
        Self(if number == 0 { Vec::new() } else { vec![number.into()] })
    }
}

impl Natural {
    fn multiply(&mut self, factor: u16, times: u32) {
        for _ in 0..times {
            let mut carry = 0;
            for digit in &mut self.0 {
                let product = u64::from(*digit) * u64::from(factor) + carry;
                *digit = (product & u64::from(u32::MAX)) as u32;
                carry = product >> 32;
            }
            // Below the factor, so it fits.
            self.0.extend(u32::try_from(carry).ok());
            while self.0.last() == Some(&0) {
                self.0.pop();
            }
        }
    }
}

impl Ord for Natural {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.len().cmp(&other.0.len()).then_with(|| self.0.iter().rev().cmp(other.0.iter().rev()))
    }
}

impl PartialOrd for Natural {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn share(of: f64) -> Share {
        Share::try_from(of).unwrap()
    }

    fn test(unacceptable: f64, risk: f64) -> SmallSampleSpec {
        SmallSampleSpec { unacceptable: share(unacceptable), risk: share(risk) }
    }

    /// 0.9 against 0.6 at 5 %: 1.5 for each live practice, 1/4 for each other one; to 20, or down to 1/20.
    #[test]
    fn the_figures_are_those_of_the_textbook() {
        let judged = |live, commanded| verdict(test(0.6, 0.05), share(0.9), live, commanded);
        assert_eq!([judged(7, 7), judged(8, 8)], [Verdict::Inconclusive, Verdict::Pass]);
        assert_eq!([judged(10, 11), judged(11, 12)], [Verdict::Inconclusive, Verdict::Pass]);
        assert_eq!([judged(0, 2), judged(0, 3)], [Verdict::Inconclusive, Verdict::Fail]);
        assert_eq!(
            [judged(2, 5), judged(3, 6), judged(0, 0)],
            [Verdict::Fail, Verdict::Inconclusive, Verdict::Inconclusive]
        );
    }

    #[test]
    fn all_of_them_can_be_required() {
        let judged = |live, commanded| verdict(test(0.8, 0.1), share(1.0), live, commanded);
        assert_eq!(
            [judged(10, 10), judged(11, 11), judged(10, 11)],
            [Verdict::Inconclusive, Verdict::Pass, Verdict::Fail]
        );
    }

    /// However many are looked at, one after another: every course of 200 practices is counted.
    #[test]
    fn neither_error_is_more_likely_than_the_risk() {
        for (required, unacceptable, risk) in [(0.9, 0.6, 0.05), (0.95, 0.8, 0.1), (0.7, 0.5, 0.2)] {
            let ever = |truth: f64, wrong: Verdict| {
                let (mut courses, mut erred) = (vec![1.0], 0.0);
                for commanded in 1..=200 {
                    let mut next = vec![0.0; courses.len() + 1];
                    for (live, likely) in courses.iter().enumerate() {
                        next[live] += likely * (1.0 - truth);
                        next[live + 1] += likely * truth;
                    }
                    for (live, likely) in (0..).zip(&mut next) {
                        if *likely > 0.0 && verdict(test(unacceptable, risk), share(required), live, commanded) == wrong
                        {
                            erred += std::mem::take(likely);
                        }
                    }
                    courses = next;
                }
                erred
            };
            let (passed, failed) = (ever(unacceptable, Verdict::Pass), ever(required, Verdict::Fail));
            assert!(passed <= risk && failed <= risk, "{required} {unacceptable}: {passed} passed, {failed} failed");
            // A test that never says anything would keep to the risk, too.
            assert!(passed > risk / 4.0 && failed > risk / 4.0, "{passed} passed, {failed} failed");
        }
    }

    #[test]
    fn numbers_of_any_size_are_compared() {
        let power = |base: u16, times| {
            let mut number = Natural::from(1);
            number.multiply(base, times);
            number
        };
        assert_eq!(power(2, 32), Natural(vec![0, 1]));
        assert_eq!(power(10_000, 3), Natural(vec![0xd4a5_1000, 0xe8]));
        assert!(power(10, 400) < power(1_000, 134) && power(3, 700) > power(9, 349) && power(0, 1) < power(7, 0));
    }
}

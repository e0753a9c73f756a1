//! How patients use their access in the demo's world: online accounts, and who opens a record on which day.
//!
//! Both are functions of the seed and of what they concern, so that a restart and any number of threads give the same
//! people. No person of it exists: a pseudonym here is mixed from the practice's code and a number.

use jiff::Timestamp;
use jiff::civil::Date;
use ods::{PracticeCode, draw};
use rollout::calendar;

use super::world::{Uptake, Viewing};

/// Bytes of a pseudonym: as many as a truncated HMAC-SHA-256 of a real producer would have.
pub(crate) const PSEUDONYM_BYTES: usize = 16;

/// A record that was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct View {
    pub(crate) at: Timestamp,
    pub(crate) pseudonym: [u8; PSEUDONYM_BYTES],
    /// Drawn evenly; which section of a record that is, is the caller's to say.
    pub(crate) section_draw: u64,
}

/// Patients of a practice with an online account.
pub(crate) fn online_accounts(uptake: &Uptake, seed: u64, practice: PracticeCode, list_size: i64) -> i64 {
    let (min, max) = (f64::from(uptake.min), f64::from(uptake.max));
    let share = min + (max - min) * draw(seed, "uptake", practice, 0, 0).unit();
    (share * list_size as f64).round() as i64
}

/// The views of one practice's records on one civil day, in no order that matters.
pub(crate) fn views(
    viewing: &Viewing,
    seed: u64,
    practice: PracticeCode,
    day: Date,
    accounts: i64,
) -> impl Iterator<Item = View> + use<> {
    let (start, end) = calendar::day_bounds(day);
    let day_us = u64::try_from(end.duration_since(start).as_micros()).unwrap_or(0);
    let day_number = u64::try_from(start.as_second() / 86_400).unwrap_or(0);
    let of_day = draw(seed, "views", practice, day_number, 0);
    let people = draw(seed, "people", practice, 0, 0).bits();
    let accounts = u64::try_from(accounts).unwrap_or(0);
    let expected = accounts as f64 * f64::from(viewing.daily_share);
    // The fraction is drawn, so that small practices are seen on some days rather than never.
    let count = expected.floor() as u64
        + u64::from(draw(seed, "views-rest", practice, day_number, 0).happens(expected.fract()));
    (0..count).map(move |n| {
        let person = below(mix(of_day.bits(), 3 * n), accounts);
        let moment_us = below(mix(of_day.bits(), 3 * n + 1), day_us);
        let mut pseudonym = [0; PSEUDONYM_BYTES];
        pseudonym[..8].copy_from_slice(&mix(people, 2 * person).to_be_bytes());
        pseudonym[8..].copy_from_slice(&mix(people, 2 * person + 1).to_be_bytes());
        let since_start = jiff::SignedDuration::from_micros(i64::try_from(moment_us).unwrap_or(0));
        View { at: start + since_start, pseudonym, section_draw: mix(of_day.bits(), 3 * n + 2) }
    })
}

/// SplitMix64 at position `n` of the sequence that `base` names: a draw that is cheap enough for each of millions of views,
/// where [`draw`]'s SHA-256 would be most of the demo's work.
fn mix(base: u64, n: u64) -> u64 {
    let mut z = base.wrapping_add(n.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// An even whole number in `[0, bound)` out of 64 even bits.
fn below(bits: u64, bound: u64) -> u64 {
    u64::try_from((u128::from(bits) * u128::from(bound)) >> 64).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use supplier_simulator::Share;

    fn share(value: f64) -> Share {
        Share::try_from(value).unwrap()
    }

    fn practice() -> PracticeCode {
        "A81001".parse().unwrap()
    }

    #[test]
    fn uptake_lies_within_its_range_and_nought_gives_nobody() {
        let uptake = |min, max| Uptake { min: share(min), max: share(max), source: String::new() };
        let accounts = online_accounts(&uptake(0.2, 0.3), 1, practice(), 10_000);
        assert!((2_000..=3_000).contains(&accounts), "{accounts}");
        assert_eq!(online_accounts(&uptake(0.0, 0.0), 1, practice(), 10_000), 0);
    }

    #[test]
    fn the_same_day_has_the_same_views_and_people_return_on_other_days() {
        let viewing = Viewing { daily_share: share(0.5), source: String::new() };
        let day = |date: &str| views(&viewing, 3, practice(), date.parse().unwrap(), 1_000).collect::<Vec<View>>();
        let monday = day("2031-03-03");
        assert_eq!(monday, day("2031-03-03"));
        assert_eq!(monday.len(), 500);
        let people = |views: &[View]| views.iter().map(|view| view.pseudonym).collect::<BTreeSet<_>>();
        let tuesday = day("2031-03-04");
        assert!(people(&monday).intersection(&people(&tuesday)).count() > 50);
        assert!(people(&monday).union(&people(&tuesday)).count() <= 1_000);
        let (start, end) = calendar::day_bounds("2031-03-03".parse().unwrap());
        assert!(monday.iter().all(|view| (start..end).contains(&view.at)));
    }

    #[test]
    fn without_accounts_nobody_views() {
        let viewing = Viewing { daily_share: share(1.0), source: String::new() };
        assert_eq!(views(&viewing, 3, practice(), "2031-03-03".parse().unwrap(), 0).count(), 0);
    }
}

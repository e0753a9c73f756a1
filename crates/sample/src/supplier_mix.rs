//! Which suppliers there are, in what proportion, and who has whom.
//!
//! In reality suppliers cluster: some ICBs are nearly all of one maker, a PCN mostly is, and a newcomer has a practice
//! here and there. Another mix moves as few practices as it can: the clusters stay where they are and grow or shrink.

use crate::Error;
use crate::apportion::apportion;
use ods::{PracticeCode, Supplier, draw};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

/// The share, in thousandths, below which a supplier is a newcomer without an area of its own.
const NEWCOMER_PER_MILLE: u64 = 20;

/// Suppliers with their weights: `EMIS=3581,TPP=2540,Medicus=8`. The order says nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SupplierMix(BTreeMap<Supplier, u32>);

impl SupplierMix {
    /// The weights as given; they need not add up to anything.
    ///
    /// # Errors
    /// Where a supplier is there twice, or none has a weight above 0.
    pub fn new(weights: impl IntoIterator<Item = (Supplier, u32)>) -> Result<Self, Error> {
        let mut mix = BTreeMap::new();
        for (supplier, weight) in weights {
            if mix.insert(supplier.clone(), weight).is_some() {
                return Err(Error::SupplierTwice { supplier });
            }
        }
        if mix.values().all(|weight| *weight == 0) {
            return Err(Error::NoSupplier);
        }
        Ok(Self(mix))
    }

    /// How many of `practices_count` each supplier has. One with any weight has at least one, if there are enough.
    #[must_use]
    pub fn counts(&self, practices_count: u32) -> BTreeMap<&Supplier, u64> {
        let weights: Vec<u64> = self.0.values().map(|weight| u64::from(*weight)).collect();
        self.0.keys().zip(apportion(practices_count.into(), &weights)).collect()
    }

    /// The supplier of each practice, in the order of `leanings`.
    pub(crate) fn assign(&self, seed: u64, leanings: &[Leaning]) -> Vec<Supplier> {
        let counts = self.counts(leanings.len() as u32);
        let is_newcomer = |count: u64| count * 1_000 < NEWCOMER_PER_MILLE * leanings.len() as u64;
        let mut suppliers: BTreeMap<PracticeCode, &Supplier> = BTreeMap::new();
        let mut settled = BTreeSet::new();
        for (supplier, count) in counts.iter().filter(|(_, count)| is_newcomer(**count)) {
            let purpose = format!("newcomer {supplier}");
            let chance = |leaning: &Leaning| (draw(seed, &purpose, leaning.practice, 0, 0).bits(), leaning.practice);
            let unsettled = leanings.iter().filter(|leaning| !settled.contains(&leaning.practice));
            let mut by_chance: Vec<_> = unsettled.map(chance).collect();
            by_chance.sort_unstable();
            for (_, practice) in by_chance.into_iter().take(*count as usize) {
                settled.insert(practice);
                suppliers.insert(practice, supplier);
            }
        }
        let mut by_leaning: Vec<_> = leanings.iter().filter(|leaning| !settled.contains(&leaning.practice)).collect();
        by_leaning.sort_by_key(|leaning| (leaning.towards_last, leaning.practice));
        let established = counts.iter().filter(|(_, count)| !is_newcomer(**count));
        let places = established.flat_map(|(supplier, count)| std::iter::repeat_n(*supplier, *count as usize));
        suppliers.extend(by_leaning.into_iter().map(|leaning| leaning.practice).zip(places));
        leanings
            .iter()
            .filter_map(|leaning| suppliers.get(&leaning.practice).map(|&supplier| supplier.clone()))
            .collect()
    }
}

/// How much a practice leans towards the suppliers late in the alphabet: its area's share of them against a draw of its
/// PCN's. Only the order among practices means anything.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Leaning {
    pub(crate) practice: PracticeCode,
    pub(crate) towards_last: i64,
}

impl Default for SupplierMix {
    /// The real England's of 2026.
    fn default() -> Self {
        let weights = [("EMIS", 3_581), ("TPP", 2_540), ("Medicus", 8)];
        Self(weights.map(|(name, weight)| (name.parse().expect("these are names of suppliers"), weight)).into())
    }
}

impl FromStr for SupplierMix {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let mut weights = Vec::new();
        for part in text.split(',') {
            let not_a_weight = || Error::NotAWeight { given: part.chars().take(ods::GIVEN_CHARS_MAX).collect() };
            let (name, weight) = part.split_once('=').ok_or_else(not_a_weight)?;
            let weight = weight.trim().parse().map_err(|_| not_a_weight())?;
            weights.push((name.trim().parse()?, weight));
        }
        Self::new(weights)
    }
}

impl fmt::Display for SupplierMix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (supplier, weight)) in self.0.iter().enumerate() {
            write!(f, "{}{supplier}={weight}", if index > 0 { "," } else { "" })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mix_is_read_and_printed() {
        let mix: SupplierMix = "TPP=2540, EMIS=3581,Medicus=8".parse().unwrap();
        assert_eq!(mix, SupplierMix::default());
        assert_eq!(mix.to_string(), "EMIS=3581,Medicus=8,TPP=2540");
    }

    #[test]
    fn a_bad_mix_says_why() {
        let error = |text: &str| text.parse::<SupplierMix>().unwrap_err().to_string();
        assert_eq!(error("EMIS"), "`EMIS` is not a supplier and its weight: expected, for example, EMIS=3581,TPP=2540");
        assert_eq!(
            error("EMIS=-1"),
            "`EMIS=-1` is not a supplier and its weight: expected, for example, EMIS=3581,TPP=2540"
        );
        assert_eq!(error("EMIS=1,EMIS=2"), "EMIS is in the mix twice");
        assert_eq!(error("EMIS=0"), "a mix needs at least one supplier with a weight above 0");
        assert!(error("=1").contains("is not a supplier's name"));
    }

    #[test]
    fn counts_are_exact_and_leave_nobody_out() {
        let mix = SupplierMix::default();
        let counts = |practices_count| mix.counts(practices_count).into_values().collect::<Vec<_>>();
        assert_eq!(counts(6_129), [3_581, 8, 2_540]);
        assert_eq!(counts(300), [175, 1, 124]);
        assert_eq!(counts(100), [57, 1, 42]);
    }
}

//! Counting distinct people without keeping them: HyperLogLog sketches of the `datasketches` crate.
//!
//! Every estimate is the composite estimate of a register-wise union. The crate's other estimator (HIP) is a little
//! sharper and depends on the order in which people came, so that two replicas, or the same log folded twice in another
//! grouping, would tell different figures (I31). Small sets are kept as lists of coupons and are, to the nearest person,
//! exact.
//!
//! The binary form is the library's own and is read by its Java, C++ and Python siblings.

use std::borrow::Cow;
use std::fmt;

use datasketches::common::NumStdDev;
use datasketches::hll::{Coupon, HllSketch, HllType, HllUnion};
use thiserror::Error;

use crate::event::Person;
use crate::registers::{Image, Registers};

/// Registers of a practice's sketch, as a power of two: 4,096, for a standard error of 1.6 % on lists of some ten
/// thousand. A day's visitors of most practices stay below the 384 that are kept exactly.
pub const PRACTICE_LG_K: u8 = 12;

/// Registers of an area's sketch, as a power of two: 16,384, for a standard error of 0.81 %. Eight kilobytes for each
/// area and day, which are kept for ever.
pub const AREA_LG_K: u8 = 14;

/// How many wait until they are put into a sketch together. A sketch has kilobytes and there are thousands: one at a time, people
/// would fetch it into the processor's cache anew. With 128 and 256 it was no faster; 64 are four lines of the cache.
const WAITING_MAX: usize = 64;

/// A set of people that is being collected.
#[derive(Clone)]
pub struct Sketch {
    people: HllSketch,
    /// Those of it who are not among `people` yet.
    waiting: Vec<Coupon>,
}

/// A person as every sketch takes one: hashed once, for a practice and all its areas.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hashed(Coupon);

impl Hashed {
    pub(crate) fn of(person: Person) -> Self {
        Self(Coupon::from_value(person.to_bits()))
    }
}

/// A set of people put together from others.
#[derive(Clone)]
pub struct Union {
    lg_k: u8,
    people: HllUnion,
    /// Those who came as registers, besides; put together only where the whole is asked for.
    registers: Option<Registers>,
}

/// How many people are in a set. Bounds are two standard errors away: the truth is below `upper` with a probability of
/// about 97.7 %, and above `lower` with the same.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// To the nearest person.
    pub value: u64,
    /// The truth is rarely below.
    pub lower_bound: u64,
    /// The truth is rarely above.
    pub upper_bound: u64,
    /// One standard error as a part of the value; 0 where the count is exact.
    pub relative_standard_error: f64,
}

impl Estimate {
    /// Of the empty set.
    pub const ZERO: Self = Self::exact(0);

    /// A number that was counted, not estimated.
    #[must_use]
    pub const fn exact(value: u64) -> Self {
        Self { value, lower_bound: value, upper_bound: value, relative_standard_error: 0.0 }
    }
}

/// Stored bytes that are no sketch.
#[derive(Debug, Error)]
#[error("a stored sketch cannot be read")]
pub struct SketchError(#[source] datasketches::error::Error);

impl Sketch {
    /// The empty set, as precise as an area's.
    #[must_use]
    pub fn for_area() -> Self {
        Self::with_lg_k(AREA_LG_K)
    }

    /// The empty set, as precise as a practice's.
    #[must_use]
    pub fn for_practice() -> Self {
        Self::with_lg_k(PRACTICE_LG_K)
    }

    fn with_lg_k(lg_k: u8) -> Self {
        Self {
            people: HllSketch::new(lg_k, HllType::Hll8).expect("4 to 21 are allowed"),
            waiting: Vec::with_capacity(WAITING_MAX),
        }
    }

    /// Puts a person into the set.
    pub fn insert(&mut self, person: Person) {
        self.insert_hashed(Hashed::of(person));
    }

    /// The same for a person who goes into several sets.
    pub(crate) fn insert_hashed(&mut self, person: Hashed) {
        self.waiting.push(person.0);
        if self.waiting.len() >= WAITING_MAX {
            update_all(&mut self.people, &self.waiting);
            self.waiting.clear();
        }
    }

    /// Puts everybody of another set into this one.
    pub fn merge(&mut self, other: &Self) {
        let mut union = HllUnion::new(self.people.lg_config_k()).expect("that of a sketch is allowed");
        union.update(&self.everybody());
        union.update(&other.everybody());
        *self = Self { people: union.to_sketch(HllType::Hll8), waiting: Vec::new() };
    }

    /// Those who wait, too; a copy where there are any.
    fn everybody(&self) -> Cow<'_, HllSketch> {
        if self.waiting.is_empty() {
            return Cow::Borrowed(&self.people);
        }
        let mut everybody = self.people.clone();
        update_all(&mut everybody, &self.waiting);
        Cow::Owned(everybody)
    }
}

/// Apart from where they are collected, so that only this looks into a sketch.
#[inline(never)]
fn update_all(people: &mut HllSketch, waiting: &[Coupon]) {
    for coupon in waiting {
        people.update_with_coupon(*coupon);
    }
}

impl Union {
    /// The empty set, as precise as an area's.
    #[must_use]
    pub fn for_area() -> Self {
        Self::with_lg_k(AREA_LG_K)
    }

    /// The empty set, as precise as a practice's.
    #[must_use]
    pub fn for_practice() -> Self {
        Self::with_lg_k(PRACTICE_LG_K)
    }

    fn with_lg_k(lg_k: u8) -> Self {
        Self { lg_k, people: HllUnion::new(lg_k).expect("4 to 21 are allowed"), registers: None }
    }

    /// Puts everybody of a set into this one.
    pub fn add(&mut self, sketch: &Sketch) {
        let everybody = sketch.everybody();
        match Registers::of(&everybody, self.lg_k) {
            Some(registers) => self.registers.get_or_insert_with(|| Registers::empty(self.lg_k)).merge(&registers),
            None => self.people.update(&everybody),
        }
    }

    /// Puts everybody of another union into this one.
    pub fn merge(&mut self, other: &Self) {
        if let Some(registers) = &other.registers
            && other.lg_k == self.lg_k
        {
            self.registers.get_or_insert_with(|| Registers::empty(self.lg_k)).merge(registers);
        } else if other.registers.is_some() {
            self.people.update(&other.whole().to_sketch(HllType::Hll8));
            return;
        }
        if !other.people.is_empty() {
            self.people.update(&other.people.to_sketch(HllType::Hll8));
        }
    }

    /// Puts everybody of a stored set into this one.
    ///
    /// # Errors
    /// Where the bytes are no sketch; nothing has changed then.
    pub fn add_bytes(&mut self, bytes: &[u8]) -> Result<(), SketchError> {
        if let Some(image) = Image::of(bytes, self.lg_k) {
            self.registers.get_or_insert_with(|| Registers::empty(self.lg_k)).add(&image);
            return Ok(());
        }
        let sketch = HllSketch::deserialize(bytes).map_err(SketchError)?;
        self.people.update(&sketch);
        Ok(())
    }

    /// The bytes that stores keep: compact, four bits a register.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        if let Some(registers) = &self.registers
            && self.people.is_empty()
        {
            return registers.stored();
        }
        let whole = self.whole();
        let registers = Registers::of(&whole.to_sketch(HllType::Hll8), self.lg_k);
        registers.map_or_else(|| whole.to_sketch(HllType::Hll4).serialize(), |registers| registers.stored())
    }

    /// How many are in it: a function of the set alone (I31).
    #[must_use]
    pub fn estimate(&self) -> Estimate {
        let mut settled = self.whole().into_owned();
        if settled.is_empty() {
            return Estimate::ZERO;
        }
        // Merging a set of registers into itself changes none of them and makes the library forget the order in which
        // they rose, so that its bounds, too, are those of the composite estimate.
        settled.update(&settled.to_sketch(HllType::Hll8));
        let estimate = settled.composite_estimate();
        let value = estimate.round() as u64;
        // A list of coupons has bounds that differ from its length by less than a person.
        let lower_bound = settled.lower_bound(NumStdDev::Two).round() as u64;
        let upper_bound = settled.upper_bound(NumStdDev::Two).round() as u64;
        let spread = settled.upper_bound(NumStdDev::One) - settled.lower_bound(NumStdDev::One);
        let exact = lower_bound == upper_bound;
        let relative_standard_error = if exact { 0.0 } else { spread / 2.0 / estimate };
        Estimate { value, lower_bound, upper_bound, relative_standard_error }
    }

    /// Everybody.
    fn whole(&self) -> Cow<'_, HllUnion> {
        let Some(registers) = &self.registers else { return Cow::Borrowed(&self.people) };
        let registers = HllSketch::deserialize(&registers.image()).expect("an image as the library writes it");
        let mut whole = self.people.clone();
        whole.update(&registers);
        Cow::Owned(whole)
    }
}

impl fmt::Debug for Sketch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sketch({:.0})", self.everybody().composite_estimate())
    }
}

impl fmt::Debug for Union {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Union({:?})", self.estimate())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn person(number: u64) -> Person {
        Person::of_pseudonym(&number.to_be_bytes())
    }

    fn sketch(people: impl IntoIterator<Item = u64>) -> Sketch {
        let mut sketch = Sketch::for_area();
        for number in people {
            sketch.insert(person(number));
        }
        sketch
    }

    fn estimate(sketches: &[Sketch]) -> Estimate {
        let mut union = Union::for_area();
        for sketch in sketches {
            union.add(sketch);
        }
        union.estimate()
    }

    #[test]
    fn nobody_is_nobody_and_few_are_counted_exactly() {
        assert_eq!(estimate(&[]), Estimate::ZERO);
        for count in [1, 7, 300, 1_000] {
            let counted = estimate(&[sketch(0..count)]);
            assert_eq!(counted, Estimate::exact(count));
        }
    }

    #[test]
    fn a_stored_sketch_of_other_bytes_is_refused() {
        assert!(Union::for_area().add_bytes(&[1, 2, 3]).is_err());
        let mut bytes = Union::for_area().to_bytes();
        bytes.truncate(4);
        assert!(Union::for_area().add_bytes(&bytes).is_err());
    }

    /// I31: of fifty sets per size, nearly all lie within the two-standard-error bounds, and none further than four.
    #[test]
    fn i31_an_estimate_is_within_its_stated_bound() {
        for count in [2_000_u64, 20_000, 200_000] {
            let mut outside = 0;
            for set in 0..50_u64 {
                let counted = estimate(&[sketch((0..count).map(|number| set << 32 | number))]);
                let inside = (counted.lower_bound..=counted.upper_bound).contains(&count);
                outside += usize::from(!inside);
                let error = counted.value.abs_diff(count) as f64 / count as f64;
                assert!(error < 4.0 * counted.relative_standard_error, "{count} in set {set}: {counted:?}");
            }
            assert!(outside <= 8, "{outside} of 50 sets of {count} lie outside two standard errors");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(ProptestConfig::default().cases / 5))]

        /// I31: whatever the order, the grouping and the repetitions, and whether parts went through the store.
        #[test]
        fn i31_an_estimate_is_a_function_of_the_set(
            size in 1_u64..6_000,
            parts in 1_usize..9,
            stored in any::<[bool; 8]>(),
            seed in any::<u64>(),
        ) {
            let expected = estimate(&[sketch(0..size)]);
            let mut sketches = vec![sketch(std::iter::empty()); parts];
            let start = seed % size;
            // Begins somewhere in the middle and goes round past its own beginning, so orders differ and some come twice.
            for step in 0..size + size / 3 {
                let number = (start + step * 7_919 % size + step) % size;
                let part = (number.wrapping_mul(seed | 1) >> 32) as usize % parts;
                sketches[part].insert(person(number));
                sketches[(part + 1) % parts].insert(person(step % size));
            }
            let mut union = Union::for_area();
            for (sketch, stored) in sketches.iter().zip(stored).rev() {
                if stored {
                    let mut alone = Union::for_area();
                    alone.add(sketch);
                    union.add_bytes(&alone.to_bytes()).unwrap();
                } else {
                    union.add(sketch);
                }
            }
            prop_assert_eq!(union.estimate(), expected);
        }

        /// I31: (a ∪ b) ∪ c is a ∪ (b ∪ c), b ∪ a ∪ c and so on.
        #[test]
        fn i31_merging_is_associative_and_commutative(sizes in [0_u64..4_000, 0..4_000, 0..4_000]) {
            let [a, b, c] = [0, 1, 2].map(|index| {
                let from = index as u64 * 2_000;
                sketch(from..from + sizes[index])
            });
            let merged = |order: [&Sketch; 3]| {
                let mut sketch = order[0].clone();
                sketch.merge(order[1]);
                sketch.merge(order[2]);
                estimate(&[sketch])
            };
            let mut right = b.clone();
            right.merge(&c);
            let mut nested = a.clone();
            nested.merge(&right);
            prop_assert_eq!(merged([&a, &b, &c]), estimate(&[a.clone(), b.clone(), c.clone()]));
            prop_assert_eq!(estimate(&[nested]), merged([&a, &b, &c]));
            // Unions of unions, of registers and of lists, as series unite days.
            let mut together = Union::for_area();
            for sketch in [&a, &b, &c] {
                let mut alone = Union::for_area();
                alone.add(sketch);
                together.merge(&alone);
            }
            prop_assert_eq!(together.estimate(), merged([&a, &b, &c]));
            prop_assert_eq!(merged([&c, &a, &b]), merged([&a, &b, &c]));
        }
    }
}

//! Registers of sketches, united as they lie: the larger of two, register by register.
//!
//! The library works out its estimator anew after each sketch that it takes, some ten thousand divisions; a summary unites thirty
//! days and wants one estimate. It also stores a sketch register by register, as if each were somebody who comes, and a checkpoint
//! stores one of every practice. What is read and written here is the form that this program stores, HLL_4 in the layout of
//! DataSketches; lists of coupons, all else, and all that looks wrong, is the library's.

use datasketches::hll::HllSketch;

/// Bytes before the registers.
const PREAMBLE_BYTES: usize = 40;
/// The first four bytes of an image of registers, its precision last: words of the preamble, version, family.
const HEADER: [u8; 3] = [10, 1, 7];
/// Where in the preamble are flags, form, and how many exceptions there are.
const FLAGS_AT: usize = 5;
const MODE_AT: usize = 7;
const EXCEPTIONS_AT: usize = 36;
const COMPACT: u8 = 8;
const OUT_OF_ORDER: u8 = 16;
/// Registers, of four and of eight bits.
const MODE_HLL4: u8 = 2;
const MODE_HLL8: u8 = 2 | (2 << 2);
/// A nibble that says: the value is so much or more, and is among the exceptions.
const EXCEPTION: u8 = 15;
const EXCEPTION_BYTES: usize = 4;
/// In an exception: the lower bits are the register's number, the upper ones its value.
const SLOT_BITS: u32 = 26;
/// Hashes have 64 bits.
const VALUE_MAX: u8 = 63;

/// Marks are counted in so many bytes at a time: a byte holds how many they have.
const MARKS_AT_A_TIME: usize = 64;

/// Registers of one precision: those of even and those of odd numbers, as they lie in the lower and in the upper halves of stored
/// bytes. So a byte of each is worked out from a byte of an image, and a compiler does sixteen or more at once.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Registers {
    even: Vec<u8>,
    odd: Vec<u8>,
}

/// A stored sketch whose registers can be taken.
pub(crate) struct Image<'a> {
    /// What nibbles are counted from.
    least: u8,
    nibbles: &'a [u8],
    exceptions: &'a [[u8; EXCEPTION_BYTES]],
}

impl<'a> Image<'a> {
    /// None where it is of another precision or form, or not as it must be.
    pub(crate) fn of(bytes: &'a [u8], lg_k: u8) -> Option<Self> {
        let (preamble, rest) = bytes.split_first_chunk::<PREAMBLE_BYTES>()?;
        let [words, version, family, precision, _, flags, least, mode, ..] = *preamble;
        let is_ours = [words, version, family] == HEADER && precision == lg_k && mode == MODE_HLL4;
        if !is_ours || flags & COMPACT == 0 || least > VALUE_MAX - EXCEPTION {
            return None;
        }
        let (nibbles, exceptions) = rest.split_at_checked(1 << (lg_k - 1))?;
        let (exceptions, []) = exceptions.as_chunks() else { return None };
        let marks = |byte: &u8| u8::from(low(*byte) == EXCEPTION) + u8::from(high(*byte) == EXCEPTION);
        let marked: usize =
            nibbles.chunks(MARKS_AT_A_TIME).map(|bytes| usize::from(bytes.iter().map(marks).sum::<u8>())).sum();
        (marked == exceptions.len()).then_some(Self { least, nibbles, exceptions })
    }
}

impl Registers {
    /// Those of a sketch; None where it is of another precision or form, as while it has a list.
    pub(crate) fn of(sketch: &HllSketch, lg_k: u8) -> Option<Self> {
        let bytes = sketch.serialize();
        let ([words, version, family, precision, _, _, _, mode, ..], registers) =
            bytes.split_first_chunk::<PREAMBLE_BYTES>()?;
        let is_ours = [*words, *version, *family] == HEADER && *precision == lg_k && *mode == MODE_HLL8;
        let (pairs, []) = registers.as_chunks() else { return None };
        let has_all = pairs.len() == 1 << (lg_k - 1);
        let are_possible = registers.iter().all(|value| *value <= VALUE_MAX);
        (is_ours && has_all && are_possible).then(|| {
            let (even, odd) = pairs.iter().map(|[even, odd]| (even, odd)).unzip();
            Self { even, odd }
        })
    }

    /// Of nobody.
    pub(crate) fn empty(lg_k: u8) -> Self {
        let half = vec![0; 1 << (lg_k - 1)];
        Self { even: half.clone(), odd: half }
    }

    /// Takes in an image of the same precision.
    pub(crate) fn add(&mut self, image: &Image<'_>) {
        let Image { least, nibbles, exceptions } = *image;
        for ((even, odd), byte) in self.even.iter_mut().zip(&mut self.odd).zip(nibbles) {
            // Of an exception this is the least that it may be.
            *even = (*even).max(least + low(*byte));
            *odd = (*odd).max(least + high(*byte));
        }
        let mask = 2 * self.even.len() - 1;
        for exception in exceptions {
            let exception = u32::from_le_bytes(*exception);
            let slot = (exception & ((1 << SLOT_BITS) - 1)) as usize & mask;
            let half = if slot.is_multiple_of(2) { &mut self.even } else { &mut self.odd };
            half[slot / 2] = half[slot / 2].max((exception >> SLOT_BITS) as u8);
        }
    }

    /// Takes in others of the same precision.
    pub(crate) fn merge(&mut self, others: &Self) {
        for (ours, theirs) in [(&mut self.even, &others.even), (&mut self.odd, &others.odd)] {
            for (ours, theirs) in ours.iter_mut().zip(theirs) {
                *ours = (*ours).max(*theirs);
            }
        }
    }

    /// As the library reads them: HLL_8, and that the order in which people came is not known.
    pub(crate) fn image(&self) -> Vec<u8> {
        let counts = self.counts();
        let mut image = self.preamble(&counts, 0, 2 * self.even.len());
        image[FLAGS_AT] = OUT_OF_ORDER;
        image[MODE_AT] = MODE_HLL8;
        image.extend(self.even.iter().zip(&self.odd).flat_map(|(even, odd)| [*even, *odd]));
        image
    }

    /// As stores keep them: HLL_4, compact, and that the order in which people came is not known.
    pub(crate) fn stored(&self) -> Vec<u8> {
        let counts = self.counts();
        let least = counts.iter().position(|count| *count > 0).expect("there are registers") as u8;
        let beyond = least + EXCEPTION;
        let exceptions_count = counts.iter().skip(usize::from(beyond)).sum::<u32>();
        let exceptions_bytes = exceptions_count as usize * EXCEPTION_BYTES;
        let mut image = self.preamble(&counts, least, self.even.len() + exceptions_bytes);
        image[FLAGS_AT] = OUT_OF_ORDER | COMPACT;
        image[MODE_AT] = MODE_HLL4;
        image[EXCEPTIONS_AT..PREAMBLE_BYTES].copy_from_slice(&exceptions_count.to_le_bytes());
        let nibble = |value: u8| (value - least).min(EXCEPTION);
        image.extend(self.even.iter().zip(&self.odd).map(|(even, odd)| nibble(*even) | nibble(*odd) << 4));
        if exceptions_count > 0 {
            let values = self.even.iter().zip(&self.odd).flat_map(|(even, odd)| [*even, *odd]);
            for (slot, value) in (0_u32..).zip(values).filter(|(_, value)| *value >= beyond) {
                image.extend((u32::from(value) << SLOT_BITS | slot).to_le_bytes());
            }
        }
        image
    }

    /// How many registers have each value.
    fn counts(&self) -> [u32; VALUE_MAX as usize + 1] {
        let mut counts = [0; VALUE_MAX as usize + 1];
        // Apart, since neighbours often have the same value, and a counter waits for itself.
        let mut of_odd = counts;
        for (even, odd) in self.even.iter().zip(&self.odd) {
            counts[usize::from(*even)] += 1;
            of_odd[usize::from(*odd)] += 1;
        }
        for (count, odd) in counts.iter_mut().zip(of_odd) {
            *count += odd;
        }
        counts
    }

    /// What images begin with, but for flags, mode and how many exceptions there are; with room for so many bytes more.
    fn preamble(&self, counts: &[u32; VALUE_MAX as usize + 1], least: u8, bytes: usize) -> Vec<u8> {
        let lg_k = (2 * self.even.len()).ilog2() as u8;
        // Powers of two with so few bits between them have the same sum in any order.
        let (mut high_sum, mut low_sum) = (0.0, 0.0);
        for (value, count) in counts.iter().enumerate() {
            let inverses = f64::from(*count) / (1_u64 << value) as f64;
            // Apart, as the library has them: the sum of both would lose the small ones.
            if value < 32 { high_sum += inverses } else { low_sum += inverses }
        }
        let mut image = Vec::with_capacity(PREAMBLE_BYTES + bytes);
        image.extend(HEADER);
        image.extend([lg_k, 0, 0, least, 0]);
        for sum in [0.0, high_sum, low_sum] {
            image.extend(f64::to_le_bytes(sum));
        }
        image.extend(counts[usize::from(least)].to_le_bytes());
        image.extend(0_u32.to_le_bytes());
        image
    }
}

fn low(byte: u8) -> u8 {
    byte & 15
}

fn high(byte: u8) -> u8 {
    byte >> 4
}

#[cfg(test)]
mod tests {
    use datasketches::hll::{HllSketch, HllType, HllUnion};
    use proptest::prelude::*;

    use super::*;

    fn sketch(lg_k: u8, people: std::ops::Range<u64>) -> HllSketch {
        let mut sketch = HllSketch::new(lg_k, HllType::Hll8).unwrap();
        people.for_each(|person| sketch.update(person.wrapping_mul(0x9e37_79b9_7f4a_7c15)));
        sketch
    }

    fn stored(sketch: &HllSketch) -> Vec<u8> {
        let mut union = HllUnion::new(sketch.lg_config_k()).unwrap();
        union.update(sketch);
        union.to_sketch(HllType::Hll4).serialize()
    }

    /// The same for whatever is the same but for the order of exceptions and what is known of the order of people: preamble,
    /// nibbles, exceptions.
    fn parts(image: &[u8], lg_k: u8) -> (Vec<u8>, Vec<u8>, Vec<[u8; EXCEPTION_BYTES]>) {
        let (preamble, rest) = image.split_at(PREAMBLE_BYTES);
        let (nibbles, exceptions) = rest.split_at(1 << (lg_k - 1));
        let mut exceptions = exceptions.as_chunks().0.to_vec();
        exceptions.sort_unstable();
        let (form, sums_and_counts) = (&preamble[..8], &preamble[16..]);
        let mut preamble = [form, sums_and_counts].concat();
        preamble[FLAGS_AT] |= OUT_OF_ORDER;
        (preamble, nibbles.to_vec(), exceptions)
    }

    /// Values that no crowd of a test comes to: on both sides of 32, the highest, and no low ones.
    #[test]
    fn high_values_are_stored_as_the_library_stores_them() {
        for values in [[0, 31, 32, 47, VALUE_MAX], [40, 41, 54, 55, VALUE_MAX], [49, 50, 51, 52, VALUE_MAX]] {
            let mut of_slot = values.into_iter().cycle();
            let (even, odd) = (0..1 << 11).map(|_| (of_slot.next().unwrap(), of_slot.next().unwrap())).unzip();
            let registers = Registers { even, odd };
            let sketch = HllSketch::deserialize(&registers.image()).unwrap();
            let bytes = registers.stored();
            assert_eq!(parts(&bytes, 12), parts(&stored(&sketch), 12), "{values:?}");
            match Image::of(&bytes, 12) {
                Some(image) => {
                    let mut read = Registers::empty(12);
                    read.add(&image);
                    assert!(read == registers, "{values:?}");
                }
                None => assert_eq!(values[0], 49, "the library reads what lies above"),
            }
            let mut read = HllUnion::new(12).unwrap();
            read.update(&HllSketch::deserialize(&bytes).unwrap());
            assert!(
                Registers::of(&read.to_sketch(HllType::Hll8), 12).is_some_and(|read| read == registers),
                "{values:?}"
            );
        }
    }

    #[test]
    fn values_that_no_hash_has_are_left_to_the_library() {
        let mut bytes = Registers::empty(12).image();
        bytes[PREAMBLE_BYTES] = VALUE_MAX + 1;
        assert!(Registers::of(&HllSketch::deserialize(&bytes).unwrap(), 12).is_none());
    }

    proptest! {
        /// Against the library, by the bytes that it writes of the same registers.
        #[test]
        fn they_are_united_as_the_library_unites_them(
            lg_k in 8_u8..15,
            sets in prop::collection::vec((0_u64..50_000, 2_000_u64..60_000), 1..5),
        ) {
            let (mut registers, mut union) = (Registers::empty(lg_k), HllUnion::new(lg_k).unwrap());
            for (from, count) in sets {
                let sketch = sketch(lg_k, from..from + count);
                let bytes = stored(&sketch);
                let image = Image::of(&bytes, lg_k).expect("so many are no list");
                prop_assert!(Image::of(&bytes, lg_k + 1).is_none(), "of another precision");
                prop_assert!(Image::of(&bytes[..bytes.len() - 1], lg_k).is_none(), "cut off");
                registers.add(&image);
                union.update(&sketch);
            }
            union.update(&union.to_sketch(HllType::Hll8));
            let read = HllSketch::deserialize(&registers.image()).unwrap();
            prop_assert_eq!(&read.serialize()[PREAMBLE_BYTES..], &union.to_sketch(HllType::Hll8).serialize()[PREAMBLE_BYTES..]);
            prop_assert_eq!(read.estimate(), union.composite_estimate());
            let bytes = registers.stored();
            let read = HllSketch::deserialize(&bytes).unwrap();
            prop_assert_eq!(read.estimate(), union.composite_estimate());
            let mut again = Registers::empty(lg_k);
            again.add(&Image::of(&bytes, lg_k).expect("it is what stores keep"));
            prop_assert!(again == registers);
        }

        /// Against the library: the bytes that it stores, but for the order of exceptions and what it knows of the order of people.
        #[test]
        fn they_are_stored_as_the_library_stores_them(lg_k in 8_u8..15, from in any::<u64>(), count in 5_000_u64..200_000) {
            let sketch = sketch(lg_k, from..from.saturating_add(count));
            let (ours, theirs) = (Registers::of(&sketch, lg_k).expect("so many are no list").stored(), stored(&sketch));
            prop_assert_eq!(parts(&ours, lg_k), parts(&theirs, lg_k));
        }
    }

    #[test]
    fn a_list_of_coupons_is_none() {
        assert!(Image::of(&stored(&sketch(12, 0..5)), 12).is_none());
        assert!(Image::of(&stored(&sketch(12, 0..100)), 12).is_none());
        assert!(Image::of(&[], 12).is_none());
    }
}

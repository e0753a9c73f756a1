//! Events as they are counted: what happened, by which app, to which part of the record.

use std::fmt;
use std::str::FromStr;

use ods::Capability;
use thiserror::Error;

/// What can happen. The numbers are those on the wire and in the stores, and never change their meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum EventKind {
    /// A person can see the record from now on.
    AccessGranted = 1,
    /// A person no longer can.
    AccessWithdrawn = 2,
    /// A person opened the record.
    RecordViewed = 3,
    /// A person was not given access because of the enhanced-review code.
    AccessWithheld = 4,
}

impl EventKind {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::AccessGranted, Self::AccessWithdrawn, Self::RecordViewed, Self::AccessWithheld];

    /// The kind with this number.
    #[must_use]
    pub fn from_number(number: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.number() == number)
    }

    /// Its number.
    #[must_use]
    pub fn number(self) -> i64 {
        self as i64
    }
}

/// Which part of the record was viewed. Numbers as for [`EventKind`]; 0 is "not said".
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Section {
    /// Not said, or no view.
    Unspecified = 0,
    /// Consultations and encounters.
    Consultations = 1,
    /// Documents and letters.
    Documents = 2,
    /// Test results.
    TestResults = 3,
    /// Medicines.
    Medicines = 4,
    /// Problems and conditions.
    Problems = 5,
    /// Allergies and adverse reactions.
    Allergies = 6,
    /// Vaccinations.
    Vaccinations = 7,
}

impl Section {
    /// Every section.
    pub const ALL: [Self; 8] = [
        Self::Unspecified,
        Self::Consultations,
        Self::Documents,
        Self::TestResults,
        Self::Medicines,
        Self::Problems,
        Self::Allergies,
        Self::Vaccinations,
    ];

    /// The section with this number.
    #[must_use]
    pub fn from_number(number: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|section| section.number() == number)
    }

    /// Its number.
    #[must_use]
    pub fn number(self) -> i64 {
        self as i64
    }
}

/// An approved patient-facing app, by its id: 1 to 32 of `a-z 0-9 -`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Channel(Box<str>);

/// Longest id of a channel.
pub const CHANNEL_BYTES_MAX: usize = 32;

/// The app that most people use: what an event that names no channel means.
pub const CHANNEL_DEFAULT: &str = "nhs-app";

/// Not the id of a channel.
#[derive(Debug, PartialEq, Eq, Error)]
#[error("not a channel: expected 1 to {CHANNEL_BYTES_MAX} of a-z 0-9 -, such as {CHANNEL_DEFAULT}")]
pub struct ChannelError;

impl Channel {
    /// The id.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Channel {
    type Err = ChannelError;

    /// Empty text means [`CHANNEL_DEFAULT`].
    fn from_str(text: &str) -> Result<Self, ChannelError> {
        let text = if text.is_empty() { CHANNEL_DEFAULT } else { text };
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if text.len() <= CHANNEL_BYTES_MAX && text.bytes().all(plain) {
            Ok(Self(text.into()))
        } else {
            Err(ChannelError)
        }
    }
}

impl fmt::Display for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What is counted apart from what, at one practice: the columns of a count besides practice and time.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Strand {
    /// Which capability's access the event is about.
    pub capability: Capability,
    /// What happened.
    pub kind: EventKind,
    /// By which app.
    pub channel: Channel,
    /// To which part of the record.
    pub section: Section,
}

/// A person, as 64 bits of a hash of the producer's pseudonym; [`Person::NONE`] where an event concerns nobody.
///
/// Two of sixty million people share one with a probability below one in ten thousand, far below the sketches' error.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Person(u64);

impl Person {
    /// Nobody.
    pub const NONE: Self = Self(0);

    /// Hashes a pseudonym. Stable for ever: the batch log keeps the outcome, and sketches are built from it. Not a
    /// secret and not a safeguard; that the pseudonym means nothing without its producer's key is the safeguard.
    #[must_use]
    pub fn of_pseudonym(pseudonym: &[u8]) -> Self {
        // Odd constants with well mixed bits (the fractions of e and of the golden ratio).
        const SEED: u64 = 0xb7e1_5162_8aed_2a6b;
        const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
        if pseudonym.is_empty() {
            return Self::NONE;
        }
        let mut hash = SEED ^ pseudonym.len() as u64;
        for chunk in pseudonym.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            hash = folded_product(hash ^ u64::from_le_bytes(word), FACTOR);
        }
        Self(folded_product(hash, SEED).max(1))
    }

    /// As the batch log keeps it.
    #[must_use]
    pub fn to_bits(self) -> u64 {
        self.0
    }

    /// From the batch log.
    #[must_use]
    pub fn from_bits(bits: u64) -> Self {
        Self(bits)
    }
}

impl fmt::Debug for Person {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Person({:016x})", self.0)
    }
}

/// Both halves of the 128-bit product, folded: each bit of the input reaches every bit of the outcome.
fn folded_product(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    (product as u64) ^ ((product >> 64) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_name_kinds_and_sections() {
        for kind in EventKind::ALL {
            assert_eq!(EventKind::from_number(kind.number()), Some(kind));
        }
        for section in Section::ALL {
            assert_eq!(Section::from_number(section.number()), Some(section));
        }
        assert_eq!(EventKind::from_number(0), None);
        assert_eq!(Section::from_number(8), None);
    }

    #[test]
    fn no_channel_means_the_one_most_people_use() {
        assert_eq!("".parse::<Channel>().unwrap().as_str(), CHANNEL_DEFAULT);
        for text in ["NHS App", "app/1", &"x".repeat(CHANNEL_BYTES_MAX + 1)] {
            assert!(text.parse::<Channel>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn the_hash_of_a_pseudonym_never_changes() {
        let bits: Vec<String> = [&b"12345678"[..], b"123456789", &[0; 8], &[0; 16]]
            .map(|p| format!("{:?}", Person::of_pseudonym(p)))
            .into();
        let expected = ["5d756fb0eeb1ee2e", "98d324e7ca397ebf", "acec124006c403b7", "441b341d26a91367"];
        assert_eq!(bits, expected.map(|bits| format!("Person({bits})")));
        assert_eq!(Person::of_pseudonym(b""), Person::NONE);
    }

    #[test]
    fn pseudonyms_that_differ_in_one_bit_are_different_people() {
        let base = [0x5a_u8; 16];
        let mut seen = std::collections::BTreeSet::from([Person::of_pseudonym(&base)]);
        for bit in 0..128 {
            let mut other = base;
            other[bit / 8] ^= 1 << (bit % 8);
            assert!(seen.insert(Person::of_pseudonym(&other)), "bit {bit}");
        }
    }
}

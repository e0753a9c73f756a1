//! Ordinals: the small numbers that stand for practices and strands in the batch log, the counts and the sketches.
//!
//! An ordinal is given at first sight and never changes, so the log stays readable; the store keeps the list. Whether a
//! practice is known to the registry is another matter: events may come before its first record does.

use std::collections::BTreeMap;

use ods::PracticeCode;

use crate::event::{EventKind, Strand};

/// A practice, by the order of first sight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PracticeOrdinal(pub u32);

impl PracticeOrdinal {
    /// No practice's: there are fewer codes.
    pub const NONE: Self = Self(ABSENT);
}

/// A strand, by the order of first sight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StrandOrdinal(pub u16);

/// A capability, by the order of the first strand that has it. Of this process only; stores keep the name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CapabilityOrdinal(pub u8);

/// Most strands there can be: their ordinals have two bytes. Four kinds by eight sections leave room for two thousand
/// pairs of channel and capability; a producer that invents channels is stopped here.
pub const STRANDS_MAX: usize = u16::MAX as usize;

/// Most capabilities there can be.
pub const CAPABILITIES_MAX: usize = u8::MAX as usize;

/// Codes that begin with one letter: `A00000` to `A99999`.
const CODES_PER_LETTER: usize = 100_000;

/// No ordinal yet.
const ABSENT: u32 = u32::MAX;

/// Who has which ordinal.
#[derive(Clone, Debug, Default)]
pub struct Dictionary {
    practices: Vec<PracticeCode>,
    /// By first letter, then by the five digits: a look-up per event, so neither hashing nor comparing.
    ordinals: Vec<Vec<u32>>,
    strands: Vec<Strand>,
    strand_ordinals: BTreeMap<Strand, StrandOrdinal>,
    capabilities: Vec<ods::Capability>,
    /// By strand: whose viewers its people are, if they are anybody's.
    views_of: Vec<Option<CapabilityOrdinal>>,
}

impl Dictionary {
    /// How many practices have an ordinal; the next to get one gets this.
    #[must_use]
    pub fn practice_count(&self) -> usize {
        self.practices.len()
    }

    /// The practice with this ordinal.
    #[must_use]
    pub fn practice(&self, ordinal: PracticeOrdinal) -> Option<PracticeCode> {
        self.practices.get(ordinal.0 as usize).copied()
    }

    /// The practice's ordinal, by its code as text; None for one without, and for text that is no practice code.
    #[must_use]
    pub fn practice_ordinal(&self, code: impl AsRef<[u8]>) -> Option<PracticeOrdinal> {
        let (letter, digits) = slot(code.as_ref())?;
        let ordinal = *self.ordinals.get(letter)?.get(digits)?;
        (ordinal != ABSENT).then_some(PracticeOrdinal(ordinal))
    }

    /// Gives the practice the next ordinal, unless it has one.
    pub fn add_practice(&mut self, code: PracticeCode) -> PracticeOrdinal {
        if let Some(known) = self.practice_ordinal(code.as_str()) {
            return known;
        }
        let (letter, digits) =
            slot(code.as_str().as_bytes()).expect("a PracticeCode is a capital letter and five digits");
        let ordinal = u32::try_from(self.practices.len()).expect("there are fewer codes than 2^32");
        if self.ordinals.len() <= letter {
            self.ordinals.resize(letter + 1, Vec::new());
        }
        if self.ordinals[letter].is_empty() {
            self.ordinals[letter] = vec![ABSENT; CODES_PER_LETTER];
        }
        self.ordinals[letter][digits] = ordinal;
        self.practices.push(code);
        PracticeOrdinal(ordinal)
    }

    /// How many strands have an ordinal; the next to get one gets this.
    #[must_use]
    pub fn strand_count(&self) -> usize {
        self.strands.len()
    }

    /// The strand with this ordinal.
    #[must_use]
    pub fn strand(&self, ordinal: StrandOrdinal) -> Option<&Strand> {
        self.strands.get(usize::from(ordinal.0))
    }

    /// The strand's ordinal.
    #[must_use]
    pub fn strand_ordinal(&self, strand: &Strand) -> Option<StrandOrdinal> {
        self.strand_ordinals.get(strand).copied()
    }

    /// Whether [`Self::add_strand`] gives this strand an ordinal.
    #[must_use]
    pub fn has_room_for(&self, strand: &Strand) -> bool {
        let has_capability = self.capability_ordinal(&strand.capability).is_some();
        self.strand_ordinal(strand).is_some()
            || self.strands.len() < STRANDS_MAX && (has_capability || self.capabilities.len() < CAPABILITIES_MAX)
    }

    /// Gives the strand the next ordinal, unless it has one. None once [`STRANDS_MAX`] or [`CAPABILITIES_MAX`] is
    /// reached.
    pub fn add_strand(&mut self, strand: Strand) -> Option<StrandOrdinal> {
        if let Some(known) = self.strand_ordinal(&strand) {
            return Some(known);
        }
        if self.strands.len() >= STRANDS_MAX {
            return None;
        }
        let capability = self.add_capability(&strand.capability)?;
        let ordinal = StrandOrdinal(u16::try_from(self.strands.len()).ok()?);
        self.views_of.push((strand.kind == EventKind::RecordViewed).then_some(capability));
        self.strand_ordinals.insert(strand.clone(), ordinal);
        self.strands.push(strand);
        Some(ordinal)
    }

    /// Whose viewers the people of this strand are: the capability, where the strand is one of views.
    #[must_use]
    pub fn views_of(&self, strand: StrandOrdinal) -> Option<CapabilityOrdinal> {
        self.views_of.get(usize::from(strand.0)).copied().flatten()
    }

    /// The capability with this ordinal.
    #[must_use]
    pub fn capability(&self, ordinal: CapabilityOrdinal) -> Option<&ods::Capability> {
        self.capabilities.get(usize::from(ordinal.0))
    }

    /// The capability's ordinal; None where no event named it.
    #[must_use]
    pub fn capability_ordinal(&self, capability: &ods::Capability) -> Option<CapabilityOrdinal> {
        let index = self.capabilities.iter().position(|known| known == capability)?;
        u8::try_from(index).ok().map(CapabilityOrdinal)
    }

    fn add_capability(&mut self, capability: &ods::Capability) -> Option<CapabilityOrdinal> {
        if let Some(known) = self.capability_ordinal(capability) {
            return Some(known);
        }
        if self.capabilities.len() >= CAPABILITIES_MAX {
            return None;
        }
        self.capabilities.push(capability.clone());
        self.capability_ordinal(capability)
    }
}

/// Where a code's ordinal lies: its letter, from 0, and its digits as a number.
fn slot(code: &[u8]) -> Option<(usize, usize)> {
    let [letter @ b'A'..=b'Z', digits @ ..] = code else { return None };
    if digits.len() != 5 {
        return None;
    }
    let mut number = 0;
    for digit in digits {
        if !digit.is_ascii_digit() {
            return None;
        }
        number = number * 10 + usize::from(digit - b'0');
    }
    Some((usize::from(letter - b'A'), number))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Channel, Section};

    fn strand(kind: EventKind, channel: &str) -> Strand {
        Strand {
            capability: ods::Capability::default(),
            kind,
            channel: channel.parse::<Channel>().unwrap(),
            section: Section::Unspecified,
        }
    }

    #[test]
    fn ordinals_follow_the_order_of_first_sight_and_stay() {
        let mut dictionary = Dictionary::default();
        for (code, ordinal) in [("Y00001", 0), ("A81001", 1), ("Y00001", 0), ("A81002", 2)] {
            assert_eq!(dictionary.add_practice(code.parse().unwrap()), PracticeOrdinal(ordinal));
        }
        assert_eq!(dictionary.practice_ordinal("A81001"), Some(PracticeOrdinal(1)));
        assert_eq!(dictionary.practice(PracticeOrdinal(0)).unwrap().as_str(), "Y00001");
        for text in ["A81003", "B81001", "", "a81001", "A8100", "A81001X", "A8100É", "É81001"] {
            assert_eq!(dictionary.practice_ordinal(text), None, "{text}");
        }
    }

    #[test]
    fn only_views_have_viewers() {
        let mut dictionary = Dictionary::default();
        let granted = dictionary.add_strand(strand(EventKind::AccessGranted, "")).unwrap();
        let viewed = dictionary.add_strand(strand(EventKind::RecordViewed, "other-app")).unwrap();
        assert_eq!((granted, viewed), (StrandOrdinal(0), StrandOrdinal(1)));
        assert_eq!(dictionary.views_of(granted), None);
        assert_eq!(dictionary.views_of(viewed), dictionary.capability_ordinal(&ods::Capability::default()));
        assert_eq!(dictionary.views_of(StrandOrdinal(2)), None);
    }
}

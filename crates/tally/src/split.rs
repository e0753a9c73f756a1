//! Counts told apart by the app that was used, or by the part of the record that was opened.

use std::collections::BTreeMap;

use ods::Capability;

use crate::dictionary::{Dictionary, StrandOrdinal};
use crate::event::{Channel, EventKind, Section};

/// What counts are told apart by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Split {
    /// The app.
    Channel,
    /// The part of the record.
    Section,
}

/// Of what a count is. Ordered as series are listed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// Everything.
    Whole,
    /// What came by one app.
    Channel(Channel),
    /// What went to one part of the record.
    Section(Section),
}

/// The parts that there are, and which strand belongs to which of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parts {
    parts: Vec<Part>,
    numbers: BTreeMap<StrandOrdinal, usize>,
}

impl Parts {
    /// Those of a capability's events of a kind. Without a split all of them are one part, which then is always there.
    #[must_use]
    pub fn of(split: Option<Split>, kind: EventKind, capability: &Capability, dictionary: &Dictionary) -> Self {
        let strands = (0..=u16::MAX).map(StrandOrdinal).take(dictionary.strand_count());
        let mut by_part: BTreeMap<Part, Vec<StrandOrdinal>> = BTreeMap::new();
        if split.is_none() {
            by_part.insert(Part::Whole, Vec::new());
        }
        for ordinal in strands {
            let Some(strand) = dictionary.strand(ordinal) else { continue };
            if strand.kind != kind || strand.capability != *capability {
                continue;
            }
            let part = match split {
                None => Part::Whole,
                Some(Split::Channel) => Part::Channel(strand.channel.clone()),
                Some(Split::Section) => Part::Section(strand.section),
            };
            by_part.entry(part).or_default().push(ordinal);
        }
        let mut parts = Vec::new();
        let mut numbers = BTreeMap::new();
        for (part, strands) in by_part {
            numbers.extend(strands.into_iter().map(|strand| (strand, parts.len())));
            parts.push(part);
        }
        Self { parts, numbers }
    }

    /// The parts; the number of each is its place.
    #[must_use]
    pub fn list(&self) -> &[Part] {
        &self.parts
    }

    /// The number of the part that a strand belongs to; None where it is not of the events asked for.
    #[must_use]
    pub fn number(&self, strand: StrandOrdinal) -> Option<usize> {
        self.numbers.get(&strand).copied()
    }

    /// Every strand asked for, with the number of its part.
    pub fn strands(&self) -> impl Iterator<Item = (StrandOrdinal, usize)> + '_ {
        self.numbers.iter().map(|(strand, number)| (*strand, *number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Strand;

    #[test]
    fn strands_fall_into_the_parts_asked_for_and_no_others_count() {
        let mut dictionary = Dictionary::default();
        let mut add = |kind, channel: &str, section, capability: &str| {
            let (channel, capability) = (channel.parse().unwrap(), capability.parse().unwrap());
            dictionary.add_strand(Strand { capability, kind, channel, section }).unwrap()
        };
        let results = add(EventKind::RecordViewed, "", Section::TestResults, "");
        add(EventKind::AccessGranted, "", Section::Unspecified, "");
        add(EventKind::RecordViewed, "", Section::TestResults, "capabilities/historic-records");
        let documents = add(EventKind::RecordViewed, "other-app", Section::Documents, "");
        let by_app = add(EventKind::RecordViewed, "other-app", Section::TestResults, "");
        let parts = |split| {
            let parts = Parts::of(split, EventKind::RecordViewed, &Capability::default(), &dictionary);
            let numbers: Vec<(StrandOrdinal, usize)> = parts.strands().collect();
            (parts.list().to_vec(), numbers)
        };
        assert_eq!(parts(None), (vec![Part::Whole], vec![(results, 0), (documents, 0), (by_app, 0)]));
        let channel = |name: &str| Part::Channel(name.parse().unwrap());
        let channels = vec![channel("nhs-app"), channel("other-app")];
        assert_eq!(parts(Some(Split::Channel)), (channels, vec![(results, 0), (documents, 1), (by_app, 1)]));
        let sections = vec![Part::Section(Section::Documents), Part::Section(Section::TestResults)];
        assert_eq!(parts(Some(Split::Section)), (sections, vec![(results, 1), (documents, 0), (by_app, 1)]));
        let none = Parts::of(None, EventKind::AccessWithheld, &Capability::default(), &dictionary);
        assert_eq!((none.list(), none.strands().count()), (&[Part::Whole][..], 0));
    }
}

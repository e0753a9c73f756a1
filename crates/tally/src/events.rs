//! A batch of events in the form in which it is kept and folded: columns of ordinals, hours and hashes.
//!
//! Eighteen bytes an event, no allocation per event, and nothing that names a person. The binary form is what the batch
//! log holds; it carries its version, since old rows are read by new programs.

use thiserror::Error;

use crate::day::Hour;
use crate::dictionary::{PracticeOrdinal, StrandOrdinal};
use crate::event::Person;
use crate::fault::EventFault;

/// One event, or the place of one that is in quarantine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Event {
    /// Where the person is registered.
    pub practice: PracticeOrdinal,
    /// What happened.
    pub strand: StrandOrdinal,
    /// In which hour.
    pub hour: Hour,
    /// To whom.
    pub person: Person,
}

impl Event {
    /// The place of an event that is not counted, and why.
    #[must_use]
    pub fn quarantined(fault: EventFault) -> Self {
        let (practice, strand) = (PracticeOrdinal::NONE, StrandOrdinal(fault.number()));
        Self { practice, strand, hour: Hour(0), person: Person::NONE }
    }

    /// Whether it is one that is not counted.
    #[must_use]
    pub fn is_quarantined(&self) -> bool {
        self.practice == PracticeOrdinal::NONE
    }

    /// Why it is not counted; None for one that is.
    #[must_use]
    pub fn fault(&self) -> Option<EventFault> {
        EventFault::from_number(self.strand.0).filter(|_| self.is_quarantined())
    }
}

/// Events in the order of their sequence.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Events {
    practices: Vec<u32>,
    strands: Vec<u16>,
    hours: Vec<u32>,
    persons: Vec<u64>,
}

/// Stored bytes that are no batch.
#[derive(Debug, PartialEq, Eq, Error)]
pub enum EventsError {
    /// Written by a newer program, or not a batch at all.
    #[error("a stored batch has version {found}; this program reads up to version {VERSION_QUARANTINE}")]
    Version {
        /// The first byte.
        found: u8,
    },
    /// Cut off, or followed by something else.
    #[error("a stored batch is {found} bytes long instead of {expected}")]
    Length {
        /// What its header promises.
        expected: usize,
        /// What is there.
        found: usize,
    },
}

const VERSION: u8 = 1;
/// Of a batch with events in quarantine: a program that does not know of them must not count them.
const VERSION_QUARANTINE: u8 = 2;
const HEADER_BYTES: usize = 5;
const EVENT_BYTES: usize = 4 + 2 + 4 + 8;

impl Events {
    /// None yet, with room for so many.
    #[must_use]
    pub fn with_capacity(count: usize) -> Self {
        Self {
            practices: Vec::with_capacity(count),
            strands: Vec::with_capacity(count),
            hours: Vec::with_capacity(count),
            persons: Vec::with_capacity(count),
        }
    }

    /// Adds one at the end.
    pub fn push(&mut self, event: Event) {
        self.practices.push(event.practice.0);
        self.strands.push(event.strand.0);
        self.hours.push(event.hour.0);
        self.persons.push(event.person.to_bits());
    }

    /// How many.
    #[must_use]
    pub fn len(&self) -> usize {
        self.practices.len()
    }

    /// None at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.practices.is_empty()
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = Event> + '_ {
        let times = self.hours.iter().zip(&self.persons);
        self.practices.iter().zip(&self.strands).zip(times).map(|((practice, strand), (hour, person))| Event {
            practice: PracticeOrdinal(*practice),
            strand: StrandOrdinal(*strand),
            hour: Hour(*hour),
            person: Person::from_bits(*person),
        })
    }

    /// Whether any of them is in quarantine.
    #[must_use]
    pub fn has_quarantined(&self) -> bool {
        self.practices.contains(&PracticeOrdinal::NONE.0)
    }

    /// Those that are in quarantine, each with its place and why.
    pub fn faults(&self) -> impl Iterator<Item = (usize, EventFault)> + '_ {
        self.iter().enumerate().filter_map(|(index, event)| Some((index, event.fault()?)))
    }

    /// Keeps what follows the first `count`, and returns those.
    pub fn split_front(&mut self, count: usize) -> Self {
        let count = count.min(self.len());
        let rest = Self {
            practices: self.practices.split_off(count),
            strands: self.strands.split_off(count),
            hours: self.hours.split_off(count),
            persons: self.persons.split_off(count),
        };
        std::mem::replace(self, rest)
    }

    /// The bytes that the batch log keeps.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = vec![0; HEADER_BYTES + self.len() * EVENT_BYTES];
        let (header, columns) = bytes.split_at_mut(HEADER_BYTES);
        let count = u32::try_from(self.len()).expect("a batch is bounded far below 2^32 events");
        header[0] = if self.has_quarantined() { VERSION_QUARANTINE } else { VERSION };
        header[1..].copy_from_slice(&count.to_le_bytes());
        let columns = write_words(columns, &self.practices, u32::to_le_bytes);
        let columns = write_words(columns, &self.strands, u16::to_le_bytes);
        let columns = write_words(columns, &self.hours, u32::to_le_bytes);
        write_words(columns, &self.persons, u64::to_le_bytes);
        bytes
    }

    /// Reads what [`Self::to_bytes`] wrote.
    ///
    /// # Errors
    /// Where the bytes are of another version or length.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, EventsError> {
        let (Some((&version, _)), Some((header, columns))) =
            (bytes.split_first(), bytes.split_first_chunk::<HEADER_BYTES>())
        else {
            return Err(EventsError::Length { expected: HEADER_BYTES, found: bytes.len() });
        };
        if ![VERSION, VERSION_QUARANTINE].contains(&version) {
            return Err(EventsError::Version { found: version });
        }
        let [_, count @ ..] = *header;
        let count = u32::from_le_bytes(count) as usize;
        if columns.len() != count * EVENT_BYTES {
            return Err(EventsError::Length { expected: HEADER_BYTES + count * EVENT_BYTES, found: bytes.len() });
        }
        let (practices, columns) = columns.split_at(count * 4);
        let (strands, columns) = columns.split_at(count * 2);
        let (hours, persons) = columns.split_at(count * 4);
        Ok(Self {
            practices: words(practices, u32::from_le_bytes),
            strands: words(strands, u16::from_le_bytes),
            hours: words(hours, u32::from_le_bytes),
            persons: words(persons, u64::from_le_bytes),
        })
    }
}

impl FromIterator<Event> for Events {
    fn from_iter<I: IntoIterator<Item = Event>>(events: I) -> Self {
        let events = events.into_iter();
        let mut batch = Self::with_capacity(events.size_hint().0);
        for event in events {
            batch.push(event);
        }
        batch
    }
}

/// Writes a column to the beginning of `bytes`, and returns what follows it.
fn write_words<'a, const N: usize, W: Copy>(
    bytes: &'a mut [u8],
    words: &[W],
    to_bytes: impl Fn(W) -> [u8; N],
) -> &'a mut [u8] {
    let (column, rest) = bytes.split_at_mut(words.len() * N);
    for (chunk, word) in column.as_chunks_mut::<N>().0.iter_mut().zip(words) {
        *chunk = to_bytes(*word);
    }
    rest
}

fn words<const N: usize, W>(column: &[u8], word: impl Fn([u8; N]) -> W) -> Vec<W> {
    column.as_chunks::<N>().0.iter().map(|chunk| word(*chunk)).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn events() -> impl Strategy<Value = Events> {
        prop::collection::vec((any::<u32>(), any::<u16>(), any::<u32>(), any::<u64>()), 0..50).prop_map(|rows| {
            let event = |(practice, strand, hour, person)| Event {
                practice: PracticeOrdinal(practice),
                strand: StrandOrdinal(strand),
                hour: Hour(hour),
                person: Person::from_bits(person),
            };
            rows.into_iter().map(event).collect()
        })
    }

    proptest! {
        #[test]
        fn batches_survive_the_log(events in events()) {
            prop_assert_eq!(Events::from_bytes(&events.to_bytes()), Ok(events));
        }

        #[test]
        fn a_batch_cut_off_anywhere_is_refused(events in events(), cut in 0_usize..900) {
            let bytes = events.to_bytes();
            if cut < bytes.len() {
                prop_assert!(Events::from_bytes(&bytes[..cut]).is_err());
            }
        }

        #[test]
        fn splitting_loses_and_reorders_nothing(events in events(), at in 0_usize..60) {
            let mut rest = events.clone();
            let front = rest.split_front(at);
            prop_assert_eq!(front.iter().chain(rest.iter()).collect::<Events>(), events);
        }
    }

    #[test]
    fn the_bytes_of_a_batch_never_change() {
        let event = Event {
            practice: PracticeOrdinal(0x0102),
            strand: StrandOrdinal(3),
            hour: Hour(0x0405_0607),
            person: Person::from_bits(0x08),
        };
        let events: Events = [event].into_iter().collect();
        assert_eq!(events.to_bytes(), [1, 1, 0, 0, 0, 2, 1, 0, 0, 3, 0, 7, 6, 5, 4, 8, 0, 0, 0, 0, 0, 0, 0]);
        let quarantined: Events = [Event::quarantined(EventFault::InFuture)].into_iter().collect();
        assert_eq!(quarantined.to_bytes(), [[2, 1, 0, 0, 0, 255, 255, 255, 255, 4].as_slice(), &[0; 13]].concat());
        assert_eq!(quarantined.iter().next().and_then(|event| event.fault()), Some(EventFault::InFuture));
        assert_eq!(event.fault(), None);
        assert_eq!(Events::from_bytes(&[9, 0, 0, 0, 0]), Err(EventsError::Version { found: 9 }));
    }
}

//! Batches of events from the wire into columns of ordinals.
//!
//! The hot path of the service: per event it allocates nothing, and finds practice and strand by look-ups of a few
//! nanoseconds. An event that is not as it must be takes its place in the batch and is not counted.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use jiff::Timestamp;
use ods::PracticeCode;
use tally::{Dictionary, Event, EventFault, EventKind, Events, Hour, Person, Section, Strand, StrandOrdinal};

use super::owner::Owner;
use super::pseudonym;
use super::unread::{self, UnreadEvent, UnreadMoment, Unreadable};

/// Kinds and sections have single-digit numbers; strands are remembered by both.
const KINDS: usize = 8;
const SECTIONS: usize = 8;

/// Reads batches of one stream.
#[derive(Debug)]
pub(super) struct EventReader {
    /// Of which practices it may tell.
    owner: Owner,
    /// The last strand of each kind and section: nearly always the next one, too.
    strands: [[Option<Remembered>; SECTIONS]; KINDS],
    /// The hour of the last event, by its seconds: nearly always that of the next one, too.
    hour: Option<(std::ops::Range<i64>, Hour)>,
}

#[derive(Debug)]
struct Remembered {
    channel: Vec<u8>,
    capability: Vec<u8>,
    ordinal: StrandOrdinal,
}

/// What a batch turned out to be.
#[derive(Debug)]
pub(super) enum Reading {
    /// All of it, with its ordinals.
    Complete(Events),
    /// These have no ordinal yet; to be read again once they have one.
    Lacking { practices: Vec<PracticeCode>, strands: Vec<Strand> },
}

/// What a batch lacks.
#[derive(Debug, Default)]
struct Lacking {
    practices: BTreeSet<PracticeCode>,
    strands: BTreeSet<Strand>,
}

/// How many events a batch has.
pub(super) fn count(batch: &[u8]) -> Result<usize, Unreadable> {
    unread::events(batch).try_fold(0, |count, event| event.map(|_| count + 1))
}

impl EventReader {
    pub(super) fn of(owner: Owner) -> Self {
        Self { owner, strands: Default::default(), hour: None }
    }

    /// Reads a batch: the bytes of an `AccessEvents` of `count` events. They may have happened in `allowed`.
    pub(super) fn read(
        &mut self,
        batch: &[u8],
        count: usize,
        dictionary: &Dictionary,
        allowed: &RangeInclusive<Timestamp>,
    ) -> Result<Reading, Unreadable> {
        let mut read = Events::with_capacity(count);
        let mut lacking = Lacking::default();
        let is_asked = self.owner.is_asked();
        for bytes in unread::events(batch) {
            let event = match self.event(bytes?, dictionary, allowed, &mut lacking) {
                Ok(Some((event, code))) if is_asked && !self.owner.may_tell(event.practice, code, *allowed.start()) => {
                    Err(EventFault::OfOthers)
                }
                Ok(event) => Ok(event.map(|(event, _)| event)),
                Err(fault) => Err(fault),
            };
            match event {
                Ok(Some(event)) => read.push(event),
                Ok(None) => {}
                Err(fault) => read.push(Event::quarantined(fault)),
            }
        }
        let Lacking { practices, strands } = lacking;
        if practices.is_empty() && strands.is_empty() {
            return Ok(Reading::Complete(read));
        }
        Ok(Reading::Lacking { practices: practices.into_iter().collect(), strands: strands.into_iter().collect() })
    }

    /// One event, with its practice's code; None where something of it has no ordinal yet.
    fn event<'a>(
        &mut self,
        bytes: &'a [u8],
        dictionary: &Dictionary,
        allowed: &RangeInclusive<Timestamp>,
        lacking: &mut Lacking,
    ) -> Result<Option<(Event, &'a [u8])>, EventFault> {
        let event = UnreadEvent::of(bytes).map_err(|Unreadable| EventFault::Unreadable)?;
        let hour = self.hour(event.occurred_at, allowed)?;
        let code = event.practice.strip_prefix(b"practices/").unwrap_or(event.practice);
        let practice = dictionary.practice_ordinal(code);
        let unnamed: Option<PracticeCode> =
            if practice.is_none() { Some(parse(code, EventFault::Practice)?) } else { None };
        let strand = self.strand(&event, dictionary)?;
        let person = pseudonym::person(event.pseudonym)?;
        if person == Person::NONE && event.kind == EventKind::RecordViewed as i32 {
            return Err(EventFault::Nobody);
        }
        match (practice, strand) {
            (Some(practice), Ok(strand)) => Ok(Some((Event { practice, strand, hour, person }, code))),
            (_, strand) => {
                lacking.practices.extend(unnamed);
                lacking.strands.extend(strand.err());
                Ok(None)
            }
        }
    }

    /// The event's strand; the inner error is one that has no ordinal yet.
    fn strand(
        &mut self,
        event: &UnreadEvent<'_>,
        dictionary: &Dictionary,
    ) -> Result<Result<StrandOrdinal, Strand>, EventFault> {
        let kind_number = usize::try_from(event.kind).ok().filter(|kind| *kind < KINDS).ok_or(EventFault::Kind)?;
        let section_number = usize::try_from(event.section).ok().filter(|section| *section < SECTIONS);
        let section_number = section_number.ok_or(EventFault::Section)?;
        let memory = &mut self.strands[kind_number][section_number];
        if let Some(last) = memory
            && is_same(&last.channel, event.channel)
            && is_same(&last.capability, event.capability)
        {
            return Ok(Ok(last.ordinal));
        }
        let strand = Strand {
            kind: EventKind::from_number(kind_number as i64).ok_or(EventFault::Kind)?,
            section: Section::from_number(section_number as i64).ok_or(EventFault::Section)?,
            channel: parse(event.channel, EventFault::Channel)?,
            capability: parse(event.capability, EventFault::Capability)?,
        };
        let Some(ordinal) = dictionary.strand_ordinal(&strand) else {
            return if dictionary.has_room_for(&strand) { Ok(Err(strand)) } else { Err(EventFault::Exhausted) };
        };
        *memory = Some(Remembered { channel: event.channel.to_vec(), capability: event.capability.to_vec(), ordinal });
        Ok(Ok(ordinal))
    }

    fn hour(
        &mut self,
        occurred_at: Option<UnreadMoment>,
        allowed: &RangeInclusive<Timestamp>,
    ) -> Result<Hour, EventFault> {
        let UnreadMoment { seconds, nanos } = occurred_at.ok_or(EventFault::NoMoment)?;
        if !(0..1_000_000_000).contains(&nanos) {
            return Err(EventFault::Moment);
        }
        let hour = match &self.hour {
            Some((within, hour)) if within.contains(&seconds) => *hour,
            _ => {
                let hour = Hour::of_second(seconds).ok_or(EventFault::Moment)?;
                let start = hour.start().as_second();
                self.hour = Some((start..start + 3_600, hour));
                hour
            }
        };
        match () {
            () if seconds > allowed.end().as_second() => Err(EventFault::InFuture),
            () if seconds < allowed.start().as_second() => Err(EventFault::TooLate),
            () => Ok(hour),
        }
    }
}

/// Whether two short texts are the same, without the call that comparing slices of any length is: two overlapping words say it
/// for all of 4 to 16 bytes. A seventh of the CPU time of taking events was that call.
#[inline]
fn is_same(one: &[u8], other: &[u8]) -> bool {
    fn ends<const N: usize>(text: &[u8]) -> Option<(&[u8; N], &[u8; N])> {
        Some((text.first_chunk()?, text.last_chunk()?))
    }
    if one.len() != other.len() {
        return false;
    }
    match one.len() {
        0 => true,
        4..=8 => ends::<4>(one) == ends::<4>(other),
        9..=16 => ends::<8>(one) == ends::<8>(other),
        _ => one == other,
    }
}

fn parse<T: std::str::FromStr>(text: &[u8], fault: EventFault) -> Result<T, EventFault> {
    std::str::from_utf8(text).ok().and_then(|text| text.parse().ok()).ok_or(fault)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn texts_are_the_same_as_slices_are(one in prop::collection::vec(0_u8..2, 0..40), at in any::<prop::sample::Index>()) {
            let mut other = one.clone();
            prop_assert!(is_same(&one, &other));
            if !other.is_empty() {
                let at = at.index(other.len());
                other[at] ^= 1;
                prop_assert!(!is_same(&one, &other));
                other.remove(at);
                prop_assert!(!is_same(&one, &other));
            }
        }
    }
}

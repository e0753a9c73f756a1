//! Batches of events from the wire into columns of ordinals.
//!
//! The hot path of the service: per event it allocates nothing, and finds practice and strand by look-ups of a few
//! nanoseconds. Paths for errors are made where there is an error.

use std::collections::BTreeSet;

use api::Error;
use jiff::Timestamp;
use ods::PracticeCode;
use proto::statistics::v1 as wire;
use tally::{Dictionary, Event, EventKind, Events, Hour, Person, Section, Strand, StrandOrdinal};

use super::pseudonym::{self, PseudonymError};

/// Kinds and sections have single-digit numbers; strands are remembered by both.
const KINDS: usize = 8;
const SECTIONS: usize = 8;

/// Reads batches of one stream.
#[derive(Debug, Default)]
pub(super) struct EventReader {
    /// The last strand of each kind and section: nearly always the next one, too.
    strands: [[Option<Remembered>; SECTIONS]; KINDS],
}

#[derive(Debug)]
struct Remembered {
    channel: String,
    capability: String,
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

impl EventReader {
    /// Reads a batch. `latest` is the last moment at which an event may claim to have happened.
    pub(super) fn read(
        &mut self,
        events: &[wire::AccessEvent],
        dictionary: &Dictionary,
        latest: Timestamp,
    ) -> Result<Reading, Error> {
        let mut read = Events::with_capacity(events.len());
        let mut practices = BTreeSet::new();
        let mut strands = BTreeSet::new();
        for (index, event) in events.iter().enumerate() {
            let hour = hour(event, latest).map_err(|reason| reason.at(index, "occurred_at"))?;
            let code = event.practice.strip_prefix("practices/").unwrap_or(&event.practice);
            let practice = dictionary.practice_ordinal(code);
            if practice.is_none() {
                practices.insert(code.parse().map_err(|_| Invalid::Practice.at(index, "practice"))?);
            }
            let strand = self.strand(event, dictionary, index)?;
            let person = pseudonym::person(&event.pseudonym)
                .map_err(|error| Invalid::Pseudonym(error).at(index, "pseudonym"))?;
            if person == Person::NONE && event.kind() == wire::EventKind::RecordViewed {
                return Err(Invalid::Nobody.at(index, "pseudonym"));
            }
            match (practice, strand) {
                (Some(practice), Ok(strand)) => read.push(Event { practice, strand, hour, person }),
                (_, Ok(_)) => {}
                (_, Err(strand)) => drop(strands.insert(strand)),
            }
        }
        if practices.is_empty() && strands.is_empty() {
            return Ok(Reading::Complete(read));
        }
        Ok(Reading::Lacking { practices: practices.into_iter().collect(), strands: strands.into_iter().collect() })
    }

    /// The event's strand; the inner error is one that has no ordinal yet.
    fn strand(
        &mut self,
        event: &wire::AccessEvent,
        dictionary: &Dictionary,
        index: usize,
    ) -> Result<Result<StrandOrdinal, Strand>, Error> {
        let kind_number = usize::try_from(event.kind).ok().filter(|kind| *kind < KINDS);
        let section_number = usize::try_from(event.section).ok().filter(|section| *section < SECTIONS);
        let kind = kind_number.and_then(|kind| EventKind::from_number(kind as i64));
        let section = section_number.and_then(|section| Section::from_number(section as i64));
        let (Some(kind), Some(kind_number)) = (kind, kind_number) else {
            return Err(Invalid::Kind.at(index, "kind"));
        };
        let (Some(section), Some(section_number)) = (section, section_number) else {
            return Err(Invalid::Section.at(index, "section"));
        };
        let memory = &mut self.strands[kind_number][section_number];
        if let Some(last) = memory
            && last.channel == event.channel
            && last.capability == event.capability
        {
            return Ok(Ok(last.ordinal));
        }
        let channel = event.channel.parse().map_err(|_| Invalid::Channel.at(index, "channel"))?;
        let capability = event.capability.parse().map_err(|_| Invalid::Capability.at(index, "capability"))?;
        let strand = Strand { capability, kind, channel, section };
        let Some(ordinal) = dictionary.strand_ordinal(&strand) else { return Ok(Err(strand)) };
        *memory = Some(Remembered { channel: event.channel.clone(), capability: event.capability.clone(), ordinal });
        Ok(Ok(ordinal))
    }
}

/// What is wrong with a field of an event.
#[derive(Clone, Copy, Debug)]
enum Invalid {
    Missing,
    Moment,
    Future,
    Practice,
    Kind,
    Section,
    Channel,
    Capability,
    Pseudonym(PseudonymError),
    Nobody,
}

impl Invalid {
    #[cold]
    fn at(self, index: usize, field: &str) -> Error {
        let (reason, template) = match self {
            Self::Missing => ("FIELD_REQUIRED", "{field} is required"),
            Self::Moment => ("TIMESTAMP_OUT_OF_RANGE", "{field} is not a moment of the years 1970 to 9999"),
            Self::Future => ("EVENT_IN_FUTURE", "{field} is further ahead of this server's clock than clocks differ"),
            Self::Practice => ("PRACTICE_INVALID", "{field} is not a practice, such as practices/A81001"),
            Self::Kind => ("EVENT_KIND_INVALID", "{field} is not a kind of event"),
            Self::Section => ("RECORD_SECTION_INVALID", "{field} is not a section of the record"),
            Self::Channel => ("CHANNEL_INVALID", "{field} is not a channel: 1 to 32 of a-z 0-9 -, such as nhs-app"),
            Self::Capability => {
                ("CAPABILITY_INVALID", "{field} is not a capability, such as capabilities/prospective-records")
            }
            Self::Pseudonym(PseudonymError::Length) => {
                ("PSEUDONYM_LENGTH", "{field} is no pseudonym: 8 to 32 bytes of a keyed hash")
            }
            Self::Pseudonym(PseudonymError::NhsNumber) => (
                "PSEUDONYM_LOOKS_LIKE_NHS_NUMBER",
                "{field} looks like an NHS number; send a pseudonym made with a key that is not sent",
            ),
            Self::Nobody => ("FIELD_REQUIRED", "{field} is required of an event in which a record was viewed"),
        };
        Error::invalid(format!("events.events[{index}].{field}"), reason, template)
    }
}

fn hour(event: &wire::AccessEvent, latest: Timestamp) -> Result<Hour, Invalid> {
    let occurred_at = event.occurred_at.as_ref().ok_or(Invalid::Missing)?;
    if !(0..1_000_000_000).contains(&occurred_at.nanos) {
        return Err(Invalid::Moment);
    }
    let hour = Hour::of_second(occurred_at.seconds).ok_or(Invalid::Moment)?;
    if occurred_at.seconds > latest.as_second() { Err(Invalid::Future) } else { Ok(hour) }
}

//! What is wrong with an event that is put into quarantine instead of being counted.
//!
//! Such an event keeps its number in its source's sequence, so that it holds up nothing that comes after it; what it held is
//! not kept, since it may be an NHS number.

/// Why an event is not counted. The numbers are those of the log and of the stores, and never change their meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u16)]
pub enum EventFault {
    /// Its bytes are no event.
    Unreadable = 1,
    /// It does not say when it happened.
    NoMoment = 2,
    /// It says no moment of the years that there are.
    Moment = 3,
    /// It claims to have happened further ahead of our clock than clocks differ.
    InFuture = 4,
    /// It happened so long ago that its day is closed.
    TooLate = 5,
    /// It names no practice.
    Practice = 6,
    /// It is of no kind.
    Kind = 7,
    /// It names no section of the record.
    Section = 8,
    /// It names no app.
    Channel = 9,
    /// It names no capability.
    Capability = 10,
    /// Its pseudonym is too short or too long.
    PseudonymLength = 11,
    /// Its pseudonym looks like an NHS number.
    NhsNumber = 12,
    /// A record was viewed, by nobody.
    Nobody = 13,
    /// There are too many different apps and capabilities: some producer invents them.
    Exhausted = 14,
    /// It is of a practice of which its sender may not tell.
    OfOthers = 15,
}

impl EventFault {
    /// Every fault.
    pub const ALL: [Self; 15] = [
        Self::Unreadable,
        Self::NoMoment,
        Self::Moment,
        Self::InFuture,
        Self::TooLate,
        Self::Practice,
        Self::Kind,
        Self::Section,
        Self::Channel,
        Self::Capability,
        Self::PseudonymLength,
        Self::NhsNumber,
        Self::Nobody,
        Self::Exhausted,
        Self::OfOthers,
    ];

    /// The fault with this number.
    #[must_use]
    pub fn from_number(number: u16) -> Option<Self> {
        Self::ALL.into_iter().find(|fault| fault.number() == number)
    }

    /// Its number.
    #[must_use]
    pub fn number(self) -> u16 {
        self as u16
    }

    /// Its name, which programs may go by.
    #[must_use]
    pub fn reason(self) -> &'static str {
        match self {
            Self::Unreadable => "EVENT_UNREADABLE",
            Self::NoMoment | Self::Nobody => "FIELD_REQUIRED",
            Self::Moment => "TIMESTAMP_OUT_OF_RANGE",
            Self::InFuture => "EVENT_IN_FUTURE",
            Self::TooLate => "EVENT_TOO_LATE",
            Self::Practice => "PRACTICE_INVALID",
            Self::Kind => "EVENT_KIND_INVALID",
            Self::Section => "RECORD_SECTION_INVALID",
            Self::Channel => "CHANNEL_INVALID",
            Self::Capability => "CAPABILITY_INVALID",
            Self::PseudonymLength => "PSEUDONYM_LENGTH",
            Self::NhsNumber => "PSEUDONYM_LOOKS_LIKE_NHS_NUMBER",
            Self::Exhausted => "CHANNELS_EXHAUSTED",
            Self::OfOthers => "PRACTICE_OF_OTHERS",
        }
    }

    /// The field that is wrong; empty where it is the whole event.
    #[must_use]
    pub fn field(self) -> &'static str {
        match self {
            Self::Unreadable => "",
            Self::NoMoment | Self::Moment | Self::InFuture | Self::TooLate => "occurred_at",
            Self::Practice | Self::OfOthers => "practice",
            Self::Kind => "kind",
            Self::Section => "section",
            Self::Channel | Self::Exhausted => "channel",
            Self::Capability => "capability",
            Self::PseudonymLength | Self::NhsNumber | Self::Nobody => "pseudonym",
        }
    }

    /// What is wrong, in words.
    #[must_use]
    pub fn description(self) -> &'static str {
        match self {
            Self::Unreadable => "the event's bytes are no AccessEvent",
            Self::NoMoment => "an event must say when it happened",
            Self::Moment => "not a moment of the years 1970 to 9999",
            Self::InFuture => "further ahead of the server's clock than clocks differ",
            Self::TooLate => "longer ago than events may come late",
            Self::Practice => "not a practice, such as practices/A81001",
            Self::Kind => "not a kind of event",
            Self::Section => "not a section of the record",
            Self::Channel => "not a channel: 1 to 32 of a-z 0-9 -, such as nhs-app",
            Self::Capability => "not a capability, such as capabilities/prospective-records",
            Self::PseudonymLength => "no pseudonym: 8 to 32 bytes of a keyed hash",
            Self::NhsNumber => "looks like an NHS number; send a pseudonym made with a key that is not sent",
            Self::Nobody => "a record was viewed, and it is not said by whom",
            Self::Exhausted => "no more channels and capabilities can be told apart; some producer invents them",
            Self::OfOthers => {
                "the practice has another supplier's system, and had it all the time of which events may be told"
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_name_faults_and_reason_with_field_tells_them_apart() {
        let mut told = std::collections::BTreeSet::new();
        for fault in EventFault::ALL {
            assert_eq!(EventFault::from_number(fault.number()), Some(fault));
            assert!(told.insert((fault.reason(), fault.field())), "{fault:?}");
        }
        assert_eq!(EventFault::from_number(0), None);
        assert_eq!(EventFault::from_number(16), None);
    }
}

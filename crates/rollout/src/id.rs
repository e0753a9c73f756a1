//! The names of the scheduler's own things: programmes, waves, versions of plans, holds, accounts, activation keys.
//!
//! They print as the resource names of the interface (`programmes/spring/waves/3`). Names of practices, suppliers and
//! capabilities are `ods`'s.

use std::fmt;
use std::sync::Arc;

use ods::{Capability, PracticeCode};
use serde::{Deserialize, Serialize};

/// Longest programme id in characters: that of a DNS label, so that it can stand in any address.
const PROGRAMME_ID_CHARS_MAX: usize = 63;

/// The last part of a programme's name: lower-case letters, digits and hyphens, beginning with a letter.
///
/// Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ProgrammeId(Arc<str>);

/// What is not a programme's id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{given:?} is not a programme's id: lower-case letters, digits and hyphens, beginning with a letter, at most 63"
)]
pub struct NotAProgrammeId {
    /// What was given.
    pub given: String,
}

impl ProgrammeId {
    /// Checks an id.
    ///
    /// # Errors
    /// Where it is not lower-case letters, digits and hyphens, beginning with a letter, at most 63.
    pub fn new(text: &str) -> Result<Self, NotAProgrammeId> {
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let well_formed = text.len() <= PROGRAMME_ID_CHARS_MAX
            && text.as_bytes().first().is_some_and(u8::is_ascii_lowercase)
            && text.bytes().all(allowed);
        if well_formed { Ok(Self(text.into())) } else { Err(NotAProgrammeId { given: text.to_owned() }) }
    }

    /// The id alone, without `programmes/`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for ProgrammeId {
    type Error = NotAProgrammeId;

    fn try_from(text: String) -> Result<Self, NotAProgrammeId> {
        Self::new(&text)
    }
}

impl From<ProgrammeId> for String {
    fn from(id: ProgrammeId) -> Self {
        id.0.as_ref().to_owned()
    }
}

impl fmt::Display for ProgrammeId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "programmes/{}", self.0)
    }
}

macro_rules! numbers {
    ($($(#[$doc:meta])* $name:ident $number:ty, $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub $number);

        impl fmt::Display for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(out, concat!($prefix, "{}"), self.0)
            }
        }
    )*};
}

numbers! {
    /// A wave's number within its programme, chosen by whoever writes the plan. Never renumbered or reused (rule 7).
    WaveId u32, "waves/";
    /// A version of a programme's plan, counted from 1 in the order of submission.
    PlanVersion u32, "plans/";
    /// A hold, counted from 1 in the order of placing.
    HoldId u32, "holds/";
    /// A concern, counted from 1 in the order of reporting.
    ConcernId u32, "concerns/";
}

/// Who acts: the caller's account, or [`Account::scheduler`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Account(Arc<str>);

impl Account {
    /// The account of that name.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self(name.into())
    }

    /// The scheduler itself, where no person acts. It can neither approve nor acknowledge (rules 6 to 8).
    #[must_use]
    pub fn scheduler() -> Self {
        Self::new("scheduler")
    }

    /// The account's name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Account {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// A wave of a programme, `programmes/spring/waves/3`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct WaveRef {
    /// The programme.
    pub programme: ProgrammeId,
    /// The wave's number in it.
    pub wave: WaveId,
}

impl fmt::Display for WaveRef {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}/{}", self.programme, self.wave)
    }
}

/// Which way a practice is switched. OFF sorts first: it is the safe direction and is served first everywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Direction {
    /// Access is taken away.
    Disable,
    /// Access is given.
    Enable,
}

impl fmt::Display for Direction {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Disable => "DISABLE",
            Self::Enable => "ENABLE",
        })
    }
}

/// The idempotency key of one decision to switch one practice, which the supplier sees and the registry's permit names.
///
/// Two decisions about a practice never share one: the generation is one more with each (I1).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ActivationKey {
    /// On or off.
    pub direction: Direction,
    /// The practice.
    pub practice: PracticeCode,
    /// What is switched.
    pub capability: Capability,
    /// One more with every decision about this capability at this practice.
    pub generation: u32,
}

impl ActivationKey {
    /// What the key is about.
    #[must_use]
    pub fn target(&self) -> Target {
        Target { practice: self.practice, capability: self.capability.clone() }
    }
}

impl fmt::Display for ActivationKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} {} {} {}", self.capability, self.practice, self.direction, self.generation)
    }
}

/// A capability at a practice: what is on or off.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Target {
    /// The practice.
    pub practice: PracticeCode,
    /// What is switched there.
    pub capability: Capability,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programme_ids_are_dns_labels() {
        assert!(ProgrammeId::new("spring-2031").is_ok());
        for bad in ["", "Spring", "2031", "a b", "-a", "é", &"a".repeat(64)] {
            assert!(ProgrammeId::new(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn names_print_as_resource_names() {
        let wave = WaveRef { programme: ProgrammeId::new("spring").unwrap(), wave: WaveId(3) };
        assert_eq!(wave.to_string(), "programmes/spring/waves/3");
        assert_eq!(HoldId(7).to_string(), "holds/7");
    }
}

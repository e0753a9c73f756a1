//! Command keys: the name of one decision to switch one practice on or off.

use std::fmt;

use ods::{Capability, PracticeCode};
use serde::{Deserialize, Serialize};

/// What a command does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// Switch on.
    Enable,
    /// Switch off.
    Disable,
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Enable => "enable",
            Self::Disable => "disable",
        })
    }
}

/// The idempotency key that the supplier sees. Prints as `prospective-records/A81001/enable/3`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CommandKey {
    /// What is switched.
    pub capability: Capability,
    /// Where.
    pub practice: PracticeCode,
    /// On or off.
    pub action: Action,
    /// Per capability and practice, one more with every decision; the first is 1.
    pub generation: u32,
}

impl fmt::Display for CommandKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}/{}", self.capability.id(), self.practice, self.action, self.generation)
    }
}

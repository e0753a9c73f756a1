//! The key of one decision to switch: what a supplier is idempotent by.

use ods::{Capability, PracticeCode};
use serde::{Deserialize, Serialize};

/// Names one decision to switch one capability at one practice. Two decisions about a practice never share one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Key {
    /// What is switched.
    pub capability: Capability,
    /// Where.
    pub practice: PracticeCode,
    /// On or off.
    pub direction: Direction,
    /// One more with every decision about this practice and capability.
    pub generation: u32,
}

/// Which way a capability is switched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Direction {
    /// On.
    Enable,
    /// Off.
    Disable,
}

impl std::fmt::Display for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let direction = match self.direction {
            Direction::Enable => "ENABLE",
            Direction::Disable => "DISABLE",
        };
        write!(f, "{} {} {direction} {}", self.capability, self.practice, self.generation)
    }
}

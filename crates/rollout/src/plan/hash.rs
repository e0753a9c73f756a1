//! The name of a plan: SHA-256 over its canonical form.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::Plan;

/// SHA-256 over a plan's canonical form, written in lower-case hexadecimal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PlanHash([u8; 32]);

/// What is not a plan's hash.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{given:?} is not a plan's hash: 64 hexadecimal digits")]
pub struct NotAPlanHash {
    /// What was given.
    pub given: String,
}

impl FromStr for PlanHash {
    type Err = NotAPlanHash;

    fn from_str(text: &str) -> Result<Self, NotAPlanHash> {
        let mut bytes = [0; 32];
        match hex::decode_to_slice(text, &mut bytes) {
            Ok(()) => Ok(Self(bytes)),
            Err(_) => Err(NotAPlanHash { given: text.to_owned() }),
        }
    }
}

impl TryFrom<String> for PlanHash {
    type Error = NotAPlanHash;

    fn try_from(text: String) -> Result<Self, NotAPlanHash> {
        text.parse()
    }
}

impl From<PlanHash> for String {
    fn from(hash: PlanHash) -> Self {
        hash.to_string()
    }
}

impl fmt::Display for PlanHash {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&hex::encode(self.0))
    }
}

impl PlanHash {
    /// The hash of what a plan consists of. Fields come in the order of their declaration and maps are ordered: the JSON
    /// of these types is canonical.
    pub(super) fn of<T: Serialize>(contents: &T) -> Self {
        let text = serde_json::to_vec(contents).expect("a plan has only text, numbers and lists in it");
        Self(Sha256::digest(text).into())
    }
}

impl Plan {
    /// The hash of this plan as it is; another than `hash` only where somebody changed it since.
    ///
    /// Its version and parent have no part in it: a preview has the hash that the plan will have.
    #[must_use]
    pub fn computed_hash(&self) -> PlanHash {
        PlanHash::of(&(
            &self.programme,
            &self.capability,
            self.registry_position,
            &self.spec,
            &self.waves,
            &self.unplaced,
        ))
    }
}

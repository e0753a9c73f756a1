//! The name of a plan: SHA-256 over its canonical form.

use std::fmt;
use std::str::FromStr;

use ods::{Capability, PracticeCode};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{Distance, Member, Plan, PlannedWave, Unplaced, WaveRules};
use crate::id::WaveId;
use crate::spec::ProgrammeSpec;

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
    pub(super) fn of(
        spec: &ProgrammeSpec,
        capability: &Capability,
        registry_position: u64,
        waves: &[PlannedWave],
        unplaced: &[(Unplaced, Vec<PracticeCode>)],
    ) -> Self {
        let waves: Vec<HashedWave<'_>> = waves.iter().map(HashedWave::from).collect();
        let contents = (&spec.name, capability, registry_position, spec, waves, unplaced);
        let text = serde_json::to_vec(&contents).expect("a plan has only text, numbers and lists in it");
        Self(Sha256::digest(text).into())
    }
}

/// A wave as it is hashed: with a row for each member, as plans were written when the first of them were approved.
#[derive(Serialize)]
struct HashedWave<'a> {
    id: WaveId,
    goes_on: bool,
    rules: &'a WaveRules,
    members: &'a [Member],
    #[serde(skip_serializing_if = "Option::is_none")]
    distance: Option<&'a Distance>,
}

impl<'a> From<&'a PlannedWave> for HashedWave<'a> {
    fn from(wave: &'a PlannedWave) -> Self {
        let PlannedWave { id, goes_on, rules, members, distance } = wave;
        Self { id: *id, goes_on: *goes_on, rules, members, distance: distance.as_ref() }
    }
}

impl Plan {
    /// The hash of this plan as it is; another than `hash` only where somebody changed it since.
    ///
    /// Its version and parent have no part in it: a preview has the hash that the plan will have.
    #[must_use]
    pub fn computed_hash(&self) -> PlanHash {
        PlanHash::of(&self.spec, &self.capability, self.registry_position, &self.waves, &self.unplaced)
    }
}

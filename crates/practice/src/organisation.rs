//! The organisations above practices: PCNs, sub-ICBs, ICBs and regions, as the directory names them.

use serde::{Deserialize, Serialize};

use crate::facts::Facts;

/// What an organisation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OrganisationKind {
    /// Primary care network.
    Pcn,
    /// Sub-ICB location.
    SubIcb,
    /// Integrated care board.
    Icb,
    /// NHS England region.
    Region,
}

/// What a directory says of an organisation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrganisationEntry {
    /// Its code; one code names one organisation of any kind.
    pub code: String,
    /// What it is.
    pub kind: OrganisationKind,
    /// Its name.
    pub name: String,
    /// Code of the organisation above it; empty for a region.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub parent: String,
}

/// An organisation with all that was ever said of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Organisation {
    facts: Facts<OrganisationEntry>,
    /// Journal position of its last change.
    pub position: u64,
}

impl Organisation {
    pub(crate) fn new(facts: Facts<OrganisationEntry>, position: u64) -> Self {
        Self { facts, position }
    }

    /// What holds of it.
    #[must_use]
    pub fn latest(&self) -> &OrganisationEntry {
        &self.facts.latest().value
    }

    /// All that was ever said of it.
    #[must_use]
    pub fn facts(&self) -> &Facts<OrganisationEntry> {
        &self.facts
    }

    pub(crate) fn facts_mut(&mut self) -> &mut Facts<OrganisationEntry> {
        &mut self.facts
    }
}

//! The organisations above practices: PCNs, sub-ICBs, ICBs and regions, as the directory names them.
//!
//! What is said of them is kept in both times, as of practices. An organisation exists from the first day on which a
//! source names it. That no practice belongs to it any more, or that a file no longer names it, does not close it: only
//! a close date does, which somebody says.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::facts::{Fact, Facts};

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
    /// Its name; empty where the source gives only codes. What is recorded has the name that was known before.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Code of the organisation above it; empty for a region, and for a PCN that lies in two ICBs.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub parent: String,
}

/// From when to when an organisation exists, as somebody says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrganisationLifetime {
    /// First day; None where nobody says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open: Option<Date>,
    /// The day from which it is closed; None where none is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub close: Option<Date>,
}

/// A lifetime, and when the registry was told. It is of all days at once, so it has no day from which it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct LifetimeSaid {
    recorded_at: Timestamp,
    // Not one field with both: flattened, it could not be stored compactly.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    open: Option<Date>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    close: Option<Date>,
}

/// An organisation with all that was ever said of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Organisation {
    facts: Facts<OrganisationEntry>,
    // In the order of recording.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    lifetimes: Vec<LifetimeSaid>,
    /// Journal position of its last change.
    pub position: u64,
}

impl Organisation {
    pub(crate) fn new(facts: Facts<OrganisationEntry>, position: u64) -> Self {
        Self { facts, lifetimes: Vec::new(), position }
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

    /// What was said of it as on `day`, by what was recorded up to `known_at`. None where it was not known, or not yet
    /// there; of a day after it closed, what was said last.
    #[must_use]
    pub fn as_of(&self, day: Date, known_at: Timestamp) -> Option<&Fact<OrganisationEntry>> {
        let open = self.lifetime(known_at).open;
        // An open date is better knowledge of the beginning than the day of the file that named it first.
        let day = if open.is_some_and(|open| open <= day) { day.max(self.first_day(known_at)?) } else { day };
        let too_early = open.is_some_and(|open| day < open);
        self.facts.as_of(day, known_at).filter(|_| !too_early)
    }

    /// From when to when it exists, by what was recorded up to `known_at`.
    #[must_use]
    pub fn lifetime(&self, known_at: Timestamp) -> OrganisationLifetime {
        let said = self.lifetimes.iter().rev().find(|said| said.recorded_at <= known_at);
        said.map(|said| OrganisationLifetime { open: said.open, close: said.close }).unwrap_or_default()
    }

    /// Was it closed on `day`, by what was recorded up to `known_at`?
    #[must_use]
    pub fn is_closed(&self, day: Date, known_at: Timestamp) -> bool {
        self.lifetime(known_at).close.is_some_and(|close| close <= day)
    }

    fn first_day(&self, known_at: Timestamp) -> Option<Date> {
        self.facts.iter().filter(|fact| fact.recorded_at <= known_at).map(|fact| fact.effective_from).min()
    }

    pub(crate) fn record(&mut self, fact: Fact<OrganisationEntry>, position: u64) {
        self.facts.record(fact);
        self.position = position;
    }

    pub(crate) fn live(&mut self, lifetime: OrganisationLifetime, recorded_at: Timestamp, position: u64) {
        let OrganisationLifetime { open, close } = lifetime;
        self.lifetimes.push(LifetimeSaid { recorded_at, open, close });
        self.position = position;
    }
}

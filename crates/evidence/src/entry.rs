//! The lines of a supplier's own log: what it was told, and what it did.
//!
//! The log is evidence against the scheduler and the registry, so it is written by nobody else and a line is never
//! changed. The checkers of the invariants read only this log and the services' journals.

use jiff::Timestamp;
use ods::{Capability, PracticeCode, Supplier};
use serde::{Deserialize, Serialize};

use crate::key::{Direction, Key};

/// A line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// When.
    pub at: Timestamp,
    /// Whose.
    pub supplier: Supplier,
    /// What.
    #[serde(flatten)]
    pub what: What,
}

/// What happened at a supplier.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum What {
    /// A key arrived and will take effect at `due`, unless it is refused or closed.
    Received {
        /// The key.
        key: Key,
        /// When it is due.
        due: Timestamp,
        /// How it came.
        origin: Origin,
    },
    /// A key took effect. This is the line that counts for I1.
    Applied {
        /// The key.
        key: Key,
        /// Whether the practice's state was another before.
        changed: bool,
    },
    /// A key was carried out at another practice, by the supplier's mistake, which takes it for done.
    Misdirected {
        /// The key.
        key: Key,
        /// Where it took effect.
        at_practice: PracticeCode,
        /// Whether that practice's state was another before.
        changed: bool,
    },
    /// A key was refused.
    Refused {
        /// The key.
        key: Key,
        /// Why.
        refusal: Refusal,
    },
    /// A key was closed for ever before it had any effect.
    Closed {
        /// The key.
        key: Key,
    },
    /// The outcome of a key that came on a list was taken by the scheduler.
    Reported {
        /// The key.
        key: Key,
    },
    /// A practice learnt that it may switch itself on, and will at `due` if that is given.
    Invited {
        /// What.
        capability: Capability,
        /// Which.
        practice: PracticeCode,
        /// The enrolment that says so.
        enrolment: String,
        /// When it will; none where it won't.
        due: Option<Timestamp>,
        /// Whether it will choose settings that hide part of the record.
        partial: bool,
    },
    /// An invited practice did what it was going to, or found itself no longer invited.
    SelfServiceEnded {
        /// What.
        capability: Capability,
        /// Which.
        practice: PracticeCode,
        /// Whether it switched itself on.
        enabled: bool,
    },
    /// The whole supplier begins or ceases to take requests to switch on.
    TakesRequests {
        /// Whether it does from now on.
        takes: bool,
    },
}

/// How a key came to the supplier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// By a call.
    Call,
    /// On a list for a booked date: its outcome is to be reported.
    List,
}

/// Why a supplier refuses a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Refusal {
    /// It takes no requests at all at present.
    NotTakingRequests,
    /// The practice's system is not set up for it.
    PracticeNotConfigured,
    /// A higher generation was seen before.
    GenerationSuperseded,
}

/// One change of what is in effect at a practice, as the checkers want it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effect {
    /// When.
    pub at: Timestamp,
    /// At which supplier.
    pub supplier: Supplier,
    /// What was switched.
    pub capability: Capability,
    /// Where.
    pub practice: PracticeCode,
    /// Which way.
    pub direction: Direction,
    /// The generation of the key; none where no key was about this practice.
    pub generation: Option<u32>,
    /// Whether the supplier meant another practice; else, without a key, the practice did it itself.
    pub by_mistake: bool,
    /// Whether the practice's state was another before.
    pub changed: bool,
}

impl Entry {
    /// The effect, if the line is of one.
    pub fn effect(&self) -> Option<Effect> {
        let (capability, practice, direction, generation, changed) = match &self.what {
            What::Applied { key, changed } => {
                (&key.capability, key.practice, key.direction, Some(key.generation), *changed)
            }
            What::Misdirected { key, at_practice, changed } => {
                (&key.capability, *at_practice, key.direction, None, *changed)
            }
            What::SelfServiceEnded { capability, practice, enabled: true } => {
                (capability, *practice, Direction::Enable, None, true)
            }
            _ => return None,
        };
        let by_mistake = matches!(self.what, What::Misdirected { .. });
        Some(Effect {
            at: self.at,
            supplier: self.supplier.clone(),
            capability: capability.clone(),
            practice,
            direction,
            generation,
            by_mistake,
            changed,
        })
    }
}

impl Effect {
    /// The key that it is of; none where no key was about this practice.
    pub fn key(&self) -> Option<Key> {
        let (capability, practice, direction) = (self.capability.clone(), self.practice, self.direction);
        Some(Key { capability, practice, direction, generation: self.generation? })
    }
}

//! An activation: one decision to switch one practice on or off, from the intention to what became of it.
//!
//! `domain.md` calls it a command; here that is the word for what the state machine is asked. An activation is kept
//! while anything about it is open: until the registry has been told how it ended. One that is given up before its seal is
//! dropped at once, and only its permit remains to be given back.

use std::fmt;

use jiff::Timestamp;
use jiff::civil::Date;
use ods::{IcbCode, Supplier};
use serde::{Deserialize, Serialize};

use super::{Load, Reverted};
use crate::id::{ActivationKey, WaveRef};
use crate::spec::Mode;

/// One decision to switch one practice on or off.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Activation {
    /// Its idempotency key.
    pub key: ActivationKey,
    /// What decided it.
    pub cause: Cause,
    /// Who carries it out.
    pub supplier: Supplier,
    /// The practice's ICB, for its caps.
    pub icb: Option<IcbCode>,
    /// Its registered patients, for its caps.
    pub list_size: u32,
    /// How it is carried out; never [`Mode::SelfService`].
    pub mode: Mode,
    /// With booked dates: the date.
    pub booked_on: Option<Date>,
    /// Where it is.
    pub stage: ActivationStage,
    /// When it was decided.
    pub intended_at: Timestamp,
    /// When it was sealed; none before.
    pub sealed_at: Option<Timestamp>,
    /// The civil date whose cap it counts against; none before the seal.
    pub counted_on: Option<Date>,
    /// How often it was sent, or asked about, and answered or given up waiting.
    pub attempts: u32,
    /// The moment at which something is to be done about it next.
    pub due_at: Timestamp,
    /// A STOP, or the unwinding of its wave, asks the supplier to cancel it.
    pub cancel: bool,
}

impl Activation {
    /// What it counts against caps.
    #[must_use]
    pub fn load(&self) -> Load {
        Load::of(self.list_size)
    }

    /// The wave it belongs to; none for a switch-off.
    #[must_use]
    pub fn wave(&self) -> Option<&WaveRef> {
        match &self.cause {
            Cause::Wave { wave } => Some(wave),
            Cause::Pause { .. } | Cause::SwitchOff | Cause::Unwind { .. } | Cause::Revert { .. } => None,
        }
    }
}

/// What decided an activation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "cause", rename_all = "kebab-case")]
pub enum Cause {
    /// ENABLE: a wave's turn.
    Wave {
        /// The wave.
        wave: WaveRef,
    },
    /// DISABLE: a pause was placed while this permit was open, and its command took effect all the same.
    Pause {
        /// The command that took effect.
        reverses: ActivationKey,
    },
    /// DISABLE: the practice asked for access to be taken away.
    SwitchOff,
    /// DISABLE: two people unwound the wave that had switched it on.
    Unwind {
        /// The wave.
        wave: WaveRef,
    },
    /// DISABLE: a person had what a wave did undone at this practice.
    Revert {
        /// The wave.
        wave: WaveRef,
    },
}

impl fmt::Display for Cause {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Wave { wave } => write!(out, "{wave}"),
            Self::Pause { reverses } => write!(out, "pause while {reverses} was under way"),
            Self::SwitchOff => out.write_str("request to switch off"),
            Self::Unwind { wave } => write!(out, "{wave} is unwound"),
            Self::Revert { wave } => write!(out, "reverted in {wave}"),
        }
    }
}

/// Where an activation is in its life.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "stage", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ActivationStage {
    /// Decided; the permit is being asked for.
    Intended,
    /// Journalled as to be sent: counts as sent (I2).
    Sealed,
    /// Sent; with booked dates: on a list that the supplier has taken.
    Sent,
    /// Taken on by the supplier, not done yet.
    Acked,
    /// The reply was lost. Resolved only by asking (I17).
    Unknown,
    /// Settled; the registry is to be told.
    Settled {
        /// How.
        outcome: Outcome,
        /// When.
        settled_at: Timestamp,
    },
}

/// How an activation settled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Outcome {
    /// In effect.
    Applied {
        /// Since when.
        applied_at: Timestamp,
    },
    /// Certainly without effect, now and for ever: the key is closed.
    NotApplied,
    /// Refused by the supplier.
    Refused {
        /// The supplier's code, UPPER_SNAKE.
        code: String,
        /// Whether another attempt may succeed.
        retryable: bool,
    },
}

/// Stages without their reasons: what activations are found by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[expect(missing_docs, reason = "the same names as in ActivationStage, which explains them")]
pub enum ActivationState {
    Intended,
    Sealed,
    Sent,
    Acked,
    Unknown,
    Settled,
}

impl ActivationStage {
    /// The stage without its reason.
    #[must_use]
    pub fn state(&self) -> ActivationState {
        match self {
            Self::Intended => ActivationState::Intended,
            Self::Sealed => ActivationState::Sealed,
            Self::Sent => ActivationState::Sent,
            Self::Acked => ActivationState::Acked,
            Self::Unknown => ActivationState::Unknown,
            Self::Settled { .. } => ActivationState::Settled,
        }
    }
}

impl ActivationState {
    /// Whether it was sealed and has not settled: the supplier may be at it.
    #[must_use]
    pub fn is_under_way(self) -> bool {
        matches!(self, Self::Sealed | Self::Sent | Self::Acked | Self::Unknown)
    }
}

/// What is wanted at a practice, and the last decision about it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Access {
    /// The generation of the last decision: one more with each.
    pub generation: u32,
    /// What is wanted.
    pub desired: Desired,
    /// The wave by which it was last wanted on; none where it never was.
    pub by: Option<WaveRef>,
    /// The last ENABLE that took effect, until a DISABLE did.
    pub applied: Option<AppliedEnable>,
    /// The last activation that settled, and how; what a late or repeated answer is compared with.
    pub last: Option<(ActivationKey, Outcome)>,
    /// After a failed DISABLE: not tried again before this moment.
    pub not_before: Option<Timestamp>,
    /// Who had it taken away again, until it was given back by people's decision; none where nobody had.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reverted: Option<Reverted>,
}

/// An ENABLE that took effect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppliedEnable {
    /// Its key.
    pub key: ActivationKey,
    /// Who carried it out.
    pub supplier: Supplier,
    /// How.
    pub mode: Mode,
}

/// What is wanted at a practice.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Desired {
    /// Off.
    #[default]
    Off,
    /// On.
    On,
}

impl fmt::Display for Desired {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Off => "OFF",
            Self::On => "ON",
        })
    }
}

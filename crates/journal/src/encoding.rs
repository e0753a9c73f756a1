//! Encoding: how a machine's state is written into its snapshots.

use std::io::Read;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::compact::{self, CompactError};

/// How a state is written into snapshots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// MessagePack, with names: whatever serde can write, it can read.
    MessagePack,
    /// Without names and types: a third of the bytes and of the time. Not for states in which anything is tagged, untagged or
    /// flattened: a test of the machine must read back what it wrote.
    Compact,
}

/// Why a state cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum EncodingError {
    /// It cannot be written as MessagePack.
    #[error(transparent)]
    ToMessagePack(#[from] rmp_serde::encode::Error),
    /// It is not the MessagePack of such a state.
    #[error(transparent)]
    OfMessagePack(#[from] rmp_serde::decode::Error),
    /// It has no compact form, or is none.
    #[error(transparent)]
    Compact(#[from] CompactError),
}

impl Encoding {
    /// With the version of the encoding: another one, and snapshots are dropped.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::MessagePack => "messagepack-2",
            Self::Compact => "compact-1",
        }
    }

    /// A state as bytes.
    ///
    /// # Errors
    /// Where it cannot be written so.
    pub fn encode(self, state: &impl Serialize) -> Result<Vec<u8>, EncodingError> {
        Ok(match self {
            Self::MessagePack => rmp_serde::to_vec_named(state)?,
            Self::Compact => compact::to_vec(state)?,
        })
    }

    /// The state that was written.
    ///
    /// # Errors
    /// Where these bytes are not those of such a state.
    pub fn decode<S: DeserializeOwned>(self, bytes: impl Read) -> Result<S, EncodingError> {
        Ok(match self {
            Self::MessagePack => rmp_serde::from_read(bytes)?,
            Self::Compact => compact::from_reader(bytes)?,
        })
    }
}

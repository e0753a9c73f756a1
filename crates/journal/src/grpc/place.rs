//! The place of a reader in a journal: what the resume tokens of watches say.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::engine::{Engine, Published};
use crate::grpc::refusal::{not_reached, patience, unreadable};
use crate::machine::Machine;

/// Up to where a reader has everything, and which journal that was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The position.
    pub position: u64,
    // In hexadecimal: a token is JSON within, and must fit where an error tells of it.
    hash: String,
}

impl Place {
    /// Before the first record of any journal.
    pub fn beginning() -> Self {
        Self { position: 0, hash: String::new() }
    }

    /// Of a reader who has all that is published.
    pub fn of<M: Machine>(published: &Published<M>) -> Self {
        Self { position: published.position, hash: hex::encode(published.hash.0) }
    }

    /// The published state, once it has come to this place; where it continues the journal that the reader was at
    /// (rule 17).
    ///
    /// # Errors
    /// POSITION_NOT_REACHED, and JOURNAL_REWOUND where this is another journal.
    pub async fn resume<M: Machine>(&self, engine: &Engine<M>) -> Result<Arc<Published<M>>, api::Error> {
        let reached = engine.wait_for(self.position, patience()).await;
        let published = reached.map_err(|error| not_reached(&error))?;
        let Some(before) = self.position.checked_sub(1) else { return Ok(published) };
        let records = engine.records(before, 1).await.map_err(|error| unreadable(&error))?;
        let same = |hash: [u8; 32]| hex::encode(hash) == self.hash;
        if records.first().is_some_and(|record| record.position == self.position && same(record.hash.0)) {
            return Ok(published);
        }
        Err(rewound(M::JOURNAL, self.position))
    }
}

/// What the reader has is of a journal that this one does not continue.
fn rewound(journal: &str, position: u64) -> api::Error {
    let template = "this journal has another record at position {position} than the reader's: records are gone; begin with a snapshot";
    api::Error::failed_precondition("JOURNAL_REWOUND", template).with("position", position).precondition(
        "JOURNAL",
        format!("journals/{journal}"),
        "must continue what the reader has",
    )
}

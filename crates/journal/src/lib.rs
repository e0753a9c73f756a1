//! An append-only, hash-chained journal, and the engine that runs a state machine over it.
//!
//! The one idea of the system lives here: a pure [`Machine`] decides and folds, an [`Engine`] stores and publishes, and
//! the [`Record`]s between them are history, audit, idempotency, watches and crash recovery at once.
//!
//! - [`Journal`]: where records are kept, in memory, SQLite or PostgreSQL; all three behave alike.
//! - [`Engine`]: batches of commands, each one transaction; lock-free reads; `min_position`; subscriptions.
//! - [`JournalHandle`]: a journal without its machine, to read, watch and verify.
//! - [`Redaction`]: two people take a note away, in every journal alike.
//! - [`Checkpoint`] and [`Verification`]: proof that the record was not altered, cut off or rewritten.
//! - [`grpc`]: `JournalService`, and what the handlers of every service need to submit a command.
//!
//! # What it does not do
//!
//! It knows no domain and performs no effects. It elects no leader: the head's lock is all the order there is. It keeps
//! no secret: payloads hold no personal data, notes lie beside the journal and only their hashes in it (rule 16).
//! Nobody updates or deletes a record, also not this crate.

mod causes;
mod checkpoint;
mod checkpoints;
mod compact;
mod cut;
mod encoding;
mod engine;
mod error;
mod filter;
mod finding;
mod fold;
pub mod grpc;
mod handle;
mod log;
mod machine;
mod memory;
mod record;
mod redaction;
mod signer;
mod snapshot;
mod sql;
mod verify;

pub use checkpoint::Checkpoint;
pub use checkpoints::{CHECKPOINTS_RECENT_MAX, Checkpoints};
pub use compact::CompactError;
pub use cut::{Cut, InOnePiece};
pub use encoding::{Encoding, EncodingError};
pub use engine::{
    Accepted, CommitHook, CommitStage, Engine, EngineConfig, LoadedPolicies, Meta, Priority, Published, Salt,
    Submission, Subscription,
};
pub use error::{JournalError, NotReached, Rewound, SubmitError};
pub use filter::RecordFilter;
pub use finding::Finding;
pub use handle::JournalHandle;
pub use log::Journal;
pub use machine::{Machine, Outcome, Recorded};
pub use memory::{MemoryFault, MemoryJournal};
pub use record::{ChainFault, Hash, Head, Note, Record};
pub use redaction::{RedactNote, Redacted, Redaction, RedactionRejection};
pub use signer::Signer;
pub use sql::MIGRATIONS;
pub use verify::{Against, Verification, stored_records, verify_stored};

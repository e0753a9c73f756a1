//! What can go wrong with a journal, apart from a command being rejected.

use std::error::Error;
use std::sync::Arc;

use database::DatabaseError;

use crate::record::{ChainFault, Head};

/// An error of the journal or its store.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The store failed.
    #[error("journals/{journal} could not be read or written")]
    Store {
        /// The journal.
        journal: String,
        /// What the store says.
        source: DatabaseError,
    },

    /// The store took too long.
    #[error("the store of journals/{journal} did not answer within {seconds} s")]
    Slow {
        /// The journal.
        journal: String,
        /// The limit.
        seconds: u64,
    },

    /// The database holds another journal than the one to be opened.
    #[error("the database holds journals/{found}, not journals/{wanted}; check the store that was named")]
    OtherJournal {
        /// The journal that was to be opened.
        wanted: String,
        /// The journal in the database.
        found: String,
    },

    /// The journal is not the chain it must be.
    #[error("journals/{journal} is broken; restore it from a backup that verifies")]
    Broken {
        /// The journal.
        journal: String,
        /// Where and how.
        source: ChainFault,
    },

    /// A record of a kind that this build cannot read.
    #[error(
        "record {position} of journals/{journal} is of kind {kind}, which this build ({ours}) cannot read; \
         run version {needed} or later"
    )]
    UnknownKind {
        /// The journal.
        journal: String,
        /// Where.
        position: u64,
        /// The kind.
        kind: String,
        /// The version of this build.
        ours: &'static str,
        /// The version that last wrote to the journal.
        needed: String,
        /// What the decoder says.
        source: serde_json::Error,
    },

    /// The store holds a shorter or another journal than the one that was folded or checkpointed (rule 17).
    #[error("{0}")]
    Rewound(Box<Rewound>),

    /// This machine's clock is off its database's, so nothing is recorded here (rule 18). Other replicas are unharmed.
    #[error(
        "this replica's clock is {skew_ms} ms ahead of that of the database of journals/{journal}, so it records nothing; \
         set the machine's clock"
    )]
    ClockOff {
        /// The journal.
        journal: String,
        /// How far ours is ahead; negative where it is behind.
        skew_ms: i64,
    },

    /// The journal in memory was told to fail.
    #[error("journals/{journal} in memory failed, as it was told to")]
    ToldToFail {
        /// The journal.
        journal: String,
    },

    /// A row is not of the form that this crate writes.
    #[error("a row of journals/{journal} is damaged: {what}")]
    Damaged {
        /// The journal.
        journal: String,
        /// What is wrong with it.
        what: String,
    },

    /// A file of checkpoints or keys cannot be read or written.
    #[error("{path}: {what}")]
    File {
        /// The file.
        path: String,
        /// What was to be done.
        what: &'static str,
        /// What the system says.
        source: std::io::Error,
    },

    /// A checkpoint or a key cannot be understood, or its signature is not ours.
    #[error("{path}: {what}")]
    Checkpoint {
        /// The file.
        path: String,
        /// What is wrong.
        what: String,
    },

    /// The engine failed by a fault of this program; what it was is in the log. The store is unharmed.
    #[error("the engine of journals/{journal} failed by a fault of this program; start the server again")]
    Fault {
        /// The journal.
        journal: String,
    },

    /// The engine was shut down.
    #[error("journals/{journal} is closed: the server is shutting down")]
    Closed {
        /// The journal.
        journal: String,
    },
}

impl JournalError {
    /// What happened, in a word for spans.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Store { .. } => "store",
            Self::Slow { .. } => "timeout",
            Self::Broken { .. } | Self::UnknownKind { .. } => "unreadable",
            Self::Rewound(_) => "rewound",
            _ => "other",
        }
    }

    /// True where the engine must stop: going on would build on a record that is not there or not understood.
    pub fn is_fatal(&self) -> bool {
        matches!(
            self,
            Self::Broken { .. }
                | Self::UnknownKind { .. }
                | Self::Rewound(_)
                | Self::OtherJournal { .. }
                | Self::Fault { .. }
        )
    }
}

/// A journal that lost records it once had (rule 17): a restored backup, or a standby that lagged and was promoted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "JOURNAL_REWOUND: {witness} knew journals/{journal} up to record {} ({}), but the store now ends at record {} ({}); \
     {}. Restore the store that has them, or start anew from this one once a person has accepted the loss",
    known.position, known.hash, found.position, found.hash, self.gone_text()
)]
pub struct Rewound {
    /// The journal.
    pub journal: String,
    /// The head that was known.
    pub known: Head,
    /// The head that the store has.
    pub found: Head,
    /// The last record that both have, where it is known.
    pub common_position: Option<u64>,
    /// Who knew: this server, or a file of checkpoints (which is to be moved away once the loss is accepted).
    pub witness: String,
}

impl Rewound {
    /// The positions of the first and last record that are gone. Where it is not known what both still share, at least
    /// these; `None` where not even that is known.
    pub fn gone(&self) -> Option<(u64, u64)> {
        let common = self.common_position.unwrap_or(self.found.position);
        (common < self.known.position).then_some((common + 1, self.known.position))
    }

    fn gone_text(&self) -> String {
        let at_least = if self.common_position.is_none() { "at least " } else { "" };
        match self.gone() {
            Some((first, last)) if first == last => format!("{at_least}record {first} is gone"),
            Some((first, last)) => format!("{at_least}records {first} to {last} are gone"),
            None => "it is not known which of the records before are gone".to_owned(),
        }
    }
}

/// Why a command was not accepted.
#[derive(Debug, thiserror::Error)]
pub enum SubmitError<R: Error + Send + Sync + 'static> {
    /// The machine refused it, on the state of the moment.
    #[error(transparent)]
    Rejected(R),

    /// The request id was used before by the same account for another request.
    #[error("request id {request_id} was used for another request; send a new one")]
    RequestIdReused {
        /// The request id.
        request_id: String,
    },

    /// Deciding it failed by a fault of this program. Nothing was recorded, and other commands are unharmed.
    #[error("a command to journals/{journal} failed: {what}")]
    Fault {
        /// The journal.
        journal: &'static str,
        /// The panic's message, or the limit that was broken.
        what: String,
    },

    /// The store failed, or the engine is shutting down. Nothing is known to be recorded; sent again with the same
    /// request id it takes effect at most once.
    #[error("the journal is unavailable; send the same request again")]
    Unavailable(#[source] Arc<JournalError>),

    /// The engine has stopped for good; only an operator can help.
    #[error("the journal has stopped")]
    Stopped(#[source] Arc<JournalError>),
}

impl<R: Error + Send + Sync + 'static> SubmitError<R> {
    /// What an error of the journal means to whoever submitted.
    pub(crate) fn of(error: Arc<JournalError>) -> Self {
        if error.is_fatal() { Self::Stopped(error) } else { Self::Unavailable(error) }
    }
}

/// A position was not reached in time.
#[derive(Debug, thiserror::Error)]
#[error("journals/{journal} is at record {position}, and record {wanted} was not seen in time")]
pub struct NotReached {
    /// The journal.
    pub journal: &'static str,
    /// The position that was waited for.
    pub wanted: u64,
    /// The position that was reached.
    pub position: u64,
}

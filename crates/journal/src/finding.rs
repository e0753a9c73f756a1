//! Finding: what can be wrong with a journal, where, and what is to be done about it.

use crate::record::ChainFault;

/// What can be wrong with a journal.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Finding {
    /// The chain is broken.
    #[error(transparent)]
    Chain(#[from] ChainFault),
    /// A record was recorded before the one before it.
    #[error("record {position} says that it was recorded before the record before it")]
    TimeWentBack {
        /// The record.
        position: u64,
    },
    /// A row is not of the form that records have.
    #[error("record {position} cannot be read: {what}")]
    Damaged {
        /// The record.
        position: u64,
        /// What is wrong with it.
        what: String,
    },
    /// The head names another last record than there is.
    #[error("the head does not name the last record: it says {head}, and the chain ends at {found}")]
    HeadDiffers {
        /// What the head says.
        head: u64,
        /// Where the chain ends.
        found: u64,
    },
    /// There is no head, or not of this journal.
    #[error("the head cannot be read: {what}")]
    HeadDamaged {
        /// What is wrong with it.
        what: String,
    },
    /// The journal ends before the checkpoint.
    #[error(
        "the journal ends at record {found}, but the checkpoint was taken at record {checkpoint}: its end was cut off"
    )]
    CutOff {
        /// Where the checkpoint was taken.
        checkpoint: u64,
        /// Where the journal ends.
        found: u64,
    },
    /// Whole in itself, but not the journal that the checkpoint was taken of.
    #[error("record {position} has another hash than the checkpoint: the journal was rewritten up to it")]
    Rewritten {
        /// Where the checkpoint was taken.
        position: u64,
    },
    /// A note is not the one whose hash the record carries.
    #[error("the note of record {position} is not the one that was recorded")]
    NoteAltered {
        /// The record.
        position: u64,
    },
    /// A note is gone, and no record says that two people took it away.
    #[error("the note of record {position} is missing, and no record says that it was redacted")]
    NoteMissing {
        /// The record.
        position: u64,
    },
    /// A note lies there although it was taken away.
    #[error("the note of record {position} was redacted, but lies beside the journal again")]
    NoteNotRedacted {
        /// The record.
        position: u64,
    },
    /// The checkpoint's signature does not fit it, or it is not the key that was expected, or of another journal.
    #[error("the checkpoint of record {position} was not signed with the expected key for this journal")]
    CheckpointForged {
        /// Where it claims to have been taken.
        position: u64,
    },
    /// Two checkpoints of one position name different hashes.
    #[error("the checkpoints contradict each other about record {position}: the server that signed them was rewound")]
    CheckpointsDiffer {
        /// The record.
        position: u64,
    },
}

impl Finding {
    /// Where it is: the record, or the last one that is right where it is the head's.
    pub fn position(&self) -> u64 {
        match self {
            Self::Chain(fault) => fault.position(),
            Self::HeadDiffers { found, .. } | Self::CutOff { found, .. } => *found,
            Self::HeadDamaged { .. } => 0,
            Self::TimeWentBack { position }
            | Self::Damaged { position, .. }
            | Self::Rewritten { position }
            | Self::NoteAltered { position }
            | Self::NoteMissing { position }
            | Self::NoteNotRedacted { position }
            | Self::CheckpointForged { position }
            | Self::CheckpointsDiffer { position } => *position,
        }
    }

    /// What whoever finds it should do.
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::Chain(_) | Self::TimeWentBack { .. } | Self::Damaged { .. } | Self::Rewritten { .. } => {
                "Keep this database as evidence, stop the service, and compare with the newest backup that verifies against \
                 the same checkpoint; restore that one."
            }
            Self::HeadDiffers { .. } | Self::HeadDamaged { .. } => {
                "Keep this database as evidence. The records are whole up to that position; restore the head's row from a \
                 backup that verifies, or the whole database."
            }
            Self::CutOff { .. } => {
                "Keep this database as evidence. Find the store or the backup that has the records up to the checkpoint, and \
                 restore it; until then nothing that rests on them may go ahead."
            }
            Self::NoteAltered { .. } | Self::NoteMissing { .. } => {
                "Keep this database as evidence. Restore the note and its salt from a backup; a note may only go by \
                 `accessctl journal redact`, by two people."
            }
            Self::NoteNotRedacted { .. } => {
                "Whoever restored it undid a redaction: delete the row of that position from journal_notes, and ask who put \
                 it there."
            }
            Self::CheckpointForged { .. } => {
                "Take the checkpoint from where it was kept, of this journal, and the key from the installation that signed \
                 it; this file proves nothing."
            }
            Self::CheckpointsDiffer { .. } => {
                "Verify with each of them by itself: the one that fits is of this journal's history, the others are of \
                 records that were lost."
            }
        }
    }
}

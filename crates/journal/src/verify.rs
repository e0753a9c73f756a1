//! Verification: computes the whole chain anew and says the first thing that is wrong with it.

use crate::JournalError;
use crate::checkpoint::Checkpoint;
use crate::fold::PAGE_RECORDS;
use crate::log::Log;
use crate::record::{ChainFault, Hash, Head, Note, Record};

/// What a verification found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verification {
    /// How far the chain was computed.
    pub verified: Head,
    /// The first thing that is wrong; `None` where the chain is whole, its head is right, its notes are those that were
    /// hashed or were taken away, and it agrees with the checkpoint.
    pub finding: Option<Finding>,
}

/// What can be wrong with a journal.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Finding {
    /// The chain is broken.
    #[error(transparent)]
    Chain(#[from] ChainFault),
    /// The head names another last record than there is.
    #[error("the head says that the last record is {head}, but the chain ends at {found}")]
    HeadDiffers {
        /// What the head says.
        head: u64,
        /// Where the chain ends.
        found: u64,
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
    /// The checkpoint's signature does not fit it, or it is not the key that was expected, or of another journal.
    #[error("the checkpoint of record {position} was not signed by this server for this journal")]
    CheckpointForged {
        /// Where it claims to have been taken.
        position: u64,
    },
}

impl Finding {
    /// Where it is.
    pub fn position(&self) -> u64 {
        match self {
            Self::Chain(fault) => fault.position(),
            Self::HeadDiffers { found, .. } | Self::CutOff { found, .. } => *found,
            Self::Rewritten { position } | Self::NoteAltered { position } | Self::CheckpointForged { position } => {
                *position
            }
        }
    }
}

/// Computes the chain up to the head of this moment. `checkpoint` is one that was kept elsewhere, with the key that it
/// must be signed with; without one, a journal that was cut off or rewritten as a whole still verifies.
pub(crate) async fn verify(
    log: &Log,
    checkpoint: Option<(&Checkpoint, [u8; 32])>,
) -> Result<Verification, JournalError> {
    if let Some((checkpoint, key)) = checkpoint
        && (checkpoint.public_key != key || checkpoint.journal != log.name || !checkpoint.is_signed())
    {
        let finding = Finding::CheckpointForged { position: checkpoint.head.position };
        return Ok(Verification { verified: Head::genesis(log.name), finding: Some(finding) });
    }
    let checkpointed = checkpoint.map(|(checkpoint, _)| (checkpoint.head.position, checkpoint.head.hash));
    let mut chain = Chain { end: Head::genesis(log.name), checkpointed, finding: None };
    let head = log.head().await?;
    chain.compare_with_checkpoint();
    while chain.finding.is_none() && chain.end.position < head.position {
        // Not past the head: what lies behind it is not vouched for.
        let wanted_count =
            usize::try_from(head.position - chain.end.position).unwrap_or(PAGE_RECORDS).min(PAGE_RECORDS);
        let page = log.records(chain.end.position, wanted_count).await?;
        let (Some(first), Some(last)) = (page.first(), page.last()) else { break };
        let notes = log.notes(first.position, last.position).await?;
        chain.extend(&page, &notes);
    }
    if chain.finding.is_none() {
        chain.finding = conclusion(log, &head, &chain).await?;
    }
    Ok(Verification { verified: chain.end, finding: chain.finding })
}

/// Where the chain ends against where it should.
async fn conclusion(log: &Log, head: &Head, chain: &Chain) -> Result<Option<Finding>, JournalError> {
    let end = &chain.end;
    if end.position < head.position {
        return Ok(Some(ChainFault::Missing { position: end.position + 1 }.into()));
    }
    if end.hash != head.hash {
        return Ok(Some(Finding::HeadDiffers { head: head.position, found: end.position }));
    }
    // A record after the end is one that was appended meanwhile, which has moved the head, or one that the head denies.
    if let Some(next) = log.records(end.position, 1).await?.first() {
        let head_now = log.head().await?;
        if head_now.position < next.position {
            return Ok(Some(Finding::HeadDiffers { head: head_now.position, found: next.position }));
        }
    }
    match chain.checkpointed {
        Some((checkpoint, _)) if checkpoint > end.position => {
            Ok(Some(Finding::CutOff { checkpoint, found: end.position }))
        }
        _ => Ok(None),
    }
}

struct Chain {
    end: Head,
    checkpointed: Option<(u64, Hash)>,
    finding: Option<Finding>,
}

impl Chain {
    fn extend(&mut self, page: &[Record], notes: &[Note]) {
        let mut notes = notes.iter().peekable();
        for record in page {
            if let Some(fault) = record.fault_after(&self.end) {
                self.finding = Some(fault.into());
                return;
            }
            if let Some(note) = notes.next_if(|note| note.position == record.position)
                && record.note_hash != Some(Hash::of_note(&note.salt, &note.note))
            {
                self.finding = Some(Finding::NoteAltered { position: record.position });
                return;
            }
            self.end = record.head();
            self.compare_with_checkpoint();
            if self.finding.is_some() {
                return;
            }
        }
    }

    fn compare_with_checkpoint(&mut self) {
        if let Some((position, hash)) = self.checkpointed
            && position == self.end.position
            && hash != self.end.hash
        {
            self.finding = Some(Finding::Rewritten { position });
        }
    }
}

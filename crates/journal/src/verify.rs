//! Verification: computes the whole chain anew and says the first thing that is wrong with it.
//!
//! It believes nothing but the records: the head, the notes and the checkpoints are held against them. It needs no machine
//! and no server, so that an auditor can run it on a copy of the database.

use std::collections::{BTreeMap, BTreeSet};

use database::{DatabaseError, Db};

use crate::JournalError;
use crate::checkpoint::Checkpoint;
use crate::finding::Finding;
use crate::fold::PAGE_RECORDS;
use crate::log::{Journal, Log};
use crate::record::{ChainFault, Hash, Head, Note, Record};
use crate::redaction::{OwnEvent, Redaction, Redactions};

/// What a verification found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verification {
    /// How far the chain was computed.
    pub verified: Head,
    /// The notes that two people took away, by the records that say so.
    pub redactions: Vec<Redaction>,
    /// The first thing that is wrong; `None` where the chain is whole, its head is right, its notes are those that were
    /// hashed or were taken away, and it agrees with the checkpoints.
    pub finding: Option<Finding>,
}

/// What a journal is held against.
#[derive(Clone, Debug, Default)]
pub struct Against {
    /// Checkpoints that were kept elsewhere. Without one, a journal that was cut off at its end, or rewritten as a whole,
    /// still verifies.
    pub checkpoints: Vec<Checkpoint>,
    /// The key that must have signed them; None takes the key that they name, which the caller then has to know.
    pub key: Option<[u8; 32]>,
    /// Begins with the record after the first checkpoint instead of the first of all: quicker, and shows only what was done
    /// to the records since then.
    pub from_checkpoint: bool,
}

/// Verifies the journal `name` in a database, such as a copy that was opened by [`Db::open_copy`].
///
/// # Errors
/// Only where the database cannot be read; what is wrong with the journal is a finding.
pub async fn verify_stored(db: &Db, name: &'static str, against: &Against) -> Result<Verification, JournalError> {
    verify(&Log { name, journal: Journal::Sql(db.clone()) }, against).await
}

/// At most `limit` records after a position of the journal `name` in a database, in order and as they are stored.
///
/// # Errors
/// Where the database cannot be read.
pub async fn stored_records(
    db: &Db,
    name: &'static str,
    after: u64,
    limit: usize,
) -> Result<Vec<Record>, JournalError> {
    Log { name, journal: Journal::Sql(db.clone()) }.records(after, limit).await
}

/// Computes the chain up to the head of this moment.
pub(crate) async fn verify(log: &Log, against: &Against) -> Result<Verification, JournalError> {
    let mut chain = match begin(log, against).await? {
        Ok(chain) => chain,
        Err(finding) => {
            let verified = Head::genesis(log.name);
            return Ok(Verification { verified, redactions: Vec::new(), finding: Some(finding) });
        }
    };
    let finding = match run(log, &mut chain).await {
        Ok(()) => None,
        Err(Stop::Finding(finding)) => Some(finding),
        Err(Stop::Error(error)) => return Err(error),
    };
    let redactions = chain.redactions.iter().filter(|redaction| redaction.redacted.is_some()).cloned().collect();
    Ok(Verification { verified: chain.end, redactions, finding })
}

/// Why a verification goes no further.
enum Stop {
    Finding(Finding),
    Error(JournalError),
}

impl From<Finding> for Stop {
    fn from(finding: Finding) -> Self {
        Self::Finding(finding)
    }
}

impl From<JournalError> for Stop {
    fn from(error: JournalError) -> Self {
        Self::Error(error)
    }
}

async fn begin(log: &Log, against: &Against) -> Result<Result<Chain, Finding>, JournalError> {
    for checkpoint in &against.checkpoints {
        let is_of_key = against.key.is_none_or(|key| checkpoint.public_key == key);
        if !is_of_key || checkpoint.journal != log.name || !checkpoint.is_signed() {
            return Ok(Err(Finding::CheckpointForged { position: checkpoint.head.position }));
        }
    }
    let mut checkpointed = BTreeMap::new();
    for checkpoint in &against.checkpoints {
        let Head { position, hash, .. } = checkpoint.head;
        if *checkpointed.entry(position).or_insert(hash) != hash {
            return Ok(Err(Finding::CheckpointsDiffer { position }));
        }
    }
    let first = against.checkpoints.iter().map(|checkpoint| checkpoint.head).min_by_key(|head| head.position);
    let end = first.filter(|_| against.from_checkpoint).unwrap_or_else(|| Head::genesis(log.name));
    Ok(Ok(Chain { end, checkpointed, unexplained: BTreeSet::new(), redactions: Redactions::default() }))
}

async fn run(log: &Log, chain: &mut Chain) -> Result<(), Stop> {
    chain.compare_with_checkpoint()?;
    loop {
        let head = head_of(log).await?;
        extend_to(log, chain, head.position).await?;
        if chain.end.position < head.position {
            return Err(chain.missing_after().into());
        }
        if chain.end.position > head.position || chain.end.hash != head.hash || chain.differs_in_time(&head) {
            return Err(cut_off_or(chain, Finding::HeadDiffers { head: head.position, found: chain.end.position }));
        }
        // Notes may have been taken away while we read; their records then lie behind the head of before.
        let is_settled = chain.unexplained.is_empty() || head_of(log).await? == head;
        if is_settled {
            break;
        }
    }
    // A record after the end is one that was appended meanwhile, which has moved the head, or one that the head denies.
    if let Some(next) = page(log, chain, 1).await?.first() {
        let head_now = head_of(log).await?;
        if head_now.position < next.position {
            return Err(Finding::HeadDiffers { head: head_now.position, found: next.position }.into());
        }
    }
    if let Some((checkpoint, _)) = chain.checkpointed.last_key_value()
        && *checkpoint > chain.end.position
    {
        return Err(Finding::CutOff { checkpoint: *checkpoint, found: chain.end.position }.into());
    }
    if let Some(position) = chain.unexplained.first() {
        return Err(Finding::NoteMissing { position: *position }.into());
    }
    for redaction in chain.redactions.iter().filter(|redaction| redaction.redacted.is_some()) {
        let position = redaction.note_position;
        if !log.notes(position, position).await?.is_empty() {
            return Err(Finding::NoteNotRedacted { position }.into());
        }
    }
    Ok(())
}

/// A checkpoint that lies beyond the end says more than a head that differs.
fn cut_off_or(chain: &Chain, otherwise: Finding) -> Stop {
    match chain.checkpointed.last_key_value() {
        Some((checkpoint, _)) if *checkpoint > chain.end.position => {
            Finding::CutOff { checkpoint: *checkpoint, found: chain.end.position }.into()
        }
        _ => otherwise.into(),
    }
}

/// The head, or what is wrong with its row.
async fn head_of(log: &Log) -> Result<Head, Stop> {
    match log.head().await {
        Ok(head) => Ok(head),
        Err(error) if is_damage(&error) => Err(Finding::HeadDamaged { what: damage(&error) }.into()),
        Err(error) => Err(error.into()),
    }
}

/// True where it is what is stored that is wrong, rather than the reading of it.
fn is_damage(error: &JournalError) -> bool {
    match error {
        JournalError::Damaged { .. } | JournalError::OtherJournal { .. } => true,
        JournalError::Store { source, .. } => {
            matches!(source, DatabaseError::NoRow { .. } | DatabaseError::Column { .. })
        }
        _ => false,
    }
}

fn damage(error: &JournalError) -> String {
    match error {
        JournalError::Store { source, .. } => source.to_string(),
        other => other.to_string(),
    }
}

async fn extend_to(log: &Log, chain: &mut Chain, last: u64) -> Result<(), Stop> {
    while chain.end.position < last {
        // Not past the head: what lies behind it is not vouched for.
        let wanted_count = usize::try_from(last - chain.end.position).unwrap_or(PAGE_RECORDS).min(PAGE_RECORDS);
        let page = page(log, chain, wanted_count).await?;
        let (Some(first), Some(last)) = (page.first(), page.last()) else { return Ok(()) };
        let notes = log.notes(first.position, last.position).await?;
        chain.extend(&page, &notes)?;
    }
    Ok(())
}

/// The next records; where one of them cannot be read, those before it, and that it cannot be read once it is the first.
async fn page(log: &Log, chain: &Chain, wanted_count: usize) -> Result<Vec<Record>, Stop> {
    let mut wanted_count = wanted_count;
    loop {
        match log.records(chain.end.position, wanted_count).await {
            Ok(page) => return Ok(page),
            Err(error) if is_damage(&error) && wanted_count > 1 => wanted_count /= 2,
            Err(error) if is_damage(&error) => {
                let position = chain.end.position + 1;
                return Err(Finding::Damaged { position, what: damage(&error) }.into());
            }
            Err(error) => return Err(error.into()),
        }
    }
}

struct Chain {
    end: Head,
    checkpointed: BTreeMap<u64, Hash>,
    /// Records that were given a note which is not there, and of which no record said yet that it was taken away.
    unexplained: BTreeSet<u64>,
    redactions: Redactions,
}

impl Chain {
    fn extend(&mut self, page: &[Record], notes: &[Note]) -> Result<(), Finding> {
        let mut notes = notes.iter().peekable();
        for record in page {
            if let Some(fault) = record.fault_after(&self.end) {
                return Err(fault.into());
            }
            // Rule 18 holds for every record that was ever written.
            if record.recorded_at < self.end.recorded_at {
                return Err(Finding::TimeWentBack { position: record.position });
            }
            match (record.note_hash, notes.next_if(|note| note.position == record.position)) {
                (Some(hash), Some(note)) if hash == Hash::of_note(&note.salt, &note.note) => {}
                (None, None) => {}
                (Some(_), None) => drop(self.unexplained.insert(record.position)),
                (_, Some(_)) => return Err(Finding::NoteAltered { position: record.position }),
            }
            if let Some(Ok(event)) = OwnEvent::of(record) {
                self.redactions.apply(&event, record);
                if let OwnEvent::NoteRedacted { note_position } = event {
                    self.unexplained.remove(&note_position);
                }
            }
            self.end = record.head();
            self.compare_with_checkpoint()?;
        }
        Ok(())
    }

    fn compare_with_checkpoint(&self) -> Result<(), Finding> {
        match self.checkpointed.get(&self.end.position) {
            Some(hash) if *hash != self.end.hash => Err(Finding::Rewritten { position: self.end.position }),
            _ => Ok(()),
        }
    }

    fn missing_after(&self) -> Finding {
        ChainFault::Missing { position: self.end.position + 1 }.into()
    }

    fn differs_in_time(&self, head: &Head) -> bool {
        self.end.recorded_at != head.recorded_at
    }
}

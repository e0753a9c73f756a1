//! Snapshots: a cache of folded states, so that a start need not fold the whole journal.
//!
//! A cache and nothing more: whatever is in doubt (another shape of the state, a hash that differs, a part that is
//! missing, a record that no longer has the hash of then) drops the snapshot, and the journal is folded from the one
//! before, or from its beginning. Parts are written one by one, so that none holds the store's lock for long; a snapshot
//! counts once its head row is written, last.
//!
//! The parts together are frames, each with its length before it: the redactions, and the pieces of the state. Each is
//! encoded and hashed for itself, so that a start does it on all cores; the snapshot's hash is that of theirs.

use std::mem;
use std::num::NonZero;
use std::sync::Arc;
use std::thread;

use database::{Db, sql};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use tokio::sync::mpsc;
use tokio::task::{JoinError, JoinSet, spawn_blocking};

use crate::JournalError;
use crate::cut::Cut;
use crate::encoding::EncodingError;
use crate::fold::Folded;
use crate::log::{Journal, Log};
use crate::machine::Machine;
use crate::record::{Hash, Record};
use crate::redaction::{Redaction, Redactions};
use crate::sql::{VERSION, column, failed, hash, position, stored};

/// A part: small enough that its commit holds up no batch noticeably.
const PART_BYTES: usize = 1024 * 1024;

/// Parts that are read or dropped at a time: few enough not to stand in memory twice, and to hold nobody up.
const PARTS_AT_ONCE: i64 = 8;

/// Parts that wait to be written.
const PARTS_AHEAD: usize = 2;

/// What stands before a frame: how long it is.
const LENGTH_BYTES: usize = 8;

/// Snapshots kept: the one before the last still helps where the last is in doubt.
const KEPT_COUNT: i64 = 2;

/// A snapshot that was taken or begun with, for whoever decides when to take the next; all 0 where there is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Taken {
    /// The last record in it.
    pub(crate) position: u64,
    /// What [`Folded::payload_bytes`] was there.
    pub(crate) payload_bytes: u64,
    /// How large it is.
    pub(crate) bytes: u64,
}

/// How the state is framed and encoded, with the shape that the machine gives it.
fn shape<M: Machine>() -> String {
    format!("frames-1 {} {VERSION} {}", M::STATE_ENCODING.name(), M::STATE_SHAPE)
}

/// What a snapshot holds, in this order.
#[derive(Serialize, Deserialize)]
enum Frame<P> {
    Redactions(Vec<Redaction>),
    Piece(P),
    /// Only where it is recorded.
    Policies(String),
}

type FrameOf<M> = Frame<<<M as Machine>::Cut as Cut<<M as Machine>::State>>::Piece>;

/// What the head row says of all the frames together.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Whole {
    hash: Hash,
    parts_count: i64,
}

/// Stores the state as a snapshot and returns its size in bytes. On a journal in memory, which is folded at once, it does
/// nothing.
pub(crate) async fn store<M: Machine>(log: &Log, folded: &Folded<M>) -> Result<u64, JournalError> {
    let Journal::Sql(db) = &log.journal else { return Ok(0) };
    let (state, redactions) = (folded.state.clone(), folded.redactions.iter().cloned().collect());
    let policies = folded.policies.clone();
    let (parts, coming) = mpsc::channel(PARTS_AHEAD);
    // Seconds of work for a large state, beside the threads that serve.
    let encoding = spawn_blocking(move || encode::<M>(&state, redactions, policies, FrameWriter::to(parts)));
    write_parts(db, log.name, folded.head.position, coming).await?;
    let (whole, bytes_count) = match encoding.await {
        Ok(Ok(encoded)) => encoded,
        Ok(Err(error)) => return Err(damaged(log, format!("its state cannot be encoded: {error}"))),
        Err(_) => return Err(damaged(log, "encoding its state panicked".to_owned())),
    };
    write_head::<M>(db, log.name, folded, whole).await?;
    drop_old(db, log.name, stored(folded.head.position)).await?;
    Ok(bytes_count)
}

/// What there is to say of the parts that were sent, and their bytes.
fn encode<M: Machine>(
    state: &M::State,
    redactions: Vec<Redaction>,
    policies: Option<Arc<str>>,
    mut writer: FrameWriter,
) -> Result<(Whole, u64), EncodingError> {
    let first = FrameOf::<M>::Redactions(redactions);
    writer.frame(&M::STATE_ENCODING.encode(&first)?);
    if let Some(sha256) = policies {
        writer.frame(&M::STATE_ENCODING.encode(&FrameOf::<M>::Policies(sha256.to_string()))?);
    }
    for piece in M::Cut::pieces(state) {
        writer.frame(&M::STATE_ENCODING.encode(&FrameOf::<M>::Piece(piece))?);
    }
    Ok(writer.end())
}

/// Frames on their way into parts.
struct FrameWriter {
    parts: mpsc::Sender<Vec<u8>>,
    part: Vec<u8>,
    hash: Sha256,
    parts_count: i64,
    bytes_count: u64,
}

impl FrameWriter {
    fn to(parts: mpsc::Sender<Vec<u8>>) -> Self {
        Self { parts, part: Vec::new(), hash: Sha256::new(), parts_count: 0, bytes_count: 0 }
    }

    fn frame(&mut self, bytes: &[u8]) {
        self.hash.update(Hash::of_bytes(bytes).0);
        self.write(&(bytes.len() as u64).to_le_bytes());
        self.write(bytes);
    }

    fn write(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let (fits, rest) = bytes.split_at(bytes.len().min(PART_BYTES - self.part.len()));
            self.part.extend_from_slice(fits);
            bytes = rest;
            if self.part.len() == PART_BYTES {
                self.send();
            }
        }
    }

    fn send(&mut self) {
        self.parts_count += 1;
        self.bytes_count += self.part.len() as u64;
        // Where the store failed nobody receives, and that failure is what is told.
        let _ = self.parts.blocking_send(mem::take(&mut self.part));
    }

    fn end(mut self) -> (Whole, u64) {
        if !self.part.is_empty() {
            self.send();
        }
        (Whole { hash: Hash(self.hash.finalize().into()), parts_count: self.parts_count }, self.bytes_count)
    }
}

async fn write_parts(
    db: &Db,
    name: &str,
    position: u64,
    mut coming: mpsc::Receiver<Vec<u8>>,
) -> Result<(), JournalError> {
    let mut part_number: i64 = 0;
    while let Some(part) = coming.recv().await {
        let insert = "insert into journal_snapshot_parts (position, part, bytes) values ($1, $2, $3) \
                      on conflict (position, part) do update set bytes = excluded.bytes";
        let statement = sql(insert).bind(stored(position)).bind(part_number).bind(part);
        db.execute(statement).await.map_err(|source| failed(name, source))?;
        part_number += 1;
    }
    Ok(())
}

async fn write_head<M: Machine>(db: &Db, name: &str, folded: &Folded<M>, whole: Whole) -> Result<(), JournalError> {
    let insert = "insert into journal_snapshots (position, hash, shape, state_hash, parts_count) \
                  values ($1, $2, $3, $4, $5) \
                  on conflict (position) do update set hash = excluded.hash, shape = excluded.shape, \
                  state_hash = excluded.state_hash, parts_count = excluded.parts_count";
    let statement = sql(insert)
        .bind(stored(folded.head.position))
        .bind(folded.head.hash.0)
        .bind(shape::<M>())
        .bind(whole.hash.0)
        .bind(whole.parts_count);
    db.execute(statement).await.map_err(|source| failed(name, source))?;
    Ok(())
}

/// Drops all but the newest snapshots: first their heads, then their parts a few at a time, since whoever wants to write
/// waits meanwhile. Parts that a crash leaves behind go with the next.
async fn drop_old(db: &Db, name: &str, newest: i64) -> Result<(), JournalError> {
    let keep = "delete from journal_snapshots where position not in \
                (select position from journal_snapshots order by position desc limit $1)";
    db.execute(sql(keep).bind(KEPT_COUNT)).await.map_err(|source| failed(name, source))?;
    // Parts without a head row that are newer may be another replica's, still being written.
    let orphans = "select position, max(part) as last from journal_snapshot_parts where position < $1 \
                   and position not in (select position from journal_snapshots) group by position";
    for row in db.fetch_all(sql(orphans).bind(newest)).await.map_err(|source| failed(name, source))? {
        let (at, last): (i64, i64) = (column(name, &row, "position")?, column(name, &row, "last")?);
        let mut first = 0;
        while first <= last {
            let delete = "delete from journal_snapshot_parts where position = $1 and part >= $2 and part < $3";
            let statement = sql(delete).bind(at).bind(first).bind(first + PARTS_AT_ONCE);
            db.execute(statement).await.map_err(|source| failed(name, source))?;
            first += PARTS_AT_ONCE;
        }
    }
    Ok(())
}

/// The latest snapshot that is beyond doubt, at or before `last`; `None` where there is none.
pub(crate) async fn load<M: Machine>(log: &Log, last: u64) -> Result<Option<(Folded<M>, Taken)>, JournalError> {
    let Journal::Sql(db) = &log.journal else { return Ok(None) };
    let name = log.name;
    let select = "select position, hash, state_hash, parts_count from journal_snapshots \
                  where shape = $1 and position <= $2 order by position desc";
    let statement = sql(select).bind(shape::<M>()).bind(stored(last));
    for row in db.fetch_all(statement).await.map_err(|source| failed(name, source))? {
        let at = position(name, &row, "position")?;
        let Some(record) = record_at(log, at).await? else { continue };
        if record.hash != hash(name, &row, "hash")? {
            tracing::warn!(journal = name, position = at, "a snapshot is of another journal and is passed over");
            continue;
        }
        let whole = Whole { hash: hash(name, &row, "state_hash")?, parts_count: column(name, &row, "parts_count")? };
        let mut reader = FrameReader::<M>::new();
        read_parts(db, name, at, whole.parts_count, &mut reader).await?;
        match reader.end(whole).await {
            Ok(Read { state, redactions, policies, bytes_count }) => {
                let taken = Taken { position: at, payload_bytes: 0, bytes: bytes_count };
                let folded = Folded { policies, ..Folded::beginning(state, redactions, record.head()) };
                return Ok(Some((folded, taken)));
            }
            Err(doubt) => {
                let error = telemetry::chain(&doubt);
                tracing::warn!(journal = name, position = at, error, "a snapshot is damaged and is passed over");
            }
        }
    }
    Ok(None)
}

/// Why a snapshot is passed over.
#[derive(Debug, thiserror::Error)]
enum Doubt {
    #[error("a part is missing or does not have the hash that was taken of it")]
    Altered,
    #[error(transparent)]
    Unreadable(#[from] EncodingError),
    #[error("reading it panicked")]
    Panicked(#[from] JoinError),
}

/// What was read.
struct Read<M: Machine> {
    state: M::State,
    redactions: Redactions,
    policies: Option<Arc<str>>,
    bytes_count: u64,
}

/// Parts on their way back into frames. As many as there are cores are decoded at a time, beside the threads that serve,
/// so the bytes of a large state never stand in memory beside it.
struct FrameReader<M: Machine> {
    /// What came and is no whole frame yet.
    rest: Vec<u8>,
    decoding: JoinSet<(usize, Decoded<M>)>,
    begun_count: usize,
    /// By the frame's place.
    decoded: Vec<(usize, Decoded<M>)>,
    panicked: Option<JoinError>,
    parts_count: i64,
    bytes_count: u64,
}

/// A frame, and the hash of its bytes.
struct Decoded<M: Machine> {
    hash: Hash,
    frame: Result<FrameOf<M>, EncodingError>,
}

impl<M: Machine> FrameReader<M> {
    fn new() -> Self {
        Self {
            rest: Vec::new(),
            decoding: JoinSet::new(),
            begun_count: 0,
            decoded: Vec::new(),
            panicked: None,
            parts_count: 0,
            bytes_count: 0,
        }
    }

    async fn part(&mut self, part: &[u8]) {
        self.parts_count += 1;
        self.bytes_count += part.len() as u64;
        self.rest.extend_from_slice(part);
        let mut at = 0;
        while let Some(frame) = frame_at(&self.rest, at) {
            at += LENGTH_BYTES + frame.len();
            let (place, bytes) = (self.begun_count, frame.to_vec());
            self.begun_count += 1;
            while self.decoding.len() >= thread::available_parallelism().map_or(1, NonZero::get) {
                self.join_next().await;
            }
            self.decoding.spawn_blocking(move || (place, decode(&bytes)));
        }
        self.rest.drain(..at);
    }

    /// False where nothing is being decoded.
    async fn join_next(&mut self) -> bool {
        match self.decoding.join_next().await {
            Some(Ok(decoded)) => self.decoded.push(decoded),
            Some(Err(panicked)) => self.panicked = Some(panicked),
            None => return false,
        }
        true
    }

    /// The state, once the frames have turned out to be the whole of what was stored.
    async fn end(mut self, expected: Whole) -> Result<Read<M>, Doubt> {
        while self.join_next().await {}
        if let Some(panicked) = self.panicked {
            return Err(panicked.into());
        }
        self.decoded.sort_unstable_by_key(|(place, _)| *place);
        let mut hash = Sha256::new();
        for (_, decoded) in &self.decoded {
            hash.update(decoded.hash.0);
        }
        let whole = Whole { hash: Hash(hash.finalize().into()), parts_count: self.parts_count };
        if whole != expected || !self.rest.is_empty() {
            return Err(Doubt::Altered);
        }
        let bytes_count = self.bytes_count;
        let frames = self.decoded.into_iter().map(|(_, decoded)| decoded.frame).collect::<Result<Vec<_>, _>>()?;
        spawn_blocking(move || joined(frames, bytes_count)).await?
    }
}

/// The frame that begins there, where all of it has come.
fn frame_at(bytes: &[u8], at: usize) -> Option<&[u8]> {
    let (length, rest) = bytes.get(at..)?.split_first_chunk::<LENGTH_BYTES>()?;
    rest.get(..usize::try_from(u64::from_le_bytes(*length)).ok()?)
}

fn decode<M: Machine>(bytes: &[u8]) -> Decoded<M> {
    Decoded { hash: Hash::of_bytes(bytes), frame: M::STATE_ENCODING.decode(bytes) }
}

fn joined<M: Machine>(frames: Vec<FrameOf<M>>, bytes_count: u64) -> Result<Read<M>, Doubt> {
    let (mut redactions, mut policies, mut pieces) = (Redactions::default(), None, Vec::new());
    for frame in frames {
        match frame {
            Frame::Redactions(found) => redactions = found.into_iter().collect(),
            Frame::Policies(sha256) => policies = Some(sha256.into()),
            Frame::Piece(piece) => pieces.push(piece),
        }
    }
    let state = M::Cut::whole(pieces).ok_or(Doubt::Altered)?;
    Ok(Read { state, redactions, policies, bytes_count })
}

async fn record_at(log: &Log, position: u64) -> Result<Option<Record>, JournalError> {
    let Some(before) = position.checked_sub(1) else { return Ok(None) };
    let found = log.records(before, 1).await?.into_iter().next();
    Ok(found.filter(|record| record.position == position))
}

/// Reads the parts in their order, up to the first that is missing or in doubt.
async fn read_parts<M: Machine>(
    db: &Db,
    name: &str,
    at: u64,
    parts_count: i64,
    reader: &mut FrameReader<M>,
) -> Result<(), JournalError> {
    let mut next = 0;
    while next < parts_count {
        let select = "select part, bytes from journal_snapshot_parts \
                      where position = $1 and part >= $2 and part < $3 order by part";
        let end = parts_count.min(next + PARTS_AT_ONCE);
        let statement = sql(select).bind(stored(at)).bind(next).bind(end);
        let rows = db.fetch_all(statement).await.map_err(|source| failed(name, source))?;
        if rows.is_empty() {
            return Ok(());
        }
        for row in rows {
            let part: i64 = column(name, &row, "part")?;
            if part != next {
                return Ok(());
            }
            let bytes: Vec<u8> = column(name, &row, "bytes")?;
            reader.part(&bytes).await;
            next += 1;
        }
    }
    Ok(())
}

fn damaged(log: &Log, what: String) -> JournalError {
    JournalError::Damaged { journal: log.name.to_owned(), what }
}

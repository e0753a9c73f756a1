//! Snapshots: a cache of folded states, so that a start need not fold the whole journal.
//!
//! A cache and nothing more: whatever is in doubt (another shape of the state, a hash that differs, a part that is
//! missing, a record that no longer has the hash of then) drops the snapshot, and the journal is folded from the one
//! before, or from its beginning. Parts are written one by one, so that none holds the store's lock for long; a snapshot
//! counts once its head row is written, last.

use std::io::{self, Read};

use database::{Db, sql};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use tokio::sync::mpsc;

use crate::JournalError;
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

/// Parts that wait to be decoded.
const PARTS_AHEAD: usize = 2;

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

/// How the state is encoded, with the shape that the machine gives it.
fn shape<M: Machine>() -> String {
    format!("{} {VERSION} {}", M::STATE_ENCODING.name(), M::STATE_SHAPE)
}

/// What a snapshot holds.
#[derive(Serialize, Deserialize)]
struct Content<S> {
    state: S,
    redactions: Vec<Redaction>,
}

/// Stores the state as a snapshot and returns its size in bytes. On a journal in memory, which is folded at once, it does
/// nothing.
pub(crate) async fn store<M: Machine>(log: &Log, folded: &Folded<M>) -> Result<u64, JournalError> {
    let Journal::Sql(db) = &log.journal else { return Ok(0) };
    let content = Content { state: folded.state.clone(), redactions: folded.redactions.iter().cloned().collect() };
    // Seconds of work for a large state, beside the threads that serve.
    let encoded = tokio::task::spawn_blocking(move || {
        M::STATE_ENCODING.encode(&content).map(|bytes| (Hash::of_bytes(&bytes), bytes))
    });
    let (state_hash, bytes) = match encoded.await {
        Ok(Ok(encoded)) => encoded,
        Ok(Err(error)) => return Err(damaged(log, format!("its state cannot be encoded: {error}"))),
        Err(_) => return Err(damaged(log, "encoding its state panicked".to_owned())),
    };
    write(db, log.name, folded, &shape::<M>(), state_hash, &bytes).await?;
    Ok(bytes.len() as u64)
}

async fn write<M: Machine>(
    db: &Db,
    name: &str,
    folded: &Folded<M>,
    shape: &str,
    state_hash: Hash,
    bytes: &[u8],
) -> Result<(), JournalError> {
    let at = stored(folded.head.position);
    let mut parts_count = 0;
    for part in bytes.chunks(PART_BYTES) {
        let insert = "insert into journal_snapshot_parts (position, part, bytes) values ($1, $2, $3) \
                      on conflict (position, part) do update set bytes = excluded.bytes";
        let statement = sql(insert).bind(at).bind(parts_count).bind(part);
        db.execute(statement).await.map_err(|source| failed(name, source))?;
        parts_count += 1;
    }
    let insert = "insert into journal_snapshots (position, hash, shape, state_hash, parts_count) \
                  values ($1, $2, $3, $4, $5) \
                  on conflict (position) do update set hash = excluded.hash, shape = excluded.shape, \
                  state_hash = excluded.state_hash, parts_count = excluded.parts_count";
    let statement = sql(insert).bind(at).bind(folded.head.hash.0).bind(shape).bind(state_hash.0).bind(parts_count);
    db.execute(statement).await.map_err(|source| failed(name, source))?;
    drop_old(db, name, at).await
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
        let (parts, coming) = mpsc::channel(PARTS_AHEAD);
        // Beside the threads that serve: it takes seconds where the state is large, and so does dropping one in doubt.
        let decoding = tokio::task::spawn_blocking(move || decode::<M>(Parts::new(coming), whole));
        read_parts(db, name, at, parts).await?;
        match decoding.await.unwrap_or(Err(Doubt::Panicked)) {
            Ok((Content { state, redactions }, bytes)) => {
                let redactions: Redactions = redactions.into_iter().collect();
                let taken = Taken { position: at, payload_bytes: 0, bytes };
                return Ok(Some((Folded { state, redactions, head: record.head(), payload_bytes: 0 }, taken)));
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
    Panicked,
}

/// What the head row says of all the parts together.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Whole {
    hash: Hash,
    parts_count: i64,
}

/// The parts as they come from the store: the bytes of a large state never stand in memory beside it.
struct Parts {
    coming: mpsc::Receiver<Vec<u8>>,
    part: Vec<u8>,
    at: usize,
    sha: Sha256,
    parts_count: i64,
    bytes_count: u64,
}

impl Parts {
    fn new(coming: mpsc::Receiver<Vec<u8>>) -> Self {
        Self { coming, part: Vec::new(), at: 0, sha: Sha256::new(), parts_count: 0, bytes_count: 0 }
    }
}

impl Read for Parts {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.at == self.part.len() {
            let Some(part) = self.coming.blocking_recv() else { return Ok(0) };
            self.sha.update(&part);
            self.parts_count += 1;
            self.bytes_count += part.len() as u64;
            self.part = part;
            self.at = 0;
        }
        let read = (&self.part[self.at..]).read(into)?;
        self.at += read;
        Ok(read)
    }
}

/// The content and its size in bytes, once its parts have turned out to be the whole of what was stored.
fn decode<M: Machine>(mut parts: Parts, expected: Whole) -> Result<(Content<M::State>, u64), Doubt> {
    let content = M::STATE_ENCODING.decode(&mut parts);
    // Where it cannot be decoded, the rest of the hash still tells whether it was altered.
    io::copy(&mut parts, &mut io::sink()).map_err(|_| Doubt::Altered)?;
    let whole = Whole { hash: Hash(parts.sha.finalize().into()), parts_count: parts.parts_count };
    if whole != expected {
        return Err(Doubt::Altered);
    }
    Ok((content?, parts.bytes_count))
}

async fn record_at(log: &Log, position: u64) -> Result<Option<Record>, JournalError> {
    let Some(before) = position.checked_sub(1) else { return Ok(None) };
    let found = log.records(before, 1).await?.into_iter().next();
    Ok(found.filter(|record| record.position == position))
}

/// Sends the parts in their order, up to the first that is missing; fewer where nobody wants the rest.
async fn read_parts(db: &Db, name: &str, at: u64, parts: mpsc::Sender<Vec<u8>>) -> Result<(), JournalError> {
    let mut next = 0;
    loop {
        let select = "select part, bytes from journal_snapshot_parts \
                      where position = $1 and part >= $2 and part < $3 order by part";
        let statement = sql(select).bind(stored(at)).bind(next).bind(next + PARTS_AT_ONCE);
        let rows = db.fetch_all(statement).await.map_err(|source| failed(name, source))?;
        if rows.is_empty() {
            return Ok(());
        }
        for row in rows {
            let part: i64 = column(name, &row, "part")?;
            if part != next || parts.send(column(name, &row, "bytes")?).await.is_err() {
                return Ok(());
            }
            next += 1;
        }
    }
}

fn damaged(log: &Log, what: String) -> JournalError {
    JournalError::Damaged { journal: log.name.to_owned(), what }
}

//! Snapshots: a cache of folded states, so that a start need not fold the whole journal.
//!
//! A cache and nothing more: whatever is in doubt (another shape of the state, a hash that differs, a part that is
//! missing, a record that no longer has the hash of then) drops the snapshot, and the journal is folded from the one
//! before, or from its beginning. Parts are written one by one, so that none holds the store's lock for long; a snapshot
//! counts once its head row is written, last.

use database::{Db, sql};
use serde::{Deserialize, Serialize};

use crate::JournalError;
use crate::fold::Folded;
use crate::log::{Journal, Log};
use crate::machine::Machine;
use crate::record::{Hash, Record};
use crate::redaction::{Redaction, Redactions};
use crate::sql::{VERSION, column, failed, hash, position, stored};

/// A part: small enough that its commit holds up no batch noticeably.
const PART_BYTES: usize = 1024 * 1024;

/// Snapshots kept: the one before the last still helps where the last is in doubt.
const KEPT_COUNT: i64 = 2;

/// How the state is encoded, with the shape that the machine gives it.
fn shape<M: Machine>() -> String {
    format!("messagepack-2 {VERSION} {}", M::STATE_SHAPE)
}

/// What a snapshot holds.
#[derive(Serialize, Deserialize)]
struct Content<S> {
    state: S,
    redactions: Vec<Redaction>,
}

/// Stores the state as a snapshot. On a journal in memory, which is folded at once, it does nothing.
pub(crate) async fn store<M: Machine>(log: &Log, folded: &Folded<M>) -> Result<(), JournalError> {
    let Journal::Sql(db) = &log.journal else { return Ok(()) };
    let content = Content { state: folded.state.clone(), redactions: folded.redactions.iter().cloned().collect() };
    let encoded = tokio::task::spawn_blocking(move || rmp_serde::to_vec_named(&content));
    let bytes = match encoded.await {
        Ok(Ok(bytes)) => bytes,
        Ok(Err(error)) => return Err(damaged(log, format!("its state cannot be encoded: {error}"))),
        Err(_) => return Err(damaged(log, "encoding its state panicked".to_owned())),
    };
    write(db, log.name, folded, &shape::<M>(), bytes).await
}

async fn write<M: Machine>(
    db: &Db,
    name: &str,
    folded: &Folded<M>,
    shape: &str,
    bytes: Vec<u8>,
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
    let statement =
        sql(insert).bind(at).bind(folded.head.hash.0).bind(shape).bind(Hash::of_bytes(&bytes).0).bind(parts_count);
    db.execute(statement).await.map_err(|source| failed(name, source))?;
    drop_old(db, at).await.map_err(|source| failed(name, source))
}

async fn drop_old(db: &Db, newest: i64) -> Result<(), database::DatabaseError> {
    let mut tx = db.begin().await?;
    let keep = "delete from journal_snapshots where position not in \
                (select position from journal_snapshots order by position desc limit $1)";
    tx.execute(sql(keep).bind(KEPT_COUNT)).await?;
    // Parts without a head row that are newer may be another replica's, still being written.
    let orphans = "delete from journal_snapshot_parts where position < $1 \
                   and position not in (select position from journal_snapshots)";
    tx.execute(sql(orphans).bind(newest)).await?;
    tx.commit().await
}

/// The latest snapshot that is beyond doubt, at or before `last`; `None` where there is none.
pub(crate) async fn load<M: Machine>(log: &Log, last: u64) -> Result<Option<Folded<M>>, JournalError> {
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
        let bytes = read_parts(db, name, at).await?;
        let parts_count: i64 = column(name, &row, "parts_count")?;
        let is_whole = i64::try_from(bytes.len().div_ceil(PART_BYTES)).is_ok_and(|count| count == parts_count);
        if !is_whole || Hash::of_bytes(&bytes) != hash(name, &row, "state_hash")? {
            tracing::warn!(journal = name, position = at, "a snapshot is damaged and is passed over");
            continue;
        }
        match rmp_serde::from_slice::<Content<M::State>>(&bytes) {
            Ok(Content { state, redactions }) => {
                let redactions: Redactions = redactions.into_iter().collect();
                return Ok(Some(Folded { state, redactions, head: record.head() }));
            }
            Err(error) => {
                let error: &(dyn std::error::Error + 'static) = &error;
                tracing::warn!(journal = name, position = at, error, "a snapshot cannot be read and is passed over");
            }
        }
    }
    Ok(None)
}

async fn record_at(log: &Log, position: u64) -> Result<Option<Record>, JournalError> {
    let Some(before) = position.checked_sub(1) else { return Ok(None) };
    let found = log.records(before, 1).await?.into_iter().next();
    Ok(found.filter(|record| record.position == position))
}

async fn read_parts(db: &Db, name: &str, at: u64) -> Result<Vec<u8>, JournalError> {
    let select = "select bytes from journal_snapshot_parts where position = $1 order by part";
    let rows = db.fetch_all(sql(select).bind(stored(at))).await.map_err(|source| failed(name, source))?;
    let mut bytes = Vec::new();
    for row in rows {
        bytes.extend(column::<Vec<u8>>(name, &row, "bytes")?);
    }
    Ok(bytes)
}

fn damaged(log: &Log, what: String) -> JournalError {
    JournalError::Damaged { journal: log.name.to_owned(), what }
}

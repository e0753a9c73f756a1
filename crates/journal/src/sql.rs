//! The journal in a database: the same statements on SQLite and PostgreSQL.

use std::collections::BTreeSet;

use database::{DatabaseError, Db, Dialect, Row, Sql, Tx, Value, rows, sql};
use jiff::Timestamp;

use crate::filter::RecordFilter;
use crate::log::{Append, StoredRequest};
use crate::record::{Head, Note, Record};
use crate::{Hash, JournalError};

/// The journal's tables. A service applies them to its database besides its own:
/// `db.migrate(&journal::MIGRATIONS)`.
pub static MIGRATIONS: database::Migrations =
    database::migrations!("journal": "0001_journal", "0002_requests_by_position");

/// The version that wrote a record: what a build that cannot read it is told to upgrade to.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Notifies other replicas, with the last position as payload.
pub(crate) const CHANNEL: &str = "journal";

const SELECT_RECORDS: &str = "select position, recorded_at_us, actor, request_id, cause, traceparent, kind, payload, \
                              reason_code, note_hash, previous_hash, hash \
                              from journal_records where position > $1 order by position limit $2";

const SELECT_MATCHING: &str = "select position, recorded_at_us, actor, request_id, cause, traceparent, kind, payload, \
                               reason_code, note_hash, previous_hash, hash \
                               from journal_records where position > $1 and position <= $2 \
                               and ($3 = '' or actor = $3) and ($4 = '' or kind = $4) and ($5 = '' or cause = $5) \
                               and ($6 = '' or request_id = $6) and (payload like $7 or cause like $7) \
                               order by position limit $8";

const SELECT_HEAD: &str = "select name, position, hash, recorded_at_us from journal_head where id = 1";

pub(crate) async fn open(db: &Db, name: &str) -> Result<Head, JournalError> {
    db.check_migrated(&MIGRATIONS).await.map_err(|source| failed(name, source))?;
    let found = db.fetch_optional(sql(SELECT_HEAD)).await.map_err(|source| failed(name, source))?;
    if found.is_none() {
        let genesis = Head::genesis(name);
        let insert = "insert into journal_head (id, name, position, hash, recorded_at_us, written_by) \
                      values (1, $1, $2, $3, $4, $5) on conflict (id) do nothing";
        let statement = sql(insert)
            .bind(name)
            .bind(stored(genesis.position))
            .bind(genesis.hash.0)
            .bind(genesis.recorded_at.as_microsecond())
            .bind(VERSION);
        db.execute(statement).await.map_err(|source| failed(name, source))?;
    }
    head(db, name).await
}

pub(crate) async fn head(db: &Db, name: &str) -> Result<Head, JournalError> {
    let row = db.fetch_one(sql(SELECT_HEAD)).await.map_err(|source| failed(name, source))?;
    read_head(name, &row)
}

pub(crate) async fn records(db: &Db, name: &str, after: u64, limit: usize) -> Result<Vec<Record>, JournalError> {
    let rows = db.fetch_all(select_records(after, limit)).await.map_err(|source| failed(name, source))?;
    rows.iter().map(|row| read_record(name, row)).collect()
}

pub(crate) async fn records_matching(
    db: &Db,
    name: &str,
    after: u64,
    until: u64,
    limit: usize,
    filter: &RecordFilter,
) -> Result<Vec<Record>, JournalError> {
    let RecordFilter { actor, kind, cause, request_id, named } = filter;
    let statement = sql(SELECT_MATCHING)
        .bind(stored(after))
        .bind(i64::try_from(until).unwrap_or(i64::MAX))
        .bind(actor.as_str())
        .bind(kind.as_str())
        .bind(cause.as_str())
        .bind(request_id.as_str())
        // Letters and digits alone, so nothing in it is a wild card.
        .bind(format!("%{named}%"))
        .bind(i64::try_from(limit).unwrap_or(i64::MAX));
    let rows = db.fetch_all(statement).await.map_err(|source| failed(name, source))?;
    rows.iter().map(|row| read_record(name, row)).collect()
}

pub(crate) async fn last_before(db: &Db, name: &str, moment: Timestamp) -> Result<u64, JournalError> {
    let select = "select position from journal_records where recorded_at_us < $1 \
                  order by recorded_at_us desc, position desc limit 1";
    let last = db.fetch_optional(sql(select).bind(moment.as_microsecond())).await;
    let last = last.map_err(|source| failed(name, source))?;
    last.map_or(Ok(0), |row| position(name, &row, "position"))
}

pub(crate) async fn notes(db: &Db, name: &str, first: u64, last: u64) -> Result<Vec<Note>, JournalError> {
    let select = "select position, salt, note from journal_notes where position between $1 and $2 order by position";
    let statement = sql(select).bind(stored(first)).bind(stored(last));
    let rows = db.fetch_all(statement).await.map_err(|source| failed(name, source))?;
    rows.iter().map(|row| read_note(name, row)).collect()
}

/// Forgets at most `rows_max` replies of requests whose last record was recorded before `before`; how many it forgot.
pub(crate) async fn forget_requests(
    db: &Db,
    name: &str,
    before: Timestamp,
    rows_max: i64,
) -> Result<u64, JournalError> {
    let last = stored(last_before(db, name, before).await?);
    let delete = "delete from journal_requests where (request_id, actor) in \
                  (select request_id, actor from journal_requests where position <= $1 order by position limit $2)";
    db.execute(sql(delete).bind(last).bind(rows_max)).await.map_err(|source| failed(name, source))
}

/// The version that wrote last.
pub(crate) async fn written_by(db: &Db, name: &str) -> Result<String, JournalError> {
    let statement = sql("select written_by from journal_head where id = 1");
    let row = db.fetch_one(statement).await.map_err(|source| failed(name, source))?;
    row.get("written_by").map_err(|source| failed(name, source))
}

/// The one writer of a journal in a database: a transaction that holds the head's lock.
#[derive(Debug)]
pub(crate) struct SqlWriting {
    tx: Tx,
    name: &'static str,
    head: Head,
    channel: String,
}

impl SqlWriting {
    pub(crate) async fn begin(db: &Db, name: &'static str) -> Result<Self, JournalError> {
        let (tx, row) = db.begin_with_lock(SELECT_HEAD).await.map_err(|source| failed(name, source))?;
        let head = read_head(name, &row)?;
        Ok(Self { tx, name, head, channel: db.channel(CHANNEL) })
    }

    pub(crate) fn head(&self) -> Head {
        self.head
    }

    pub(crate) async fn records(&mut self, after: u64, limit: usize) -> Result<Vec<Record>, JournalError> {
        let name = self.name;
        let rows = self.tx.fetch_all(select_records(after, limit)).await.map_err(|source| failed(name, source))?;
        rows.iter().map(|row| read_record(name, row)).collect()
    }

    pub(crate) async fn requests(&mut self, request_ids: Vec<String>) -> Result<Vec<StoredRequest>, JournalError> {
        let name = self.name;
        let select = match self.tx.dialect() {
            Dialect::Sqlite => {
                "select actor, request_id, body_digest, reply, position from journal_requests \
                 where request_id in (select value from json_each($1))"
            }
            Dialect::Postgres => {
                "select actor, request_id, body_digest, reply, position from journal_requests \
                 where request_id = any($1)"
            }
        };
        let rows = self.tx.fetch_all(sql(select).bind(request_ids)).await.map_err(|source| failed(name, source))?;
        rows.iter().map(|row| read_request(name, row)).collect()
    }

    pub(crate) async fn noted(&mut self, positions: Vec<u64>) -> Result<BTreeSet<u64>, JournalError> {
        let name = self.name;
        let select = match self.tx.dialect() {
            Dialect::Sqlite => "select position from journal_notes where position in (select value from json_each($1))",
            Dialect::Postgres => "select position from journal_notes where position = any($1)",
        };
        let positions: Vec<i64> = positions.into_iter().map(stored).collect();
        let rows = self.tx.fetch_all(sql(select).bind(positions)).await.map_err(|source| failed(name, source))?;
        rows.iter().map(|row| position(name, row, "position")).collect()
    }

    pub(crate) async fn commit(mut self, append: Append) -> Result<(), JournalError> {
        let name = self.name;
        self.write(append).await.map_err(|source| failed(name, source))?;
        self.tx.commit().await.map_err(|source| failed(name, source))
    }

    pub(crate) async fn release(self) -> Result<(), JournalError> {
        let name = self.name;
        self.tx.rollback().await.map_err(|source| failed(name, source))
    }

    /// On PostgreSQL in one turn, but for what is redacted.
    async fn write(&mut self, append: Append) -> Result<(), DatabaseError> {
        let Append { from, to, records, notes, redacted, requests } = append;
        if !redacted.is_empty() {
            let delete = match self.tx.dialect() {
                Dialect::Sqlite => "delete from journal_notes where position in (select value from json_each($1))",
                Dialect::Postgres => "delete from journal_notes where position = any($1)",
            };
            let redacted: Vec<i64> = redacted.into_iter().map(stored).collect();
            self.tx.execute(sql(delete).bind(redacted)).await?;
        }
        let requests = request_rows(requests);
        if records.is_empty() {
            // Replies alone: what was asked for was so already. A note belongs to a record.
            return self.tx.execute_rows(requests).await.map(|_| ());
        }
        let moving = self.moving_head(&from, &to);
        // No row: the assertion failed, and the transaction is dropped.
        self.tx.execute_rows_then(vec![record_rows(records), note_rows(notes), requests], moving).await.map(|_| ())
    }

    /// Moves the head, asserting once more that it is where it was when it was locked. On PostgreSQL the other
    /// replicas are notified by the same statement, and hear it when the transaction commits.
    fn moving_head(&self, from: &Head, to: &Head) -> Sql {
        let update = match self.tx.dialect() {
            Dialect::Sqlite => {
                "update journal_head set position = $1, hash = $2, recorded_at_us = $3, written_by = $4 \
                 where id = 1 and position = $5 and hash = $6 returning position"
            }
            Dialect::Postgres => {
                "with moved as ( \
                   update journal_head set position = $1, hash = $2, recorded_at_us = $3, written_by = $4 \
                   where id = 1 and position = $5 and hash = $6 returning position) \
                 select pg_notify($7, cast(position as text)) from moved"
            }
        };
        let mut statement = sql(update)
            .bind(stored(to.position))
            .bind(to.hash.0)
            .bind(to.recorded_at.as_microsecond())
            .bind(VERSION)
            .bind(stored(from.position))
            .bind(from.hash.0);
        if self.tx.dialect() == Dialect::Postgres {
            statement = statement.bind(self.channel.as_str());
        }
        statement
    }
}

fn record_rows(records: Vec<Record>) -> database::Rows {
    let mut inserted = rows(
        "insert into journal_records (position, recorded_at_us, actor, request_id, cause, traceparent, kind, payload, \
         reason_code, note_hash, previous_hash, hash) values {rows}",
    );
    for record in records {
        inserted.row([
            Value::from(stored(record.position)),
            Value::from(record.recorded_at.as_microsecond()),
            Value::from(record.actor),
            Value::from(record.request_id),
            Value::from(record.cause),
            Value::from(record.traceparent),
            Value::from(record.kind),
            Value::from(record.payload),
            Value::from(record.reason_code),
            Value::from(record.note_hash.map(|hash| hash.0.to_vec())),
            Value::from(record.previous_hash.0),
            Value::from(record.hash.0),
        ]);
    }
    inserted
}

fn note_rows(notes: Vec<Note>) -> database::Rows {
    let mut inserted = rows("insert into journal_notes (position, salt, note) values {rows}");
    for Note { position, salt, note } in notes {
        inserted.row([Value::from(stored(position)), Value::from(salt), Value::from(note)]);
    }
    inserted
}

fn request_rows(requests: Vec<StoredRequest>) -> database::Rows {
    let mut inserted =
        rows("insert into journal_requests (request_id, actor, body_digest, reply, position) values {rows}");
    for StoredRequest { actor, request_id, body_digest, reply, position } in requests {
        inserted.row([
            Value::from(request_id),
            Value::from(actor),
            Value::from(body_digest.0),
            Value::from(reply),
            Value::from(stored(position)),
        ]);
    }
    inserted
}

fn select_records(after: u64, limit: usize) -> Sql {
    sql(SELECT_RECORDS).bind(stored(after)).bind(i64::try_from(limit).unwrap_or(i64::MAX))
}

fn read_head(name: &str, row: &Row) -> Result<Head, JournalError> {
    let found: String = column(name, row, "name")?;
    if found != name {
        return Err(JournalError::OtherJournal { wanted: name.to_owned(), found });
    }
    Ok(Head {
        position: position(name, row, "position")?,
        hash: hash(name, row, "hash")?,
        recorded_at: moment(name, row, "recorded_at_us")?,
    })
}

fn read_record(name: &str, row: &Row) -> Result<Record, JournalError> {
    let note_hash: Option<Vec<u8>> = column(name, row, "note_hash")?;
    Ok(Record {
        position: position(name, row, "position")?,
        recorded_at: moment(name, row, "recorded_at_us")?,
        actor: column(name, row, "actor")?,
        request_id: column(name, row, "request_id")?,
        cause: column(name, row, "cause")?,
        traceparent: column(name, row, "traceparent")?,
        kind: column(name, row, "kind")?,
        payload: column(name, row, "payload")?,
        reason_code: column(name, row, "reason_code")?,
        note_hash: note_hash.map(|bytes| hash_of(name, "note_hash", bytes)).transpose()?,
        previous_hash: hash(name, row, "previous_hash")?,
        hash: hash(name, row, "hash")?,
    })
}

fn read_note(name: &str, row: &Row) -> Result<Note, JournalError> {
    Ok(Note {
        position: position(name, row, "position")?,
        salt: column(name, row, "salt")?,
        note: column(name, row, "note")?,
    })
}

fn read_request(name: &str, row: &Row) -> Result<StoredRequest, JournalError> {
    Ok(StoredRequest {
        actor: column(name, row, "actor")?,
        request_id: column(name, row, "request_id")?,
        body_digest: hash(name, row, "body_digest")?,
        reply: column(name, row, "reply")?,
        position: position(name, row, "position")?,
    })
}

pub(crate) fn column<T: database::Column>(name: &str, row: &Row, column: &str) -> Result<T, JournalError> {
    row.get(column).map_err(|source| failed(name, source))
}

pub(crate) fn position(name: &str, row: &Row, of: &str) -> Result<u64, JournalError> {
    let found: i64 = column(name, row, of)?;
    u64::try_from(found).map_err(|_| damaged(name, format!("{of} is {found}")))
}

pub(crate) fn hash(name: &str, row: &Row, of: &str) -> Result<Hash, JournalError> {
    hash_of(name, of, column(name, row, of)?)
}

fn hash_of(name: &str, of: &str, bytes: Vec<u8>) -> Result<Hash, JournalError> {
    let length = bytes.len();
    bytes.try_into().map(Hash).map_err(|_| damaged(name, format!("{of} has {length} bytes instead of 32")))
}

fn moment(name: &str, row: &Row, of: &str) -> Result<Timestamp, JournalError> {
    let found: i64 = column(name, row, of)?;
    Timestamp::from_microsecond(found).map_err(|_| damaged(name, format!("{of} is {found}, which is no moment")))
}

/// A position as the database holds it.
pub(crate) fn stored(position: u64) -> i64 {
    i64::try_from(position).expect("a journal holds fewer than 2^63 records")
}

pub(crate) fn failed(name: &str, source: DatabaseError) -> JournalError {
    JournalError::Store { journal: name.to_owned(), source }
}

fn damaged(name: &str, what: String) -> JournalError {
    JournalError::Damaged { journal: name.to_owned(), what }
}

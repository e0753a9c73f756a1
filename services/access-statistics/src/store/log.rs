//! The log of batches: the head that orders writers, the sources' durable sequences, the batches.

use database::{Dialect, Row, Rows, Tx, Value, rows, sql};
use jiff::Timestamp;
use tally::{Events, Source, Written};

use super::{StoreError, moment, number, unsigned};

/// Where the log ends, and what of it the tables hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Head {
    /// Position of the last batch.
    pub(crate) position: u64,
    /// How far it is folded into the tables.
    pub(crate) tables: Tables,
}

/// How far the log is folded into the tables of counts and sketches. In the order in which checkpoints go on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Tables {
    /// Position of the last batch that they hold all of.
    pub(crate) folded: u64,
    /// Position of the last batch of the checkpoint that is being written, slice by slice; `folded` while none is.
    pub(crate) target: u64,
    /// What they hold of the batches between.
    pub(crate) written: Written,
}

impl Tables {
    /// They hold all batches up to this one, and nothing of later ones.
    pub(crate) fn at(folded: u64) -> Self {
        Self { folded, target: folded, written: Written::Nothing }
    }

    /// Whether a checkpoint is under way.
    pub(crate) fn is_being_written(&self) -> bool {
        self.target > self.folded
    }
}

/// A batch as the log keeps it.
#[derive(Clone, Debug)]
pub(crate) struct LoggedBatch {
    pub(crate) position: u64,
    pub(crate) first_sequence: u64,
    pub(crate) arrived_at: Timestamp,
    pub(crate) events: Events,
}

/// Reads the head and keeps other writers waiting until the transaction ends. (On SQLite a writing transaction does
/// that from its beginning.)
pub(crate) async fn lock_head(tx: &mut Tx) -> Result<Head, StoreError> {
    let text = match tx.dialect() {
        Dialect::Sqlite => "select position, folded, target, written from head where id = 1",
        Dialect::Postgres => "select position, folded, target, written from head where id = 1 for update",
    };
    read_head(tx, text).await
}

/// Reads the head as this transaction sees it.
pub(crate) async fn head(tx: &mut Tx) -> Result<Head, StoreError> {
    read_head(tx, "select position, folded, target, written from head where id = 1").await
}

async fn read_head(tx: &mut Tx, text: &'static str) -> Result<Head, StoreError> {
    let row = tx.fetch_one(sql(text)).await?;
    let position = unsigned("head.position", row.get("position")?)?;
    Ok(Head { position, tables: read_tables(&row)? })
}

/// What a row says in `folded`, `target` and `written`.
pub(super) fn read_tables(row: &Row) -> Result<Tables, StoreError> {
    let written: i64 = row.get("written")?;
    let unreadable = || StoreError::Value { column: "head.written", value: written.to_string() };
    Ok(Tables {
        folded: unsigned("head.folded", row.get("folded")?)?,
        target: unsigned("head.target", row.get("target")?)?,
        written: Written::from_number(written).ok_or_else(unreadable)?,
    })
}

/// Says where the log ends; its head must be locked.
pub(crate) async fn set_position(tx: &mut Tx, position: u64) -> Result<(), StoreError> {
    tx.execute(sql("update head set position = $1 where id = 1").bind(number(position))).await?;
    Ok(())
}

/// Says what the tables hold; the fold's lease must be locked.
pub(crate) async fn set_tables(tx: &mut Tx, tables: &Tables) -> Result<(), StoreError> {
    let statement = sql("update head set folded = $1, target = $2, written = $3 where id = 1");
    let statement = statement.bind(number(tables.folded)).bind(number(tables.target));
    tx.execute(statement.bind(tables.written.number())).await?;
    Ok(())
}

/// How far a source is durable; 0 for one never seen.
pub(crate) async fn durable_sequence(tx: &mut Tx, source: &Source) -> Result<u64, StoreError> {
    let statement = sql("select durable_sequence from sources where name = $1 and incarnation = $2");
    let found = tx.fetch_optional(statement.bind(source.name.as_str()).bind(number(source.incarnation))).await?;
    match found {
        Some(row) => unsigned("sources.durable_sequence", row.get("durable_sequence")?),
        None => Ok(0),
    }
}

/// Sets how far sources are durable.
pub(crate) async fn set_durable_sequences<'a>(
    tx: &mut Tx,
    sequences: impl IntoIterator<Item = (&'a Source, u64)>,
) -> Result<(), StoreError> {
    let mut statement = rows(
        "insert into sources (name, incarnation, durable_sequence) values {rows}
         on conflict (name, incarnation) do update set durable_sequence = excluded.durable_sequence",
    );
    for (source, durable) in sequences {
        statement.row([
            Value::from(source.name.as_str()),
            Value::from(number(source.incarnation)),
            Value::from(number(durable)),
        ]);
    }
    tx.execute_rows(statement).await?;
    Ok(())
}

/// Batches to append, in order.
pub(crate) fn append_batches() -> Rows {
    rows(
        "insert into batches (position, source, incarnation, first_sequence, last_sequence, arrived_at, events)
         values {rows}",
    )
}

/// Adds a batch to [`append_batches`]; it must hold an event.
pub(crate) fn append_batch(batches: &mut Rows, source: &Source, batch: &LoggedBatch) {
    batches.row([
        Value::from(number(batch.position)),
        Value::from(source.name.as_str()),
        Value::from(number(source.incarnation)),
        Value::from(number(batch.first_sequence)),
        Value::from(number(batch.first_sequence + batch.events.len() as u64 - 1)),
        Value::from(batch.arrived_at.as_microsecond()),
        Value::from(batch.events.to_bytes()),
    ]);
}

/// Most batches read at a time.
const BATCHES_READ_MAX: i64 = 256;

/// The batches after a position, in order; at most some hundreds, none at the end.
pub(crate) async fn batches_after(tx: &mut Tx, position: u64) -> Result<Vec<LoggedBatch>, StoreError> {
    let statement = sql("select position, first_sequence, arrived_at, events from batches
         where position > $1 order by position limit $2");
    read_batches(tx, statement.bind(number(position)).bind(BATCHES_READ_MAX)).await
}

/// The kept batches of a source that hold any of these sequences, in order of their sequences.
pub(crate) async fn batches_of(
    tx: &mut Tx,
    source: &Source,
    first_sequence: u64,
    last_sequence: u64,
) -> Result<Vec<LoggedBatch>, StoreError> {
    let statement = sql("select position, first_sequence, arrived_at, events from batches
         where source = $1 and incarnation = $2 and last_sequence >= $3 and first_sequence <= $4
         order by first_sequence");
    let statement = statement.bind(source.name.as_str()).bind(number(source.incarnation));
    read_batches(tx, statement.bind(number(first_sequence)).bind(number(last_sequence))).await
}

async fn read_batches(tx: &mut Tx, statement: database::Sql) -> Result<Vec<LoggedBatch>, StoreError> {
    let mut batches = Vec::new();
    for row in tx.fetch_all(statement).await? {
        let position = unsigned("batches.position", row.get("position")?)?;
        let bytes: Vec<u8> = row.get("events")?;
        batches.push(LoggedBatch {
            position,
            first_sequence: unsigned("batches.first_sequence", row.get("first_sequence")?)?,
            arrived_at: moment("batches.arrived_at", row.get("arrived_at")?)?,
            events: Events::from_bytes(&bytes).map_err(|source| StoreError::Batch { position, source })?,
        });
    }
    Ok(batches)
}

/// Batches deleted at a time: a megabyte or so.
const BATCHES_DELETED_MAX: u64 = 64;

/// Deletes some of the folded batches that arrived before a moment; whether there may be more. What is not folded, or not all of
/// it, stays, whatever its age.
pub(crate) async fn delete_some_batches(tx: &mut Tx, folded: u64, before: Timestamp) -> Result<bool, StoreError> {
    // Later batches never arrived earlier, so that only the first are looked at.
    let statement = sql("delete from batches where position in
           (select position from
             (select position, arrived_at from batches where position <= $1 order by position limit $3) as first_batches
            where arrived_at < $2)");
    let statement = statement.bind(number(folded)).bind(before.as_microsecond()).bind(number(BATCHES_DELETED_MAX));
    Ok(tx.execute(statement).await? == BATCHES_DELETED_MAX)
}

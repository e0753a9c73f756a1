//! What is not counted, by batch and reason: how many events, and which numbers they have, but nothing of what they held.

use std::collections::BTreeMap;

use database::{Tx, Value, rows, sql};
use jiff::Timestamp;
use tally::{EventFault, Source};

use super::log::LoggedBatch;
use super::{StoreError, moment, number, unsigned};

/// The events of one batch that are in quarantine for one reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Quarantined {
    pub(crate) position: u64,
    pub(crate) fault: EventFault,
    pub(crate) source: String,
    pub(crate) incarnation: u64,
    pub(crate) first_sequence: u64,
    pub(crate) last_sequence: u64,
    pub(crate) count: u64,
    pub(crate) arrived_at: Timestamp,
}

/// Writes down which events of a logged batch are in quarantine. How many.
pub(crate) async fn add(tx: &mut Tx, source: &Source, batch: &LoggedBatch) -> Result<u64, StoreError> {
    let mut by_fault: BTreeMap<EventFault, (u64, u64, u64)> = BTreeMap::new();
    for (index, fault) in batch.events.faults() {
        let sequence = batch.first_sequence + index as u64;
        let (_, last, count) = by_fault.entry(fault).or_insert((sequence, sequence, 0));
        (*last, *count) = (sequence, *count + 1);
    }
    let mut statement = rows(
        "insert into quarantine
           (position, reason, source, incarnation, first_sequence, last_sequence, count, arrived_at) values {rows}",
    );
    let mut total = 0;
    for (fault, (first, last, count)) in by_fault {
        total += count;
        statement.row([
            Value::from(number(batch.position)),
            Value::from(i64::from(fault.number())),
            Value::from(source.name.as_str()),
            Value::from(number(source.incarnation)),
            Value::from(number(first)),
            Value::from(number(last)),
            Value::from(number(count)),
            Value::from(batch.arrived_at.as_microsecond()),
        ]);
    }
    tx.execute_rows(statement).await?;
    Ok(total)
}

/// At most `limit` rows of a source (of all, where it is empty), newest first, from behind this batch and reason on.
pub(crate) async fn list(
    tx: &mut Tx,
    source: &str,
    after: Option<(u64, u16)>,
    limit: usize,
) -> Result<Vec<Quarantined>, StoreError> {
    let (position, reason) = after.map_or((i64::MAX, 0), |(position, reason)| (number(position), i64::from(reason)));
    let statement =
        sql("select position, reason, source, incarnation, first_sequence, last_sequence, count, arrived_at
         from quarantine where ($1 = '' or source = $1) and (position < $2 or (position = $2 and reason > $3))
         order by position desc, reason limit $4");
    let statement = statement.bind(source).bind(position).bind(reason).bind(number(limit as u64));
    let mut found = Vec::new();
    for row in tx.fetch_all(statement).await? {
        let reason: i64 = row.get("reason")?;
        let fault = u16::try_from(reason).ok().and_then(EventFault::from_number);
        found.push(Quarantined {
            position: unsigned("quarantine.position", row.get("position")?)?,
            fault: fault.ok_or_else(|| StoreError::Value { column: "quarantine.reason", value: reason.to_string() })?,
            source: row.get("source")?,
            incarnation: unsigned("quarantine.incarnation", row.get("incarnation")?)?,
            first_sequence: unsigned("quarantine.first_sequence", row.get("first_sequence")?)?,
            last_sequence: unsigned("quarantine.last_sequence", row.get("last_sequence")?)?,
            count: unsigned("quarantine.count", row.get("count")?)?,
            arrived_at: moment("quarantine.arrived_at", row.get("arrived_at")?)?,
        });
    }
    Ok(found)
}

/// How many events of a source (of all, where it is empty) are in quarantine.
pub(crate) async fn count(tx: &mut Tx, source: &str) -> Result<u64, StoreError> {
    let statement =
        sql("select cast(coalesce(sum(count), 0) as bigint) as count from quarantine where ($1 = '' or source = $1)");
    unsigned("quarantine.count", tx.fetch_one(statement.bind(source)).await?.get("count")?)
}

/// Rows forgotten at a time.
const FORGOTTEN_MAX: u64 = 1_000;

/// Forgets some of what arrived before a moment; whether there may be more.
pub(crate) async fn forget_some(tx: &mut Tx, before: Timestamp) -> Result<bool, StoreError> {
    let statement = sql("delete from quarantine where (position, reason) in
           (select position, reason from
             (select position, reason, arrived_at from quarantine order by position, reason limit $2) as first_rows
            where arrived_at < $1)");
    let forgotten = tx.execute(statement.bind(before.as_microsecond()).bind(number(FORGOTTEN_MAX))).await?;
    Ok(forgotten == FORGOTTEN_MAX)
}

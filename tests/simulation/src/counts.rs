//! What the statistics counted, read from their tables and log, against what producers told.

use std::collections::BTreeMap;

use anyhow::Context;
use database::sql;
use evidence::{Cell, SentEvent, SourceLife, counting_breaches};
use futures_util::FutureExt;
use sha2::{Digest, Sha256};
use tally::{Event, Events, Written};

use crate::hosts::Installation;

/// At the end of a run, or before.
pub(crate) struct Counts {
    counted: BTreeMap<Cell, u64>,
    sent: Vec<SentEvent>,
    acknowledged: BTreeMap<SourceLife, u64>,
}

impl Counts {
    /// What is there now, while nothing runs.
    pub(crate) fn of(installation: &Installation) -> anyhow::Result<Self> {
        let counted = counted(installation).now_or_never().context("memory keeps somebody waiting")??;
        let told = installation.told();
        Ok(Self { counted, sent: told.sent(), acknowledged: told.acknowledged() })
    }

    /// I29.
    pub(crate) fn breaches(&self) -> Vec<String> {
        counting_breaches(&self.sent, &self.acknowledged, &self.counted)
    }

    /// What was told and is not acknowledged: nothing, once what went wrong is put right.
    pub(crate) fn unacknowledged(&self) -> Vec<String> {
        let is_open =
            |event: &&SentEvent| self.acknowledged.get(&event.source).is_none_or(|last| event.sequence > *last);
        let count = self.sent.iter().filter(is_open).count();
        if count == 0 { Vec::new() } else { vec![format!("I29: {count} events were never acknowledged")] }
    }

    /// How many events, and a hash of what is counted.
    pub(crate) fn report(&self) -> String {
        let counted: u64 = self.counted.values().sum();
        let hash = hex::encode(Sha256::digest(format!("{:?}", self.counted)));
        format!("{} events told, {counted} counted, {hash}", self.sent.len())
    }
}

/// The hourly counts of the tables, and what of the log is not in them yet.
async fn counted(installation: &Installation) -> anyhow::Result<BTreeMap<Cell, u64>> {
    let db = installation.statistics_db();
    let mut codes: BTreeMap<i64, String> = BTreeMap::new();
    for row in db.fetch_all(sql("select ordinal, code from practices")).await? {
        codes.insert(row.get("ordinal")?, row.get("code")?);
    }
    let code = |ordinal: i64| codes.get(&ordinal).cloned().with_context(|| format!("practice {ordinal} has no code"));
    let mut counted: BTreeMap<Cell, u64> = BTreeMap::new();
    for row in db.fetch_all(sql("select * from hourly_counts")).await? {
        let first = row.get::<i64>("utc_day")? * 24;
        for hour in 0..24 {
            let count = u64::try_from(row.get::<i64>(&format!("h{hour}"))?)?;
            if count > 0 {
                *counted.entry((code(row.get("practice")?)?, first + hour)).or_default() += count;
            }
        }
    }
    let head = db.fetch_one(sql("select folded, target, written from head")).await?;
    let written = Written::from_number(head.get("written")?).context("a slice has a number")?;
    let unfolded = sql("select position, events from batches where position > $1").bind(head.get::<i64>("folded")?);
    for row in db.fetch_all(unfolded).await? {
        // Of a checkpoint that was cut between two slices the tables hold the first practices.
        let is_being_written = row.get::<i64>("position")? <= head.get::<i64>("target")?;
        let is_in_tables = |event: &Event| is_being_written && Written::Practices(event.practice.0) < written;
        let bytes: Vec<u8> = row.get("events")?;
        for event in Events::from_bytes(&bytes)?.iter().filter(|event| !event.is_quarantined()) {
            if is_in_tables(&event) {
                continue;
            }
            let cell = (code(i64::from(event.practice.0))?, i64::from(event.hour.0));
            *counted.entry(cell).or_default() += 1;
        }
    }
    Ok(counted)
}

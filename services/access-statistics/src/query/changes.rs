//! Access granted less access withdrawn, by practice and day, as events tell of it.

use tally::{AccessChanges, Dictionary, EventKind, PracticeOrdinal, StrandOrdinal};

use super::QueryError;
use super::flows::{Begun, FlowReader};
use crate::ingest::Pending;
use crate::store::StoreError;
use crate::store::flows::{FlowQuery, views_of_practices};

impl FlowReader {
    /// The changes of all practices that any event tells of, and the position of the log up to which events are counted.
    pub(crate) async fn changes(&self, query: &FlowQuery) -> Result<(AccessChanges, u64), QueryError> {
        let pending = |pending: &Pending, dictionary: &Dictionary| pending_changes(pending, query, dictionary);
        let Begun { mut tx, pending: mut changes, dictionary, position } = self.begin_with(pending).await?;
        let practices: Vec<PracticeOrdinal> =
            (0..).map(PracticeOrdinal).take_while(|ordinal| dictionary.practice(*ordinal).is_some()).collect();
        for kind in [EventKind::AccessGranted, EventKind::AccessWithdrawn] {
            let strands = strands(&dictionary, query, kind);
            if strands.is_empty() || practices.is_empty() {
                continue;
            }
            for (practice, day, count) in views_of_practices(&mut tx, query, &practices, &strands).await? {
                let Some(code) = dictionary.practice(practice) else { continue };
                *changes.entry(code).or_default().entry(day).or_default() += signed(kind, count);
            }
        }
        tx.rollback().await.map_err(StoreError::from)?;
        Ok((changes, position))
    }
}

/// What is to be added to the tables.
fn pending_changes(pending: &Pending, query: &FlowQuery, dictionary: &Dictionary) -> AccessChanges {
    let mut changes = AccessChanges::new();
    for kind in [EventKind::AccessGranted, EventKind::AccessWithdrawn] {
        let strands = strands(dictionary, query, kind);
        let columns = pending.practice_columns().filter(|column| {
            strands.contains(&column.strand) && column.arrived <= query.known && query.period.contains(column.day)
        });
        for column in columns {
            for (practice, count) in column.practices() {
                let Some(code) = dictionary.practice(practice) else { continue };
                *changes.entry(code).or_default().entry(column.day).or_default() += signed(kind, count);
            }
        }
    }
    changes
}

fn signed(kind: EventKind, count: u64) -> i64 {
    // Far below 2^63.
    let count = i64::try_from(count).unwrap_or(i64::MAX);
    if kind == EventKind::AccessWithdrawn { -count } else { count }
}

/// The strands of this kind of the capability asked for.
fn strands(dictionary: &Dictionary, query: &FlowQuery, kind: EventKind) -> Vec<StrandOrdinal> {
    let all = (0..=u16::MAX).map(StrandOrdinal).take(dictionary.strand_count());
    let is_wanted = |ordinal: &StrandOrdinal| {
        dictionary.strand(*ordinal).is_some_and(|strand| strand.kind == kind && strand.capability == query.capability)
    };
    all.filter(is_wanted).collect()
}

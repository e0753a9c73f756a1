//! Cleaning: what has been kept long enough goes, once a day, in steps as short as a checkpoint's slices.

use database::Tx;
use jiff::{SignedDuration, Timestamp};
use tally::Day;

use super::Writer;
use crate::store::{StoreError, hours, log, months, quarantine};

impl Writer {
    /// Deletes some of the oldest of each kind, or unites it; whether there may be more. `folded` is the last batch that the tables
    /// hold all of.
    pub(super) async fn clean_some(&mut self, tx: &mut Tx, folded: u64, now: Timestamp) -> Result<bool, StoreError> {
        let (config, today) = (&self.config, Day::of(now));
        // One kind at a time: a step is to be short.
        Ok(log::delete_some_batches(tx, folded, ago(now, config.batches_kept)).await?
            || quarantine::forget_some(tx, ago(now, config.quarantine_kept)).await?
            || hours::forget_some(tx, config.hours_from(today)).await?
            || months::unite_some(tx, config.practice_days_from(today)).await?)
    }
}

fn ago(now: Timestamp, span: SignedDuration) -> Timestamp {
    now.checked_sub(span).unwrap_or(Timestamp::MIN)
}

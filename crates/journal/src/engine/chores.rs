//! Chores: snapshots and checkpoints taken, and replies forgotten, beside the writer so that no command waits for them.

use std::sync::Arc;
use std::time::Duration;

use clock::Clock;
use tokio::sync::watch;

use crate::JournalError;
use crate::engine::config::EngineConfig;
use crate::engine::published::Shared;
use crate::fold::Folded;
use crate::log::{Journal, Log};
use crate::machine::Machine;
use crate::snapshot::Taken;
use crate::{snapshot, sql};

/// How often it looks: also how old the last checkpoint may be while records are being appended.
const INTERVAL: Duration = Duration::from_secs(10);

/// Records after which it looks at once.
const LOOK_RECORDS: u64 = 1_000;

/// Replies forgotten at each look: more than come in between two, and few enough to hold nobody up.
const FORGOTTEN_MAX: i64 = 2_000;

pub(crate) struct Chores<M: Machine> {
    pub(crate) log: Log,
    pub(crate) clock: Clock,
    pub(crate) config: EngineConfig,
    pub(crate) shared: Arc<Shared<M>>,
    /// The last snapshot.
    pub(crate) taken: Taken,
    pub(crate) checkpoint_position: u64,
}

impl<M: Machine> Chores<M> {
    /// Runs until the writer has ended, then takes a last checkpoint, and a snapshot where the next start would take long
    /// without.
    pub(crate) async fn run(mut self, mut writer_alive: watch::Receiver<()>) {
        let mut progress = self.shared.progress();
        // Not the last checkpoint's: where none is taken, it would always be time to look.
        let mut looked_position = self.checkpoint_position;
        loop {
            let next = looked_position + LOOK_RECORDS;
            tokio::select! {
                biased;
                // Never sent, only dropped.
                _ = writer_alive.changed() => break,
                _ = progress.wait_for(|progress| progress.head.position >= next) => {}
                () = tokio::time::sleep(INTERVAL) => {}
            }
            let position = self.shared.published().position;
            let is_quiet = position == looked_position;
            looked_position = position;
            self.checkpoint();
            self.snapshot(is_quiet).await;
            self.forget_requests().await;
        }
        self.checkpoint();
        self.snapshot(true).await;
    }

    fn checkpoint(&mut self) {
        let Some(checkpoints) = &self.config.checkpoints else { return };
        let published = self.shared.published();
        // A stopped journal is not vouched for.
        if published.position <= self.checkpoint_position || self.shared.stopped().is_some() {
            return;
        }
        let head = published.head();
        let checkpoint = checkpoints.signer().sign(self.log.name, head, self.clock.now());
        // A file of a few hundred bytes, synced: not worth a thread of its own.
        match checkpoints.append(&checkpoint) {
            Ok(()) => {
                let (position, hash) = (head.position, head.hash);
                tracing::info!(journal = self.log.name, position, %hash, "checkpoint");
                self.checkpoint_position = position;
            }
            Err(error) => self.complain(&error, "no checkpoint could be written"),
        }
    }

    async fn snapshot(&mut self, is_quiet: bool) {
        let folded = self.shared.published().folded();
        // What a journal held that was rewound is of no use to the next start.
        if self.shared.stopped().is_some() || !self.snapshot_is_due(&folded, is_quiet) {
            return;
        }
        // Also where it failed: a cache is not worth trying again at every record.
        self.taken = Taken { position: folded.head.position, payload_bytes: folded.payload_bytes, ..self.taken };
        match snapshot::store(&self.log, &folded).await {
            Ok(bytes) => self.taken.bytes = bytes,
            Err(error) => self.complain(&error, "no snapshot could be stored"),
        }
    }

    /// By records, and by what they hold: an import of a million practices is few records, which take half a minute to
    /// fold. While it goes on no more is written for snapshots than for records.
    fn snapshot_is_due(&self, folded: &Folded<M>, is_quiet: bool) -> bool {
        let Taken { position, payload_bytes, bytes } = self.taken;
        let (records_max, bytes_max) = (self.config.snapshot_records, self.config.snapshot_bytes);
        let tail_records = folded.head.position.saturating_sub(position);
        let tail_bytes = folded.payload_bytes.saturating_sub(payload_bytes);
        let is_long = tail_bytes >= bytes_max && (is_quiet || tail_bytes >= bytes);
        records_max > 0 && (tail_records >= records_max || is_long)
    }

    /// A little at a time: on SQLite nobody can write meanwhile.
    async fn forget_requests(&self) {
        let (Some(retention), Journal::Sql(db)) = (self.config.request_retention, &self.log.journal) else { return };
        let Ok(before) = self.clock.now().checked_sub(retention) else { return };
        if let Err(error) = sql::forget_requests(db, self.log.name, before, FORGOTTEN_MAX).await {
            self.complain(&error, "old replies could not be forgotten");
        }
    }

    fn complain(&self, error: &JournalError, what: &str) {
        tracing::warn!(journal = self.log.name, error = telemetry::chain(error), "{what}");
    }
}

//! The loop that keeps the directory in step with its publisher's interfaces, on a schedule and when somebody asks.
//!
//! Level-triggered on the state: an open run is read, page by page; where there is none and one is due, one is begun.
//! So a run that was asked for by SyncDirectory, or that another replica left behind, goes on like any other. Every
//! page is recorded with where the run is after it ([`practice::sync`]): killed anywhere, the loop goes on there.
//! Replicas need no lease: a page that two of them read is taken in once, and a run that another reads is left to it
//! ([`TAKEOVER_AFTER`]).

mod page;
mod reader;

use std::time::Duration;

use clock::Clock;
use jiff::{SignedDuration, Timestamp};
use journal::{Engine, Meta, Submission, SubmitError};
use ods::civil::civil_date;
use ods_api::{ApiConfig, ConfigError};
use practice::sync::{FailSync, StartSync, Sync, SyncSource, Syncs};
use practice::{Command, Rejection};
use tokio_util::sync::CancellationToken;

use crate::machine::Registry;
use reader::{Reader, Unread};

/// Who acts when nobody asks: the account in the journal's records of syncs.
const ACCOUNT: &str = "practice-registry";

const SLEEPER: &str = "registry/sync";

/// For how long a run that another replica reads is left to it without a word from it: longer than its slowest page
/// with all retries (three minutes), and the hour that it waits after a failure is its own to end.
const TAKEOVER_AFTER: SignedDuration = SignedDuration::from_mins(10);

/// Which interface is followed, and how.
#[derive(Clone, Debug)]
pub struct SyncConfig {
    /// The interface.
    pub source: SyncSource,
    /// Where it is and how it is asked.
    pub api: ApiConfig,
    /// How long after a run began the next one begins; None = only when somebody asks.
    pub every: Option<SignedDuration>,
    /// How long after a failure a run is tried again.
    pub retry_after: SignedDuration,
    /// Tells this replica from others on the same journal. Started again under its name it goes on at once.
    pub worker: String,
}

impl SyncConfig {
    /// The usual: once a day, since the publisher changes its data nightly; an hour after a failure.
    #[must_use]
    pub fn new(source: SyncSource, api: ApiConfig, worker: String) -> Self {
        let (every, retry_after) = (Some(SignedDuration::from_hours(24)), SignedDuration::from_hours(1));
        Self { source, api, every, retry_after, worker }
    }

    /// Checks that the interface can be asked, without asking it.
    ///
    /// # Errors
    /// Where this machine has no root certificates to know the publisher by.
    pub fn check(&self) -> Result<(), ConfigError> {
        Reader::new(self.source, self.api.clone()).map(|_| ())
    }

    /// When something is to be done next; None = when somebody asks.
    pub(crate) fn next_due(&self, syncs: &Syncs) -> Option<Timestamp> {
        match syncs.open(self.source) {
            Some(open) => Some(self.goes_on_at(open)),
            None => {
                let last = syncs.latest_first().find(|sync| sync.source == self.source);
                let every = self.every?;
                // Never yet: at once.
                Some(last.map_or(Timestamp::MIN, |last| after(last.started_at, every)))
            }
        }
    }

    fn goes_on_at(&self, open: &Sync) -> Timestamp {
        if let Some(failure) = &open.failure {
            return after(failure.failed_at, self.retry_after);
        }
        let is_ours = open.worker.is_empty() || open.worker == self.worker;
        if is_ours { Timestamp::MIN } else { after(open.updated_at, TAKEOVER_AFTER) }
    }
}

fn after(moment: Timestamp, time: SignedDuration) -> Timestamp {
    moment.checked_add(time).unwrap_or(Timestamp::MAX)
}

/// Runs until `shutdown`. After a failure of the store it tries again after `retry_after`, which is real time.
pub(crate) async fn run(
    config: SyncConfig,
    engine: Engine<Registry>,
    clock: Clock,
    retry_after: Duration,
    shutdown: CancellationToken,
) {
    let reader = match Reader::new(config.source, config.api.clone()) {
        Ok(reader) => reader,
        // `check` was asked before; the certificates have gone since.
        Err(error) => return tracing::error!(error = telemetry::chain(&error), "no sync of the directory"),
    };
    let mut subscription = engine.subscribe();
    let mut syncing = Syncing { config, engine, clock, reader };
    let mut activity = syncing.clock.activity();
    loop {
        let stepped = tokio::select! {
            biased;
            () = shutdown.cancelled() => return,
            stepped = syncing.step() => stepped,
        };
        let next = match stepped {
            Ok(next) => next,
            Err(error) => {
                tracing::warn!(error = telemetry::chain(&error), "a sync of the directory was not recorded");
                tokio::select! {
                    biased;
                    () = shutdown.cancelled() => return,
                    () = tokio::time::sleep(retry_after) => continue,
                }
            }
        };
        activity = match next {
            Next::Now => activity,
            Next::Later(due) => tokio::select! {
                biased;
                () = shutdown.cancelled() => return,
                woken = subscription.changed_or_due(&syncing.clock, SLEEPER, due, activity) => woken,
            },
        };
    }
}

/// When to look again.
enum Next {
    Now,
    /// At this moment, or when something changes; None = only then.
    Later(Option<Timestamp>),
}

struct Syncing {
    config: SyncConfig,
    engine: Engine<Registry>,
    clock: Clock,
    reader: Reader,
}

type Recorded = Result<(), SubmitError<Rejection>>;

impl Syncing {
    /// Does the next thing that is due, if something is.
    async fn step(&mut self) -> Result<Next, SubmitError<Rejection>> {
        let published = self.engine.published();
        let (state, now) = (&published.state, self.clock.now());
        match self.config.next_due(state.syncs()) {
            Some(due) if due <= now => {}
            due => return Ok(Next::Later(due)),
        }
        let Some(sync) = state.syncs().open(self.config.source) else {
            self.start(false).await?;
            return Ok(Next::Now);
        };
        let today = civil_date(now);
        match self.reader.next_page(state.syncs(), sync, today).await {
            Ok((read, then)) => {
                for command in page::commands(state, sync, &self.config.worker, today, read, then) {
                    self.record(Command::AdvanceSync(Box::new(command)), sync).await?;
                }
                self.tell_end(sync.number);
            }
            Err(Unread::TooLongAgo) => self.start(true).await?,
            Err(Unread::Forgotten(error)) => self.fail(sync, &error, true).await?,
            Err(Unread::Failed(error)) => self.fail(sync, &error, false).await?,
        }
        Ok(Next::Now)
    }

    /// Says in the log that a run has ended.
    fn tell_end(&self, number: u32) {
        let published = self.engine.published();
        let ended = published.state.syncs().get(number).filter(|sync| !sync.is_open());
        if let Some(Sync { read_count, tally, .. }) = ended {
            let changed = tally.created + tally.updated + tally.moved + tally.closed;
            tracing::info!(
                sync = number,
                read_count,
                changed,
                rejected = tally.rejected,
                "a sync of the directory ended"
            );
        }
    }

    async fn start(&self, full: bool) -> Recorded {
        let start = Command::StartSync(StartSync { source: self.config.source, full });
        self.submit(start, "due").await
    }

    async fn fail(&self, sync: &Sync, error: &ods_api::ApiError, from_beginning: bool) -> Recorded {
        // The publisher's words are in it, and it is recorded (rule 16).
        let message = api::nhs_number::told(&error.in_full()).to_owned();
        tracing::warn!(sync = sync.number, reason = error.reason(), %message, "a sync of the directory stands still");
        let fail = FailSync {
            sync: sync.number,
            worker: self.config.worker.clone(),
            reason: error.reason().to_owned(),
            message,
            from_beginning,
        };
        self.record(Command::FailSync(fail), sync).await
    }

    /// Has it recorded; that another reader was faster, or that the run has ended, is no fault.
    async fn record(&self, command: Command, sync: &Sync) -> Recorded {
        match self.submit(command, &format!("syncs/{}", sync.number)).await {
            Err(SubmitError::Rejected(Rejection::SyncAdvanced { .. } | Rejection::SyncNotOpen { .. })) => Ok(()),
            recorded => recorded,
        }
    }

    async fn submit(&self, command: Command, cause: &str) -> Recorded {
        let meta = Meta { actor: ACCOUNT.to_owned(), cause: cause.to_owned(), ..Meta::default() };
        self.engine.submit(Submission::new(command, meta), |_| Vec::new()).await.map(|_| ())
    }
}

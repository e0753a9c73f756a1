//! Errands: effects beside the performer's, done under the same lease. Notices are sent by one, gates' questions asked by
//! another.
//!
//! An errand is level-triggered, as the performer is: what there is to do is read from the state each round. It wakes when the
//! journal or the registry's copy changed, and at the moment that its last round named. What it records is fenced by the
//! lease's epoch, so that a replica that has lost it records nothing.

use std::pin::pin;

use clock::Clock;
use jiff::{SignedDuration, Timestamp};
use journal::{Engine, Submission};
use rollout::Fact;
use tokio_util::sync::CancellationToken;

use crate::follower::FollowedRegistry;
use crate::machine::{Command, SchedulerMachine};
use crate::patience::PartError;
use crate::permits::by_scheduler;

/// Changes that come in a burst are looked at once: a look at a nation takes some milliseconds.
const GATHERED_FOR: SignedDuration = SignedDuration::from_secs(1);

/// When a round that failed is tried again: the registry and the journal restart in about a second.
const RETRY_AFTER: SignedDuration = SignedDuration::from_secs(10);

/// Something that is done, in rounds.
pub(crate) trait Errand: Send {
    /// Under which name it sleeps.
    const NAME: &'static str;

    /// Does what is to be done now, and says in the round when to look again, should nothing change before.
    fn perform(&mut self, round: &mut Round) -> impl Future<Output = Result<(), PartError>> + Send;
}

/// A round: under which epoch, at which moment; and when the next one is.
#[derive(Debug)]
pub(crate) struct Round {
    pub(crate) epoch: u64,
    pub(crate) now: Timestamp,
    next: Option<Timestamp>,
}

impl Round {
    /// Another round at this moment at the latest.
    pub(crate) fn again_at(&mut self, at: Timestamp) {
        if at < Timestamp::MAX {
            self.next = Some(self.next.map_or(at, |next| next.min(at)));
        }
    }
}

/// What every errand works with.
#[derive(Clone, Debug)]
pub(crate) struct Grounds {
    pub(crate) engine: Engine<SchedulerMachine>,
    pub(crate) clock: Clock,
    pub(crate) followed: FollowedRegistry,
    /// The name under which this replica holds the lease.
    pub(crate) replica: String,
}

impl Grounds {
    /// Runs an errand until `shutdown`. What is under way then is found again in the state, as after a crash.
    pub(crate) async fn run<E: Errand>(&self, mut errand: E, shutdown: CancellationToken) {
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = self.go_on(&mut errand) => {}
        }
    }

    async fn go_on<E: Errand>(&self, errand: &mut E) {
        let mut journal_changed = self.engine.subscribe();
        let mut registry_changed = self.followed.subscribe(&self.clock);
        let mut activity = self.clock.activity();
        loop {
            let wake_at = self.round(errand).await;
            let sleep = wake_at.map(|at| self.clock.sleep_until(at, E::NAME));
            drop(activity);
            let due = async {
                match sleep {
                    Some(sleep) => sleep.await,
                    None => std::future::pending().await,
                }
            };
            let woken = tokio::select! {
                (_, woken) = journal_changed.changed() => woken,
                woken = registry_changed.wait() => woken,
                woken = due => woken,
            };
            let gathered_at = self.clock.now().saturating_add(GATHERED_FOR).unwrap_or(Timestamp::MAX);
            let mut gathered = pin!(self.clock.sleep_until(gathered_at, E::NAME));
            drop(woken);
            // What is heard meanwhile is heard, and let go of: a change that nobody has heard of holds virtual time.
            activity = loop {
                tokio::select! {
                    woken = &mut gathered => break woken,
                    (_, heard) = journal_changed.changed() => drop(heard),
                    heard = registry_changed.wait() => drop(heard),
                }
            };
        }
    }

    /// Does what is to be done now. Says when to look again, should nothing change before.
    async fn round<E: Errand>(&self, errand: &mut E) -> Option<Timestamp> {
        let epoch = self.epoch()?;
        let mut round = Round { epoch, now: self.clock.now(), next: None };
        match errand.perform(&mut round).await {
            Ok(()) => {}
            // Whoever holds the lease now goes on.
            Err(PartError::LeaseLost(_)) => return None,
            Err(error) => {
                tracing::warn!(errand = E::NAME, error = telemetry::chain(&error), "failed; it is tried again");
                round.again_at(round.now.saturating_add(RETRY_AFTER).unwrap_or(Timestamp::MAX));
            }
        }
        round.next
    }

    /// The epoch that we perform under, if the journal says that this replica performs effects. Whether it still does, the
    /// fence of each record says.
    fn epoch(&self) -> Option<u64> {
        let published = self.engine.published();
        let held = &published.state.lease;
        (held.epoch > 0 && held.replica == self.replica && self.followed.view().position > 0).then_some(held.epoch)
    }

    /// Records a fact, under our epoch; its events are read from the state.
    pub(crate) async fn learn(&self, epoch: u64, cause: &str, fact: Fact) -> Result<(), PartError> {
        let command = Command::fenced(epoch, rollout::Command::Learn(fact));
        self.engine.submit(Submission::new(command, by_scheduler(cause)), |_| Vec::new()).await?;
        Ok(())
    }
}

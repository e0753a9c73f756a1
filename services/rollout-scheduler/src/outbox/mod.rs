//! The outbox: sends the notices that are due, and finds out what became of those that were sent (rule 11).
//!
//! Level-triggered, as the performer is: what is to be sent and asked is read from the state each time. A notice is sealed in
//! the journal before it is sent, so that a restart, or another replica, knows that it may have gone out. Where it is not
//! known whether it did, its carrier is asked by the notice's reference, and only one that was never seen is sent again,
//! under the same reference and after another record: so a replica that has lost the lease sends nothing anew.
//!
//! Addresses are read from the registry for the moment of sending, and are in no record, log or span.

mod carriers;
mod letter;
mod sending;
mod tracking;

use std::collections::BTreeMap;
use std::pin::pin;

use clock::Clock;
use jiff::{SignedDuration, Timestamp};
use journal::{Engine, Submission};
use ods::PracticeCode;
use rollout::{Fact, ProgrammeId};
use tokio_util::sync::CancellationToken;

pub use carriers::NoticesConfig;
pub(crate) use carriers::{CarrierStanding, Carriers, CarriersStanding};
pub(crate) use tracking::Looks;

use crate::follower::FollowedRegistry;
use crate::grpc::Registry;
use crate::machine::{Command, SchedulerMachine};
use crate::patience::PartError;
use crate::permits::by_scheduler;

/// Changes that come in a burst are looked at once: a look at a nation takes some milliseconds.
const GATHERED_FOR: SignedDuration = SignedDuration::from_secs(1);

/// When a round that failed is tried again: the registry and the journal restart in about a second.
const RETRY_AFTER: SignedDuration = SignedDuration::from_secs(10);

/// Calls to carriers at a time.
const CALLS_AT_ONCE: usize = 8;

/// Sends notices.
pub(crate) struct Outbox {
    pub(crate) engine: Engine<SchedulerMachine>,
    pub(crate) clock: Clock,
    pub(crate) followed: FollowedRegistry,
    pub(crate) registry: Registry,
    /// The name under which this replica holds the lease.
    pub(crate) replica: String,
    pub(crate) carriers: Carriers,
    /// When each dispatch was looked at last.
    pub(crate) looks: Looks,
    /// Practices that nothing could be sent to.
    pub(crate) passed_over: BTreeMap<(ProgrammeId, PracticeCode), PassedOver>,
}

/// A practice that nothing could be sent to, and when it is looked at again.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PassedOver {
    until: Timestamp,
    /// For want of a contact: looked at at once where a person asks for another try.
    unaddressed: bool,
}

/// A round: under which epoch, at which moment; and when the next one is.
struct Round {
    epoch: u64,
    now: Timestamp,
    next: Option<Timestamp>,
}

impl Round {
    /// Another round at this moment at the latest.
    fn again_at(&mut self, at: Timestamp) {
        if at < Timestamp::MAX {
            self.next = Some(self.next.map_or(at, |next| next.min(at)));
        }
    }
}

impl Outbox {
    /// Sends until `shutdown`. What is being sent then is asked about later, as after a crash.
    pub(crate) async fn run(mut self, shutdown: CancellationToken) {
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = self.go_on() => {}
        }
    }

    async fn go_on(&mut self) {
        let mut journal_changed = self.engine.subscribe();
        let mut registry_changed = self.followed.subscribe(&self.clock);
        let mut activity = self.clock.activity();
        loop {
            let wake_at = self.round().await;
            let sleep = wake_at.map(|at| self.clock.sleep_until(at, "scheduler/outbox"));
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
            let mut gathered = pin!(self.clock.sleep_until(gathered_at, "scheduler/outbox"));
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
    async fn round(&mut self) -> Option<Timestamp> {
        let epoch = self.epoch()?;
        let mut round = Round { epoch, now: self.clock.now(), next: None };
        let done = match self.track(&mut round).await {
            Ok(()) => self.send_due(&mut round).await,
            failed => failed,
        };
        match done {
            Ok(()) => {}
            // Whoever holds the lease now goes on.
            Err(PartError::LeaseLost(_)) => return None,
            Err(error) => {
                tracing::warn!(error = telemetry::chain(&error), "notices wait; they are tried again");
                round.again_at(round.now.saturating_add(RETRY_AFTER).unwrap_or(Timestamp::MAX));
            }
        }
        round.next
    }

    /// The epoch that we send under, if the journal says that this replica performs effects. Whether it still does, the fence
    /// of each record says.
    fn epoch(&self) -> Option<u64> {
        let published = self.engine.published();
        let held = &published.state.lease;
        (held.epoch > 0 && held.replica == self.replica && self.followed.view().position > 0).then_some(held.epoch)
    }

    /// Records a fact, under our epoch; its events are read from the state.
    async fn learn(&self, epoch: u64, cause: &str, fact: Fact) -> Result<(), PartError> {
        let command = Command::fenced(epoch, rollout::Command::Learn(fact));
        self.engine.submit(Submission::new(command, by_scheduler(cause)), |_| Vec::new()).await?;
        Ok(())
    }
}

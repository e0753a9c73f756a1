//! The observer: reads each supplier's own list of practices, and tells the registry where it says something else.
//!
//! That is how self-service is found out, how access that was switched off behind our back shows within a day (I28), and
//! how it becomes known at the start that a practice is off. It never switches anything. Of several replicas each may do
//! it: the registry keeps what is new and knows what it knows.

use std::collections::{BTreeMap, BTreeSet};

use clock::Clock;
use jiff::{SignedDuration, Timestamp};
use journal::Engine;
use ods::{Capability, Supplier};
use rollout::{Observed, RegistryView, State, Target};
use tokio_util::sync::CancellationToken;

use crate::follower::FollowedRegistry;
use crate::grpc::{Asking, EnabledList, KEYS_MAX, Observation, Registry, Suppliers};
use crate::machine::SchedulerMachine;
use crate::peer::PeerError;

/// When a list that could not be read is tried again.
const RETRY_AFTER: SignedDuration = SignedDuration::from_hours(1);

/// Reads the lists.
pub(crate) struct Observer {
    pub(crate) engine: Engine<SchedulerMachine>,
    pub(crate) clock: Clock,
    pub(crate) followed: FollowedRegistry,
    pub(crate) registry: Registry,
    pub(crate) suppliers: Suppliers,
    /// How often each list is read: the bound within which drift shows.
    pub(crate) every: SignedDuration,
}

/// A list: whose, of what.
type ListName = (Supplier, Capability);

impl Observer {
    /// Observes until `shutdown`. Each list is read when a programme first names its supplier, then regularly.
    pub(crate) async fn run(self, shutdown: CancellationToken) {
        let mut journal_changed = self.engine.subscribe();
        let mut registry_changed = self.followed.subscribe(&self.clock);
        let mut due: BTreeMap<ListName, Timestamp> = BTreeMap::new();
        let mut activity = self.clock.activity();
        loop {
            let now = self.clock.now();
            // Compared with nothing a list would say nothing: the first one waits for the first copy of the registry.
            if self.followed.view().position > 0 {
                for list in lists_of(&self.engine.published().state.rollout) {
                    due.entry(list).or_insert(now);
                }
            }
            for (list, at) in due.iter_mut().filter(|(_, at)| **at <= now) {
                let next = match self.observe(list, now).await {
                    Ok(()) => self.every,
                    Err(error) => {
                        tracing::warn!(supplier = %list.0, error = &error as &dyn std::error::Error, "list not read");
                        RETRY_AFTER.min(self.every)
                    }
                };
                *at = now.checked_add(next).unwrap_or(Timestamp::MAX);
            }
            let sleep = due.values().min().map(|at| self.clock.sleep_until(*at, "scheduler/observer"));
            drop(activity);
            let woken = async {
                match sleep {
                    Some(sleep) => sleep.await,
                    None => std::future::pending().await,
                }
            };
            activity = tokio::select! {
                () = shutdown.cancelled() => return,
                (_, changed) = journal_changed.changed() => changed,
                changed = registry_changed.wait() => changed,
                woken = woken => woken,
            };
        }
    }

    async fn observe(&self, (supplier, capability): &ListName, now: Timestamp) -> Result<(), PeerError> {
        let list = self.suppliers.enabled(supplier, capability).await?;
        let published = self.engine.published();
        let news = news(&list, supplier, capability, &self.followed.view(), &published.state.rollout);
        let supplier = supplier.as_str().replace(' ', "_");
        for (number, some) in news.chunks(KEYS_MAX).enumerate() {
            let request_id = format!("scheduler/list/{supplier}/{}/{}/{number}", capability.id(), now.as_microsecond());
            let asking = Asking { request_id, cause: format!("suppliers/{supplier}") };
            self.registry.record(capability, some, asking).await?;
        }
        Ok(())
    }
}

/// Each supplier that a programme's document names, with what the programme switches on.
fn lists_of(state: &State) -> BTreeSet<ListName> {
    let mut lists = BTreeSet::new();
    for programme in state.programmes.values() {
        for supplier in programme.document.spec.suppliers.keys() {
            lists.insert((supplier.clone(), programme.capability.clone()));
        }
    }
    lists
}

/// Where a list says something else than the registry does. What is under way is left out: its own answer comes.
fn news(
    list: &EnabledList,
    supplier: &Supplier,
    capability: &Capability,
    view: &RegistryView,
    state: &State,
) -> Vec<Observation> {
    let mut news = Vec::new();
    for facts in view.iter().filter(|facts| facts.supplier.as_ref() == Some(supplier)) {
        let listed = list.states.get(&facts.code).copied().unwrap_or(Observed::Off);
        let target = Target { practice: facts.code, capability: capability.clone() };
        if listed != facts.observed(capability) && state.open_activation(&target).is_none() {
            news.push(Observation { practice: facts.code, state: listed, as_at: list.as_of });
        }
    }
    news
}

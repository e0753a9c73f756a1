//! The observer: reads each supplier's own list of practices, and tells the registry where it says something else.
//!
//! That is how self-service is found out, how access that was switched off behind our back shows within a day (I28), and
//! how it becomes known at the start that a practice is off. It never switches anything. Of several replicas each may do
//! it: the registry keeps what is new and knows what it knows.

use std::collections::BTreeMap;

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
    /// Observes until `shutdown`. Each list is read when a programme that names its supplier is created, and then at
    /// moments that depend on nothing but `every`: never because this has just begun, so that a restart changes nothing.
    pub(crate) async fn run(self, shutdown: CancellationToken) {
        let mut journal_changed = self.engine.subscribe();
        let mut registry_changed = self.followed.subscribe(&self.clock);
        let mut due: BTreeMap<ListName, Timestamp> = BTreeMap::new();
        let mut activity = self.clock.activity();
        let begun_at = self.clock.now();
        loop {
            let now = self.clock.now();
            // Compared with nothing a list would say nothing: the first one waits for the first copy of the registry.
            if self.followed.view().position > 0 {
                for (list, created_at) in lists_of(&self.engine.published().state.rollout) {
                    let first = if created_at < begun_at { self.regular(begun_at) } else { created_at };
                    due.entry(list).or_insert(first);
                }
            }
            for (list, at) in due.iter_mut().filter(|(_, at)| **at <= now) {
                // The regular moment after now.
                *at = self.regular(now + SignedDuration::from_micros(1));
                if let Err(error) = self.observe(list, now).await {
                    tracing::warn!(supplier = %list.0, error = telemetry::chain(&error), "list not read");
                    *at = now.checked_add(RETRY_AFTER).unwrap_or(*at).min(*at);
                }
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
                biased;
                () = shutdown.cancelled() => return,
                (_, changed) = journal_changed.changed() => changed,
                changed = registry_changed.wait() => changed,
                woken = woken => woken,
            };
        }
    }

    /// The first regular moment at or after `moment`: a multiple of `every` since 1970.
    fn regular(&self, moment: Timestamp) -> Timestamp {
        let every_us = i64::try_from(self.every.as_micros()).unwrap_or(i64::MAX).max(1);
        let multiples = moment.as_microsecond().div_euclid(every_us);
        let exact = moment.as_microsecond().rem_euclid(every_us) == 0;
        let next_us = (multiples + i64::from(!exact)).saturating_mul(every_us);
        Timestamp::from_microsecond(next_us).unwrap_or(Timestamp::MAX)
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

/// Each supplier that a programme's document names, with what the programme switches on and since when there is one that
/// does.
fn lists_of(state: &State) -> BTreeMap<ListName, Timestamp> {
    let mut lists = BTreeMap::new();
    for programme in state.programmes.values() {
        for supplier in programme.document.spec.suppliers.keys() {
            let since = lists.entry((supplier.clone(), programme.capability.clone())).or_insert(programme.created_at);
            *since = programme.created_at.min(*since);
        }
    }
    lists
}

/// Where a list is news: it says something else than this supplier said last, or than holds of whether access is on, or
/// it may end a dispute. That others found wrong settings, which a list does not show, is none. What is under way is left
/// out: its own answer comes.
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
        let said = facts.access(capability).map(|access| access.said_by_supplier).unwrap_or_default();
        let differs = listed != said || listed.is_on() != facts.observed(capability).is_on();
        if (differs || facts.is_disputed(capability)) && state.open_activation(&target).is_none() {
            news.push(Observation { practice: facts.code, state: listed, as_at: list.as_of });
        }
    }
    news
}

#[cfg(test)]
mod tests {
    use super::*;
    use ods::PracticeCode;
    use rollout::{AccessFacts, PracticeFacts};

    fn view(observed: Observed, disputed: bool, said_by_supplier: Observed) -> RegistryView {
        let access = AccessFacts {
            capability: Capability::default(),
            observed,
            disputed,
            said_by_supplier,
            observed_at: None,
            live_since: None,
            generation_highest: 0,
            switch_off_requested: false,
        };
        let facts = PracticeFacts {
            code: practice(),
            supplier: Some(supplier()),
            icb: None,
            sub_icb: None,
            region: None,
            pcn: None,
            list_size: 1_000,
            open: true,
            successors: Vec::new(),
            readiness: Vec::new(),
            advice: Vec::new(),
            pauses: Vec::new(),
            access: vec![access],
        };
        RegistryView::new(1, [facts])
    }

    fn practice() -> PracticeCode {
        "A81001".parse().unwrap()
    }

    fn supplier() -> Supplier {
        "EMIS".parse().unwrap()
    }

    fn told(listed: Observed, view: &RegistryView) -> Vec<Observed> {
        let states = if listed == Observed::Off { BTreeMap::new() } else { BTreeMap::from([(practice(), listed)]) };
        let list = EnabledList { as_of: Timestamp::UNIX_EPOCH, states };
        let news = news(&list, &supplier(), &Capability::default(), view, &State::default());
        news.into_iter().map(|observation| observation.state).collect()
    }

    #[test]
    fn i28_a_practice_that_a_list_no_longer_has_is_told_as_off() {
        assert_eq!(told(Observed::Off, &view(Observed::On, false, Observed::On)), [Observed::Off]);
        assert_eq!(told(Observed::On, &view(Observed::On, false, Observed::On)), []);
    }

    #[test]
    fn a_list_that_says_what_it_said_before_is_news_only_where_others_say_otherwise_of_whether_it_is_on() {
        assert_eq!(told(Observed::On, &view(Observed::Partial, false, Observed::On)), [], "an inspection's PARTIAL");
        assert_eq!(told(Observed::On, &view(Observed::Off, false, Observed::On)), [Observed::On]);
        assert_eq!(told(Observed::Off, &view(Observed::Unknown, true, Observed::Off)), [Observed::Off], "a dispute");
        assert_eq!(told(Observed::Off, &view(Observed::Unknown, false, Observed::Unknown)), [Observed::Off]);
    }
}

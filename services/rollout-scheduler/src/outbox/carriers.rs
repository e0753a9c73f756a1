//! Who carries notices, and how each stands: one that fails rests, and stops no other.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arc_swap::ArcSwap;
use courier::{Courier, CourierError};
use jiff::{SignedDuration, Timestamp};
use rollout::dispatch::Preferences;
use rollout::state::Carrier;

/// How long a carrier rests that failed once. It doubles with each failure in a row.
const REST: SignedDuration = SignedDuration::from_mins(1);

/// The longest rest, but for one that the carrier asks for.
const REST_MAX: SignedDuration = SignedDuration::from_mins(15);

/// To whom notices go, and who carries them.
#[derive(Debug)]
pub struct NoticesConfig {
    /// Which contacts, by which means, in which order.
    pub preferences: Preferences,
    /// Each carrier that the preferences name.
    pub couriers: BTreeMap<Carrier, Arc<dyn Courier>>,
}

/// Who carries notices, as the outbox uses them.
#[derive(Debug)]
pub(crate) struct Carriers {
    config: Arc<NoticesConfig>,
    rests: BTreeMap<Carrier, Rest>,
    /// Found ready since they failed last.
    ready: BTreeSet<Carrier>,
    /// Not configured, although notices were sent by them that are open.
    missing: BTreeSet<Carrier>,
    standing: Arc<CarriersStanding>,
}

#[derive(Clone, Debug)]
struct Rest {
    length: SignedDuration,
    until: Timestamp,
    error: CourierError,
}

/// How a carrier stands, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CarrierStanding {
    /// Which.
    pub(crate) carrier: Carrier,
    /// Until when it rests, or rested last, and why; None where it works.
    pub(crate) rest: Option<(Timestamp, CourierError)>,
}

/// How the carriers stand as far as this replica knows, for people only: nothing is decided on it. Empty where none is
/// configured.
#[derive(Debug, Default)]
pub(crate) struct CarriersStanding(ArcSwap<Vec<CarrierStanding>>);

impl CarriersStanding {
    /// The latest; takes no lock.
    pub(crate) fn get(&self) -> Arc<Vec<CarrierStanding>> {
        self.0.load_full()
    }
}

impl Carriers {
    pub(crate) fn new(config: Arc<NoticesConfig>, standing: Arc<CarriersStanding>) -> Self {
        let (rests, ready, missing) = (BTreeMap::new(), BTreeSet::new(), BTreeSet::new());
        let carriers = Self { config, rests, ready, missing, standing };
        carriers.tell();
        carriers
    }

    pub(crate) fn preferences(&self) -> &Preferences {
        &self.config.preferences
    }

    /// Until when a carrier rests; None where it may be called. One that is not configured is never called.
    pub(crate) fn rests_until(&self, carrier: Carrier, now: Timestamp) -> Option<Timestamp> {
        if !self.config.couriers.contains_key(&carrier) {
            return Some(Timestamp::MAX);
        }
        self.rests.get(&carrier).map(|rest| rest.until).filter(|until| now < *until)
    }

    pub(crate) fn courier(&self, carrier: Carrier) -> Option<Arc<dyn Courier>> {
        self.config.couriers.get(&carrier).cloned()
    }

    /// Whether a carrier can carry at all: asked before the first notice, and again after each rest.
    pub(crate) async fn is_ready(&mut self, carrier: Carrier, now: Timestamp) -> bool {
        if self.rests_until(carrier, now).is_some() {
            return false;
        }
        if self.ready.contains(&carrier) {
            return true;
        }
        let Some(courier) = self.courier(carrier) else { return false };
        match courier.ready().await {
            Ok(()) => self.ready.insert(carrier),
            Err(error) => {
                self.failed(carrier, error, now);
                false
            }
        }
    }

    /// Whether a carrier failed and has carried nothing since: one notice at a time is tried with it, so that one that is
    /// out of order leaves few of which nobody knows what became.
    pub(crate) fn is_on_probation(&self, carrier: Carrier) -> bool {
        self.rests.contains_key(&carrier)
    }

    /// A carrier did what it was asked to. While it rests that says nothing: it was asked before it failed.
    pub(crate) fn succeeded(&mut self, carrier: Carrier, now: Timestamp) {
        if self.rests_until(carrier, now).is_none() && self.rests.remove(&carrier).is_some() {
            self.tell();
        }
    }

    /// A carrier failed: it rests. Of several calls that failed at once the first says for how long.
    pub(crate) fn failed(&mut self, carrier: Carrier, error: CourierError, now: Timestamp) {
        if self.rests_until(carrier, now).is_some() {
            return;
        }
        let asked_for = error.rest().and_then(|rest| SignedDuration::try_from(rest).ok());
        let doubled = self.rests.get(&carrier).map_or(REST, |rest| (rest.length * 2).min(REST_MAX));
        let length = asked_for.unwrap_or(doubled);
        let until = now.saturating_add(length).unwrap_or(Timestamp::MAX);
        let (reason, remedy) = (error.reason(), error.remedy());
        let told = telemetry::chain(&error);
        tracing::warn!(carrier = carrier.as_str(), reason, remedy, %until, error = told, "notices are not carried");
        self.ready.remove(&carrier);
        self.rests.insert(carrier, Rest { length, until, error });
        self.tell();
    }

    /// Notices were sent by these, and what became of them cannot be found out: said once.
    pub(crate) fn missing(&mut self, missing: BTreeSet<Carrier>) {
        for carrier in missing.difference(&self.missing) {
            let carrier = carrier.as_str();
            tracing::warn!(
                carrier,
                "notices were sent by a carrier that is not configured: nobody asks what became of them"
            );
        }
        self.missing = missing;
    }

    fn tell(&self) {
        let standing = self.config.couriers.keys().map(|carrier| CarrierStanding {
            carrier: *carrier,
            rest: self.rests.get(carrier).map(|rest| (rest.until, rest.error.clone())),
        });
        self.standing.0.store(Arc::new(standing.collect()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn carriers() -> Carriers {
        let files: Arc<dyn Courier> = Arc::new(courier::Files::new("/nowhere".into(), courier::Texts::standard()));
        let preferences = Preferences { means: Vec::new(), roles: Vec::new() };
        let config = NoticesConfig { preferences, couriers: BTreeMap::from([(Carrier::Files, files)]) };
        Carriers::new(Arc::new(config), Arc::default())
    }

    fn error() -> CourierError {
        CourierError::OutOfOrder { address: "somewhere".to_owned(), status: 500 }
    }

    #[test]
    fn a_carrier_rests_longer_each_time_until_it_has_carried_something() {
        let mut now: Timestamp = "2031-06-02T08:00:00Z".parse().unwrap();
        let mut carriers = carriers();
        let mut rests = Vec::new();
        for _ in 0..6 {
            // Several calls at once are one failure.
            carriers.failed(Carrier::Files, error(), now);
            carriers.failed(Carrier::Files, error(), now);
            carriers.succeeded(Carrier::Files, now);
            let until = carriers.rests_until(Carrier::Files, now).unwrap();
            rests.push(until.duration_since(now).as_mins());
            now = until;
            assert_eq!(carriers.rests_until(Carrier::Files, now), None);
            assert!(carriers.is_on_probation(Carrier::Files));
        }
        assert_eq!(rests, [1, 2, 4, 8, 15, 15]);
        carriers.succeeded(Carrier::Files, now);
        assert!(!carriers.is_on_probation(Carrier::Files));
        assert_eq!(carriers.standing.get()[0].rest, None);
        let busy = CourierError::Busy {
            address: "there".to_owned(),
            limit: "day".to_owned(),
            rest: std::time::Duration::from_secs(3_600),
        };
        carriers.failed(Carrier::Files, busy, now);
        let until = carriers.rests_until(Carrier::Files, now).unwrap();
        assert_eq!(until.duration_since(now).as_mins(), 60, "as long as it asks for");
    }

    #[test]
    fn who_is_not_configured_is_never_called() {
        let carriers = carriers();
        let now = Timestamp::UNIX_EPOCH;
        assert_eq!(carriers.rests_until(Carrier::Notify, now), Some(Timestamp::MAX));
        assert!(carriers.courier(Carrier::Notify).is_none());
    }
}

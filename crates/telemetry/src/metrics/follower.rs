//! How far a service has followed the registry's journal, and whether it still listens.

use std::sync::Arc;

use super::{Gauge, Metric, Observed};

static POSITION: Metric = Metric {
    name: "citizens_access.follower.position",
    unit: "{record}",
    description: "Position of the registry's journal that a service has followed it up to",
};
static CONNECTED: Metric = Metric {
    name: "citizens_access.follower.connected",
    unit: "{replica}",
    description: "1 while the service has a watch of the registry open, else 0",
};
const NAME: &str = "citizens_access.follower";

/// A service that follows the registry, by its name.
#[derive(Clone, Copy, Debug)]
pub struct Follower(pub &'static str);

impl Follower {
    /// Its watch is open for as long as what this returns is kept.
    #[must_use]
    pub fn connected(self) -> FollowerConnection {
        let gauge = Gauge::of(&CONNECTED, &[(NAME, self.0)]);
        gauge.set(1);
        FollowerConnection(gauge)
    }

    /// It has followed up to here.
    pub fn position(self, seen: &mut Observed, position: u64) {
        seen.gauge(&POSITION, &[(NAME, self.0)], position as f64);
    }
}

/// A watch that is open.
#[derive(Debug)]
pub struct FollowerConnection(Arc<Gauge>);

impl Drop for FollowerConnection {
    fn drop(&mut self) {
        self.0.set(0);
    }
}

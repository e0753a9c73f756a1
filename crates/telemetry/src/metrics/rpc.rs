//! What each RPC did: how many calls by status and how long they took, how many are under way.
//!
//! Names are OpenTelemetry's: `rpc.server.call.duration` and `rpc.client.call.duration`, whose counts are the calls. The
//! histogram of a status is found at its first call; after that a call costs a few atomics.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tracing::Span;

use super::{Gauge, Histogram, Metric};
use crate::rpc::{End, is_fault};

/// The names of the gRPC status codes, by their number.
pub const CODES: [&str; 17] = [
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
];

/// The place of UNKNOWN, which also stands for codes that do not exist.
const UNKNOWN: usize = 2;

static SERVED: Metric = Metric {
    name: "rpc.server.call.duration",
    unit: "s",
    description: "Time from the arrival of a request to the end of its response",
};
static CALLED: Metric = Metric {
    name: "rpc.client.call.duration",
    unit: "s",
    description: "Time from a call of another service to the end of its answer, with all attempts",
};
static SERVED_NOW: Metric =
    Metric { name: "citizens_access.rpc.server.active_calls", unit: "{call}", description: "Calls under way" };
static CALLED_NOW: Metric = Metric {
    name: "citizens_access.rpc.client.active_calls",
    unit: "{call}",
    description: "Calls of other services under way",
};

/// The instruments of one RPC, at one end of it.
#[derive(Debug)]
pub struct RpcMetrics {
    end: End,
    method: String,
    /// Whom a client calls.
    peer: Option<String>,
    durations: [OnceLock<Arc<Histogram>>; CODES.len()],
    active: Arc<Gauge>,
}

/// What they say at a moment.
#[derive(Clone, Debug, PartialEq)]
pub struct RpcReading {
    /// Calls ended, by the number of their status code.
    pub calls: [u64; CODES.len()],
    /// How long they took together.
    pub duration: Duration,
    /// Calls under way.
    pub active: i64,
}

impl RpcMetrics {
    /// The instruments of `method` (`package.Service/Method`) where it is answered. Servers of one process share them.
    pub fn of(method: &str) -> Self {
        let active = Gauge::of(&SERVED_NOW, &[("rpc.method", method)]);
        Self { end: End::Server, method: method.to_owned(), peer: None, durations: Default::default(), active }
    }

    /// Those of its calls to `peer`.
    pub fn of_client(method: &str, peer: &str) -> Self {
        let active = Gauge::of(&CALLED_NOW, &[("rpc.method", method), ("server.address", peer)]);
        let (method, peer) = (method.to_owned(), Some(peer.to_owned()));
        Self { end: End::Client, method, peer, durations: Default::default(), active }
    }

    /// A call began.
    pub fn begin(&self) {
        self.active.add(1);
    }

    /// A call ended with status `code` after `duration`; `span` is that of the call, where it is recorded.
    pub fn end(&self, code: u8, duration: Duration, span: &Span) {
        self.active.add(-1);
        let place = if usize::from(code) < CODES.len() { usize::from(code) } else { UNKNOWN };
        self.durations[place].get_or_init(|| self.histogram(CODES[place])).record(duration, span);
    }

    /// What they say now.
    pub fn read(&self) -> RpcReading {
        let histograms = CODES.map(|status| self.histogram(status));
        RpcReading {
            calls: std::array::from_fn(|code| histograms[code].count()),
            duration: Duration::from_secs_f64(histograms.iter().map(|histogram| histogram.sum()).sum()),
            active: self.active.read(),
        }
    }

    fn histogram(&self, status: &str) -> Arc<Histogram> {
        let metric = match self.end {
            End::Server => &SERVED,
            End::Client => &CALLED,
        };
        let mut attributes =
            vec![("rpc.system.name", "grpc"), ("rpc.method", &*self.method), ("rpc.response.status_code", status)];
        if is_fault(status, self.end) {
            attributes.push(("error.type", status));
        }
        if let Some(peer) = &self.peer {
            attributes.push(("server.address", peer));
        }
        Histogram::of_durations(metric, &attributes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_counted_by_status_with_their_time() {
        let metrics = RpcMetrics::of("test.Counted/Get");
        metrics.begin();
        metrics.begin();
        metrics.begin();
        metrics.end(0, Duration::from_millis(2), &Span::none());
        metrics.end(99, Duration::from_millis(3), &Span::none());
        let reading = RpcMetrics::of("test.Counted/Get").read();
        assert_eq!((reading.calls[0], reading.calls[UNKNOWN], reading.active), (1, 1, 1));
        assert_eq!(reading.duration.as_micros(), 5_000);
    }
}

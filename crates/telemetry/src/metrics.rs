//! What each RPC of a server did: how many calls by status, how long in all, how many at this moment.
//!
//! Atomics found once at start; a call costs a few of them and no look-up. They are read when metrics are sent. There is
//! no distribution of latencies here.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::metrics::{Meter, MeterProvider as _};
use opentelemetry_sdk::metrics::SdkMeterProvider;

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

/// The counters of one RPC.
#[derive(Debug)]
pub struct RpcMetrics {
    method: String,
    calls: [AtomicU64; CODES.len()],
    nanoseconds: AtomicU64,
    active: AtomicI64,
}

/// The counters of one RPC at a moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RpcReading {
    /// `package.Service/Method`
    pub method: String,
    /// Calls ended, by the number of their status code.
    pub calls: [u64; CODES.len()],
    /// From the request's arrival to its response, summed over the calls ended.
    pub duration: Duration,
    /// Calls under way.
    pub active: i64,
}

static ALL: Mutex<Vec<Arc<RpcMetrics>>> = Mutex::new(Vec::new());

impl RpcMetrics {
    /// The counters of `method` (`package.Service/Method`). Servers of one process share them.
    pub fn of(method: &str) -> Arc<Self> {
        let mut all = ALL.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = all.iter().find(|metrics| metrics.method == method) {
            return Arc::clone(known);
        }
        let metrics = Arc::new(Self {
            method: method.to_owned(),
            calls: Default::default(),
            nanoseconds: AtomicU64::new(0),
            active: AtomicI64::new(0),
        });
        all.push(Arc::clone(&metrics));
        metrics
    }

    /// A call arrived.
    pub fn begin(&self) {
        self.active.fetch_add(1, Ordering::Relaxed);
    }

    /// A call ended with status `code` after `duration`.
    pub fn end(&self, code: u8, duration: Duration) {
        self.active.fetch_sub(1, Ordering::Relaxed);
        // UNKNOWN stands for codes that do not exist.
        let calls = self.calls.get(usize::from(code)).unwrap_or(&self.calls[2]);
        calls.fetch_add(1, Ordering::Relaxed);
        let nanoseconds = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        self.nanoseconds.fetch_add(nanoseconds, Ordering::Relaxed);
    }

    /// What they say now.
    pub fn read(&self) -> RpcReading {
        RpcReading {
            method: self.method.clone(),
            calls: std::array::from_fn(|code| self.calls[code].load(Ordering::Relaxed)),
            duration: Duration::from_nanos(self.nanoseconds.load(Ordering::Relaxed)),
            active: self.active.load(Ordering::Relaxed),
        }
    }
}

/// The counters of every RPC of this process.
pub fn readings() -> Vec<RpcReading> {
    let all = ALL.lock().unwrap_or_else(PoisonError::into_inner);
    all.iter().map(|metrics| metrics.read()).collect()
}

/// Has the counters read whenever the provider sends metrics.
pub(crate) fn observe(provider: &SdkMeterProvider) {
    let meter = provider.meter("citizens-access");
    observe_calls(&meter);
    meter
        .f64_observable_counter("citizens_access.rpc.server.duration.total")
        .with_unit("s")
        .with_description("Time from the arrival of a request to its response, summed over calls")
        .with_callback(|observer| {
            for reading in readings() {
                observer.observe(reading.duration.as_secs_f64(), &[rpc_method(reading.method)]);
            }
        })
        .build();
    meter
        .i64_observable_up_down_counter("citizens_access.rpc.server.active")
        .with_unit("{call}")
        .with_description("Calls under way")
        .with_callback(|observer| {
            for reading in readings() {
                observer.observe(reading.active, &[rpc_method(reading.method)]);
            }
        })
        .build();
}

fn observe_calls(meter: &Meter) {
    meter
        .u64_observable_counter("citizens_access.rpc.server.calls")
        .with_unit("{call}")
        .with_description("Calls ended, by method and status")
        .with_callback(|observer| {
            for reading in readings() {
                for (code, count) in CODES.iter().zip(reading.calls) {
                    if count > 0 {
                        let status = KeyValue::new("rpc.response.status_code", *code);
                        observer.observe(count, &[rpc_method(reading.method.clone()), status]);
                    }
                }
            }
        })
        .build();
}

fn rpc_method(method: String) -> KeyValue {
    KeyValue::new("rpc.method", method)
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
        metrics.end(0, Duration::from_millis(2));
        metrics.end(99, Duration::from_millis(3));
        let reading = RpcMetrics::of("test.Counted/Get").read();
        assert_eq!((reading.calls[0], reading.calls[2], reading.active), (1, 1, 1));
        assert_eq!(reading.duration, Duration::from_millis(5));
        assert!(readings().contains(&reading));
    }
}

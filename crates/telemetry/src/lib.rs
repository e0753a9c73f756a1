//! Traces, logs and metrics: the only crate that names `opentelemetry_sdk`.
//!
//! Everybody else writes `tracing` spans and events. This crate sends spans to an OTLP collector where one is named by
//! the standard `OTEL_` variables, writes logs to standard error, carries W3C trace context over calls and over time,
//! and keeps what is measured. It does not decide what is worth a span, and no outcome depends on it: a collector that is
//! slow, dead or absent costs dropped spans, which are counted, and nothing else.
//!
//! **Sampling is decided before a span is built.** `server` asks [`is_recorded`] first; an RPC that is not recorded
//! runs inside a [`RequestTrace::Quiet`], in which no span is built by anybody. What changes something is always
//! recorded; the ratio is for reads.
//!
//! **What an earlier request caused is linked to it, not its child**: [`link`] takes the `traceparent` that was stored
//! with the journal record.

mod chain;
mod collector;
mod config;
mod export;
mod init;
mod logs;
mod metrics;
mod propagation;
mod request;
mod resource;
mod rpc;
mod sampling;
mod traceparent;
mod transaction;
mod variables;

pub use chain::chain;
pub use collector::{Collector, Compression};
pub use config::{Config, ConfigError, Logs, Sampling};
pub use export::{CollectorError, HeaderError};
pub use init::{InitError, Telemetry, init};
pub use metrics::{
    Attributes, CODES, Counter, Distribution, Exemplar, Exposition, Family, Follower, FollowerConnection, Gauge,
    Histogram, Kind, Metric, Moment, Observation, Observed, RpcMetrics, RpcReading, Series, Value, gather, observe,
};
pub use propagation::{TRACEPARENT, inject, link, set_parent, trace_id, traceparent};
pub use request::{Entered, RequestTrace};
pub use resource::exposition;
pub use rpc::{End, client_span, record_status, server_span};
pub use sampling::{Importance, is_recorded};
pub use traceparent::{Traceparent, TraceparentError};
pub use transaction::{record_failure, transaction_span};

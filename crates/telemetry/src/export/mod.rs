//! Sending to a collector, at nobody's cost: what waits is bounded, what does not fit is dropped and counted, and the end
//! of the process has a limit.

mod channel;
mod metrics;
mod sender;
mod spans;

pub use channel::CollectorError;
pub use metrics::HeaderError;
pub(crate) use sender::Sender;
pub(crate) use spans::BoundedProcessor;

//! The limits of a peer, by name and with their reasons.

use std::time::Duration;

/// How a peer is called. The default is right between services of ours.
#[derive(Clone, Debug)]
pub struct PeerConfig {
    /// For a unary call where neither the request nor the RPC that makes it has a deadline. Streams get none: a watch is
    /// open-ended.
    pub deadline_default: Duration,
    /// Kept back from the remainder of the deadline that is passed on, so that our caller hears from us, not from its
    /// own timer, when the peer is too slow.
    pub deadline_margin: Duration,
    /// Attempts of one call, the first included. What they are made for in vain nobody above tries again, unless this is 1.
    pub attempts_max: u32,
    /// The longest pause after the first failed attempt; it doubles with each. The pause is drawn between nothing and
    /// that (full jitter), so that clients do not come back in step.
    pub backoff_first: Duration,
    /// The longest pause of all.
    pub backoff_max: Duration,
    /// Retries per call, in the long run: above it a peer that is down is not made to serve several times its load.
    pub retries_per_call: f64,
    /// Retries that a quiet time leaves for a burst.
    pub retries_saved_max: u32,
    /// To set up a connection.
    pub connect_timeout: Duration,
    /// A connection that is silent for this long is pinged,
    pub keepalive_interval: Duration,
    /// and is dropped if nothing comes back within this.
    pub keepalive_timeout: Duration,
    /// What a peer may send on one stream before it is read.
    pub stream_window_bytes: u32,
    /// The same for the whole connection.
    pub connection_window_bytes: u32,
}

impl Default for PeerConfig {
    fn default() -> Self {
        Self {
            deadline_default: Duration::from_secs(20),
            deadline_margin: Duration::from_millis(20),
            attempts_max: 4,
            backoff_first: Duration::from_millis(50),
            backoff_max: Duration::from_secs(1),
            retries_per_call: 0.2,
            retries_saved_max: 20,
            connect_timeout: Duration::from_secs(3),
            keepalive_interval: Duration::from_secs(30),
            keepalive_timeout: Duration::from_secs(10),
            stream_window_bytes: 1 << 20,
            connection_window_bytes: 4 << 20,
        }
    }
}

//! The time by which certificates are valid, and tokens with them: real time, also where the domain's clock is virtual.

use rustls::pki_types::UnixTime;

/// Seconds since 1970.
#[must_use]
pub fn now_s() -> u64 {
    UnixTime::now().as_secs()
}

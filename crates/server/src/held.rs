//! Memory that requests hold which have not come whole.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::routes::Shared;

/// What one request holds of [`ServerConfig::request_bytes_in_flight_max`](crate::ServerConfig::request_bytes_in_flight_max);
/// given back when it is dropped.
pub(crate) struct Held {
    shared: Arc<Shared>,
    bytes: usize,
}

/// There is no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Full {
    pub(crate) bytes_max: usize,
}

impl Held {
    pub(crate) fn nothing(shared: &Arc<Shared>) -> Self {
        Self { shared: Arc::clone(shared), bytes: 0 }
    }

    /// Holds `bytes` instead of what was held, where there is room for it. It is taken all the same, until the drop that
    /// follows a refusal.
    pub(crate) fn hold(&mut self, bytes: usize) -> Result<(), Full> {
        let all = &self.shared.request_bytes;
        let before = std::mem::replace(&mut self.bytes, bytes);
        if bytes <= before {
            if bytes < before {
                all.fetch_sub(before - bytes, Ordering::Relaxed);
            }
            return Ok(());
        }
        let bytes_max = self.shared.config.request_bytes_in_flight_max;
        let taken = all.fetch_add(bytes - before, Ordering::Relaxed) + (bytes - before);
        if taken > bytes_max { Err(Full { bytes_max }) } else { Ok(()) }
    }

    /// What a shed client is told.
    pub(crate) fn refusal(&self, full: Full) -> api::Error {
        crate::refusal::memory_full(full, self.shared.config.shed_retry_after)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if self.bytes > 0 {
            self.shared.request_bytes.fetch_sub(self.bytes, Ordering::Relaxed);
        }
    }
}

impl std::fmt::Debug for Held {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Held").field("bytes", &self.bytes).finish_non_exhaustive()
    }
}

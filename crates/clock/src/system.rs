//! SystemClock: the machine's time, with an offset for tests of separate processes.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::whole_microseconds;

/// The longest single wait: a system clock that is set forwards or backwards is noticed within it (I14).
const WAIT_MAX: Duration = Duration::from_secs(1);

/// The machine's clock, shifted by a fixed offset (zero but in tests of separate processes).
#[derive(Clone, Debug, Default)]
pub struct SystemClock {
    offset: SignedDuration,
}

impl SystemClock {
    /// The machine's clock plus `offset`.
    pub fn with_offset(offset: SignedDuration) -> Self {
        Self { offset }
    }

    /// The present moment in whole microseconds.
    #[expect(clippy::disallowed_methods, reason = "the one place where the machine's clock is read")]
    pub fn now(&self) -> Timestamp {
        let now = Timestamp::now();
        whole_microseconds(now.checked_add(self.offset).unwrap_or(now))
    }

    /// Waits in steps, since the machine's clock may be set while we wait.
    pub(crate) async fn wait_until(&self, moment: Timestamp) {
        loop {
            let remaining = moment.duration_since(self.now());
            let Ok(remaining) = Duration::try_from(remaining) else { return };
            if remaining.is_zero() {
                return;
            }
            tokio::time::sleep(remaining.min(WAIT_MAX)).await;
        }
    }
}

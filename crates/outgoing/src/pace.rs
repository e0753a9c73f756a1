//! Keeps requests apart, so that no second has more of them than whoever answers them wants.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// Gives out turns.
#[derive(Debug)]
pub struct Pace {
    interval: Duration,
    next: Mutex<Option<Instant>>,
}

impl Pace {
    /// At most so many a second; at least one.
    #[must_use]
    pub fn new(requests_per_second: u32) -> Self {
        Self { interval: Duration::from_secs(1) / requests_per_second.max(1), next: Mutex::new(None) }
    }

    /// Waits for its turn. Turns are given out in the order of asking.
    pub async fn turn(&self) {
        let now = Instant::now();
        let turn = {
            let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
            let turn = next.map_or(now, |next| next.max(now));
            *next = Some(turn + self.interval);
            turn
        };
        sleep_until(turn).await;
    }
}

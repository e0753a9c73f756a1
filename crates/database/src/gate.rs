//! Gate: what a process of a simulation passes on its way to what it shares with others, so that it can be made to stand still.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::watch;

/// Keeps a process of a simulation from what it shares with others, as if it stood still: whoever comes to it waits. Open at
/// first. Clones are the same gate.
#[derive(Clone, Debug)]
pub struct Gate {
    is_open: watch::Sender<bool>,
    waited: Arc<AtomicU64>,
}

impl Default for Gate {
    fn default() -> Self {
        Self { is_open: watch::Sender::new(true), waited: Arc::default() }
    }
}

impl Gate {
    /// Lets nobody through from now on.
    pub fn shut(&self) {
        self.is_open.send_replace(false);
    }

    /// Lets everybody through.
    pub fn open(&self) {
        self.is_open.send_replace(true);
    }

    /// Whether nobody is let through.
    pub fn is_shut(&self) -> bool {
        !*self.is_open.borrow()
    }

    /// Waits until it is open.
    pub async fn pass(&self) {
        if self.is_shut() {
            self.waited.fetch_add(1, Ordering::Relaxed);
        }
        // The sender lives in this gate, so that waiting cannot fail.
        let _ = self.is_open.subscribe().wait_for(|is_open| *is_open).await;
    }

    /// How often somebody had to wait.
    pub fn waited_count(&self) -> u64 {
        self.waited.load(Ordering::Relaxed)
    }
}

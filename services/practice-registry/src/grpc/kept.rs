//! What is kept for a reader who may never come for it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::task::JoinHandle;

/// Something kept for a time, real and monotonic; after that it is dropped, wherever its reader is. A reader that is not
/// polled cannot watch over its own time, so a task does; it ends with this.
#[derive(Debug)]
pub(crate) struct Kept<T> {
    place: Arc<Mutex<Option<T>>>,
    forgetting: JoinHandle<()>,
}

impl<T: Send + 'static> Kept<T> {
    /// Keeps it for `at_most`. Must be called on a runtime.
    pub(crate) fn new(value: T, at_most: Duration) -> Self {
        let place = Arc::new(Mutex::new(Some(value)));
        let forgotten = Arc::clone(&place);
        let forgetting = tokio::spawn(async move {
            tokio::time::sleep(at_most).await;
            drop(forgotten.lock().unwrap_or_else(PoisonError::into_inner).take());
        });
        Self { place, forgetting }
    }

    /// None where its time is over.
    pub(crate) fn take(&self) -> Option<T> {
        self.place.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl<T> Drop for Kept<T> {
    fn drop(&mut self) {
        self.forgetting.abort();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_is_not_taken_in_time_is_let_go_of() {
        let state = Arc::new("a large state");
        let kept = Kept::new(Arc::clone(&state), Duration::from_secs(60));
        tokio::time::sleep(Duration::from_secs(59)).await;
        assert_eq!(Arc::strong_count(&state), 2);
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert_eq!(Arc::strong_count(&state), 1, "although nobody has come for it");
        assert_eq!(kept.take(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_taken_in_time_is_there() {
        let kept = Kept::new("state", Duration::from_secs(60));
        assert_eq!(kept.take(), Some("state"));
    }
}

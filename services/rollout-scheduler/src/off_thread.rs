//! Work that takes a while, kept off the threads that serve.

use clock::Clock;
use tokio::task::JoinHandle;

/// Begins `work` on a thread of its own. In a simulation, where time moves by hand, it is a task like any other: what
/// happens may not depend on how quick a second thread is.
pub(crate) fn off_thread<T: Send + 'static>(clock: &Clock, work: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
    match clock {
        Clock::Manual(_) => tokio::spawn(async move { work() }),
        Clock::System(_) | Clock::Virtual(_) => tokio::task::spawn_blocking(work),
    }
}

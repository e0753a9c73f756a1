//! Work that takes a while, kept off the threads that serve.

use tokio::task::JoinHandle;

use crate::Clock;

impl Clock {
    /// Begins `work` on a thread of its own. In a simulation, where time moves by hand, it is a task like any other: what
    /// happens may not depend on how quick a second thread is.
    pub fn off_thread<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
        match self {
            Self::Manual(_) => tokio::spawn(async move { work() }),
            Self::System(_) | Self::Virtual(_) => tokio::task::spawn_blocking(work),
        }
    }
}

//! Signal: a level-triggered notice from many to one, which holds virtual time until it is taken.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

use crate::{Activity, Clock};

#[derive(Debug)]
struct Shared {
    clock: Clock,
    level: Mutex<Level>,
    raised: Notify,
}

#[derive(Debug)]
enum Level {
    Low,
    Raised(Activity),
    /// The waiter is gone: raising would hold time still for nobody, for ever.
    Deserted,
}

/// The side that raises. Raising a raised signal changes nothing: the waiter sees one notice for both.
#[derive(Clone, Debug)]
pub struct Signal(Arc<Shared>);

/// The side that waits. There is one.
#[derive(Debug)]
pub struct Waiter(Arc<Shared>);

pub(crate) fn pair(clock: Clock) -> (Signal, Waiter) {
    let shared = Arc::new(Shared { clock, level: Mutex::new(Level::Low), raised: Notify::new() });
    (Signal(Arc::clone(&shared)), Waiter(shared))
}

impl Signal {
    /// Raises the signal; virtual time stands still until the waiter has taken it and dropped the activity.
    #[track_caller]
    pub fn raise(&self) {
        let activity = self.0.clock.activity();
        {
            let mut level = self.0.level.lock().unwrap_or_else(PoisonError::into_inner);
            match *level {
                Level::Low => *level = Level::Raised(activity),
                Level::Raised(_) | Level::Deserted => return,
            }
        }
        self.0.raised.notify_one();
    }

    /// True once the waiter is gone: nobody will ever take what is raised.
    pub fn is_deserted(&self) -> bool {
        matches!(*self.0.level.lock().unwrap_or_else(PoisonError::into_inner), Level::Deserted)
    }
}

impl Waiter {
    /// Waits until the signal is raised, and lowers it. Cancel-safe: a raised signal is not lost.
    pub async fn wait(&mut self) -> Activity {
        loop {
            if let Some(activity) = self.take() {
                return activity;
            }
            self.0.raised.notified().await;
        }
    }

    /// Lowers the signal if it is raised.
    pub fn take(&mut self) -> Option<Activity> {
        let mut level = self.0.level.lock().unwrap_or_else(PoisonError::into_inner);
        match std::mem::replace(&mut *level, Level::Low) {
            Level::Raised(activity) => Some(activity),
            Level::Low | Level::Deserted => None,
        }
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        let mut level = self.0.level.lock().unwrap_or_else(PoisonError::into_inner);
        *level = Level::Deserted;
    }
}

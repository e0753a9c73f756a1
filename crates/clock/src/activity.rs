//! Activity: the guard that keeps virtual time where it is.

use std::panic::Location;

use crate::VirtualClock;

/// While one of these is held, virtual time does not move. On the other clocks it is nothing.
///
/// Held by whatever is in flight: a queued command, an unread change, work after waking. Cloning it (for work
/// that fans out) takes another; time moves when the last is dropped.
#[must_use = "dropped at once, it holds no time still"]
#[derive(Debug, Default)]
pub struct Activity(Option<Held>);

#[derive(Debug)]
struct Held {
    clock: VirtualClock,
    id: u64,
}

impl Activity {
    /// The activity of a clock that needs none.
    pub fn none() -> Self {
        Self(None)
    }

    pub(crate) fn held(clock: VirtualClock, id: u64) -> Self {
        Self(Some(Held { clock, id }))
    }
}

impl Clone for Activity {
    #[track_caller]
    fn clone(&self) -> Self {
        match &self.0 {
            Some(held) => held.clock.activity_at(Location::caller()),
            None => Self(None),
        }
    }
}

impl Drop for Activity {
    fn drop(&mut self) {
        if let Some(held) = self.0.take() {
            held.clock.release(held.id);
        }
    }
}

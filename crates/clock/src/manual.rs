//! ManualClock: moves only when a test moves it, also backwards.

use std::panic::Location;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};

use crate::sleep::{Due, Sleep, Sleepers};
use crate::{Activity, whole_microseconds};

/// A clock for unit tests and simulation. Clones share the same time.
#[derive(Clone, Debug)]
pub struct ManualClock(Arc<Mutex<Inner>>);

#[derive(Debug)]
struct Inner {
    now: Timestamp,
    sleepers: Sleepers,
}

impl ManualClock {
    /// A clock that stands at `start`.
    pub fn new(start: Timestamp) -> Self {
        Self(Arc::new(Mutex::new(Inner { now: whole_microseconds(start), sleepers: Sleepers::default() })))
    }

    /// The moment it was last set to.
    pub fn now(&self) -> Timestamp {
        self.lock().now
    }

    /// Sets the time and wakes everybody due by then, in the order (moment, name). Setting it backwards is
    /// allowed and wakes nobody.
    pub fn set(&self, moment: Timestamp) {
        let moment = whole_microseconds(moment);
        self.lock().now = moment;
        self.wake_due();
    }

    /// Moves the time by `duration`, as [`ManualClock::set`] does.
    pub fn advance(&self, duration: SignedDuration) {
        let now = self.now();
        self.set(now.checked_add(duration).unwrap_or(now));
    }

    #[track_caller]
    pub(crate) fn sleep_until(&self, moment: Timestamp, name: &str) -> Sleep {
        let bed = self.lock().sleepers.register(moment, name, Location::caller());
        self.wake_due();
        Sleep::on_manual(self.clone(), bed)
    }

    pub(crate) fn cancel(&self, due: &Due) {
        self.lock().sleepers.cancel(due);
    }

    fn wake_due(&self) {
        loop {
            let sleeper = {
                let mut inner = self.lock();
                let now = inner.now;
                match inner.sleepers.earliest() {
                    Some(due) if due.moment <= now => inner.sleepers.take_earliest(),
                    _ => None,
                }
            };
            let Some(sleeper) = sleeper else { return };
            // A sleeper that gave up meanwhile needs no waking.
            drop(sleeper.wake.send(Activity::none()));
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

//! VirtualClock: discrete-event time. While anything is in flight it stands still; when all is quiet it jumps
//! to the earliest due moment and wakes exactly one sleeper, with an activity in its hand. The next one,
//! also of the same moment, is woken when all is quiet again. So no outcome depends on which thread ran first.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;
use std::panic::Location;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::sleep::{Due, Sleep, Sleepers};
use crate::{Activity, whole_microseconds};

/// The longest real wait for one jump: keeps a tiny `speed` within what an [`Instant`] can say.
const REAL_WAIT_MAX: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// Stores a moment durably before it is entered, so that a restart goes on from there. It may be called for
/// a moment that is then not entered, when an earlier sleeper registers meanwhile; the last call counts.
pub type OnAdvance = Box<
    dyn Fn(Timestamp) -> Pin<Box<dyn Future<Output = Result<(), Box<dyn Error + Send + Sync>>> + Send>> + Send + Sync,
>;

/// How a virtual clock starts and moves.
pub struct VirtualConfig {
    /// The moment it stands at before the first jump: the stored one after a restart.
    pub start: Timestamp,
    /// Virtual seconds per real second; `None` never waits. It only adds a wait and changes no outcome.
    pub speed: Option<f64>,
    /// Called before each moment is entered.
    pub on_advance: Option<OnAdvance>,
}

impl VirtualConfig {
    /// Starts at `start`, never waits, stores nothing.
    pub fn new(start: Timestamp) -> Self {
        Self { start, speed: None, on_advance: None }
    }
}

/// Why virtual time stopped.
#[derive(Debug, thiserror::Error)]
#[error("the moment {moment} could not be stored, so it was not entered")]
pub struct AdvanceError {
    /// The moment that was about to be entered.
    pub moment: Timestamp,
    /// What the hook said.
    pub source: Box<dyn Error + Send + Sync>,
}

/// Discrete-event time. Clones share the same time.
#[derive(Clone)]
pub struct VirtualClock(Arc<Shared>);

struct Shared {
    inner: Mutex<Inner>,
    /// Tells the driver that all may be quiet, or that an earlier sleeper may have come.
    look: Notify,
}

struct Inner {
    now: Timestamp,
    sleepers: Sleepers,
    /// Who holds time still, by where they took it: a clock that hangs can say why.
    held: BTreeMap<u64, &'static Location<'static>>,
    taken_count: u64,
}

impl VirtualClock {
    /// A clock, and the driver that moves it: time stands still until [`Advance::run`] is polled, so everything
    /// can be set up first.
    pub fn new(config: VirtualConfig) -> (Self, Advance) {
        let inner = Inner {
            now: whole_microseconds(config.start),
            sleepers: Sleepers::default(),
            held: BTreeMap::new(),
            taken_count: 0,
        };
        let clock = Self(Arc::new(Shared { inner: Mutex::new(inner), look: Notify::new() }));
        let advance = Advance { clock: clock.clone(), speed: config.speed, on_advance: config.on_advance };
        (clock, advance)
    }

    /// The moment it stands at.
    pub fn now(&self) -> Timestamp {
        self.lock().now
    }

    /// See [`crate::Clock::activity`].
    #[track_caller]
    pub fn activity(&self) -> Activity {
        self.activity_at(Location::caller())
    }

    /// Where the activities now held were taken: what to look at when virtual time does not move.
    pub fn held_at(&self) -> Vec<&'static Location<'static>> {
        self.lock().held.values().copied().collect()
    }

    pub(crate) fn activity_at(&self, location: &'static Location<'static>) -> Activity {
        let id = self.lock().take(location);
        Activity::held(self.clone(), id)
    }

    pub(crate) fn release(&self, id: u64) {
        let quiet = {
            let mut inner = self.lock();
            inner.held.remove(&id);
            inner.held.is_empty()
        };
        if quiet {
            self.0.look.notify_one();
        }
    }

    #[track_caller]
    pub(crate) fn sleep_until(&self, moment: Timestamp, name: &str) -> Sleep {
        let location = Location::caller();
        let bed = {
            let mut inner = self.lock();
            // A past moment is due now: ordered by name among those of this moment, whenever it was meant.
            let moment = moment.max(inner.now);
            inner.sleepers.register(moment, name, location)
        };
        self.0.look.notify_one();
        Sleep::on_virtual(self.clone(), bed)
    }

    pub(crate) fn cancel(&self, due: &Due) {
        self.lock().sleepers.cancel(due);
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for VirtualClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = self.lock();
        f.debug_struct("VirtualClock")
            .field("now", &inner.now)
            .field("next", &inner.sleepers.earliest())
            .field("held", &inner.held.values().map(ToString::to_string).collect::<Vec<_>>())
            .finish()
    }
}

impl Inner {
    fn take(&mut self, location: &'static Location<'static>) -> u64 {
        self.taken_count += 1;
        self.held.insert(self.taken_count, location);
        self.taken_count
    }

    /// The sleeper whose turn it is, if nothing is in flight.
    fn next(&self) -> Option<Due> {
        if self.held.is_empty() { self.sleepers.earliest().cloned() } else { None }
    }
}

/// The driver of a [`VirtualClock`].
#[must_use = "virtual time stands still until this runs"]
pub struct Advance {
    clock: VirtualClock,
    speed: Option<f64>,
    on_advance: Option<OnAdvance>,
}

impl Advance {
    /// Moves time for as long as it is polled; returns only when a moment could not be stored.
    pub async fn run(self) -> AdvanceError {
        let mut entered_at = Instant::now();
        loop {
            let next = self.clock.lock().next();
            let Some(due) = next else {
                self.clock.0.look.notified().await;
                continue;
            };
            let now = self.clock.now();
            if due.moment > now {
                let wait_end = entered_at + self.real_wait(now, due.moment);
                if Instant::now() < wait_end {
                    tokio::select! {
                        () = tokio::time::sleep_until(wait_end) => {}
                        // Something happened during the wait: look again. The wait goes on where it was, since
                        // it counts from the moment that was entered last.
                        () = self.clock.0.look.notified() => continue,
                    }
                }
                if let Some(store) = &self.on_advance
                    && let Err(source) = store(due.moment).await
                {
                    return AdvanceError { moment: due.moment, source };
                }
            }
            if self.enter(&due) {
                entered_at = Instant::now();
            }
        }
    }

    /// Enters the moment and wakes its sleeper, unless something came in between. True when time has moved.
    fn enter(&self, due: &Due) -> bool {
        let (wake, activity, moved) = {
            let mut inner = self.clock.lock();
            if inner.next().as_ref() != Some(due) {
                return false;
            }
            let moved = due.moment > inner.now;
            inner.now = inner.now.max(due.moment);
            let Some(sleeper) = inner.sleepers.take_earliest() else { return false };
            let id = inner.take(sleeper.location);
            (sleeper.wake, Activity::held(self.clock.clone(), id), moved)
        };
        // If the sleeper gave up in this instant, the activity comes back and is released here.
        drop(wake.send(activity));
        moved
    }

    fn real_wait(&self, now: Timestamp, moment: Timestamp) -> Duration {
        let virtual_s = moment.duration_since(now).as_secs_f64();
        match self.speed {
            Some(speed) if speed > 0.0 => {
                Duration::try_from_secs_f64(virtual_s / speed).unwrap_or(REAL_WAIT_MAX).min(REAL_WAIT_MAX)
            }
            _ => Duration::ZERO,
        }
    }
}

impl fmt::Debug for Advance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Advance").field("clock", &self.clock).field("speed", &self.speed).finish_non_exhaustive()
    }
}

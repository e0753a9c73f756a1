//! Clock: where every moment of the domain comes from.
//!
//! Three forms behind one type: [`SystemClock`] for real service, [`VirtualClock`] for the demo and the
//! replay (a discrete-event clock: time jumps to the next due moment as soon as nothing is in flight) and
//! [`ManualClock`] for unit tests (time moves when the test says so).
//!
//! # How to sleep without letting virtual time slip
//!
//! Virtual time stands still while anybody holds an [`Activity`]. So whoever works holds one, and hands it
//! over without a gap:
//!
//! ```
//! # async fn example(clock: clock::Clock, due: jiff::Timestamp) {
//! let mut activity = clock.activity();
//! loop {
//!     // … work, at a moment that cannot move …
//!     let sleep = clock.sleep_until(due, "registry/lapses"); // registered here, not at the first poll
//!     drop(activity);                                        // only now may time jump
//!     activity = sleep.await;                                // woken with an activity in hand
//! #   break;
//! }
//! # }
//! ```
//!
//! Whoever awaits a call that may itself sleep on the clock (a supplier that takes its time) wraps it in
//! [`Clock::track`] instead of holding an activity across it: held across, it would stop the very clock that
//! the call waits for.
//!
//! # What it does not do
//!
//! It is not for time-outs of the machine: deadlines of calls, leases and tokens run on real, monotonic time
//! (`tokio::time`), which no `--speed` may stretch. It knows no calendar and no time zone.

mod activity;
mod discrete;
mod manual;
mod off_thread;
mod signal;
mod sleep;
mod system;
mod track;

pub use activity::Activity;
pub use discrete::{Advance, AdvanceError, OnAdvance, VirtualClock, VirtualConfig};
pub use manual::ManualClock;
pub use signal::{Signal, Waiter};
pub use sleep::Sleep;
pub use system::SystemClock;
pub use track::Track;

use jiff::Timestamp;

/// The source of every moment of the domain. Clones share the same time.
#[derive(Clone, Debug)]
pub enum Clock {
    /// The machine's clock.
    System(SystemClock),
    /// Jumps to the next due moment whenever nothing is in flight.
    Virtual(VirtualClock),
    /// Moves only when a test moves it.
    Manual(ManualClock),
}

impl Clock {
    /// The machine's clock without an offset.
    pub fn system() -> Self {
        Self::System(SystemClock::default())
    }

    /// A clock that stands at `start` until the returned [`ManualClock`] is moved.
    pub fn manual(start: Timestamp) -> (Self, ManualClock) {
        let manual = ManualClock::new(start);
        (Self::Manual(manual.clone()), manual)
    }

    /// The present moment, in whole microseconds: what the stores keep, so that a moment reads back equal.
    pub fn now(&self) -> Timestamp {
        match self {
            Self::System(clock) => clock.now(),
            Self::Virtual(clock) => clock.now(),
            Self::Manual(clock) => clock.now(),
        }
    }

    /// Whether it goes on with real time: where it does not, waiting in real time waits for nothing.
    pub fn is_real(&self) -> bool {
        matches!(self, Self::System(_))
    }

    /// Sleeps until `moment` is reached; at once (but never before its turn) where it is past.
    ///
    /// The sleeper is registered when this is called, not when the future is first polled. On the virtual
    /// clock, sleepers of equal moments wake one by one in the order of their names; two of the same moment
    /// *and* name wake in the order in which they registered, so names should be unique where order matters.
    /// Dropping the future takes the sleeper off the clock.
    #[track_caller]
    pub fn sleep_until(&self, moment: Timestamp, name: &str) -> Sleep {
        match self {
            Self::System(clock) => Sleep::on_system(clock.clone(), moment),
            Self::Virtual(clock) => clock.sleep_until(moment, name),
            Self::Manual(clock) => clock.sleep_until(moment, name),
        }
    }

    /// Keeps virtual time where it is until the guard is dropped. A no-op on the other clocks.
    #[track_caller]
    pub fn activity(&self) -> Activity {
        match self {
            Self::Virtual(clock) => clock.activity(),
            Self::System(_) | Self::Manual(_) => Activity::none(),
        }
    }

    /// Runs `future` with time held still during each poll and not in between, and hands over the activity of
    /// the poll that completed it: between a server's stream yielding an item and its reader having it, time
    /// cannot jump, while a server that sleeps on this clock can.
    ///
    /// An activity is taken when this is called and kept until the first poll has returned.
    #[track_caller]
    pub fn track<F: Future>(&self, future: F) -> Track<F> {
        Track::new(self, future)
    }

    /// A level-triggered notice from many to one, which holds virtual time from raise to wait.
    pub fn signal(&self) -> (Signal, Waiter) {
        signal::pair(self.clone())
    }
}

/// What the stores keep: whole microseconds, towards the past.
fn whole_microseconds(moment: Timestamp) -> Timestamp {
    // A second is a whole number of microseconds, so what is beyond them is all in its fraction.
    let excess_ns = moment.subsec_nanosecond().rem_euclid(1_000);
    moment.checked_sub(jiff::SignedDuration::from_nanos(excess_ns.into())).unwrap_or(moment)
}

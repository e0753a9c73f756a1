//! The domain's time: it goes with the network's, much faster, and passes over what is closed.
//!
//! A tick of the network is a minute on days on which practices may be switched on, so that what a call takes is small and can
//! still fall across the end of a window; else it is half an hour: nights, week-ends and days of notice make up most of a
//! programme.

use clock::{Clock, ManualClock};
use jiff::civil::{Date, Time as CivilTime};
use jiff::{SignedDuration, Timestamp};
use ods::civil::{civil_date, instant};

const OPEN_TICK: SignedDuration = SignedDuration::from_mins(1);
const CLOSED_TICK: SignedDuration = SignedDuration::from_mins(30);

/// From when to when a day counts as open: a little more than the windows, so that what stands at their edges is seen.
const OPENS: CivilTime = CivilTime::constant(8, 30, 0, 0);
const CLOSES: CivilTime = CivilTime::constant(17, 30, 0, 0);

/// The clocks of all machines. Each is moved by hand; one that stands still shows a process that does.
pub(crate) struct Time {
    now: Timestamp,
    open_days: Vec<Date>,
    clocks: Vec<Machine>,
}

struct Machine {
    clock: Clock,
    hand: ManualClock,
    stands: bool,
}

impl Time {
    /// So many machines, all at `start`, in a time in which practices may be switched on on `open_days`.
    pub(crate) fn new(start: Timestamp, open_days: Vec<Date>, machines_count: usize) -> Self {
        let machine = |_| {
            let (clock, hand) = Clock::manual(start);
            Machine { clock, hand, stands: false }
        };
        Self { now: start, open_days, clocks: (0..machines_count).map(machine).collect() }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.now
    }

    pub(crate) fn clock(&self, machine: usize) -> Clock {
        self.clocks[machine].clock.clone()
    }

    /// Stops a machine's clock, or lets it go on: it then shows at once what time it is.
    pub(crate) fn stand(&mut self, machine: usize, stands: bool) {
        self.clocks[machine].stands = stands;
    }

    /// A tick of the network has passed.
    pub(crate) fn tick(&mut self) {
        self.now += self.until_next();
        for machine in self.clocks.iter().filter(|machine| !machine.stands) {
            machine.hand.set(self.now);
        }
    }

    /// What the next tick stands for.
    fn until_next(&self) -> SignedDuration {
        let (now, date) = (self.now, civil_date(self.now));
        let (opens, closes) = (instant(date.to_datetime(OPENS)), instant(date.to_datetime(CLOSES)));
        let is_open_day = self.open_days.contains(&date);
        match () {
            () if is_open_day && opens <= now && now < closes => OPEN_TICK,
            () if is_open_day && now < opens => CLOSED_TICK.min(opens.duration_since(now)),
            () => CLOSED_TICK,
        }
    }
}

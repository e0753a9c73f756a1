//! The domain's time: it goes with the network's, much faster, and passes over what is closed.
//!
//! A tick of the network is a minute while the story is busy: while practices may be switched on, so that what a call takes is small
//! and can still fall across the end of a window; while they are told, and while lists are taken. Else it is half an hour: nights,
//! week-ends and days of notice make up most of a programme.

use clock::{Clock, ManualClock};
use jiff::{SignedDuration, Timestamp};

const BUSY_TICK: SignedDuration = SignedDuration::from_mins(1);
const IDLE_TICK: SignedDuration = SignedDuration::from_mins(30);

/// From a moment to before another one.
pub(crate) type Span = (Timestamp, Timestamp);

/// The clocks of all machines. Each is moved by hand; one that stands still shows a process that does.
pub(crate) struct Time {
    now: Timestamp,
    busy: Vec<Span>,
    clocks: Vec<Machine>,
}

struct Machine {
    clock: Clock,
    hand: ManualClock,
    /// By how much it is ahead.
    ahead: SignedDuration,
    stands: bool,
}

impl Time {
    /// Machines whose clocks are ahead by so much, from `start` on, in a time that is busy in these spans.
    pub(crate) fn new(start: Timestamp, busy: Vec<Span>, ahead: &[SignedDuration]) -> Self {
        let machine = |ahead: &SignedDuration| {
            let (clock, hand) = Clock::manual(start + *ahead);
            Machine { clock, hand, ahead: *ahead, stands: false }
        };
        Self { now: start, busy, clocks: ahead.iter().map(machine).collect() }
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
            machine.hand.set(self.now + machine.ahead);
        }
    }

    /// What the next tick stands for.
    fn until_next(&self) -> SignedDuration {
        let now = self.now;
        if self.busy.iter().any(|(from, until)| *from <= now && now < *until) {
            return BUSY_TICK;
        }
        let next = self.busy.iter().map(|(from, _)| *from).filter(|from| now < *from).min();
        next.map_or(IDLE_TICK, |next| IDLE_TICK.min(next.duration_since(now)))
    }
}

//! Sleep: a registered wait for a moment, and the list of sleepers that the virtual and manual clocks keep.

use std::collections::BTreeMap;
use std::fmt;
use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use jiff::Timestamp;
use tokio::sync::oneshot;

use crate::{Activity, ManualClock, SystemClock, VirtualClock};

/// A wait for a moment. Ready with an [`Activity`] that holds virtual time still; dropping it cancels the wait.
#[must_use = "a sleep does nothing unless awaited, and is cancelled when dropped"]
pub struct Sleep(Kind);

enum Kind {
    System(Pin<Box<dyn Future<Output = ()> + Send>>),
    Virtual { clock: VirtualClock, bed: Bed },
    Manual { clock: ManualClock, bed: Bed },
}

impl Sleep {
    pub(crate) fn on_system(clock: SystemClock, moment: Timestamp) -> Self {
        Self(Kind::System(Box::pin(async move { clock.wait_until(moment).await })))
    }

    pub(crate) fn on_virtual(clock: VirtualClock, bed: Bed) -> Self {
        Self(Kind::Virtual { clock, bed })
    }

    pub(crate) fn on_manual(clock: ManualClock, bed: Bed) -> Self {
        Self(Kind::Manual { clock, bed })
    }
}

impl fmt::Debug for Sleep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::System(_) => f.write_str("Sleep"),
            Kind::Virtual { bed, .. } | Kind::Manual { bed, .. } => write!(f, "Sleep({:?})", bed.due),
        }
    }
}

impl Future for Sleep {
    type Output = Activity;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Activity> {
        match &mut self.0 {
            Kind::System(wait) => wait.as_mut().poll(cx).map(|()| Activity::none()),
            // The sender lives in the clock that this future keeps alive, and leaves it only to send: an error
            // can only mean that the future is polled again after it was ready, which ends the wait as well.
            Kind::Virtual { bed, .. } | Kind::Manual { bed, .. } => {
                Pin::new(&mut bed.woken).poll(cx).map(Result::unwrap_or_default)
            }
        }
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        // An activity that was sent and not yet taken is released by the receiver's own drop.
        match &self.0 {
            Kind::System(_) => {}
            Kind::Virtual { clock, bed } => clock.cancel(&bed.due),
            Kind::Manual { clock, bed } => clock.cancel(&bed.due),
        }
    }
}

/// When a sleeper is due: by moment, then name, then order of registration.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Due {
    pub(crate) moment: Timestamp,
    name: Arc<str>,
    registered: u64,
}

/// What a sleeper keeps: its place in the list and the way it is woken.
pub(crate) struct Bed {
    due: Due,
    woken: oneshot::Receiver<Activity>,
}

/// What the clock keeps of a sleeper.
#[derive(Debug)]
pub(crate) struct Sleeper {
    /// Sent outside the clock's lock, since dropping an activity takes it.
    pub(crate) wake: oneshot::Sender<Activity>,
    /// Where it went to sleep: its waking activity is held on behalf of that line.
    pub(crate) location: &'static Location<'static>,
}

/// Everybody asleep on one clock, earliest first.
#[derive(Debug, Default)]
pub(crate) struct Sleepers {
    list: BTreeMap<Due, Sleeper>,
    registered_count: u64,
}

impl Sleepers {
    pub(crate) fn register(&mut self, moment: Timestamp, name: &str, location: &'static Location<'static>) -> Bed {
        self.registered_count += 1;
        let due = Due { moment, name: Arc::from(name), registered: self.registered_count };
        let (wake, woken) = oneshot::channel();
        self.list.insert(due.clone(), Sleeper { wake, location });
        Bed { due, woken }
    }

    pub(crate) fn cancel(&mut self, due: &Due) {
        self.list.remove(due);
    }

    pub(crate) fn earliest(&self) -> Option<&Due> {
        self.list.keys().next()
    }

    /// Takes the earliest sleeper off the list; the caller wakes it.
    pub(crate) fn take_earliest(&mut self) -> Option<Sleeper> {
        self.list.pop_first().map(|(_, sleeper)| sleeper)
    }
}

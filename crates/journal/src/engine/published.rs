//! Published: the state that everybody reads, and those who wait for the next one.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use arc_swap::ArcSwap;
use clock::{Activity, Clock, Signal, Waiter};
use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;

use crate::causes::Causes;
use crate::engine::measures::Measures;
use crate::error::{JournalError, NotReached};
use crate::fold::Folded;
use crate::machine::Machine;
use crate::record::{Hash, Head};
use crate::redaction::Redactions;

/// A committed state. It never changes; the next one replaces it.
pub struct Published<M: Machine> {
    /// The state.
    pub state: M::State,
    /// The last record that is folded into it; 0 in an empty journal.
    pub position: u64,
    /// That record's hash: with the position it says which journal this was (rule 17).
    pub hash: Hash,
    /// When that record was recorded; 1970 in an empty journal.
    pub recorded_at: Timestamp,
    pub(crate) redactions: Redactions,
    pub(crate) policies: Option<Arc<str>>,
    pub(crate) payload_bytes: u64,
    pub(crate) causes: Causes,
}

impl<M: Machine> std::fmt::Debug for Published<M> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let journal = M::JOURNAL;
        f.debug_struct("Published").field("journal", &journal).field("position", &self.position).finish_non_exhaustive()
    }
}

impl<M: Machine> From<&Folded<M>> for Published<M> {
    fn from(folded: &Folded<M>) -> Self {
        let Folded { state, redactions, policies, head, payload_bytes, causes } = folded.clone();
        let Head { position, hash, recorded_at } = head;
        Self { state, position, hash, recorded_at, redactions, policies, payload_bytes, causes }
    }
}

impl<M: Machine> Published<M> {
    pub(crate) fn head(&self) -> Head {
        Head { position: self.position, hash: self.hash, recorded_at: self.recorded_at }
    }

    pub(crate) fn folded(&self) -> Folded<M> {
        let (state, redactions, head) = (self.state.clone(), self.redactions.clone(), self.head());
        let (policies, causes) = (self.policies.clone(), self.causes.clone());
        Folded { state, redactions, policies, head, payload_bytes: self.payload_bytes, causes }
    }

    /// The traceparent of a record that was folded lately, empty where it has none. None of one that is not remembered: it
    /// is from before this process, or a thousand others came after it.
    pub fn traceparent(&self, position: u64) -> Option<&str> {
        self.causes.traceparent(position)
    }
}

/// How far the engine is.
#[derive(Clone, Debug)]
pub(crate) struct Progress {
    /// The last record that is published.
    pub(crate) head: Head,
    /// The redactions up to there.
    pub(crate) redactions: Redactions,
    /// Why nothing will follow.
    pub(crate) stopped: Option<Arc<JournalError>>,
    /// The writer has ended: nothing will follow here.
    pub(crate) has_ended: bool,
    /// By how much our clock is ahead of the database's, where it is too far off to record anything.
    pub(crate) clock_off: Option<SignedDuration>,
}

impl Progress {
    pub(crate) fn is_ready(&self) -> bool {
        self.clock_off.is_none() && !self.is_final()
    }

    pub(crate) fn is_final(&self) -> bool {
        self.stopped.is_some() || self.has_ended
    }
}

/// What the writer shows to everybody else.
pub(crate) struct Shared<M: Machine> {
    published: ArcSwap<Published<M>>,
    progress: watch::Sender<Progress>,
    subscribers: Mutex<Vec<Signal>>,
    clock: Clock,
    measures: Measures,
}

impl<M: Machine> Shared<M> {
    pub(crate) fn new(folded: &Folded<M>, clock: Clock, measures: Measures) -> Self {
        measures.reached(folded.head.position);
        Self {
            published: ArcSwap::from_pointee(Published::from(folded)),
            progress: watch::Sender::new(Progress {
                head: folded.head,
                redactions: folded.redactions.clone(),
                stopped: None,
                has_ended: false,
                clock_off: None,
            }),
            subscribers: Mutex::default(),
            clock,
            measures,
        }
    }

    /// The latest committed state; takes no lock.
    pub(crate) fn published(&self) -> Arc<Published<M>> {
        self.published.load_full()
    }

    /// As [`published`](Self::published), for as long as `read` looks at it.
    pub(crate) fn read<T>(&self, read: impl FnOnce(&Published<M>) -> T) -> T {
        read(&self.published.load())
    }

    /// Replaces the state, then tells everybody. After it returns, whoever reads sees it.
    pub(crate) fn publish(&self, folded: &Folded<M>) {
        self.published.store(Arc::new(Published::from(folded)));
        self.progress.send_modify(|progress| {
            progress.head = folded.head;
            progress.redactions = folded.redactions.clone();
        });
        self.measures.reached(folded.head.position);
        let mut subscribers = self.subscribers.lock().unwrap_or_else(PoisonError::into_inner);
        subscribers.retain(|signal| !signal.is_deserted());
        for signal in subscribers.iter() {
            signal.raise();
        }
    }

    /// Says that nothing will follow, and why.
    pub(crate) fn stop(&self, reason: Arc<JournalError>) {
        self.measures.stopped();
        self.progress.send_modify(|progress| progress.stopped = Some(reason));
    }

    /// Says that the writer has ended.
    pub(crate) fn end(&self) {
        self.progress.send_modify(|progress| progress.has_ended = true);
    }

    pub(crate) fn stopped(&self) -> Option<Arc<JournalError>> {
        self.progress.borrow().stopped.clone()
    }

    pub(crate) fn clock_off(&self) -> Option<SignedDuration> {
        self.progress.borrow().clock_off
    }

    pub(crate) fn set_clock_off(&self, clock_off: Option<SignedDuration>) {
        self.measures.clock_off(clock_off.is_some());
        self.progress.send_modify(|progress| progress.clock_off = clock_off);
    }

    pub(crate) fn progress(&self) -> watch::Receiver<Progress> {
        self.progress.subscribe()
    }

    pub(crate) fn subscribe(self: &Arc<Self>) -> Subscription<M> {
        let (signal, waiter) = self.clock.signal();
        self.subscribers.lock().unwrap_or_else(PoisonError::into_inner).push(signal);
        Subscription { shared: Arc::clone(self), waiter }
    }
}

/// Hears of each new state: level-triggered, so a slow reader sees the latest and not each in turn. While a change is
/// unread, virtual time stands still.
pub struct Subscription<M: Machine> {
    shared: Arc<Shared<M>>,
    waiter: Waiter,
}

impl<M: Machine> Subscription<M> {
    /// Waits for a state that was published after the last call (or after subscribing). Cancel-safe: a change that
    /// was not returned is returned by the next call.
    pub async fn changed(&mut self) -> (Arc<Published<M>>, Activity) {
        let activity = self.waiter.wait().await;
        (self.shared.published(), activity)
    }

    /// Sleeps as `sleeper` until `due`, or for ever where nothing is; wakes before that where the state changes, by which
    /// something may be due earlier. Gives up `activity` meanwhile, and returns the one to go on with.
    pub async fn changed_or_due(
        &mut self,
        clock: &Clock,
        sleeper: &'static str,
        due: Option<Timestamp>,
        activity: Activity,
    ) -> Activity {
        // Registered before the activity is given up, so that virtual time cannot pass the due moment.
        let sleep = due.map(|due| clock.sleep_until(due, sleeper));
        drop(activity);
        let due = async {
            match sleep {
                Some(sleep) => sleep.await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            (_, activity) = self.changed() => activity,
            activity = due => activity,
        }
    }
}

impl<M: Machine> std::fmt::Debug for Subscription<M> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Subscription").field("journal", &M::JOURNAL).finish_non_exhaustive()
    }
}

/// Waits until `wanted` is reached or the deadline has passed, on real time.
pub(crate) async fn wait_for(
    mut progress: watch::Receiver<Progress>,
    journal: &'static str,
    wanted: u64,
    deadline: Instant,
) -> Result<(), NotReached> {
    let reached = progress.wait_for(|progress| progress.head.position >= wanted || progress.is_final());
    let in_time = tokio::time::timeout_at(deadline.into(), reached).await.is_ok();
    let position = progress.borrow().head.position;
    if in_time && position >= wanted { Ok(()) } else { Err(NotReached { journal, wanted, position }) }
}

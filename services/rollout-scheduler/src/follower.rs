//! The follower: a copy of the registry's practices, kept by its watch.
//!
//! Whoever reads the view sees every change up to one position of the registry's journal and none after it. The copy
//! leads to proposals and explanations only; whether a pause came in time is the permit's to say.

use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use clock::{Clock, Signal, Waiter};
use rollout::RegistryView;
use tokio_util::sync::CancellationToken;

use crate::grpc::{Registry, Watch, WatchChange, WatchMessage};
use crate::measures::FOLLOWER;
use crate::peer::PeerError;

/// How long to wait before the registry is asked again, on real time: it restarts in about a second.
const RECONNECT_AFTER: Duration = Duration::from_millis(500);

/// The reason with which the registry refuses to go on where a reader of another journal was, and the hold's.
pub(crate) const JOURNAL_REWOUND: &str = "JOURNAL_REWOUND";

/// The reason with which it refuses to go on from a position that it has not, or not yet.
const POSITION_NOT_REACHED: &str = "POSITION_NOT_REACHED";

/// The copy, for readers. Clones share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct FollowedRegistry(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    view: ArcSwap<RegistryView>,
    /// Raised with each new copy.
    subscribers: Mutex<Vec<Signal>>,
}

impl FollowedRegistry {
    /// The latest complete copy; at position 0 before there is one. Takes no lock.
    pub(crate) fn view(&self) -> Arc<RegistryView> {
        self.0.view.load_full()
    }

    /// Hears of each new copy; the latest counts, not each in turn.
    pub(crate) fn subscribe(&self, clock: &Clock) -> Waiter {
        let (signal, waiter) = clock.signal();
        self.0.subscribers.lock().unwrap_or_else(PoisonError::into_inner).push(signal);
        waiter
    }

    /// There is no copy any more: what it was a copy of is gone.
    fn forget(&self) {
        self.0.view.store(Arc::default());
    }

    fn publish(&self, view: RegistryView) {
        self.0.view.store(Arc::new(view));
        let mut subscribers = self.0.subscribers.lock().unwrap_or_else(PoisonError::into_inner);
        subscribers.retain(|signal| !signal.is_deserted());
        for signal in subscribers.iter() {
            signal.raise();
        }
    }
}

/// Keeps the copy.
pub(crate) struct Follower<W> {
    pub(crate) registry: Registry,
    pub(crate) followed: FollowedRegistry,
    pub(crate) clock: Clock,
    pub(crate) witness: W,
}

/// Who knows where the registry has been, and is told when it is there no longer. A trait, since the future of an async
/// closure is not known to be `Send`.
pub(crate) trait Witness: Send + Sync {
    /// The highest position of the registry's journal that any decision was made on.
    fn registry_position_known(&self) -> u64;

    /// Returns once nothing is sealed any more.
    fn rewound(&self, rewound: Rewound) -> impl Future<Output = ()> + Send;
}

/// The registry's journal is shorter than it was, or another: records are gone (rule 17).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rewound {
    /// Where the registry was known to be.
    pub(crate) known_position: u64,
    /// Where it is; none where only that it is another journal is known.
    pub(crate) found_position: Option<u64>,
}

impl<W: Witness> Follower<W> {
    /// Follows until `shutdown`. A registry that cannot be reached is asked again; the copy stays as it was.
    pub(crate) async fn run(self, shutdown: CancellationToken) {
        tokio::select! {
            biased;
            () = shutdown.cancelled() => {}
            never = self.follow() => match never {},
        }
    }

    async fn follow(&self) -> Infallible {
        let mut resume_token = String::new();
        loop {
            if let Err(error) = self.watch(&mut resume_token).await {
                tracing::warn!(error = telemetry::chain(&error), "the registry's watch broke off");
                if error.reason() == JOURNAL_REWOUND {
                    let known_position = self.known_position();
                    self.witness.rewound(Rewound { known_position, found_position: None }).await;
                    self.followed.forget();
                }
                // A registry that does not come to where we were lags or was restored: beginning anew tells which.
                if !error.is_unanswered() || error.reason() == POSITION_NOT_REACHED {
                    resume_token.clear();
                }
            }
            tokio::time::sleep(RECONNECT_AFTER).await;
        }
    }

    /// Watches until the registry ends the stream. Nothing of another journal is shown before the witness knows.
    async fn watch(&self, resume_token: &mut String) -> Result<(), PeerError> {
        let mut activity = self.clock.activity();
        // Whatever the registry has acknowledged so far it must still have now.
        let mut unconfirmed = Some(self.known_position());
        let mut watch: Watch = self.registry.watch(resume_token).await?;
        let _connected = FOLLOWER.connected();
        let mut view = if resume_token.is_empty() { RegistryView::default() } else { (*self.followed.view()).clone() };
        loop {
            let next = self.clock.track(watch.next());
            drop(activity);
            let (message, woken) = next.await;
            activity = woken;
            let Some(message) = message? else { return Ok(()) };
            let (bookmark, token) = (message.bookmark, message.resume_token.clone());
            take(&mut view, message);
            if !bookmark {
                continue;
            }
            if let Some(known_position) = unconfirmed.take()
                && view.position < known_position
                && !self.registry.reaches(known_position).await?
            {
                self.witness.rewound(Rewound { known_position, found_position: Some(view.position) }).await;
            }
            *resume_token = token;
            self.followed.publish(view.clone());
        }
    }

    fn known_position(&self) -> u64 {
        self.witness.registry_position_known().max(self.followed.view().position)
    }
}

/// Folds one message into a copy.
fn take(view: &mut RegistryView, message: WatchMessage) {
    for change in message.changes {
        match change {
            WatchChange::Is(facts) => view.put(facts),
            WatchChange::IsGone(practice) => view.remove(practice),
        }
    }
    view.position = message.position;
}

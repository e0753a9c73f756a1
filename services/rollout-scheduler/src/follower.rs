//! The follower: a copy of the registry's practices, kept by its watch.
//!
//! Whoever reads the view sees every change up to one position of the registry's journal and none after it. The copy
//! leads to proposals and explanations only; whether a pause came in time is the permit's to say.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use clock::{Clock, Signal, Waiter};
use rollout::RegistryView;
use tokio_util::sync::CancellationToken;

use crate::grpc::{Registry, Watch, WatchChange, WatchMessage};
use crate::peer::PeerError;

/// How long to wait before the registry is asked again, on real time: it restarts in about a second.
const RECONNECT_AFTER: Duration = Duration::from_millis(500);

/// The reason with which the registry refuses to go on where a reader of another journal was, and the hold's.
pub(crate) const JOURNAL_REWOUND: &str = "JOURNAL_REWOUND";

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
pub(crate) struct Follower {
    pub(crate) registry: Registry,
    pub(crate) followed: FollowedRegistry,
    pub(crate) clock: Clock,
    /// Where the registry is known to have been before this process: a shorter journal has lost records.
    pub(crate) known_position: u64,
}

/// Who is told of a registry that lost records. A trait, since the future of an async closure is not known to be `Send`.
pub(crate) trait OnRewound: Send + Sync {
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

impl Follower {
    /// Follows until `shutdown`. A registry that cannot be reached is asked again; the copy stays as it was.
    ///
    /// `on_rewound` is awaited before anything of the other journal is shown to anybody.
    pub(crate) async fn run(mut self, shutdown: CancellationToken, on_rewound: impl OnRewound) {
        let mut resume_token = String::new();
        loop {
            let watched = tokio::select! {
                () = shutdown.cancelled() => return,
                watched = self.watch(&mut resume_token, &on_rewound) => watched,
            };
            if let Err(error) = watched {
                tracing::warn!(error = &error as &dyn std::error::Error, "the registry's watch broke off");
                if error.reason() == JOURNAL_REWOUND {
                    on_rewound.rewound(Rewound { known_position: self.known_position, found_position: None }).await;
                    self.known_position = 0;
                }
                if !error.is_unanswered() {
                    resume_token.clear();
                }
            }
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = tokio::time::sleep(RECONNECT_AFTER) => {}
            }
        }
    }

    async fn watch(&mut self, resume_token: &mut String, on_rewound: &impl OnRewound) -> Result<(), PeerError> {
        let mut activity = self.clock.activity();
        let mut watch: Watch = self.registry.watch(resume_token).await?;
        let mut view = if resume_token.is_empty() { RegistryView::default() } else { (*self.followed.view()).clone() };
        loop {
            let next = self.clock.track(watch.next());
            drop(activity);
            let (message, woken) = next.await;
            activity = woken;
            let Some(message) = message? else { return Ok(()) };
            let (bookmark, token) = (message.bookmark, message.resume_token.clone());
            take(&mut view, message);
            if bookmark {
                if view.position < self.known_position {
                    let found_position = Some(view.position);
                    on_rewound.rewound(Rewound { known_position: self.known_position, found_position }).await;
                }
                self.known_position = view.position;
                *resume_token = token;
                self.followed.publish(view.clone());
            }
        }
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

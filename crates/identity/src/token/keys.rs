//! An issuer's keys of this moment.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use jws::KeySet;
use tls::now_s;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::token::key_source::{Fetcher, KeySourceError};

/// How often an address is asked without need: a withdrawn key is believed no longer than this, while its issuer answers.
const REFRESH_INTERVAL: Duration = Duration::from_secs(5 * 60);
/// How often a file is looked at.
const LOOK_INTERVAL: Duration = Duration::from_secs(5);
/// Between two fetches for keys that we do not know: anybody can make up a key's id, and must not have us ask for each.
pub(crate) const UNKNOWN_KEY_INTERVAL: Duration = Duration::from_secs(10);
/// After a fetch that failed.
const RETRY_INTERVAL: Duration = Duration::from_secs(15);

/// Keys, with the word of when they were fetched. A fetch that fails leaves them as they are.
#[derive(Debug)]
pub(crate) struct Keys {
    place: String,
    fetcher: Fetcher,
    set: ArcSwap<KeySet>,
    /// Raised by each set that differs from the one before: what was verified by an older one is verified anew.
    version: AtomicU64,
    /// Seconds since 1970 of the last fetch that succeeded.
    fetched_at_s: AtomicU64,
    /// A key was asked for that is not in the set.
    wanted: Notify,
    is_wanted: AtomicBool,
    tried: Mutex<Tried>,
}

#[derive(Debug, Default)]
struct Tried {
    /// When the last fetch ended.
    at: Option<Instant>,
    /// Why it failed; None where it did not.
    failure: Option<String>,
    successes_count: u64,
    failures_count: u64,
}

/// How an issuer's keys stand, for whoever operates the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeysState {
    /// Whose, by the claim `iss`.
    pub issuer: String,
    /// Where they come from.
    pub place: String,
    /// How old they are.
    pub age: Duration,
    /// Their ids.
    pub ids: Vec<String>,
    /// Why the last fetch failed; None where it did not.
    pub failure: Option<String>,
    /// How often they were fetched since the start,
    pub successes_count: u64,
    /// and how often they could not be.
    pub failures_count: u64,
    /// They are so old that no token is believed by them any more.
    pub is_stale: bool,
}

/// What becomes of a token whose key is not in the set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unknown {
    /// The keys are being fetched, and it may be among them.
    Fetching,
    /// They were just fetched, and it is not.
    Absent,
}

impl Keys {
    /// Fetches them for the first time.
    pub(crate) async fn open(fetcher: Fetcher, place: String) -> Result<Self, KeySourceError> {
        let set = fetcher.fetch().await?;
        Ok(Self {
            place,
            fetcher,
            set: ArcSwap::from_pointee(set),
            version: AtomicU64::new(next_version()),
            fetched_at_s: AtomicU64::new(now_s()),
            wanted: Notify::new(),
            is_wanted: AtomicBool::new(false),
            tried: Mutex::new(Tried { at: Some(Instant::now()), successes_count: 1, ..Tried::default() }),
        })
    }

    pub(crate) fn set(&self) -> Arc<KeySet> {
        self.set.load_full()
    }

    pub(crate) fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    /// How old they are at `now_s`.
    pub(crate) fn age_s(&self, now_s: u64) -> u64 {
        now_s.saturating_sub(self.fetched_at_s.load(Ordering::Relaxed))
    }

    /// `stale_max`: from when on they are believed no more.
    pub(crate) fn state(&self, issuer: &str, stale_max: Duration) -> KeysState {
        let age = Duration::from_secs(self.age_s(now_s()));
        let ids = self.set().ids().map(str::to_owned).collect();
        let tried = self.tried();
        KeysState {
            issuer: issuer.to_owned(),
            place: self.place.clone(),
            age,
            ids,
            failure: tried.failure.clone(),
            successes_count: tried.successes_count,
            failures_count: tried.failures_count,
            is_stale: age > stale_max,
        }
    }

    /// Notes that a key is wanted which is not in the set. It does not wait.
    pub(crate) fn want(&self) -> Unknown {
        let just_tried = self.tried().at.is_some_and(|at| at.elapsed() < UNKNOWN_KEY_INTERVAL);
        if just_tried && !self.is_wanted.load(Ordering::Acquire) {
            return Unknown::Absent;
        }
        // Told once: a second word, heard after the fetch that is under way, would have another made.
        if !self.is_wanted.swap(true, Ordering::AcqRel) {
            self.wanted.notify_one();
        }
        Unknown::Fetching
    }

    /// Fetches them again for ever: from time to time, soon after a failure, and at once where one is wanted that is not there.
    pub(crate) async fn follow(&self) {
        let mut seen = self.fetcher.stamp();
        loop {
            let failed = self.tried().failure.is_some();
            let pause = match (self.fetcher.is_file(), failed) {
                (true, _) => LOOK_INTERVAL,
                (false, true) => RETRY_INTERVAL,
                (false, false) => REFRESH_INTERVAL,
            };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = self.wanted.notified() => {}
            }
            let stamp = self.fetcher.stamp();
            let is_unchanged = stamp.is_some() && stamp == seen && !failed && !self.is_wanted.load(Ordering::Acquire);
            if is_unchanged {
                // It lies there as it was read: that is as good as having read it again.
                self.fetched_at_s.store(now_s(), Ordering::Relaxed);
            } else {
                seen = stamp;
                self.fetch().await;
            }
        }
    }

    /// Fetches them once.
    pub(crate) async fn fetch(&self) {
        let fetched = self.fetcher.fetch().await;
        let failure = match fetched {
            Ok(set) => {
                self.fetched_at_s.store(now_s(), Ordering::Relaxed);
                if *self.set.load_full() != set {
                    tracing::info!(place = self.place, keys = ?set.ids().collect::<Vec<_>>(), "the issuer's keys have changed");
                    self.set.store(Arc::new(set));
                    self.version.store(next_version(), Ordering::Release);
                }
                None
            }
            Err(error) => {
                let cause = chain(&error);
                let age_s = self.age_s(now_s());
                tracing::warn!(
                    place = self.place,
                    cause,
                    age_s,
                    "the issuer's keys could not be fetched; the old ones are believed"
                );
                Some(cause)
            }
        };
        let mut tried = self.tried();
        tried.at = Some(Instant::now());
        match &failure {
            None => tried.successes_count += 1,
            Some(_) => tried.failures_count += 1,
        }
        tried.failure = failure;
        drop(tried);
        self.is_wanted.store(false, Ordering::Release);
    }

    fn tried(&self) -> std::sync::MutexGuard<'_, Tried> {
        self.tried.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Unique in the process, so that what one set verified is never taken for what another did.
fn next_version() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// An error with all that caused it.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(": ");
        text.push_str(&error.to_string());
        source = error.source();
    }
    text
}

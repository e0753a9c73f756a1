//! Certificates, key and trust bundle of this moment.

use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwap;
use rustls::pki_types::UnixTime;
use rustls::{ClientConfig, ServerConfig};

use crate::client::{self, ServerIdentity};
use crate::files::{Files, FilesError, Material};
use crate::leaf::Leaf;
use crate::server;

/// How often files are looked at: renewals come hours before they are needed, and a look is three `stat`s.
const LOOK_INTERVAL: Duration = Duration::from_secs(5);

/// How often a state that wants somebody's attention is logged again.
const REMIND_INTERVAL: Duration = Duration::from_secs(60 * 60);

/// A certificate with less than this part of its life left should have been renewed: renewals are made at two thirds.
const WARN_LIFE_PART: u64 = 5;

/// What the files say, kept up to date. It is shared: connections ask it for a configuration when they begin.
#[derive(Debug)]
pub struct Credentials {
    files: Files,
    current: ArcSwap<Current>,
    watched: Mutex<Watched>,
}

#[derive(Debug)]
struct Current {
    material: Material,
    /// None for a client alone.
    server: Option<Arc<ServerConfig>>,
}

#[derive(Debug)]
struct Watched {
    seen: Vec<Stamp>,
    taken_at: UnixTime,
    reloads_count: u64,
    refusals_count: u64,
    /// Why the files that lie there now are not used.
    broken: Option<String>,
    reminded_at: Option<UnixTime>,
}

/// By what a file that has changed is known.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Stamp {
    path: PathBuf,
    found: Option<(Option<SystemTime>, u64)>,
}

/// How credentials stand, for whoever operates them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    /// Our certificate; None where we show none.
    pub leaf: Option<Leaf>,
    /// How long it is still valid.
    pub left: Option<Duration>,
    /// True where it should have been renewed.
    pub expires_soon: bool,
    /// How long ago files were taken last, at the start for the first time.
    pub taken_ago: Duration,
    /// How often files were taken since the start.
    pub reloads_count: u64,
    /// How often they were not, since they could not be used.
    pub refusals_count: u64,
    /// Why the files that lie there now are not used; None where they are.
    pub broken: Option<String>,
}

impl Credentials {
    /// Reads the files.
    ///
    /// # Errors
    /// Where they cannot be used.
    pub fn open(files: Files) -> Result<Self, FilesError> {
        let seen = stamps(&files);
        let current = Current::read(&files)?;
        let taken_at = UnixTime::now();
        let watched = Watched { seen, taken_at, reloads_count: 0, refusals_count: 0, broken: None, reminded_at: None };
        Ok(Self { files, current: ArcSwap::from_pointee(current), watched: Mutex::new(watched) })
    }

    /// For the next connection that is accepted; None where we have no certificate.
    #[must_use]
    pub fn server_config(&self) -> Option<Arc<ServerConfig>> {
        self.current.load().server.clone()
    }

    /// For the next connection that is opened, to a server that is `expected`.
    ///
    /// # Errors
    /// Where rustls refuses it, which it has not done with the same files before.
    pub fn client_config(&self, expected: &ServerIdentity) -> Result<Arc<ClientConfig>, rustls::Error> {
        let current = self.current.load();
        let key = current.material.identity.as_ref().map(|(key, _)| Arc::clone(key));
        client::config(key, Arc::clone(&current.material.roots), expected.clone()).map(Arc::new)
    }

    /// How things stand now.
    #[must_use]
    pub fn state(&self) -> State {
        let leaf = self.current.load().material.identity.as_ref().map(|(_, leaf)| leaf.clone());
        let now = UnixTime::now();
        let watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        State {
            left: leaf.as_ref().and_then(|leaf| leaf.left(now)),
            expires_soon: leaf.as_ref().is_some_and(|leaf| expires_soon(leaf, now)),
            leaf,
            taken_ago: Duration::from_secs(now.as_secs().saturating_sub(watched.taken_at.as_secs())),
            reloads_count: watched.reloads_count,
            refusals_count: watched.refusals_count,
            broken: watched.broken.clone(),
        }
    }

    /// Looks at the files for ever, and takes them when they have changed.
    pub async fn follow(&self) {
        let mut looks = tokio::time::interval(LOOK_INTERVAL);
        looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            looks.tick().await;
            if stamps(&self.files) != self.watched.lock().unwrap_or_else(PoisonError::into_inner).seen {
                self.reload();
            }
            self.remind();
        }
    }

    /// Takes the files as they lie there now; where they cannot be used, what was read before goes on and the log says why.
    /// True where they were taken.
    pub fn reload(&self) -> bool {
        let seen = stamps(&self.files);
        let read = Current::read(&self.files);
        let mut watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        watched.seen = seen;
        watched.reminded_at = None;
        match read {
            Ok(current) => {
                watched.broken = None;
                watched.taken_at = UnixTime::now();
                watched.reloads_count += 1;
                let leaf = current.material.identity.as_ref().map(|(_, leaf)| leaf.clone());
                self.current.store(Arc::new(current));
                let not_after_s = leaf.map(|leaf| leaf.not_after_s);
                tracing::info!(?not_after_s, "certificates and trust bundle were read anew");
                true
            }
            Err(error) => {
                let cause = chain(&error);
                tracing::error!(cause, "the new certificates or trust bundle are not used; the old ones still are");
                watched.broken = Some(cause);
                watched.refusals_count += 1;
                false
            }
        }
    }

    /// Warns of an expiry that comes near, and of files that are still broken.
    fn remind(&self) {
        let now = UnixTime::now();
        let state = self.state();
        let mut watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        let is_early = watched.reminded_at.is_some_and(|at| now.as_secs() < at.as_secs() + REMIND_INTERVAL.as_secs());
        if is_early {
            return;
        }
        watched.reminded_at = Some(now);
        if state.leaf.is_some() && state.left.is_none() {
            tracing::error!("our certificate has expired: nobody who verifies it goes on talking to us");
        } else if state.expires_soon {
            let left_s = state.left.map(|left| left.as_secs());
            tracing::warn!(?left_s, "our certificate expires soon and was not renewed");
        }
    }
}

impl Current {
    fn read(files: &Files) -> Result<Self, FilesError> {
        let material = files.read(UnixTime::now())?;
        let server = match (&files.identity, &material.identity) {
            (Some(paths), Some((key, _))) => {
                let refused = |source| FilesError::Refused { path: paths.certificate.clone(), source };
                let config = server::config(Arc::clone(key), Arc::clone(&material.roots)).map_err(refused)?;
                Some(Arc::new(config))
            }
            _ => None,
        };
        Ok(Self { material, server })
    }
}

fn expires_soon(leaf: &Leaf, now: UnixTime) -> bool {
    leaf.not_after_s < now.as_secs() + leaf.life().as_secs() / WARN_LIFE_PART
}

fn stamps(files: &Files) -> Vec<Stamp> {
    let stamp = |path: &std::path::Path| {
        let found = fs::metadata(path).ok().map(|metadata| (metadata.modified().ok(), metadata.len()));
        Stamp { path: path.to_owned(), found }
    };
    files.paths().map(stamp).collect()
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

//! Following the registry: what it tells goes into tables of ours, with the registry's position, in one transaction, and
//! from there into the directory that queries read.
//!
//! A message that is not the last of its step (part of a snapshot) is kept until the last: what is stored is always a
//! consistent state of the registry. While there is anything unread, or no connection, virtual time stands still, so
//! that no figure depends on how fast we read.

use std::sync::Arc;

use clock::{Activity, Clock};
use database::Db;
use jiff::Timestamp;
use ods::PracticeCode;
use tally::{Day, Directory, Fact, Told};
use thiserror::Error;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::config::StatisticsConfig;
use crate::grpc::registry::{RegistryError, RegistryPeer, RegistryWatch};
use crate::ingest::{Ingest, IngestError, Places};
use crate::store::StoreError;
use crate::store::told::{self, Followed, PracticeFact};

/// The practices as followed up to a position.
#[derive(Clone, Debug, Default)]
pub(crate) struct Picture {
    pub(crate) directory: Directory,
    pub(crate) followed: Followed,
    /// Set once the registry's journal turned out to be another one than before (rule 17).
    pub(crate) rewound: Option<Rewound>,
}

/// The registry's journal ends before what was followed, or holds another record there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rewound {
    pub(crate) found: u64,
    pub(crate) known: u64,
}

/// What the registry told of one practice in one message.
#[derive(Clone, Debug)]
pub(crate) struct PracticeUpdate {
    pub(crate) code: PracticeCode,
    /// What it says, each with when it was recorded and from when it held, where it says that.
    pub(crate) told: Vec<Telling>,
    /// Trace of what caused it; empty where that is not known.
    pub(crate) traceparent: String,
}

/// One thing that was told.
#[derive(Clone, Debug)]
pub(crate) struct Telling {
    pub(crate) value: Told,
    pub(crate) recorded_at: Timestamp,
    /// None where the registry does not say from when; then from when it was recorded, and the first of its kind always.
    pub(crate) effective_from: Option<Timestamp>,
}

/// One message of the watch.
#[derive(Clone, Debug)]
pub(crate) struct WatchMessage {
    pub(crate) updates: Vec<PracticeUpdate>,
    /// Where the reader is once it has this message.
    pub(crate) followed: Followed,
    /// With this message the reader has everything up to there.
    pub(crate) is_complete: bool,
}

/// Why following broke off; it is begun again.
#[derive(Debug, Error)]
enum FollowError {
    #[error(transparent)]
    Registry(#[from] RegistryError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Ingest(#[from] IngestError),
    #[error("the registry ended the watch")]
    Ended,
}

/// Follows one registry.
#[derive(Debug)]
pub(crate) struct Follower {
    pub(crate) db: Db,
    pub(crate) clock: Clock,
    pub(crate) config: StatisticsConfig,
    pub(crate) registry: RegistryPeer,
    pub(crate) ingest: Ingest,
    pub(crate) pictures: watch::Sender<Arc<Picture>>,
    /// How many facts are stored.
    pub(crate) fact_count: u64,
}

impl Follower {
    /// Follows until told to stop, or until the registry's journal turns out to be another one.
    pub(crate) async fn run(mut self, shutdown: CancellationToken) {
        loop {
            // Held while there is no connection.
            let activity = self.clock.activity();
            let broken = tokio::select! {
                biased;
                () = shutdown.cancelled() => return,
                broken = self.follow(activity) => broken,
            };
            let Err(error) = broken else { return };
            tracing::warn!(error = &error as &dyn std::error::Error, "following the registry broke off");
            let _activity = self.clock.activity();
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = tokio::time::sleep(self.config.follow_retry_delay) => {}
            }
        }
    }

    /// Ok: never to be begun again.
    async fn follow(&mut self, activity: Activity) -> Result<(), FollowError> {
        let resume_token = self.pictures.borrow().followed.resume_token.clone();
        let opened = self.clock.track(self.registry.watch(&resume_token));
        drop(activity);
        let (mut watch, mut activity) = match opened.await {
            (Ok(watch), activity) => (watch, activity),
            (Err(RegistryError::TokenRefused(reason)), _) => {
                tracing::warn!(reason, "the registry takes the resume token no longer; beginning with a snapshot");
                let (watch, activity) = self.clock.track(self.registry.watch("")).await;
                (watch?, activity)
            }
            (Err(error), _) => return Err(error.into()),
        };
        let mut updates = Vec::new();
        loop {
            let next = self.clock.track(RegistryWatch::next(&mut watch));
            drop(activity);
            let (message, held) = next.await;
            activity = held;
            let Some(message) = message? else { return Err(FollowError::Ended) };
            if let Some(rewound) = self.rewound_by(&message.followed) {
                self.stop_for(rewound);
                return Ok(());
            }
            updates.extend(message.updates);
            if message.is_complete {
                self.take(std::mem::take(&mut updates), message.followed).await?;
            }
        }
    }

    /// Rule 17: the registry must go on from what was followed.
    fn rewound_by(&self, now: &Followed) -> Option<Rewound> {
        let picture = self.pictures.borrow();
        let known = &picture.followed;
        let other_record = now.position == known.position
            && !known.journal_hash.is_empty()
            && !now.journal_hash.is_empty()
            && now.journal_hash != known.journal_hash;
        let rewound = now.position < known.position || other_record;
        rewound.then_some(Rewound { found: now.position, known: known.position })
    }

    fn stop_for(&self, rewound: Rewound) {
        tracing::error!(
            found = rewound.found,
            known = rewound.known,
            "JOURNAL_REWOUND: the registry's journal is not the one followed before; figures are refused"
        );
        self.pictures.send_modify(|picture| Arc::make_mut(picture).rewound = Some(rewound));
    }

    /// Stores what is news, places practices for the counts, and publishes.
    async fn take(&mut self, updates: Vec<PracticeUpdate>, followed: Followed) -> Result<(), FollowError> {
        let picture = Arc::clone(&self.pictures.borrow());
        let mut directory = picture.directory.clone();
        let mut facts: Vec<PracticeFact> = Vec::new();
        let mut moved: Places = Vec::new();
        for update in updates {
            let before = facts.len();
            for telling in update.told {
                if let Some(fact) = news(&directory, update.code, telling) {
                    directory.tell(update.code, fact.clone());
                    facts.push((update.code, fact));
                }
            }
            let news = &facts[before..];
            if news.iter().any(|(_, fact)| matches!(fact.value, Told::Place(_))) {
                moved.push((update.code, directory.latest_areas(update.code).collect()));
            }
            if !news.is_empty() {
                trace(&update.traceparent, update.code, &followed);
            }
        }
        if !moved.is_empty() {
            self.ingest.place(moved).await?;
        }
        let mut tx = self.db.begin().await.map_err(StoreError::from)?;
        told::write(&mut tx, &facts, self.fact_count, &followed).await?;
        tx.commit().await.map_err(StoreError::from)?;
        self.fact_count += facts.len() as u64;
        self.pictures.send_replace(Arc::new(Picture { directory, followed, rewound: None }));
        Ok(())
    }
}

/// The fact that a telling adds to what is known; None where it adds nothing.
fn news(directory: &Directory, code: PracticeCode, telling: Telling) -> Option<Fact<Told>> {
    let record = directory.record(code);
    let is_first = record.is_none_or(|record| record.is_first(&telling.value));
    let effective_from = match telling.effective_from {
        Some(said) => said,
        // Nobody told what was before, so the first place and the first list stand for all of it.
        None if is_first => Timestamp::MIN,
        None => telling.recorded_at.min(said_to_hold_from(&telling.value)),
    };
    let fact = Fact { effective_from, recorded_at: telling.recorded_at, value: telling.value };
    record.is_none_or(|record| record.is_news(&fact)).then_some(fact)
}

/// The day that a telling itself names as its beginning: of a closure its date, of a list the day it was counted. News of
/// them often comes later.
fn said_to_hold_from(told: &Told) -> Timestamp {
    let date = match told {
        Told::Place(place) => place.close_date,
        Told::ListSize(size) => size.as_at,
        Told::Access { .. } => None,
    };
    date.map_or(Timestamp::MAX, |date| Day::from(date).start())
}

/// Links what is recorded here to what caused it at the registry.
fn trace(traceparent: &str, code: PracticeCode, followed: &Followed) {
    if traceparent.is_empty() {
        return;
    }
    let span = tracing::info_span!("follow practice", practice = %code, registry_position = followed.position);
    telemetry::link(&span, traceparent);
    span.in_scope(|| tracing::debug!("recorded what the registry told"));
}

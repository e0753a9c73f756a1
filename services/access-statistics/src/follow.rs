//! Following the registry: what it tells goes into tables of ours, with the registry's position, in one transaction, and
//! from there into the directory that queries read.
//!
//! A message that is not the last of its step (part of a snapshot) is kept until the last: what is stored is always a
//! consistent state of the registry. While there is anything unread, or no connection, virtual time stands still, so
//! that no figure depends on how fast we read.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use clock::{Activity, Clock};
use database::Db;
use jiff::Timestamp;
use ods::PracticeCode;
use tally::{Area, Day, Directory, Fact, Told};
use thiserror::Error;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, Span};

use crate::config::StatisticsConfig;
use crate::grpc::registry::{RegistryError, RegistryPeer, RegistryWatch};
use crate::ingest::{Ingest, IngestError, Places};
use crate::measures::FOLLOWER;
use crate::store::told::{self, Followed, PracticeFact};
use crate::store::{StoreError, log};

/// The practices as followed up to a position.
#[derive(Clone, Debug, Default)]
pub(crate) struct Picture {
    pub(crate) directory: Directory,
    pub(crate) followed: Followed,
    /// Set while the registry's journal is another one than was followed (rule 17).
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
    #[error("JOURNAL_REWOUND: the registry's journal is at {}, {} was followed", .0.found, .0.known)]
    Rewound(Rewound),
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
    /// The number of the next fact.
    pub(crate) next_fact: u64,
}

impl Follower {
    /// Follows until told to stop.
    pub(crate) async fn run(mut self, shutdown: CancellationToken) {
        // Handed from hand to hand while there is no connection, so that time cannot slip in between.
        let mut activity = self.clock.activity();
        loop {
            let broken = tokio::select! {
                biased;
                () = shutdown.cancelled() => return,
                broken = self.follow(activity) => broken,
            };
            activity = broken.1;
            match broken.0 {
                FollowError::Rewound(rewound) => self.refuse_figures(rewound),
                error => tracing::warn!(error = telemetry::chain(&error), "following the registry broke off"),
            }
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = tokio::time::sleep(self.config.follow_retry_delay) => {}
            }
        }
    }

    /// Follows until it breaks off; time stands still from then on.
    async fn follow(&mut self, activity: Activity) -> (FollowError, Activity) {
        let opened = self.clock.track(self.open());
        drop(activity);
        let (mut watch, mut activity) = match opened.await {
            (Ok(watch), activity) => (watch, activity),
            (Err(error), activity) => return (error, activity),
        };
        let _connected = FOLLOWER.connected();
        // By this watch; another replica may have stored more meanwhile.
        let mut heard = self.pictures.borrow().followed.clone();
        let mut updates = Vec::new();
        loop {
            let next = self.clock.track(RegistryWatch::next(&mut watch));
            drop(activity);
            let (message, held) = next.await;
            activity = held;
            let result = match message {
                Ok(Some(message)) => self.hear(message, &mut heard, &mut updates).await,
                Ok(None) => Err(FollowError::Ended),
                Err(error) => Err(error.into()),
            };
            let taken_count = match result {
                Ok(taken_count) => taken_count,
                Err(error) => return (error, activity),
            };
            if updates.is_empty() && self.clock.is_real() {
                tokio::time::sleep(self.config.gathering(taken_count)).await;
            }
        }
    }

    async fn open(&self) -> Result<RegistryWatch, FollowError> {
        let followed = self.pictures.borrow().followed.clone();
        match self.registry.watch(&followed.resume_token).await {
            Ok(watch) => Ok(watch),
            Err(RegistryError::TokenRefused(reason)) => {
                tracing::warn!(reason, "the registry takes the resume token no longer; beginning with a snapshot");
                Ok(self.registry.watch("").await?)
            }
            Err(RegistryError::Elsewhere { position }) => {
                Err(FollowError::Rewound(Rewound { found: position, known: followed.position }))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Takes note of a message, and takes what was heard where it is the last of its step. How many practices it took.
    async fn hear(
        &mut self,
        message: WatchMessage,
        heard: &mut Followed,
        updates: &mut Vec<PracticeUpdate>,
    ) -> Result<usize, FollowError> {
        if let Some(rewound) = rewound(heard, &message.followed) {
            return Err(FollowError::Rewound(rewound));
        }
        updates.extend(message.updates);
        if !message.is_complete {
            return Ok(0);
        }
        *heard = message.followed.clone();
        let taken_count = updates.len();
        self.take(std::mem::take(updates), message.followed).await?;
        Ok(taken_count)
    }

    /// Refuses figures until the registry has again what was followed (rule 17): they would rest on records that are gone.
    fn refuse_figures(&self, rewound: Rewound) {
        if self.pictures.borrow().rewound != Some(rewound) {
            let Rewound { found, known } = rewound;
            tracing::error!(
                found,
                known,
                "JOURNAL_REWOUND: the registry lacks records that were followed; figures are refused"
            );
            self.pictures.send_modify(|picture| Arc::make_mut(picture).rewound = Some(rewound));
        }
    }

    /// Places practices for the counts, stores what is news, and publishes.
    async fn take(&mut self, updates: Vec<PracticeUpdate>, followed: Followed) -> Result<(), FollowError> {
        let picture = Arc::clone(&self.pictures.borrow());
        // First, and by itself: it is the writer's own transaction, and placing a practice again changes nothing. What another replica
        // stored is placed where it led, and an older message of it leads back.
        let is_news = picture.followed.position < followed.position;
        let places = if is_news { places(&picture.directory, &updates) } else { Places::new() };
        let placed: BTreeSet<PracticeCode> = places.iter().map(|(code, _)| *code).collect();
        if !places.is_empty() {
            self.ingest.place(places).await?;
        }
        let mut tx = self.db.begin().await.map_err(StoreError::from)?;
        // What is told is stored once, by whichever replica comes first.
        log::lock_head(&mut tx).await?;
        let mut directory = picture.directory.clone();
        let theirs = told::read_rest(&mut tx, &mut directory, self.next_fact).await?;
        let next_fact = self.next_fact + theirs.len() as u64;
        let stored = told::followed(&mut tx).await?;
        if stored.position >= followed.position {
            tx.rollback().await.map_err(StoreError::from)?;
            self.place_theirs(&picture.directory, &directory, theirs, placed).await?;
            self.publish(directory, stored, next_fact);
            return Ok(());
        }
        let mut facts: Vec<PracticeFact> = Vec::new();
        let mut causes: BTreeMap<String, Vec<PracticeCode>> = BTreeMap::new();
        for update in updates {
            let before = facts.len();
            for telling in update.told {
                if let Some(fact) = news(&directory, update.code, telling) {
                    directory.tell(update.code, fact.clone());
                    facts.push((update.code, fact));
                }
            }
            if facts.len() > before {
                causes.entry(update.traceparent).or_default().push(update.code);
            }
        }
        let spans = causes.iter().map(|(traceparent, practices)| trace(traceparent, practices, &followed));
        let spans: Vec<Span> = spans.collect();
        let stored = async {
            told::write(&mut tx, &facts, next_fact, &followed).await?;
            let storing = telemetry::transaction_span(self.db.dialect().system_name(), self.db.name(), "COMMIT");
            tx.commit().instrument(storing).await.map_err(StoreError::from)
        };
        // One commit can be a part of one trace only: that of the first cause.
        stored.instrument(spans.first().cloned().unwrap_or_else(Span::none)).await?;
        self.place_theirs(&picture.directory, &directory, theirs, BTreeSet::new()).await?;
        self.publish(directory, followed, next_fact + facts.len() as u64);
        Ok(())
    }

    /// Places the practices of which another replica was told first: where that one is ahead, the message that moves them here comes
    /// when the directory has it already. Those that this message has `placed` were moved on since.
    async fn place_theirs(
        &self,
        before: &Directory,
        now: &Directory,
        theirs: Vec<PracticeCode>,
        placed: BTreeSet<PracticeCode>,
    ) -> Result<(), FollowError> {
        let is_as_before =
            |code: PracticeCode| before.record(code).is_some() && before.latest_areas(code).eq(now.latest_areas(code));
        let moved: BTreeSet<PracticeCode> = theirs.into_iter().filter(|code| !is_as_before(*code)).collect();
        let practices = moved.union(&placed).copied();
        let places: Places = practices.map(|code| (code, now.latest_areas(code).collect())).collect();
        if !places.is_empty() {
            self.ingest.place(places).await?;
        }
        Ok(())
    }

    fn publish(&mut self, directory: Directory, followed: Followed, next_fact: u64) {
        self.next_fact = next_fact;
        self.pictures.send_replace(Arc::new(Picture { directory, followed, rewound: None }));
    }
}

/// Rule 17: the registry must go on from what was heard.
fn rewound(heard: &Followed, now: &Followed) -> Option<Rewound> {
    let other_record = now.position == heard.position
        && !heard.journal_hash.is_empty()
        && !now.journal_hash.is_empty()
        && now.journal_hash != heard.journal_hash;
    let rewound = now.position < heard.position || other_record;
    rewound.then_some(Rewound { found: now.position, known: heard.position })
}

/// The practices that these updates place, each with where it then lies.
fn places(directory: &Directory, updates: &[PracticeUpdate]) -> Places {
    let mut places = Places::new();
    for update in updates {
        for telling in &update.told {
            let Told::Place(place) = &telling.value else { continue };
            let areas: Vec<Area> = place.areas().collect();
            if directory.record(update.code).is_none() || !directory.latest_areas(update.code).eq(areas.iter().cloned())
            {
                places.push((update.code, areas));
            }
        }
    }
    places
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
        Told::Access { .. } | Told::NoViewers { .. } => None,
    };
    date.map_or(Timestamp::MAX, |date| Day::from(date).start())
}

/// A span that links what is recorded here to what caused it at the registry: of a thousand practices that one record changed,
/// once, and by the first of them. It is about as long as the storing takes. None where the cause is not known.
fn trace(traceparent: &str, practices: &[PracticeCode], followed: &Followed) -> Span {
    let Some(first) = practices.first().filter(|_| !traceparent.is_empty()) else { return Span::none() };
    let (count, registry_position) = (practices.len(), followed.position);
    let span = tracing::info_span!(
        "follow practice",
        otel.kind = "consumer",
        messaging.system = "citizens_access.journal",
        messaging.operation.type = "process",
        messaging.operation.name = "follow",
        messaging.destination.name = "journals/registry",
        messaging.batch.message_count = count,
        practice = %first,
        registry_position,
    );
    telemetry::link(&span, traceparent);
    span.in_scope(|| tracing::debug!("recorded what the registry told"));
    span
}

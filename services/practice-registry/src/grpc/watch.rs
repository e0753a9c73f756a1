//! WatchPractices: a snapshot, then the latest state of whatever changes.
//!
//! The stream is pulled, never pushed: each poll looks at the published state of the moment and words one message. So
//! it holds no queue that could overflow, a slow reader costs a reference to one state, and virtual time stands still
//! exactly while a change is unread. A change between two polls that is followed by another is not sent by itself. That
//! reference is kept for a bounded time only: a reader who takes longer is told to go on from its last bookmark.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use api::{Error, Page, PageLimits};
use clock::Activity;
use filter::Filter;
use futures_util::Stream;
use futures_util::stream::try_unfold;
use journal::grpc::Place;
use journal::{Published, Subscription};
use ods::PracticeCode;
use practice::{Practice, View};
use proto::registry::v1 as wire;
use tonic::Status;

use crate::fields::Row;
use crate::grpc::kept::Kept;
use crate::grpc::practices::filter_from_wire;
use crate::grpc::submit::Asked;
use crate::grpc::{Handlers, name, refusal, resource};
use crate::machine::Registry;

/// Most records read for the traceparents of one message, where they are not remembered. A message of more changes than that
/// is a reader catching up, for whom the causes of long ago matter less than the time.
const CAUSES_MAX: usize = 32;

/// A reader of changes.
struct Watch {
    handlers: Handlers,
    filter: Filter,
    /// Makes and opens tokens that are bound to the filter.
    tokens: Page<Place>,
    subscription: Subscription<Registry>,
    /// What the reader has, by this stream; None after a resume, when it is not known what it has.
    held: Option<BTreeSet<PracticeCode>>,
    /// All up to here was sent.
    place: Place,
    sending: Sending,
    /// Held from when a change was heard until the reader asks for what comes after it.
    activity: Activity,
}

/// What is being sent.
enum Sending {
    /// Nothing: wait for a change.
    Nothing,
    Snapshot(Kept<Snapshot>),
    Changes(Kept<Changes>),
}

/// This state, practices after this code.
type Snapshot = (Arc<Published<Registry>>, Option<PracticeCode>);

/// What changed up to this state, beyond this practice.
type Changes = (Arc<Published<Registry>>, Option<Arc<Practice>>);

pub(crate) async fn watch(
    handlers: &Handlers,
    asked: Asked<wire::WatchPracticesRequest>,
) -> Result<impl Stream<Item = Result<wire::WatchPracticesResponse, Status>> + Send + 'static, Error> {
    let mut request = asked.request;
    let token = std::mem::take(&mut request.resume_token);
    let filter = filter_from_wire(&request.filter)?;
    let tokens: Page<Place> = Page::check(PageLimits::STANDARD, 0, &token, api::digest(&request)).map_err(|_| {
        Error::invalid(
            "resume_token",
            "RESUME_TOKEN_INVALID",
            "{field} is not from this watch; use the same filter, or begin anew without one",
        )
    })?;
    // Subscribed before the state is read: what is published between the two is heard.
    let subscription = handlers.engine.subscribe();
    let published = handlers.engine.published();
    let unread_max = handlers.limits.watch_unread_max;
    let (place, held, sending) = match tokens.after.clone() {
        None => {
            let sending = Sending::Snapshot(Kept::new((published, None), unread_max));
            (Place::beginning(), Some(BTreeSet::new()), sending)
        }
        Some(place) => {
            let published = place.resume(&handlers.engine).await?;
            (place, None, Sending::Changes(Kept::new((published, None), unread_max)))
        }
    };
    let activity = handlers.clock.activity();
    let watch = Watch { handlers: handlers.clone(), filter, tokens, subscription, held, place, sending, activity };
    Ok(try_unfold(watch, |mut watch| async move { Ok(Some((watch.next().await?, watch))) }))
}

impl Watch {
    async fn next(&mut self) -> Result<wire::WatchPracticesResponse, Error> {
        loop {
            match std::mem::replace(&mut self.sending, Sending::Nothing) {
                Sending::Snapshot(kept) => {
                    let (published, after) = kept.take().ok_or_else(|| self.unread())?;
                    return Ok(self.snapshot(published, after));
                }
                Sending::Changes(kept) => {
                    let (published, beyond) = kept.take().ok_or_else(|| self.unread())?;
                    return self.changes(published, beyond.as_ref()).await;
                }
                Sending::Nothing => {
                    self.activity = Activity::none();
                    let (published, activity) = self.subscription.changed().await;
                    self.activity = activity;
                    if published.position > self.place.position {
                        self.sending = Sending::Changes(self.keep((published, None)));
                    }
                }
            }
        }
    }

    fn changes_max(&self) -> usize {
        self.handlers.limits.watch_changes_max
    }

    fn keep<T: Send + 'static>(&self, what: T) -> Kept<T> {
        Kept::new(what, self.handlers.limits.watch_unread_max)
    }

    /// The refusal of a reader who was away for too long, with where it can go on.
    fn unread(&self) -> Error {
        let resume_token = match self.place.position {
            // It has no bookmark yet.
            0 => String::new(),
            _ => self.tokens.next_page_token(&self.place),
        };
        refusal::watch_unread(self.handlers.limits.watch_unread_max, &resume_token)
    }

    fn snapshot(
        &mut self,
        published: Arc<Published<Registry>>,
        after: Option<PracticeCode>,
    ) -> wire::WatchPracticesResponse {
        let mut changes = Vec::new();
        let mut last = None;
        for known in published.state.practices_after(after) {
            let view = View::current(known);
            if !self.filter.matches(&Row::new(view)) {
                continue;
            }
            self.held.get_or_insert_default().insert(known.code);
            changes.push(change(wire::PracticeChangeKind::Added, resource::to_wire(view)));
            if changes.len() == self.changes_max() {
                last = Some(known.code);
                break;
            }
        }
        if last.is_none() {
            return self.bookmark(&published, changes);
        }
        let mut message = unfinished(&published, changes);
        message.snapshot_continues = true;
        self.sending = Sending::Snapshot(self.keep((published, last)));
        message
    }

    async fn changes(
        &mut self,
        published: Arc<Published<Registry>>,
        beyond: Option<&Arc<Practice>>,
    ) -> Result<wire::WatchPracticesResponse, Error> {
        let state = &published.state;
        let changed: Vec<Arc<Practice>> = match beyond {
            None => state.changed_after(self.place.position).take(self.changes_max()).cloned().collect(),
            Some(beyond) => state.changed_beyond(beyond).take(self.changes_max()).cloned().collect(),
        };
        let causes = self.handlers.traceparents(&published, &changed, self.place.position).await?;
        let mut changes = Vec::new();
        for known in &changed {
            if let Some(mut change) = self.judge(known) {
                change.traceparent = causes.get(&known.position()).cloned().unwrap_or_default();
                changes.push(change);
            }
        }
        if changed.len() < self.changes_max() {
            return Ok(self.bookmark(&published, changes));
        }
        let message = unfinished(&published, changes);
        self.sending = Sending::Changes(self.keep((published, changed.last().cloned())));
        Ok(message)
    }

    /// What a practice's change is to this reader; None where it neither has it nor is to have it.
    fn judge(&mut self, known: &Arc<Practice>) -> Option<wire::PracticeChange> {
        let view = View::current(known);
        let is_new = known.positions.first().is_some_and(|first| *first > self.place.position);
        if !self.filter.matches(&Row::new(view)) {
            // One that has resumed may have heard of it after its bookmark, however new it is.
            let had = self.held.as_mut().is_none_or(|held| held.remove(&known.code));
            return had.then(|| change(wire::PracticeChangeKind::Removed, removed(known.code)));
        }
        let had = self.held.as_mut().map_or(!is_new, |held| !held.insert(known.code));
        let kind = if had { wire::PracticeChangeKind::Changed } else { wire::PracticeChangeKind::Added };
        Some(change(kind, resource::to_wire(view)))
    }

    /// The last message of a snapshot or of a round of changes.
    fn bookmark(
        &mut self,
        published: &Published<Registry>,
        changes: Vec<wire::PracticeChange>,
    ) -> wire::WatchPracticesResponse {
        self.place = Place::of(published);
        wire::WatchPracticesResponse {
            changes,
            snapshot_continues: false,
            bookmark: true,
            resume_token: self.tokens.next_page_token(&self.place),
            journal_hash: published.hash.0.to_vec().into(),
            recorded_at: Some(api::time::to_wire(published.recorded_at)),
            position: published.position,
        }
    }
}

/// A message after which the reader has not got everything yet.
fn unfinished(published: &Published<Registry>, changes: Vec<wire::PracticeChange>) -> wire::WatchPracticesResponse {
    wire::WatchPracticesResponse {
        changes,
        recorded_at: Some(api::time::to_wire(published.recorded_at)),
        position: published.position,
        ..Default::default()
    }
}

fn change(kind: wire::PracticeChangeKind, practice: wire::Practice) -> wire::PracticeChange {
    wire::PracticeChange { kind: kind.into(), practice: Some(practice), traceparent: String::new() }
}

fn removed(code: PracticeCode) -> wire::Practice {
    wire::Practice { name: name::of_practice(code), ods_code: code.to_string(), ..Default::default() }
}

impl Handlers {
    /// The traceparents of what caused these changes, by position; none where they are too many to look up.
    async fn traceparents(
        &self,
        published: &Published<Registry>,
        changed: &[Arc<Practice>],
        after: u64,
    ) -> Result<BTreeMap<u64, String>, Error> {
        let mut told = BTreeMap::new();
        let mut forgotten = BTreeSet::new();
        for position in changed.iter().map(|known| known.position()) {
            match published.traceparent(position) {
                Some(traceparent) if told.contains_key(&position) || traceparent.is_empty() => {}
                Some(traceparent) => _ = told.insert(position, traceparent.to_owned()),
                None => _ = forgotten.insert(position),
            }
        }
        let span = forgotten.last().map_or(0, |last| last.saturating_sub(after));
        if let Some(limit) = usize::try_from(span).ok().filter(|span| (1..=CAUSES_MAX).contains(span)) {
            let records = self.engine.records(after, limit).await.map_err(|error| Error::internal(&error))?;
            let found = records.into_iter().filter(|record| forgotten.contains(&record.position));
            told.extend(found.map(|record| (record.position, record.traceparent)));
        }
        Ok(told)
    }
}

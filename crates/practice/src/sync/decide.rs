//! What readers ask for, and how it is judged.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::civil::Date;
use ods::PracticeCode;
use ods::civil::civil_date;

use super::{
    FoundSuccession, PASSES_MAX, Sync, SyncAdvanced, SyncEnd, SyncFailed, SyncRejection, SyncSource, SyncStarted,
    SyncTally, counted,
};
use crate::directory::{self, CHUNK_PRACTICES_MAX, Chunk, Difference, Verdict};
use crate::event::Event;
use crate::rejection::Rejection;
use crate::state::State;

/// Asks for a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StartSync {
    /// The interface.
    pub source: SyncSource,
    /// Read everything, whatever was read before.
    pub full: bool,
}

/// A page that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdvanceSync {
    /// Of which run.
    pub sync: u32,
    /// How many pages the run had taken in when this one was read.
    pub page: u32,
    /// Who read it.
    pub worker: String,
    /// The organisations in it.
    pub read: Vec<String>,
    /// The practices that were asked for by their codes, to come back to them, in it or not: not among those that the
    /// interface counts.
    pub came_back: Vec<PracticeCode>,
    /// What it says of practices, by the day from which that holds. Together at most [`CHUNK_PRACTICES_MAX`] entries
    /// for each day; a practice that is not known stands in one of them only.
    pub chunks: Vec<Chunk>,
    /// How many of its organisations are left out since they are no GP practices of England.
    pub ignored: u32,
    /// What in it could not be used.
    pub rejections: Vec<SyncRejection>,
    /// The successions in it.
    pub successions: BTreeSet<FoundSuccession>,
    /// When to come back to which of its practices.
    pub returns: BTreeMap<PracticeCode, Date>,
    /// How many organisations there are on all pages, where the interface says it.
    pub total: Option<u32>,
    /// Where the run goes on.
    pub then: Then,
}

/// Where a run goes on after a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Then {
    /// At this page; None = where it was.
    Page(Option<String>),
    /// Nowhere: it was the last.
    End,
}

/// A run that cannot go on for now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailSync {
    /// Which run.
    pub sync: u32,
    /// Who reads it.
    pub worker: String,
    /// See [`SyncFailure::reason`].
    pub reason: String,
    /// See [`SyncFailure::message`].
    pub message: String,
    /// Is it to begin anew when it goes on? The interface has forgotten where it was.
    pub from_beginning: bool,
}

/// Judges the wish for a run. No events: one that reads as much is under way. One that stands still goes on at once.
pub(crate) fn started(state: &State, start: StartSync, now: Timestamp) -> Vec<Event> {
    let (syncs, through) = (state.syncs(), civil_date(now));
    let since = if start.full { None } else { syncs.since(start.source, through) };
    let mut events = Vec::new();
    if let Some(open) = syncs.open(start.source) {
        if open.since.is_none() || since.is_some() {
            if open.failure.is_some() {
                events.push(Event::SyncResumed { sync: open.number });
            }
            return events;
        }
        events.push(Event::SyncEnded { sync: open.number, end: SyncEnd::Superseded });
    }
    let sync = syncs.runs.get_max().map_or(1, |(last, _)| last + 1);
    events.push(Event::SyncStarted(SyncStarted { sync, source: start.source, since, through }));
    events
}

/// Judges a page. One that another reader has taken in already is refused, and so is one of a run that has ended.
pub(crate) fn advanced(state: &State, advance: &AdvanceSync, now: Timestamp) -> Result<Vec<Event>, Rejection> {
    let sync = open(state, advance.sync)?;
    if sync.page != advance.page {
        return Err(Rejection::SyncAdvanced { sync: sync.number, page: sync.page, seen: advance.page });
    }
    let mut tally =
        SyncTally { ignored: advance.ignored, rejected: counted(advance.rejections.len()), ..Default::default() };
    let mut events = imported(state, &advance.chunks, now, &mut tally)?;
    let mut pass = sync.pass;
    let mut next = match &advance.then {
        Then::Page(Some(next)) => Some(next.clone()),
        Then::Page(None) => sync.next.clone(),
        Then::End => None,
    };
    let total = advance.total.or(sync.total);
    let mut ending = None;
    if advance.then == Then::End {
        let read: BTreeSet<&String> = sync.read.iter().chain(&advance.read).collect();
        if total.is_none_or(|total| counted(read.len()) >= total) {
            ending = Some(Event::SyncEnded { sync: sync.number, end: SyncEnd::Completed });
        } else if pass < PASSES_MAX {
            pass += 1;
        } else {
            ending = Some(Event::SyncFailed(SyncFailed {
                sync: sync.number,
                worker: advance.worker.clone(),
                reason: "DIRECTORY_KEEPS_CHANGING".to_owned(),
                message: format!(
                    "the interface says there are {} organisations and gave {} in {PASSES_MAX} passes over its pages; the \
                     sync begins anew by itself. Where it goes on like this, read everything (--full), by the other interface",
                    total.unwrap_or_default(),
                    read.len(),
                ),
                from_beginning: true,
            }));
        }
        next = None;
    }
    events.push(Event::SyncAdvanced(SyncAdvanced {
        sync: sync.number,
        worker: advance.worker.clone(),
        read: advance.read.clone(),
        came_back: advance.came_back.clone(),
        tally,
        rejections: advance.rejections.clone(),
        successions: advance.successions.clone(),
        returns: advance.returns.clone(),
        total: advance.total,
        pass,
        next,
    }));
    events.extend(ending);
    Ok(events)
}

/// Judges a failure: it is recorded, that whoever looks is told. The run stays open.
pub(crate) fn failed(state: &State, fail: &FailSync) -> Result<Vec<Event>, Rejection> {
    let sync = open(state, fail.sync)?;
    Ok(vec![Event::SyncFailed(SyncFailed {
        sync: sync.number,
        worker: fail.worker.clone(),
        reason: fail.reason.clone(),
        message: fail.message.clone(),
        from_beginning: fail.from_beginning,
    })])
}

fn open(state: &State, number: u32) -> Result<&Sync, Rejection> {
    let sync = state.syncs().get(number).filter(|sync| sync.is_open());
    sync.ok_or(Rejection::SyncNotOpen { sync: number })
}

/// What the chunks change, counted by practice: what concerns one from two days is one change of it.
fn imported(state: &State, chunks: &[Chunk], now: Timestamp, tally: &mut SyncTally) -> Result<Vec<Event>, Rejection> {
    let mut events = Vec::new();
    let mut differences: BTreeMap<PracticeCode, Option<Difference>> = BTreeMap::new();
    for chunk in chunks {
        let today = civil_date(now);
        if chunk.effective_from > today {
            return Err(Rejection::EffectiveInFuture { effective_from: chunk.effective_from, today });
        }
        if chunk.practices.len() > CHUNK_PRACTICES_MAX {
            let (practices_count, practices_count_max) = (chunk.practices.len(), CHUNK_PRACTICES_MAX);
            return Err(Rejection::ChunkTooLong { practices_count, practices_count_max });
        }
        let mut practices = Vec::new();
        for entry in &chunk.practices {
            match directory::compare(state, entry, chunk.effective_from, now) {
                Verdict::Unchanged => {
                    differences.entry(entry.practice).or_default();
                }
                Verdict::NotOurs => tally.ignored += 1,
                Verdict::Changes(change) => {
                    let held = differences.entry(entry.practice).or_default();
                    *held = held.map_or(Some(change.difference), |held| Some(graver(held, change.difference)));
                    practices.push(*change);
                }
            }
        }
        if !practices.is_empty() {
            let (source, effective_from) = (chunk.source.clone(), chunk.effective_from);
            events.push(Event::DirectoryImported { source, effective_from, practices, organisations: Vec::new() });
        }
    }
    for difference in differences.values() {
        *match difference {
            None => &mut tally.unchanged,
            Some(Difference::Created) => &mut tally.created,
            Some(Difference::Updated) => &mut tally.updated,
            Some(Difference::Closed) => &mut tally.closed,
            Some(Difference::Moved) => &mut tally.moved,
        } += 1;
    }
    Ok(events)
}

/// Of two changes of one practice, the one by which it is counted.
fn graver(one: Difference, other: Difference) -> Difference {
    let gravity = |difference| match difference {
        Difference::Created => 3,
        Difference::Closed => 2,
        Difference::Moved => 1,
        Difference::Updated => 0,
    };
    if gravity(one) >= gravity(other) { one } else { other }
}

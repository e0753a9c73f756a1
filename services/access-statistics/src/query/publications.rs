//! Judging what is to be published: its numbers as they are known, against all that ever was published.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use ods::PracticeCode;
use tally::{
    Area, AskedIssue, Content, Day, Draft, Estimate, IssuePositions, Keeping, Level, PracticeContent, ProtectedFigure,
    PublicationRejection, PublishedArea, Union, Viewpoint,
};
use tokio_util::sync::CancellationToken;

use super::{QueryError, worked_out};
use crate::AccessStatistics;
use crate::store::flows::FlowQuery;

/// Which issue, by what was known when.
#[derive(Clone, Debug)]
pub(crate) struct DraftQuery {
    pub(crate) asked: AskedIssue,
    pub(crate) known_at: Timestamp,
    pub(crate) now: Timestamp,
    pub(crate) min_position: u64,
}

impl AccessStatistics {
    /// What would be recorded, or why nothing may be. The judging itself takes up to seconds of a core, and is done beside the
    /// runtime's threads; it ends soon after its caller has gone, and the next one's turn comes when it has ended.
    pub(crate) async fn draft(&self, query: DraftQuery) -> Result<Result<Draft, PublicationRejection>, QueryError> {
        let turn = Arc::clone(&self.judging).try_acquire_owned();
        let Ok(turn) = turn else { return Err(QueryError::PublicationInProgress) };
        let published = self.returns.published();
        if let Err(refused) = published.state.publications().may_issue(&query.asked, query.now) {
            return Ok(Err(refused));
        }
        let picture = self.picture_at(query.min_position).await?;
        let publication = &query.asked.publication;
        let from = Viewpoint {
            as_at: publication.as_at().end(),
            known_at: query.known_at,
            capability: publication.capability.clone(),
        };
        let mut content = Content::of(&from, &picture.directory, &published.state);
        published.state.publications().place(&query.asked, &mut content);
        let events = self.add_flows(&query, &mut content).await?;
        let positions = IssuePositions { registry: picture.followed.position, returns: published.position, events };
        let DraftQuery { asked, known_at, now, .. } = query;
        // Cancelled where this future is dropped.
        let given_up = CancellationToken::new();
        let _waiting = given_up.clone().drop_guard();
        let judged = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            let is_wanted = || !given_up.is_cancelled();
            published.state.publications().draft(asked, content, known_at, positions, now, &is_wanted).transpose()
        });
        worked_out(judged.await)?.ok_or(QueryError::Stopping)
    }

    /// Adds views and who viewed; the position of the log that they rest on.
    async fn add_flows(&self, query: &DraftQuery, content: &mut Content) -> Result<u64, QueryError> {
        let publication = &query.asked.publication;
        let (period, known) = (publication.period.days(), Day::of(query.known_at));
        let asked = &query.asked.figures;
        let has = |figure| {
            ProtectedFigure::all(publication.period).any(|known| known == figure)
                && (asked.is_empty() || asked.contains(&figure))
        };
        let mut areas = BTreeSet::from([Area::England]);
        if has(ProtectedFigure::Viewers) {
            self.practice_viewers_kept(period, known)?;
            areas.extend(content.areas_with_viewers().into_iter().filter_map(read_by_itself));
        }
        let flow_query = FlowQuery { capability: publication.capability.clone(), period, known };
        let mut read = self.flows.begin(flow_query, &areas).await?;
        let views = read.views(&areas).await?;
        content.record_views = views.get(&Area::England).into_iter().flat_map(BTreeMap::values).sum();
        if has(ProtectedFigure::ViewsByChannel) {
            let by_channel = read.views_by_channel().await?;
            // Of days before counts of areas were kept by app they are not all: then nothing is said of apps.
            if by_channel.values().sum::<u64>() == content.record_views {
                content.add_views_by_channel(query.known_at, &by_channel);
            }
        }
        if has(ProtectedFigure::Viewers) {
            let mut people = People::new(content);
            // Where nobody viewed there is nobody.
            for area in areas.iter().filter(|area| views.contains_key(area)) {
                people.add(area, read.viewers(area).await?.into_values());
            }
            let (england, others) = people.estimates();
            content.add_viewers(query.known_at, england, &others);
        }
        let position = read.position;
        read.end().await?;
        Ok(position)
    }
}

/// An area of which people are read as they are kept: for ever, or as a practice's. All others are added up from practices.
fn read_by_itself(area: PublishedArea) -> Option<Area> {
    let PublishedArea::Area(area) = area else { return None };
    let is_kept = matches!(area, Area::Practice(_)) || area.keeping() == Keeping::CountsAndPeople;
    is_kept.then_some(area)
}

/// Who viewed in a period, area by area.
struct People<'a> {
    content: &'a Content,
    practices: BTreeMap<PracticeCode, &'a PracticeContent>,
    england: Estimate,
    others: BTreeMap<PublishedArea, Estimate>,
    /// Of what is added up from practices.
    unions: BTreeMap<PublishedArea, Union>,
}

impl<'a> People<'a> {
    fn new(content: &'a Content) -> Self {
        let practices = content.practices.iter().map(|practice| (practice.code, practice)).collect();
        Self { content, practices, england: Estimate::ZERO, others: BTreeMap::new(), unions: BTreeMap::new() }
    }

    /// Adds the people of an area's days.
    fn add(&mut self, area: &Area, days: impl IntoIterator<Item = Union>) {
        let everybody = days.into_iter().reduce(|mut everybody, day| {
            everybody.merge(&day);
            everybody
        });
        let Some(everybody) = everybody else { return };
        match area {
            Area::England => self.england = everybody.estimate(),
            area => {
                self.others.insert(PublishedArea::Area(area.clone()), everybody.estimate());
            }
        }
        let Area::Practice(code) = area else { return };
        let Some(practice) = self.practices.get(code) else { return };
        for level in [Level::SubIcb, Level::Pcn, Level::Wave] {
            let Some(place) = self.content.area(practice, level) else { continue };
            match self.unions.entry(place) {
                Entry::Occupied(mut known) => known.get_mut().merge(&everybody),
                Entry::Vacant(first) => {
                    first.insert(everybody.clone());
                }
            }
        }
    }

    /// England's, and all others'.
    fn estimates(self) -> (Estimate, BTreeMap<PublishedArea, Estimate>) {
        let mut others = self.others;
        others.extend(self.unions.into_iter().map(|(area, union)| (area, union.estimate())));
        (self.england, others)
    }
}

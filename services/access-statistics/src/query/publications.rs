//! Judging what is to be published: its numbers as they are known, against all that ever was published.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use tally::{
    Area, AskedIssue, Content, Day, Draft, Estimate, IssuePositions, ProtectedFigure, PublicationRejection, Union,
    Viewpoint,
};
use tokio_util::sync::CancellationToken;

use super::QueryError;
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
        match judged.await {
            Ok(Some(judged)) => Ok(judged),
            Ok(None) => Err(QueryError::Stopping),
            // A mistake of ours is told as if it had been made here.
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            Err(_) => Err(QueryError::Stopping),
        }
    }

    /// Adds views and who viewed; the position of the log that they rest on.
    async fn add_flows(&self, query: &DraftQuery, content: &mut Content) -> Result<u64, QueryError> {
        let publication = &query.asked.publication;
        let (period, known) = (publication.period.days(), Day::of(query.known_at));
        let has_viewers = ProtectedFigure::all(publication.period).any(|figure| {
            figure == ProtectedFigure::Viewers
                && (query.asked.figures.is_empty() || query.asked.figures.contains(&figure))
        });
        let mut areas = BTreeSet::from([Area::England]);
        if has_viewers {
            self.practice_viewers_kept(period, known)?;
            areas.extend(content.areas_with_viewers());
        }
        let flow_query = FlowQuery { capability: publication.capability.clone(), period, known };
        let mut read = self.flows.begin(flow_query, &areas).await?;
        let views = read.views(&areas).await?;
        content.record_views = views.get(&Area::England).into_iter().flat_map(BTreeMap::values).sum();
        if has_viewers {
            let mut estimates = BTreeMap::new();
            // Where nobody viewed there is nobody.
            for area in areas.iter().filter(|area| views.contains_key(area)) {
                let days = read.viewers(area).await?;
                estimates.insert(area.clone(), distinct(days.into_values()));
            }
            let england = estimates.remove(&Area::England).unwrap_or(Estimate::ZERO);
            content.add_viewers(query.known_at, england, &estimates);
        }
        let position = read.position;
        read.end().await?;
        Ok(position)
    }
}

fn distinct(days: impl IntoIterator<Item = Union>) -> Estimate {
    let everybody = days.into_iter().reduce(|mut everybody, day| {
        everybody.merge(&day);
        everybody
    });
    everybody.map_or(Estimate::ZERO, |everybody| everybody.estimate())
}

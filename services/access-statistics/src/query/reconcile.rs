//! Where returns contradict the registry or the events.

use tally::{Area, Day, Difference, DifferenceKind, Period, RETURN_BEFORE_DAYS_MAX, Reconciliation, Viewpoint};

use super::{Frame, Positions, QueryError};
use crate::AccessStatistics;
use crate::store::flows::FlowQuery;

/// Of which period.
#[derive(Clone, Debug)]
pub(crate) struct DifferencesQuery {
    pub(crate) period: Period,
    pub(crate) area: Area,
    /// Only this kind.
    pub(crate) kind: Option<DifferenceKind>,
    /// Only after this one.
    pub(crate) after: Option<(ods::PracticeCode, DifferenceKind)>,
    pub(crate) rows_max: usize,
    pub(crate) frame: Frame,
}

/// A page of differences.
#[derive(Clone, Debug)]
pub(crate) struct DifferencesPage {
    pub(crate) found: Reconciliation,
    /// There are more after the last.
    pub(crate) goes_on: bool,
    pub(crate) positions: Positions,
}

impl DifferencesQuery {
    /// The end of the period: when the registry is looked at.
    pub(crate) fn as_at(&self) -> jiff::Timestamp {
        self.period.end().end()
    }
}

impl AccessStatistics {
    pub(crate) async fn differences(&self, query: &DifferencesQuery) -> Result<DifferencesPage, QueryError> {
        let picture = self.picture_at(query.frame.min_position).await?;
        let returns = self.returns.published();
        let Frame { capability, known_at, .. } = query.frame.clone();
        let (start, end) = (query.period.start(), query.period.end());
        let of_events = FlowQuery {
            capability: capability.clone(),
            period: query.period.begun_earlier(RETURN_BEFORE_DAYS_MAX),
            known: Day::of(known_at),
        };
        let (events, events_position) = self.flows.changes(&of_events).await?;
        let from = Viewpoint { as_at: query.as_at(), known_at, capability };
        let mut found =
            tally::reconcile(&(start..=end), &query.area, &from, &picture.directory, &returns.state, &events);
        let is_wanted = |difference: &Difference| {
            query.kind.is_none_or(|kind| kind == difference.kind)
                && query.after.is_none_or(|after| after < (difference.practice, difference.kind))
        };
        found.differences.retain(is_wanted);
        let goes_on = found.differences.len() > query.rows_max;
        found.differences.truncate(query.rows_max);
        let positions =
            Positions { registry: picture.followed.position, returns: returns.position, events: events_position };
        Ok(DifferencesPage { found, goes_on, positions })
    }
}

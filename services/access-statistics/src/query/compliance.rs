//! How far the practices of areas have come.

use jiff::Timestamp;
use tally::{Area, AreaKind, Compliance, Day, Denominator, Viewpoint};

use super::{Frame, Positions, QueryError};
use crate::AccessStatistics;

/// Of which areas.
#[derive(Clone, Debug)]
pub(crate) struct ComplianceQuery {
    pub(crate) within: Area,
    /// One row for each area of this kind; None for one row of `within`.
    pub(crate) group_by: Option<AreaKind>,
    /// The moment; not after now.
    pub(crate) as_at: Timestamp,
    /// Only areas after this one.
    pub(crate) after: Option<Area>,
    pub(crate) rows_max: usize,
    pub(crate) frame: Frame,
}

/// A page of areas.
#[derive(Clone, Debug)]
pub(crate) struct CompliancePage {
    /// By area, with the area's published totals.
    pub(crate) areas: Vec<(Area, Compliance, Vec<Denominator>)>,
    /// The last area of the page, where another page follows.
    pub(crate) goes_on_after: Option<Area>,
    pub(crate) positions: Positions,
}

impl AccessStatistics {
    pub(crate) async fn compliance(&self, query: &ComplianceQuery) -> Result<CompliancePage, QueryError> {
        let picture = self.picture_at(query.frame.min_position).await?;
        let returns = self.returns.published();
        let Frame { capability, known_at, .. } = query.frame.clone();
        let from = Viewpoint { as_at: query.as_at, known_at, capability };
        let counted = tally::compliance(&query.within, query.group_by, &from, &picture.directory, &returns.state);
        let day = Day::of(query.as_at);
        let mut rows = counted.into_iter().filter(|(area, _)| query.after.as_ref() < Some(area));
        let areas = rows.by_ref().take(query.rows_max).map(|(area, counted)| {
            let published = returns.state.totals().of_area(&area, day, known_at);
            (area, counted, published)
        });
        let areas: Vec<_> = areas.collect();
        let goes_on_after = rows.next().and_then(|_| areas.last()).map(|(area, _, _)| area.clone());
        let positions = Positions { registry: picture.followed.position, returns: returns.position, events: 0 };
        Ok(CompliancePage { areas, goes_on_after, positions })
    }
}

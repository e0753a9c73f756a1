//! The main figures of one area at one moment.

use std::collections::BTreeSet;

use tally::{Area, Day, Denominator, Estimate, Period, Stocks, Union, Viewpoint};

use super::{Frame, Positions, QueryError};
use crate::AccessStatistics;
use crate::store::flows::FlowQuery;

/// Which figures.
#[derive(Clone, Debug)]
pub(crate) struct SummaryQuery {
    pub(crate) area: Area,
    /// The moment; not after now.
    pub(crate) as_at: jiff::Timestamp,
    /// What the flows are counted over.
    pub(crate) period: Period,
    pub(crate) frame: Frame,
}

/// The figures.
#[derive(Clone, Debug)]
pub(crate) struct Summary {
    pub(crate) stocks: Stocks,
    pub(crate) record_views: u64,
    /// None of a practice where the period cuts a month of which they are kept as a whole.
    pub(crate) viewers: Option<Viewers>,
    pub(crate) positions: Positions,
}

/// People who viewed, out of those who could.
#[derive(Clone, Debug)]
pub(crate) struct Viewers {
    pub(crate) estimate: Estimate,
    /// Days of the period on which anybody is known to have viewed.
    pub(crate) days_with_data: usize,
    pub(crate) denominator: Denominator,
}

impl AccessStatistics {
    pub(crate) async fn summary(&self, query: &SummaryQuery) -> Result<Summary, QueryError> {
        let picture = self.picture_at(query.frame.min_position).await?;
        let returns = self.returns.published();
        let from = Viewpoint {
            as_at: query.as_at,
            known_at: query.frame.known_at,
            capability: query.frame.capability.clone(),
        };
        let stocks = Stocks::of(&query.area, &from, &picture.directory, &returns.state);

        let flow_query = FlowQuery {
            capability: query.frame.capability.clone(),
            period: query.period,
            known: Day::of(query.frame.known_at),
        };
        let areas = BTreeSet::from([query.area.clone()]);
        let mut read = self.flows.begin(flow_query, &areas).await?;
        let views = read.views(&areas).await?;
        let days = read.viewers(&query.area).await?;
        let events = read.position;
        read.end().await?;

        let record_views = views.values().flat_map(|days| days.values()).sum();
        let days_with_data = days.len();
        let mut everybody = match query.area {
            Area::Practice(_) => Union::for_practice(),
            _ => Union::for_area(),
        };
        for day in days.values() {
            everybody.merge(day);
        }
        let kept = !matches!(query.area, Area::Practice(_))
            || self.practice_viewers_kept(query.period, Day::of(query.frame.known_at)).is_ok();
        let viewers =
            Viewers { estimate: everybody.estimate(), days_with_data, denominator: stocks.viewers_of.clone() };
        let viewers = kept.then_some(viewers);
        let positions = Positions { registry: picture.followed.position, returns: returns.position, events };
        Ok(Summary { stocks, record_views, viewers, positions })
    }
}

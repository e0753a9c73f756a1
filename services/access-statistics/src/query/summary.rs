//! The main figures of one area at one moment.

use std::slice;
use std::sync::{Arc, Mutex, MutexGuard};

use journal::Published;
use tally::{
    Area, AreaKind, Day, Denominator, Estimate, Keeping, KeptStocks, Part, Period, Stocks, Viewpoint, practices_by_area,
};

use super::flows::PeriodFlows;
use super::groups::{PartedViews, Whose};
use super::{Frame, Positions, QueryError, worked_out};
use crate::AccessStatistics;
use crate::follow::Picture;
use crate::returns::ReturnsMachine;
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
    /// None of a practice, a PCN or a sub-ICB where the period cuts a month of which they are kept as a whole.
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
        let stocks = self.stocks(query.area.clone(), from, &picture, &returns).await?;

        let flow_query = FlowQuery {
            capability: query.frame.capability.clone(),
            period: query.period,
            known: Day::of(query.frame.known_at),
        };
        let flows = match query.area {
            Area::SubIcb(_) => self.flows_of_practices(query, flow_query, AreaKind::SubIcb, &picture).await?,
            Area::Pcn(_) => self.flows_of_practices(query, flow_query, AreaKind::Pcn, &picture).await?,
            _ => self.flows.of_period(&flow_query, &query.area).await?,
        };
        let kept = matches!(query.area.keeping(), Keeping::CountsAndPeople)
            || self.practice_viewers_kept(query.period, Day::of(query.frame.known_at)).is_ok();
        let PeriodFlows { record_views, viewers: estimate, days_with_data, position: events } = flows;
        let viewers = Viewers { estimate, days_with_data, denominator: stocks.viewers_of.clone() };
        let viewers = kept.then_some(viewers);
        let positions = Positions { registry: picture.followed.position, returns: returns.position, events };
        Ok(Summary { stocks, record_views, viewers, positions })
    }

    /// Beside the runtime's threads where the sums of a whole nation may have to be brought up to date, as by the first question after a
    /// start or an import. Nearly always nothing has changed, and another thread would take longer to wake than they to be told.
    async fn stocks(
        &self,
        area: Area,
        from: Viewpoint,
        picture: &Arc<Picture>,
        returns: &Arc<Published<ReturnsMachine>>,
    ) -> Result<Stocks, QueryError> {
        if let Ok(kept) = self.kept_stocks.try_lock()
            && let Some(stocks) = kept.of_followed(&area, &from, &picture.directory, &returns.state)
        {
            return Ok(stocks);
        }
        let (kept, picture, returns) = (Arc::clone(&self.kept_stocks), Arc::clone(picture), Arc::clone(returns));
        let told = self.clock.off_thread(move || locked(&kept).of(&area, &from, &picture.directory, &returns.state));
        worked_out(told.await)
    }

    /// Of an area whose people are not kept: those of the practices that lay in it at the moment.
    async fn flows_of_practices(
        &self,
        query: &SummaryQuery,
        flow_query: FlowQuery,
        kind: AreaKind,
        picture: &Picture,
    ) -> Result<PeriodFlows, QueryError> {
        let places = (query.as_at, query.frame.known_at);
        let mut practices = practices_by_area(kind, &Area::England, places, &picture.directory);
        let group = [practices.remove(&query.area).unwrap_or_default()];
        let PartedViews { mut views, position } = match query.area.keeping() {
            Keeping::Counts => self.views_of_areas(flow_query.clone(), slice::from_ref(&query.area)).await?,
            _ => self.flows.views_by_part(&flow_query, Whose::Groups(&group), None).await?,
        };
        let days = views.remove(&(0, Part::Whole)).unwrap_or_default();
        let (estimates, _) = self.flows.viewers_of_groups(&flow_query, &group, &[query.period]).await?;
        let viewers = estimates.into_iter().flatten().next().unwrap_or(Estimate::ZERO);
        Ok(PeriodFlows { record_views: days.values().sum(), viewers, days_with_data: days.len(), position })
    }
}

/// What is kept of stocks. A panic amid it leaves sums that are of nothing: they are made anew.
fn locked(kept: &Mutex<KeptStocks>) -> MutexGuard<'_, KeptStocks> {
    kept.lock().unwrap_or_else(|poisoned| {
        let mut sums = poisoned.into_inner();
        *sums = KeptStocks::default();
        kept.clear_poison();
        sums
    })
}

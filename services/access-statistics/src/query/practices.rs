//! What is known of single practices.

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::civil::Date;
use ods::{PracticeCode, Supplier};
use tally::{Area, Day, Figures, Period, PracticeFigures, Viewpoint};

use super::{Frame, Positions, QueryError};
use crate::AccessStatistics;
use crate::store::flows::FlowQuery;

/// Which practices, since when.
#[derive(Clone, Debug)]
pub(crate) struct PracticesQuery {
    pub(crate) practices: BTreeSet<PracticeCode>,
    /// The moment; not after now.
    pub(crate) as_at: Timestamp,
    /// The days on which views are looked for, to the moment's.
    pub(crate) period: Period,
    pub(crate) frame: Frame,
}

/// What is known of them.
#[derive(Clone, Debug)]
pub(crate) struct Practices {
    /// By code.
    pub(crate) known: Vec<Known>,
    pub(crate) positions: Positions,
}

/// What is known of one.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    pub(crate) practice: PracticeCode,
    pub(crate) supplier: Option<Supplier>,
    pub(crate) latest_return: Option<Return>,
    /// The last day of the period on which a record was viewed there.
    pub(crate) viewed_last: Option<Day>,
    /// The same for all practices of its supplier.
    pub(crate) supplier_viewed_last: Option<Day>,
}

/// A return.
#[derive(Clone, Debug)]
pub(crate) struct Return {
    pub(crate) supplier: Supplier,
    pub(crate) period_start: Date,
    pub(crate) period_end: Date,
    pub(crate) figures: Figures,
}

impl AccessStatistics {
    pub(crate) async fn practices(&self, query: &PracticesQuery) -> Result<Practices, QueryError> {
        let picture = self.picture_at(query.frame.min_position).await?;
        let returns = self.returns.published();
        let Frame { capability, known_at, .. } = query.frame.clone();
        let from = Viewpoint { as_at: query.as_at, known_at, capability: capability.clone() };
        let told = |code: &PracticeCode| PracticeFigures::of(*code, &from, &picture.directory, &returns.state);
        let told: Vec<PracticeFigures<'_>> = query.practices.iter().map(told).collect();

        let mut areas: BTreeSet<Area> = query.practices.iter().copied().map(Area::Practice).collect();
        areas.extend(told.iter().filter_map(|one| one.supplier.cloned()).map(Area::Supplier));
        let flow_query = FlowQuery { capability, period: query.period, known: Day::of(known_at) };
        let mut read = self.flows.begin(flow_query, &areas).await?;
        let views = read.views(&areas).await?;
        let events = read.position;
        read.end().await?;

        let last = |area: &Area| views.get(area).and_then(|days| days.keys().next_back().copied());
        let known = told.into_iter().map(|one| Known {
            practice: one.practice,
            supplier: one.supplier.cloned(),
            latest_return: one.latest_return.map(|(period_end, revision)| Return {
                supplier: revision.supplier.clone(),
                period_start: revision.period_start,
                period_end,
                figures: revision.figures,
            }),
            viewed_last: last(&Area::Practice(one.practice)),
            supplier_viewed_last: one.supplier.cloned().and_then(|supplier| last(&Area::Supplier(supplier))),
        });
        let positions = Positions { registry: picture.followed.position, returns: returns.position, events };
        Ok(Practices { known: known.collect(), positions })
    }
}

//! Views and viewers by day: what the tables hold, and what was folded since the last checkpoint, never one without the
//! other and nothing twice.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use database::{Db, Tx};
use tally::{
    Area, AreaIndex, Channel, Column, Day, Dictionary, Estimate, EventKind, Part, Parts, PracticeOrdinal, Sketch,
    Split, StrandOrdinal, Union,
};
use tokio::sync::watch;

use super::QueryError;
use crate::ingest::{Ingest, Pending};
use crate::store::StoreError;
use crate::store::flows::{
    FlowQuery, period_flows_of_area, period_flows_of_practice, sketches_of_area, sketches_of_practice, views_of_areas,
    views_of_practices,
};
use crate::store::groups::views_of_areas_by_part;
use crate::store::log::{self, Head, Tables};

/// How often a read begins anew because a checkpoint came between; each is some milliseconds, checkpoints are seconds
/// apart.
const ATTEMPTS_MAX: usize = 8;

/// How long a read waits for this process to notice a checkpoint before it asks the writer to look.
const NOTICE_WAIT: Duration = Duration::from_millis(50);

/// Reads flows.
#[derive(Clone, Debug)]
pub(crate) struct FlowReader {
    pub(crate) db: Db,
    pub(crate) ingest: Ingest,
}

/// Views or viewers of some areas, read at one position of the log.
#[derive(Debug)]
pub(crate) struct FlowRead {
    tx: Tx,
    query: FlowQuery,
    dictionary: Arc<Dictionary>,
    pending: PendingFlows,
    /// Up to where the log is counted.
    pub(crate) position: u64,
}

/// Counts by area and day.
pub(crate) type DailyViews = BTreeMap<Area, BTreeMap<Day, u64>>;

#[derive(Debug, Default)]
struct PendingFlows {
    views: DailyViews,
    /// England's, where England is asked for.
    views_by_strand: BTreeMap<StrandOrdinal, u64>,
    viewers: BTreeMap<Area, Vec<(Day, Sketch)>>,
}

/// Views and viewers of all of a period.
pub(super) struct PeriodFlows {
    pub(super) record_views: u64,
    pub(super) viewers: Estimate,
    /// Days on which anybody viewed.
    pub(super) days_with_data: usize,
    /// Up to where the log is counted.
    pub(super) position: u64,
}

/// What is not in the tables yet, and how far they are.
struct Look<T> {
    pending: T,
    head: Head,
    dictionary: Arc<Dictionary>,
}

/// A read at one position of the log: the tables, and what is not in them yet.
pub(super) struct Begun<T> {
    pub(super) tx: Tx,
    pub(super) pending: T,
    pub(super) dictionary: Arc<Dictionary>,
    /// Up to where the log is counted.
    pub(super) position: u64,
}

impl FlowReader {
    /// Begins to read flows of these areas.
    pub(crate) async fn begin(&self, query: FlowQuery, areas: &BTreeSet<Area>) -> Result<FlowRead, QueryError> {
        let pending = |pending: &Pending, dictionary: &Dictionary| {
            let index = self.ingest.shared().areas();
            pending_flows(pending, &query, areas, dictionary, &index)
        };
        let Begun { tx, pending, dictionary, position } = self.begin_with(pending).await?;
        Ok(FlowRead { tx, query, dictionary, pending, position })
    }

    /// Begins to read what the tables hold, with what `pending_of` makes of what is not in them yet.
    pub(super) async fn begin_with<T>(
        &self,
        pending_of: impl Fn(&Pending, &Dictionary) -> T + Send,
    ) -> Result<Begun<T>, QueryError> {
        let mut heads = self.ingest.shared().heads();
        for _ in 0..ATTEMPTS_MAX {
            let Look { pending, head, dictionary } = self.look(&pending_of);
            let mut tx = self.db.begin_read().await.map_err(StoreError::from)?;
            let stored = log::head(&mut tx).await?;
            if stored.tables == head.tables {
                return Ok(Begun { tx, pending, dictionary, position: head.position });
            }
            tx.rollback().await.map_err(StoreError::from)?;
            self.wait_until_noticed(stored.tables, &mut heads).await?;
        }
        Err(QueryError::Behind)
    }

    /// Records viewed and who viewed them in all of the period, in one area of which people are kept, or at a practice.
    pub(super) async fn of_period(&self, query: &FlowQuery, area: &Area) -> Result<PeriodFlows, QueryError> {
        let areas = BTreeSet::from([area.clone()]);
        let pending = |pending: &Pending, dictionary: &Dictionary| {
            pending_flows(pending, query, &areas, dictionary, &self.ingest.shared().areas())
        };
        let mut heads = self.ingest.shared().heads();
        for _ in 0..ATTEMPTS_MAX {
            let Look { pending, head, dictionary } = self.look(pending);
            let (stored, everybody) = match area {
                Area::Practice(_) => {
                    let practice = practice_ordinal(area, &dictionary);
                    let strands = view_strands(&dictionary, query);
                    (period_flows_of_practice(&self.db, query, practice, &strands).await?, Union::for_practice())
                }
                wider => (period_flows_of_area(&self.db, query, wider).await?, Union::for_area()),
            };
            if stored.tables == head.tables {
                let viewers = pending.viewers.get(area).into_iter().flatten();
                let (viewers, days_with_data) = united(everybody, &stored.sketches, viewers)?;
                let pending_views: u64 = pending.views.values().flat_map(BTreeMap::values).sum();
                let record_views = stored.record_views + pending_views;
                return Ok(PeriodFlows { record_views, viewers, days_with_data, position: head.position });
            }
            self.wait_until_noticed(stored.tables, &mut heads).await?;
        }
        Err(QueryError::Behind)
    }

    /// What is not in the tables yet. To be asked before the tables are: what memory lacks by then, they have.
    fn look<T>(&self, pending_of: impl Fn(&Pending, &Dictionary) -> T) -> Look<T> {
        let pending = self.ingest.shared().pending();
        // After the lock: the ordinals of a later moment hold all of the fold's.
        let dictionary = self.ingest.dictionary();
        Look { pending: pending_of(&pending, &dictionary), head: pending.head, dictionary }
    }

    /// Waits until this process has noticed how far the tables are.
    async fn wait_until_noticed(&self, tables: Tables, heads: &mut watch::Receiver<Head>) -> Result<(), QueryError> {
        let noticed = heads.wait_for(|head: &Head| head.tables >= tables);
        if tokio::time::timeout(NOTICE_WAIT, noticed).await.is_err() {
            // Another replica's checkpoint: only the writer can follow it.
            self.ingest.catch_up().await.map_err(|_| QueryError::Behind)?;
        }
        Ok(())
    }
}

impl FlowRead {
    /// Records viewed by area and day. Areas without any are not there.
    pub(crate) async fn views(&mut self, areas: &BTreeSet<Area>) -> Result<DailyViews, StoreError> {
        let mut views = std::mem::take(&mut self.pending.views);
        let (practices, wider): (Vec<&Area>, Vec<&Area>) =
            areas.iter().partition(|area| matches!(area, Area::Practice(_)));
        let wider: BTreeMap<String, &Area> = wider.into_iter().map(|area| (area.to_string(), area)).collect();
        if !wider.is_empty() {
            let list: Vec<Area> = wider.values().map(|area| (*area).clone()).collect();
            for (name, day, count) in views_of_areas(&mut self.tx, &self.query, &list).await? {
                if let Some(area) = wider.get(&name) {
                    *views.entry((*area).clone()).or_default().entry(day).or_default() += count;
                }
            }
        }
        let practices: BTreeMap<PracticeOrdinal, &Area> =
            practices.into_iter().filter_map(|area| Some((practice_ordinal(area, &self.dictionary)?, area))).collect();
        if !practices.is_empty() {
            let list: Vec<PracticeOrdinal> = practices.keys().copied().collect();
            let strands = view_strands(&self.dictionary, &self.query);
            for (practice, day, count) in views_of_practices(&mut self.tx, &self.query, &list, &strands).await? {
                if let Some(area) = practices.get(&practice) {
                    *views.entry((*area).clone()).or_default().entry(day).or_default() += count;
                }
            }
        }
        Ok(views)
    }

    /// Records viewed in England in the period, by app; only where the read was begun with England.
    pub(crate) async fn views_by_channel(&mut self) -> Result<BTreeMap<Channel, u64>, StoreError> {
        let capability = &self.query.capability;
        let parts = Parts::of(Some(Split::Channel), EventKind::RecordViewed, capability, &self.dictionary);
        let mut counts = vec![0; parts.list().len()];
        for counted in views_of_areas_by_part(&mut self.tx, &self.query, &[Area::England], parts.strands()).await? {
            counts[counted.part] += counted.count;
        }
        for (strand, count) in &self.pending.views_by_strand {
            if let Some(part) = parts.number(*strand) {
                counts[part] += count;
            }
        }
        let named = parts.list().iter().zip(counts).filter_map(|(part, count)| match part {
            Part::Channel(channel) => Some((channel.clone(), count)),
            Part::Whole | Part::Section(_) => None,
        });
        Ok(named.collect())
    }

    /// Who viewed records of an area, by day. Days without anybody are not there.
    pub(crate) async fn viewers(&mut self, area: &Area) -> Result<BTreeMap<Day, Union>, StoreError> {
        let (stored, empty) = self.stored_viewers(area).await?;
        let mut days: BTreeMap<Day, Union> = BTreeMap::new();
        for (day, bytes) in stored {
            days.entry(day).or_insert_with(empty).add_bytes(&bytes)?;
        }
        for (day, sketch) in self.pending.viewers.remove(area).unwrap_or_default() {
            days.entry(day).or_insert_with(empty).add(&sketch);
        }
        Ok(days)
    }

    /// The sketches that the tables hold, by day, and the empty union that is as precise.
    async fn stored_viewers(&mut self, area: &Area) -> Result<(Vec<(Day, Vec<u8>)>, fn() -> Union), StoreError> {
        Ok(match area {
            Area::Practice(_) => {
                let sketches = match practice_ordinal(area, &self.dictionary) {
                    Some(practice) => sketches_of_practice(&mut self.tx, &self.query, practice).await?,
                    None => Vec::new(),
                };
                (sketches, Union::for_practice)
            }
            wider => (sketches_of_area(&mut self.tx, &self.query, wider).await?, Union::for_area),
        })
    }

    /// Ends the read.
    pub(crate) async fn end(self) -> Result<(), StoreError> {
        Ok(self.tx.rollback().await?)
    }
}

/// How many they are, each once, and on how many days anybody was there. One union of all, not of days first: each is some ten
/// thousand registers.
fn united<'a>(
    mut everybody: Union,
    stored: &[(Day, Vec<u8>)],
    pending: impl Iterator<Item = &'a (Day, Sketch)>,
) -> Result<(Estimate, usize), StoreError> {
    let mut days = BTreeSet::new();
    for (day, bytes) in stored {
        everybody.add_bytes(bytes)?;
        days.insert(*day);
    }
    for (day, sketch) in pending {
        everybody.add(sketch);
        days.insert(*day);
    }
    Ok((everybody.estimate(), days.len()))
}

fn practice_ordinal(area: &Area, dictionary: &Dictionary) -> Option<PracticeOrdinal> {
    match area {
        Area::Practice(code) => dictionary.practice_ordinal(code.as_str()),
        _ => None,
    }
}

/// The strands that are views of the capability asked for.
fn view_strands(dictionary: &Dictionary, query: &FlowQuery) -> Vec<StrandOrdinal> {
    let Some(capability) = dictionary.capability_ordinal(&query.capability) else { return Vec::new() };
    let strands = (0..=u16::MAX).map(StrandOrdinal).take(dictionary.strand_count());
    strands.filter(|strand| dictionary.views_of(*strand) == Some(capability)).collect()
}

/// What is to be added to the tables, of what was asked for.
fn pending_flows(
    pending: &Pending,
    query: &FlowQuery,
    areas: &BTreeSet<Area>,
    dictionary: &Dictionary,
    index: &AreaIndex,
) -> PendingFlows {
    let mut flows = PendingFlows::default();
    let Some(capability) = dictionary.capability_ordinal(&query.capability) else { return flows };
    let wanted = |arrived: Day, day: Day| arrived <= query.known && query.period.contains(day);
    let is_view = |column: &Column<'_>| {
        wanted(column.arrived, column.day) && dictionary.views_of(column.strand) == Some(capability)
    };
    let (practices, wider): (Vec<&Area>, Vec<&Area>) = areas.iter().partition(|area| matches!(area, Area::Practice(_)));
    let PendingFlows { views, views_by_strand, viewers } = &mut flows;
    let mut add = |area: &Area, day: Day, count: u64| {
        if count > 0 {
            *views.entry(area.clone()).or_default().entry(day).or_default() += count;
        }
    };
    for column in pending.practice_columns().filter(is_view) {
        for area in &practices {
            let practice = practice_ordinal(area, dictionary);
            add(area, column.day, practice.map_or(0, |practice| column.at_practice(practice)));
        }
    }
    for column in pending.area_columns().filter(is_view) {
        for area in &wider {
            let count = index.ordinal(area).map_or(0, |ordinal| column.in_area(ordinal, index));
            add(area, column.day, count);
            if **area == Area::England {
                *views_by_strand.entry(column.strand).or_default() += count;
            }
        }
    }
    for people in pending.people_by_practice().filter(|people| wanted(people.arrived, people.day)) {
        let area = dictionary.practice(people.place).map(Area::Practice);
        if let Some(area) = area.filter(|area| people.capability == capability && areas.contains(area)) {
            viewers.entry(area).or_default().push((people.day, people.sketch.clone()));
        }
    }
    for people in pending.people_by_area().filter(|people| wanted(people.arrived, people.day)) {
        let area = &index.areas()[people.place.index()];
        if people.capability == capability && areas.contains(area) {
            viewers.entry(area.clone()).or_default().push((people.day, people.sketch.clone()));
        }
    }
    flows
}

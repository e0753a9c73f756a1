//! Quarantine on the wire: which events were not counted, and why.

use api::{Error, Page, PageLimits};
use proto::statistics::v1 as wire;
use tally::EventFault;

use super::statistics::count;
use crate::AccessStatistics;
use crate::store::quarantine::Quarantined;
use crate::store::{StoreError, quarantine as store};

/// Where a page begins: after this batch and reason.
type QuarantineCursor = (u64, u16);

pub(super) async fn list(
    statistics: &AccessStatistics,
    request: wire::ListQuarantinedEventsRequest,
) -> Result<wire::ListQuarantinedEventsResponse, Error> {
    let page: Page<QuarantineCursor> = api::page!(request, PageLimits::STANDARD)?;
    let (rows, events_count) =
        read(statistics, &request.source, &page).await.map_err(|error| Error::internal(&error))?;
    let shown = &rows[..rows.len().min(page.rows)];
    let last = shown.last().filter(|_| rows.len() > page.rows);
    Ok(wire::ListQuarantinedEventsResponse {
        batches: shown.iter().map(to_wire).collect(),
        events_count: count(events_count),
        next_page_token: last
            .map(|last| page.next_page_token(&(last.position, last.fault.number())))
            .unwrap_or_default(),
    })
}

/// One row more than fits on the page, where there is one, and how many events there are in all.
async fn read(
    statistics: &AccessStatistics,
    source: &str,
    page: &Page<QuarantineCursor>,
) -> Result<(Vec<Quarantined>, u64), StoreError> {
    let mut tx = statistics.db().begin_read().await?;
    let rows = store::list(&mut tx, source, page.after, page.rows + 1).await?;
    let events_count = store::count(&mut tx, source).await?;
    tx.rollback().await?;
    Ok((rows, events_count))
}

fn to_wire(quarantined: &Quarantined) -> wire::QuarantinedBatch {
    let fault = quarantined.fault;
    wire::QuarantinedBatch {
        source: quarantined.source.clone(),
        incarnation: quarantined.incarnation,
        first_sequence: quarantined.first_sequence,
        last_sequence: quarantined.last_sequence,
        events_count: i32::try_from(quarantined.count).unwrap_or(i32::MAX),
        reason: fault.reason().to_owned(),
        field: fault.field().to_owned(),
        description: fault.description().to_owned(),
        arrival_time: Some(api::time::to_wire(quarantined.arrived_at)),
        position: quarantined.position,
    }
}

pub(super) fn event(sequence: u64, fault: EventFault) -> wire::QuarantinedEvent {
    wire::QuarantinedEvent {
        sequence,
        reason: fault.reason().to_owned(),
        field: fault.field().to_owned(),
        description: fault.description().to_owned(),
    }
}

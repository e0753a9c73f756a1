//! Pages of records: as many as fit into a message, of those that are wanted.

use proto::journal::v1 as wire;

use crate::grpc::refusal::unreadable;
use crate::grpc::wire::records;
use crate::{JournalHandle, RecordFilter};

/// A page ends with the record that takes it past this: with the largest record it still fits into a message of 4 MiB.
const PAGE_BYTES: usize = 512 * 1024;

/// Records read from the store at a time, so that a page of large ones does not hold hundreds of them in memory.
const READ_RECORDS: usize = 16;

/// Records that a call with conditions looks through: then the page ends, with what was found, and the next goes on from
/// there. So no call scans a whole journal.
const SCAN_RECORDS_MAX: u64 = 100_000;

/// Which records are asked for.
pub(crate) struct Asked<'a> {
    pub(crate) filter: &'a RecordFilter,
    /// Only records after this position.
    pub(crate) after: u64,
    /// Only records up to this one.
    pub(crate) until: u64,
    pub(crate) rows_max: usize,
}

/// Some of them.
#[derive(Default)]
pub(crate) struct Found {
    pub(crate) records: Vec<wire::Record>,
    /// Everything up to here was looked at.
    pub(crate) looked_to: u64,
    /// There is no more.
    pub(crate) is_last: bool,
}

pub(crate) async fn read(journal: &JournalHandle, asked: Asked<'_>) -> Result<Found, api::Error> {
    let Asked { filter, after, until, rows_max } = asked;
    let scan_end = if filter.is_empty() { until } else { until.min(after.saturating_add(SCAN_RECORDS_MAX)) };
    let mut page = Found { looked_to: after, ..Found::default() };
    let mut page_bytes = 0;
    while page.records.len() < rows_max && page_bytes < PAGE_BYTES {
        let wanted_count = READ_RECORDS.min(rows_max - page.records.len());
        let found = journal.records_matching(page.looked_to, scan_end, wanted_count, filter).await;
        let mut found = found.map_err(|error| unreadable(&error))?;
        let is_end = found.len() < wanted_count;
        let fit_count = found.iter().take_while(|record| fits(&mut page_bytes, record.payload.len())).count();
        let is_whole = fit_count == found.len();
        found.truncate(fit_count);
        if let (Some(first), Some(end)) = (found.first(), found.last()) {
            let (first, last) = (first.position, end.position);
            page.looked_to = last;
            let notes = journal.notes(first, last).await.map_err(|error| unreadable(&error))?;
            page.records.extend(records(found, notes, journal.redactions(first, last)));
        }
        if is_end && is_whole {
            page.is_last = scan_end >= until.min(journal.position());
            page.looked_to = if page.is_last { page.looked_to } else { scan_end };
            return Ok(page);
        }
    }
    Ok(page)
}

/// Counts one more record; false where the page was full before it.
fn fits(page_bytes: &mut usize, payload_bytes: usize) -> bool {
    let is_room = *page_bytes < PAGE_BYTES;
    if is_room {
        *page_bytes += payload_bytes;
    }
    is_room
}

//! JournalService: every journal of this server, by `parent`.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;

use futures_util::Stream;
use futures_util::stream;
use identity::Caller;
use prost::Message as _;
use proto::journal::v1 as wire;
use proto::journal::v1::journal_service_server::{JournalService as Served, JournalServiceServer};
use tonic::{Request, Response, Status};

use crate::{JournalHandle, Meta, Redaction};
use crate::grpc::refusal::{not_reached, of_redaction, patience, refusal, unreadable};
use crate::grpc::wire::{
    COLLECTION, from_checkpoint, from_redaction, from_verification, records, to_checkpoint, to_redact_note,
};

/// Records are larger than other resources, so pages are smaller.
const PAGE_LIMITS: api::PageLimits = api::PageLimits { default: 50, max: 200 };

/// A page ends with the record that takes it past this: with the largest record it still fits into a message of 4 MiB.
const PAGE_BYTES: usize = 512 * 1024;

/// Records read from the store at a time, so that a page of large ones does not hold hundreds of them in memory.
const READ_RECORDS: usize = 16;

/// The journals of a server. One service for all of them, since tonic mounts a service once.
#[derive(Clone, Debug, Default)]
pub struct JournalService {
    journals: Arc<BTreeMap<&'static str, JournalHandle>>,
}

impl JournalService {
    /// Serves these journals.
    pub fn new(journals: impl IntoIterator<Item = JournalHandle>) -> Self {
        Self { journals: Arc::new(journals.into_iter().map(|journal| (journal.name(), journal)).collect()) }
    }

    /// What a server mounts.
    pub fn into_server(self) -> JournalServiceServer<Self> {
        JournalServiceServer::new(self)
    }

    fn journal(&self, parent: &str) -> Result<&JournalHandle, api::Error> {
        let name = api::validate::resource_id("parent", parent, COLLECTION)?;
        self.journals.get(name).ok_or_else(|| {
            let served: Vec<String> = self.journals.keys().map(|name| format!("{COLLECTION}/{name}")).collect();
            api::Error::not_found("JOURNAL_NOT_FOUND", "{journal} is not served here; there are: {served}")
                .with("journal", parent)
                .with("served", served.join(", "))
        })
    }
}

type Responses = Pin<Box<dyn Stream<Item = Result<wire::WatchRecordsResponse, Status>> + Send>>;

#[tonic::async_trait]
impl Served for JournalService {
    type WatchRecordsStream = Responses;

    async fn list_records(
        &self,
        request: Request<wire::ListRecordsRequest>,
    ) -> Result<Response<wire::ListRecordsResponse>, Status> {
        let request = request.into_inner();
        let journal = self.journal(&request.parent)?;
        let page: api::Page<u64> = api::page!(request, PAGE_LIMITS)?;
        journal.wait_for(request.min_position, patience()).await.map_err(|error| not_reached(&error))?;
        let after = page.after.unwrap_or(request.after_position);
        let (records, is_last) = read(journal, after, page.rows).await?;
        let next = records.last().filter(|_| !is_last).map(|last| page.next_page_token(&last.position));
        Ok(Response::new(wire::ListRecordsResponse { records, next_page_token: next.unwrap_or_default() }))
    }

    async fn watch_records(&self, request: Request<wire::WatchRecordsRequest>) -> Result<Response<Responses>, Status> {
        let request = request.into_inner();
        let journal = self.journal(&request.parent)?.clone();
        // A caller that has more than there is follows another journal than this one (rule 17), or a replica that lags.
        journal.wait_for(request.after_position, patience()).await.map_err(|error| not_reached(&error))?;
        Ok(Response::new(Box::pin(watch(journal, request.after_position))))
    }

    async fn verify_chain(
        &self,
        request: Request<wire::VerifyChainRequest>,
    ) -> Result<Response<wire::VerifyChainResponse>, Status> {
        let request = request.into_inner();
        let journal = self.journal(&request.parent)?;
        let checkpoint = request.checkpoint.as_ref().map(to_checkpoint).transpose()?;
        if request.from_checkpoint && checkpoint.is_none() {
            return Err(checkpoint_required().into());
        }
        let verification = journal.verify(checkpoint.as_ref(), request.from_checkpoint).await.map_err(|error| unreadable(&error))?;
        Ok(Response::new(from_verification(&verification)))
    }

    async fn get_checkpoint(
        &self,
        request: Request<wire::GetCheckpointRequest>,
    ) -> Result<Response<wire::GetCheckpointResponse>, Status> {
        let journal = self.journal(&request.into_inner().parent)?;
        let checkpoint = journal.checkpoint().map_err(|error| unreadable(&error))?;
        let checkpoint = checkpoint.ok_or_else(no_key)?;
        Ok(Response::new(wire::GetCheckpointResponse { checkpoint: Some(from_checkpoint(&checkpoint)) }))
    }

    async fn redact_note(
        &self,
        request: Request<wire::RedactNoteRequest>,
    ) -> Result<Response<wire::RedactNoteResponse>, Status> {
        let caller = Caller::of(&request).clone();
        let request = request.into_inner();
        let journal = self.journal(&request.parent)?;
        let mutation = api::mutation!(request)?.with_reason()?;
        let asked = to_redact_note(&request)?;
        let word = |redaction: &Redaction, position| {
            wire::RedactNoteResponse { redaction: Some(from_redaction(redaction)), position }.encode_to_vec()
        };
        let redacted = journal.redact_note(asked, Meta::of(&caller, &mutation), mutation.dry_run, word).await;
        let name = journal.name();
        let accepted = redacted.map_err(|error| refusal(error, |rejection| of_redaction(name, &rejection)))?;
        let reply = wire::RedactNoteResponse::decode(accepted.reply.as_slice());
        Ok(Response::new(reply.map_err(|error| api::Error::internal(&error))?))
    }
}

/// The next records, at most `rows_max`; and whether these are all there are.
async fn read(journal: &JournalHandle, after: u64, rows_max: usize) -> Result<(Vec<wire::Record>, bool), api::Error> {
    let mut page = Vec::new();
    let mut page_bytes = 0;
    let mut last = after;
    while page.len() < rows_max && page_bytes < PAGE_BYTES {
        let wanted_count = READ_RECORDS.min(rows_max - page.len());
        let mut found = journal.records(last, wanted_count).await.map_err(|error| unreadable(&error))?;
        let is_end = found.len() < wanted_count;
        let fit_count = found.iter().take_while(|record| fits(&mut page_bytes, record.payload.len())).count();
        let is_whole = fit_count == found.len();
        found.truncate(fit_count);
        if let (Some(first), Some(end)) = (found.first(), found.last()) {
            let first_position = first.position;
            last = end.position;
            let notes = journal.notes(first_position, last).await.map_err(|error| unreadable(&error))?;
            page.extend(records(found, notes, journal.redactions(first_position, last)));
        }
        if is_end && is_whole {
            return Ok((page, true));
        }
    }
    Ok((page, false))
}

/// Counts one more record; false where the page was full before it.
fn fits(page_bytes: &mut usize, payload_bytes: usize) -> bool {
    let is_room = *page_bytes < PAGE_BYTES;
    if is_room {
        *page_bytes += payload_bytes;
    }
    is_room
}

/// Every record after a position, page by page, then those to come. Ends with UNAVAILABLE when the engine ends, so that a
/// client goes on elsewhere from the last position it has.
fn watch(journal: JournalHandle, after: u64) -> impl Stream<Item = Result<wire::WatchRecordsResponse, Status>> + Send {
    stream::try_unfold(Some((journal, after)), |watching| async move {
        let Some((journal, after)) = watching else { return Ok(None) };
        if !journal.wait_after(after).await {
            return Err(ended().into());
        }
        let (records, _) = read(&journal, after, PAGE_LIMITS.max).await?;
        let last = records.last().map_or(after, |record| record.position);
        Ok(Some((wire::WatchRecordsResponse { records }, Some((journal, last)))))
    })
}

fn checkpoint_required() -> api::Error {
    api::Error::invalid("checkpoint", "FIELD_REQUIRED", "{field} is required to begin from it")
}

fn no_key() -> api::Error {
    api::Error::failed_precondition(
        "CHECKPOINTS_OFF",
        "this server signs no checkpoints; an operator can configure where to keep them",
    )
}

fn ended() -> api::Error {
    api::Error::unavailable("JOURNAL_CLOSED", "the journal is closed here; watch again from the last position you have")
}

//! JournalService: every journal of this server, by `parent`.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;

use futures_util::Stream;
use futures_util::stream;
use identity::Caller;
use jiff::Timestamp;
use prost::Message as _;
use proto::journal::v1 as wire;
use proto::journal::v1::journal_service_server::{JournalService as Served, JournalServiceServer};
use tonic::{Request, Response, Status};

use crate::grpc::page::{Asked, Found, read};
use crate::grpc::refusal::{not_reached, of_redaction, patience, refusal, unreadable};
use crate::grpc::wire::{
    COLLECTION, from_checkpoint, from_redaction, from_verification, to_checkpoint, to_filter, to_redact_note,
};
use crate::{JournalHandle, Meta, RecordFilter, Redaction};

/// Records are larger than other resources, so pages are smaller.
const PAGE_LIMITS: api::PageLimits = api::PageLimits { default: 50, max: 200 };

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
        let filter = to_filter(&request)?;
        let after = page.after.unwrap_or(request.after_position);
        let (after, until) = within(journal, &request, after).await?;
        let found = read(journal, Asked { filter: &filter, after, until, rows_max: page.rows }).await?;
        let next_page_token = if found.is_last { String::new() } else { page.next_page_token(&found.looked_to) };
        Ok(Response::new(wire::ListRecordsResponse { records: found.records, next_page_token }))
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
        let verification =
            journal.verify(checkpoint.as_ref(), request.from_checkpoint).await.map_err(|error| unreadable(&error))?;
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

/// The positions between which records were recorded in the time that is asked for.
async fn within(
    journal: &JournalHandle,
    request: &wire::ListRecordsRequest,
    after: u64,
) -> Result<(u64, u64), api::Error> {
    let from = api::time::moment("recorded_from", request.recorded_from.as_ref())?;
    let before = api::time::moment("recorded_before", request.recorded_before.as_ref())?;
    let first_at = async |moment: Option<Timestamp>| match moment {
        Some(moment) => journal.last_before(moment).await.map(Some).map_err(|error| unreadable(&error)),
        None => Ok(None),
    };
    let (last_before_from, last) = (first_at(from).await?, first_at(before).await?);
    Ok((after.max(last_before_from.unwrap_or(0)), last.unwrap_or(u64::MAX)))
}

/// Every record after a position, page by page, then those to come. Ends with UNAVAILABLE when the engine ends, so that a
/// client goes on elsewhere from the last position it has.
fn watch(journal: JournalHandle, after: u64) -> impl Stream<Item = Result<wire::WatchRecordsResponse, Status>> + Send {
    stream::try_unfold(Some((journal, after)), |watching| async move {
        let Some((journal, after)) = watching else { return Ok(None) };
        if !journal.wait_after(after).await {
            return Err(ended().into());
        }
        let every = RecordFilter::default();
        let asked = Asked { filter: &every, after, until: u64::MAX, rows_max: PAGE_LIMITS.max };
        let Found { records, looked_to, .. } = read(&journal, asked).await?;
        Ok(Some((wire::WatchRecordsResponse { records }, Some((journal, looked_to)))))
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

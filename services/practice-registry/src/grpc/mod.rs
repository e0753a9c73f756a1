//! The wire: requests to commands, states to replies, refusals to statuses. Only this module names `proto::`.
//!
//! [`Handlers`] decode, make one call, encode; each RPC's subject has a file of its own.

mod access;
mod advice;
mod authorised;
mod check_access;
mod contacts;
mod counts;
mod directory;
mod encoded;
mod export;
mod history;
mod kept;
mod name;
mod observations;
mod organisations;
mod participation;
mod pause;
mod permit;
mod permits;
mod practices;
mod present;
mod readiness;
mod reading;
mod refusal;
mod report;
mod resource;
mod sources;
mod states;
mod submit;
mod successions;
mod sync;
mod watch;

use std::pin::Pin;
use std::sync::Arc;

use clock::Clock;
use futures_util::Stream;
use identity::Caller;
use journal::Engine;
use proto::registry::v1 as wire;
use proto::registry::v1::practice_registry_service_server::{PracticeRegistryService, PracticeRegistryServiceServer};
use server::Server;
use tonic::{Request, Response, Status, Streaming};

use submit::Asked;

use crate::addresses::AddressStore;
use crate::machine::Registry;
use crate::{Limits, SyncConfig};

/// Answers the registry's RPCs. Clones answer from the same engine.
#[derive(Clone, Debug)]
pub(crate) struct Handlers {
    pub(crate) engine: Engine<Registry>,
    pub(crate) clock: Clock,
    pub(crate) limits: Limits,
    /// None where no interface is followed.
    pub(crate) sync: Option<Arc<SyncConfig>>,
    /// Contacts' addresses, beside the journal.
    pub(crate) addresses: AddressStore,
}

/// Adds the service, with what of it is answered at once.
pub(crate) fn mount(server: Server, handlers: &Handlers) -> Server {
    let (check, batch, get) = (handlers.clone(), handlers.clone(), handlers.clone());
    server
        .descriptors(proto::FILE_DESCRIPTOR_SET)
        .service(PracticeRegistryServiceServer::new(handlers.clone()))
        .at_once(check_access::CHECK, move |message| check_access::check_at_once(&check, message))
        .at_once(check_access::BATCH, move |message| check_access::batch_at_once(&batch, message))
        .at_once(practices::GET, move |message| practices::get_at_once(&get, message))
}

/// Each RPC: who asks and what, to the function of its subject.
macro_rules! answer {
    ($self:ident, $request:ident, $function:path) => {
        Ok(Response::new($function($self, Asked::new($request)).await?))
    };
}

#[tonic::async_trait]
impl PracticeRegistryService for Handlers {
    // This RPC, CheckAccess and BatchCheckAccess come here only where they are not answered at once.
    async fn get_practice(
        &self,
        request: Request<wire::GetPracticeRequest>,
    ) -> Result<Response<wire::GetPracticeResponse>, Status> {
        answer!(self, request, practices::get)
    }

    async fn batch_get_practices(
        &self,
        request: Request<wire::BatchGetPracticesRequest>,
    ) -> Result<Response<wire::BatchGetPracticesResponse>, Status> {
        answer!(self, request, practices::batch_get)
    }

    async fn list_practices(
        &self,
        request: Request<wire::ListPracticesRequest>,
    ) -> Result<Response<wire::ListPracticesResponse>, Status> {
        answer!(self, request, practices::list)
    }

    async fn check_access(
        &self,
        request: Request<wire::CheckAccessRequest>,
    ) -> Result<Response<wire::CheckAccessResponse>, Status> {
        answer!(self, request, check_access::check)
    }

    async fn batch_check_access(
        &self,
        request: Request<wire::BatchCheckAccessRequest>,
    ) -> Result<Response<wire::BatchCheckAccessResponse>, Status> {
        answer!(self, request, check_access::batch)
    }

    type WatchPracticesStream = Pin<Box<dyn Stream<Item = Result<wire::WatchPracticesResponse, Status>> + Send>>;

    async fn watch_practices(
        &self,
        request: Request<wire::WatchPracticesRequest>,
    ) -> Result<Response<Self::WatchPracticesStream>, Status> {
        let changes = watch::watch(self, Asked::new(request)).await?;
        Ok(Response::new(Box::pin(changes)))
    }

    async fn list_practice_changes(
        &self,
        request: Request<wire::ListPracticeChangesRequest>,
    ) -> Result<Response<wire::ListPracticeChangesResponse>, Status> {
        answer!(self, request, history::list)
    }

    async fn list_practice_states(
        &self,
        request: Request<wire::ListPracticeStatesRequest>,
    ) -> Result<Response<wire::ListPracticeStatesResponse>, Status> {
        answer!(self, request, states::list)
    }

    async fn pause_practice(
        &self,
        request: Request<wire::PausePracticeRequest>,
    ) -> Result<Response<wire::PausePracticeResponse>, Status> {
        answer!(self, request, participation::pause_practice)
    }

    async fn resume_practice(
        &self,
        request: Request<wire::ResumePracticeRequest>,
    ) -> Result<Response<wire::ResumePracticeResponse>, Status> {
        answer!(self, request, participation::resume_practice)
    }

    async fn set_pause_outcome(
        &self,
        request: Request<wire::SetPauseOutcomeRequest>,
    ) -> Result<Response<wire::SetPauseOutcomeResponse>, Status> {
        answer!(self, request, participation::set_pause_outcome)
    }

    async fn get_receipt(
        &self,
        request: Request<wire::GetReceiptRequest>,
    ) -> Result<Response<wire::GetReceiptResponse>, Status> {
        answer!(self, request, participation::get_receipt)
    }

    async fn request_switch_off(
        &self,
        request: Request<wire::RequestSwitchOffRequest>,
    ) -> Result<Response<wire::RequestSwitchOffResponse>, Status> {
        answer!(self, request, participation::request_switch_off)
    }

    async fn update_readiness(
        &self,
        request: Request<wire::UpdateReadinessRequest>,
    ) -> Result<Response<wire::UpdateReadinessResponse>, Status> {
        answer!(self, request, readiness::update_readiness)
    }

    async fn list_readiness_items(
        &self,
        request: Request<wire::ListReadinessItemsRequest>,
    ) -> Result<Response<wire::ListReadinessItemsResponse>, Status> {
        answer!(self, request, readiness::list_items)
    }

    async fn declare_readiness_items(
        &self,
        request: Request<wire::DeclareReadinessItemsRequest>,
    ) -> Result<Response<wire::DeclareReadinessItemsResponse>, Status> {
        answer!(self, request, readiness::declare_items)
    }

    async fn record_advice(
        &self,
        request: Request<wire::RecordAdviceRequest>,
    ) -> Result<Response<wire::RecordAdviceResponse>, Status> {
        answer!(self, request, advice::record)
    }

    async fn end_advice(
        &self,
        request: Request<wire::EndAdviceRequest>,
    ) -> Result<Response<wire::EndAdviceResponse>, Status> {
        answer!(self, request, advice::end)
    }

    async fn list_advice(
        &self,
        request: Request<wire::ListAdviceRequest>,
    ) -> Result<Response<wire::ListAdviceResponse>, Status> {
        answer!(self, request, advice::list)
    }

    async fn set_contact(
        &self,
        request: Request<wire::SetContactRequest>,
    ) -> Result<Response<wire::SetContactResponse>, Status> {
        answer!(self, request, contacts::set)
    }

    async fn list_contacts(
        &self,
        request: Request<wire::ListContactsRequest>,
    ) -> Result<Response<wire::ListContactsResponse>, Status> {
        answer!(self, request, contacts::list)
    }

    async fn delete_contact(
        &self,
        request: Request<wire::DeleteContactRequest>,
    ) -> Result<Response<wire::DeleteContactResponse>, Status> {
        answer!(self, request, contacts::delete)
    }

    async fn record_observation(
        &self,
        request: Request<wire::RecordObservationRequest>,
    ) -> Result<Response<wire::RecordObservationResponse>, Status> {
        answer!(self, request, observations::observe)
    }

    async fn record_signals(
        &self,
        request: Request<wire::RecordSignalsRequest>,
    ) -> Result<Response<wire::RecordSignalsResponse>, Status> {
        answer!(self, request, observations::signal)
    }

    async fn acquire_permits(
        &self,
        request: Request<wire::AcquirePermitsRequest>,
    ) -> Result<Response<wire::AcquirePermitsResponse>, Status> {
        answer!(self, request, permits::acquire)
    }

    async fn settle_permits(
        &self,
        request: Request<wire::SettlePermitsRequest>,
    ) -> Result<Response<wire::SettlePermitsResponse>, Status> {
        answer!(self, request, permits::settle)
    }

    async fn release_permits(
        &self,
        request: Request<wire::ReleasePermitsRequest>,
    ) -> Result<Response<wire::ReleasePermitsResponse>, Status> {
        answer!(self, request, permits::release)
    }

    async fn record_succession(
        &self,
        request: Request<wire::RecordSuccessionRequest>,
    ) -> Result<Response<wire::RecordSuccessionResponse>, Status> {
        answer!(self, request, successions::record)
    }

    async fn import_directory(
        &self,
        request: Request<Streaming<wire::ImportDirectoryRequest>>,
    ) -> Result<Response<wire::ImportDirectoryResponse>, Status> {
        let caller = Caller::of(&request).clone();
        Ok(Response::new(directory::import(self, &caller, request.into_inner()).await?))
    }

    type ExportPracticesStream = Pin<Box<dyn Stream<Item = Result<wire::ExportPracticesResponse, Status>> + Send>>;

    async fn export_practices(
        &self,
        request: Request<wire::ExportPracticesRequest>,
    ) -> Result<Response<Self::ExportPracticesStream>, Status> {
        let pieces = export::export(self, Asked::new(request)).await?;
        Ok(Response::new(Box::pin(pieces)))
    }

    async fn sync_directory(
        &self,
        request: Request<wire::SyncDirectoryRequest>,
    ) -> Result<Response<wire::SyncDirectoryResponse>, Status> {
        answer!(self, request, sync::sync_directory)
    }

    async fn get_sync(
        &self,
        request: Request<wire::GetSyncRequest>,
    ) -> Result<Response<wire::GetSyncResponse>, Status> {
        answer!(self, request, sync::get)
    }

    async fn list_syncs(
        &self,
        request: Request<wire::ListSyncsRequest>,
    ) -> Result<Response<wire::ListSyncsResponse>, Status> {
        answer!(self, request, sync::list)
    }

    async fn list_organisations(
        &self,
        request: Request<wire::ListOrganisationsRequest>,
    ) -> Result<Response<wire::ListOrganisationsResponse>, Status> {
        answer!(self, request, organisations::list)
    }

    async fn get_organisation(
        &self,
        request: Request<wire::GetOrganisationRequest>,
    ) -> Result<Response<wire::GetOrganisationResponse>, Status> {
        answer!(self, request, organisations::get)
    }

    async fn set_organisation_lifetime(
        &self,
        request: Request<wire::SetOrganisationLifetimeRequest>,
    ) -> Result<Response<wire::SetOrganisationLifetimeResponse>, Status> {
        answer!(self, request, organisations::set_lifetime)
    }

    async fn count_practices(
        &self,
        request: Request<wire::CountPracticesRequest>,
    ) -> Result<Response<wire::CountPracticesResponse>, Status> {
        answer!(self, request, counts::count)
    }

    async fn get_crosswalk(
        &self,
        request: Request<wire::GetCrosswalkRequest>,
    ) -> Result<Response<wire::GetCrosswalkResponse>, Status> {
        answer!(self, request, counts::crosswalk)
    }

    async fn list_import_changes(
        &self,
        request: Request<wire::ListImportChangesRequest>,
    ) -> Result<Response<wire::ListImportChangesResponse>, Status> {
        answer!(self, request, report::list_changes)
    }

    async fn compare_sources(
        &self,
        request: Request<wire::CompareSourcesRequest>,
    ) -> Result<Response<wire::CompareSourcesResponse>, Status> {
        answer!(self, request, sources::compare)
    }

    async fn list_source_disagreements(
        &self,
        request: Request<wire::ListSourceDisagreementsRequest>,
    ) -> Result<Response<wire::ListSourceDisagreementsResponse>, Status> {
        answer!(self, request, sources::list)
    }
}

//! PublicationService: what everybody may see, and the drafts of those who may see them.

mod calendar;
mod download;
mod issues;
mod wire;

use std::pin::Pin;

use api::Error;
use futures_util::Stream;
use identity::{Caller, Role, Roles};
use jiff::Timestamp;
use proto::statistics::v1 as wire_types;
use proto::statistics::v1::publication_service_server::PublicationService;
use tally::{Issued, PublicationName};
use tonic::{Request, Response, Status};

use crate::AccessStatistics;

/// Who may see an issue before its release: who makes it, and who checks that it was made rightly. Nobody else, whatever they may
/// read otherwise: a figure that is known early is acted on early.
const SEE_DRAFTS: Roles = Roles::NONE.with(Role::Statistician).with(Role::Auditor);

#[tonic::async_trait]
impl PublicationService for AccessStatistics {
    async fn set_release(
        &self,
        request: Request<wire_types::SetReleaseRequest>,
    ) -> Result<Response<wire_types::SetReleaseResponse>, Status> {
        let _activity = self.clock.activity();
        Ok(Response::new(calendar::set(self, request).await?))
    }

    async fn list_releases(
        &self,
        request: Request<wire_types::ListReleasesRequest>,
    ) -> Result<Response<wire_types::ListReleasesResponse>, Status> {
        let _activity = self.clock.activity();
        let eyes = Eyes::of(&request);
        Ok(Response::new(calendar::list(self, eyes, &request.into_inner())?))
    }

    async fn create_publication(
        &self,
        request: Request<wire_types::CreatePublicationRequest>,
    ) -> Result<Response<wire_types::CreatePublicationResponse>, Status> {
        let _activity = self.clock.activity();
        Ok(Response::new(issues::create(self, request).await?))
    }

    async fn reissue_publication(
        &self,
        request: Request<wire_types::ReissuePublicationRequest>,
    ) -> Result<Response<wire_types::ReissuePublicationResponse>, Status> {
        let _activity = self.clock.activity();
        Ok(Response::new(issues::reissue(self, request).await?))
    }

    async fn get_publication(
        &self,
        request: Request<wire_types::GetPublicationRequest>,
    ) -> Result<Response<wire_types::GetPublicationResponse>, Status> {
        let _activity = self.clock.activity();
        let eyes = Eyes::of(&request);
        Ok(Response::new(issues::get(self, eyes, request.into_inner()).await?))
    }

    async fn list_publications(
        &self,
        request: Request<wire_types::ListPublicationsRequest>,
    ) -> Result<Response<wire_types::ListPublicationsResponse>, Status> {
        let _activity = self.clock.activity();
        let eyes = Eyes::of(&request);
        Ok(Response::new(issues::list(self, eyes, &request.into_inner())?))
    }

    type DownloadPublicationStream =
        Pin<Box<dyn Stream<Item = Result<wire_types::DownloadPublicationResponse, Status>> + Send>>;

    async fn download_publication(
        &self,
        request: Request<wire_types::DownloadPublicationRequest>,
    ) -> Result<Response<Self::DownloadPublicationStream>, Status> {
        let _activity = self.clock.activity();
        let eyes = Eyes::of(&request);
        let pieces = download::download(self, eyes, request.into_inner()).await?;
        Ok(Response::new(Box::pin(pieces)))
    }
}

/// What a caller may see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Eyes {
    /// What was released.
    Public,
    /// Drafts as well.
    Drafts,
}

impl Eyes {
    fn of<T>(request: &Request<T>) -> Self {
        if Caller::of(request).roles.meets(SEE_DRAFTS) { Self::Drafts } else { Self::Public }
    }

    /// Whether the caller could see an issue at a moment.
    fn see(self, issued: &Issued, at: Timestamp) -> bool {
        match self {
            Self::Public => issued.is_public(at),
            Self::Drafts => issued.is_known(at),
        }
    }
}

fn publication(path: &str, name: &str) -> Result<PublicationName, Error> {
    if name.is_empty() {
        return Err(Error::invalid(path, "FIELD_REQUIRED", "{field} is required"));
    }
    name.parse().map_err(|_| {
        let message =
            "{field} is `{publication}`; it must be publications/ and a month or week, such as 2031-02 or 2031-W09";
        Error::invalid(path, "PUBLICATION_INVALID", message).with("publication", name)
    })
}

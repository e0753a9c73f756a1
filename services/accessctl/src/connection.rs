//! Where the services are and who calls them.

use std::time::Duration;

use client::{Peer, PeerConfig};
use proto::journal::v1::journal_service_client::JournalServiceClient;
use proto::registry::v1::practice_registry_service_client::PracticeRegistryServiceClient;
use proto::scheduler::v1::calendar_service_client::CalendarServiceClient;
use proto::scheduler::v1::enrolment_service_client::EnrolmentServiceClient;
use proto::scheduler::v1::forecast_service_client::ForecastServiceClient;
use proto::scheduler::v1::hold_service_client::HoldServiceClient;
use proto::scheduler::v1::notice_service_client::NoticeServiceClient;
use proto::scheduler::v1::programme_service_client::ProgrammeServiceClient;
use proto::statistics::v1::denominator_service_client::DenominatorServiceClient;
use proto::statistics::v1::ingest_service_client::IngestServiceClient;
use proto::statistics::v1::publication_service_client::PublicationServiceClient;
use proto::statistics::v1::returns_service_client::ReturnsServiceClient;
use proto::statistics::v1::statistics_service_client::StatisticsServiceClient;

use crate::arguments::ConnectionArguments;
use crate::failure::BadInput;

/// Rows asked for at a time where all pages are read; the services give fewer where theirs are smaller.
pub(crate) const PAGE_SIZE: i32 = 1_000;

/// `every_page!(client, list_holds, request, holds)`: the reply with the rows of all pages in it. What a list leaves out
/// would be taken for what is not there.
macro_rules! every_page {
    ($client:expr, $list:ident, $request:expr, $rows:ident) => {{
        let (mut client, mut request) = ($client, $request);
        request.page_size = $crate::connection::PAGE_SIZE;
        let mut reply = client.$list(request.clone()).await?.into_inner();
        while !reply.next_page_token.is_empty() {
            request.page_token = std::mem::take(&mut reply.next_page_token);
            let more = client.$list(request.clone()).await?.into_inner();
            reply.$rows.extend(more.$rows);
            reply.next_page_token = more.next_page_token;
        }
        reply
    }};
}

pub(crate) use every_page;

/// The services, each by its own channel; nothing is dialled before the first call.
pub(crate) struct Connection {
    registry: Peer,
    scheduler: Peer,
    statistics: Peer,
}

impl Connection {
    pub(crate) fn open(arguments: &ConnectionArguments) -> anyhow::Result<Self> {
        let of_services = [&arguments.registry, &arguments.scheduler, &arguments.statistics].into_iter().flatten();
        let is_secure = of_services.chain([&arguments.endpoint]).any(|endpoint| endpoint.starts_with("https://"));
        // Files that nobody needs are not read.
        let proof = if is_secure { Some(arguments.proof.open()?) } else { None };
        let peer = |own: Option<&String>| {
            let endpoint = own.unwrap_or(&arguments.endpoint);
            let deadline_default = Duration::from_secs(arguments.timeout_s);
            let config = PeerConfig { deadline_default, ..PeerConfig::default() };
            match &proof {
                Some((secure, proof)) if endpoint.starts_with("https://") => {
                    Peer::secure(endpoint, secure.clone(), proof.clone(), config)
                }
                _ => Peer::remote(endpoint, &arguments.account, config),
            }
            .map_err(|error| BadInput(error.to_string()))
        };
        Ok(Self {
            registry: peer(arguments.registry.as_ref())?,
            scheduler: peer(arguments.scheduler.as_ref())?,
            statistics: peer(arguments.statistics.as_ref())?,
        })
    }

    pub(crate) fn registry(&self) -> PracticeRegistryServiceClient<Peer> {
        PracticeRegistryServiceClient::new(self.registry.clone())
    }

    pub(crate) fn programmes(&self) -> ProgrammeServiceClient<Peer> {
        ProgrammeServiceClient::new(self.scheduler.clone())
    }

    pub(crate) fn enrolments(&self) -> EnrolmentServiceClient<Peer> {
        EnrolmentServiceClient::new(self.scheduler.clone())
    }

    pub(crate) fn holds(&self) -> HoldServiceClient<Peer> {
        HoldServiceClient::new(self.scheduler.clone())
    }

    pub(crate) fn notices(&self) -> NoticeServiceClient<Peer> {
        NoticeServiceClient::new(self.scheduler.clone())
    }

    pub(crate) fn calendar(&self) -> CalendarServiceClient<Peer> {
        CalendarServiceClient::new(self.scheduler.clone())
    }

    pub(crate) fn forecasts(&self) -> ForecastServiceClient<Peer> {
        ForecastServiceClient::new(self.scheduler.clone())
    }

    pub(crate) fn statistics(&self) -> StatisticsServiceClient<Peer> {
        StatisticsServiceClient::new(self.statistics.clone())
    }

    pub(crate) fn ingest(&self) -> IngestServiceClient<Peer> {
        IngestServiceClient::new(self.statistics.clone())
    }

    pub(crate) fn returns(&self) -> ReturnsServiceClient<Peer> {
        ReturnsServiceClient::new(self.statistics.clone())
    }

    pub(crate) fn publications(&self) -> PublicationServiceClient<Peer> {
        PublicationServiceClient::new(self.statistics.clone())
    }

    pub(crate) fn denominators(&self) -> DenominatorServiceClient<Peer> {
        DenominatorServiceClient::new(self.statistics.clone())
    }

    /// The journal service of the server that keeps `journal` (`registry`, `scheduler`, `statistics`).
    pub(crate) fn journal(&self, journal: &str) -> JournalServiceClient<Peer> {
        let peer = match journal {
            "scheduler" => &self.scheduler,
            "statistics" => &self.statistics,
            _ => &self.registry,
        };
        JournalServiceClient::new(peer.clone())
    }
}

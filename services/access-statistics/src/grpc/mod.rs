//! The wire: the only modules that name its types. Handlers decode, make one call, encode.

mod authorised;
mod comparison;
mod compliance;
mod error;
mod events;
mod ingest;
mod listing;
mod owner;
mod practices;
mod pseudonym;
mod publications;
mod quarantine;
pub(crate) mod registry;
mod returns;
mod series;
mod sets;
mod statistics;
mod summary;
mod totals;
mod unread;
mod watch;

use proto::statistics::v1::denominator_service_server::DenominatorServiceServer;
use proto::statistics::v1::publication_service_server::PublicationServiceServer;
use proto::statistics::v1::returns_service_server::ReturnsServiceServer;
use proto::statistics::v1::statistics_service_server::StatisticsServiceServer;
use proto::unread::ingest_service_server::IngestServiceServer;

use crate::AccessStatistics;

impl AccessStatistics {
    /// Mounts `IngestService`, `ReturnsService`, `DenominatorService`, `StatisticsService` and `PublicationService`.
    pub fn add_to(&self, server: server::Server) -> server::Server {
        server
            .descriptors(proto::FILE_DESCRIPTOR_SET)
            .service(IngestServiceServer::new(self.clone()))
            .service(ReturnsServiceServer::new(self.clone()))
            .service(DenominatorServiceServer::new(self.clone()))
            .service(StatisticsServiceServer::new(self.clone()))
            .service(PublicationServiceServer::new(self.clone()))
    }
}

//! The wire: the only modules that name its types. Handlers decode, make one call, encode.

mod error;
mod events;
mod ingest;
mod practices;
mod pseudonym;
pub(crate) mod registry;
mod returns;
mod series;
mod statistics;
mod summary;
mod watch;

use proto::statistics::v1::ingest_service_server::IngestServiceServer;
use proto::statistics::v1::statistics_service_server::StatisticsServiceServer;

use crate::AccessStatistics;

impl AccessStatistics {
    /// Mounts `IngestService` and `StatisticsService`.
    pub fn add_to(&self, server: server::Server) -> server::Server {
        server
            .descriptors(proto::FILE_DESCRIPTOR_SET)
            .service(IngestServiceServer::new(self.clone()))
            .service(StatisticsServiceServer::new(self.clone()))
    }
}

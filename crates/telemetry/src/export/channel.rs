//! The connection to a collector: in the clear to one beside the service, else by the suite's own TLS, whose certificates are
//! renewed without restart.

use std::sync::Arc;

use tls::{Connector, Credentials, FilesError, Secure, ServerIdentity};
use tonic::transport::{Channel, Endpoint};

use crate::collector::Collector;

/// Why there is no collector.
#[derive(Debug, thiserror::Error)]
pub enum CollectorError {
    /// Its address.
    #[error("`{endpoint}` is no URL")]
    Endpoint {
        /// What it says.
        endpoint: String,
        /// Why not.
        source: tonic::transport::Error,
    },
    /// The certificates by which it is known, or those that it is shown.
    #[error("the certificates for {endpoint} cannot be used")]
    Certificates {
        /// Its address.
        endpoint: String,
        /// What is wrong with them.
        source: FilesError,
    },
}

/// Connects when something is to be sent, and again whenever the connection is lost. To be called within the runtime that is to
/// send; certificates are followed on it for as long as it lasts.
pub(crate) fn open(collector: &Collector) -> Result<Channel, CollectorError> {
    let called = endpoint(&collector.endpoint, collector)?;
    let Some(files) = &collector.tls else { return Ok(called.connect_lazy()) };
    let refused = |source| CollectorError::Certificates { endpoint: collector.endpoint.clone(), source };
    let credentials = Arc::new(Credentials::open(files.clone()).map_err(refused)?);
    let followed = Arc::clone(&credentials);
    tokio::spawn(async move { followed.follow().await });
    // As `client` does: tonic's own TLS could not renew a certificate, so it is told http:// and the requests say https.
    let origin = called.uri().clone();
    let in_the_clear = endpoint(&collector.endpoint.replacen("https://", "http://", 1), collector)?;
    let secure = Secure { credentials, server: ServerIdentity::Name };
    Ok(in_the_clear.origin(origin).connect_with_connector_lazy(Connector(secure)))
}

fn endpoint(url: &str, collector: &Collector) -> Result<Endpoint, CollectorError> {
    let endpoint = Endpoint::from_shared(url.to_owned());
    let endpoint = endpoint.map_err(|source| CollectorError::Endpoint { endpoint: url.to_owned(), source })?;
    Ok(endpoint.connect_timeout(collector.timeout).timeout(collector.timeout))
}

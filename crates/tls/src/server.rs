//! What a server says in a handshake.

use std::sync::Arc;

use rustls::crypto::ring::default_provider;
use rustls::server::{NoServerSessionStorage, ResolvesServerCert, WebPkiClientVerifier};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{RootCertStore, ServerConfig};

/// The one protocol that is spoken.
pub(crate) const H2: &[u8] = b"h2";

/// TLS 1.3 as `key`'s owner; a client's certificate is optional, and verified against `roots` where there is one.
pub(crate) fn config(key: Arc<CertifiedKey>, roots: Arc<RootCertStore>) -> Result<ServerConfig, rustls::Error> {
    let provider = Arc::new(default_provider());
    let clients = WebPkiClientVerifier::builder_with_provider(roots, Arc::clone(&provider));
    let clients = clients.allow_unauthenticated().build().map_err(|error| rustls::Error::General(error.to_string()))?;
    let resolver: Arc<dyn ResolvesServerCert> = Arc::new(SingleCertAndKey::from(key));
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_client_cert_verifier(clients)
        .with_cert_resolver(resolver);
    config.alpn_protocols = vec![H2.to_vec()];
    // A resumed session would not show its certificate again.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(config)
}

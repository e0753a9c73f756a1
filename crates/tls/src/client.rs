//! What a client says in a handshake, and what it wants of its server.

use std::fmt;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{Resumption, verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::ring::default_provider;
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, OtherError, RootCertStore, SignatureScheme,
};

use crate::leaf::Leaf;
use crate::server::H2;
use crate::spiffe_id::SpiffeId;

/// Who a server must prove to be, besides being vouched for by an authority that we believe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServerIdentity {
    /// The owner of the name or the address at which it is called.
    Name,
    /// The workload of that id, wherever it is called.
    Spiffe(SpiffeId),
}

impl fmt::Display for ServerIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name => f.write_str("the name it is called by"),
            Self::Spiffe(id) => write!(f, "{id}"),
        }
    }
}

/// TLS 1.3 with a server that is `expected`; as `key`'s owner where there is one.
pub(crate) fn config(
    key: Option<Arc<CertifiedKey>>,
    roots: Arc<RootCertStore>,
    expected: ServerIdentity,
) -> Result<ClientConfig, Error> {
    let provider = Arc::new(default_provider());
    let verifier = Verifier { provider: Arc::clone(&provider), roots, expected };
    // rustls calls every verifier of another's making dangerous. This one calls rustls's own parts, and wants more than they do.
    let builder = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier));
    let mut config = match key {
        Some(key) => builder.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(key))),
        None => builder.with_no_client_auth(),
    };
    config.alpn_protocols = vec![H2.to_vec()];
    config.resumption = Resumption::disabled();
    Ok(config)
}

#[derive(Debug)]
struct Verifier {
    provider: Arc<CryptoProvider>,
    roots: Arc<RootCertStore>,
    expected: ServerIdentity,
}

/// The server is somebody, and not whom we want.
#[derive(Debug, thiserror::Error)]
#[error("the server's certificate names {found}, and {expected} is wanted")]
pub(crate) struct OtherServer {
    pub(crate) expected: SpiffeId,
    pub(crate) found: String,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let certificate = ParsedCertificate::try_from(end_entity)?;
        let algorithms = self.provider.signature_verification_algorithms.all;
        verify_server_cert_signed_by_trust_anchor(&certificate, &self.roots, intermediates, now, algorithms)?;
        match &self.expected {
            ServerIdentity::Name => verify_server_name(&certificate, server_name)?,
            ServerIdentity::Spiffe(expected) => {
                let found = Leaf::read(end_entity).ok().and_then(|leaf| leaf.spiffe_id);
                if found.as_ref() != Some(expected) {
                    let found = found.map_or_else(|| "no SPIFFE id".to_owned(), |found| found.to_string());
                    let other = OtherServer { expected: expected.clone(), found };
                    return Err(CertificateError::Other(OtherError(Arc::new(other))).into());
                }
            }
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

//! What we read of a certificate: whose it is, and when it is valid.

use std::time::Duration;

use rustls::pki_types::{CertificateDer, UnixTime};
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use crate::SpiffeId;

/// An end entity's certificate, read. Reading it proves nothing: rustls has verified it, or it is our own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leaf {
    /// Its one URI, where that is a SPIFFE id.
    pub spiffe_id: Option<SpiffeId>,
    /// Seconds since 1970 from which it is valid.
    pub not_before_s: u64,
    /// Seconds since 1970 until which it is valid.
    pub not_after_s: u64,
}

/// A certificate cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is no X.509 certificate: {0}")]
pub struct LeafError(String);

/// Whose certificate a client showed, and rustls verified. `server` puts one into the extensions of each connection over TLS
/// whose client has one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerCertificate {
    /// Its SPIFFE id; None where it has none, and so names nobody.
    pub spiffe_id: Option<SpiffeId>,
}

/// The certificate that a verified peer showed, the first of its chain.
#[must_use]
pub fn peer(chain: Option<&[CertificateDer<'_>]>) -> Option<PeerCertificate> {
    let leaf = Leaf::read(chain?.first()?);
    Some(PeerCertificate { spiffe_id: leaf.ok().and_then(|leaf| leaf.spiffe_id) })
}

impl Leaf {
    /// Reads a certificate.
    ///
    /// # Errors
    /// Where it is none.
    pub fn read(der: &CertificateDer<'_>) -> Result<Self, LeafError> {
        let (_, certificate) = X509Certificate::from_der(der).map_err(|error| LeafError(error.to_string()))?;
        let seconds = |time: i64| u64::try_from(time).unwrap_or(0);
        let validity = certificate.validity();
        Ok(Self {
            spiffe_id: spiffe_id(&certificate),
            not_before_s: seconds(validity.not_before.timestamp()),
            not_after_s: seconds(validity.not_after.timestamp()),
        })
    }

    /// For how long it is valid in all.
    #[must_use]
    pub fn life(&self) -> Duration {
        Duration::from_secs(self.not_after_s.saturating_sub(self.not_before_s))
    }

    /// How long it is still valid at `now`; None where it is no longer.
    #[must_use]
    pub fn left(&self, now: UnixTime) -> Option<Duration> {
        self.not_after_s.checked_sub(now.as_secs()).map(Duration::from_secs)
    }
}

/// An X.509-SVID has exactly one URI (SPIFFE X509-SVID, 2): of two nobody could say which is meant.
fn spiffe_id(certificate: &X509Certificate<'_>) -> Option<SpiffeId> {
    let names = &certificate.subject_alternative_name().ok()??.value.general_names;
    let mut uris = names.iter().filter_map(|name| match name {
        GeneralName::URI(uri) => Some(*uri),
        _ => None,
    });
    let uri = uris.next()?;
    if uris.next().is_some() { None } else { uri.parse().ok() }
}

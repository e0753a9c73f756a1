//! What a server asks in earnest: tokens, then certificates.

use std::sync::Arc;

use http::header::AUTHORIZATION;
use http::{Extensions, HeaderMap};
use tls::{PeerCertificate, now_s};

use crate::{Authenticate, Caller, Refusal, Services, TokenRefusal, Tokens};

/// Believes a token of a believed issuer, and where there is none, the certificate of a configured service. A token comes first:
/// a gateway with a certificate of its own passes on who asks.
#[derive(Clone, Debug, Default)]
pub struct Credentials {
    /// Which certificates are whose.
    pub services: Services,
    /// None where no token is taken.
    pub tokens: Option<Arc<Tokens>>,
}

impl Credentials {
    fn of_connection(&self, connection: &Extensions) -> Result<Caller, Refusal> {
        let certificate = connection.get::<PeerCertificate>().ok_or(Refusal::CredentialsMissing)?;
        self.services.caller(certificate)
    }
}

impl Authenticate for Credentials {
    fn authenticate(&self, headers: &HeaderMap, connection: &Extensions) -> Result<Caller, Refusal> {
        let mut values = headers.get_all(AUTHORIZATION).iter();
        let Some(header) = values.next() else { return self.of_connection(connection) };
        if values.next().is_some() {
            // Of two, somebody on the way may have looked at the other.
            return Err(TokenRefusal::Scheme.into());
        }
        let tokens = self.tokens.as_ref().ok_or(TokenRefusal::NotTaken)?;
        tokens.caller(header, now_s())
    }
}

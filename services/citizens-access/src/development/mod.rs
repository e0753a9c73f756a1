//! Certificates and tokens for development: `dev-certs`, `dev-token`, `dev-issuer`, and those that the demo makes for itself.
//!
//! What is issued here proves something only to servers that were told to believe it. Its keys lie in a folder of a developer's
//! machine; no installation is to be run with them.

mod certificates;
mod endpoint;
mod issuer;
mod listener;
mod replays;

pub(crate) use certificates::{CertificateArguments, TRUST_DOMAIN, make, run as make_certificates};
pub(crate) use issuer::{DevelopmentIssuer, ISSUER, TokenArguments, run as make_token, write_secret};
pub(crate) use listener::{IssuerArguments, run as run_issuer};

//! Whom we believe to be the services, and how they are shown who calls: certificates, and a token from a file, from the
//! environment, or from a token endpoint.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use clap::Args;
use client::{ClientCredentials, ClientCredentialsConfig, Proof, Secure, TokenSource};
use jws::{Algorithm, SigningKey};
use outgoing::BaseUrl;
use tls::{Credentials, Files, IdentityFiles, ServerIdentity, SpiffeId, Trust};

use crate::failure::BadInput;

/// Holds a token, for scripts; an option would show it to everybody who lists processes.
const TOKEN_VARIABLE: &str = "ACCESSCTL_TOKEN";

#[derive(Args)]
pub(crate) struct ProofArguments {
    /// The authority that vouches for the services, PEM; the machine's own authorities where it is left out
    #[arg(long, global = true, env = "ACCESSCTL_CA", value_name = "FILE")]
    ca: Option<PathBuf>,
    /// The SPIFFE id that the services must have, instead of the name in their address
    #[arg(long, global = true, env = "ACCESSCTL_SERVER_ID", value_name = "SPIFFE-ID")]
    server_id: Option<SpiffeId>,
    /// A certificate to show, PEM, where the account is a service's
    #[arg(long, global = true, env = "ACCESSCTL_CERT", value_name = "FILE", requires = "cert_key")]
    cert: Option<PathBuf>,
    /// Its key, PEM
    #[arg(long, global = true, env = "ACCESSCTL_CERT_KEY", value_name = "FILE", requires = "cert")]
    cert_key: Option<PathBuf>,
    /// A file with the token that says who calls; or the variable ACCESSCTL_TOKEN holds the token itself
    #[arg(long, global = true, env = "ACCESSCTL_TOKEN_FILE", value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Where a system gets its token, for an assertion that it signs (NHS England: signed JWT authentication)
    #[arg(long, global = true, env = "ACCESSCTL_TOKEN_URL", value_name = "URL", requires_all = ["client_id", "client_key"])]
    token_url: Option<BaseUrl>,
    /// Who the system is there
    #[arg(long, global = true, env = "ACCESSCTL_CLIENT_ID", value_name = "ID")]
    client_id: Option<String>,
    /// The key that signs the assertion, PEM
    #[arg(long, global = true, env = "ACCESSCTL_CLIENT_KEY", value_name = "FILE")]
    client_key: Option<PathBuf>,
    /// The id by which that key is known there (kid)
    #[arg(long, global = true, env = "ACCESSCTL_CLIENT_KEY_ID", value_name = "ID", default_value = "accessctl")]
    client_key_id: String,
    /// By which algorithm it signs: RS512, RS256, PS256, ES256, EdDSA
    #[arg(long, global = true, env = "ACCESSCTL_CLIENT_ALGORITHM", value_parser = algorithm, value_name = "NAME", default_value_t = Algorithm::Rs512)]
    client_algorithm: Algorithm,
}

fn algorithm(name: &str) -> Result<Algorithm, String> {
    name.parse().map_err(|name| format!("`{name}` is none of RS512, RS256, PS256, ES256, EdDSA"))
}

impl ProofArguments {
    /// Reads what is named. Of several tokens the most explicit counts: the endpoint, then the file, then the variable.
    pub(crate) fn open(&self) -> anyhow::Result<(Secure, Proof)> {
        let identity = match (&self.cert, &self.cert_key) {
            (Some(certificate), Some(key)) => {
                Some(IdentityFiles { certificate: certificate.clone(), key: key.clone() })
            }
            _ => None,
        };
        let trust = self.ca.clone().map_or(Trust::Machine, Trust::Bundle);
        let credentials = Credentials::open(Files { identity, trust }).map_err(|error| bad(&error))?;
        let server = self.server_id.clone().map_or(ServerIdentity::Name, ServerIdentity::Spiffe);
        let secure = Secure { credentials: Arc::new(credentials), server };
        let proof = self.token()?.map_or(Proof::Connection, |source| Proof::Token(Arc::new(source)));
        Ok((secure, proof))
    }

    fn token(&self) -> anyhow::Result<Option<TokenSource>> {
        if let (Some(endpoint), Some(client_id), Some(file)) = (&self.token_url, &self.client_id, &self.client_key) {
            let pem = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
            let key = SigningKey::from_pem(&pem, &self.client_key_id, self.client_algorithm);
            let key = key.with_context(|| format!("{} cannot be used", file.display()))?;
            let config = ClientCredentialsConfig { endpoint: endpoint.clone(), client_id: client_id.clone(), key };
            return Ok(Some(TokenSource::Endpoint(Box::new(ClientCredentials::new(config)?))));
        }
        if let Some(file) = &self.token_file {
            return Ok(Some(TokenSource::file(file.clone()).map_err(|error| bad(&error))?));
        }
        match std::env::var(TOKEN_VARIABLE) {
            Ok(token) => Ok(Some(TokenSource::given(&token, TOKEN_VARIABLE).map_err(|error| bad(&error))?)),
            Err(_) => Ok(None),
        }
    }
}

/// The user's to mend, with all that caused it.
fn bad(error: &dyn std::error::Error) -> BadInput {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(": ");
        text.push_str(&error.to_string());
        source = error.source();
    }
    BadInput(text)
}

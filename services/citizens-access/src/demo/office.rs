//! Who everybody in a demo proves to be: certificates and tokens made on the spot, believed by this demo alone.
//!
//! Within the process nothing goes over a wire, so there is nothing to encrypt: everybody who acts shows a token there, and it is
//! verified. What is asked at the end goes over TLS to a port, by certificate and token, as in an installation.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use client::{Issue, Peer, PeerConfig, Proof, Secure};
use identity::{Credentials, Services, TokenRules, Tokens};
use server::Routes;
use tls::{Files, IdentityFiles, ServerIdentity, Trust};

use super::peers::Peers;
use crate::callers::Callers;
use crate::compose::SCHEDULER_ACCOUNT;
use crate::development::{self, DevelopmentIssuer, ISSUER, TRUST_DOMAIN};

/// In the data folder.
const FOLDER: &str = "identity";
/// Whose certificate a process with all services has.
const SERVICE: &str = "citizens-access";
/// Longer than anybody looks at a demo.
const LIFE: Duration = Duration::from_secs(24 * 3_600);
/// As whom a person looks at a demo that stays open.
const VISITOR: &str = "accessctl";
/// The visitor's token, beside the certificates.
const VISITOR_TOKEN: &str = "accessctl.token";

/// Certificates, the issuer, and the belief in both.
#[derive(Clone)]
pub(crate) struct Office {
    folder: PathBuf,
    pub(crate) callers: Callers,
    tls: Arc<tls::Credentials>,
    issuer: Arc<DevelopmentIssuer>,
}

impl Office {
    /// Makes everything anew in the data folder; the issuer's key stays, if there is one.
    pub(crate) async fn open(data: &Path) -> anyhow::Result<Self> {
        let folder = data.join(FOLDER);
        development::make(&folder, TRUST_DOMAIN, LIFE, &[])?;
        let issuer = Arc::new(DevelopmentIssuer::open_or_make(&folder)?);
        let believed = format!("{ISSUER}={}", issuer.keys.display()).parse()?;
        let tokens = Arc::new(Tokens::open(TokenRules::default(), &[believed]).await?);
        let identity = IdentityFiles {
            certificate: folder.join(format!("{SERVICE}.pem")),
            key: folder.join(format!("{SERVICE}-key.pem")),
        };
        let files = Files { identity: Some(identity), trust: Trust::Bundle(folder.join("ca.pem")) };
        let tls = Arc::new(tls::Credentials::open(files)?);
        let credentials = Credentials { services: Services::default(), tokens: Some(tokens) };
        Ok(Self { callers: Callers::guarded(credentials, Arc::clone(&tls)), folder, tls, issuer })
    }

    /// The services within the process. Whoever acts takes their own by [`Peer::with_account`], and with it a token.
    pub(crate) fn inside(&self, routes: Routes) -> anyhow::Result<Peer> {
        Ok(Peer::local("suite", routes, SCHEDULER_ACCOUNT, PeerConfig::default())?.proving(self.proof()?))
    }

    /// The same services at a port.
    pub(crate) fn at(&self, address: SocketAddr, config: PeerConfig) -> anyhow::Result<Peers> {
        let id = format!("spiffe://{TRUST_DOMAIN}/{SERVICE}").parse()?;
        let secure = Secure { credentials: Arc::clone(&self.tls), server: ServerIdentity::Spiffe(id) };
        let peer = Peer::secure(&format!("https://{address}"), secure, self.proof()?, config)?;
        Ok(Peers { registry: peer.clone(), scheduler: peer.clone(), statistics: peer })
    }

    fn proof(&self) -> anyhow::Result<Proof> {
        let issuer: Arc<dyn Issue> = Arc::<DevelopmentIssuer>::clone(&self.issuer);
        Ok(Proof::issued(issuer, SCHEDULER_ACCOUNT)?)
    }

    /// What whoever looks at a demo has to type first, so that accessctl knows the server and is known.
    pub(crate) fn visitors_words(&self, address: &str) -> anyhow::Result<String> {
        let token = self.issuer.token(VISITOR).context("a visitor is an account")?;
        let file = self.folder.join(VISITOR_TOKEN);
        development::write_secret(&file, &token).with_context(|| format!("cannot write {}", file.display()))?;
        let ca = self.folder.join("ca.pem");
        Ok(format!(
            "export ACCESSCTL_ENDPOINT=https://{address} ACCESSCTL_CA='{}' ACCESSCTL_TOKEN_FILE='{}'",
            ca.display(),
            file.display()
        ))
    }
}

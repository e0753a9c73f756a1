//! Who we are, whom we call and who may call us: the options of `serve` and `simulate-suppliers` about it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use clap::Args;
use client::{ClientCredentials, ClientCredentialsConfig, Peer, PeerConfig, Proof, Secure, TokenSource};
use http::{Extensions, HeaderMap};
use identity::{
    Algorithm, Authenticate, Caller, Credentials, DevelopmentCaller, Refusal, Service, Services, TokenRules, Tokens,
    TrustedIssuer,
};
use jws::SigningKey;
use outgoing::BaseUrl;
use server::Server;
use tls::{Files, IdentityFiles, ServerIdentity, Trust};
use tokio::signal::unix::{SignalKind, signal};

#[derive(Args, Clone, Debug)]
pub(crate) struct CallerArguments {
    /// Speak in the clear and believe callers without proof, on loopback only; for development
    #[arg(long)]
    pub(crate) insecure: bool,
    /// Our certificate, PEM, with those between it and its authority; it is used anew when the file changes
    #[arg(long, env = "CITIZENS_ACCESS_TLS_CERT", value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// Its key, PEM, not readable by others
    #[arg(long, env = "CITIZENS_ACCESS_TLS_KEY", value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// The authorities whose certificates are believed, of services that call us and that we call, PEM
    #[arg(long, env = "CITIZENS_ACCESS_TLS_CA", value_name = "FILE", requires = "tls_cert")]
    tls_ca: Option<PathBuf>,
    /// Which certificate is whose: scheduler=spiffe://citizens-access.example/scheduler, once for each service. It may call as
    /// that account in the role service, or in those that are named (emis;roles=supplier;organisation=suppliers/EMIS=spiffe://…),
    /// and is who answers where we call registry, statistics, or a supplier of that name
    #[arg(long = "service", env = "CITIZENS_ACCESS_SERVICES", value_delimiter = ' ', value_name = "NAME=SPIFFE-ID")]
    services: Vec<Service>,
    /// Whose tokens are believed, and where their keys are, a file or https: https://issuer.example=https://issuer.example/keys;
    /// once for each
    #[arg(
        long = "token-issuer",
        env = "CITIZENS_ACCESS_TOKEN_ISSUERS",
        value_delimiter = ' ',
        value_name = "ISSUER=KEYS"
    )]
    issuers: Vec<TrustedIssuer>,
    /// Whom a token must be for
    #[arg(long, env = "CITIZENS_ACCESS_TOKEN_AUDIENCE", value_name = "AUDIENCE", default_value = TokenRules::AUDIENCE_DEFAULT)]
    token_audience: String,
    /// By which algorithms it may be signed: RS256,RS512,PS256,ES256,EdDSA
    #[arg(long, value_delimiter = ',', value_parser = algorithm, value_name = "NAMES", default_values_t = TokenRules::ALGORITHMS_DEFAULT)]
    token_algorithms: Vec<Algorithm>,
    /// How far its issuer's clock may be from ours, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = TokenRules::LEEWAY_DEFAULT.as_secs())]
    #[arg(value_parser = clap::value_parser!(u64).range(0..=TokenRules::LEEWAY_MAX.as_secs()))]
    token_leeway_s: u64,
    #[command(flatten)]
    supplier_tokens: SupplierTokenArguments,
}

/// How we get the tokens that suppliers want from us, where they want any.
#[derive(Args, Clone, Debug)]
struct SupplierTokenArguments {
    /// The endpoint at which we get the token that suppliers want from us, for an assertion that we sign; https
    #[arg(long, value_name = "URL", requires_all = ["supplier_client_id", "supplier_token_key"])]
    supplier_token_url: Option<BaseUrl>,
    /// Who we are there
    #[arg(long, value_name = "ID", requires = "supplier_token_url")]
    supplier_client_id: Option<String>,
    /// The key that signs the assertion, PEM
    #[arg(long, value_name = "FILE", requires = "supplier_token_url")]
    supplier_token_key: Option<PathBuf>,
    /// The id by which that key is known there (kid)
    #[arg(long, value_name = "ID", default_value = "citizens-access")]
    supplier_token_key_id: String,
    /// By which algorithm it signs
    #[arg(long, value_parser = algorithm, value_name = "NAME", default_value_t = Algorithm::Rs512)]
    supplier_token_algorithm: Algorithm,
}

fn algorithm(name: &str) -> Result<Algorithm, String> {
    name.parse().map_err(|name| format!("`{name}` is none of RS256, RS512, PS256, ES256, EdDSA"))
}

/// Who we are, whom we believe, and what suppliers are shown.
#[derive(Clone, Debug)]
pub(crate) struct Callers {
    pub(crate) door: Door,
    pub(crate) tls: Option<Arc<tls::Credentials>>,
    supplier_tokens: Option<Arc<TokenSource>>,
}

/// How callers are known.
#[derive(Clone, Debug)]
pub(crate) enum Door {
    /// They say it themselves.
    Open,
    /// They prove it.
    Guarded(Credentials),
}

impl Authenticate for Door {
    fn authenticate(&self, headers: &HeaderMap, connection: &Extensions) -> Result<Caller, Refusal> {
        match self {
            Self::Open => DevelopmentCaller.authenticate(headers, connection),
            Self::Guarded(credentials) => credentials.authenticate(headers, connection),
        }
    }

    fn loopback_only(&self) -> bool {
        matches!(self, Self::Open)
    }
}

impl CallerArguments {
    /// Holds what is given against itself and against where we listen.
    pub(crate) fn check(&self, listen: SocketAddr) -> anyhow::Result<()> {
        if self.insecure {
            ensure!(listen.ip().is_loopback(), "with --insecure it listens only on loopback, which {listen} is not");
            let is_mixed = self.tls_cert.is_some() || !self.services.is_empty() || !self.issuers.is_empty();
            ensure!(
                !is_mixed,
                "--insecure believes everybody: leave out --tls-cert, --service and --token-issuer, or it"
            );
            return Ok(());
        }
        ensure!(
            self.tls_cert.is_some() && self.tls_ca.is_some(),
            "callers must be able to trust us, and we them: give --tls-cert, --tls-key and --tls-ca (`citizens-access dev-certs` \
             makes some for development), or add --insecure on one's own machine"
        );
        ensure!(
            !self.services.is_empty() || !self.issuers.is_empty(),
            "nobody could call: name --service for certificates, --token-issuer for tokens, or both"
        );
        Services::new(self.services.clone())?;
        Ok(())
    }

    /// Reads certificates and fetches keys.
    pub(crate) async fn open(&self) -> anyhow::Result<Callers> {
        let supplier_tokens = self.supplier_tokens.open()?.map(Arc::new);
        let (Some(certificate), Some(key), Some(ca)) = (&self.tls_cert, &self.tls_key, &self.tls_ca) else {
            return Ok(Callers { door: Door::Open, tls: None, supplier_tokens });
        };
        let identity = IdentityFiles { certificate: certificate.clone(), key: key.clone() };
        let files = Files { identity: Some(identity), trust: Trust::Bundle(ca.clone()) };
        let tls = Arc::new(tls::Credentials::open(files)?);
        let services = Services::new(self.services.clone())?;
        let tokens = if self.issuers.is_empty() {
            None
        } else {
            let rules = TokenRules {
                audience: self.token_audience.clone(),
                algorithms: self.token_algorithms.clone(),
                leeway: Duration::from_secs(self.token_leeway_s),
                ..TokenRules::default()
            };
            let tokens = Tokens::open(rules, &self.issuers).await?;
            Some(Arc::new(tokens.reserving(services.accounts())))
        };
        Ok(Callers { door: Door::Guarded(Credentials { services, tokens }), tls: Some(tls), supplier_tokens })
    }
}

impl SupplierTokenArguments {
    fn open(&self) -> anyhow::Result<Option<TokenSource>> {
        let (Some(endpoint), Some(client_id), Some(file)) =
            (&self.supplier_token_url, &self.supplier_client_id, &self.supplier_token_key)
        else {
            return Ok(None);
        };
        let shown = file.display();
        let pem = std::fs::read(file).with_context(|| format!("cannot read {shown}"))?;
        let key = SigningKey::from_pem(&pem, &self.supplier_token_key_id, self.supplier_token_algorithm);
        let key = key.with_context(|| format!("{shown} cannot be used"))?;
        let config = ClientCredentialsConfig { endpoint: endpoint.clone(), client_id: client_id.clone(), key };
        Ok(Some(TokenSource::Endpoint(Box::new(ClientCredentials::new(config)?))))
    }
}

impl Callers {
    /// Callers who prove who they are; suppliers are shown our certificate.
    pub(crate) fn guarded(credentials: Credentials, tls: Arc<tls::Credentials>) -> Self {
        Self { door: Door::Guarded(credentials), tls: Some(tls), supplier_tokens: None }
    }

    /// A server whose callers are known so.
    pub(crate) fn guard(&self, server: Server) -> Server {
        match &self.tls {
            Some(tls) => server.tls(Arc::clone(tls)),
            None => server,
        }
    }

    /// The server at `url`, which is the service called `name`; `account` is who calls where we need not prove it.
    pub(crate) fn peer(&self, name: &str, url: &str, account: &str, config: PeerConfig) -> anyhow::Result<Peer> {
        self.peer_with(name, url, account, config, Proof::Connection)
    }

    /// The supplier at `url`.
    pub(crate) fn supplier(&self, name: &str, url: &str, account: &str, config: PeerConfig) -> anyhow::Result<Peer> {
        let proof = self.supplier_tokens.clone().map_or(Proof::Connection, Proof::Token);
        self.peer_with(name, url, account, config, proof)
    }

    fn peer_with(
        &self,
        name: &str,
        url: &str,
        account: &str,
        config: PeerConfig,
        proof: Proof,
    ) -> anyhow::Result<Peer> {
        let is_secure = url.starts_with("https://");
        match (&self.door, is_secure) {
            (Door::Open, false) => Ok(Peer::remote(url, account, config)?),
            (Door::Guarded(_), false) => bail!(
                "{name} at {url} would be called in the clear: give its https:// address, or add --insecure on one's own machine"
            ),
            (door, true) => {
                let server = match door {
                    Door::Guarded(Credentials { services, .. }) => services.spiffe_id(name).cloned(),
                    Door::Open => None,
                };
                let credentials = match &self.tls {
                    Some(tls) => Arc::clone(tls),
                    None => Arc::new(tls::Credentials::open(Files { identity: None, trust: Trust::Machine })?),
                };
                let server = server.map_or(ServerIdentity::Name, ServerIdentity::Spiffe);
                Ok(Peer::secure(url, Secure { credentials, server }, proof, config)?)
            }
        }
    }

    /// Whose tokens are believed, if anybody's.
    pub(crate) fn tokens(&self) -> Option<Arc<Tokens>> {
        match &self.door {
            Door::Guarded(Credentials { tokens, .. }) => tokens.clone(),
            Door::Open => None,
        }
    }

    /// Follows certificates and keys for ever: by themselves, and at once on SIGHUP.
    pub(crate) async fn follow(self) -> anyhow::Result<()> {
        let mut hangups = signal(SignalKind::hangup())?;
        let tokens = self.tokens();
        let follow_tls = async {
            match &self.tls {
                Some(tls) => tls.follow().await,
                None => std::future::pending().await,
            }
        };
        let follow_tokens = async {
            match &tokens {
                Some(tokens) => match tokens.follow().await {},
                None => std::future::pending().await,
            }
        };
        let hear = async {
            while hangups.recv().await.is_some() {
                if let Some(tls) = &self.tls {
                    tls.reload();
                }
                if let Some(tokens) = &tokens {
                    tokens.fetch_now().await;
                }
            }
        };
        tokio::select! {
            () = follow_tls => {}
            () = follow_tokens => {}
            () = hear => {}
        }
        bail!("nobody looks at certificates and keys any more")
    }

    /// What an operator wants to know before serving.
    pub(crate) fn in_words(&self) -> Vec<String> {
        let mut words = Vec::new();
        let Door::Guarded(Credentials { services, tokens }) = &self.door else {
            words.push("note: --insecure: everybody on this machine can be anybody".to_owned());
            return words;
        };
        if let Some(state) = self.tls.as_ref().map(|tls| tls.state()) {
            let id = state.leaf.and_then(|leaf| leaf.spiffe_id);
            let id = id.map_or_else(|| "without a SPIFFE id".to_owned(), |id| format!("of {id}"));
            let hours = state.left.map_or(0, |left| left.as_secs() / 3_600);
            let soon = if state.expires_soon { ", which is soon: have it renewed" } else { "" };
            words.push(format!("our certificate {id} is valid for {hours} more hours{soon}"));
        }
        words.push(format!("{} services may call by their certificates", services.accounts().count()));
        for keys in tokens.iter().flat_map(|tokens| tokens.state()) {
            words.push(format!("tokens signed by the keys {} at {} are believed", keys.ids.join(", "), keys.place));
        }
        words
    }
}

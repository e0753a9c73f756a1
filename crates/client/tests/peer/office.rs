//! Certificates, an issuer, and a small service that asks for both.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use client::{Peer, PeerConfig, Proof, Secure, TokenSource};
use identity::{Credentials, RoleMatrix, Service, Services, TokenRules, Tokens, TrustedIssuer};
use jws::{Algorithm, SigningKey};
use serde_json::{Value, json};
use server::{Routes, Server, ServerConfig};
use tempfile::TempDir;
use tls::{Authority, Files, ServerIdentity, Subject, Trust};
use tokio::net::TcpListener;

use crate::echo::{DESCRIPTORS, Echo, ROLES, Running};

pub(crate) const SERVER: &str = "spiffe://test.example/echo";
pub(crate) const SCHEDULER: &str = "spiffe://test.example/scheduler";
pub(crate) const ISSUER: &str = "https://issuer.example";
const HOUR: Duration = Duration::from_secs(3_600);

/// Whoever vouches for anybody here.
pub(crate) struct Office {
    pub(crate) folder: TempDir,
    pub(crate) authority: Authority,
    pub(crate) issuer: SigningKey,
}

impl Office {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let authority = Authority::new("test", HOUR).expect("an authority");
        authority.write_to(&folder.path().join("ca.pem")).expect("a file");
        let pem = rcgen::KeyPair::generate().expect("a key").serialize_pem();
        let issuer = SigningKey::from_pem(pem.as_bytes(), "one", Algorithm::Es256).expect("a key");
        let keys = json!({"keys": [issuer.public_jwk()]}).to_string();
        std::fs::write(folder.path().join("jwks.json"), keys).expect("a file");
        Self { folder, authority, issuer }
    }

    fn bundle(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// A certificate of the workload `id`, valid for `life` from `from_s` seconds after now, in files of its name.
    pub(crate) fn files(&self, name: &str, id: Option<&str>, from_s: i64, life: Duration) -> Files {
        let uris = id.into_iter().map(str::to_owned).collect();
        let subject = Subject { uris, names: vec!["localhost".to_owned()], addresses: Vec::new() };
        let issued = self.authority.issue(&subject, from_s, life).expect("a certificate");
        issued.write_to(self.folder.path(), name, &self.bundle()).expect("files")
    }

    pub(crate) fn credentials(&self, name: &str, id: Option<&str>) -> Arc<tls::Credentials> {
        Arc::new(tls::Credentials::open(self.files(name, id, -60, HOUR)).expect("credentials"))
    }

    /// A client that shows no certificate.
    pub(crate) fn nobody(&self) -> Arc<tls::Credentials> {
        let files = Files { identity: None, trust: Trust::Bundle(self.bundle()) };
        Arc::new(tls::Credentials::open(files).expect("credentials"))
    }

    /// A token with these claims besides the usual.
    #[expect(clippy::disallowed_methods, reason = "tokens are judged by the machine's clock")]
    pub(crate) fn token(&self, more: &Value) -> String {
        let now_s = SystemTime::now().duration_since(UNIX_EPOCH).expect("a time").as_secs();
        let mut claims =
            json!({"iss": ISSUER, "aud": "citizens-access", "sub": "amira", "exp": now_s + 600, "roles": ["auditor"]});
        for (name, value) in more.as_object().expect("claims") {
            claims[name] = value.clone();
        }
        self.issuer.sign(&claims).expect("a token")
    }

    /// A server of echoes, with these credentials.
    pub(crate) async fn serve(&self, config: ServerConfig, tls: Arc<tls::Credentials>) -> (Routes, Running) {
        let scheduler: Service = format!("scheduler={SCHEDULER}").parse().expect("a service");
        let services = Services::new([scheduler]).expect("services");
        let keys = self.folder.path().join("jwks.json");
        let issuer: TrustedIssuer = format!("{ISSUER}={}", keys.display()).parse().expect("an issuer");
        let tokens = Tokens::open(TokenRules::default(), &[issuer]).await.expect("keys");
        let tokens = Some(Arc::new(tokens.reserving(services.accounts())));
        let roles = RoleMatrix::parse(ROLES).expect("a role matrix");
        let may = authority::Authority::of_roles(&roles);
        let server = Server::new(config, Credentials { services, tokens }, may).tls(tls);
        let routes = server.descriptors(&DESCRIPTORS).service(Echo::default()).build().expect("a server");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let mut running = Running::on(&routes, listener);
        running.url = running.url.replace("http://127.0.0.1", "https://localhost");
        (routes, running)
    }
}

/// A peer of the echo service, who must be it.
pub(crate) fn peer(url: &str, credentials: &Arc<tls::Credentials>, proof: Proof) -> Peer {
    let server = ServerIdentity::Spiffe(SERVER.parse().expect("an id"));
    peer_of(url, Secure { credentials: Arc::clone(credentials), server }, proof)
}

pub(crate) fn peer_of(url: &str, secure: Secure, proof: Proof) -> Peer {
    let config = PeerConfig { backoff_first: Duration::from_millis(1), ..PeerConfig::default() };
    Peer::secure(url, secure, proof, config).expect("a peer")
}

pub(crate) fn by_token(token: &str) -> Proof {
    Proof::Token(Arc::new(TokenSource::given(token, "a test").expect("a token")))
}

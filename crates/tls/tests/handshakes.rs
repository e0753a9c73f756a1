//! Handshakes of everybody who may not come in, beside one who may.

use std::path::Path;
use std::time::Duration;

use tempfile::TempDir;
use tls::{Authority, Credentials, Files, FilesError, PeerCertificate, ServerIdentity, Subject, Trust, explain};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{self, ClientConfig};
use tokio_rustls::{TlsAcceptor, TlsConnector};

const HOUR: Duration = Duration::from_secs(3_600);
const SERVER: &str = "spiffe://test.example/registry";
const CLIENT: &str = "spiffe://test.example/scheduler";

fn workload(id: &str) -> Subject {
    Subject { uris: vec![id.to_owned()], names: vec!["localhost".to_owned()], ..Subject::default() }
}

/// An authority with its bundle in a folder.
struct Office {
    folder: TempDir,
    authority: Authority,
}

impl Office {
    fn new() -> Self {
        let (folder, authority) = (
            tempfile::tempdir().expect("what a test stands on is in order"),
            Authority::new("test", HOUR).expect("what a test stands on is in order"),
        );
        authority.write_to(&folder.path().join("ca.pem")).expect("what a test stands on is in order");
        Self { folder, authority }
    }

    fn bundle(&self) -> std::path::PathBuf {
        self.folder.path().join("ca.pem")
    }

    fn files(&self, name: &str, subject: &Subject) -> Files {
        self.files_from(name, subject, -60, HOUR)
    }

    fn files_from(&self, name: &str, subject: &Subject, from_s: i64, life: Duration) -> Files {
        let issued = self.authority.issue(subject, from_s, life).expect("what a test stands on is in order");
        issued.write_to(self.folder.path(), name, &self.bundle()).expect("what a test stands on is in order")
    }

    fn server(&self) -> Credentials {
        Credentials::open(self.files("server", &workload(SERVER))).expect("what a test stands on is in order")
    }

    fn client(&self) -> Credentials {
        Credentials::open(self.files("client", &workload(CLIENT))).expect("what a test stands on is in order")
    }

    /// A client that shows no certificate.
    fn nobody(&self) -> Credentials {
        Credentials::open(Files { identity: None, trust: Trust::Bundle(self.bundle()) })
            .expect("what a test stands on is in order")
    }
}

fn expects(id: &str) -> ServerIdentity {
    ServerIdentity::Spiffe(id.parse().expect("what a test stands on is in order"))
}

type Ends = (Result<Option<PeerCertificate>, std::io::Error>, Result<(), std::io::Error>);

/// A whole exchange: what the server knows of its client, and how it ended for each.
async fn shake(server: &Credentials, client: ClientConfig, name: &str) -> Ends {
    let (of_server, of_client) = tokio::io::duplex(1 << 16);
    let acceptor = TlsAcceptor::from(server.server_config().expect("what a test stands on is in order"));
    let accepting = async {
        let mut stream = acceptor.accept(of_server).await?;
        let peer = tls::peer(stream.get_ref().1.peer_certificates());
        stream.write_all(b"hello").await?;
        stream.flush().await?;
        Ok(peer)
    };
    tokio::join!(accepting, connect(client, name.to_owned(), of_client))
}

async fn connect(config: ClientConfig, name: String, stream: DuplexStream) -> Result<(), std::io::Error> {
    let connector = TlsConnector::from(std::sync::Arc::new(config));
    let mut stream =
        connector.connect(ServerName::try_from(name).expect("what a test stands on is in order"), stream).await?;
    // In TLS 1.3 a server's refusal of our certificate comes with the first read.
    let mut hello = [0; 5];
    stream.read_exact(&mut hello).await.map(|_| ())
}

async fn meet(server: &Credentials, client: &Credentials, expected: &ServerIdentity, name: &str) -> Ends {
    let config = client.client_config(expected).expect("what a test stands on is in order");
    shake(server, (*config).clone(), name).await
}

fn said(ended: Result<(), std::io::Error>) -> String {
    let error = ended.expect_err("it is refused");
    explain(&error).unwrap_or_else(|| format!("unexplained: {error}"))
}

#[tokio::test]
async fn services_know_each_other_by_their_ids() {
    let office = Office::new();
    let (known, ended) = meet(&office.server(), &office.client(), &expects(SERVER), "anything.example").await;
    ended.unwrap();
    assert_eq!(known.unwrap(), Some(PeerCertificate { spiffe_id: Some(CLIENT.parse().unwrap()) }));
}

#[tokio::test]
async fn a_client_without_a_certificate_is_let_in_as_nobody_and_knows_the_server_by_name() {
    let office = Office::new();
    let (known, ended) = meet(&office.server(), &office.nobody(), &ServerIdentity::Name, "localhost").await;
    ended.unwrap();
    assert_eq!(known.unwrap(), None);
    let (_, ended) = meet(&office.server(), &office.nobody(), &ServerIdentity::Name, "registry.example").await;
    let said = said(ended);
    assert!(said.contains("not valid for name") && said.contains("--server-id"), "{said}");
}

#[tokio::test]
async fn a_certificate_without_one_spiffe_id_names_nobody() {
    let office = Office::new();
    let two = [CLIENT.to_owned(), "spiffe://test.example/other".to_owned()].to_vec();
    for uris in [Vec::new(), vec!["https://test.example/scheduler".to_owned()], two] {
        let files =
            office.files("client", &Subject { uris, names: vec!["localhost".to_owned()], ..Subject::default() });
        let client = Credentials::open(files).unwrap();
        let (known, ended) = meet(&office.server(), &client, &expects(SERVER), "localhost").await;
        ended.unwrap();
        assert_eq!(known.unwrap(), Some(PeerCertificate { spiffe_id: None }));
    }
}

#[tokio::test]
async fn a_server_of_another_id_or_of_none_is_not_talked_to() {
    let office = Office::new();
    let (_, ended) = meet(&office.server(), &office.client(), &expects(CLIENT), "localhost").await;
    let text = said(ended);
    assert!(text.contains(&format!("names {SERVER}, and {CLIENT} is wanted")), "{text}");
    let names_only = Subject { names: vec!["localhost".to_owned()], ..Subject::default() };
    let server = Credentials::open(office.files("server", &names_only)).unwrap();
    let (_, ended) = meet(&server, &office.client(), &expects(SERVER), "localhost").await;
    assert!(said(ended).contains("names no SPIFFE id"));
}

#[tokio::test]
async fn an_authority_that_is_not_believed_vouches_for_nobody() {
    let (office, foreign) = (Office::new(), Office::new());
    // The client does not believe the server's authority.
    let (_, ended) = meet(&office.server(), &foreign.client(), &expects(SERVER), "localhost").await;
    assert!(said(ended).contains("--ca"));
    // The server does not believe the client's.
    let files = Files { trust: Trust::Bundle(office.bundle()), ..foreign.files("client", &workload(CLIENT)) };
    let client = Credentials::open(files).unwrap();
    let (known, ended) = meet(&office.server(), &client, &expects(SERVER), "localhost").await;
    assert!(known.is_err());
    let text = said(ended);
    assert!(text.contains("does not believe the authority") || text.contains("refuses our certificate"), "{text}");
}

#[tokio::test]
async fn what_has_expired_or_is_not_valid_yet_is_not_even_begun_with_and_not_believed_of_others() {
    let office = Office::new();
    let expired = office.files_from("expired", &workload(CLIENT), -7_200, HOUR);
    let early = office.files_from("early", &workload(CLIENT), 3_600, HOUR);
    assert!(matches!(Credentials::open(expired.clone()), Err(FilesError::Expired { ago_s, .. }) if ago_s >= 3_600));
    assert!(matches!(Credentials::open(early.clone()), Err(FilesError::NotYetValid { in_s, .. }) if in_s > 3_500));
    // Others may be less careful than we are.
    for (files, word) in [(expired, "expired"), (early, "not valid yet")] {
        let config = careless(&files);
        let (known, ended) = shake(&office.server(), config, "localhost").await;
        assert!(known.is_err());
        assert!(ended.is_err(), "a client whose certificate is {word} is let in");
    }
}

/// A client with a certificate of any time, as another library would make it.
fn careless(files: &Files) -> ClientConfig {
    use rustls::pki_types::pem::PemObject as _;
    let (identity, Trust::Bundle(bundle)) =
        (files.identity.as_ref().expect("what a test stands on is in order"), &files.trust)
    else {
        panic!()
    };
    let mut roots = rustls::RootCertStore::empty();
    roots
        .add(rustls::pki_types::CertificateDer::from_pem_file(bundle).expect("what a test stands on is in order"))
        .expect("what a test stands on is in order");
    let chain = vec![
        rustls::pki_types::CertificateDer::from_pem_file(&identity.certificate)
            .expect("what a test stands on is in order"),
    ];
    let key =
        rustls::pki_types::PrivateKeyDer::from_pem_file(&identity.key).expect("what a test stands on is in order");
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("what a test stands on is in order");
    builder.with_root_certificates(roots).with_client_auth_cert(chain, key).expect("what a test stands on is in order")
}

#[tokio::test]
async fn tls_1_2_is_not_spoken() {
    let office = Office::new();
    let mut roots = rustls::RootCertStore::empty();
    {
        use rustls::pki_types::pem::PemObject as _;
        roots.add(rustls::pki_types::CertificateDer::from_pem_file(office.bundle()).unwrap()).unwrap();
    }
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let builder =
        ClientConfig::builder_with_provider(provider).with_protocol_versions(&[&rustls::version::TLS12]).unwrap();
    let config = builder.with_root_certificates(roots).with_no_client_auth();
    let (known, ended) = shake(&office.server(), config, "localhost").await;
    assert!(known.is_err());
    assert!(said(ended).contains("1.3 only"));
}

#[test]
fn files_that_do_not_fit_are_named() {
    let office = Office::new();
    let good = office.files("good", &workload(SERVER));
    let other = office.files("other", &workload(SERVER));
    let with = |change: &dyn Fn(&mut Files)| {
        let mut files = good.clone();
        change(&mut files);
        Credentials::open(files).map(|_| ()).unwrap_err()
    };
    let missing = |path: &Path| path.with_extension("missing");
    let identity = other.identity.unwrap();
    assert!(matches!(
        with(&|files| files.identity.as_mut().unwrap().key = identity.key.clone()),
        FilesError::Mismatch { .. }
    ));
    assert!(matches!(
        with(&|files| files.identity.as_mut().unwrap().key = missing(&identity.key)),
        FilesError::Read { .. }
    ));
    let no_key = with(&|files| files.identity.as_mut().unwrap().certificate = identity.key.clone());
    assert!(matches!(no_key, FilesError::Empty { what: "certificate", .. }));
    assert!(matches!(with(&|files| files.trust = Trust::Bundle(identity.key.clone())), FilesError::Empty { .. }));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(&identity.key, std::fs::Permissions::from_mode(0o644)).unwrap();
        let open = with(&|files| files.identity = Some(identity.clone()));
        assert!(open.to_string().contains("chmod 600"), "{open}");
    }
}

#[tokio::test]
async fn a_renewed_certificate_is_used_by_the_next_connection_and_a_broken_one_is_not() {
    let office = Office::new();
    let files = office.files("server", &workload(SERVER));
    let server = Credentials::open(files.clone()).unwrap();
    let renewed = "spiffe://test.example/renewed";
    office.files("server", &workload(renewed));
    assert!(server.reload());
    let (_, ended) = meet(&server, &office.client(), &expects(renewed), "localhost").await;
    ended.unwrap();
    let state = server.state();
    assert_eq!((state.reloads_count, state.refusals_count, state.broken), (1, 0, None));
    assert!(!state.expires_soon && state.left.unwrap() > Duration::from_secs(3_000));
    // Half written.
    let certificate = &files.identity.as_ref().unwrap().certificate;
    std::fs::write(certificate, "-----BEGIN CERT").unwrap();
    assert!(!server.reload());
    let state = server.state();
    assert!(state.broken.unwrap().contains("server.pem holds no certificate"));
    assert_eq!((state.reloads_count, state.refusals_count), (1, 1));
    let (_, ended) = meet(&server, &office.client(), &expects(renewed), "localhost").await;
    ended.unwrap();
}

#[tokio::test(start_paused = true)]
async fn files_are_looked_at_by_themselves() {
    let office = Office::new();
    let server = Credentials::open(office.files("server", &workload(SERVER))).unwrap();
    let renewing = async {
        office.files_from("server", &workload(SERVER), -60, 2 * HOUR);
        while server.state().reloads_count == 0 {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    };
    tokio::select! {
        () = server.follow() => {}
        ended = tokio::time::timeout(Duration::from_secs(60), renewing) => ended.unwrap(),
    }
    assert!(server.state().left.unwrap() > HOUR);
}

#[test]
fn an_expiry_that_comes_near_is_known() {
    let office = Office::new();
    let files = office.files_from("server", &workload(SERVER), -3_000, HOUR);
    let state = Credentials::open(files).unwrap().state();
    assert!(state.expires_soon, "{state:?}");
    let leaf = state.leaf.unwrap();
    assert_eq!((leaf.spiffe_id.as_ref().unwrap().as_str(), leaf.life()), (SERVER, HOUR));
}

#[test]
fn no_key_is_printed() {
    let office = Office::new();
    let issued = office.authority.issue(&workload(CLIENT), 0, HOUR).unwrap();
    let printed = format!("{issued:?} {:?} {:?}", office.authority, office.client());
    assert!(!printed.contains("PRIVATE KEY"), "{printed}");
    // rustls prints what it holds of a key as its algorithm.
    assert!(!printed.contains("pkcs8"), "{printed}");
}

//! Over TLS: who is let in and as whom, what everybody else hears, and certificates that are renewed meanwhile.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use client::{Peer, PeerConfig, Proof, Secure};
use serde_json::json;
use server::ServerConfig;
use tls::ServerIdentity;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tonic::{Code, Status};

use crate::echo::{echo, reason};
use crate::office::{Office, SCHEDULER, SERVER, by_token, peer, peer_of};

fn told(status: &Status) -> (Code, String) {
    (status.code(), reason(status))
}

#[tokio::test]
async fn a_service_is_known_by_its_certificate_and_a_person_by_a_token() {
    let office = Office::new();
    let (_, running) = office.serve(ServerConfig::default(), office.credentials("echo", Some(SERVER))).await;
    let scheduler = office.credentials("scheduler", Some(SCHEDULER));
    let by_certificate = peer(&running.url, &scheduler, Proof::Connection);
    assert_eq!(echo(&by_certificate, "caller").await.unwrap(), "scheduler as service");
    let token = by_token(&office.token(&json!({})));
    assert_eq!(echo(&peer(&running.url, &office.nobody(), token.clone()), "caller").await.unwrap(), "amira as auditor");
    // A gateway passes on who asks: the token counts.
    assert_eq!(echo(&by_certificate.proving(token), "caller").await.unwrap(), "amira as auditor");
    // What proves an account proves it also where another is named.
    let named = by_certificate.with_account("ada;roles=approver").unwrap();
    assert_eq!(echo(&named, "caller").await.unwrap(), "scheduler as service");
    // And nothing is believed that is only said.
    let said = peer(&running.url, &office.nobody(), Proof::account("ada;roles=approver").unwrap());
    assert_eq!(
        told(&echo(&said, "caller").await.unwrap_err()),
        (Code::Unauthenticated, "CREDENTIALS_MISSING".to_owned())
    );
}

#[tokio::test]
async fn a_certificate_of_the_authority_alone_opens_nothing() {
    let office = Office::new();
    let (_, running) = office.serve(ServerConfig::default(), office.credentials("echo", Some(SERVER))).await;
    for (id, expected) in [
        (Some("spiffe://test.example/scheduler2"), "SERVICE_UNKNOWN"),
        (Some("spiffe://other.example/scheduler"), "SERVICE_UNKNOWN"),
        (None, "SPIFFE_ID_MISSING"),
    ] {
        let other = peer(&running.url, &office.credentials("other", id), Proof::Connection);
        assert_eq!(
            told(&echo(&other, "caller").await.unwrap_err()),
            (Code::Unauthenticated, expected.to_owned()),
            "{id:?}"
        );
    }
}

#[tokio::test]
async fn a_token_that_is_not_believed_is_refused_with_its_reason() {
    let office = Office::new();
    let (_, running) = office.serve(ServerConfig::default(), office.credentials("echo", Some(SERVER))).await;
    for (claims, expected) in [
        (json!({"aud": "nhs-app"}), "TOKEN_AUDIENCE_OTHER"),
        (json!({"iss": "https://evil.example"}), "TOKEN_ISSUER_UNKNOWN"),
        (json!({"exp": 1}), "TOKEN_EXPIRED"),
        (json!({"nbf": 9_999_999_999_u64}), "TOKEN_NOT_YET_VALID"),
        (json!({"roles": null}), "TOKEN_CLAIM_INVALID"),
        (json!({"sub": "scheduler"}), "TOKEN_ACCOUNT_RESERVED"),
        (json!({"sub": "a b"}), "ACCOUNT_INVALID"),
        (json!({"sub": "9434765919"}), "ACCOUNT_INVALID"),
        (json!({"roles": ["king"]}), "ROLE_UNKNOWN"),
    ] {
        let other = peer(&running.url, &office.nobody(), by_token(&office.token(&claims)));
        let refused = echo(&other, "caller").await.unwrap_err();
        assert_eq!(told(&refused), (Code::Unauthenticated, expected.to_owned()), "{claims}");
    }
    for (token, expected) in [("x.y.z", "TOKEN_MALFORMED"), ("eyJhbGciOiJub25lIn0.e30.", "TOKEN_ALGORITHM_REFUSED")] {
        let other = peer(&running.url, &office.nobody(), by_token(token));
        assert_eq!(told(&echo(&other, "caller").await.unwrap_err()), (Code::Unauthenticated, expected.to_owned()));
    }
    // Another's key, called the same.
    let forged = peer(&running.url, &office.nobody(), by_token(&Office::new().token(&json!({}))));
    assert_eq!(told(&echo(&forged, "caller").await.unwrap_err()).1, "TOKEN_SIGNATURE_WRONG");
}

#[tokio::test]
async fn who_is_not_the_server_is_not_called_and_the_caller_reads_why() {
    let (office, foreign) = (Office::new(), Office::new());
    let (_, running) = office.serve(ServerConfig::default(), office.credentials("echo", Some(SERVER))).await;
    let wanted = |credentials: &Arc<tls::Credentials>, server: ServerIdentity| {
        peer_of(&running.url, Secure { credentials: Arc::clone(credentials), server }, Proof::Connection)
    };
    let of_another_id = wanted(&office.nobody(), ServerIdentity::Spiffe(SCHEDULER.parse().unwrap()));
    let refused = echo(&of_another_id, "caller").await.unwrap_err();
    assert_eq!(told(&refused), (Code::Unavailable, "PEER_UNAVAILABLE".to_owned()));
    assert!(refused.message().contains(&format!("names {SERVER}, and {SCHEDULER} is wanted")), "{}", refused.message());
    let of_another_authority = wanted(&foreign.nobody(), ServerIdentity::Name);
    let refused = echo(&of_another_authority, "caller").await.unwrap_err();
    assert!(refused.message().contains("--ca"), "{}", refused.message());
    let other_name = running.url.replace("localhost", "127.0.0.1");
    let secure = Secure { credentials: office.nobody(), server: ServerIdentity::Name };
    let refused = echo(&peer_of(&other_name, secure, Proof::Connection), "caller").await.unwrap_err();
    assert!(refused.message().contains("not valid for name"), "{}", refused.message());
    // The id is enough, wherever it is called.
    let by_id = peer(&other_name, &office.nobody(), by_token(&office.token(&json!({}))));
    assert_eq!(echo(&by_id, "caller").await.unwrap(), "amira as auditor");
    // A certificate that the server's authority did not sign.
    let files = foreign.files("scheduler", Some(SCHEDULER), -60, Duration::from_secs(60));
    let files = tls::Files { trust: tls::Trust::Bundle(office.folder.path().join("ca.pem")), ..files };
    let stranger = peer(&running.url, &Arc::new(tls::Credentials::open(files).unwrap()), Proof::Connection);
    assert_eq!(echo(&stranger, "caller").await.unwrap_err().code(), Code::Unavailable);
}

#[test]
fn nobody_is_called_in_the_clear_but_this_machine() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let _entered = runtime.enter();
    for url in ["http://registry.example:50051", "http://10.0.0.1:50051", "http://[2001:db8::1]:50051"] {
        let refused = Peer::remote(url, "alice", PeerConfig::default()).unwrap_err().to_string();
        assert!(refused.contains("in the clear"), "{refused}");
    }
    for url in ["http://127.0.0.1:1", "http://localhost:1", "http://[::1]:1", "http://127.9.9.9:1"] {
        assert!(Peer::remote(url, "alice", PeerConfig::default()).is_ok(), "{url}");
    }
    assert!(Peer::remote("https://localhost:1", "alice", PeerConfig::default()).is_err());
    let office = Office::new();
    let secure = || Secure { credentials: office.nobody(), server: ServerIdentity::Name };
    assert!(Peer::secure("http://127.0.0.1:1", secure(), Proof::Connection, PeerConfig::default()).is_err());
}

#[tokio::test]
async fn what_does_not_speak_tls_is_closed_and_slow_ones_hold_up_nobody() {
    let office = Office::new();
    let config =
        ServerConfig { handshakes_max: 1, handshake_timeout: Duration::from_secs(2), ..ServerConfig::default() };
    let (_, running) = office.serve(config, office.credentials("echo", Some(SERVER))).await;
    let address = running.url.trim_start_matches("https://").to_owned();
    // HTTP/2 in the clear.
    let mut plain = TcpStream::connect(&address).await.unwrap();
    plain.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await.unwrap();
    let mut rest = Vec::new();
    let closed = tokio::time::timeout(Duration::from_secs(10), plain.read_to_end(&mut rest)).await;
    assert!(closed.unwrap().is_ok() || rest.is_empty());
    // Sockets that say nothing, or half a hello.
    let mut silent = Vec::new();
    for count in 0..20 {
        let mut stream = TcpStream::connect(&address).await.unwrap();
        stream.write_all(&[0x16, 3, 1, 2][..count % 5]).await.unwrap();
        silent.push(stream);
    }
    let begun = Instant::now();
    let caller = peer(&running.url, &office.credentials("scheduler", Some(SCHEDULER)), Proof::Connection);
    assert_eq!(echo(&caller, "caller").await.unwrap(), "scheduler as service");
    assert!(begun.elapsed() < Duration::from_secs(2), "it waited for those who say nothing");
    for stream in &mut silent {
        let ended = tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut rest)).await;
        assert!(ended.is_ok(), "a socket that says nothing stays open");
    }
}

#[tokio::test]
async fn a_client_that_never_says_hello_behind_tls_is_closed() {
    let office = Office::new();
    let config = ServerConfig { handshake_timeout: Duration::from_millis(300), ..ServerConfig::default() };
    let (_, running) = office.serve(config, office.credentials("echo", Some(SERVER))).await;
    let address = running.url.trim_start_matches("https://").to_owned();
    let tls = office.nobody().client_config(&ServerIdentity::Name).unwrap();
    let stream = TcpStream::connect(&address).await.unwrap();
    let name = tokio_rustls::rustls::pki_types::ServerName::try_from("localhost").unwrap();
    let mut stream = tokio_rustls::TlsConnector::from(tls).connect(name, stream).await.unwrap();
    let mut rest = Vec::new();
    let ended = tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut rest)).await;
    assert!(ended.is_ok(), "it stays open");
    assert!(rest.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn certificates_are_renewed_under_load_without_losing_a_call() {
    let office = Office::new();
    // Connections end all the time, so that new ones are opened with what lies there.
    let config = ServerConfig { connection_age_max: Duration::from_millis(30), ..ServerConfig::default() };
    let (of_server, of_client) =
        (office.credentials("echo", Some(SERVER)), office.credentials("scheduler", Some(SCHEDULER)));
    let (_, running) = office.serve(config, Arc::clone(&of_server)).await;
    let (ends, calls) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let callers: Vec<_> = (0..4)
        .map(|_| {
            let caller = peer(&running.url, &of_client, Proof::Connection);
            let (ends, calls) = (Arc::clone(&ends), Arc::clone(&calls));
            tokio::spawn(async move {
                while !ends.load(Ordering::Relaxed) {
                    assert_eq!(echo(&caller, "caller").await.expect("no call is lost"), "scheduler as service");
                    calls.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    for _ in 0..10 {
        let before = calls.load(Ordering::Relaxed);
        office.files("echo", Some(SERVER), -60, Duration::from_secs(600));
        office.files("scheduler", Some(SCHEDULER), -60, Duration::from_secs(600));
        assert!(of_server.reload() && of_client.reload());
        // A broken file in between changes nothing.
        let certificate = office.folder.path().join("echo.pem");
        let whole = std::fs::read(&certificate).unwrap();
        std::fs::write(&certificate, &whole[..100]).unwrap();
        assert!(!of_server.reload());
        std::fs::write(&certificate, whole).unwrap();
        while calls.load(Ordering::Relaxed) < before + 100 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
    ends.store(true, Ordering::Relaxed);
    for caller in callers {
        caller.await.unwrap();
    }
    assert_eq!(of_server.state().reloads_count, 10);
}

#[test]
fn no_token_is_printed() {
    let office = Office::new();
    let token = office.token(&json!({}));
    assert_eq!(format!("{:?}", by_token(&token)), "Token(Given(…))");
}

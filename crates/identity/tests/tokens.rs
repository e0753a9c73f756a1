//! Tokens by the way a server asks: an issuer of this test, its keys in a file or behind an address that can be made to fail.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::header::AUTHORIZATION;
use http::{Extensions, HeaderMap};
use identity::{
    Authenticate as _, Caller, Credentials, Organisation, Refusal, Role, Roles, Service, Services, TokenRefusal,
    TokenRules, Tokens, TrustedIssuer, Via,
};
use jws::{Algorithm, SigningKey, TokenError};
use serde_json::{Value, json};
use tempfile::TempDir;
use tls::PeerCertificate;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

const ISSUER: &str = "https://issuer.example";

fn key(id: &str) -> SigningKey {
    let pem = rcgen::KeyPair::generate().expect("what a test stands on is in order").serialize_pem();
    SigningKey::from_pem(pem.as_bytes(), id, Algorithm::Es256).expect("what a test stands on is in order")
}

fn set(keys: &[&SigningKey]) -> String {
    json!({"keys": keys.iter().map(|key| key.public_jwk()).collect::<Vec<_>>()}).to_string()
}

#[expect(clippy::disallowed_methods, reason = "tokens are judged by the machine's clock")]
fn now_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("what a test stands on is in order").as_secs()
}

/// What a good token says, with `changes` made to it; null takes a claim away.
fn claims(changes: &Value) -> Value {
    let mut claims = json!({
        "iss": ISSUER, "aud": "citizens-access", "sub": "amira", "exp": now_s() + 600,
        "roles": ["programme-lead", "approver"], "organisation": "practices/A81001",
    });
    for (name, value) in changes.as_object().expect("what a test stands on is in order") {
        if value.is_null() {
            claims.as_object_mut().expect("what a test stands on is in order").remove(name);
        } else {
            claims[name] = value.clone();
        }
    }
    claims
}

/// A server that believes one issuer, whose keys lie in a file.
struct Desk {
    _folder: TempDir,
    keys: PathBuf,
    credentials: Credentials,
}

impl Desk {
    async fn with(keys: &[&SigningKey], rules: TokenRules) -> Self {
        let folder = tempfile::tempdir().expect("what a test stands on is in order");
        let path = folder.path().join("jwks.json");
        std::fs::write(&path, set(keys)).expect("what a test stands on is in order");
        let issuer: TrustedIssuer =
            format!("{ISSUER}={}", path.display()).parse().expect("what a test stands on is in order");
        let service: Service =
            "scheduler=spiffe://test.example/scheduler".parse().expect("what a test stands on is in order");
        let services = Services::new([service]).expect("what a test stands on is in order");
        let tokens = Tokens::open(rules, &[issuer])
            .await
            .expect("what a test stands on is in order")
            .reserving(services.accounts());
        Self { _folder: folder, keys: path, credentials: Credentials { services, tokens: Some(Arc::new(tokens)) } }
    }

    fn tokens(&self) -> Arc<Tokens> {
        Arc::clone(self.credentials.tokens.as_ref().expect("what a test stands on is in order"))
    }
}

fn shows(credentials: &Credentials, header: &str) -> Result<Caller, Refusal> {
    let mut headers = HeaderMap::new();
    headers.insert(AUTHORIZATION, header.parse().expect("what a test stands on is in order"));
    credentials.authenticate(&headers, &Extensions::new())
}

fn bears(credentials: &Credentials, token: &str) -> Result<Caller, Refusal> {
    shows(credentials, &format!("Bearer {token}"))
}

fn refused(found: Result<Caller, Refusal>) -> TokenRefusal {
    match found {
        Err(Refusal::Token(refusal)) => refusal,
        other => panic!("not refused for its token: {other:?}"),
    }
}

#[tokio::test]
async fn a_good_token_says_who_calls_in_which_roles_for_whom() {
    let key = key("one");
    let desk = Desk::with(&[&key], TokenRules::default()).await;
    let token = key.sign(&claims(&json!({}))).unwrap();
    for header in [format!("Bearer {token}"), format!("bearer {token}"), format!("BEARER  {token}")] {
        let caller = shows(&desk.credentials, &header).unwrap();
        assert_eq!((caller.account.as_str(), caller.via), ("amira", Via::Token));
        assert_eq!(caller.roles, Roles::NONE.with(Role::ProgrammeLead).with(Role::Approver));
        assert_eq!(caller.organisation, Some(Organisation::Practice("A81001".into())));
    }
    let token =
        key.sign(&claims(&json!({"organisation": null, "aud": ["other", "citizens-access"], "roles": []}))).unwrap();
    let caller = bears(&desk.credentials, &token).unwrap();
    assert_eq!((caller.organisation, caller.roles), (None, Roles::NONE));
}

#[tokio::test]
async fn a_token_is_for_this_audience_by_a_believed_issuer_and_complete() {
    let key = key("one");
    let desk = Desk::with(&[&key], TokenRules::default()).await;
    let found = |changes: Value| refused(bears(&desk.credentials, &key.sign(&claims(&changes)).unwrap()));
    let audience = TokenRefusal::Audience { audience: "citizens-access".to_owned() };
    for other in [json!("nhs-app"), json!(["nhs-app"]), json!([]), json!(7), json!("citizens-access-2"), Value::Null] {
        assert_eq!(found(json!({"aud": other})), audience, "{other}");
    }
    for other in ["https://issuer.example/", "https://evil.example", ""] {
        assert_eq!(found(json!({"iss": other})), TokenRefusal::Issuer { issuer: other.to_owned() });
    }
    for (claim, value) in [
        ("iss", Value::Null),
        ("exp", Value::Null),
        ("exp", json!("tomorrow")),
        ("exp", json!(-1)),
        ("nbf", json!("today")),
        ("sub", Value::Null),
        ("roles", Value::Null),
        ("roles", json!("approver")),
        ("roles", json!([1])),
        ("organisation", json!(7)),
    ] {
        let refusal = found(json!({claim: value}));
        assert!(matches!(refusal, TokenRefusal::Claim { claim: found, .. } if found == claim), "{claim}: {refusal:?}");
    }
    let other = |changes: Value| bears(&desk.credentials, &key.sign(&claims(&changes)).unwrap()).unwrap_err();
    assert_eq!(other(json!({"sub": "Amira Example"})), Refusal::AccountInvalid);
    assert_eq!(other(json!({"roles": ["king"]})), Refusal::RoleUnknown { role: "king".to_owned() });
    assert!(matches!(other(json!({"organisation": "A81001"})), Refusal::OrganisationUnknown { .. }));
    // A service proves itself by its certificate; a person must not act in its name.
    let reserved = TokenRefusal::AccountReserved { account: "scheduler".to_owned() };
    assert_eq!(found(json!({"sub": "scheduler"})), reserved);
}

#[tokio::test]
async fn clocks_may_differ_by_the_leeway_and_no_more() {
    let key = key("one");
    let rules = TokenRules { leeway: Duration::from_secs(30), ..TokenRules::default() };
    let desk = Desk::with(&[&key], rules).await;
    let found = |changes: Value| bears(&desk.credentials, &key.sign(&claims(&changes)).unwrap());
    let now = now_s();
    assert!(found(json!({"nbf": now + 25})).is_ok());
    assert!(found(json!({"exp": now - 25})).is_ok());
    assert!(found(json!({"exp": now as f64 + 0.5})).is_ok());
    let early = refused(found(json!({"nbf": now + 90})));
    assert!(matches!(early, TokenRefusal::NotYetValid { in_s: 55..=60 }), "{early:?}");
    let late = refused(found(json!({"exp": now - 90})));
    assert!(matches!(late, TokenRefusal::Expired { ago_s: 60..=65 }), "{late:?}");
}

#[tokio::test]
async fn a_token_that_was_believed_expires_all_the_same() {
    let key = key("one");
    let desk = Desk::with(&[&key], TokenRules { leeway: Duration::ZERO, ..TokenRules::default() }).await;
    let token = key.sign(&claims(&json!({"exp": now_s() + 2}))).unwrap();
    assert!(bears(&desk.credentials, &token).is_ok());
    let over = tokio::time::timeout(Duration::from_secs(10), async {
        loop {
            match bears(&desk.credentials, &token) {
                Ok(_) => tokio::time::sleep(Duration::from_millis(20)).await,
                Err(refusal) => return refusal,
            }
        }
    });
    assert!(matches!(over.await.unwrap(), Refusal::Token(TokenRefusal::Expired { ago_s: 0 })));
}

#[tokio::test]
async fn what_the_issuer_did_not_sign_is_not_believed() {
    let (own, foreign) = (key("one"), key("one"));
    let desk = Desk::with(&[&own], TokenRules::default()).await;
    let token = foreign.sign(&claims(&json!({}))).unwrap();
    assert_eq!(refused(bears(&desk.credentials, &token)), TokenRefusal::Token(TokenError::Signature));
    // `none`, and HS256 with the public key for its secret.
    for algorithm in ["none", "HS256"] {
        let header = URL_SAFE_NO_PAD.encode(json!({"alg": algorithm, "kid": "one"}).to_string());
        let payload = URL_SAFE_NO_PAD.encode(claims(&json!({})).to_string());
        let found = refused(bears(&desk.credentials, &format!("{header}.{payload}.c2ln")));
        assert_eq!(found, TokenRefusal::Token(TokenError::Algorithm { algorithm: algorithm.to_owned() }));
    }
    for header in ["Basic YTpi", "Bearer", "Bearer ", "token"] {
        assert!(shows(&desk.credentials, header).is_err(), "{header}");
    }
    let mut twice = HeaderMap::new();
    let token = own.sign(&claims(&json!({}))).unwrap();
    for _ in 0..2 {
        twice.append(AUTHORIZATION, format!("Bearer {token}").parse().unwrap());
    }
    let found = desk.credentials.authenticate(&twice, &Extensions::new());
    assert_eq!(refused(found), TokenRefusal::Scheme);
}

#[tokio::test]
async fn without_a_token_the_certificate_counts_and_only_of_a_service_that_is_named() {
    let desk = Desk::with(&[&key("one")], TokenRules::default()).await;
    let by = |certificate: Option<&str>| {
        let mut connection = Extensions::new();
        if let Some(id) = certificate {
            connection.insert(PeerCertificate { spiffe_id: (!id.is_empty()).then(|| id.parse().unwrap()) });
        }
        desk.credentials.authenticate(&HeaderMap::new(), &connection)
    };
    let caller = by(Some("spiffe://test.example/scheduler")).unwrap();
    assert_eq!((caller.account.as_str(), caller.via), ("scheduler", Via::Certificate));
    assert_eq!(caller.roles, Roles::NONE.with(Role::Service));
    for other in
        ["spiffe://test.example/scheduler2", "spiffe://other.example/scheduler", "spiffe://test.example/a/scheduler"]
    {
        assert!(matches!(by(Some(other)), Err(Refusal::ServiceUnknown { .. })), "{other}");
    }
    assert_eq!(by(Some("")), Err(Refusal::SpiffeIdMissing));
    assert_eq!(by(None), Err(Refusal::CredentialsMissing));
    let none = Credentials::default();
    assert_eq!(refused(bears(&none, "a.b.c")), TokenRefusal::NotTaken);
}

#[tokio::test(start_paused = true)]
async fn a_key_that_is_withdrawn_verifies_nothing_any_more() {
    let (old, new) = (key("old"), key("new"));
    let desk = Desk::with(&[&old], TokenRules::default()).await;
    let (by_old, by_new) = (old.sign(&claims(&json!({}))).unwrap(), new.sign(&claims(&json!({}))).unwrap());
    assert!(bears(&desk.credentials, &by_old).is_ok());
    std::fs::write(&desk.keys, set(&[&new])).unwrap();
    let tokens = desk.tokens();
    let rotated = async {
        while bears(&desk.credentials, &by_new).is_err() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::select! {
        never = tokens.follow() => match never {},
        ended = tokio::time::timeout(Duration::from_secs(30), rotated) => ended.unwrap(),
    }
    // It was in the cache, and its key is gone.
    assert_eq!(refused(bears(&desk.credentials, &by_old)), TokenRefusal::Key { key: "old".to_owned() });
}

/// An issuer's address: answers with what it is told to, and counts who asks.
struct Address {
    url: String,
    asked: Arc<AtomicUsize>,
    says: tokio::sync::watch::Sender<Option<String>>,
}

impl Address {
    async fn open(says: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("what a test stands on is in order");
        let url = format!("http://{}/keys", listener.local_addr().expect("what a test stands on is in order"));
        let asked = Arc::new(AtomicUsize::new(0));
        let (says, hears) = tokio::sync::watch::channel(Some(says));
        let counter = Arc::clone(&asked);
        tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.expect("what a test stands on is in order");
                counter.fetch_add(1, Ordering::SeqCst);
                let said = hears.borrow().clone();
                let mut request = [0; 4_096];
                let _ = stream.read(&mut request).await;
                let reply = match said {
                    Some(body) => {
                        format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len())
                    }
                    None => "HTTP/1.1 503 Unavailable\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".to_owned(),
                };
                let _ = stream.write_all(reply.as_bytes()).await;
            }
        });
        Self { url, asked, says }
    }

    async fn believed(&self, rules: TokenRules) -> Credentials {
        let issuer: TrustedIssuer =
            format!("{ISSUER}={}", self.url).parse().expect("what a test stands on is in order");
        let tokens = Tokens::open(rules, &[issuer]).await.expect("what a test stands on is in order");
        Credentials { services: Services::default(), tokens: Some(Arc::new(tokens)) }
    }
}

/// Lets virtual time pass while keys are followed.
async fn pass(credentials: &Credentials, time: Duration) {
    tokio::select! {
        never = credentials.tokens.as_ref().expect("what a test stands on is in order").follow() => match never {},
        () = tokio::time::sleep(time) => {}
    }
}

#[tokio::test]
async fn an_unknown_key_is_fetched_once_in_a_while_and_then_taken() {
    let (old, new) = (key("old"), key("new"));
    let address = Address::open(set(&[&old])).await;
    let credentials = address.believed(TokenRules::default()).await;
    assert_eq!(address.asked.load(Ordering::SeqCst), 1);
    let by_new = new.sign(&claims(&json!({}))).unwrap();
    // The keys were fetched a moment ago: asking again would find the same.
    assert_eq!(refused(bears(&credentials, &by_new)), TokenRefusal::Key { key: "new".to_owned() });
    address.says.send_replace(Some(set(&[&old, &new])));
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(11)).await;
    tokio::time::resume();
    let first = refused(bears(&credentials, &by_new));
    assert!(matches!(first, TokenRefusal::KeyBeingFetched { .. }), "{first:?}");
    let accepted = async {
        while bears(&credentials, &by_new).is_err() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::select! {
        never = credentials.tokens.as_ref().unwrap().follow() => match never {},
        ended = tokio::time::timeout(Duration::from_secs(10), accepted) => ended.unwrap(),
    }
    assert_eq!(address.asked.load(Ordering::SeqCst), 2);
    // Whoever makes up keys has nobody asked.
    for made_up in 0..100 {
        let token = key(&format!("made-up-{made_up}")).sign(&claims(&json!({}))).unwrap();
        assert!(matches!(refused(bears(&credentials, &token)), TokenRefusal::Key { .. }));
    }
    pass(&credentials, Duration::from_millis(50)).await;
    assert_eq!(address.asked.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn while_the_issuer_is_down_its_old_keys_are_believed_and_not_for_ever() {
    let one = key("one");
    let address = Address::open(set(&[&one])).await;
    let rules = TokenRules { keys_stale_max: Duration::from_secs(1), ..TokenRules::default() };
    let credentials = address.believed(rules).await;
    let tokens = credentials.tokens.clone().unwrap();
    address.says.send_replace(None);
    let token = one.sign(&claims(&json!({}))).unwrap();
    tokens.fetch_now().await;
    let state = &tokens.state()[0];
    assert!(state.failure.as_ref().unwrap().contains("503"), "{state:?}");
    assert!(bears(&credentials, &token).is_ok(), "its old keys are believed");
    let stale = tokio::time::timeout(Duration::from_secs(10), async {
        loop {
            match bears(&credentials, &token) {
                Ok(_) => tokio::time::sleep(Duration::from_millis(20)).await,
                Err(refusal) => return refusal,
            }
        }
    });
    assert!(matches!(stale.await.unwrap(), Refusal::Token(TokenRefusal::KeysStale { age_s: 2 })));
    let state = &tokens.state()[0];
    assert!(state.is_stale && state.issuer == ISSUER, "{state:?}");
    // It comes back.
    address.says.send_replace(Some(set(&[&one])));
    tokens.fetch_now().await;
    assert!(bears(&credentials, &token).is_ok());
    // Rubbish is as good as no answer.
    address.says.send_replace(Some("{}".to_owned()));
    tokens.fetch_now().await;
    assert!(bears(&credentials, &token).is_ok());
    let state = &tokens.state()[0];
    assert!(state.failure.is_some() && !state.is_stale, "{state:?}");
    assert_eq!((state.successes_count, state.failures_count), (2, 2));
}

#[tokio::test]
async fn a_server_does_not_begin_without_its_issuers_keys() {
    let address = Address::open("{}".to_owned()).await;
    let issuer: TrustedIssuer = format!("{ISSUER}={}", address.url).parse().unwrap();
    let refused = Tokens::open(TokenRules::default(), &[issuer]).await.unwrap_err();
    assert!(refused.to_string().contains("cannot be used"), "{refused}");
    for bad in ["", "issuer", "=keys", "issuer=", "issuer=http://elsewhere.example/keys"] {
        assert!(bad.parse::<TrustedIssuer>().is_err(), "{bad}");
    }
}

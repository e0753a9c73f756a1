//! A system gets its tokens from a token endpoint: one for many calls, another when it ends, and a clear no.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use client::{ClientCredentials, ClientCredentialsConfig, Proof, TokenSource};
use jws::{Algorithm, SigningKey};
use serde_json::{Value, json};
use server::ServerConfig;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tonic::Code;

use crate::echo::{echo, reason};
use crate::office::{Office, SERVER, peer};

/// A token endpoint that answers with what it is told to, and keeps what it was asked.
struct Endpoint {
    url: String,
    asked: Arc<Mutex<Vec<Value>>>,
    says: Arc<Mutex<(u16, Value)>>,
}

impl Endpoint {
    async fn open(status: u16, reply: Value) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("what a test stands on is in order");
        let url = format!("http://{}/token", listener.local_addr().expect("what a test stands on is in order"));
        let (asked, says) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Mutex::new((status, reply))));
        let (keeps, answers) = (Arc::clone(&asked), Arc::clone(&says));
        tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.expect("what a test stands on is in order");
                let mut request = Vec::new();
                let form = loop {
                    let mut piece = [0; 4_096];
                    let count = stream.read(&mut piece).await.expect("what a test stands on is in order");
                    request.extend_from_slice(&piece[..count]);
                    let text = String::from_utf8_lossy(&request).into_owned();
                    let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
                    let length = head
                        .lines()
                        .find_map(|line| line.to_lowercase().strip_prefix("content-length: ").map(str::to_owned));
                    if length.is_some_and(|length| length.trim().parse() == Ok(body.len())) {
                        break body.to_owned();
                    }
                };
                keeps.lock().expect("what a test stands on is in order").push(claims(&form));
                let (status, reply) = answers.lock().expect("what a test stands on is in order").clone();
                let reply = reply.to_string();
                let reply = format!(
                    "HTTP/1.1 {status} X\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{reply}",
                    reply.len()
                );
                stream.write_all(reply.as_bytes()).await.expect("what a test stands on is in order");
            }
        });
        Self { url, asked, says }
    }

    fn source(&self) -> Proof {
        let rsa = include_bytes!("../../../jws/tests/rsa-for-tests.pem");
        let config = ClientCredentialsConfig {
            endpoint: self.url.parse().expect("what a test stands on is in order"),
            client_id: "app".to_owned(),
            key: SigningKey::from_pem(rsa, "test-1", Algorithm::Rs512).expect("what a test stands on is in order"),
        };
        let source =
            TokenSource::Endpoint(Box::new(ClientCredentials::new(config).expect("what a test stands on is in order")));
        assert!(!format!("{source:?}").contains("PRIVATE"), "{source:?}");
        Proof::Token(Arc::new(source))
    }

    fn asked_count(&self) -> usize {
        self.asked.lock().expect("what a test stands on is in order").len()
    }
}

/// What the assertion in a form says.
fn claims(form: &str) -> Value {
    let mut fields = form.split('&').filter_map(|field| field.split_once('='));
    assert_eq!(fields.next(), Some(("grant_type", "client_credentials")));
    let kind = "urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer";
    assert_eq!(fields.next(), Some(("client_assertion_type", kind)));
    let (_, assertion) = fields.next().expect("what a test stands on is in order");
    let parts: Vec<&str> = assertion.split('.').collect();
    let header: Value =
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(parts[0]).expect("what a test stands on is in order"))
            .expect("what a test stands on is in order");
    assert_eq!(header, json!({"alg": "RS512", "kid": "test-1", "typ": "JWT"}));
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(parts[1]).expect("what a test stands on is in order"))
        .expect("what a test stands on is in order")
}

#[tokio::test]
async fn one_token_serves_many_calls_and_each_assertion_is_another() {
    let office = Office::new();
    let (_, running) = office.serve(ServerConfig::default(), office.credentials("echo", Some(SERVER))).await;
    let token = office.token(&json!({"sub": "nhs-app", "roles": ["service"]}));
    let endpoint =
        Endpoint::open(200, json!({"access_token": token, "expires_in": "599", "token_type": "Bearer"})).await;
    let system = peer(&running.url, &office.nobody(), endpoint.source());
    let calls = (0..20).map(|_| echo(&system, "caller"));
    for said in futures_util::future::join_all(calls).await {
        assert_eq!(said.unwrap(), "nhs-app as service");
    }
    assert_eq!(endpoint.asked_count(), 1);
    // A token that is over at once is asked for anew.
    *endpoint.says.lock().unwrap() = (200, json!({"access_token": token, "expires_in": 0}));
    let brief = peer(&running.url, &office.nobody(), endpoint.source());
    for _ in 0..2 {
        assert!(echo(&brief, "caller").await.is_ok());
    }
    let asked = endpoint.asked.lock().unwrap().clone();
    assert_eq!(asked.len(), 3);
    let ids: BTreeSet<&str> = asked.iter().map(|claims| claims["jti"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), 3, "no assertion is used twice");
    for claims in &asked {
        assert_eq!(
            (&claims["iss"], &claims["sub"], &claims["aud"]),
            (&json!("app"), &json!("app"), &json!(endpoint.url))
        );
    }
}

#[tokio::test]
async fn an_endpoint_that_refuses_is_quoted_and_one_that_is_down_is_tried_again_later() {
    let office = Office::new();
    let (_, running) = office.serve(ServerConfig::default(), office.credentials("echo", Some(SERVER))).await;
    let no = json!({"error": "invalid_client", "error_description": "no such key"});
    let endpoint = Endpoint::open(401, no).await;
    let system = peer(&running.url, &office.nobody(), endpoint.source());
    let refused = echo(&system, "caller").await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::Unauthenticated, "TOKEN_REFUSED"));
    assert!(refused.message().contains("401 invalid_client no such key"), "{}", refused.message());
    // The next call shares the failure; a second later it is tried again.
    assert!(echo(&system, "caller").await.is_err());
    assert_eq!(endpoint.asked_count(), 1);
    let token = office.token(&json!({}));
    *endpoint.says.lock().unwrap() = (200, json!({"access_token": token}));
    let mended = async {
        while echo(&system, "caller").await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), mended).await.unwrap();
    for (status, reply) in [(503, json!({})), (200, json!({})), (200, json!("x"))] {
        *endpoint.says.lock().unwrap() = (status, reply);
        let system = peer(&running.url, &office.nobody(), endpoint.source());
        let down = echo(&system, "caller").await.unwrap_err();
        assert_eq!((down.code(), reason(&down).as_str()), (Code::Unavailable, "TOKEN_ENDPOINT_UNAVAILABLE"));
    }
}

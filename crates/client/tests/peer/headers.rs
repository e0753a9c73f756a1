//! What a peer adds to the headers of a call.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use client::{ACCOUNT_HEADER, Peer, PeerConfig};
use http::{HeaderMap, Request, Response};
use tonic::body::Body;
use tonic::{Code, Status};
use tower::ServiceExt;

/// Calls `path` and gives the headers that arrive, or None where nothing was sent.
async fn headers_of(path: &str, own: &[(&'static str, &'static str)]) -> Option<HeaderMap> {
    let seen = Arc::new(Mutex::new(None));
    let sink = Arc::clone(&seen);
    let routes = tower::service_fn(move |request: Request<Body>| {
        *sink.lock().expect("one at a time") = Some(request.headers().clone());
        async { Ok(Status::aborted("enough").into_http::<Body>()) }
    });
    let peer = Peer::local("sink", routes, "scheduler;roles=service", PeerConfig::default()).expect("a peer");
    let mut request = Request::builder().uri(path);
    for (name, value) in own {
        request = request.header(*name, *value);
    }
    let reply: Response<Body> = peer.oneshot(request.body(Body::empty()).expect("a request")).await.expect("a reply");
    drop(reply);
    seen.lock().expect("one at a time").take()
}

fn timeout_us(headers: &HeaderMap) -> Option<u64> {
    let text = headers.get("grpc-timeout")?.to_str().expect("text");
    Some(text.strip_suffix('u').expect("microseconds").parse().expect("a number"))
}

const UNARY: &str = "/citizens_access.registry.v1.PracticeRegistryService/GetPractice";
const WATCH: &str = "/citizens_access.registry.v1.PracticeRegistryService/WatchPractices";
const UPLOAD: &str = "/citizens_access.registry.v1.PracticeRegistryService/ImportDirectory";

#[tokio::test]
async fn the_account_is_the_peers_unless_the_request_names_one() {
    let headers = headers_of(UNARY, &[]).await.unwrap();
    assert_eq!(headers[ACCOUNT_HEADER], "scheduler;roles=service");
    let headers = headers_of(UNARY, &[(ACCOUNT_HEADER, "alice")]).await.unwrap();
    assert_eq!(headers[ACCOUNT_HEADER], "alice");
}

#[tokio::test]
async fn a_unary_call_has_a_deadline_and_a_stream_has_none() {
    let default = PeerConfig::default().deadline_default.as_micros() as u64;
    let left = timeout_us(&headers_of(UNARY, &[]).await.unwrap()).unwrap();
    assert!(left <= default && left > default / 2, "{left}");
    assert_eq!(timeout_us(&headers_of(WATCH, &[]).await.unwrap()), None);
    assert_eq!(timeout_us(&headers_of(UPLOAD, &[]).await.unwrap()), None);
}

#[tokio::test]
async fn the_request_may_ask_for_less_or_more() {
    let left = timeout_us(&headers_of(UNARY, &[("grpc-timeout", "2S")]).await.unwrap()).unwrap();
    assert!((1_000_000..=2_000_000).contains(&left), "{left}");
    let left = timeout_us(&headers_of(UNARY, &[("grpc-timeout", "60S")]).await.unwrap()).unwrap();
    assert!((59_000_000..=60_000_000).contains(&left), "{left}");
    let left = timeout_us(&headers_of(WATCH, &[("grpc-timeout", "9S")]).await.unwrap()).unwrap();
    assert!((8_000_000..=9_000_000).contains(&left), "{left}");
}

#[tokio::test]
async fn the_remainder_of_the_callers_deadline_is_passed_on_less_the_margin() {
    let _rpc = api::deadline::enter(Some(Instant::now() + Duration::from_secs(1)));
    for path in [UNARY, WATCH] {
        let left = timeout_us(&headers_of(path, &[]).await.unwrap()).unwrap();
        assert!((500_000..=980_000).contains(&left), "{left}");
    }
}

#[tokio::test]
async fn nothing_is_sent_once_the_callers_deadline_has_passed() {
    let _rpc = api::deadline::enter(Some(Instant::now()));
    assert!(headers_of(UNARY, &[]).await.is_none());
}

#[tokio::test]
async fn the_reply_to_what_was_not_sent_is_deadline_exceeded() {
    let _rpc = api::deadline::enter(Some(Instant::now()));
    let routes = crate::echo::routes(server::ServerConfig::default(), crate::echo::Echo::default());
    let peer = Peer::local("echo", routes, "alice", PeerConfig::default()).unwrap();
    assert_eq!(crate::echo::echo(&peer, "caller").await.unwrap_err().code(), Code::DeadlineExceeded);
}

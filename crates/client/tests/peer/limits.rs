//! What a server takes on: per account, in memory, and under four times what it can do.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use api::Explained;
use bytes::Bytes;
use futures_util::{StreamExt, future, stream};
use http_body::Frame;
use http_body_util::StreamBody;
use server::ServerConfig;
use tonic::body::Body;
use tonic::{Code, Status};
use tower::ServiceExt;

use crate::echo::{Echo, both, echo, reason, routes};

#[tokio::test]
async fn an_account_that_calls_too_often_is_told_when_to_come_again_and_no_other_is_touched() {
    let config = ServerConfig { account_calls_per_second: 1, account_calls_burst: 3, ..ServerConfig::default() };
    let both = both(config, Echo::default()).await;
    for (peer, account) in both.peers.iter().zip(["local", "remote"]) {
        let peer = peer.with_account(account).unwrap();
        let begun = Instant::now();
        let mut refused = None;
        for _ in 0..20 {
            refused = refused.or(echo(&peer, "caller").await.err());
        }
        let refused = refused.expect("three and one a second are fewer than twenty");
        assert!(begun.elapsed() < Duration::from_secs(10), "the rate has not served them meanwhile");
        assert_eq!((refused.code(), reason(&refused).as_str()), (Code::ResourceExhausted, "RATE_EXCEEDED"));
        let wait = Explained::from(&refused).retry_after.expect("a moment to come again");
        assert!(wait > Duration::ZERO && wait <= Duration::from_secs(1), "{wait:?}");
        let other = peer.with_account(&format!("{account}-other")).unwrap();
        assert!(echo(&other, "caller").await.is_ok());
    }
}

/// A request whose message claims `claimed` bytes and of which nothing more comes.
fn begun(claimed: u32) -> http::Request<Body> {
    let mut prefix = vec![0];
    prefix.extend(claimed.to_be_bytes());
    let first = stream::iter([Ok::<_, Status>(Frame::data(Bytes::from(prefix)))]);
    let body = Body::new(StreamBody::new(first.chain(stream::pending())));
    http::Request::post("/test.EchoService/GetEcho")
        .header(client::ACCOUNT_HEADER, "alice")
        .body(body)
        .expect("a request")
}

#[tokio::test]
async fn messages_that_never_come_whole_hold_no_more_memory_than_all_together_may() {
    const MIB: u32 = 1 << 20;
    let config = ServerConfig { request_bytes_in_flight_max: 4 << 20, ..ServerConfig::default() };
    let routes = routes(config, Echo::default());
    let call = |claimed| Box::pin(routes.clone().oneshot(begun(claimed)));
    let mut waiting: Vec<_> = (0..3).map(|_| call(MIB)).collect();
    for held in &mut waiting {
        assert!(futures_util::poll!(held).is_pending(), "there is room for three");
    }
    let refused: Result<_, Infallible> = call(MIB).await;
    let refused = Status::from_header_map(refused.unwrap().headers()).expect("a refusal");
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::ResourceExhausted, "REQUESTS_HOLD_TOO_MUCH"));
    assert!(Explained::from(&refused).retry_after.is_some());
    assert!(
        futures_util::poll!(&mut call(MIB / 2)).is_pending(),
        "what was refused holds nothing, and a smaller one fits"
    );
    waiting.pop();
    assert!(futures_util::poll!(&mut call(MIB)).is_pending(), "who goes away gives it back");
}

/// Calls that a server can do at a time, and how long each takes: 400 a second.
const CAPACITY: usize = 8;
const WORK: &str = "work 20";
/// How often a client that is turned away comes again.
const IMPATIENCE: Duration = Duration::from_millis(5);
const MEASURED: Duration = Duration::from_millis(1_500);

/// How many calls so many clients get served in [`MEASURED`]; each calls again as soon as it has been answered.
async fn served(clients: usize) -> u32 {
    let config = ServerConfig { calls_in_flight_max: CAPACITY, ..ServerConfig::default() };
    let both = both(config, Echo::default()).await;
    let count = Arc::new(AtomicU32::new(0));
    let until = Instant::now() + MEASURED;
    let client = || {
        let (peer, count) = (both.peers[1].clone(), Arc::clone(&count));
        async move {
            while Instant::now() < until {
                match echo(&peer, WORK).await {
                    Ok(_) => {
                        count.fetch_add(1, Ordering::Relaxed);
                    }
                    Err(refused) => {
                        assert_eq!(reason(&refused), "OVERLOADED", "{refused}");
                        tokio::time::sleep(IMPATIENCE).await;
                    }
                }
            }
        }
    };
    future::join_all((0..clients).map(|_| client())).await;
    count.load(Ordering::Relaxed)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_four_times_its_capacity_a_server_serves_as_much_as_at_once() {
    let at_capacity = served(CAPACITY).await;
    let beyond = served(4 * CAPACITY).await;
    assert!(at_capacity > 50, "{at_capacity} calls were served");
    assert!(f64::from(beyond) >= 0.8 * f64::from(at_capacity), "{at_capacity} calls were served, and then {beyond}");
}

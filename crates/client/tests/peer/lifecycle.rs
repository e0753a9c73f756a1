//! Health, reflection, drain, and connections that misbehave.

use std::time::{Duration, Instant};

use crate::echo::{Echo, Running, both, call, echo, reason, routes, text, watch};
use client::{Peer, PeerConfig};
use futures_util::poll;
use server::{Drained, ServeError, ServerConfig};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tonic::{Code, Status};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

const QUICK: Duration = Duration::from_millis(50);

fn quick() -> ServerConfig {
    ServerConfig { drain_delay: QUICK, drain_grace: QUICK, ..ServerConfig::default() }
}

async fn health(peer: &Peer, service: &str) -> Result<ServingStatus, Status> {
    let request = HealthCheckRequest { service: service.to_owned() };
    Ok(HealthClient::new(peer.clone()).check(request).await?.into_inner().status())
}

#[tokio::test]
async fn health_is_told_service_by_service() {
    let both = both(ServerConfig::default(), Echo::default()).await;
    for peer in &both.peers {
        both.routes.health().set_serving("test.EchoService", true);
        assert_eq!(health(peer, "").await.unwrap(), ServingStatus::Serving);
        assert_eq!(health(peer, "test.EchoService").await.unwrap(), ServingStatus::Serving);
        both.routes.health().set_serving("test.EchoService", false);
        assert_eq!(health(peer, "test.EchoService").await.unwrap(), ServingStatus::NotServing);
        assert_eq!(health(peer, "").await.unwrap(), ServingStatus::Serving);
        let unknown = health(peer, "test.Nonsense").await.unwrap_err();
        assert_eq!((unknown.code(), reason(&unknown).as_str()), (Code::NotFound, "NOT_FOUND"));
    }
}

#[tokio::test]
async fn health_turns_not_serving_before_connections_are_told_to_go() {
    let config = ServerConfig { drain_grace: Duration::from_secs(20), ..quick() };
    let both = both(config, Echo::default()).await;
    let remote = both.peers[1].clone();
    let mut watch = HealthClient::new(remote.clone()).watch(HealthCheckRequest::default()).await.unwrap().into_inner();
    assert_eq!(watch.message().await.unwrap().unwrap().status(), ServingStatus::Serving);
    let ended = both.running.stop();
    assert_eq!(watch.message().await.unwrap().unwrap().status(), ServingStatus::NotServing);
    both.routes.health().set_serving("", true);
    assert_eq!(health(&remote, "").await.unwrap(), ServingStatus::NotServing, "it drains, whatever a service says");
    let cut = watch.message().await.unwrap_err();
    assert_eq!((cut.code(), reason(&cut).as_str()), (Code::Unavailable, "DRAINING"));
    let drained = Instant::now();
    assert_eq!(ended.await.unwrap().unwrap(), Drained::Clean);
    assert!(drained.elapsed() < Duration::from_secs(5), "an open health watch does not hold the drain");
}

#[tokio::test]
async fn both_versions_of_reflection_list_what_is_mounted_and_nothing_else() {
    use tonic_reflection::pb::{v1, v1alpha};
    const EXPECTED: [&str; 3] = ["grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection", "test.EchoService"];
    let both = both(ServerConfig::default(), Echo::default()).await;
    for peer in &both.peers {
        let ask = v1::server_reflection_request::MessageRequest::ListServices(String::new());
        let request = v1::ServerReflectionRequest { host: String::new(), message_request: Some(ask) };
        let mut client = v1::server_reflection_client::ServerReflectionClient::new(peer.clone());
        let mut replies = client.server_reflection_info(tokio_stream::once(request)).await.unwrap().into_inner();
        let reply = replies.message().await.unwrap().unwrap().message_response.unwrap();
        let v1::server_reflection_response::MessageResponse::ListServicesResponse(list) = reply else { panic!() };
        let mut names: Vec<String> = list.service.into_iter().map(|service| service.name).collect();
        names.sort();
        assert_eq!(names, EXPECTED);

        let ask = v1alpha::server_reflection_request::MessageRequest::FileContainingSymbol("test.EchoService".into());
        let request = v1alpha::ServerReflectionRequest { host: String::new(), message_request: Some(ask) };
        let mut client = v1alpha::server_reflection_client::ServerReflectionClient::new(peer.clone());
        let mut replies = client.server_reflection_info(tokio_stream::once(request)).await.unwrap().into_inner();
        let reply = replies.message().await.unwrap().unwrap().message_response.unwrap();
        let v1alpha::server_reflection_response::MessageResponse::FileDescriptorResponse(file) = reply else {
            panic!()
        };
        assert!(file.file_descriptor_proto[0].windows(11).any(|bytes| bytes == b"EchoService"));
    }
}

#[tokio::test]
async fn a_drain_lets_unary_calls_end_and_ends_streams() {
    let config = ServerConfig { drain_grace: Duration::from_secs(20), ..quick() };
    let both = both(config, Echo::default()).await;
    let remote = &both.peers[1];
    let mut ticks = watch(remote, text("one and wait")).await.unwrap();
    assert_eq!(ticks.message().await.unwrap().unwrap().text, "one");
    let ended = both.running.stop();
    let cut = ticks.message().await.unwrap_err();
    assert_eq!((cut.code(), reason(&cut).as_str()), (Code::Unavailable, "DRAINING"));
    assert_eq!(ended.await.unwrap().unwrap(), Drained::Clean);
    let local = &both.peers[0];
    assert!(echo(local, "caller").await.is_ok(), "the routes themselves go on");
}

#[tokio::test]
async fn a_stuck_client_holds_a_drain_no_longer_than_the_grace() {
    let both = both(quick(), Echo::default()).await;
    // An RPC that no other test of this process calls, so that the count is ours.
    let mut hanging = Box::pin(call(&both.peers[1], "AuditEcho", text("hang")));
    while telemetry::RpcMetrics::of("test.EchoService/AuditEcho").read().active == 0 {
        assert!(poll!(&mut hanging).is_pending());
        tokio::task::yield_now().await;
    }
    let stopped = Instant::now();
    assert_eq!(both.running.stop().await.unwrap().unwrap(), Drained::Cut);
    assert!(stopped.elapsed() < Duration::from_secs(5), "{:?}", stopped.elapsed());
    assert_eq!(hanging.await.unwrap_err().code(), Code::Unavailable);
}

#[tokio::test]
async fn a_socket_that_says_nothing_is_closed_and_holds_no_drain() {
    let config = ServerConfig { handshake_timeout: QUICK, ..quick() };
    let running = Running::start(&routes(config, Echo::default())).await;
    let address = running.url.trim_start_matches("http://").to_owned();
    let mut silent = TcpStream::connect(&address).await.unwrap();
    assert_eq!(silent.read(&mut [0; 16]).await.unwrap(), 0, "closed after the time for a hello");
    let mut other = TcpStream::connect(&address).await.unwrap();
    other.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let read = other.read(&mut [0; 16]).await;
    assert!(matches!(read, Ok(0) | Err(_)), "HTTP/1 is not spoken here: {read:?}");

    let patient = ServerConfig { handshake_timeout: Duration::from_secs(3_600), ..quick() };
    let running = Running::start(&routes(patient, Echo::default())).await;
    let address = running.url.trim_start_matches("http://").to_owned();
    let _silent = TcpStream::connect(&address).await.unwrap();
    let peer = Peer::remote(&running.url, "alice", PeerConfig::default()).unwrap();
    echo(&peer, "the server has accepted both").await.unwrap();
    assert_eq!(running.stop().await.unwrap().unwrap(), Drained::Clean);
}

#[tokio::test]
async fn a_connection_of_the_maximum_age_is_replaced_without_a_failed_call() {
    let config = ServerConfig { connection_age_max: QUICK, ..ServerConfig::default() };
    let both = both(config, Echo::default()).await;
    let started = Instant::now();
    let mut calls = 0;
    while started.elapsed() < 8 * QUICK {
        call(&both.peers[1], "SayEcho", text("caller")).await.unwrap();
        calls += 1;
    }
    assert!(calls > 10);
}

#[tokio::test]
async fn a_peer_finds_a_server_that_was_started_again() {
    let config = PeerConfig { attempts_max: 10, backoff_first: QUICK, ..PeerConfig::default() };
    let routes = routes(quick(), Echo::default());
    let first = Running::start(&routes).await;
    let url = first.url.clone();
    let peer = Peer::remote(&url, "alice", config).unwrap();
    echo(&peer, "caller").await.unwrap();
    first.stop().await.unwrap().unwrap();
    let down = call(&peer, "GetEcho", crate::echo::within("caller", QUICK)).await.unwrap_err();
    assert!(matches!(down.code(), Code::Unavailable | Code::DeadlineExceeded), "{down:?}");
    let listener = TcpListener::bind(url.trim_start_matches("http://")).await.unwrap();
    let _second = Running::on(&routes, listener);
    echo(&peer, "caller").await.unwrap();
}

#[tokio::test]
async fn callers_that_are_believed_are_served_on_loopback_only() {
    let routes = routes(ServerConfig::default(), Echo::default());
    let everywhere = TcpListener::bind("0.0.0.0:0").await.unwrap();
    let refused = routes.serve(everywhere, std::future::pending()).await.unwrap_err();
    assert!(matches!(refused, ServeError::NotLoopback { .. }));
    assert!(refused.to_string().contains("listen on 127.0.0.1"), "{refused}");
    let v6 = TcpListener::bind("[::1]:0").await.unwrap();
    assert_eq!(routes.serve(v6, async {}).await.unwrap(), Drained::Clean);
}

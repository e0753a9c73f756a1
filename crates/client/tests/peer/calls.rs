//! Calls behave alike within the process and over a socket.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crate::echo::{Both, Echo, Number, Text, both, both_with, call, echo, reason, routes, text, watch, within};
use api::Explained;
use client::{Peer, PeerConfig};
use futures_util::{StreamExt, poll, stream};
use http::uri::PathAndQuery;
use server::ServerConfig;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Status};
use tonic_prost::ProstCodec;

#[tokio::test]
async fn a_handler_sees_its_caller() {
    let both = both(ServerConfig::default(), Echo::default()).await;
    for peer in &both.peers {
        let peer = peer.with_account("bob;roles=approver,auditor").unwrap();
        assert_eq!(echo(&peer, "caller").await.unwrap(), "bob as approver, auditor");
    }
}

#[tokio::test]
async fn who_may_not_call_is_refused_with_a_reason() {
    let both = both(ServerConfig::default(), Echo::default()).await;
    for peer in &both.peers {
        let bob = peer.with_account("bob;roles=approver").unwrap();
        let refused = call(&bob, "AuditEcho", text("caller")).await.unwrap_err();
        assert_eq!((refused.code(), reason(&refused).as_str()), (Code::PermissionDenied, "ROLE_MISSING"));
        assert_eq!(refused.message(), "bob may not call test.EchoService/AuditEcho: it takes one of auditor, operator");
        assert!(call(&bob.with_account("bob;roles=operator").unwrap(), "AuditEcho", text("caller")).await.is_ok());

        let refused = call(peer, "UnlistedEcho", text("caller")).await.unwrap_err();
        assert_eq!((refused.code(), reason(&refused).as_str()), (Code::PermissionDenied, "RPC_WITHOUT_ROLES"));

        for (account, expected) in [("al ice", "ACCOUNT_INVALID"), ("alice;roles=king", "ROLE_UNKNOWN")] {
            let refused = echo(&peer.with_account(account).unwrap(), "caller").await.unwrap_err();
            assert_eq!((refused.code(), reason(&refused).as_str()), (Code::Unauthenticated, expected));
        }
    }
}

#[tokio::test]
async fn a_call_without_an_account_is_refused_and_says_how_to_give_one() {
    let both = both(ServerConfig::default(), Echo::default()).await;
    let refused = echo(&bare_channel(&both), "caller").await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::Unauthenticated, "ACCOUNT_MISSING"));
    assert!(refused.message().contains(client::ACCOUNT_HEADER), "{}", refused.message());
}

#[tokio::test]
async fn what_is_public_is_for_whoever_shows_nothing_and_not_for_whoever_shows_what_is_wrong() {
    let both = both(ServerConfig::default(), Echo::default()).await;
    let told = call(&bare_channel(&both), "PublishedEcho", text("caller")).await.unwrap();
    assert_eq!(told, "nobody as ", "in no role");
    for peer in &both.peers {
        assert_eq!(
            call(&peer.with_account("bob;roles=approver").unwrap(), "PublishedEcho", text("caller")).await.unwrap(),
            "bob as approver"
        );
        let refused =
            call(&peer.with_account("bob;roles=king").unwrap(), "PublishedEcho", text("caller")).await.unwrap_err();
        assert_eq!((refused.code(), reason(&refused).as_str()), (Code::Unauthenticated, "ROLE_UNKNOWN"));
    }
}

/// A client that adds nothing of its own: neither account nor deadline.
fn bare_channel(both: &Both) -> Channel {
    Endpoint::from_shared(both.running.url.clone()).expect("a URL").connect_lazy()
}

fn as_alice(mut request: Request<Text>) -> Request<Text> {
    request.metadata_mut().insert(client::ACCOUNT_HEADER, "alice".parse().expect("a header"));
    request
}

#[test]
fn the_header_of_the_caller_is_the_one_that_servers_read() {
    assert_eq!(client::ACCOUNT_HEADER, identity::ACCOUNT_HEADER);
}

#[tokio::test]
async fn an_expired_deadline_is_deadline_exceeded() {
    let both = both(ServerConfig::default(), Echo::default()).await;
    for peer in &both.peers {
        let started = Instant::now();
        let late = call(peer, "GetEcho", within("hang", Duration::from_millis(60))).await.unwrap_err();
        assert_eq!((late.code(), reason(&late).as_str()), (Code::DeadlineExceeded, "DEADLINE_EXCEEDED"));
        assert!(started.elapsed() < Duration::from_secs(5));
    }
}

#[tokio::test]
async fn without_a_deadline_a_unary_call_gets_the_servers_and_a_stream_none() {
    let config = ServerConfig { deadline_default: Duration::from_millis(60), ..ServerConfig::default() };
    let both = both(config, Echo::default()).await;
    let channel = bare_channel(&both);
    let late = call(&channel, "GetEcho", as_alice(text("hang"))).await.unwrap_err();
    assert_eq!((late.code(), reason(&late).as_str()), (Code::DeadlineExceeded, "DEADLINE_EXCEEDED"));
    let mut ticks = watch(&channel, as_alice(text("deadline_ms"))).await.unwrap();
    assert_eq!(ticks.message().await.unwrap().unwrap().text, "none");
}

#[tokio::test]
async fn a_longer_deadline_than_the_server_allows_is_cut_down() {
    let config = ServerConfig { deadline_max: Duration::from_secs(5), ..ServerConfig::default() };
    let both = both(config, Echo::default()).await;
    for peer in &both.peers {
        let left = call(peer, "GetEcho", within("deadline_ms", Duration::from_secs(3_600))).await.unwrap();
        assert!((4_000..=5_000).contains(&left.parse().unwrap()), "{left}");
    }
}

#[tokio::test]
async fn a_call_made_by_a_handler_has_what_is_left_less_a_margin() {
    let inner = routes(ServerConfig::default(), Echo::default());
    let inner = Peer::local("inner", inner, "relay;roles=service", PeerConfig::default()).unwrap();
    let both = both(ServerConfig::default(), Echo { peer: Some(inner), ..Echo::default() }).await;
    for peer in &both.peers {
        let left = call(peer, "GetEcho", within("relay deadline_ms", Duration::from_secs(4))).await.unwrap();
        assert!((3_000..=3_980).contains(&left.parse().unwrap()), "{left}");
        assert_eq!(echo(peer, "relay caller").await.unwrap(), "relay as service");
        let late = call(peer, "GetEcho", within("relay hang", Duration::from_millis(200))).await.unwrap_err();
        assert_eq!(late.code(), Code::DeadlineExceeded);
    }
}

#[tokio::test]
async fn a_stream_has_the_deadline_that_its_client_sends() {
    let both = both(ServerConfig::default(), Echo::default()).await;
    for peer in &both.peers {
        let mut ticks = watch(peer, within("one and wait", Duration::from_millis(400))).await.unwrap();
        assert_eq!(ticks.message().await.unwrap().unwrap().text, "one");
        let late = ticks.message().await.unwrap_err();
        assert_eq!((late.code(), reason(&late).as_str()), (Code::DeadlineExceeded, "DEADLINE_EXCEEDED"));
    }
}

#[tokio::test]
async fn a_stream_that_always_has_more_is_cut_at_its_deadline_too() {
    let both = both(ServerConfig::default(), Echo::default()).await;
    for peer in &both.peers {
        let mut ticks = watch(peer, within("then flood", Duration::from_millis(400))).await.unwrap();
        let late = loop {
            match ticks.message().await {
                Ok(tick) => assert_eq!(tick.unwrap().text.len(), 16 << 10),
                Err(late) => break late,
            }
        };
        assert_eq!(late.code(), Code::DeadlineExceeded);
    }
}

/// The refusal of a call for which `hanging` leaves no place.
async fn shed_beside(hanging: &mut (impl Future + Unpin), peer: &Peer) -> Status {
    loop {
        assert!(poll!(&mut *hanging).is_pending());
        // Over a socket the other takes its place a little later.
        if let Err(shed) = echo(peer, "caller").await {
            return shed;
        }
    }
}

#[tokio::test]
async fn calls_above_the_limit_are_shed_at_once_and_health_is_not() {
    let config = ServerConfig { calls_in_flight_max: 1, ..ServerConfig::default() };
    let both = both(config, Echo::default()).await;
    for peer in &both.peers {
        let mut hanging = Box::pin(echo(peer, "hang"));
        let shed = shed_beside(&mut hanging, peer).await;
        assert_eq!((shed.code(), reason(&shed).as_str()), (Code::ResourceExhausted, "OVERLOADED"));
        assert_eq!(Explained::from(&shed).retry_after, Some(Duration::from_millis(200)));
        let mut health = tonic_health::pb::health_client::HealthClient::new(peer.clone());
        assert!(health.check(tonic_health::pb::HealthCheckRequest::default()).await.is_ok());

        drop(hanging);
        while echo(peer, "caller").await.is_err() {}
    }
}

#[tokio::test]
async fn reads_have_a_limit_of_their_own_and_leave_room_for_changes() {
    // The second place among the calls is for the change, where a refused read gave it back.
    let config = ServerConfig { reads_in_flight_max: 1, calls_in_flight_max: 2, ..ServerConfig::default() };
    let both = both(config, Echo::default()).await;
    for peer in &both.peers {
        let mut hanging = Box::pin(echo(peer, "hang"));
        let shed = shed_beside(&mut hanging, peer).await;
        assert_eq!((shed.code(), reason(&shed).as_str()), (Code::ResourceExhausted, "OVERLOADED"));
        assert!(call(peer, "SayEcho", text("caller")).await.is_ok(), "a change is no read");
        assert!(watch(peer, text("ticks")).await.is_ok(), "nor is a watch");

        drop(hanging);
        while echo(peer, "caller").await.is_err() {}
    }
}

#[tokio::test]
async fn half_a_request_and_an_unread_reply_hold_no_place_among_reads() {
    let config = ServerConfig { reads_in_flight_max: 1, ..ServerConfig::default() };
    let both = both(config, Echo::default()).await;
    for peer in &both.peers {
        let path = || PathAndQuery::from_static("/test.EchoService/GetEcho");
        let mut grpc = tonic::client::Grpc::new(peer.clone());
        grpc.ready().await.unwrap();
        let endless = stream::once(async { Text { text: "caller".to_owned() } }).chain(stream::pending());
        let mut half =
            Box::pin(grpc.client_streaming(Request::new(endless), path(), ProstCodec::<Text, Text>::default()));
        assert!(poll!(&mut half).is_pending());
        echo(peer, "caller").await.unwrap();
        assert!(poll!(&mut half).is_pending());
        drop(half);

        let mut grpc = tonic::client::Grpc::new(peer.clone());
        grpc.ready().await.unwrap();
        let unread =
            grpc.server_streaming(text("size 100"), path(), ProstCodec::<Text, Text>::default()).await.unwrap();
        echo(peer, "caller").await.unwrap();
        assert_eq!(unread.into_inner().message().await.unwrap().unwrap().text.len(), 100);
    }
}

#[tokio::test]
async fn a_panic_costs_one_call_and_names_its_trace() {
    let both = both(ServerConfig::default(), Echo::default()).await;
    for peer in &both.peers {
        let failed = echo(peer, "panic").await.unwrap_err();
        assert_eq!((failed.code(), reason(&failed).as_str()), (Code::Internal, "INTERNAL"));
        assert!(!failed.message().contains("as told"), "{}", failed.message());
        let trace_id = &Explained::from(&failed).metadata["trace_id"];
        assert_eq!(trace_id.len(), 32);
        assert!(failed.message().contains(trace_id.as_str()), "{}", failed.message());

        let mut ticks = watch(peer, text("then panic")).await.unwrap();
        assert_eq!(ticks.message().await.unwrap_err().code(), Code::Internal);
        assert!(echo(peer, "caller").await.is_ok());
    }
}

#[tokio::test]
async fn a_message_over_the_limit_is_refused_with_both_figures() {
    let both = both(ServerConfig::default(), Echo::default()).await;
    for peer in &both.peers {
        let large = "x".repeat(5 << 20);
        let refused = echo(peer, &large).await.unwrap_err();
        assert_eq!((refused.code(), reason(&refused).as_str()), (Code::ResourceExhausted, "MESSAGE_TOO_LARGE"));
        assert_eq!(Explained::from(&refused).metadata["bytes_max"], "4194304");

        let refused = echo(peer, "size 5000000").await.unwrap_err();
        assert_eq!((refused.code(), reason(&refused).as_str()), (Code::ResourceExhausted, "REPLY_TOO_LARGE"));
        let mut ticks = watch(peer, text("then large")).await.unwrap();
        let refused = loop {
            match ticks.message().await {
                Ok(tick) => assert_eq!(tick.unwrap().text, "one"),
                Err(refused) => break refused,
            }
        };
        assert_eq!(reason(&refused), "REPLY_TOO_LARGE");

        assert_eq!(echo(peer, "size 4000000").await.unwrap().len(), 4_000_000);
        assert_eq!(echo(peer, &"x".repeat(4_000_000)).await.unwrap().len(), 4_000_000);
    }
}

#[tokio::test]
async fn errors_that_are_not_ours_have_an_error_info_too() {
    let both = both(ServerConfig::default(), Echo::default()).await;
    for peer in &both.peers {
        let garbled = call(peer, "GetEcho", Request::new(Number { number: 7 })).await.unwrap_err();
        assert_eq!((garbled.code(), reason(&garbled).as_str()), (Code::InvalidArgument, "MESSAGE_INVALID"));
        let unknown = call(peer, "Nonsense", text("")).await.unwrap_err();
        assert_eq!((unknown.code(), reason(&unknown).as_str()), (Code::Unimplemented, "RPC_UNKNOWN"));
        let bare = echo(peer, "bare").await.unwrap_err();
        assert_eq!((bare.code(), reason(&bare).as_str()), (Code::FailedPrecondition, "FAILED_PRECONDITION"));
        assert_eq!(bare.message(), "without details");
    }
}

#[tokio::test]
async fn what_is_unavailable_is_tried_again_and_nothing_else_is() {
    let quick = PeerConfig { backoff_first: Duration::from_millis(2), ..PeerConfig::default() };
    for place in 0..2 {
        let service = Echo::default();
        let calls = Arc::clone(&service.calls);
        let both = both_with(ServerConfig::default(), service, quick.clone()).await;
        let peer = &both.peers[place];
        assert_eq!(echo(peer, "flaky 3").await.unwrap(), "after 3");
        calls.store(0, Ordering::Relaxed);
        let down = echo(peer, "flaky 1000").await.unwrap_err();
        assert_eq!((down.code(), calls.load(Ordering::Relaxed)), (Code::Unavailable, 4));
        calls.store(0, Ordering::Relaxed);
        assert_eq!(echo(peer, "aborted").await.unwrap_err().code(), Code::Aborted);
        assert_eq!(calls.load(Ordering::Relaxed), 1);
    }
}

/// Sixteen attempts, were each layer to make four.
#[tokio::test]
async fn of_several_layers_one_tries_again() {
    let quick = PeerConfig { backoff_first: Duration::from_millis(2), ..PeerConfig::default() };
    for place in 0..2 {
        let far = Echo::default();
        let calls = Arc::clone(&far.calls);
        let far = both_with(ServerConfig::default(), far, quick.clone()).await;
        let middle = Echo { peer: Some(far.peers[place].clone()), ..Echo::default() };
        let middle = both_with(ServerConfig::default(), middle, quick.clone()).await;
        let near = Echo { peer: Some(middle.peers[place].clone()), ..Echo::default() };
        let near = both_with(ServerConfig::default(), near, quick.clone()).await;
        let down = echo(&near.peers[place], "relay relay flaky 1000").await.unwrap_err();
        assert_eq!((down.code(), calls.load(Ordering::Relaxed)), (Code::Unavailable, 4));
        calls.store(0, Ordering::Relaxed);
        assert_eq!(echo(&near.peers[place], "relay relay flaky 3").await.unwrap(), "after 3");
    }
}

#[tokio::test]
async fn retries_end_with_the_budget() {
    let config = PeerConfig {
        backoff_first: Duration::from_millis(1),
        retries_per_call: 0.0,
        retries_saved_max: 5,
        ..PeerConfig::default()
    };
    let service = Echo::default();
    let calls = Arc::clone(&service.calls);
    let both = both_with(ServerConfig::default(), service, config).await;
    for _ in 0..10 {
        assert!(echo(&both.peers[0], "flaky 1000").await.is_err());
    }
    assert_eq!(calls.load(Ordering::Relaxed), 10 + 5);
}

#[tokio::test]
async fn a_peer_that_is_not_there_is_unavailable_and_named() {
    let config = PeerConfig { backoff_first: Duration::from_millis(1), ..PeerConfig::default() };
    let nobody = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", nobody.local_addr().unwrap());
    drop(nobody);
    let peer = Peer::remote(&url, "alice", config).unwrap();
    let down = echo(&peer, "caller").await.unwrap_err();
    assert_eq!((down.code(), reason(&down).as_str()), (Code::Unavailable, "PEER_UNAVAILABLE"));
    assert!(down.message().contains(&url) && down.message().contains("refused"), "{}", down.message());
}

#[tokio::test]
async fn a_local_call_spawns_nothing() {
    let routes = routes(ServerConfig::default(), Echo::default());
    let peer = Peer::local("echo", routes, "alice", PeerConfig::default()).unwrap();
    let tasks = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
    let before = tasks();
    let mut hanging = Box::pin(echo(&peer, "hang"));
    assert!(poll!(&mut hanging).is_pending());
    let mut ticks = watch(&peer, text("one and wait")).await.unwrap();
    assert_eq!(ticks.message().await.unwrap().unwrap().text, "one");
    assert_eq!(tasks(), before);
}

#[tokio::test]
async fn a_call_that_its_client_drops_is_counted_as_cancelled() {
    let routes = routes(ServerConfig::default(), Echo::default());
    let peer = Peer::local("echo", routes, "alice", PeerConfig::default()).unwrap();
    let cancelled = || telemetry::RpcMetrics::of("test.EchoService/SayEcho").read();
    let before = cancelled();
    let mut hanging = Box::pin(call(&peer, "SayEcho", text("hang")));
    assert!(poll!(&mut hanging).is_pending());
    assert_eq!(cancelled().active, before.active + 1);
    drop(hanging);
    assert_eq!(cancelled().active, before.active);
    assert_eq!(cancelled().calls[Code::Cancelled as usize], before.calls[Code::Cancelled as usize] + 1);
}

#[test]
fn what_is_no_url_and_no_account_is_refused() {
    assert!(Peer::remote("not a url", "alice", PeerConfig::default()).is_err());
}

#[tokio::test]
async fn a_refused_call_is_counted_by_its_refusal() {
    let routes = routes(ServerConfig::default(), Echo::default());
    let peer = Peer::local("echo", routes, "bob;roles=approver", PeerConfig::default()).unwrap();
    let denied = || telemetry::RpcMetrics::of("test.EchoService/CountEcho").read();
    let before = denied();
    let refused = call(&peer, "CountEcho", text("")).await.unwrap_err();
    let code = refused.code() as usize;
    assert_eq!(denied().calls[code], before.calls[code] + 1);
    assert_eq!(denied().active, before.active);
    assert_eq!(denied().calls[Code::Cancelled as usize], before.calls[Code::Cancelled as usize]);
}

//! CheckAccess and GetPractice allocate nothing beyond their replies. A process of its own, since its allocator counts.

#![expect(clippy::unwrap_used, reason = "what helps a test may fail it")]

#[expect(dead_code, reason = "one of its files is enough here")]
#[path = "suite/files.rs"]
mod files;

use allocation_counter::measure;
use authority::Authority;
use client::{Peer, PeerConfig};
use clock::Clock;
use futures_util::FutureExt as _;
use http_body_util::{BodyExt as _, Full};
use identity::DevelopmentCaller;
use jiff::Timestamp;
use journal::{EngineConfig, Journal};
use practice_registry::{Config, Limits, PracticeRegistry};
use proto::registry::v1 as wire;
use proto::registry::v1::import_directory_request::Part;
use proto::registry::v1::practice_registry_service_client::PracticeRegistryServiceClient;
use server::{Routes, Server, ServerConfig};
use tonic::body::Body;
use tonic::codegen::Service as _;
use tonic::codegen::http::Request;

/// The message; the headers and the trailers, each a table and its entries.
const ALLOCATIONS: u64 = 5;

async fn registry() -> Routes {
    let (clock, _) = Clock::manual("2031-06-02T08:00:00Z".parse::<Timestamp>().unwrap());
    let config =
        Config { journal: Journal::memory(), clock, engine: EngineConfig::default(), limits: Limits::default() };
    let registry = PracticeRegistry::open(config).await.unwrap();
    let server = Server::new(ServerConfig::default(), DevelopmentCaller, Authority::standard());
    let routes = registry.add_to(server).build().unwrap();
    let peer = Peer::local("registry", routes.clone(), "alice", PeerConfig::default()).unwrap();
    let header = wire::ImportHeader {
        format: wire::DirectoryFormat::Map.into(),
        request_id: "import".to_owned(),
        ..Default::default()
    };
    let parts = [Part::Header(header), Part::Data(files::map().into_bytes().into())];
    let parts = parts.map(|part| wire::ImportDirectoryRequest { part: Some(part) });
    let mut client = PracticeRegistryServiceClient::new(peer);
    client.import_directory(futures_util::stream::iter(parts)).await.unwrap();
    routes
}

/// Each RPC with its request as it goes on the wire: `ods_code = "A81001"`, `name = "practices/A81001"`.
const AT_ONCE: [(&str, &[u8]); 2] =
    [("CheckAccess", b"\0\0\0\0\x08\x0a\x06A81001"), ("GetPractice", b"\0\0\0\0\x12\x0a\x10practices/A81001")];

fn request((rpc, body): (&str, &'static [u8])) -> Request<Body> {
    Request::post(format!("http://registry/citizens_access.registry.v1.PracticeRegistryService/{rpc}"))
        .header("content-type", "application/grpc")
        .header("x-citizens-access-account", "alice")
        .body(Body::new(Full::from(body)))
        .unwrap()
}

/// The status, from the trailers.
fn call(routes: &mut Routes, request: Request<Body>) -> Option<u8> {
    let mut reply = routes.call(request).now_or_never()?.ok()?.into_body();
    let message = reply.frame().now_or_never()??.ok()?.into_data().ok()?;
    let trailers = reply.frame().now_or_never()??.ok()?.into_trailers().ok()?;
    assert!(message.len() > 5, "a prefix and a message");
    trailers.get("grpc-status")?.as_bytes().first().copied()
}

#[tokio::test]
async fn a_look_up_allocates_its_reply_and_nothing_else() {
    let mut routes = registry().await;
    for asked in AT_ONCE {
        // The caller is read once for each thread, and what is told of a practice is encoded once.
        assert_eq!(call(&mut routes, request(asked)), Some(b'0'));
        let request = request(asked);
        let mut status = None;
        let allocated = measure(|| status = call(&mut routes, request));
        assert_eq!(status, Some(b'0'));
        assert_eq!(allocated.count_total, ALLOCATIONS, "{}: {allocated:?}", asked.0);
    }
}

//! A collector that is not beside the service: over TLS, by certificates that are renewed, and packed.

use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::Duration;

use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::service::TowerToHyperService;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{TraceService, TraceServiceServer};
use opentelemetry_proto::tonic::collector::trace::v1::{ExportTraceServiceRequest, ExportTraceServiceResponse};
use telemetry::Config;
use tls::{Authority, Credentials, Subject};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tonic::codec::CompressionEncoding;
use tonic::service::Routes;
use tonic::{Request, Response, Status};
use tracing::info_span;

const LIFE: Duration = Duration::from_secs(3_600);

/// Whom a connection showed to be, how the request was packed, and the names of its spans.
type Heard = (Option<String>, Option<String>, Vec<String>);

struct Receiving {
    peer: Option<String>,
    heard: Sender<Heard>,
}

#[tonic::async_trait]
impl TraceService for Receiving {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        let packed = request.metadata().get("grpc-encoding").and_then(|value| value.to_str().ok()).map(str::to_owned);
        let spans = request.into_inner().resource_spans.into_iter().flat_map(|resource| resource.scope_spans);
        let names = spans.flat_map(|scope| scope.spans).map(|span| span.name).collect();
        self.heard.send((self.peer.clone(), packed, names)).map_err(|_| Status::unavailable("the test is over"))?;
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

/// A collector with these credentials on a thread of its own: its port, and what it hears.
fn collector(credentials: Credentials) -> (u16, Receiver<Heard>) {
    let (heard, hearing) = mpsc::channel();
    let (bound, port) = mpsc::channel();
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
            bound.send(listener.local_addr().expect("an address").port()).expect("the test waits for it");
            loop {
                let (stream, _) = listener.accept().await.expect("connections come");
                let config = credentials.server_config().expect("it has a certificate");
                // Who does not believe us is gone.
                let Ok(stream) = TlsAcceptor::from(config).accept(stream).await else { continue };
                let peer = tls::peer(stream.get_ref().1.peer_certificates()).and_then(|peer| peer.spiffe_id);
                let receiving = Receiving { peer: peer.map(|id| id.to_string()), heard: heard.clone() };
                let service = TraceServiceServer::new(receiving).accept_compressed(CompressionEncoding::Gzip);
                let routes = TowerToHyperService::new(Routes::new(service).prepare());
                let serving = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
                tokio::spawn(serving.serve_connection(TokioIo::new(stream), routes));
            }
        });
    });
    (port.recv().expect("it was bound"), hearing)
}

// One test: telemetry is started once a process.
#[test]
fn a_collector_elsewhere_is_known_by_its_certificate_shown_ours_and_sent_what_is_packed() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new("ours", LIFE).unwrap();
    let bundle = folder.path().join("ca.pem");
    authority.write_to(&bundle).unwrap();
    let issue = |name: &str, names: &[&str]| {
        let uris = vec![format!("spiffe://citizens-access.test/{name}")];
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        let subject = Subject { uris, names, addresses: Vec::new() };
        authority.issue(&subject, 0, LIFE).unwrap().write_to(folder.path(), name, &bundle).unwrap()
    };
    let (port, hearing) = collector(Credentials::open(issue("collector", &["localhost"])).unwrap());
    issue("registry", &[]);
    let place = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    let variables = |name: &str| match name {
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT" => Some(format!("https://localhost:{port}")),
        "OTEL_EXPORTER_OTLP_COMPRESSION" => Some("gzip".to_owned()),
        "OTEL_EXPORTER_OTLP_CERTIFICATE" => Some(place("ca.pem")),
        "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE" => Some(place("registry.pem")),
        "OTEL_EXPORTER_OTLP_CLIENT_KEY" => Some(place("registry-key.pem")),
        "OTEL_TRACES_SAMPLER" => Some("always_on".to_owned()),
        _ => None,
    };
    let telemetry = telemetry::init(&Config::read("secure-test", variables).unwrap()).unwrap();
    drop(info_span!(parent: None, "work"));
    telemetry.flush();
    let us = Some("spiffe://citizens-access.test/registry".to_owned());
    assert_eq!(hearing.recv().unwrap(), (us, Some("gzip".to_owned()), vec!["work".to_owned()]));
}

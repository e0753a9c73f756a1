//! One trace over every hop, as a collector receives it.

use std::collections::BTreeMap;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;

use client::{Peer, PeerConfig};
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{TraceService, TraceServiceServer};
use opentelemetry_proto::tonic::collector::trace::v1::{ExportTraceServiceRequest, ExportTraceServiceResponse};
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use server::ServerConfig;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Request, Response, Status};
use tracing::{Instrument, info_span};

use crate::echo::{Echo, both, call, echo, routes, text};

struct Collector(Sender<Span>);

#[tonic::async_trait]
impl TraceService for Collector {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        for resource in request.into_inner().resource_spans {
            for span in resource.scope_spans.into_iter().flat_map(|scope| scope.spans) {
                self.0.send(span).map_err(|_| Status::unavailable("the test is over"))?;
            }
        }
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

/// A collector on a thread of its own, its address, and the spans it receives.
fn collector() -> (String, Receiver<Span>) {
    let (received, receiver) = mpsc::channel();
    let (bound, address) = mpsc::channel();
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
            bound.send(listener.local_addr().expect("an address")).expect("the test waits for it");
            tonic::transport::Server::builder()
                .add_service(TraceServiceServer::new(Collector(received)))
                .serve_with_incoming(TcpListenerStream::new(listener))
                .await
                .expect("it serves until the process ends");
        });
    });
    (format!("http://{}", address.recv().expect("it was bound")), receiver)
}

fn kind(span: &Span) -> &'static str {
    match span.kind() {
        SpanKind::Server => "server",
        SpanKind::Client => "client",
        _ => "internal",
    }
}

fn attribute(span: &Span, key: &str) -> String {
    let found = span.attributes.iter().find(|attribute| attribute.key == key);
    let value = found.and_then(|attribute| attribute.value.clone()).and_then(|value| value.value);
    match value {
        Some(opentelemetry_proto::tonic::common::v1::any_value::Value::StringValue(text)) => text,
        other => panic!("{key} of {} is {other:?}", span.name),
    }
}

/// From `span` up to the root: kind and name of each.
fn path_up(spans: &BTreeMap<Vec<u8>, Span>, span: &Span) -> Vec<String> {
    let mut path = vec![format!("{} {}", kind(span), span.name)];
    let mut at = span;
    while let Some(parent) = spans.get(&at.parent_span_id) {
        path.push(format!("{} {}", kind(parent), parent.name));
        at = parent;
    }
    path
}

// One test, since telemetry is started once a process. The other tests of this process may send spans too; they are of
// other traces.
#[tokio::test(flavor = "multi_thread")]
async fn a_trace_goes_over_every_hop_local_and_remote() {
    let (endpoint, received) = collector();
    let variables = move |name: &str| match name {
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT" => Some(endpoint.clone()),
        "OTEL_TRACES_SAMPLER" => Some("parentbased_always_off".to_owned()),
        "OTEL_SEMCONV_STABILITY_OPT_IN" => Some("rpc/dup".to_owned()),
        "RUST_LOG" => Some("off".to_owned()),
        _ => None,
    };
    let telemetry = telemetry::init(&telemetry::Config::read("peer-test", variables).unwrap()).unwrap();

    let inner = Peer::local("inner", routes(ServerConfig::default(), Echo::default()), "relay", PeerConfig::default());
    let both = both(ServerConfig::default(), Echo { peer: Some(inner.unwrap()), ..Echo::default() }).await;
    for peer in &both.peers {
        assert_eq!(
            echo(peer, "traceparent").await.unwrap(),
            "",
            "a read outside a trace is recorded by ratio: here none"
        );
        let said = call(peer, "SayEcho", text("traceparent")).await.unwrap();
        assert!(said.ends_with("-01"), "what changes something is always recorded: {said}");

        let wave = info_span!("wave");
        let traceparent = wave.in_scope(|| telemetry::traceparent().unwrap().trace_id());
        async {
            let relayed = echo(peer, "relay traceparent").await.unwrap();
            assert_eq!(relayed.split('-').nth(1), Some(traceparent.as_str()));
            assert!(call(peer, "SayEcho", text("panic")).await.is_err());
        }
        .instrument(wave)
        .await;
        telemetry.flush();

        let mut spans = BTreeMap::new();
        let mut got = received.recv().unwrap();
        loop {
            if got.trace_id.iter().map(|byte| format!("{byte:02x}")).collect::<String>() == traceparent {
                spans.insert(got.span_id.clone(), got);
            }
            match received.try_recv() {
                Ok(next) => got = next,
                Err(_) => break,
            }
        }
        let mut paths: Vec<Vec<String>> = spans.values().map(|span| path_up(&spans, span)).collect();
        paths.sort_by_key(Vec::len);
        let deepest = [
            "server test.EchoService/GetEcho",
            "client test.EchoService/GetEcho",
            "server test.EchoService/GetEcho",
            "client test.EchoService/GetEcho",
            "internal wave",
        ];
        assert_eq!(paths.last().unwrap(), &deepest);
        assert_eq!(paths.len(), 7, "the wave, four of the relay, two of the panic: {paths:#?}");

        for span in spans.values().filter(|span| span.name == "test.EchoService/SayEcho") {
            assert_eq!(attribute(span, "rpc.system.name"), "grpc");
            assert_eq!(attribute(span, "rpc.method"), "test.EchoService/SayEcho");
            assert_eq!(attribute(span, "rpc.response.status_code"), "INTERNAL");
            assert_eq!(attribute(span, "error.type"), "INTERNAL");
            assert_eq!(attribute(span, "rpc.service"), "test.EchoService", "a former name, as asked for");
            assert_eq!(span.status.as_ref().unwrap().code(), StatusCode::Error);
        }
        let relayed = spans.values().find(|span| span.name == "test.EchoService/GetEcho").unwrap();
        assert_eq!(attribute(relayed, "rpc.response.status_code"), "OK");
    }
}

//! Spans and counters as a collector receives them.

use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::Duration;

use http::HeaderMap;
use opentelemetry_proto::tonic::collector::metrics::v1::metrics_service_server::{
    MetricsService, MetricsServiceServer,
};
use opentelemetry_proto::tonic::collector::metrics::v1::{ExportMetricsServiceRequest, ExportMetricsServiceResponse};
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{TraceService, TraceServiceServer};
use opentelemetry_proto::tonic::collector::trace::v1::{ExportTraceServiceRequest, ExportTraceServiceResponse};
use opentelemetry_proto::tonic::metrics::v1::{Metric, metric};
use opentelemetry_proto::tonic::trace::v1::Span;
use telemetry::{Config, Importance, RequestTrace, RpcMetrics};
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Request, Response, Status};
use tracing::info_span;

#[derive(Clone)]
struct Collector {
    traces: Sender<ExportTraceServiceRequest>,
    metrics: Sender<ExportMetricsServiceRequest>,
}

#[tonic::async_trait]
impl TraceService for Collector {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        self.traces.send(request.into_inner()).map_err(|_| Status::unavailable("the test is over"))?;
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

#[tonic::async_trait]
impl MetricsService for Collector {
    async fn export(
        &self,
        request: Request<ExportMetricsServiceRequest>,
    ) -> Result<Response<ExportMetricsServiceResponse>, Status> {
        self.metrics.send(request.into_inner()).map_err(|_| Status::unavailable("the test is over"))?;
        Ok(Response::new(ExportMetricsServiceResponse::default()))
    }
}

/// A collector on a thread of its own, its address, and what it receives.
fn collector() -> (String, Receiver<ExportTraceServiceRequest>, Receiver<ExportMetricsServiceRequest>) {
    let (traces, received_traces) = mpsc::channel();
    let (metrics, received_metrics) = mpsc::channel();
    let collector = Collector { traces, metrics };
    let (bound, address) = mpsc::channel();
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
            let address = listener.local_addr().expect("an address");
            bound.send(format!("http://{address}")).expect("the test waits for it");
            tonic::transport::Server::builder()
                .add_service(TraceServiceServer::new(collector.clone()))
                .add_service(MetricsServiceServer::new(collector))
                .serve_with_incoming(TcpListenerStream::new(listener))
                .await
                .expect("it serves until the process ends");
        });
    });
    (address.recv().expect("it was bound"), received_traces, received_metrics)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

// One test: telemetry is started once a process.
#[test]
fn recorded_requests_reach_the_collector_and_quiet_ones_build_no_span() {
    const APPROVAL: &str = "00-11111111111111111111111111111111-2222222222222222-01";
    const CALL: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let (endpoint, received, received_metrics) = collector();
    let variables = move |name: &str| match name {
        "OTEL_EXPORTER_OTLP_ENDPOINT" => Some(endpoint.clone()),
        "OTEL_TRACES_SAMPLER" => Some("parentbased_always_off".to_owned()),
        _ => None,
    };
    let config = Config::read("telemetry-test", variables).unwrap();
    assert!(!telemetry::is_recorded(Importance::Change, &HeaderMap::new()), "nobody listens yet");
    let telemetry = telemetry::init(&config).unwrap();
    assert!(telemetry::init(&config).is_err(), "a second start is refused");

    let mut headers = HeaderMap::new();
    assert!(!telemetry::is_recorded(Importance::Read, &headers));
    assert!(telemetry::is_recorded(Importance::Change, &headers));
    headers.insert("traceparent", CALL.parse().unwrap());
    headers.insert("tracestate", "vendor=7".parse().unwrap());
    assert!(telemetry::is_recorded(Importance::Read, &headers), "its caller records");

    let span = info_span!(parent: None, "rpc", otel.kind = "server", trace_id = tracing::field::Empty);
    telemetry::set_parent(&span, &headers);
    let mut outgoing = HeaderMap::new();
    let request = RequestTrace::Recorded(span);
    {
        let _poll = request.enter();
        let wave = info_span!("wave");
        telemetry::link(&wave, APPROVAL);
        let _wave = wave.enter();
        telemetry::inject(&mut outgoing);
        assert_eq!(telemetry::trace_id(), "0af7651916cd43dd8448eb211c80319c");
    }
    let RequestTrace::Recorded(rpc_span) = request else { panic!("it is recorded") };
    let quiet = RequestTrace::quiet(&HeaderMap::new());
    {
        let _poll = quiet.enter();
        assert!(info_span!("of a quiet request").is_disabled());
    }
    let metrics = RpcMetrics::of("test.Service/Get");
    metrics.begin();
    metrics.end(5, Duration::from_millis(250), &rpc_span);
    drop(rpc_span);
    drop(telemetry);

    let export = received.recv().unwrap();
    assert!(received.try_recv().is_err(), "everything came at once");
    let resource = export.resource_spans[0].resource.as_ref().unwrap();
    assert!(resource.attributes.iter().any(|attribute| {
        attribute.key == "service.name" && format!("{:?}", attribute.value).contains("telemetry-test")
    }));
    let spans: Vec<&Span> = export.resource_spans[0].scope_spans.iter().flat_map(|scope| &scope.spans).collect();
    let names: Vec<&str> = spans.iter().map(|span| span.name.as_str()).collect();
    assert_eq!(names, ["wave", "rpc"]);
    let [wave, rpc] = spans[..] else { panic!("two spans") };
    assert_eq!(hex(&rpc.trace_id), "0af7651916cd43dd8448eb211c80319c");
    assert_eq!(hex(&rpc.parent_span_id), "b7ad6b7169203331");
    assert_eq!(wave.trace_id, rpc.trace_id);
    assert_eq!(wave.parent_span_id, rpc.span_id);
    assert_eq!(hex(&wave.links[0].trace_id), "1".repeat(32));
    assert_eq!(hex(&wave.links[0].span_id), "2".repeat(16));
    let injected = format!("00-0af7651916cd43dd8448eb211c80319c-{}-01", hex(&wave.span_id));
    assert_eq!(outgoing["traceparent"], injected.as_str());
    assert_eq!(outgoing["tracestate"], "vendor=7");

    // The second start, which was refused, has sent some too.
    let export = received_metrics.try_iter().last().expect("the last metrics were waited for");
    let metrics: Vec<&Metric> =
        export.resource_metrics[0].scope_metrics.iter().flat_map(|scope| &scope.metrics).collect();
    let found = metrics.iter().find(|metric| metric.name == "rpc.server.call.duration").expect("it was measured");
    let Some(metric::Data::Histogram(histogram)) = &found.data else { panic!("it is a histogram: {found:?}") };
    let point = &histogram.data_points[0];
    let text = format!("{:?}", point.attributes);
    assert!(text.contains("test.Service/Get") && text.contains("NOT_FOUND"), "{text}");
    assert_eq!((point.count, point.sum), (1, Some(0.25)));
    assert_eq!(hex(&point.exemplars[0].trace_id), "0af7651916cd43dd8448eb211c80319c", "a slow call leads to its trace");
    assert_eq!(point.exemplars[0].span_id, rpc.span_id);
}

//! A real OTLP/gRPC collector on loopback that keeps the spans it receives, and the last metrics of each service.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use opentelemetry_proto::tonic::collector::metrics::v1::metrics_service_server::{
    MetricsService, MetricsServiceServer,
};
use opentelemetry_proto::tonic::collector::metrics::v1::{ExportMetricsServiceRequest, ExportMetricsServiceResponse};
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{TraceService, TraceServiceServer};
use opentelemetry_proto::tonic::collector::trace::v1::{ExportTraceServiceRequest, ExportTraceServiceResponse};
use opentelemetry_proto::tonic::trace::v1::Span;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::codec::CompressionEncoding;
use tonic::{Request, Response, Status};

/// The collector.
pub(crate) struct Collector {
    address: SocketAddr,
    spans: Arc<Mutex<Vec<Seen>>>,
    metrics: Arc<Mutex<Vec<ExportMetricsServiceRequest>>>,
    received: watch::Receiver<u64>,
    serving: tokio::task::JoinHandle<()>,
}

/// A span, and the service it is of.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) service: String,
    pub(crate) span: Span,
}

#[derive(Clone)]
struct Receiver {
    spans: Arc<Mutex<Vec<Seen>>>,
    metrics: Arc<Mutex<Vec<ExportMetricsServiceRequest>>>,
    received: Arc<watch::Sender<u64>>,
}

impl Collector {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
        let address = listener.local_addr().expect("it is bound");
        let spans = Arc::new(Mutex::new(Vec::new()));
        let metrics = Arc::new(Mutex::new(Vec::new()));
        let (sender, received) = watch::channel(0);
        let receiver =
            Receiver { spans: Arc::clone(&spans), metrics: Arc::clone(&metrics), received: Arc::new(sender) };
        let serving = tokio::spawn(async move {
            let traces = TraceServiceServer::new(receiver.clone()).accept_compressed(CompressionEncoding::Gzip);
            let metrics = MetricsServiceServer::new(receiver).accept_compressed(CompressionEncoding::Gzip);
            let server = tonic::transport::Server::builder().add_service(traces).add_service(metrics);
            server.serve_with_incoming(TcpListenerStream::new(listener)).await.expect("it serves until it is dropped");
        });
        Self { address, spans, metrics, received, serving }
    }

    /// `127.0.0.1:PORT`
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The standard variables that make a program send its spans here, soon.
    pub(crate) fn environment(&self) -> Vec<(String, String)> {
        sending_to(self.address, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
    }

    /// Those that make it send spans and metrics, and of reads everything.
    pub(crate) fn environment_of_everything(&self) -> Vec<(String, String)> {
        everything_to(self.address)
    }

    /// All spans received so far.
    pub(crate) fn spans(&self) -> Vec<Seen> {
        self.spans.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// All metrics received so far.
    pub(crate) fn metrics(&self) -> Vec<ExportMetricsServiceRequest> {
        self.metrics.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until the metrics received so far satisfy `wanted`.
    pub(crate) async fn until_metrics(
        &mut self,
        patience: Duration,
        wanted: impl Fn(&[ExportMetricsServiceRequest]) -> bool,
    ) {
        let seen = Arc::clone(&self.metrics);
        let now = || seen.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let waited = tokio::time::timeout(patience, self.received.wait_for(|_| wanted(&now()))).await;
        assert!(waited.is_ok(), "the metrics that were waited for did not come in {patience:?}");
    }

    /// Waits until the spans received so far satisfy `wanted`; what they were, if they do not within `patience`.
    pub(crate) async fn until(
        &mut self,
        patience: Duration,
        wanted: impl Fn(&[Seen]) -> bool,
    ) -> Result<Vec<Seen>, Vec<Seen>> {
        let seen = Arc::clone(&self.spans);
        let now = || seen.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let waited = tokio::time::timeout(patience, self.received.wait_for(|_| wanted(&now()))).await;
        if waited.is_ok() { Ok(now()) } else { Err(now()) }
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

#[tonic::async_trait]
impl TraceService for Receiver {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        for resource in request.into_inner().resource_spans {
            let service = resource.resource.iter().flat_map(|resource| &resource.attributes);
            let service = service.filter(|attribute| attribute.key == "service.name");
            let service = service.map(|attribute| format!("{:?}", attribute.value)).collect::<String>();
            let spans = resource.scope_spans.into_iter().flat_map(|scope| scope.spans);
            let mut kept = self.spans.lock().unwrap_or_else(PoisonError::into_inner);
            kept.extend(spans.map(|span| Seen { service: service.clone(), span }));
        }
        self.received.send_modify(|count| *count += 1);
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

#[tonic::async_trait]
impl MetricsService for Receiver {
    async fn export(
        &self,
        request: Request<ExportMetricsServiceRequest>,
    ) -> Result<Response<ExportMetricsServiceResponse>, Status> {
        self.metrics.lock().unwrap_or_else(PoisonError::into_inner).push(request.into_inner());
        self.received.send_modify(|count| *count += 1);
        Ok(Response::new(ExportMetricsServiceResponse::default()))
    }
}

/// The standard variables that make a program send spans to a collector at `address`, soon.
fn sending_to(address: SocketAddr, variable: &str) -> Vec<(String, String)> {
    vec![(variable.to_owned(), format!("http://{address}")), ("OTEL_BSP_SCHEDULE_DELAY".to_owned(), "200".to_owned())]
}

/// The same of everything that there is to send.
pub(crate) fn everything_to(address: SocketAddr) -> Vec<(String, String)> {
    let mut environment = sending_to(address, "OTEL_EXPORTER_OTLP_ENDPOINT");
    environment.push(("OTEL_METRIC_EXPORT_INTERVAL".to_owned(), "500".to_owned()));
    environment.push(("OTEL_TRACES_SAMPLER".to_owned(), "always_on".to_owned()));
    environment
}

/// The spans that follow from the trace `trace_id` (hexadecimal): its own, and those of traces that are linked to it,
/// to those, and so on. What it follows from itself is not among them.
pub(crate) fn following(spans: &[Seen], trace_id: &str) -> Vec<Seen> {
    let mut traces = BTreeSet::from([trace_id.to_owned()]);
    loop {
        let before = traces.len();
        for seen in spans {
            if seen.span.links.iter().any(|link| traces.contains(&hex(&link.trace_id))) {
                traces.insert(hex(&seen.span.trace_id));
            }
        }
        if traces.len() == before {
            break;
        }
    }
    spans.iter().filter(|seen| traces.contains(&hex(&seen.span.trace_id))).cloned().collect()
}

/// The trace id within a W3C traceparent.
pub(crate) fn trace_id(traceparent: &str) -> &str {
    traceparent.split('-').nth(1).unwrap_or_default()
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

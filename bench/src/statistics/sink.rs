//! Bare tonic: its own server, one RPC with the messages of RecordEvents, each read by the generated code, counted and answered, and
//! nothing else. The ceiling of ingest.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::{Request, Response};
use http_body::Body;
use proto::statistics::v1 as wire;
use tokio::net::TcpListener;
use tokio_stream::{Stream, StreamExt as _};
use tonic::codegen::{BoxFuture, StdError};
use tonic::server::{Grpc, NamedService, StreamingService};
use tonic::transport::server::TcpIncoming;
use tonic::{Status, Streaming};
use tonic_prost::ProstCodec;

/// Where it is called.
pub(crate) const PATH: &str = "/bench.Sink/RecordEvents";

/// A batch of events is some sixty kilobytes; tonic's default window would hold one.
const WINDOW_BYTES: u32 = 1 << 20;

/// Serves until it is killed.
pub(crate) fn run() -> anyhow::Result<()> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
        let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
        println!("listening on {}", listener.local_addr()?);
        let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
        let server = tonic::transport::Server::builder()
            .initial_stream_window_size(WINDOW_BYTES)
            .initial_connection_window_size(WINDOW_BYTES)
            .add_service(Sink);
        Ok(server.serve_with_incoming(incoming).await?)
    })
}

#[derive(Clone)]
struct Sink;

impl NamedService for Sink {
    const NAME: &'static str = "bench.Sink";
}

impl<B> tower::Service<Request<B>> for Sink
where
    B: Body + Send + 'static,
    B::Error: Into<StdError> + Send + 'static,
{
    type Response = Response<tonic::body::Body>;
    type Error = Infallible;
    type Future = BoxFuture<Self::Response, Infallible>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        Box::pin(async move { Ok(Grpc::new(ProstCodec::default()).streaming(Method, request).await) })
    }
}

struct Method;

impl StreamingService<wire::RecordEventsRequest> for Method {
    type Response = wire::RecordEventsResponse;
    type ResponseStream = Pin<Box<dyn Stream<Item = Result<Self::Response, Status>> + Send>>;
    type Future = BoxFuture<tonic::Response<Self::ResponseStream>, Status>;

    fn call(&mut self, request: tonic::Request<Streaming<wire::RecordEventsRequest>>) -> Self::Future {
        let mut durable_sequence = 0;
        let answers = request.into_inner().map(move |message| {
            let events = message?.events.unwrap_or_default().events;
            durable_sequence += events.len() as u64;
            Ok(wire::RecordEventsResponse { durable_sequence, ..Default::default() })
        });
        Box::pin(async move { Ok(tonic::Response::new(Box::pin(answers) as Self::ResponseStream)) })
    }
}

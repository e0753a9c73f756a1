//! Bare tonic for streams of events: one RPC with the messages of RecordEvents, each read by the generated code, counted and
//! answered, and nothing else. The ceiling of ingest.

use std::convert::Infallible;
use std::pin::Pin;

use http::{Request, Response};
use http_body::Body;
use proto::statistics::v1 as wire;
use tokio_stream::{Stream, StreamExt as _};
use tonic::codegen::{BoxFuture, StdError};
use tonic::server::{Grpc, StreamingService};
use tonic::{Status, Streaming};
use tonic_prost::ProstCodec;

use crate::bare;

/// Where it is called.
pub(crate) const PATH: &str = "/bench.Sink/RecordEvents";

/// A batch of events is some sixty kilobytes; tonic's default window would hold one.
const WINDOW_BYTES: u32 = 1 << 20;

/// Serves until it is killed.
pub(crate) fn run() -> anyhow::Result<()> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
        let server = tonic::transport::Server::builder()
            .initial_stream_window_size(WINDOW_BYTES)
            .initial_connection_window_size(WINDOW_BYTES);
        bare::serve(server, Sink, None).await
    })
}

#[derive(Clone)]
struct Sink;

impl bare::Method for Sink {
    const SERVICE: &'static str = "bench.Sink";

    fn answer<B>(self, request: Request<B>) -> BoxFuture<Response<tonic::body::Body>, Infallible>
    where
        B: Body + Send + 'static,
        B::Error: Into<StdError> + Send + 'static,
    {
        Box::pin(async move { Ok(Grpc::new(ProstCodec::default()).streaming(self, request).await) })
    }
}

impl StreamingService<wire::RecordEventsRequest> for Sink {
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

//! A collector of spans that takes all and keeps nothing.

use std::convert::Infallible;

use http::{Request, Response};
use http_body::Body;
use prost::Message;
use tonic::Status;
use tonic::codegen::{BoxFuture, StdError};
use tonic::server::{Grpc, UnaryService};
use tonic_prost::ProstCodec;

use crate::bare;

/// Serves until it is killed.
pub(crate) fn run() -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(bare::serve(tonic::transport::Server::builder(), Collector, None))
}

#[derive(Clone)]
struct Collector;

/// Whatever it is sent, unread, and all that it answers: everything was taken.
#[derive(Clone, PartialEq, Message)]
struct Export {}

impl bare::Method for Collector {
    const SERVICE: &'static str = "opentelemetry.proto.collector.trace.v1.TraceService";

    fn answer<B>(self, request: Request<B>) -> BoxFuture<Response<tonic::body::Body>, Infallible>
    where
        B: Body + Send + 'static,
        B::Error: Into<StdError> + Send + 'static,
    {
        Box::pin(async move { Ok(Grpc::new(ProstCodec::default()).unary(self, request).await) })
    }
}

impl UnaryService<Export> for Collector {
    type Response = Export;
    type Future = BoxFuture<tonic::Response<Export>, Status>;

    fn call(&mut self, _: tonic::Request<Export>) -> Self::Future {
        Box::pin(async { Ok(tonic::Response::new(Export {})) })
    }
}

//! Bare tonic: its own server, one RPC and nothing else. The ceiling to be held against.
//!
//! Here what every such server is, and the unary one, with a reply of a given size; for streams of events it is
//! [`crate::statistics::sink`].

use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::task::{Context, Poll};

use bytes::Bytes;
use clap::Args;
use http::{Request, Response};
use http_body::Body;
use prost::Message;
use tokio::net::TcpListener;
use tonic::Status;
use tonic::codegen::{BoxFuture, StdError};
use tonic::server::{Grpc, NamedService, UnaryService};
use tonic::transport::server::TcpIncoming;
use tonic_prost::ProstCodec;

use crate::secured::secured;

/// Where it is called.
pub(crate) const PATH: &str = "/bench.Bare/Call";

#[derive(Args, Debug)]
pub(crate) struct BareArguments {
    /// Bytes of each reply's message
    #[arg(long)]
    reply_bytes: usize,
    /// Threads: 1 is tokio's current-thread runtime, more the multi-thread one
    #[arg(long, default_value_t = 1)]
    worker_threads: usize,
    /// A folder of `citizens-access dev-certs`: then it serves over TLS
    #[arg(long)]
    tls: Option<PathBuf>,
}

/// Serves until it is killed.
pub(crate) fn run(arguments: &BareArguments) -> anyhow::Result<()> {
    use tokio::runtime::Builder;
    let mut runtime = match arguments.worker_threads {
        1 => Builder::new_current_thread(),
        count => {
            let mut runtime = Builder::new_multi_thread();
            runtime.worker_threads(count);
            runtime
        }
    };
    runtime.enable_all().build()?.block_on(async {
        let method = Unary(Answer::of_size(arguments.reply_bytes));
        serve(tonic::transport::Server::builder(), method, arguments.tls.as_deref()).await
    })
}

/// The one RPC of a server.
pub(crate) trait Method: Clone + Send + Sync + 'static {
    /// The service that it is of.
    const SERVICE: &'static str;

    /// Answers as tonic's generated code does.
    fn answer<B>(self, request: Request<B>) -> BoxFuture<Response<tonic::body::Body>, Infallible>
    where
        B: Body + Send + 'static,
        B::Error: Into<StdError> + Send + 'static;
}

/// Listens on a port of its own, says where, and serves until it is killed; over TLS with the certificates in `tls`, if given.
pub(crate) async fn serve(
    mut server: tonic::transport::Server,
    method: impl Method,
    tls: Option<&Path>,
) -> anyhow::Result<()> {
    let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
    println!("listening on {}", listener.local_addr()?);
    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
    let server = server.add_service(Bare(method));
    match tls {
        None => Ok(server.serve_with_incoming(incoming).await?),
        Some(folder) => Ok(server.serve_with_incoming(secured(incoming, folder)?).await?),
    }
}

/// Has the fields that a question of ours has, as far as it must be read.
#[derive(Clone, PartialEq, Message)]
struct Question {
    #[prost(string, tag = "1")]
    name: String,
}

#[derive(Clone, PartialEq, Message)]
struct Answer {
    #[prost(bytes = "bytes", tag = "1")]
    payload: Bytes,
}

impl Answer {
    /// An answer whose message has exactly that many bytes, but for the few sizes that no such message has.
    fn of_size(bytes: usize) -> Self {
        let of_payload = |len| Self { payload: vec![b'x'; len].into() };
        let fits = (0..bytes).rev().map(of_payload).find(|answer| answer.encoded_len() <= bytes);
        fits.unwrap_or_default()
    }
}

/// What tonic's generated code makes of a service with one RPC.
#[derive(Clone)]
struct Bare<M>(M);

impl<M: Method> NamedService for Bare<M> {
    const NAME: &'static str = M::SERVICE;
}

impl<M, B> tower::Service<Request<B>> for Bare<M>
where
    M: Method,
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
        self.0.clone().answer(request)
    }
}

#[derive(Clone)]
struct Unary(Answer);

impl Method for Unary {
    const SERVICE: &'static str = "bench.Bare";

    fn answer<B>(self, request: Request<B>) -> BoxFuture<Response<tonic::body::Body>, Infallible>
    where
        B: Body + Send + 'static,
        B::Error: Into<StdError> + Send + 'static,
    {
        Box::pin(async move { Ok(Grpc::new(ProstCodec::default()).unary(self, request).await) })
    }
}

impl UnaryService<Question> for Unary {
    type Response = Answer;
    type Future = BoxFuture<tonic::Response<Answer>, Status>;

    fn call(&mut self, _: tonic::Request<Question>) -> Self::Future {
        let answer = self.0.clone();
        Box::pin(async move { Ok(tonic::Response::new(answer)) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_has_the_size_that_was_asked_for() {
        for bytes in [3, 100, 129, 131, 196, 1_000, 20_000] {
            assert_eq!(Answer::of_size(bytes).encoded_len(), bytes);
        }
    }
}

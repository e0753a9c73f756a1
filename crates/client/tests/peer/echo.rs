//! A small service, a server of it, and peers that call it with and without a socket.

use std::convert::Infallible;
use std::future::pending;
use std::pin::Pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, LazyLock};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use authority::Authority;
use client::{Peer, PeerConfig};
use futures_util::{Stream, StreamExt, stream};
use identity::{Caller, DevelopmentCaller, RoleMatrix};
use prost::Message;
use prost_types::{
    DescriptorProto, FieldDescriptorProto, FileDescriptorProto, FileDescriptorSet, MethodDescriptorProto,
    ServiceDescriptorProto, field_descriptor_proto,
};
use server::{Drained, Routes, ServeError, Server, ServerConfig};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tonic::body::Body;
use tonic::client::GrpcService;
use tonic::codegen::{BoxFuture, StdError};
use tonic::server::{NamedService, ServerStreamingService, UnaryService};
use tonic::{Request, Response, Status};
use tonic_prost::ProstCodec;

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Text {
    #[prost(string, tag = "1")]
    pub(crate) text: String,
}

/// On the wire what no `Text` is.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Number {
    #[prost(uint64, tag = "1")]
    pub(crate) number: u64,
}

/// Does what the text of a request says.
#[derive(Clone, Default)]
pub(crate) struct Echo {
    /// Calls of `flaky` so far.
    pub(crate) calls: Arc<AtomicU32>,
    /// Whom `relay …` calls.
    pub(crate) peer: Option<Peer>,
}

impl Echo {
    async fn answer(self, request: Request<Text>) -> Result<Response<Text>, Status> {
        let caller = Caller::of(&request).clone();
        let command = request.into_inner().text;
        let text = match command.split_once(' ').unwrap_or((&command, "")) {
            ("caller", _) => format!("{} as {}", caller.account, caller.roles),
            ("deadline_ms", _) => {
                let left = api::deadline::current().map(|deadline| deadline - Instant::now());
                left.map_or("none".to_owned(), |left| left.as_millis().to_string())
            }
            ("traceparent", _) => telemetry::traceparent().map_or_else(String::new, |context| context.to_string()),
            ("size", count) => "x".repeat(count.parse().expect("a number")),
            ("hang", _) => pending().await,
            ("work", milliseconds) => {
                tokio::time::sleep(Duration::from_millis(milliseconds.parse().expect("a number"))).await;
                "done".to_owned()
            }
            ("panic", _) => panic!("as told"),
            ("flaky", failures) => {
                let call = self.calls.fetch_add(1, Ordering::Relaxed);
                if call < failures.parse().expect("a number") {
                    return Err(api::Error::unavailable("STARTING", "not yet").into());
                }
                format!("after {call}")
            }
            ("aborted", _) => {
                self.calls.fetch_add(1, Ordering::Relaxed);
                return Err(api::Error::aborted("ETAG_MISMATCH", "changed meanwhile").into());
            }
            ("bare", _) => return Err(Status::failed_precondition("without details")),
            ("relay", inner) => echo(&self.peer.expect("a peer to relay to"), inner).await?,
            _ => command,
        };
        Ok(Response::new(Text { text }))
    }

    fn tick(&self, command: &str) -> Ticks {
        let text = |text: &str| Ok(Text { text: text.to_owned() });
        match command {
            "then panic" => stream::iter(["one"]).map(text).chain(stream::once(async { panic!("as told") })).boxed(),
            "then flood" => stream::repeat("x".repeat(16 << 10)).map(move |tick| text(&tick)).boxed(),
            "then large" => stream::iter(["one".to_owned(), "x".repeat(5 << 20)]).map(move |tick| text(&tick)).boxed(),
            "deadline_ms" => {
                let left = api::deadline::current().map(|deadline| deadline - Instant::now());
                let left = left.map_or("none".to_owned(), |left| left.as_millis().to_string());
                stream::iter([left]).map(move |tick| text(&tick)).boxed()
            }
            _ => stream::iter(["one"]).map(text).chain(stream::pending()).boxed(),
        }
    }
}

type Ticks = Pin<Box<dyn Stream<Item = Result<Text, Status>> + Send>>;

struct EchoMethod(Echo);

impl UnaryService<Text> for EchoMethod {
    type Response = Text;
    type Future = BoxFuture<Response<Text>, Status>;

    fn call(&mut self, request: Request<Text>) -> Self::Future {
        Box::pin(self.0.clone().answer(request))
    }
}

struct TicksMethod(Echo);

impl ServerStreamingService<Text> for TicksMethod {
    type Response = Text;
    type ResponseStream = Ticks;
    type Future = BoxFuture<Response<Ticks>, Status>;

    fn call(&mut self, request: Request<Text>) -> Self::Future {
        let ticks = self.0.tick(&request.into_inner().text);
        Box::pin(async move { Ok(Response::new(ticks)) })
    }
}

impl NamedService for Echo {
    const NAME: &'static str = "test.EchoService";
}

impl<B> tower::Service<http::Request<B>> for Echo
where
    B: http_body::Body + Send + 'static,
    B::Error: Into<StdError> + Send,
{
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<http::Response<Body>, Infallible>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<B>) -> Self::Future {
        let echo = self.clone();
        Box::pin(async move {
            let mut grpc = tonic::server::Grpc::new(ProstCodec::default());
            Ok(match request.uri().path() {
                "/test.EchoService/WatchTicks" => grpc.server_streaming(TicksMethod(echo), request).await,
                _ => grpc.unary(EchoMethod(echo), request).await,
            })
        })
    }
}

pub(crate) static DESCRIPTORS: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let method = |name: &str, server_streaming| MethodDescriptorProto {
        name: Some(name.to_owned()),
        input_type: Some(".test.Text".to_owned()),
        output_type: Some(".test.Text".to_owned()),
        server_streaming: Some(server_streaming),
        ..MethodDescriptorProto::default()
    };
    let field = FieldDescriptorProto {
        name: Some("text".to_owned()),
        number: Some(1),
        label: Some(field_descriptor_proto::Label::Optional.into()),
        r#type: Some(field_descriptor_proto::Type::String.into()),
        ..FieldDescriptorProto::default()
    };
    let text = DescriptorProto { name: Some("Text".to_owned()), field: vec![field], ..DescriptorProto::default() };
    let file = FileDescriptorProto {
        name: Some("test/echo.proto".to_owned()),
        package: Some("test".to_owned()),
        syntax: Some("proto3".to_owned()),
        message_type: vec![text],
        service: vec![ServiceDescriptorProto {
            name: Some("EchoService".to_owned()),
            method: vec![
                method("GetEcho", false),
                method("SayEcho", false),
                method("AuditEcho", false),
                method("CountEcho", false),
                method("UnlistedEcho", false),
                method("PublishedEcho", false),
                method("WatchTicks", true),
            ],
            ..ServiceDescriptorProto::default()
        }],
        ..FileDescriptorProto::default()
    };
    FileDescriptorSet { file: vec![file] }.encode_to_vec()
});

pub(crate) const ROLES: &str = "rpc,roles\ntest.EchoService/GetEcho,any\ntest.EchoService/SayEcho,any\n\
                         test.EchoService/AuditEcho,auditor operator\ntest.EchoService/CountEcho,auditor\ntest.EchoService/WatchTicks,any\n\
                         test.EchoService/PublishedEcho,public\n";

/// The routes of `echo` within `config`.
pub(crate) fn routes(config: ServerConfig, echo: Echo) -> Routes {
    let roles = RoleMatrix::parse(ROLES).expect("a role matrix");
    let authority = Authority::of_roles(&roles);
    let server = Server::new(config, DevelopmentCaller, authority).descriptors(&DESCRIPTORS).service(echo);
    server.build().expect("a server")
}

/// A server on a port of its own.
pub(crate) struct Running {
    pub(crate) url: String,
    stop: oneshot::Sender<()>,
    ended: JoinHandle<Result<Drained, ServeError>>,
}

impl Running {
    pub(crate) async fn start(routes: &Routes) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        Self::on(routes, listener)
    }

    pub(crate) fn on(routes: &Routes, listener: TcpListener) -> Self {
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let (stop, stopped) = oneshot::channel();
        let routes = routes.clone();
        let ended = tokio::spawn(async move { routes.serve(listener, async { drop(stopped.await) }).await });
        Self { url, stop, ended }
    }

    /// Begins the drain.
    pub(crate) fn stop(self) -> JoinHandle<Result<Drained, ServeError>> {
        self.stop.send(()).expect("the server runs");
        self.ended
    }
}

/// The same routes, called within the process and over a socket.
pub(crate) struct Both {
    pub(crate) routes: Routes,
    pub(crate) running: Running,
    pub(crate) peers: [Peer; 2],
}

pub(crate) async fn both(config: ServerConfig, echo: Echo) -> Both {
    both_with(config, echo, PeerConfig::default()).await
}

pub(crate) async fn both_with(config: ServerConfig, echo: Echo, peer: PeerConfig) -> Both {
    let routes = routes(config, echo);
    let running = Running::start(&routes).await;
    let local = Peer::local("echo", routes.clone(), "alice", peer.clone()).expect("a peer");
    let remote = Peer::remote(&running.url, "alice", peer).expect("a peer");
    Both { routes, running, peers: [local, remote] }
}

/// Calls one RPC of the service.
pub(crate) async fn call<C: Callable, M: Message + Default + 'static>(
    callee: &C,
    rpc: &str,
    request: Request<M>,
) -> Result<String, Status> {
    let mut grpc = tonic::client::Grpc::new(callee.clone());
    grpc.ready().await.map_err(|error| Status::from_error(error.into()))?;
    let path = http::uri::PathAndQuery::from_maybe_shared(format!("/test.EchoService/{rpc}")).expect("a path");
    let reply = grpc.unary(request, path, ProstCodec::<M, Text>::default()).await?;
    Ok(reply.into_inner().text)
}

pub(crate) async fn echo(callee: &impl Callable, command: &str) -> Result<String, Status> {
    call(callee, "GetEcho", text(command)).await
}

/// A peer, or a channel of tonic's without one.
pub(crate) trait Callable: GrpcService<Body, ResponseBody = Body, Error: Into<StdError>> + Clone {}

impl<T: GrpcService<Body, ResponseBody = Body, Error: Into<StdError>> + Clone> Callable for T {}

pub(crate) fn text(command: &str) -> Request<Text> {
    Request::new(Text { text: command.to_owned() })
}

/// As [`text`], with a deadline.
pub(crate) fn within(command: &str, deadline: Duration) -> Request<Text> {
    let mut request = text(command);
    request.set_timeout(deadline);
    request
}

pub(crate) async fn watch(callee: &impl Callable, request: Request<Text>) -> Result<tonic::Streaming<Text>, Status> {
    let mut grpc = tonic::client::Grpc::new(callee.clone());
    grpc.ready().await.map_err(|error| Status::from_error(error.into()))?;
    let path = http::uri::PathAndQuery::from_static("/test.EchoService/WatchTicks");
    let reply = grpc.server_streaming(request, path, ProstCodec::<Text, Text>::default()).await?;
    Ok(reply.into_inner())
}

/// The reason in the `ErrorInfo` of a status.
pub(crate) fn reason(status: &Status) -> String {
    api::Explained::from(status).reason
}

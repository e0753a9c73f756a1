//! One connection, from its first bytes to its end.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use http::{Extensions, Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::body::{RequestBody, ResponseBody};
use crate::config::ServerConfig;
use crate::handling::Handling;
use crate::handshake::{self, Failures};
use crate::routes::Routes;

/// What every HTTP/2 client says first (RFC 9113, 3.4).
pub(crate) const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Between two looks at a preface that came in pieces; nearly all come in one.
const PREFACE_INTERVAL: Duration = Duration::from_millis(5);

impl Routes {
    /// Serves one connection that is no socket (a simulated network's), until it ends by itself or this is dropped, within
    /// the limits of any other. Whoever makes it answers for where it comes from.
    pub async fn serve_connection(&self, stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) {
        let connection = Arc::new(Extensions::new());
        let service = Network { routes: self.clone(), connection, drains: CancellationToken::new() };
        let http = builder(&self.shared.config, TaskTracker::new());
        log_end(http.serve_connection(TokioIo::new(stream), service).await);
    }
}

/// What the connections of one listener share.
#[derive(Clone, Debug)]
pub(crate) struct Connections {
    pub(crate) routes: Routes,
    /// GOAWAY, and the end of reply streams.
    pub(crate) drains: CancellationToken,
    /// The end of everything.
    pub(crate) stops: CancellationToken,
    pub(crate) tasks: TaskTracker,
    /// For TLS handshakes at a time.
    pub(crate) handshakes: Arc<Semaphore>,
    pub(crate) failures: Arc<Failures>,
    pub(crate) started: Instant,
}

impl Connections {
    /// Serves `stream` until it ends by itself, by its age, or by the drain; at `age` it is asked to go.
    pub(crate) async fn serve(self, stream: TcpStream, age: Duration) {
        let timeout = self.routes.shared.config.handshake_timeout;
        let Some(credentials) = self.routes.shared.tls.clone() else {
            let greeted = tokio::time::timeout(timeout, preface(&stream));
            tokio::select! {
                () = self.drains.cancelled() => return,
                greeted = greeted => match greeted {
                    Ok(Ok(())) => {}
                    Ok(Err(error)) => return tracing::debug!(%error, "a connection said no hello"),
                    Err(_) => return tracing::debug!("a connection said nothing in time"),
                },
            }
            return self.serve_http(stream, Extensions::new(), age).await;
        };
        let shaking = tokio::time::timeout(timeout, handshake::shake(&credentials, &self.handshakes, stream));
        tokio::select! {
            () = self.drains.cancelled() => {}
            shaken = shaking => match shaken {
                Ok(Ok((stream, known))) => self.serve_http(stream, known, age).await,
                Ok(Err(error)) => self.failures.tell(&error, self.started.elapsed().as_secs()),
                Err(_) => tracing::debug!("a connection did not complete its handshake in time"),
            },
        }
    }

    /// Serves HTTP/2 on `stream`, of which so much is `known`.
    async fn serve_http<S>(self, stream: S, known: Extensions, age: Duration)
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let config = &self.routes.shared.config;
        let service = Network { routes: self.routes.clone(), connection: Arc::new(known), drains: self.drains.clone() };
        let http = builder(config, self.tasks.clone());
        let mut connection = pin!(http.serve_connection(TokioIo::new(stream), service));
        tokio::select! {
            ended = &mut connection => return log_end(ended),
            () = self.stops.cancelled() => return,
            () = self.drains.cancelled() => connection.as_mut().graceful_shutdown(),
            () = tokio::time::sleep(age) => {
                connection.as_mut().graceful_shutdown();
                tokio::select! {
                    ended = &mut connection => return log_end(ended),
                    () = self.stops.cancelled() => return,
                    () = tokio::time::sleep(config.connection_age_grace) => return,
                }
            }
        }
        tokio::select! {
            ended = connection => log_end(ended),
            () = self.stops.cancelled() => {}
        }
    }
}

fn log_end(ended: hyper::Result<()>) {
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection broke");
    }
}

/// Waits for HTTP/2's preface without taking it. An error where something else comes.
async fn preface(stream: &TcpStream) -> io::Result<()> {
    let mut seen = [0; PREFACE.len()];
    loop {
        let count = stream.peek(&mut seen).await?;
        if count == 0 || seen[..count] != PREFACE[..count] {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "not HTTP/2"));
        }
        if count == PREFACE.len() {
            return Ok(());
        }
        tokio::time::sleep(PREFACE_INTERVAL).await;
    }
}

fn builder(config: &ServerConfig, tasks: TaskTracker) -> http2::Builder<Tracked> {
    let mut http = http2::Builder::new(Tracked(tasks));
    http.timer(TokioTimer::new())
        .max_concurrent_streams(config.connection_streams_max)
        .max_header_list_size(config.header_list_bytes_max)
        .max_frame_size(config.frame_bytes_max)
        .initial_stream_window_size(config.stream_window_bytes)
        .initial_connection_window_size(config.connection_window_bytes)
        .max_send_buf_size(config.send_buffer_bytes_max)
        .max_pending_accept_reset_streams(config.pending_reset_streams_max)
        .max_local_error_reset_streams(config.local_error_reset_streams_max)
        .keep_alive_interval(config.keepalive_interval)
        .keep_alive_timeout(config.keepalive_timeout)
        // gRPC has no use for it, and it is formatted for each response.
        .auto_date_header(false);
    http
}

/// Runs the tasks of hyper's streams where the drain can wait for them.
#[derive(Clone, Debug)]
struct Tracked(TaskTracker);

impl<F> hyper::rt::Executor<F> for Tracked
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    fn execute(&self, future: F) {
        self.0.spawn(future);
    }
}

/// The routes as hyper calls them.
struct Network {
    routes: Routes,
    /// What is known of the connection: its client's certificate.
    connection: Arc<Extensions>,
    drains: CancellationToken,
}

impl hyper::service::Service<Request<Incoming>> for Network {
    type Response = Response<ResponseBody>;
    type Error = Infallible;
    type Future = Handling;

    fn call(&self, request: Request<Incoming>) -> Handling {
        self.routes.handle(request.map(RequestBody::network), &self.connection, Some(&self.drains))
    }
}

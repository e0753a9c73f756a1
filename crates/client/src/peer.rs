//! Whom we call, and as whom.

use std::collections::HashMap;
use std::convert::Infallible;
use std::fmt;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::{Arc, PoisonError, RwLock};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response, Uri};
use telemetry::RpcMetrics;
use tls::{Connector, Secure};
use tonic::body::Body;
use tonic::codegen::StdError;
use tonic::transport::{Channel, Endpoint};
use tower::ServiceExt;

use crate::attempt;
use crate::budget::Budget;
use crate::config::PeerConfig;
use crate::proof::Proof;

/// The header that names the caller: `alice`, or `scheduler;roles=service`.
pub const ACCOUNT_HEADER: &str = "x-citizens-access-account";

type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Another service, in this process or elsewhere, called as one account. Cheap to clone; clones share the connection and
/// the budget of retries.
#[derive(Clone)]
pub struct Peer {
    shared: Arc<Shared>,
    proof: Proof,
}

pub(crate) struct Shared {
    pub(crate) name: String,
    pub(crate) transport: Transport,
    pub(crate) config: PeerConfig,
    pub(crate) budget: Budget,
    /// By RPC: found at its first call.
    metrics: RwLock<HashMap<String, Arc<RpcMetrics>>>,
}

impl Shared {
    /// The instruments of calls of `method` to this peer.
    pub(crate) fn metrics(&self, method: &str) -> Arc<RpcMetrics> {
        let known = self.metrics.read().unwrap_or_else(PoisonError::into_inner).get(method).cloned();
        known.unwrap_or_else(|| {
            let metrics = Arc::new(RpcMetrics::of_client(method, &self.name));
            let mut all = self.metrics.write().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(all.entry(method.to_owned()).or_insert(metrics))
        })
    }
}

/// How the peer is reached.
pub(crate) enum Transport {
    Remote(Channel),
    Local(Box<dyn Local>),
}

/// Routes whose type is forgotten.
pub(crate) trait Local: Send + Sync {
    fn call(&self, request: Request<Body>) -> BoxFuture<Response<Body>>;
}

struct Routes<S>(S);

impl<S, B> Local for Routes<S>
where
    S: tower::Service<Request<Body>, Response = Response<B>, Error = Infallible> + Clone + Send + Sync + 'static,
    S::Future: Send,
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<StdError>,
{
    fn call(&self, request: Request<Body>) -> BoxFuture<Response<Body>> {
        let routes = self.0.clone();
        Box::pin(async move {
            let reply = match routes.oneshot(request).await {
                Ok(reply) => reply,
                Err(never) => match never {},
            };
            reply.map(Body::new)
        })
    }
}

impl Transport {
    pub(crate) async fn call(&self, request: Request<Body>) -> Result<Response<Body>, StdError> {
        match self {
            Self::Remote(channel) => Ok(channel.clone().oneshot(request).await?),
            Self::Local(routes) => Ok(routes.call(request).await),
        }
    }
}

/// Why there is no peer.
#[derive(Debug, thiserror::Error)]
pub enum PeerError {
    /// Not a URL that can be connected to.
    #[error(
        "`{url}` is no address of a server; it must be like https://registry.example:50051, or http://127.0.0.1:50051 on this machine"
    )]
    Url {
        /// What was given.
        url: String,
        /// What is wrong with it.
        source: tonic::transport::Error,
    },
    /// In the clear one speaks to this machine alone.
    #[error("`{url}` is in the clear and not on this machine: only https:// is spoken to others")]
    InTheClear {
        /// What was given.
        url: String,
    },
    /// The address wants TLS or its opposite, and it was not said how.
    #[error("`{url}` is no address for {with}")]
    Scheme {
        /// What was given.
        url: String,
        /// What it was given with.
        with: &'static str,
    },
    /// An account cannot be in a header.
    #[error("`{account}` is no account; it must be like `alice` or `scheduler;roles=service`")]
    Account {
        /// What was given.
        account: String,
    },
}

impl Peer {
    /// The server at `url` on this machine, in the clear, called as `account`. Connects at the first call, and again whenever
    /// the connection is lost. To be called within a tokio runtime, which then drives the connection.
    pub fn remote(url: &str, account: &str, config: PeerConfig) -> Result<Self, PeerError> {
        let endpoint = endpoint(url, &config)?;
        match endpoint.uri().scheme_str() {
            Some("http") => {}
            _ => return Err(PeerError::Scheme { url: url.to_owned(), with: "a connection in the clear" }),
        }
        if !is_loopback(endpoint.uri()) {
            return Err(PeerError::InTheClear { url: url.to_owned() });
        }
        Ok(Self::new(url, Transport::Remote(endpoint.connect_lazy()), Proof::account(account)?, config))
    }

    /// The server at `url` (https), over TLS, called by whomever `proof` proves. Connects as [`remote`](Self::remote) does.
    pub fn secure(url: &str, secure: Secure, proof: Proof, config: PeerConfig) -> Result<Self, PeerError> {
        let called = endpoint(url, &config)?;
        if called.uri().scheme_str() != Some("https") {
            return Err(PeerError::Scheme { url: url.to_owned(), with: "TLS" });
        }
        // tonic opens https:// by TLS of its own only, which cannot renew a certificate: it is told the same host as http://, and
        // the requests say https.
        let in_the_clear = url.replacen("https://", "http://", 1);
        let origin = called.uri().clone();
        let channel = endpoint(&in_the_clear, &config)?.origin(origin).connect_with_connector_lazy(Connector(secure));
        Ok(Self::new(url, Transport::Remote(channel), proof, config))
    }

    /// The server behind `channel`, for connections of another make (a simulated network). `name` is for messages.
    pub fn over(name: &str, channel: Channel, account: &str, config: PeerConfig) -> Result<Self, PeerError> {
        Ok(Self::new(name, Transport::Remote(channel), Proof::account(account)?, config))
    }

    /// The routes of this process (`server::Routes`), called as `account`. `name` is for messages.
    pub fn local<S, B>(name: &str, routes: S, account: &str, config: PeerConfig) -> Result<Self, PeerError>
    where
        S: tower::Service<Request<Body>, Response = Response<B>, Error = Infallible> + Clone + Send + Sync + 'static,
        S::Future: Send,
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<StdError>,
    {
        let proof = Proof::account(account)?;
        Ok(Self::new(name, Transport::Local(Box::new(Routes(routes))), proof, config))
    }

    /// The same peer, called as another account. A peer that proves who calls, by a certificate or a token, goes on proving that.
    pub fn with_account(&self, account: &str) -> Result<Self, PeerError> {
        Ok(Self { shared: Arc::clone(&self.shared), proof: self.proof.for_account(account)? })
    }

    /// The same peer, called by whomever `proof` proves.
    #[must_use]
    pub fn proving(&self, proof: Proof) -> Self {
        Self { shared: Arc::clone(&self.shared), proof }
    }

    fn new(name: &str, transport: Transport, proof: Proof, config: PeerConfig) -> Self {
        let (budget, metrics) = (Budget::new(&config), RwLock::default());
        Self { shared: Arc::new(Shared { name: name.to_owned(), transport, config, budget, metrics }), proof }
    }
}

fn endpoint(url: &str, config: &PeerConfig) -> Result<Endpoint, PeerError> {
    let endpoint = Endpoint::from_shared(url.to_owned());
    let endpoint = endpoint.map_err(|source| PeerError::Url { url: url.to_owned(), source })?;
    Ok(endpoint
        .connect_timeout(config.connect_timeout)
        .tcp_nodelay(true)
        .http2_keep_alive_interval(config.keepalive_interval)
        .keep_alive_timeout(config.keepalive_timeout)
        .keep_alive_while_idle(true)
        .initial_stream_window_size(config.stream_window_bytes)
        .initial_connection_window_size(config.connection_window_bytes))
}

fn is_loopback(uri: &Uri) -> bool {
    let host = uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

impl fmt::Debug for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Peer").field("name", &self.shared.name).field("proof", &self.proof).finish_non_exhaustive()
    }
}

/// What generated clients call. It is always ready and never fails: a failure is a status.
impl tower::Service<Request<Body>> for Peer {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let call = attempt::call(Arc::clone(&self.shared), self.proof.clone(), request);
        Box::pin(async move { Ok(call.await) })
    }
}

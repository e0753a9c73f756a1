//! The services behind all that a call passes.

use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::task::{Context, Poll};

use api::{Error, deadline};
use http::{Extensions, HeaderMap, Request, Response};
use identity::{Authenticate, Caller, Refusal};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tonic::Code;
use tonic::body::Body;
use tonic::codegen::BoxFuture;

use crate::body::RequestBody;
use crate::call::Call;
use crate::config::ServerConfig;
use crate::handling::Handling;
use crate::health::Health;
use crate::held::Held;
use crate::method::{Access, Method, Methods};
use crate::rate::Rates;
use crate::refusal;

/// What a generated tonic server is, over our bodies. Implemented by every `XServer<T>`; nothing else needs to.
pub trait GrpcService:
    tower::Service<
        Request<RequestBody>,
        Response = Response<Body>,
        Error = Infallible,
        Future = BoxFuture<Response<Body>, Infallible>,
    > + Clone
    + Send
    + Sync
    + 'static
{
}

impl<S> GrpcService for S where
    S: tower::Service<
            Request<RequestBody>,
            Response = Response<Body>,
            Error = Infallible,
            Future = BoxFuture<Response<Body>, Infallible>,
        > + Clone
        + Send
        + Sync
        + 'static
{
}

/// A service whose type is forgotten, and which needs no `&mut` to be called.
pub(crate) trait Mounted: Send + Sync {
    fn call(&self, request: Request<RequestBody>) -> BoxFuture<Response<Body>, Infallible>;
}

impl<S: GrpcService> Mounted for S {
    fn call(&self, request: Request<RequestBody>) -> BoxFuture<Response<Body>, Infallible> {
        // Generated servers are always ready, and a clone of one is a clone of its `Arc`.
        tower::Service::call(&mut self.clone(), request)
    }
}

/// All services of a server, with everything that a call passes. Cheap to clone.
///
/// It is a `tower::Service` for calls within the process, and [serves](Self::serve) sockets.
#[derive(Clone)]
pub struct Routes {
    pub(crate) shared: Arc<Shared>,
}

pub(crate) struct Shared {
    pub(crate) config: ServerConfig,
    pub(crate) methods: Methods,
    pub(crate) services: Vec<Box<dyn Mounted>>,
    pub(crate) authenticate: Box<dyn Authenticate>,
    pub(crate) tls: Option<Arc<tls::Credentials>>,
    pub(crate) health: Health,
    pub(crate) calls_in_flight: AtomicUsize,
    pub(crate) reads_in_flight: AtomicUsize,
    pub(crate) streams_open: AtomicUsize,
    /// What requests hold that have not come whole.
    pub(crate) request_bytes: AtomicUsize,
    /// None where every account may call as often as it likes.
    pub(crate) rates: Option<Rates>,
}

impl fmt::Debug for Routes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Routes").field("methods", &self.shared.methods).finish_non_exhaustive()
    }
}

impl Routes {
    /// The health of the services, for them to set.
    pub fn health(&self) -> Health {
        self.shared.health.clone()
    }

    /// The same routes for a part of this process that calls as `caller`, without a header that says so. Nobody outside the
    /// process can reach it.
    #[must_use]
    pub fn vouching(&self, caller: Caller) -> Vouched {
        let mut connection = Extensions::new();
        connection.insert(caller);
        Vouched { routes: self.clone(), connection: Arc::new(connection) }
    }

    /// Handles one request that came by `connection`. `drains` ends its reply stream when the server that took it drains.
    pub(crate) fn handle(
        &self,
        mut request: Request<RequestBody>,
        connection: &Extensions,
        drains: Option<&CancellationToken>,
    ) -> Handling {
        let arrived = Instant::now().into_std();
        let Some(place) = self.shared.methods.find(request.uri().path()) else {
            let error = Error::new(Code::Unimplemented, "RPC_UNKNOWN", "there is no RPC at {path} here");
            return Handling::refused(error.with("path", request.uri().path()));
        };
        let method = self.shared.methods.get(place);
        let mut call = match Call::begin(&self.shared, place, arrived) {
            Ok(call) => call,
            Err(error) => return Handling::refused(error),
        };
        let caller = match self.admit(method, request.headers(), connection) {
            Ok(caller) => caller,
            Err(error) => return Handling::refused(call.refuse(error)),
        };
        if let Err(error) = self.pace(caller.as_ref(), arrived) {
            return Handling::refused(call.refuse(error));
        }
        if let Err(error) = call.set_deadline(deadline::asked(request.headers())) {
            return Handling::refused(call.refuse(error));
        }
        if method.server_streaming {
            call.end_when(drains);
        }
        call.trace(request.headers());
        request.body_mut().limit(self.shared.config.message_bytes_max, Held::nothing(&self.shared));
        // A read that waits for the rest of its request is not computed yet.
        if method.is_unary_read() { Handling::gathering(call, request, caller) } else { call.ask(request, caller) }
    }

    fn pace(&self, caller: Option<&Caller>, now: std::time::Instant) -> Result<(), Error> {
        let (Some(rates), Some(caller)) = (&self.shared.rates, caller) else { return Ok(()) };
        let per_second = self.shared.config.account_calls_per_second;
        let account = caller.account.as_str();
        rates.take(account, now).map_err(|wait| refusal::too_often(account, per_second, wait))
    }

    fn admit(&self, method: &Method, headers: &HeaderMap, connection: &Extensions) -> Result<Option<Caller>, Error> {
        let Access::Gated(gate) = &method.access else { return Ok(None) };
        // Only a part of this process has its caller in its connection; what comes by a socket never has.
        let caller = match connection.get::<Caller>() {
            Some(caller) => Ok(caller.clone()),
            None => self.shared.authenticate.authenticate(headers, connection),
        };
        let caller = match caller {
            // What is public is for whoever shows nothing. Whoever shows what is not believed is told so.
            Err(Refusal::AccountMissing | Refusal::CredentialsMissing) if gate.admits_nobody() => {
                return Ok(Some(Caller::nobody()));
            }
            caller => caller.map_err(|refused| refusal::of_caller(&refused))?,
        };
        gate.admit(&caller).map_err(|refused| refusal::of_caller(&refused))?;
        Ok(Some(caller))
    }
}

/// Calls within the process: the same in every respect but the socket, and polled where the caller is polled.
impl tower::Service<Request<Body>> for Routes {
    type Response = Response<crate::ResponseBody>;
    type Error = Infallible;
    type Future = Handling;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Handling {
        self.handle(request.map(RequestBody::local), &Extensions::new(), None)
    }
}

/// [`Routes`] for a part of this process, which calls as whom it was put together.
#[derive(Clone, Debug)]
pub struct Vouched {
    routes: Routes,
    connection: Arc<Extensions>,
}

impl tower::Service<Request<Body>> for Vouched {
    type Response = Response<crate::ResponseBody>;
    type Error = Infallible;
    type Future = Handling;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Handling {
        self.routes.handle(request.map(RequestBody::local), &self.connection, None)
    }
}

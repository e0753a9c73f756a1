//! One call under way: its place among the limits, its deadline, its trace, its counters.

use std::any::Any;
use std::cell::Cell;
use std::future::Future;
use std::iter;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use api::Error;
use http::{HeaderMap, Request};
use identity::Caller;
use telemetry::{End, RequestTrace};
use tokio::time::Sleep;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tonic::Code;

use crate::at_once::Reply;
use crate::body::RequestBody;
use crate::handling::Handling;
use crate::lengths::TooLong;
use crate::method::{Access, Method};
use crate::refusal;
use crate::routes::Shared;

/// gRPC's CANCELLED: what a call is that ends before its status is out, since its client went away.
const CANCELLED: u8 = Code::Cancelled as u8;

/// From admission to the status. Dropping it gives the place back.
pub(crate) struct Call {
    shared: Arc<Shared>,
    method: usize,
    arrived: Instant,
    deadline: Option<Instant>,
    /// Armed only once something is waited for: most calls never wait.
    timer: Option<Pin<Box<Sleep>>>,
    drains: Option<Pin<Box<WaitForCancellationFutureOwned>>>,
    trace: RequestTrace,
    /// A call that the service made was UNAVAILABLE, and was tried again in vain.
    gave_up: Cell<bool>,
    ended: bool,
}

impl std::fmt::Debug for Call {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Call").field("method", &self.method().name).finish_non_exhaustive()
    }
}

impl Call {
    /// Takes a place among the calls under way, or refuses where there is none left.
    pub(crate) fn begin(shared: &Arc<Shared>, method: usize, arrived: Instant) -> Result<Self, Error> {
        let known = shared.methods.get(method);
        // In each count its place is taken, refused or not: whoever drops the call gives all of them back.
        let full = places(shared, known).fold(None, |full, (places, max)| {
            let is_full = places.fetch_add(1, Ordering::Relaxed) >= max;
            full.or(is_full.then_some(max))
        });
        known.metrics.begin();
        let call = Self {
            shared: Arc::clone(shared),
            method,
            arrived,
            deadline: None,
            timer: None,
            drains: None,
            trace: RequestTrace::Quiet(None.into()),
            gave_up: Cell::new(false),
            ended: false,
        };
        if let (Some(max), Access::Gated(_)) = (full, &known.access) {
            return Err(call.refuse(
                Error::resource_exhausted(
                    "OVERLOADED",
                    "{calls_max} calls are under way; try again in {retry_after_ms} ms",
                )
                .with("calls_max", max)
                .with("retry_after_ms", shared.config.shed_retry_after.as_millis())
                .retry_after(shared.config.shed_retry_after),
            ));
        }
        Ok(call)
    }

    /// Sets the deadline: what the client asked for, within what the server allows. Open-ended streams are left open.
    pub(crate) fn set_deadline(&mut self, asked: Option<Duration>) -> Result<(), Error> {
        let config = &self.shared.config;
        let allowed = match asked {
            Some(asked) if self.method().is_unary() => Some(asked.min(config.deadline_max)),
            Some(asked) => Some(asked),
            None if self.method().is_unary() => Some(config.deadline_default),
            None => None,
        };
        self.deadline = allowed.and_then(|allowed| self.arrived.checked_add(allowed));
        if allowed == Some(Duration::ZERO) { Err(self.overdue()) } else { Ok(()) }
    }

    /// Has the reply stream end when the server drains, so that watches do not hold the drain.
    pub(crate) fn end_when(&mut self, drains: Option<&CancellationToken>) {
        self.drains = drains.map(|drains| Box::pin(drains.clone().cancelled_owned()));
    }

    /// Decides whether the call is recorded, and begins its span if so.
    pub(crate) fn trace(&mut self, headers: &HeaderMap) {
        let method = self.method();
        self.trace = if telemetry::is_recorded(method.importance, headers) {
            let span = telemetry::server_span(&method.name);
            telemetry::set_parent(&span, headers);
            RequestTrace::Recorded(span)
        } else {
            RequestTrace::quiet(headers)
        };
    }

    /// Runs one poll of the service, as part of this call. A panic becomes an error here, so that it costs one call.
    pub(crate) fn within<T>(&self, poll: impl FnOnce() -> T) -> Result<T, Error> {
        let _deadline = api::deadline::enter(self.deadline);
        let _trace = self.trace.enter();
        // The service is not polled again after a panic, so nobody sees what it left half done.
        let (polled, gave_up) = api::retry::watch(|| catch_unwind(AssertUnwindSafe(poll)));
        if gave_up {
            self.gave_up.set(true);
        }
        polled.map_err(|panic| Error::internal(&Panicked::of(&*panic)))
    }

    /// Whether this call's caller would try in vain what was tried here already.
    pub(crate) fn gave_up(&self) -> bool {
        self.gave_up.get()
    }

    /// Has the mounted service handle the request.
    pub(crate) fn ask(self, mut request: Request<RequestBody>, caller: Option<Caller>) -> Handling {
        if let (Some(caller), Access::Gated(gate)) = (caller, &self.method().access) {
            request.extensions_mut().insert(gate.permission(&caller));
            request.extensions_mut().insert(caller);
        }
        let shared = Arc::clone(&self.shared);
        let service = &shared.services[self.method().service];
        Handling::running(self, || service.call(request))
    }

    /// The reply to `message`, where it is at hand.
    pub(crate) fn reply_at_once(&self, message: &[u8]) -> Result<Option<Reply>, Error> {
        let Some(answer) = &self.method().at_once else { return Ok(None) };
        let Some(reply) = self.within(|| (answer.0)(message))? else { return Ok(None) };
        let (bytes, bytes_max) = (reply.message_bytes(), self.message_bytes_max());
        if bytes > bytes_max { Err(refusal::reply_too_large(TooLong { bytes, bytes_max })) } else { Ok(Some(reply)) }
    }

    /// Ready with the reason why a call that waits shall not wait longer.
    pub(crate) fn poll_interrupted(&mut self, context: &mut Context<'_>) -> Poll<Error> {
        if let Some(deadline) = self.deadline {
            let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(deadline.into())));
            if timer.as_mut().poll(context).is_ready() {
                return Poll::Ready(self.overdue());
            }
        }
        if let Some(drains) = &mut self.drains
            && drains.as_mut().poll(context).is_ready()
        {
            return Poll::Ready(Error::unavailable("DRAINING", "the server is shutting down; resume at another"));
        }
        Poll::Pending
    }

    /// True for a stream whose deadline has passed.
    pub(crate) fn is_overdue_stream(&self) -> bool {
        self.method().server_streaming
            && self.deadline.is_some_and(|deadline| tokio::time::Instant::now() >= deadline.into())
    }

    /// DEADLINE_EXCEEDED for this call.
    pub(crate) fn overdue(&self) -> Error {
        let allowed = self.deadline.map_or(Duration::ZERO, |deadline| deadline.duration_since(self.arrived));
        Error::new(Code::DeadlineExceeded, "DEADLINE_EXCEEDED", "{rpc} did not end within its {deadline_ms} ms")
            .with("rpc", &self.method().name)
            .with("deadline_ms", allowed.as_millis())
    }

    pub(crate) fn message_bytes_max(&self) -> usize {
        self.shared.config.message_bytes_max
    }

    /// The status is out: counts it and writes it to the span. Once; what comes later does not count.
    pub(crate) fn end(&mut self, code: u8) {
        if std::mem::replace(&mut self.ended, true) {
            return;
        }
        let elapsed = self.arrived.elapsed();
        match &self.trace {
            RequestTrace::Recorded(span) => {
                telemetry::record_status(span, code, End::Server);
                self.method().metrics.end(code, elapsed, span);
            }
            RequestTrace::Quiet(_) => self.method().metrics.end(code, elapsed, &tracing::Span::none()),
        }
    }

    /// Ends the call before its service saw it.
    pub(crate) fn refuse(mut self, error: Error) -> Error {
        self.end(error.code() as u8);
        error
    }

    fn method(&self) -> &Method {
        self.shared.methods.get(self.method)
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        self.end(CANCELLED);
        for (places, _) in places(&self.shared, self.method()) {
            places.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// The counts that the RPC belongs to, and their limits.
fn places<'a>(shared: &'a Shared, method: &Method) -> impl Iterator<Item = (&'a AtomicUsize, usize)> {
    let Shared { config, calls_in_flight, reads_in_flight, streams_open, .. } = shared;
    let first = if method.is_unary() {
        (calls_in_flight, config.calls_in_flight_max)
    } else {
        (streams_open, config.streams_open_max)
    };
    let second = method.computes().then_some((reads_in_flight, config.reads_in_flight_max));
    iter::once(first).chain(second)
}

/// A service panicked.
#[derive(Debug)]
struct Panicked(String);

impl Panicked {
    fn of(payload: &(dyn Any + Send)) -> Self {
        let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
        Self(text.or_else(|| payload.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no text".to_owned()))
    }
}

impl std::fmt::Display for Panicked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the service panicked: {}", self.0)
    }
}

impl std::error::Error for Panicked {}

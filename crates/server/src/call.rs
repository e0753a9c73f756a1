//! One call under way: its place among the limits, its deadline, its trace, its counters.

use std::any::Any;
use std::cell::Cell;
use std::future::Future;
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
    /// It has a place among the reads that are computed.
    is_computed: bool,
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
        let places = Places::of(shared, known);
        let taken = places.count.fetch_add(1, Ordering::Relaxed);
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
            is_computed: false,
            ended: false,
        };
        if taken >= places.max && !matches!(known.access, Access::Open) {
            let error = places.are_taken(shared);
            return Err(call.refuse(error));
        }
        Ok(call)
    }

    /// Before the service sees a whole request: takes a place among the reads that are computed, or refuses where there is none
    /// left. A change takes none.
    pub(crate) fn compute(&mut self) -> Result<(), Error> {
        if !self.method().is_unary_read() {
            return Ok(());
        }
        let places = Places::of_reads(&self.shared);
        self.is_computed = true;
        if places.count.fetch_add(1, Ordering::Relaxed) >= places.max {
            return Err(places.are_taken(&self.shared));
        }
        Ok(())
    }

    /// The reply is there, so that the next may be computed, however long this one is on its way.
    pub(crate) fn computed(&mut self) {
        if std::mem::replace(&mut self.is_computed, false) {
            Places::of_reads(&self.shared).count.fetch_sub(1, Ordering::Relaxed);
        }
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
        self.computed();
        Places::of(&self.shared, self.method()).count.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A count of what is under way, and its limit.
struct Places<'a> {
    count: &'a AtomicUsize,
    max: usize,
    limit: &'static str,
}

impl<'a> Places<'a> {
    /// Where every call of the RPC has its place.
    fn of(shared: &'a Shared, method: &Method) -> Self {
        if method.is_unary() {
            let max = shared.config.calls_in_flight_max;
            Self { count: &shared.calls_in_flight, max, limit: "calls_in_flight_max" }
        } else {
            Self { count: &shared.streams_open, max: shared.config.streams_open_max, limit: "streams_open_max" }
        }
    }

    /// Where reads have theirs besides, while they are computed.
    fn of_reads(shared: &'a Shared) -> Self {
        let max = shared.config.reads_in_flight_max;
        Self { count: &shared.reads_in_flight, max, limit: "reads_in_flight_max" }
    }

    fn are_taken(&self, shared: &Shared) -> Error {
        let wait = shared.config.shed_retry_after;
        Error::resource_exhausted(
            "OVERLOADED",
            "as many calls are under way as {limit} lets in, {calls_max}; try again in {retry_after_ms} ms",
        )
        .with("limit", self.limit)
        .with("calls_max", self.max)
        .with("retry_after_ms", wait.as_millis())
        .retry_after(wait)
    }
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

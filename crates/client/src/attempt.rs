//! One call to a peer: its headers, its attempts, its outcome.

use std::error::Error as StdError;
use std::sync::Arc;
use std::time::{Duration, Instant};

use api::Error;
use http::{HeaderMap, Request, Response};
use telemetry::{End, RpcMetrics};
use tonic::body::Body;
use tonic::{Code, Status};
use tracing::{Instrument, Span};

use crate::budget;
use crate::peer::Shared;
use crate::proof::Proof;
use crate::replay::Payload;
use crate::reply::ReplyBody;

/// Sends `request`, again where that helps, and answers with the peer's reply or with a status of our own.
pub(crate) async fn call(shared: Arc<Shared>, proof: Proof, request: Request<Body>) -> Response<Body> {
    let method = request.uri().path().trim_start_matches('/').to_owned();
    let span = telemetry::client_span(&method, &shared.name);
    let metrics = shared.metrics(&method);
    metrics.begin();
    let outcome =
        Outcome { peer: Arc::clone(&shared), method, span: span.clone(), metrics, begun: now(), ended: false };
    attempts(shared, proof, request, outcome).instrument(span).await
}

async fn attempts(shared: Arc<Shared>, proof: Proof, request: Request<Body>, mut outcome: Outcome) -> Response<Body> {
    let (mut head, body) = request.into_parts();
    telemetry::inject(&mut head.headers);
    // A stream of requests is neither kept nor given a deadline; what we do not know is taken for unary.
    let is_unary = proto::rpc(head.uri.path()).is_none_or(|rpc| !rpc.client_streaming && !rpc.server_streaming);
    let deadline = deadline(&shared, &head.headers, is_unary);
    let shown = proof.show(&mut head.headers);
    let shown = match deadline {
        None => shown.await,
        Some(deadline) => match tokio::time::timeout_at(deadline.into(), shown).await {
            Ok(shown) => shown,
            Err(_) => return outcome.overdue().into_http(),
        },
    };
    if let Err(status) = shown {
        return outcome.without_proof(status).into_http();
    }
    let mut payload = if is_unary { Payload::take(body).await } else { Payload::Once(Some(body)) };

    shared.budget.earn();
    let mut failed = 0;
    loop {
        let Some(left) = left(deadline) else { return outcome.overdue().into_http() };
        if let Some(left) = left {
            api::deadline::ask(&mut head.headers, left);
        }
        let Some(body) = payload.send() else {
            // It cannot come here: a payload that is sent once is not tried again.
            return outcome.unreachable(Status::unavailable("the request was sent already")).into_http();
        };
        let attempt = shared.transport.call(Request::from_parts(head.clone(), body));
        let reply = match deadline {
            None => attempt.await,
            Some(deadline) => match tokio::time::timeout_at(deadline.into(), attempt).await {
                Ok(reply) => reply,
                Err(_) => return outcome.overdue().into_http(),
            },
        };
        let reply = match reply {
            Ok(reply) => reply,
            // The channel has a timer of its own for the same header, which may be first.
            Err(_) if is_over(deadline) => return outcome.overdue().into_http(),
            Err(error) if went_away(&*error) => {
                outcome.unreachable(Status::unavailable("the connection came to its end")).into_http()
            }
            Err(error) => outcome.unreachable(Status::from_error(error)).into_http(),
        };
        failed += 1;
        let is_unavailable = code(reply.headers()) == Some(Code::Unavailable);
        if !is_unavailable || !payload.can_be_sent_again() || shared.config.attempts_max == 1 {
            return outcome.wrap(reply, deadline);
        }
        let pause = budget::pause(&shared.config, failed);
        let no_time = deadline.is_some_and(|deadline| now() + pause >= deadline);
        let in_vain = failed >= shared.config.attempts_max || api::retry::is_forbidden(reply.headers());
        if in_vain || no_time || !shared.budget.spend() {
            // One layer tries again: whoever called us is not to.
            api::retry::give_up();
            return outcome.wrap(reply, deadline);
        }
        tracing::debug!(method = %outcome.method, failed, ?pause, "unavailable, trying again");
        tokio::time::sleep(pause).await;
    }
}

/// The earliest of: what the request asks for, what is left to the RPC that makes the call, and the default.
fn deadline(shared: &Shared, headers: &HeaderMap, is_unary: bool) -> Option<Instant> {
    let now = now();
    let asked = api::deadline::asked(headers);
    let default = is_unary.then_some(shared.config.deadline_default);
    let own = asked.or(default).and_then(|allowed| now.checked_add(allowed));
    let of_caller = api::deadline::current();
    let of_caller = of_caller.map(|deadline| deadline.checked_sub(shared.config.deadline_margin).unwrap_or(now));
    match (own, of_caller) {
        (Some(own), Some(of_caller)) => Some(own.min(of_caller)),
        (own, of_caller) => own.or(of_caller),
    }
}

/// What is left; None where nothing is, Some(None) where there is no deadline.
fn left(deadline: Option<Instant>) -> Option<Option<Duration>> {
    let Some(deadline) = deadline else { return Some(None) };
    let left = deadline.saturating_duration_since(now());
    if left.is_zero() { None } else { Some(Some(left)) }
}

/// True once the deadline has passed, to the precision of timers.
fn is_over(deadline: Option<Instant>) -> bool {
    deadline.is_some_and(|deadline| now() + Duration::from_millis(1) >= deadline)
}

/// The runtime's time, by which its timers run: a simulation's is its own.
fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

fn code(headers: &HeaderMap) -> Option<Code> {
    headers.get("grpc-status").map(|value| Code::from_bytes(value.as_bytes()))
}

/// What becomes of a call, for its caller and for its span.
pub(crate) struct Outcome {
    peer: Arc<Shared>,
    method: String,
    span: Span,
    metrics: Arc<RpcMetrics>,
    begun: Instant,
    ended: bool,
}

impl Outcome {
    /// The reply as the caller gets it.
    fn wrap(mut self, reply: Response<Body>, deadline: Option<Instant>) -> Response<Body> {
        self.settle(reply.headers());
        reply.map(|body| Body::new(ReplyBody::new(body, self, deadline)))
    }

    /// Notes the status that headers or trailers bring, if they bring one.
    pub(crate) fn settle(&mut self, headers: &HeaderMap) {
        if let Some(code) = code(headers) {
            self.record(code);
        }
    }

    /// DEADLINE_EXCEEDED. tonic's own timer would say CANCELLED.
    pub(crate) fn overdue(&mut self) -> Status {
        self.record(Code::DeadlineExceeded);
        Error::new(Code::DeadlineExceeded, "DEADLINE_EXCEEDED", "{peer} did not answer {rpc} in time")
            .with("peer", &self.peer.name)
            .with("rpc", &self.method)
            .into()
    }

    /// The status where there is nothing to show who calls.
    fn without_proof(&mut self, status: Status) -> Status {
        self.record(status.code());
        status
    }

    /// The status of a reply that broke off.
    pub(crate) fn broken(&mut self, status: Status) -> Status {
        let status = self.unreachable(status);
        self.record(status.code());
        status
    }

    /// The status of an attempt whose connection failed. What tonic has no better name for is UNAVAILABLE: nobody
    /// answered.
    fn unreachable(&self, status: Status) -> Status {
        match status.code() {
            Code::Cancelled | Code::Unknown | Code::Unavailable if status.details().is_empty() => {
                Error::unavailable("PEER_UNAVAILABLE", "{peer} is not to be reached: {cause}")
                    .with("peer", &self.peer.name)
                    .with("cause", chain(&status))
                    .into()
            }
            _ => status,
        }
    }

    fn record(&mut self, code: Code) {
        telemetry::record_status(&self.span, code as u8, End::Client);
        if !std::mem::replace(&mut self.ended, true) {
            self.metrics.end(code as u8, now().saturating_duration_since(self.begun), &self.span);
        }
        // The span ends with the status, not when somebody drops the reply.
        self.span = Span::none();
    }
}

impl Drop for Outcome {
    /// Whoever called has gone away before there was a status.
    fn drop(&mut self) {
        if !self.ended {
            self.record(Code::Cancelled);
        }
    }
}

/// True where the server had told the connection to go before it saw the request (GOAWAY, as at a connection's age): tonic would
/// say INTERNAL, and the call is neither wrong nor lost.
fn went_away(error: &(dyn StdError + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(error) = error.downcast_ref::<h2::Error>() {
            return error.is_go_away() && error.reason() == Some(h2::Reason::NO_ERROR);
        }
        next = error.source();
    }
    false
}

/// What tonic wraps every connection's error in, and says nothing by.
const TRANSPORT_ERROR: &str = "transport error";

/// A connection error says little itself; its sources say what happened. Each thing once: tonic's message is that of one of its
/// sources.
fn chain(status: &Status) -> String {
    let mut said = Vec::new();
    let mut next = Some(status as &(dyn StdError + 'static));
    while let Some(error) = next {
        let more =
            error.downcast_ref::<Status>().map_or_else(|| error.to_string(), |status| status.message().to_owned());
        if more != TRANSPORT_ERROR && !said.contains(&more) {
            said.push(more);
        }
        next = error.source();
    }
    if said.is_empty() { TRANSPORT_ERROR.to_owned() } else { said.join(": ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{0}")]
    struct Told(&'static str, #[source] Option<Box<Told>>);

    fn told(words: &[&'static str]) -> Told {
        let (first, rest) = words.split_first().expect("there is an error");
        Told(first, (!rest.is_empty()).then(|| Box::new(told(rest))))
    }

    #[test]
    fn what_broke_a_connection_is_said_once() {
        let refused = "Connection refused (os error 111)";
        for (words, wanted) in [
            (
                &["transport error", "tcp connect error", refused][..],
                "tcp connect error: Connection refused (os error 111)",
            ),
            (
                &["transport error", "no TLS with registry:443: it has expired"],
                "no TLS with registry:443: it has expired",
            ),
            (&["transport error"], "transport error"),
        ] {
            let mut status = Status::unavailable(words.get(1).copied().unwrap_or(words[0]));
            status.set_source(Arc::new(told(words)));
            assert_eq!(chain(&status), wanted);
        }
    }
}

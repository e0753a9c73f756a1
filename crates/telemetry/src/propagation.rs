//! Trace context over calls (W3C headers) and over time (a stored `traceparent`).

use std::sync::atomic::{AtomicBool, Ordering};

use http::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, TraceContextExt, TraceFlags, TraceState};
use opentelemetry_sdk::trace::{IdGenerator, RandomIdGenerator};
use pseudonym::in_text;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

use crate::{Traceparent, request};

/// The header, and the name under which journals keep it.
pub const TRACEPARENT: &str = "traceparent";

const TRACEPARENT_HEADER: HeaderName = HeaderName::from_static(TRACEPARENT);
const TRACESTATE_HEADER: HeaderName = HeaderName::from_static("tracestate");

/// `OTEL_PROPAGATORS` can switch it off.
static PROPAGATES: AtomicBool = AtomicBool::new(true);

pub(crate) fn set_propagates(propagates: bool) {
    PROPAGATES.store(propagates, Ordering::Relaxed);
}

/// The trace context that the headers bring, if they bring a valid one.
pub(crate) fn incoming(headers: &HeaderMap) -> Option<Traceparent> {
    if !PROPAGATES.load(Ordering::Relaxed) {
        return None;
    }
    headers.get(TRACEPARENT_HEADER)?.to_str().ok()?.parse().ok()
}

impl crate::RequestTrace {
    /// The trace of a request that is not recorded and brings these headers.
    pub fn quiet(headers: &HeaderMap) -> Self {
        // Should the caller record and we not, then whomever we call must not hang its spans below one that nobody sends.
        let context = incoming(headers).map(|parent| Traceparent { flags: TraceFlags::default(), ..parent });
        Self::Quiet(context.into())
    }
}

/// Makes `span` a child of the trace that the headers bring, and fills its field `trace_id`, where it has one, for the
/// logs. To be called before the span is entered.
pub fn set_parent(span: &Span, headers: &HeaderMap) {
    if let Some(parent) = incoming(headers) {
        let state = headers.get(TRACESTATE_HEADER).and_then(|state| state.to_str().ok());
        // It is anybody's text, and would be exported and passed on.
        let state = state.filter(|state| !in_text::contains(state));
        let state = state.and_then(|state| state.parse().ok()).unwrap_or_default();
        // It fails only where the span is disabled, and then there is nothing to tell.
        let _ = span.set_parent(Context::new().with_remote_span_context(parent.to_context(state)));
    }
    if let Some(context) = context_of(span) {
        span.record("trace_id", tracing::field::display(context.trace_id()));
    }
}

/// Links `span` to the work that caused it earlier, by the `traceparent` kept from then. An invalid text is ignored: a
/// record of long ago must not stop the work of today.
pub fn link(span: &Span, traceparent: &str) {
    if let Ok(cause) = traceparent.parse::<Traceparent>() {
        span.add_link(cause.to_context(TraceState::default()));
    }
}

/// The trace context of the code that runs: of the current span, or of the quiet request.
pub fn traceparent() -> Option<Traceparent> {
    match context_of(&Span::current()) {
        Some(context) if !request::is_quiet() => Traceparent::of(&context),
        _ => request::quiet_context(),
    }
}

/// Puts the trace context of the code that runs into the headers of a call.
pub fn inject(headers: &mut HeaderMap) {
    if !PROPAGATES.load(Ordering::Relaxed) {
        return;
    }
    let context = if request::is_quiet() { None } else { context_of(&Span::current()) };
    let Some(parent) = context.as_ref().map_or_else(request::quiet_context, Traceparent::of) else { return };
    if let Ok(value) = HeaderValue::try_from(parent.to_string()) {
        headers.insert(TRACEPARENT_HEADER, value);
    }
    let state = context.map(|context| context.trace_state().header()).filter(|state| !state.is_empty());
    if let Some(value) = state.and_then(|state| HeaderValue::try_from(state).ok()) {
        headers.insert(TRACESTATE_HEADER, value);
    }
}

/// The trace id for an error message and its log line: of the current span, or of the quiet request, which gets one
/// here if it has none.
pub fn trace_id() -> String {
    if let Some(context) = traceparent() {
        return context.trace_id();
    }
    let ids = RandomIdGenerator::default();
    let minted = Traceparent { trace_id: ids.new_trace_id(), span_id: ids.new_span_id(), flags: TraceFlags::default() };
    request::set_quiet_context(minted);
    minted.trace_id()
}

pub(crate) fn context_of(span: &Span) -> Option<SpanContext> {
    if span.is_disabled() {
        return None;
    }
    let context = span.context().span().span_context().clone();
    context.is_valid().then_some(context)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::RequestTrace;

    const SAMPLED: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    fn headers(traceparent: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(TRACEPARENT, traceparent.parse().unwrap());
        headers
    }

    #[test]
    fn a_quiet_request_passes_the_trace_on_as_not_recorded() {
        let trace = RequestTrace::quiet(&headers(SAMPLED));
        let _poll = trace.enter();
        let mut out = HeaderMap::new();
        inject(&mut out);
        assert_eq!(out[TRACEPARENT], "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00");
        assert_eq!(trace_id(), "0af7651916cd43dd8448eb211c80319c");
    }

    #[test]
    fn an_error_in_a_quiet_request_without_a_trace_gets_one_id_and_keeps_it() {
        let trace = RequestTrace::quiet(&HeaderMap::new());
        let first = {
            let _poll = trace.enter();
            trace_id()
        };
        let _poll = trace.enter();
        assert_eq!(trace_id(), first);
        assert_eq!(first.len(), 32);
    }

    #[test]
    fn outside_a_request_nothing_is_injected() {
        let mut out = HeaderMap::new();
        inject(&mut out);
        assert!(out.is_empty());
        assert_eq!(traceparent(), None);
    }

    #[test]
    fn a_broken_traceparent_is_ignored() {
        assert_eq!(incoming(&headers("nonsense")), None);
        link(&Span::none(), "nonsense");
    }
}

//! JSON lines with the trace they belong to, so that a line leads to its trace and an error's trace id to its line.

use std::fmt;
use std::sync::OnceLock;

use opentelemetry::trace::{SpanContext, TraceContextExt as _};
use tracing::{Dispatch, Event, Subscriber, dispatcher};
use tracing_subscriber::fmt::format::{Format, Json, Writer};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use crate::{Traceparent, request};

/// The process's subscriber: a line is written within it, where it is not to be asked for.
static SUBSCRIBER: OnceLock<Dispatch> = OnceLock::new();

/// To be called once the process has its subscriber.
pub(crate) fn remember_subscriber() {
    // `init` runs once a process: a second one is refused before it comes here.
    let _ = SUBSCRIBER.set(dispatcher::get_default(Clone::clone));
}

/// A line of JSON with `trace_id`, and `span_id` where the work is recorded.
pub(crate) struct Traced(pub(crate) Format<Json>);

impl<S, N> FormatEvent<S, N> for Traced
where
    S: Subscriber + for<'lookup> LookupSpan<'lookup>,
    N: for<'writer> FormatFields<'writer> + 'static,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, mut out: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut line = String::new();
        self.0.format_event(context, Writer::new(&mut line), event)?;
        let (trace_id, span_id) = match recorded(context) {
            Some(recorded) => (Some(recorded.trace_id()), Some(recorded.span_id())),
            None => (request::quiet_context().map(|Traceparent { trace_id, .. }| trace_id), None),
        };
        let Some(object) = line.trim_end().strip_suffix('}') else { return out.write_str(&line) };
        out.write_str(object)?;
        // An internal error's line has it already, since its caller is told the same.
        let has_own = event.metadata().fields().field("trace_id").is_some();
        if let Some(trace_id) = trace_id.filter(|_| !has_own) {
            write!(out, ",\"trace_id\":\"{trace_id}\"")?;
        }
        if let Some(span_id) = span_id {
            write!(out, ",\"span_id\":\"{span_id}\"")?;
        }
        out.write_str("}\n")
    }
}

/// The span that the event is in, where it is recorded.
fn recorded<S, N>(context: &FmtContext<'_, S, N>) -> Option<SpanContext>
where
    S: Subscriber + for<'lookup> LookupSpan<'lookup>,
    N: for<'writer> FormatFields<'writer> + 'static,
{
    let span = context.lookup_current()?;
    let found = tracing_opentelemetry::get_otel_context(&span.id(), SUBSCRIBER.get()?)?;
    Some(found.span().span_context().clone()).filter(SpanContext::is_valid)
}

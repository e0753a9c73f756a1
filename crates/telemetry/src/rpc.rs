//! The spans of RPCs, with the attribute names of OpenTelemetry's conventions.
//!
//! The names are the current ones: `rpc.system.name`, `rpc.method` with its package and service, the status by its name.
//! With `OTEL_SEMCONV_STABILITY_OPT_IN=rpc/dup` the former ones are written beside them, for dashboards that have not
//! moved yet; only the former short `rpc.method` cannot be, since the name stayed and the meaning changed.

use std::sync::atomic::{AtomicBool, Ordering};

use tracing::field::Empty;
use tracing::{Span, info_span};

use crate::metrics::CODES;

static DUPLICATES: AtomicBool = AtomicBool::new(false);

pub(crate) fn set_duplicates(duplicates: bool) {
    DUPLICATES.store(duplicates, Ordering::Relaxed);
}

/// Which end of a call a span is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Answers it.
    Server,
    /// Makes it.
    Client,
}

/// The span of an RPC that is answered here; a root until [`set_parent`](crate::set_parent). `method` is
/// `package.Service/Method`.
pub fn server_span(method: &str) -> Span {
    let span = info_span!(
        parent: None,
        "rpc",
        otel.name = method,
        otel.kind = "server",
        otel.status_code = Empty,
        rpc.system.name = "grpc",
        rpc.method = method,
        rpc.response.status_code = Empty,
        error.type = Empty,
        trace_id = Empty,
        rpc.system = Empty,
        rpc.service = Empty,
        rpc.grpc.status_code = Empty,
    );
    record_former_names(&span, method);
    span
}

/// The span of an RPC that is called from here, a child of the current span. None where there is no current span: who is
/// not recorded is not recorded by calling.
pub fn client_span(method: &str, peer: &str) -> Span {
    if Span::current().is_disabled() {
        return Span::none();
    }
    let span = info_span!(
        "call",
        otel.name = method,
        otel.kind = "client",
        otel.status_code = Empty,
        rpc.system.name = "grpc",
        rpc.method = method,
        rpc.response.status_code = Empty,
        server.address = peer,
        error.type = Empty,
        rpc.system = Empty,
        rpc.service = Empty,
        rpc.grpc.status_code = Empty,
    );
    record_former_names(&span, method);
    span
}

/// Writes the status of the RPC, by the number of its code, to its span.
pub fn record_status(span: &Span, code: u8, end: End) {
    if span.is_disabled() {
        return;
    }
    let name = CODES.get(usize::from(code)).copied().unwrap_or("UNKNOWN");
    span.record("rpc.response.status_code", name);
    if is_fault(name, end) {
        span.record("otel.status_code", "ERROR");
        span.record("error.type", name);
    }
    if DUPLICATES.load(Ordering::Relaxed) {
        span.record("rpc.grpc.status_code", i64::from(code));
    }
}

fn record_former_names(span: &Span, method: &str) {
    if DUPLICATES.load(Ordering::Relaxed) && !span.is_disabled() {
        span.record("rpc.system", "grpc");
        span.record("rpc.service", method.split_once('/').map_or("", |(service, _)| service));
    }
}

/// To a client every status but OK is an error; to a server only its own faults are, not what clients did wrong.
pub(crate) fn is_fault(code: &str, end: End) -> bool {
    match end {
        End::Client => code != "OK",
        End::Server => {
            matches!(code, "UNKNOWN" | "DEADLINE_EXCEEDED" | "UNIMPLEMENTED" | "INTERNAL" | "UNAVAILABLE" | "DATA_LOSS")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_client_did_wrong_is_no_fault_of_the_server() {
        assert!(!is_fault("NOT_FOUND", End::Server));
        assert!(is_fault("NOT_FOUND", End::Client));
        assert!(is_fault("INTERNAL", End::Server));
        assert!(!is_fault("OK", End::Client) && !is_fault("OK", End::Server));
    }
}

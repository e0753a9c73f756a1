//! The spans of transactions on a store, by OpenTelemetry's conventions for databases.
//!
//! One for each transaction and none for each statement: a transaction is what fails, waits and commits, and its
//! statements are our own, the same ones every time. Their text and what is put into them is never in a span.

use std::sync::atomic::{AtomicBool, Ordering};

use tracing::field::Empty;
use tracing::{Span, info_span};

static DUPLICATES: AtomicBool = AtomicBool::new(false);

pub(crate) fn set_duplicates(duplicates: bool) {
    DUPLICATES.store(duplicates, Ordering::Relaxed);
}

/// A child of the current span, or nothing where that is not recorded. `system` is a name of the conventions
/// (`postgresql`, `sqlite`), `namespace` the database; `operation` and `summary` say what for: `COMMIT`, `COMMIT registry`.
pub fn transaction_span(system: &str, namespace: &str, operation: &str) -> Span {
    if Span::current().is_disabled() {
        return Span::none();
    }
    let summary = format!("{operation} {namespace}");
    let span = info_span!(
        "transaction",
        otel.name = summary,
        otel.kind = "client",
        otel.status_code = Empty,
        db.system.name = system,
        db.namespace = namespace,
        db.operation.name = operation,
        db.query.summary = summary,
        error.type = Empty,
        db.system = Empty,
        db.operation = Empty,
    );
    if DUPLICATES.load(Ordering::Relaxed) {
        span.record("db.system", system);
        span.record("db.operation", operation);
    }
    span
}

/// Notes on the span that the transaction failed, by a word of low cardinality.
pub fn record_failure(span: &Span, error_type: &str) {
    span.record("otel.status_code", "ERROR");
    span.record("error.type", error_type);
}

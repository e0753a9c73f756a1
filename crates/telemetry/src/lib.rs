//! Tracing, OTLP and metrics; the only crate that names opentelemetry_sdk

//! Spans on their way to the collector: how many wait, how many were sent, how many were not.
//!
//! The SDK's own processor drops what does not fit and says so nowhere but in a log at its end. So the bound is kept
//! here, before it, where what is dropped can be counted; its queue is then never full.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use opentelemetry::Context;
use opentelemetry_otlp::SpanExporter as OtlpExporter;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{BatchConfigBuilder, BatchSpanProcessor, Span, SpanData, SpanExporter, SpanProcessor};

use crate::chain::chain;
use crate::metrics::{Counter, Gauge, Metric};

// The names of OpenTelemetry's conventions for its SDKs.
static PROCESSED: Metric = Metric {
    name: "otel.sdk.processor.span.processed",
    unit: "{span}",
    description: "Spans that were not even queued, since too many wait to be sent",
};
static EXPORTED: Metric = Metric {
    name: "otel.sdk.exporter.span.exported",
    unit: "{span}",
    description: "Spans that the collector received, or with an error.type did not",
};
static QUEUE_SIZE: Metric =
    Metric { name: "otel.sdk.processor.span.queue.size", unit: "{span}", description: "Spans that wait to be sent" };
static QUEUE_CAPACITY: Metric = Metric {
    name: "otel.sdk.processor.span.queue.capacity",
    unit: "{span}",
    description: "Spans that may wait to be sent",
};

/// Queues spans up to a bound.
pub(crate) struct BoundedProcessor {
    inner: BatchSpanProcessor,
    waiting: Arc<Gauge>,
    waiting_max: i64,
    dropped: Arc<Counter>,
}

impl BoundedProcessor {
    pub(crate) fn new(exporter: OtlpExporter, waiting_max: usize) -> Self {
        let waiting = Gauge::of(&QUEUE_SIZE, &[]);
        let exporter = CountingExporter {
            inner: exporter,
            waiting: Arc::clone(&waiting),
            sent: Counter::of(&EXPORTED, &[]),
            failed: Counter::of(&EXPORTED, &[("error.type", "export_failed")]),
            failing: AtomicBool::new(false),
        };
        // The rest of it by the standard's variables.
        let config = BatchConfigBuilder::default().with_max_queue_size(waiting_max).build();
        let inner = BatchSpanProcessor::builder(exporter).with_batch_config(config).build();
        let waiting_max = i64::try_from(waiting_max).unwrap_or(i64::MAX);
        Gauge::of(&QUEUE_CAPACITY, &[]).set(waiting_max);
        Self { inner, waiting, waiting_max, dropped: Counter::of(&PROCESSED, &[("error.type", "queue_full")]) }
    }
}

impl fmt::Debug for BoundedProcessor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BoundedProcessor").field("waiting_max", &self.waiting_max).finish_non_exhaustive()
    }
}

impl SpanProcessor for BoundedProcessor {
    fn on_start(&self, span: &mut Span, context: &Context) {
        self.inner.on_start(span, context);
    }

    fn on_end(&self, span: SpanData) {
        // Two that come at once to the last place may both find it taken: a drop too many, never one too few.
        self.waiting.add(1);
        if self.waiting.read() > self.waiting_max {
            self.waiting.add(-1);
            self.dropped.add(1);
        } else {
            self.inner.on_end(span);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.inner.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.inner.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.inner.set_resource(resource);
    }
}

#[derive(Debug)]
struct CountingExporter {
    inner: OtlpExporter,
    waiting: Arc<Gauge>,
    sent: Arc<Counter>,
    failed: Arc<Counter>,
    /// The last batch was not taken; said in the log when it began.
    failing: AtomicBool,
}

impl SpanExporter for CountingExporter {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let count = batch.len();
        let result = self.inner.export(batch).await;
        // They hold their places until here, so that what waits is all that is kept in memory.
        self.waiting.add(-i64::try_from(count).unwrap_or(i64::MAX));
        let counter = if result.is_ok() { &self.sent } else { &self.failed };
        counter.add(count as u64);
        let was_failing = self.failing.swap(result.is_err(), Ordering::Relaxed);
        match &result {
            Err(error) if !was_failing => tracing::warn!(error = chain(error), "the collector does not take spans"),
            Ok(()) if was_failing => tracing::info!("the collector takes spans again"),
            _ => {}
        }
        result
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.inner.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.inner.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.inner.set_resource(resource);
    }
}

//! Starts and stops telemetry, once a process.

use std::io::{self, IsTerminal};
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::{ExporterBuildError, MetricExporter, SpanExporter, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::metrics::SdkMeterProvider;
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};
use tokio::sync::oneshot;
use tracing::subscriber::Interest;
use tracing::{Metadata, Subscriber};
use tracing_subscriber::filter::{LevelFilter, ParseError};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};
use tracing_subscriber::{EnvFilter, fmt};

use crate::chain::chain;
use crate::config::{Config, Logs};
use crate::{metrics, propagation, request, rpc, sampling};

/// How long the end of a process waits for the last spans: a collector that does not answer must not hold a restart.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(3);

/// Spans of ours are INFO; those of libraries below are their own affair.
const SPANS_LEVEL_MAX: LevelFilter = LevelFilter::INFO;

/// Why telemetry did not start.
#[derive(Debug, thiserror::Error)]
pub enum InitError {
    /// `RUST_LOG` cannot be read.
    #[error("the log filter `{filter}` cannot be read")]
    LogFilter {
        /// What it says.
        filter: String,
        /// Why not.
        source: ParseError,
    },
    /// The collector's address is no address, or needs what is not built in.
    #[error("spans or metrics cannot be sent to the collector")]
    Exporter(#[source] ExporterBuildError),
    /// The thread that sends could not be started.
    #[error("the thread that sends telemetry could not be started")]
    Thread(#[source] io::Error),
    /// Some other code of this process listens to spans and logs already.
    #[error("telemetry was started before")]
    Twice(#[source] TryInitError),
}

/// Sends what is left when dropped, for at most three seconds.
#[must_use = "telemetry ends with it"]
#[derive(Debug)]
pub struct Telemetry {
    traces: Option<SdkTracerProvider>,
    metrics: Option<SdkMeterProvider>,
    sender: Option<Sender>,
}

/// The runtime that talks to the collector: a thread of its own, so that sending neither waits for the services' runtime
/// nor holds it up, whatever its shape.
#[derive(Debug)]
struct Sender {
    stop: oneshot::Sender<()>,
    thread: JoinHandle<()>,
}

/// Starts telemetry for this process. Logs begin at once. To be called once, early, before threads that log.
pub fn init(config: &Config) -> Result<Telemetry, InitError> {
    let log_filter = EnvFilter::builder()
        .parse(&config.log_filter)
        .map_err(|source| InitError::LogFilter { filter: config.log_filter.clone(), source })?;
    let (telemetry, tracer) = if config.disabled {
        (Telemetry { traces: None, metrics: None, sender: None }, None)
    } else {
        let telemetry = start(config)?;
        let tracer = telemetry.traces.as_ref().map(|traces| traces.tracer("citizens-access"));
        (telemetry, tracer)
    };
    // As far as spans and logs are wanted at all. Without a filter's hint nothing can be ruled out.
    let level_max = log_filter.max_level_hint().unwrap_or(LevelFilter::TRACE).max(SPANS_LEVEL_MAX);
    let spans = tracer.map(|tracer| {
        tracing_opentelemetry::layer()
            .with_tracer(tracer)
            .with_location(false)
            .with_threads(false)
            .with_target(false)
            .with_tracked_inactivity(false)
            // Contexts go by tracing's spans alone; attaching them to the thread at each poll would cost and help nobody.
            .with_context_activation(false)
            .with_filter(SPANS_LEVEL_MAX)
    });
    let human = match config.logs {
        Logs::Human => true,
        Logs::Json => false,
        Logs::Auto => io::stderr().is_terminal(),
    };
    let logs = fmt::layer().with_writer(io::stderr);
    let logs = if human {
        logs.with_ansi(io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none()).boxed()
    } else {
        logs.json().flatten_event(true).with_span_list(false).boxed()
    };
    tracing_subscriber::registry()
        .with(spans)
        .with(logs.with_filter(log_filter))
        .with(QuietRequests { level_max })
        .try_init()
        .map_err(InitError::Twice)?;
    propagation::set_propagates(config.propagates);
    rpc::set_duplicates(config.duplicates_rpc_names);
    if !config.disabled {
        sampling::set(config.sampling);
    }
    Ok(telemetry)
}

fn start(config: &Config) -> Result<Telemetry, InitError> {
    let resource = Resource::builder().with_service_name(config.service_name.clone()).build();
    // What is built has been decided on already; the provider must not decide again.
    let traces = SdkTracerProvider::builder().with_resource(resource.clone()).with_sampler(Sampler::AlwaysOn);
    if config.traces_endpoint.is_none() && config.metrics_endpoint.is_none() {
        return Ok(Telemetry { traces: Some(traces.build()), metrics: None, sender: None });
    }

    let (built, building) = mpsc::sync_channel(1);
    let (stop, stopped) = oneshot::channel();
    let endpoints = (config.traces_endpoint.clone(), config.metrics_endpoint.clone());
    let send = move || {
        // The exporters' connections live on this runtime; it runs until the last spans are sent.
        let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => runtime,
            Err(error) => return drop(built.send(Err(InitError::Thread(error)))),
        };
        let exporters = runtime.block_on(async { exporters(endpoints) });
        if built.send(exporters.map_err(InitError::Exporter)).is_ok() {
            // An error says that `Telemetry` is gone, which is a stop as well.
            let _ = runtime.block_on(stopped);
        }
    };
    let thread = thread::Builder::new().name("telemetry".to_owned()).spawn(send).map_err(InitError::Thread)?;
    let (spans, metrics) = match building.recv() {
        Ok(exporters) => exporters?,
        Err(_) => return Err(InitError::Thread(io::Error::other("it ended before it began"))),
    };
    let traces = match spans {
        Some(exporter) => traces.with_batch_exporter(exporter).build(),
        None => traces.build(),
    };
    let metrics = metrics.map(|exporter| {
        let provider = SdkMeterProvider::builder().with_resource(resource).with_periodic_exporter(exporter).build();
        metrics::observe(&provider);
        provider
    });
    Ok(Telemetry { traces: Some(traces), metrics, sender: Some(Sender { stop, thread }) })
}

type Exporters = (Option<SpanExporter>, Option<MetricExporter>);

fn exporters(endpoints: (Option<String>, Option<String>)) -> Result<Exporters, ExporterBuildError> {
    let spans = endpoints.0.map(|url| SpanExporter::builder().with_tonic().with_endpoint(url).build());
    let metrics = endpoints.1.map(|url| MetricExporter::builder().with_tonic().with_endpoint(url).build());
    Ok((spans.transpose()?, metrics.transpose()?))
}

impl Telemetry {
    /// Sends what has ended so far and waits for it, at most a few seconds. For tests and for tools that end soon.
    pub fn flush(&self) {
        if let Some(traces) = &self.traces
            && let Err(error) = traces.force_flush()
        {
            tracing::warn!(error = chain(&error), "spans were not sent");
        }
        if let Some(metrics) = &self.metrics
            && let Err(error) = metrics.force_flush()
        {
            tracing::warn!(error = chain(&error), "metrics were not sent");
        }
    }
}

impl Drop for Telemetry {
    fn drop(&mut self) {
        if let Some(traces) = self.traces.take()
            && let Err(error) = traces.shutdown_with_timeout(SHUTDOWN_TIMEOUT)
        {
            tracing::warn!(error = chain(&error), "the last spans were not sent");
        }
        if let Some(metrics) = self.metrics.take()
            && let Err(error) = metrics.shutdown_with_timeout(SHUTDOWN_TIMEOUT)
        {
            tracing::warn!(error = chain(&error), "the last metrics were not sent");
        }
        if let Some(Sender { stop, thread }) = self.sender.take() {
            // Either it is gone already, or it goes now.
            let _ = stop.send(());
            let _ = thread.join();
        }
    }
}

/// No spans while a request is polled that is not recorded. A layer of its own, since a filter of one layer would still
/// have the registry build the span.
struct QuietRequests {
    /// This layer must say it as well: where one layer is silent, every level counts as wanted, and the registry builds
    /// the spans with which HTTP/2 traces each of its frames, for nobody. That took two thirds of a server's time.
    level_max: LevelFilter,
}

impl<S: Subscriber> Layer<S> for QuietRequests {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        if metadata.is_span() { Interest::sometimes() } else { Interest::always() }
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.level_max)
    }

    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        !(metadata.is_span() && request::is_quiet())
    }
}

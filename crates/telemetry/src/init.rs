//! Starts and stops telemetry, once a process.

use std::io::{self, IsTerminal};
use std::time::{Duration, Instant};

use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::ExporterBuildError;
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};
use tracing::subscriber::Interest;
use tracing::{Metadata, Subscriber};
use tracing_subscriber::filter::{LevelFilter, ParseError};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};
use tracing_subscriber::{EnvFilter, fmt};

use crate::chain::chain;
use crate::config::{Config, Logs};
use crate::export::{BoundedProcessor, CollectorError, HeaderError, Sender};
use crate::logs::{self, Traced};
use crate::{propagation, request, resource, rpc, sampling, transaction};

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
    /// The collector's address is no address, or its certificates are none.
    #[error("nothing can be sent to the collector")]
    Collector(#[source] CollectorError),
    /// What sends spans cannot be made.
    #[error("spans cannot be sent to the collector")]
    Exporter(#[source] ExporterBuildError),
    /// What goes with metrics cannot be sent.
    #[error("metrics cannot be sent to the collector")]
    Header(#[source] HeaderError),
    /// The thread that sends could not be started.
    #[error("the thread that sends telemetry could not be started")]
    Thread(#[source] io::Error),
    /// Some other code of this process listens to spans and logs already.
    #[error("telemetry was started before")]
    Twice(#[source] TryInitError),
}

/// Sends what is left when dropped, for at most [`Config::shutdown_timeout`].
#[must_use = "telemetry ends with it"]
#[derive(Debug)]
pub struct Telemetry {
    traces: Option<SdkTracerProvider>,
    sender: Option<Sender>,
    shutdown_timeout: Duration,
}

/// Starts telemetry for this process. Logs begin at once. To be called once, early, before threads that log.
pub fn init(config: &Config) -> Result<Telemetry, InitError> {
    let log_filter = EnvFilter::builder()
        .parse(&config.log_filter)
        .map_err(|source| InitError::LogFilter { filter: config.log_filter.clone(), source })?;
    let (telemetry, tracer) = if config.disabled {
        (Telemetry { traces: None, sender: None, shutdown_timeout: config.shutdown_timeout }, None)
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
    let logs = if human {
        let colours = io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        fmt::layer().with_writer(io::stderr).with_ansi(colours).boxed()
    } else {
        let json = fmt::format().json().flatten_event(true).with_span_list(false);
        fmt::layer().with_writer(io::stderr).json().event_format(Traced(json)).boxed()
    };
    tracing_subscriber::registry()
        .with(spans)
        .with(logs.with_filter(log_filter))
        .with(QuietRequests { level_max })
        .try_init()
        .map_err(InitError::Twice)?;
    logs::remember_subscriber();
    propagation::set_propagates(config.propagates);
    rpc::set_duplicates(config.duplicates_rpc_names);
    transaction::set_duplicates(config.duplicates_database_names);
    if !config.disabled {
        sampling::set(config.sampling);
    }
    Ok(telemetry)
}

fn start(config: &Config) -> Result<Telemetry, InitError> {
    let resource = resource::of(config);
    resource::set(&resource);
    // What is built has been decided on already; the provider must not decide again.
    let traces = SdkTracerProvider::builder().with_resource(resource).with_sampler(Sampler::AlwaysOn);
    if config.traces.is_none() && config.metrics.is_none() {
        return Ok(Telemetry { traces: Some(traces.build()), sender: None, shutdown_timeout: config.shutdown_timeout });
    }
    let (sender, spans) = Sender::start(config)?;
    let traces = match spans {
        Some(exporter) => traces.with_span_processor(BoundedProcessor::new(exporter, config.spans_waiting_max)).build(),
        None => traces.build(),
    };
    Ok(Telemetry { traces: Some(traces), sender: Some(sender), shutdown_timeout: config.shutdown_timeout })
}

impl Telemetry {
    /// Sends what has ended so far and waits for it, at most a few seconds. For tests and for tools that end soon.
    pub fn flush(&self) {
        if let Some(traces) = &self.traces
            && let Err(error) = traces.force_flush()
        {
            tracing::warn!(error = chain(&error), "spans were not sent");
        }
    }
}

impl Drop for Telemetry {
    fn drop(&mut self) {
        let limit = Instant::now() + self.shutdown_timeout;
        // At the same time, so that the limit is one for both.
        if let Some(sender) = &mut self.sender {
            sender.send_last_metrics();
        }
        if let Some(traces) = self.traces.take()
            && let Err(error) = traces.shutdown_with_timeout(self.shutdown_timeout)
        {
            tracing::warn!(error = chain(&error), "the last spans were not sent");
        }
        if let Some(sender) = self.sender.take() {
            sender.end(limit);
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

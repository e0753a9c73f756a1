//! The thread that talks to the collector.

use std::io;
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::Instant;

use opentelemetry_otlp::{Compression as Packing, SpanExporter, WithExportConfig, WithTonicConfig};
use tokio::sync::oneshot;

use super::channel;
use super::metrics::{MetricsSender, Target};
use crate::collector::{Collector, Compression};
use crate::config::Config;
use crate::init::InitError;

/// A runtime on a thread of its own, so that sending neither waits for the services' runtime nor holds it up, whatever
/// its shape. The exporters' connections live on it; it runs until the last spans are sent.
#[derive(Debug)]
pub(crate) struct Sender {
    /// None once it was used.
    last_metrics: Option<oneshot::Sender<()>>,
    stop: oneshot::Sender<Instant>,
    thread: JoinHandle<()>,
}

impl Sender {
    /// Starts the thread, which sends metrics where that is wanted; also what sends spans by it.
    pub(crate) fn start(config: &Config) -> Result<(Self, Option<SpanExporter>), InitError> {
        let (built, building) = mpsc::sync_channel(1);
        let (stop, stopped) = oneshot::channel::<Instant>();
        let (last_metrics, last_wanted) = oneshot::channel();
        let traces = config.traces.clone();
        let target = Target::of(config);
        let send = move || {
            let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
                Ok(runtime) => runtime,
                Err(error) => return drop(built.send(Err(InitError::Thread(error)))),
            };
            runtime.block_on(async {
                let (spans, metrics) = match exporters(traces, target) {
                    Ok(exporters) => exporters,
                    Err(error) => return drop(built.send(Err(error))),
                };
                if built.send(Ok(spans)).is_err() {
                    return;
                }
                let sending = tokio::spawn(async move {
                    if let Some(metrics) = metrics {
                        metrics.run(last_wanted).await;
                    }
                });
                // An error says that `Telemetry` is gone, which is a stop without any time left.
                if let Ok(limit) = stopped.await {
                    let _ = tokio::time::timeout_at(limit.into(), sending).await;
                }
            });
        };
        let thread = thread::Builder::new().name("telemetry".to_owned()).spawn(send).map_err(InitError::Thread)?;
        let spans = match building.recv() {
            Ok(spans) => spans?,
            Err(_) => return Err(InitError::Thread(io::Error::other("it ended before it began"))),
        };
        Ok((Self { last_metrics: Some(last_metrics), stop, thread }, spans))
    }

    /// Has metrics sent once more, and then no longer.
    pub(crate) fn send_last_metrics(&mut self) {
        if let Some(last_metrics) = self.last_metrics.take() {
            // Where metrics are not sent nobody listens.
            let _ = last_metrics.send(());
        }
    }

    /// Ends the thread, at `limit` whether it has sent them or not.
    pub(crate) fn end(self, limit: Instant) {
        // Either it is gone already, or it goes now.
        let _ = self.stop.send(limit);
        let _ = self.thread.join();
    }
}

type Exporters = (Option<SpanExporter>, Option<MetricsSender>);

fn exporters(traces: Option<Collector>, metrics: Option<Target>) -> Result<Exporters, InitError> {
    let spans = traces.map(|collector| span_exporter(&collector)).transpose()?;
    Ok((spans, metrics.map(MetricsSender::new).transpose()?))
}

fn span_exporter(collector: &Collector) -> Result<SpanExporter, InitError> {
    let channel = channel::open(collector).map_err(InitError::Collector)?;
    let exporter = SpanExporter::builder().with_tonic().with_channel(channel).with_timeout(collector.timeout);
    let exporter = match collector.compression {
        Compression::None => exporter,
        Compression::Gzip => exporter.with_compression(Packing::Gzip),
    };
    exporter.build().map_err(InitError::Exporter)
}

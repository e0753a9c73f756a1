//! Sends metrics from time to time.

use std::time::{Duration, SystemTime};

use http::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry_proto::tonic::collector::metrics::v1::metrics_service_client::MetricsServiceClient;
use tokio::sync::oneshot;
use tokio::time::{Instant, MissedTickBehavior};
use tonic::codec::CompressionEncoding;
use tonic::metadata::MetadataMap;
use tonic::transport::Channel;
use tonic::{Request, Status};

use super::channel;
use crate::chain::chain;
use crate::collector::{Collector, Compression};
use crate::config::Config;
use crate::init::InitError;
use crate::metrics::{gather, now, otlp};
use crate::resource;

/// What goes with metrics and cannot be sent; its value may be a secret.
#[derive(Debug, thiserror::Error)]
#[error("the header `{name}` cannot be sent")]
pub struct HeaderError {
    /// Its name.
    pub name: String,
}

/// Where to, and how often.
#[derive(Debug)]
pub(crate) struct Target {
    collector: Collector,
    headers: Vec<(String, String)>,
    interval: Duration,
}

impl Target {
    /// None where metrics are not to be sent.
    pub(crate) fn of(config: &Config) -> Option<Self> {
        Some(Self {
            collector: config.metrics.clone()?,
            headers: config.metrics_headers.clone(),
            interval: config.metrics_interval,
        })
    }
}

pub(crate) struct MetricsSender {
    client: MetricsServiceClient<Channel>,
    headers: MetadataMap,
    interval: Duration,
    timeout: Duration,
    since: SystemTime,
    /// The last sending failed; said in the log when it began.
    failing: bool,
}

impl MetricsSender {
    /// To be called within the runtime that is to send.
    pub(crate) fn new(target: Target) -> Result<Self, InitError> {
        let Target { collector, headers, interval } = target;
        let mut sent = HeaderMap::new();
        for (name, value) in headers {
            let pair = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(&value));
            let (Ok(key), Ok(value)) = pair else { return Err(InitError::Header(HeaderError { name })) };
            sent.append(key, value);
        }
        let client = MetricsServiceClient::new(channel::open(&collector).map_err(InitError::Collector)?);
        let client = match collector.compression {
            Compression::None => client,
            Compression::Gzip => client.send_compressed(CompressionEncoding::Gzip),
        };
        let headers = MetadataMap::from_headers(sent);
        Ok(Self { client, headers, interval, timeout: collector.timeout, since: now(), failing: false })
    }

    /// Sends each interval until `last` comes, then once more. Ends as well where nobody can send `last` any more.
    pub(crate) async fn run(mut self, last: oneshot::Receiver<()>) {
        let mut ticks = tokio::time::interval_at(Instant::now() + self.interval, self.interval);
        // After a collector that was slow there is nothing to make up for: each sending has everything.
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut last = std::pin::pin!(last);
        loop {
            let is_last = tokio::select! {
                biased;
                wanted = &mut last => {
                    if wanted.is_err() {
                        return;
                    }
                    true
                }
                _ = ticks.tick() => false,
            };
            // A sending that hangs does not keep the last one waiting.
            let sent = self.send();
            if is_last {
                let result = sent.await;
                return self.report(&result);
            }
            let result = tokio::select! {
                biased;
                result = sent => result,
                wanted = &mut last => {
                    if wanted.is_ok() {
                        let result = self.send().await;
                        self.report(&result);
                    }
                    return;
                }
            };
            self.report(&result);
        }
    }

    fn send(&self) -> impl Future<Output = Result<(), Status>> + use<> {
        let message = otlp::request(&gather(), resource::attributes(), self.since, now());
        let mut request = Request::new(message);
        *request.metadata_mut() = self.headers.clone();
        request.set_timeout(self.timeout);
        let (mut client, timeout) = (self.client.clone(), self.timeout);
        async move {
            match tokio::time::timeout(timeout, client.export(request)).await {
                Ok(sent) => sent.map(|_| ()),
                Err(_) => Err(Status::deadline_exceeded("it did not answer in time")),
            }
        }
    }

    fn report(&mut self, result: &Result<(), Status>) {
        match result {
            Err(error) if !self.failing => {
                tracing::warn!(error = chain(error), "the collector does not take metrics");
                self.failing = true;
            }
            Ok(()) if self.failing => {
                tracing::info!("the collector takes metrics again");
                self.failing = false;
            }
            _ => {}
        }
    }
}

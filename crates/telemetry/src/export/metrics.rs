//! Sends metrics from time to time.

use std::time::{Duration, SystemTime};

use http::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry_proto::tonic::collector::metrics::v1::metrics_service_client::MetricsServiceClient;
use tokio::sync::oneshot;
use tokio::time::{Instant, MissedTickBehavior};
use tonic::metadata::MetadataMap;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status};

use crate::chain::chain;
use crate::config::Config;
use crate::metrics::{gather, now, otlp};
use crate::resource;

/// Why metrics cannot be sent.
#[derive(Debug, thiserror::Error)]
pub enum MetricsError {
    /// The collector's address.
    #[error("`{endpoint}` is no URL")]
    Endpoint {
        /// What it says.
        endpoint: String,
        /// Why not.
        source: tonic::transport::Error,
    },
    /// What goes with them; its value may be a secret.
    #[error("the header `{name}` cannot be sent")]
    Header {
        /// Its name.
        name: String,
    },
}

/// Where to, and how often.
#[derive(Debug)]
pub(crate) struct Target {
    endpoint: String,
    headers: Vec<(String, String)>,
    interval: Duration,
    timeout: Duration,
}

impl Target {
    /// None where metrics are not to be sent.
    pub(crate) fn of(config: &Config) -> Option<Self> {
        Some(Self {
            endpoint: config.metrics_endpoint.clone()?,
            headers: config.metrics_headers.clone(),
            interval: config.metrics_interval,
            timeout: config.metrics_timeout,
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
    pub(crate) fn new(target: Target) -> Result<Self, MetricsError> {
        let Target { endpoint, headers, interval, timeout } = target;
        let address = Endpoint::from_shared(endpoint.clone());
        let address = address.map_err(|source| MetricsError::Endpoint { endpoint, source })?;
        let mut sent = HeaderMap::new();
        for (name, value) in headers {
            let pair = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(&value));
            let (Ok(key), Ok(value)) = pair else { return Err(MetricsError::Header { name }) };
            sent.append(key, value);
        }
        let client = MetricsServiceClient::new(address.connect_timeout(timeout).connect_lazy());
        let headers = MetadataMap::from_headers(sent);
        Ok(Self { client, headers, interval, timeout, since: now(), failing: false })
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

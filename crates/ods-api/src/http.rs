//! One page of an interface: its attempts, its pauses, its limits.

use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, DATE, LOCATION, RETRY_AFTER, USER_AGENT};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt, Empty, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use jiff::Timestamp;
use jiff::fmt::rfc2822;
use ods::DocumentFault;
use tokio::time::{Instant, sleep, timeout};

use crate::budget::Budget;
use crate::config::{ApiConfig, ConfigError};
use crate::error::ApiError;
use crate::pace::Pace;

/// The header in which the publisher's gateway expects the key.
const KEY_HEADER: &str = "apikey";

/// A pause that the publisher names is made longer than this only up to the deadline; without one named, a rate limit
/// is over in the next minute.
const RATE_LIMIT_PAUSE: Duration = Duration::from_secs(60);

/// Asks one interface.
#[derive(Debug)]
pub(crate) struct Http {
    pub(crate) config: ApiConfig,
    client: Transport,
    pace: Pace,
    budget: Budget,
}

/// In the clear to this machine alone, which [`BaseUrl`](crate::BaseUrl) sees to.
#[derive(Debug)]
enum Transport {
    Plain(Client<HttpConnector, Empty<Bytes>>),
    Tls(Client<HttpsConnector<HttpConnector>, Empty<Bytes>>),
}

/// A page that was read.
pub(crate) struct Page<T> {
    pub(crate) document: T,
    pub(crate) headers: HeaderMap,
}

/// An attempt that failed.
struct Failed {
    error: ApiError,
    again: Again,
}

/// Whether to ask again.
enum Again {
    /// It would not help.
    No,
    /// After a pause of our own.
    Later,
    /// After the pause that the publisher names.
    After(Duration),
}

impl Http {
    pub(crate) fn new(config: ApiConfig) -> Result<Self, ConfigError> {
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(config.connect_timeout));
        connector.enforce_http(config.base.is_plain());
        let builder = Client::builder(TokioExecutor::new());
        let client = if config.base.is_plain() {
            Transport::Plain(builder.build(connector))
        } else {
            let provider = rustls::crypto::ring::default_provider();
            let tls = HttpsConnectorBuilder::new()
                .with_provider_and_native_roots(provider)
                .map_err(|source| ConfigError::Roots { source })?
                .https_only()
                .enable_http1();
            Transport::Tls(builder.build(tls.wrap_connector(connector)))
        };
        let pace = Pace::new(config.requests_per_second);
        Ok(Self { config, client, pace, budget: Budget::new() })
    }

    /// Reads the page at `path_and_query`, asking again where that may help. `parse` reads a body that came with 200; a
    /// body that was cut short is asked for again, `said` words what a refusal's body says.
    pub(crate) async fn page<T>(
        &self,
        path_and_query: &str,
        accept: &'static str,
        parse: impl Fn(&[u8]) -> Result<T, DocumentFault>,
        said: fn(&[u8]) -> Option<String>,
    ) -> Result<Page<T>, ApiError> {
        let deadline = Instant::now() + self.config.deadline;
        self.budget.earn();
        let mut failed = 0;
        loop {
            self.pace.turn().await;
            let limit = self.config.attempt_timeout.min(deadline.saturating_duration_since(Instant::now()));
            let attempt = timeout(limit, self.attempt(path_and_query, accept, &parse, said)).await;
            let Failed { error, again } = match attempt {
                Ok(Ok(page)) => return Ok(page),
                Ok(Err(failed)) => failed,
                Err(_) => Failed {
                    error: ApiError::TooSlow { address: self.address(path_and_query), seconds: limit.as_secs() },
                    again: Again::Later,
                },
            };
            failed += 1;
            let pause = match again {
                Again::No => return Err(error),
                Again::Later => self.budget.pause(&self.config, path_and_query, failed),
                Again::After(pause) => pause,
            };
            let in_time = Instant::now() + pause < deadline;
            if failed >= self.config.attempts_max || !in_time || !self.budget.spend() {
                return Err(error);
            }
            tracing::debug!(path = path_and_query, failed, ?pause, %error, "asking again");
            sleep(pause).await;
        }
    }

    /// The address as errors name it: without its query, which says little and is long.
    pub(crate) fn address(&self, path_and_query: &str) -> String {
        let path = path_and_query.split('?').next().unwrap_or_default();
        self.config.base.uri(path).map_or_else(|_| path.to_owned(), |uri| uri.to_string())
    }

    async fn attempt<T>(
        &self,
        path_and_query: &str,
        accept: &'static str,
        parse: &impl Fn(&[u8]) -> Result<T, DocumentFault>,
        said: fn(&[u8]) -> Option<String>,
    ) -> Result<Page<T>, Failed> {
        let address = self.address(path_and_query);
        let request = self.request(path_and_query, accept);
        let request = request.map_err(|error| Failed::for_good(unreachable(&address, &error)))?;
        let sent = match &self.client {
            Transport::Plain(client) => client.request(request).await,
            Transport::Tls(client) => client.request(request).await,
        };
        let reply = sent.map_err(|error| Failed { error: unreachable(&address, &error), again: Again::Later })?;
        let (status, headers) = (reply.status(), reply.headers().clone());
        let body = match self.body(reply).await {
            Ok(body) => body,
            Err(Broken::TooLong) => {
                let bytes_max = self.config.body_bytes_max;
                return Err(Failed::for_good(ApiError::TooLong { address, bytes_max }));
            }
            // Cut off on its way.
            Err(Broken::Off(cause)) => {
                return Err(Failed { error: ApiError::Unreachable { address, cause }, again: Again::Later });
            }
        };
        if status != StatusCode::OK {
            return Err(refusal(address, status, &headers, said(&body)));
        }
        let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("nothing named");
        if !content_type.contains("json") {
            let content_type = content_type.to_owned();
            return Err(Failed::for_good(ApiError::NotJson { address, content_type }));
        }
        match parse(&body) {
            Ok(document) => Ok(Page { document, headers }),
            Err(source) => {
                let again = if source.is_truncation() { Again::Later } else { Again::No };
                Err(Failed { error: ApiError::Document { address, source: Box::new(source) }, again })
            }
        }
    }

    fn request(&self, path_and_query: &str, accept: &'static str) -> Result<Request<Empty<Bytes>>, http::Error> {
        let uri = self.config.base.uri(path_and_query)?;
        let agent = concat!("citizens-access/", env!("CARGO_PKG_VERSION"));
        let mut request = Request::get(uri).header(ACCEPT, accept).header(USER_AGENT, agent).body(Empty::new())?;
        if let Some(key) = &self.config.key {
            request.headers_mut().insert(KEY_HEADER, key.header());
        }
        Ok(request)
    }

    async fn body(&self, reply: Response<Incoming>) -> Result<Bytes, Broken> {
        let limited = Limited::new(reply.into_body(), self.config.body_bytes_max);
        let whole = limited.collect().await.map_err(|error| match error.downcast::<LengthLimitError>() {
            Ok(_) => Broken::TooLong,
            Err(error) => Broken::Off(chain(error.as_ref())),
        })?;
        Ok(whole.to_bytes())
    }
}

/// A body that did not come whole.
enum Broken {
    TooLong,
    Off(String),
}

impl Failed {
    fn for_good(error: ApiError) -> Self {
        Self { error, again: Again::No }
    }
}

/// What a status other than 200 means.
fn refusal(address: String, status: StatusCode, headers: &HeaderMap, said: Option<String>) -> Failed {
    let code = status.as_u16();
    let named = retry_after(headers);
    match code {
        429 => {
            let pause = named.unwrap_or(RATE_LIMIT_PAUSE);
            let error = ApiError::RateLimited { address, retry_after_s: pause.as_secs() };
            Failed { error, again: Again::After(pause) }
        }
        408 | 500..=599 => Failed {
            error: ApiError::OutOfOrder { address, status: code },
            again: named.map_or(Again::Later, Again::After),
        },
        300..=399 => {
            let location = headers.get(LOCATION).and_then(|value| value.to_str().ok()).unwrap_or("nowhere").to_owned();
            Failed::for_good(ApiError::Redirected { address, location })
        }
        401 | 403 => Failed::for_good(ApiError::KeyRefused { address, status: code }),
        404 | 410 => Failed::for_good(ApiError::NotFound { address, status: code }),
        _ => Failed::for_good(ApiError::NotAcceptable { address, status: code, said: said.unwrap_or_default() }),
    }
}

/// The pause that a reply names, in seconds or as a moment. A moment is counted from the reply's own date, by the clock
/// that wrote both.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?;
    if let Ok(seconds) = text.trim().parse() {
        return Some(Duration::from_secs(seconds));
    }
    let from = moment(headers.get(DATE)?)?;
    let until = moment(headers.get(RETRY_AFTER)?)?;
    Some(Duration::try_from(until.duration_since(from)).unwrap_or_default())
}

/// HTTP's form of a moment, which is a strict form of e-mail's.
fn moment(value: &HeaderValue) -> Option<Timestamp> {
    rfc2822::DateTimeParser::new().parse_timestamp(value.to_str().ok()?).ok()
}

fn unreachable(address: &str, error: &dyn std::error::Error) -> ApiError {
    ApiError::Unreachable { address: address.to_owned(), cause: chain(error) }
}

/// A connection error says little itself; its sources say what happened.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let more = error.to_string();
        if !text.ends_with(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        source = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(retry_after: &'static str) -> HeaderMap {
        let date = HeaderValue::from_static("Mon, 02 Jun 2031 08:00:00 GMT");
        HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from_static(retry_after)), (DATE, date)])
    }

    #[test]
    fn a_pause_is_named_in_seconds_or_as_a_moment_by_the_publishers_clock() {
        let named = |text| retry_after(&headers(text));
        assert_eq!(named("7"), Some(Duration::from_secs(7)));
        assert_eq!(named("Mon, 02 Jun 2031 08:01:30 GMT"), Some(Duration::from_secs(90)));
        assert_eq!(named("Mon, 02 Jun 2031 07:00:00 GMT"), Some(Duration::ZERO));
        assert_eq!(named("soon"), None);
    }
}

//! One page of an interface: its attempts, its pauses, its limits.

use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, LOCATION, USER_AGENT};
use http::{HeaderMap, Request, StatusCode};
use http_body_util::Full;
use ods::DocumentFault;
use outgoing::{Broken, HttpClient, Pace, Reply, retry_after};
use tokio::time::{Instant, sleep, timeout};

use crate::budget::Budget;
use crate::config::{ApiConfig, ConfigError};
use crate::error::ApiError;

/// The header in which the publisher's gateway expects the key.
const KEY_HEADER: &str = "apikey";

/// A pause that the publisher names is made longer than this only up to the deadline; without one named, a rate limit
/// is over in the next minute.
const RATE_LIMIT_PAUSE: Duration = Duration::from_secs(60);

/// Asks one interface.
#[derive(Debug)]
pub(crate) struct Http {
    pub(crate) config: ApiConfig,
    client: HttpClient,
    pace: Pace,
    budget: Budget,
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
        let client = HttpClient::new(&config.base, config.connect_timeout, config.body_bytes_max)?;
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
        let request = request.map_err(|error| {
            Failed::for_good(ApiError::Unreachable { address: address.clone(), cause: error.to_string() })
        })?;
        let Reply { status, headers, body } =
            self.client.exchange(request).await.map_err(|broken| failed(&address, broken))?;
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

    fn request(&self, path_and_query: &str, accept: &'static str) -> Result<Request<Full<Bytes>>, http::Error> {
        let uri = self.config.base.uri(path_and_query)?;
        let agent = concat!("citizens-access/", env!("CARGO_PKG_VERSION"));
        let mut request = Request::get(uri).header(ACCEPT, accept).header(USER_AGENT, agent).body(Full::default())?;
        if let Some(key) = &self.config.key {
            request.headers_mut().insert(KEY_HEADER, key.header());
        }
        Ok(request)
    }
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

fn failed(address: &str, broken: Broken) -> Failed {
    let address = address.to_owned();
    match broken {
        Broken::NoConnection(cause) | Broken::Off(cause) => {
            Failed { error: ApiError::Unreachable { address, cause }, again: Again::Later }
        }
        Broken::TooLong { bytes_max } => Failed::for_good(ApiError::TooLong { address, bytes_max }),
    }
}

//! Where an issuer publishes its keys.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http::header::{ACCEPT, HOST};
use http_body_util::Full;
use jws::{KeySet, KeySetError};
use outgoing::{BadAddress, BaseUrl, Broken, HttpClient, NoRoots};

/// Largest set: sixty-four keys take a third of it.
const SET_BYTES_MAX: usize = 256 << 10;
/// A server that takes longer is down.
const FETCH_TIMEOUT: Duration = Duration::from_secs(10);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Where an issuer's key set is: a file, or an address (https, or http to this machine).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeySource {
    /// A file on this machine.
    File(PathBuf),
    /// An address.
    Url(BaseUrl),
}

/// Keys could not be had.
#[derive(Debug, thiserror::Error)]
pub enum KeySourceError {
    /// The address cannot be used.
    #[error(transparent)]
    Address(#[from] BadAddress),
    /// TLS cannot be spoken.
    #[error(transparent)]
    NoRoots(#[from] NoRoots),
    /// The file cannot be read.
    #[error("cannot read {path}")]
    File {
        /// Which.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The address makes no request.
    #[error("{url} makes no request")]
    Request {
        /// The address.
        url: String,
        /// What is wrong with it.
        source: http::Error,
    },
    /// No answer came.
    #[error("{url} gave no answer")]
    Broken {
        /// The address.
        url: String,
        /// What happened.
        source: Broken,
    },
    /// No answer came in time.
    #[error("{url} gave no answer within {} s", FETCH_TIMEOUT.as_secs())]
    Late {
        /// The address.
        url: String,
    },
    /// The answer is no key set.
    #[error("{url} answered {status}")]
    Status {
        /// The address.
        url: String,
        /// The status.
        status: http::StatusCode,
    },
    /// What came is no set of keys.
    #[error("the keys at {place} cannot be used")]
    Set {
        /// Where they are.
        place: String,
        /// What is wrong with them.
        source: KeySetError,
    },
}

impl FromStr for KeySource {
    type Err = BadAddress;

    fn from_str(text: &str) -> Result<Self, BadAddress> {
        if text.contains("://") { text.parse().map(Self::Url) } else { Ok(Self::File(text.into())) }
    }
}

impl fmt::Display for KeySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Url(url) => write!(f, "{url}"),
        }
    }
}

/// A source that can be asked.
#[derive(Debug)]
pub(crate) enum Fetcher {
    File(PathBuf),
    Url { url: BaseUrl, client: Box<HttpClient> },
}

impl Fetcher {
    pub(crate) fn new(source: &KeySource) -> Result<Self, KeySourceError> {
        match source {
            KeySource::File(path) => Ok(Self::File(path.clone())),
            KeySource::Url(url) => {
                let client = Box::new(HttpClient::new(url, CONNECT_TIMEOUT, SET_BYTES_MAX)?);
                Ok(Self::Url { url: url.clone(), client })
            }
        }
    }

    /// The keys as they are there now.
    pub(crate) async fn fetch(&self) -> Result<KeySet, KeySourceError> {
        match self {
            Self::File(path) => {
                let read = std::fs::read(path).map_err(|source| KeySourceError::File { path: path.clone(), source })?;
                parse(&read, &path.display().to_string())
            }
            Self::Url { url, client } => {
                let fetched = tokio::time::timeout(FETCH_TIMEOUT, fetch(url, client)).await;
                parse(&fetched.map_err(|_| KeySourceError::Late { url: url.to_string() })??, &url.to_string())
            }
        }
    }

    /// The modification of a file, by which it is known to have changed; None for what has to be asked.
    pub(crate) fn stamp(&self) -> Option<(std::time::SystemTime, u64)> {
        let Self::File(path) = self else { return None };
        let metadata = std::fs::metadata(path).ok()?;
        Some((metadata.modified().ok()?, metadata.len()))
    }

    pub(crate) fn is_file(&self) -> bool {
        matches!(self, Self::File(_))
    }
}

async fn fetch(url: &BaseUrl, client: &HttpClient) -> Result<Bytes, KeySourceError> {
    let refused = |source| KeySourceError::Request { url: url.to_string(), source };
    let uri = url.uri(&url.below("")).map_err(refused)?;
    let host = uri.authority().map_or("", |authority| authority.as_str()).to_owned();
    let request = Request::get(uri).header(HOST, host).header(ACCEPT, "application/json").body(Full::default());
    let reply = client.exchange(request.map_err(refused)?).await;
    let reply = reply.map_err(|source| KeySourceError::Broken { url: url.to_string(), source })?;
    if reply.status.is_success() {
        Ok(reply.body)
    } else {
        Err(KeySourceError::Status { url: url.to_string(), status: reply.status })
    }
}

fn parse(json: &[u8], place: &str) -> Result<KeySet, KeySourceError> {
    KeySet::parse(json).map_err(|source| KeySourceError::Set { place: place.to_owned(), source })
}

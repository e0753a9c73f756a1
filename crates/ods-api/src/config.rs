//! Where an interface is and how it is asked, by name and with the reasons.

use std::fmt;
use std::net::IpAddr;
use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use http::uri::Scheme;
use http::{HeaderValue, Uri};

/// How an interface is asked.
#[derive(Clone, Debug)]
pub struct ApiConfig {
    /// Where it is.
    pub base: BaseUrl,
    /// What it is shown; ORD and the sandboxes ask for none.
    pub key: Option<ApiKey>,
    /// Requests a second, at most. "You should aim to keep usage below 5 requests per second", by the publisher.
    pub requests_per_second: u32,
    /// Organisations that are asked for on one page. The publisher's gateway gives no body above 10 MB; an organisation
    /// with its relationships has some tens of kilobytes.
    pub page_organisations: u32,
    /// To connect.
    pub connect_timeout: Duration,
    /// For one attempt, its body included: a full page takes the publisher some seconds.
    pub attempt_timeout: Duration,
    /// For one page with all its attempts and pauses: beyond it the run stands still and says so.
    pub deadline: Duration,
    /// Attempts at one page, the first included.
    pub attempts_max: u32,
    /// The longest pause after the first failed attempt; it doubles with each. The pause is drawn between nothing and
    /// that (full jitter).
    pub backoff_first: Duration,
    /// The longest pause of all, but for one that the publisher names.
    pub backoff_max: Duration,
    /// Longest body: above what the publisher's gateway gives at all.
    pub body_bytes_max: usize,
}

impl ApiConfig {
    /// The defaults, for the interface at `base`.
    #[must_use]
    pub fn new(base: BaseUrl) -> Self {
        Self {
            base,
            key: None,
            requests_per_second: 4,
            page_organisations: 100,
            connect_timeout: Duration::from_secs(5),
            attempt_timeout: Duration::from_secs(30),
            deadline: Duration::from_secs(180),
            attempts_max: 6,
            backoff_first: Duration::from_millis(500),
            backoff_max: Duration::from_secs(20),
            body_bytes_max: 16 * 1024 * 1024,
        }
    }
}

/// The address below which an interface's resources lie: `https://…`, or `http://` on this machine.
#[derive(Clone, PartialEq, Eq)]
pub struct BaseUrl {
    scheme: Scheme,
    authority: String,
    /// Without a slash at its end.
    path: String,
}

/// What is wrong with a configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// It is no address that can be used.
    #[error("{given} is not the address of an interface: {problem}")]
    Address {
        /// What was given.
        given: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The file of the key cannot be read.
    #[error("the API key's file {path} cannot be read")]
    KeyFile {
        /// The file.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// It is no key.
    #[error("the API key from {origin} is no single line of printable characters")]
    Key {
        /// Where it was to come from.
        origin: String,
    },
    /// The machine names no authorities by which a server could prove who it is.
    #[error("this machine has no root certificates: install its ca-certificates, or name a file in SSL_CERT_FILE")]
    Roots {
        /// What the system says.
        source: std::io::Error,
    },
}

impl BaseUrl {
    /// Is it spoken to in the clear?
    pub(crate) fn is_plain(&self) -> bool {
        self.scheme == Scheme::HTTP
    }

    /// A resource below it; `rest` begins with a slash.
    pub(crate) fn below(&self, rest: &str) -> String {
        format!("{}{rest}", self.path)
    }

    /// The whole address of a path and query on its server.
    pub(crate) fn uri(&self, path_and_query: &str) -> Result<Uri, http::Error> {
        let authority = self.authority.as_str();
        Uri::builder().scheme(self.scheme.clone()).authority(authority).path_and_query(path_and_query).build()
    }

    /// Path and query of a link that a page gives, if it leads below this address; to another place the key must not
    /// go.
    pub(crate) fn path_of(&self, link: &str) -> Option<String> {
        let uri: Uri = link.parse().ok()?;
        let same_server = match (uri.scheme(), uri.authority()) {
            (Some(scheme), Some(authority)) => *scheme == self.scheme && authority.as_str() == self.authority,
            // A link may be relative to the server.
            (None, None) => true,
            _ => false,
        };
        let below = uri.path().strip_prefix(&self.path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        (same_server && below).then(|| uri.path_and_query().map(ToString::to_string))?
    }
}

impl FromStr for BaseUrl {
    type Err = ConfigError;

    fn from_str(text: &str) -> Result<Self, ConfigError> {
        let bad = |problem| ConfigError::Address { given: text.to_owned(), problem };
        let uri: Uri = text.parse().map_err(|_| bad("it is no URL"))?;
        let (Some(scheme), Some(authority)) = (uri.scheme(), uri.authority()) else {
            return Err(bad("it has no scheme and host, as https://api.service.nhs.uk/… has"));
        };
        if authority.as_str().contains('@') {
            // Its value is not repeated: it may be a secret.
            let given = format!("{scheme}://…@{}", authority.host());
            let problem = "it holds a user; give the key by a file";
            return Err(ConfigError::Address { given, problem });
        }
        if uri.query().is_some() {
            return Err(bad("it has a query"));
        }
        if *scheme != Scheme::HTTPS && !(*scheme == Scheme::HTTP && is_loopback(authority.host())) {
            return Err(bad("only https is spoken, and http on this machine alone"));
        }
        let path = uri.path().trim_end_matches('/').to_owned();
        Ok(Self { scheme: scheme.clone(), authority: authority.to_string(), path })
    }
}

fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}://{}{}", self.scheme, self.authority, self.path)
    }
}

impl fmt::Debug for BaseUrl {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "BaseUrl({self})")
    }
}

/// What an interface is shown. It is printed nowhere.
#[derive(Clone)]
pub struct ApiKey(HeaderValue);

impl ApiKey {
    /// The key in a file, without the line break at its end.
    ///
    /// # Errors
    /// Where the file cannot be read or holds no key.
    pub fn from_file(path: &Path) -> Result<Self, ConfigError> {
        let shown = path.display().to_string();
        let text =
            std::fs::read_to_string(path).map_err(|source| ConfigError::KeyFile { path: shown.clone(), source })?;
        Self::new(text.trim(), &shown)
    }

    /// A key that came from `origin`, which an error names in its place.
    ///
    /// # Errors
    /// Where it is no key.
    pub fn new(text: &str, origin: &str) -> Result<Self, ConfigError> {
        let printable = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
        let value = HeaderValue::from_str(text).ok().filter(|_| printable);
        let mut value = value.ok_or_else(|| ConfigError::Key { origin: origin.to_owned() })?;
        value.set_sensitive(true);
        Ok(Self(value))
    }

    pub(crate) fn header(&self) -> HeaderValue {
        self.0.clone()
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("ApiKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base(text: &str) -> BaseUrl {
        text.parse().unwrap()
    }

    #[test]
    fn only_https_is_spoken_but_to_this_machine() {
        for good in ["https://ods.example/fhir/", "http://127.0.0.1:9", "http://localhost:9/ORD", "http://[::1]:9"] {
            base(good);
        }
        for bad in ["http://ods.example/fhir", "ftp://ods.example", "ods.example", "https://ods.example/?a=b", ""] {
            assert!(bad.parse::<BaseUrl>().is_err(), "{bad}");
        }
        let said = "https://user:secret@ods.example/".parse::<BaseUrl>().unwrap_err().to_string();
        assert!(!said.contains("secret"), "{said}");
    }

    #[test]
    fn a_link_is_followed_only_below_the_address() {
        let base = base("https://ods.example/fhir");
        let next = base.path_of("https://ods.example/fhir/Organization?_offset=2");
        assert_eq!(next.as_deref(), Some("/fhir/Organization?_offset=2"));
        assert_eq!(base.path_of("/fhir/Organization?x").as_deref(), Some("/fhir/Organization?x"));
        for foreign in [
            "https://evil.example/fhir/Organization",
            "http://ods.example/fhir/Organization",
            "https://ods.example:444/fhir/Organization",
            "https://ods.example/fhirs/Organization",
            "https://ods.example/",
            "not a link",
        ] {
            assert_eq!(base.path_of(foreign), None, "{foreign}");
        }
    }

    #[test]
    fn a_key_is_never_printed() {
        let key = ApiKey::new("s3cret", "a test").unwrap();
        let config = ApiConfig { key: Some(key), ..ApiConfig::new(base("https://ods.example")) };
        assert!(!format!("{config:?}").contains("s3cret"));
        for bad in ["", "two words", "line\nbreak", "é"] {
            let said = ApiKey::new(bad, "a test").unwrap_err().to_string();
            assert!(bad.is_empty() || !said.contains(bad), "{said}");
        }
    }
}

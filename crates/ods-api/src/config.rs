//! Where an interface is and how it is asked, by name and with the reasons.

use std::fmt;
use std::path::Path;
use std::time::Duration;

use http::HeaderValue;
use outgoing::{BaseUrl, NoRoots};

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

/// What is wrong with a configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
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
    /// See there.
    #[error(transparent)]
    Roots(#[from] NoRoots),
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

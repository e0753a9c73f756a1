//! Where our token comes from.

use std::fmt;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use api::Error;
use http::HeaderValue;
use tonic::{Code, Status};

use crate::token::ClientCredentials;

/// Where a token comes from. It is printed nowhere.
pub enum TokenSource {
    /// It was given.
    Given(HeaderValue),
    /// It lies in a file, which whoever renews it replaces.
    File(TokenFile),
    /// A token endpoint gives it for a signed assertion.
    Endpoint(Box<ClientCredentials>),
}

/// A file with a token, read again when it has changed.
pub struct TokenFile {
    path: PathBuf,
    read: Mutex<Option<(SystemTime, HeaderValue)>>,
}

/// There is no token.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// What was given is none.
    #[error("{origin} holds no token: it must be one line, as an issuer gave it")]
    Malformed {
        /// Where it came from.
        origin: String,
    },
    /// The file cannot be read.
    #[error("cannot read the token in {path}")]
    File {
        /// Which.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
}

impl TokenSource {
    /// A token that came from `origin`, which an error names in its place.
    ///
    /// # Errors
    /// Where it is none.
    pub fn given(token: &str, origin: &str) -> Result<Self, TokenError> {
        header(token, origin).map(Self::Given)
    }

    /// The token in a file.
    ///
    /// # Errors
    /// Where there is none now.
    pub fn file(path: PathBuf) -> Result<Self, TokenError> {
        let file = TokenFile { path, read: Mutex::default() };
        file.header()?;
        Ok(Self::File(file))
    }

    /// `Bearer TOKEN`.
    pub(crate) async fn header(&self) -> Result<HeaderValue, Status> {
        match self {
            Self::Given(header) => Ok(header.clone()),
            Self::File(file) => file.header().map_err(|error| {
                Error::new(Code::Unauthenticated, "TOKEN_UNREADABLE", "there is no token to show: {cause}")
                    .with("cause", telemetry::chain(&error))
                    .into()
            }),
            Self::Endpoint(endpoint) => endpoint.header().await,
        }
    }
}

impl TokenFile {
    fn header(&self) -> Result<HeaderValue, TokenError> {
        let unread = |source| TokenError::File { path: self.path.clone(), source };
        let modified = std::fs::metadata(&self.path).and_then(|metadata| metadata.modified()).map_err(unread)?;
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, header)) = &*read
            && *at == modified
        {
            return Ok(header.clone());
        }
        let text = std::fs::read_to_string(&self.path).map_err(unread)?;
        let found = header(&text, &self.path.display().to_string())?;
        *read = Some((modified, found.clone()));
        Ok(found)
    }
}

/// `Bearer TOKEN`, where the text is one line of what tokens are made of.
pub(crate) fn header(token: &str, origin: &str) -> Result<HeaderValue, TokenError> {
    let token = token.trim();
    let is_token = !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic());
    let value = if is_token { HeaderValue::from_str(&format!("Bearer {token}")).ok() } else { None };
    value.ok_or_else(|| TokenError::Malformed { origin: origin.to_owned() })
}

impl fmt::Debug for TokenSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Given(_) => f.write_str("Given(…)"),
            Self::File(file) => write!(f, "File({})", file.path.display()),
            Self::Endpoint(endpoint) => endpoint.fmt(f),
        }
    }
}

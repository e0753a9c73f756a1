//! A secret, which nothing prints.

use std::fmt;
use std::path::Path;

use crate::error::ConfigError;

/// A key or a password. It is printed nowhere.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// A secret that came from `origin`, which an error names in its place.
    ///
    /// # Errors
    /// Where it is no single line of printable characters.
    pub fn new(text: &str, origin: &str) -> Result<Self, ConfigError> {
        let text = text.trim();
        let is_line = !text.is_empty() && !text.contains(char::is_control);
        if is_line { Ok(Self(text.to_owned())) } else { Err(ConfigError::Secret { origin: origin.to_owned() }) }
    }

    /// The secret in a file, without the line break at its end.
    ///
    /// # Errors
    /// Where the file cannot be read or holds none.
    pub fn from_file(path: &Path) -> Result<Self, ConfigError> {
        let shown = path.display().to_string();
        let text = std::fs::read_to_string(path).map_err(|source| ConfigError::File { path: shown.clone(), source })?;
        Self::new(&text, &shown)
    }

    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Secret(…)")
    }
}

//! Names of workloads.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// Longest id (SPIFFE-ID, 2.3).
const BYTES_MAX: usize = 2_048;

/// `spiffe://TRUST-DOMAIN/PATH`, as the SPIFFE-ID standard has it. Cheap to clone. Ids are compared as they are written:
/// the standard forbids every other spelling of the same id.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SpiffeId(Arc<str>);

/// It is no SPIFFE id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{given}` is no SPIFFE id, such as spiffe://citizens-access.example/scheduler: {problem}")]
pub struct SpiffeIdError {
    /// What was given.
    given: String,
    /// What is wrong with it.
    problem: &'static str,
}

impl SpiffeId {
    /// The id as it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for SpiffeId {
    type Err = SpiffeIdError;

    fn from_str(text: &str) -> Result<Self, SpiffeIdError> {
        let bad = |problem| SpiffeIdError { given: text.chars().take(200).collect(), problem };
        if text.len() > BYTES_MAX {
            return Err(bad("it is too long"));
        }
        let rest = text.strip_prefix("spiffe://").ok_or_else(|| bad("it does not begin with spiffe://"))?;
        let (domain, path) = rest.split_once('/').ok_or_else(|| bad("it has no path"))?;
        let in_domain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-_".contains(&byte);
        if domain.is_empty() || !domain.bytes().all(in_domain) {
            return Err(bad("a trust domain has lower-case letters, digits, dots, hyphens and underscores only"));
        }
        let in_path = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
        for segment in path.split('/') {
            if segment.is_empty() || segment == "." || segment == ".." || !segment.bytes().all(in_path) {
                return Err(bad(
                    "its path has a segment that is empty, a dot, or of other letters than a-z, 0-9, dot, hyphen, underscore",
                ));
            }
        }
        Ok(Self(text.into()))
    }
}

impl fmt::Display for SpiffeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_written_in_one_way_only() {
        for good in ["spiffe://nhs.uk/scheduler", "spiffe://a-b_c.1/x/Y.z"] {
            assert_eq!(good.parse::<SpiffeId>().unwrap().to_string(), good);
        }
        for bad in [
            "",
            "https://nhs.uk/scheduler",
            "spiffe://nhs.uk",
            "spiffe://nhs.uk/",
            "spiffe:///scheduler",
            "spiffe://NHS.uk/scheduler",
            "spiffe://nhs.uk:443/scheduler",
            "spiffe://nhs.uk/a//b",
            "spiffe://nhs.uk/../scheduler",
            "spiffe://nhs.uk/scheduler/",
            "spiffe://nhs.uk/sched%75ler",
            "spiffe://nhs.uk/scheduler?x",
            &format!("spiffe://nhs.uk/{}", "a".repeat(BYTES_MAX)),
        ] {
            assert!(bad.parse::<SpiffeId>().is_err(), "{bad}");
        }
    }
}

//! Capabilities: what is switched on at a practice.

use crate::code::{CodeError, text_impls};
use std::str::FromStr;
use std::sync::{Arc, LazyLock};

/// What is switched on at a practice, as a resource name: `capabilities/prospective-records`, which is the default and
/// also what empty text means. Access, permits, observations and command keys are per practice and capability.
///
/// Cheap to clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Capability(Arc<str>);

/// The collection that all capabilities are in.
const COLLECTION: &str = "capabilities/";

/// Longest id, in bytes: that of a DNS label, as for all ids in resource names.
pub const CAPABILITY_ID_BYTES_MAX: usize = 63;

static PROSPECTIVE_RECORDS: LazyLock<Arc<str>> = LazyLock::new(|| format!("{COLLECTION}prospective-records").into());

impl Capability {
    /// Patients see entries made from the day of the switch on.
    #[must_use]
    pub fn prospective_records() -> Self {
        Self(PROSPECTIVE_RECORDS.clone())
    }

    /// The whole resource name, `capabilities/prospective-records`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The last part of the resource name, `prospective-records`.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.0[COLLECTION.len()..]
    }
}

impl Default for Capability {
    fn default() -> Self {
        Self::prospective_records()
    }
}

impl FromStr for Capability {
    type Err = CodeError;

    fn from_str(text: &str) -> Result<Self, CodeError> {
        if text.is_empty() || text == &**PROSPECTIVE_RECORDS {
            return Ok(Self::prospective_records());
        }
        match text.strip_prefix(COLLECTION) {
            Some(id) if is_id(id) => Ok(Self(text.into())),
            _ => Err(CodeError::new(
                "a capability",
                text,
                "`capabilities/` and an id of small letters, digits and hyphens, such as capabilities/prospective-records, or nothing for that one",
            )),
        }
    }
}

fn is_id(id: &str) -> bool {
    id.len() <= CAPABILITY_ID_BYTES_MAX
        && id.starts_with(|c: char| c.is_ascii_lowercase())
        && !id.ends_with('-')
        && id.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

text_impls!(Capability);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_means_prospective_records() {
        assert_eq!("".parse::<Capability>().unwrap(), Capability::default());
        assert_eq!(Capability::default().as_str(), "capabilities/prospective-records");
        assert_eq!(Capability::default().id(), "prospective-records");
    }

    #[test]
    fn other_capabilities_keep_their_name() {
        let historic: Capability = "capabilities/historic-records".parse().unwrap();
        assert_eq!(historic.id(), "historic-records");
        assert_ne!(historic, Capability::default());
    }

    #[test]
    fn a_bare_id_or_a_foreign_collection_is_refused() {
        for text in [
            "prospective-records",
            "practices/A81001",
            "capabilities/",
            "capabilities/A",
            "capabilities/a/b",
            "capabilities/a-",
        ] {
            assert!(text.parse::<Capability>().is_err(), "{text:?}");
        }
    }
}

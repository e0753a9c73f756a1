//! Tags of a resource's version: an edit names the version it was based on.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use prost::Message;

use crate::{Error, digest};

/// Half a digest is enough: a tag guards against accidents, not against forgers.
const TAG_BYTES: usize = 12;

/// The tag of `resource` as it is now. Clear its own `etag` field first, and any field that changes without an edit.
pub fn of(resource: &impl Message) -> String {
    URL_SAFE_NO_PAD.encode(&digest(resource)[..TAG_BYTES])
}

/// Refuses with ABORTED where the caller's tag is of another version. An empty tag asks for no check.
pub fn check(resource: &str, given: &str, current: &str) -> Result<(), Error> {
    if given.is_empty() || given == current {
        return Ok(());
    }
    Err(Error::aborted("ETAG_MISMATCH", "{resource} was changed: its etag is {current}, not {given}; read it again")
        .with("resource", resource)
        .with("given", given)
        .with("current", current))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stale_etag_is_rejected() {
        let (old, new) = (of(&"one".to_owned()), of(&"two".to_owned()));
        assert!(check("practices/A81001", &new, &new).is_ok());
        assert!(check("practices/A81001", "", &new).is_ok());
        let error = check("practices/A81001", &old, &new).unwrap_err();
        assert_eq!((error.code(), error.reason()), (tonic::Code::Aborted, "ETAG_MISMATCH"));
    }
}

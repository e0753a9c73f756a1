//! The key of GOV.UK Notify, and the tokens that it signs.

use std::fmt;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use http::HeaderValue;
use jiff::Timestamp;
use sha2::Sha256;

use crate::error::ConfigError;
use crate::secret::Secret;

/// Characters of a UUID.
const UUID_CHARS: usize = 36;

/// A key of GOV.UK Notify's, `{key_name}-{iss-uuid}-{secret-key-uuid}`. The secret is printed nowhere.
#[derive(Clone)]
pub struct NotifyKey {
    /// The id of our service there.
    service_id: String,
    secret: Secret,
}

impl NotifyKey {
    /// A key that came from `origin`, which an error names in its place.
    ///
    /// # Errors
    /// Where it is none.
    pub fn new(text: &str, origin: &str) -> Result<Self, ConfigError> {
        let bad = || ConfigError::NotifyKey { origin: origin.to_owned() };
        let text = text.trim();
        // The name may have hyphens of its own, so that the UUIDs are counted from the end.
        let secret_at = text.len().checked_sub(UUID_CHARS).ok_or_else(bad)?;
        let (rest, secret) = text.split_at_checked(secret_at).ok_or_else(bad)?;
        let rest = rest.strip_suffix('-').ok_or_else(bad)?;
        let service_at = rest.len().checked_sub(UUID_CHARS).ok_or_else(bad)?;
        let (name, service_id) = rest.split_at_checked(service_at).ok_or_else(bad)?;
        if !name.ends_with('-') || !is_uuid(service_id) || !is_uuid(secret) {
            return Err(bad());
        }
        Ok(Self { service_id: service_id.to_owned(), secret: Secret::new(secret, origin)? })
    }

    /// The key in a file.
    ///
    /// # Errors
    /// Where the file cannot be read or holds none.
    pub fn from_file(path: &Path) -> Result<Self, ConfigError> {
        Self::new(Secret::from_file(path)?.expose(), &path.display().to_string())
    }

    /// What a request at this moment shows: a token that Notify takes for thirty seconds.
    pub(crate) fn bearer(&self, now: Timestamp) -> HeaderValue {
        let header = URL_SAFE_NO_PAD.encode(r#"{"typ":"JWT","alg":"HS256"}"#);
        let claims = format!(r#"{{"iss":"{}","iat":{}}}"#, self.service_id, now.as_second());
        let payload = URL_SAFE_NO_PAD.encode(claims);
        let mut mac =
            Hmac::<Sha256>::new_from_slice(self.secret.expose().as_bytes()).expect("HMAC takes a key of any length");
        mac.update(format!("{header}.{payload}").as_bytes());
        let signature = URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes());
        let text = format!("Bearer {header}.{payload}.{signature}");
        let mut value = HeaderValue::try_from(text).expect("base64 is plain ASCII");
        value.set_sensitive(true);
        value
    }
}

impl fmt::Debug for NotifyKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("NotifyKey(…)")
    }
}

/// Whether a text has the form of a UUID.
pub(crate) fn is_uuid(text: &str) -> bool {
    let well_formed = |(at, byte): (usize, u8)| match at {
        8 | 13 | 18 | 23 => byte == b'-',
        _ => byte.is_ascii_hexdigit(),
    };
    text.len() == UUID_CHARS && text.bytes().enumerate().all(well_formed)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "my-test-key-26785a09-ab16-4eb0-8407-a37497a57506-3d844edf-8d35-48ac-975b-e847b4f122b0";

    /// Computed with another implementation: OpenSSL's HMAC over the same header and payload.
    #[test]
    fn a_token_is_signed_as_documented() {
        let key = NotifyKey::new(KEY, "a test").unwrap();
        let bearer = key.bearer("2019-09-18T14:56:18Z".parse().unwrap());
        assert_eq!(bearer.to_str().unwrap(), EXPECTED);
        assert!(bearer.is_sensitive());
    }

    const EXPECTED: &str = "Bearer eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9.\
        eyJpc3MiOiIyNjc4NWEwOS1hYjE2LTRlYjAtODQwNy1hMzc0OTdhNTc1MDYiLCJpYXQiOjE1Njg4MTg1Nzh9.\
        YT_aQYNif0l3HaPwy62Cj9g0qsYzjnj1K5pLwkELiFw";

    #[test]
    fn a_key_is_never_printed_and_what_is_none_is_refused_without_repeating_it() {
        let key = NotifyKey::new(KEY, "a test").unwrap();
        assert_eq!(format!("{key:?}"), "NotifyKey(…)");
        let without_name = &KEY[12..];
        for bad in ["", "key", without_name, &KEY[..80], &KEY.replace("3d84", "zz84"), "é-é"] {
            let said = NotifyKey::new(bad, "NOTIFY_KEY").unwrap_err().to_string();
            assert!(said.contains("NOTIFY_KEY") && !said.contains("8d35"), "{said}");
        }
    }
}

//! A token, as it came.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;

use crate::{Algorithm, PublicKey, TokenError};

/// Characters of an unknown algorithm's name that are repeated to whoever sent it.
const ALGORITHM_CHARS_MAX: usize = 16;

/// A token that was read and is not verified: nothing that it says is to be believed yet.
#[derive(Clone, Debug)]
pub struct Token<'a> {
    /// Header and payload as they were signed.
    signed: &'a str,
    algorithm: Algorithm,
    key_id: Option<String>,
    payload: Vec<u8>,
    signature: Vec<u8>,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    crit: Option<serde::de::IgnoredAny>,
    b64: Option<serde::de::IgnoredAny>,
}

impl<'a> Token<'a> {
    /// Longest token: far more than an account, its roles and an RSA signature take.
    pub const BYTES_MAX: usize = 8 << 10;

    /// Reads a token whose algorithm is one of `allowed`.
    ///
    /// # Errors
    /// Where it is none.
    pub fn read(text: &'a str, allowed: &[Algorithm]) -> Result<Self, TokenError> {
        if text.len() > Self::BYTES_MAX {
            return Err(TokenError::Malformed("it is longer than any of ours"));
        }
        let parts =
            text.rsplit_once('.').and_then(|(signed, signature)| Some((signed, signed.split_once('.')?, signature)));
        let Some((signed, (header, payload), signature)) = parts else {
            return Err(TokenError::Malformed("it has not three parts"));
        };
        let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| TokenError::Malformed("it is no base64url"));
        let header: Header =
            serde_json::from_slice(&decode(header)?).map_err(|_| TokenError::Malformed("its header is no JSON"))?;
        if header.crit.is_some() || header.b64.is_some() {
            // RFC 7515, 4.1.11: what is not understood and is critical makes the token invalid.
            return Err(TokenError::Malformed("its header has extensions"));
        }
        let algorithm = header.alg.parse().ok().filter(|algorithm| allowed.contains(algorithm));
        let Some(algorithm) = algorithm else {
            let shown = header.alg.chars().filter(char::is_ascii_graphic).take(ALGORITHM_CHARS_MAX).collect();
            return Err(TokenError::Algorithm { algorithm: shown });
        };
        let (payload, signature) = (decode(payload)?, decode(signature)?);
        Ok(Self { signed, algorithm, key_id: header.kid, payload, signature })
    }

    /// The algorithm that its header names.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The id of the key that is to verify it.
    #[must_use]
    pub fn key_id(&self) -> Option<&str> {
        self.key_id.as_deref()
    }

    /// What it says, before anybody knows whether it is true: to find out whose key is to verify it, and for nothing else.
    #[must_use]
    pub fn unverified_payload(&self) -> &[u8] {
        &self.payload
    }

    /// What it says, verified.
    ///
    /// # Errors
    /// Where `key` is for another algorithm, or did not sign it.
    pub fn verify(&self, key: &PublicKey) -> Result<&[u8], TokenError> {
        if !key.takes(self.algorithm) {
            return Err(TokenError::OtherAlgorithm { algorithm: self.algorithm.name() });
        }
        if key.signed(self.algorithm, self.signed.as_bytes(), &self.signature) {
            Ok(&self.payload)
        } else {
            Err(TokenError::Signature)
        }
    }
}

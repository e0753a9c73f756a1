//! An issuer that is believed.

use std::str::FromStr;

use outgoing::BadAddress;

use crate::token::KeySource;

/// Who issues tokens, and where its keys are: `ISSUER=PLACE`, such as
/// `https://issuer.example=https://issuer.example/keys` or `https://issuer.example=/etc/issuer/jwks.json`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustedIssuer {
    /// The claim `iss`, to the letter.
    pub name: String,
    /// Its keys.
    pub keys: KeySource,
}

/// It names no issuer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IssuerError {
    /// There is no `=` in it, or nothing before it.
    #[error("`{0}` is not ISSUER=KEYS, such as https://issuer.example=https://issuer.example/keys")]
    Form(String),
    /// What stands behind is no place.
    #[error(transparent)]
    Address(#[from] BadAddress),
}

impl FromStr for TrustedIssuer {
    type Err = IssuerError;

    fn from_str(text: &str) -> Result<Self, IssuerError> {
        match text.split_once('=') {
            Some((name, place)) if !name.is_empty() && !place.is_empty() => {
                Ok(Self { name: name.to_owned(), keys: place.parse()? })
            }
            _ => Err(IssuerError::Form(text.to_owned())),
        }
    }
}

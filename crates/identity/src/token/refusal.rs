//! Why a token is not believed.

use std::time::Duration;

use jws::TokenError;

/// Why a token is not believed. No variant repeats the token, whose bearer may be somebody else.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenRefusal {
    /// No issuer is believed here.
    #[error("tokens are not taken here: this server was given no --token-issuer")]
    NotTaken,
    /// The header is not `Bearer TOKEN`.
    #[error("the header authorization must be `Bearer TOKEN`")]
    Scheme,
    /// The token itself is not in order.
    #[error("the token is not believed: {0}")]
    Token(#[from] TokenError),
    /// Its payload is not what a payload must be.
    #[error("the token is not believed: its claim `{claim}` is missing or is not {wanted}")]
    Claim {
        /// Its name.
        claim: &'static str,
        /// What it must be.
        wanted: &'static str,
    },
    /// Somebody else issued it.
    #[error("the token is not believed: `{issuer}` is no issuer that is believed here")]
    Issuer {
        /// Who.
        issuer: String,
    },
    /// It is for somebody else.
    #[error("the token is for another audience: `{audience}` is wanted")]
    Audience {
        /// Whom it must be for.
        audience: String,
    },
    /// Its time is over.
    #[error("the token expired {ago_s} s ago: get another")]
    Expired {
        /// Seconds since.
        ago_s: u64,
    },
    /// Its time has not come.
    #[error("the token is valid only in {in_s} s: is the clock right that issued it?")]
    NotYetValid {
        /// Seconds until.
        in_s: u64,
    },
    /// Its issuer has no such key, as far as we know, and we have just asked.
    #[error("the token is not believed: its issuer has no key `{key}`")]
    Key {
        /// The key's id.
        key: String,
    },
    /// The key is not known yet, and is being asked for.
    #[error("the token's key is not known yet and is being fetched: try again")]
    KeyBeingFetched {
        /// When it is worth it.
        retry_after: Duration,
    },
    /// We have not heard from the issuer for too long to go on believing its old keys.
    #[error("the issuer's keys could not be fetched for {age_s} s, so no token of it is believed: tell the operator")]
    KeysStale {
        /// For how long.
        age_s: u64,
    },
    /// The account is a service's, which proves itself by its certificate.
    #[error("the token is not believed: the account `{account}` belongs to a service")]
    AccountReserved {
        /// The account.
        account: String,
    },
}

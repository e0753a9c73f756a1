//! People and systems by tokens: `authorization: Bearer`, signed by an issuer that this installation believes.

mod cache;
mod claims;
mod issuer;
mod key_source;
mod keys;
mod refusal;
mod rules;
mod tokens;

pub use issuer::{IssuerError, TrustedIssuer};
pub use key_source::{KeySource, KeySourceError};
pub use keys::KeysState;
pub use refusal::TokenRefusal;
pub use rules::TokenRules;
pub use tokens::Tokens;

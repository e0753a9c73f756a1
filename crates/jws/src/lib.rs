//! JSON Web Signatures in their compact form (RFC 7515): read, verified, signed.
//!
//! There is no algorithm here that takes a shared secret, and none called `none`: to take a public key for a secret
//! (algorithm confusion) is not forbidden but impossible. What verifies a token is fixed by its key; the header's `alg` only
//! has to agree. The cryptography is ring's, which TLS uses as well.
//!
//! It is pure: it fetches no key, knows no clock, and reads no claim. Who issued a token, for whom and until when is for
//! `identity` to judge.

mod algorithm;
mod error;
mod key_set;
mod public_key;
mod signing_key;
mod token;

pub use algorithm::Algorithm;
pub use error::{KeyError, KeySetError, TokenError};
pub use key_set::KeySet;
pub use public_key::PublicKey;
pub use signing_key::SigningKey;
pub use token::Token;

//! Tokens that we show: from a file, from whoever started us, or from a token endpoint.

mod client_credentials;
mod source;

pub use client_credentials::{ClientCredentials, ClientCredentialsConfig};
pub use source::{TokenError, TokenSource};

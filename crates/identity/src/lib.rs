//! Caller: who calls and what they may do.
//!
//! `server` asks an [`Authenticate`] who calls, the [`RoleMatrix`] whether one of their roles may call this RPC, and
//! puts the [`Caller`] into the request. Handlers read that and nothing else, so that another way to authenticate
//! changes no handler. Rules about *which* practice, wave or hold a caller may touch belong to the domain's `decide`.
//!
//! [`Credentials`] is what a server asks in earnest: a token of an issuer that is believed, else the certificate of a service
//! that is configured by its SPIFFE id. [`DevelopmentCaller`] believes what it is told; a server refuses to use it on anything but
//! loopback. Parts of one process call each other without either, by a word that only the process itself can give.

mod caller;
mod credentials;
mod development;
mod organisation;
mod refusal;
mod role;
mod role_matrix;
mod services;
mod token;

pub use caller::{Account, Authenticate, Caller, Via};
pub use credentials::Credentials;
pub use development::{ACCOUNT_HEADER, DevelopmentCaller};
pub use jws::{Algorithm, TokenError};
pub use organisation::Organisation;
pub use refusal::Refusal;
pub use role::{Role, Roles};
pub use role_matrix::{MatrixError, RoleMatrix};
pub use services::{Service, ServiceError, Services};
pub use token::{IssuerError, KeySource, KeySourceError, KeysState, TokenRefusal, TokenRules, Tokens, TrustedIssuer};
